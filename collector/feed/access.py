"""What a request to the feed must pass before its body is read.

What is public is open to all, wherever tokens are set or not: a map in a browser has none.
Reviews, and incidents that are not approved, need one of API_TOKENS where those are set.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import ErrorType, ServiceError
from service.gate import check_token
from service.rate_limit import RateLimit, client_address
from service.settings import Settings
from service.telemetry import Respond

_GUARDED = "/reviews"


class Door:
    """ASGI middleware: `state.trusted` is whether whoever asks may see what is not public."""

    def __init__(self, app: ASGIApp, settings: Settings, respond: Respond) -> None:
        self.app = app
        self._tokens = settings.api_tokens
        self._proxies = settings.trusted_proxies
        burst = settings.rate_limit_burst
        self._addresses = RateLimit(settings.rate_limit_per_minute, burst)
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.app
        if scope["type"] == "http":
            try:
                scope["state"]["trusted"] = self._admit(scope)
            except ServiceError as error:
                app = self._respond(scope, error)
        await app(scope, receive, send)

    def _admit(self, scope: Scope) -> bool:
        """Raises ServiceError `rate_limited` or `unauthorized`."""
        headers = Headers(scope=scope)
        peer = scope["client"][0] if scope.get("client") else ""
        # First, so that tokens cannot be guessed fast.
        self._addresses.take(client_address(headers, peer, self._proxies))
        if not self._tokens:
            return True
        try:
            check_token(headers, self._tokens)
        except ServiceError:
            if scope["path"].startswith(_GUARDED):
                raise
            return False
        return True


def check_may_see(status: str, trusted: bool) -> None:
    """Raises ServiceError `unauthorized` where incidents of that status are not for all."""
    if status != "approved" and not trusted:
        message = "Incidents that are not approved need a valid Authorization token."
        raise ServiceError(ErrorType.UNAUTHORIZED, message)
