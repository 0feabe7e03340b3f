"""What a person watching the service sees: Prometheus metrics and one log line per request."""

import json
import logging
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID_HEADER = "X-Request-ID"
log = logging.getLogger("service.request")


class Metrics:
    """The Prometheus metrics of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "requests_total", "Requests answered", ["path", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "request_seconds", "Seconds until the answer", ["path"], registry=self.registry
        )
        self.stories = Counter(
            "stories_total", "Stories answered, by label", ["label"], registry=self.registry
        )
        self.confidence = Histogram(
            "report_probability",
            "Calibrated probability that a story is a report",
            buckets=[i / 10 for i in range(1, 11)],
            registry=self.registry,
        )
        self.errors = Counter(
            "errors_total", "Stories without an answer", ["error_type"], registry=self.registry
        )
        self.queue = Gauge("queue_windows", "Model windows waiting", registry=self.registry)

    def render(self) -> bytes:
        """The exposition text."""
        return generate_latest(self.registry)


@dataclass
class RequestNote:
    """What a route wants to stand in the request's log line. Never a text or a token."""

    facts: dict[str, Any] = field(default_factory=dict)


class RequestLog:
    """ASGI middleware: gives each request an id, counts it, and logs one JSON line."""

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: frozenset[str]) -> None:
        self.app = app
        self.metrics = metrics
        # Any other path is counted as one, or a scanner would fill the memory with labels.
        self.paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = uuid4().hex
        note = RequestNote()
        scope.setdefault("state", {})["note"] = note
        started = time.perf_counter()
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - started
            path = scope["path"] if scope["path"] in self.paths else "other"
            self.metrics.requests.labels(path, str(status)).inc()
            self.metrics.seconds.labels(path).observe(seconds)
            if "error_type" in note.facts:
                self.metrics.errors.labels(note.facts["error_type"]).inc()
            facts = {"request_id": request_id, "method": scope["method"], "path": path}
            facts |= {"status": status, "ms": round(seconds * 1000, 1), **note.facts}
            log.info(json.dumps(facts))
