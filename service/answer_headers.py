"""Security headers, on every answer."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_POLICY = "default-src 'none'; frame-ancestors 'none'"
# FastAPI's page loads Swagger UI from a CDN and starts it in a script of its own.
_DOCS_POLICY = (
    "default-src 'none'; frame-ancestors 'none'; connect-src 'self'; "
    "script-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    "style-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    "img-src data: https://fastapi.tiangolo.com https://cdn.jsdelivr.net"
)


class AnswerHeaders:
    """ASGI middleware: answers are data, not to be sniffed, framed, stored or run."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                docs = scope["path"].startswith("/docs")
                headers["Content-Security-Policy"] = _DOCS_POLICY if docs else _POLICY
            await send(message)

        await self.app(scope, receive, send_with_headers)
