"""What a request must pass before a route sees it: its size, and a token if one is set."""

import hmac
from collections.abc import Callable, Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import ErrorType, ServiceError

Respond = Callable[[Scope, ServiceError], ASGIApp]


class BodyLimit:
    """ASGI middleware that reads the body up to a limit, whatever its header says.

    Past the limit `respond` makes the answer and the rest is never read. The
    body is held in memory, as the JSON routes would hold it anyway.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, respond: Respond) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return  # the client has gone
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self.max_bytes:
                await self._refuse(scope, receive, send)
                return
        await self.app(scope, _replay(bytes(body), receive), send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = ServiceError(
            ErrorType.BODY_TOO_LARGE,
            f"The request body is larger than {self.max_bytes:,} bytes.",
            {"limit": self.max_bytes},
        )
        await self.respond(scope, error)(scope, receive, send)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that hands out the body once, then whatever comes (a disconnect)."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def check_token(headers: Headers, tokens: Sequence[str]) -> None:
    """Passes when no token is set or `Authorization` holds one, raw or as Bearer.

    Raises ServiceError `unauthorized`. All tokens are compared in constant time,
    so that the answer's timing tells nothing.
    """
    if not tokens:
        return
    given = headers.get("authorization", "")
    scheme, _, rest = given.partition(" ")
    offered = (rest.strip() if scheme.lower() == "bearer" else given).encode()
    matches = [hmac.compare_digest(offered, token.encode()) for token in tokens]
    if not any(matches):
        raise ServiceError(ErrorType.UNAUTHORIZED, "A valid Authorization token is needed.")
