"""One JSON log line and one id per request, and an answer even where the service failed."""

import json
import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import ErrorType, ServiceError
from service.metrics import Metrics

REQUEST_ID_HEADER = "X-Request-ID"
# What the log says where the client left before the answer; the number is nginx's.
CLIENT_LEFT = 499
_MAX_FRAMES = 200
Respond = Callable[[Scope, ServiceError], ASGIApp]
log = logging.getLogger("service.request")


@dataclass
class RequestNote:
    """What a route wants to stand in the request's log line. Never a text or a token."""

    facts: dict[str, Any] = field(default_factory=dict)


class RequestLog:
    """ASGI middleware: gives each request an id, counts it, and logs one JSON line.

    An unexpected exception ends here: its traceback is logged without its message,
    which may quote a story, and `respond` makes the answer.
    """

    def __init__(
        self, app: ASGIApp, metrics: Metrics, paths: frozenset[str], respond: Respond
    ) -> None:
        self.app = app
        self.metrics = metrics
        # Any other path is counted as one, or a scanner would fill the memory with labels.
        self.paths = paths
        self.respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = uuid4().hex
        note = RequestNote()
        scope.setdefault("state", {})["note"] = note
        started = time.perf_counter()
        status: int | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception as error:  # the outermost place where one can still be answered
            log.error(json.dumps({"request_id": request_id, "failure": _failure(error)}))
            failed = ServiceError(ErrorType.INTERNAL, "The service failed on this request.")
            if status is None:
                await self.respond(scope, failed)(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - started
            self._count(scope, note, request_id, status or CLIENT_LEFT, seconds)

    def _count(
        self, scope: Scope, note: RequestNote, request_id: str, status: int, seconds: float
    ) -> None:
        path = scope["path"] if scope["path"] in self.paths else "other"
        self.metrics.requests.labels(path, str(status)).inc()
        self.metrics.seconds.labels(path).observe(seconds)
        if "error_type" in note.facts:
            self.metrics.errors.labels(note.facts["error_type"]).inc()
        facts = {"request_id": request_id, "method": scope["method"], "path": path}
        facts |= {"status": status, "ms": round(seconds * 1000, 1), **note.facts}
        log.info(json.dumps(facts))


def _failure(error: BaseException) -> list[str]:
    """The types of an exception and of its causes, and where each was raised."""
    told: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(told) < _MAX_FRAMES:
        frames = traceback.extract_tb(seen.__traceback__)
        told.append(type(seen).__qualname__)
        told += [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        seen = seen.__cause__ or seen.__context__
    return told
