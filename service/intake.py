"""Takes a request in: its body up to a limit, and its work only while somebody waits for it."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import ErrorType, ServiceError
from service.telemetry import Respond


class Intake:
    """ASGI middleware that reads the body, sets `state.deadline`, and drops abandoned work.

    Past `max_bytes`, whatever the header says, `respond` makes the answer and the
    rest is never read. The body is held in memory, as the JSON routes would hold it
    anyway. When the client hangs up, the application is cancelled. The deadline, in
    seconds of the event loop's clock, begins before the body.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, deadline_s: float, respond: Respond) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.deadline_s = deadline_s
        self.respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        deadline = asyncio.get_running_loop().time() + self.deadline_s
        scope["state"]["deadline"] = deadline
        try:
            async with asyncio.timeout_at(deadline):
                body = await self._body(receive)
        except TimeoutError:
            message = f"The request did not arrive within {self.deadline_s:g} seconds."
            late = ServiceError(ErrorType.DEADLINE_EXCEEDED, message)
            await self.respond(scope, late)(scope, receive, send)
        except ServiceError as error:
            await self.respond(scope, error)(scope, receive, send)
        else:
            if body is not None:
                await self._answer(body, scope, receive, send)

    async def _body(self, receive: Receive) -> bytes | None:
        """The body, or None where the client left. Raises ServiceError `body_too_large`."""
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self.max_bytes:
                raise ServiceError(
                    ErrorType.BODY_TOO_LARGE,
                    f"The request body is larger than {self.max_bytes:,} bytes.",
                    {"limit": self.max_bytes},
                )
        return bytes(body)

    async def _answer(self, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        leaving = asyncio.create_task(_left(receive))

        async def answer() -> None:
            await self.app(scope, _Replay(body, leaving), send)

        answering = asyncio.create_task(answer())
        try:
            await asyncio.wait({leaving, answering}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Whichever is not done is no longer wanted, and neither is both if this was cancelled.
            leaving.cancel()
            answering.cancel()
            await asyncio.wait({leaving, answering})
        if not answering.cancelled():
            answering.result()  # raises what the application raised


class _Replay:
    """A `receive` that hands out the body once, then waits until the client leaves."""

    def __init__(self, body: bytes, leaving: asyncio.Task[None]) -> None:
        self._body: bytes | None = body
        self._leaving = leaving

    async def __call__(self) -> Message:
        if self._body is None:
            await asyncio.shield(self._leaving)
            return {"type": "http.disconnect"}
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
