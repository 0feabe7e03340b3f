"""What a request must pass before its body is read: rate limits, and a token if one is set."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import ErrorType, ServiceError
from service.rate_limit import RateLimit, client_address
from service.settings import Settings
from service.telemetry import Respond

# Platforms ask it all the time and from anywhere.
HEALTH = "/health"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sends a request: an address, and the number of a token where tokens are set."""

    address: str
    token: int | None


class Reception:
    """Who may ask what: the rules of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._tokens = settings.api_tokens
        self._proxies = settings.trusted_proxies
        self._open_paths = _open_paths(settings)
        burst = settings.rate_limit_burst
        self._addresses = RateLimit(settings.rate_limit_per_minute, burst)
        self._by_token = RateLimit(settings.token_rate_limit_per_minute, burst)

    def admit(self, scope: Scope) -> Visitor | None:
        """The visitor, or None at /health. Raises `unauthorized` or `rate_limited`."""
        if scope["path"] == HEALTH:
            return None
        headers = Headers(scope=scope)
        peer = scope["client"][0] if scope.get("client") else ""
        address = client_address(headers, peer, self._proxies)
        self._addresses.take(address)  # first, so that tokens cannot be guessed fast
        token = None
        if self._tokens and scope["path"] not in self._open_paths:
            token = check_token(headers, self._tokens)
            self._by_token.take(str(token))
        return Visitor(address, token)

    def count_more(self, visitor: Visitor, stories: int) -> None:
        """Counts the further stories of a batch, which was admitted as one."""
        self._addresses.owe(visitor.address, stories)
        if visitor.token is not None:
            self._by_token.owe(str(visitor.token), stories)


class Gate:
    """ASGI middleware that lets in whom the reception admits, as `state.visitor`."""

    def __init__(self, app: ASGIApp, reception: Reception, respond: Respond) -> None:
        self.app = app
        self.reception = reception
        self.respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.app
        if scope["type"] == "http":
            try:
                scope["state"]["visitor"] = self.reception.admit(scope)
            except ServiceError as error:
                app = self.respond(scope, error)
        await app(scope, receive, send)


def check_token(headers: Headers, tokens: Sequence[str]) -> int:
    """The number of the token that `Authorization` holds, raw or as Bearer.

    Raises ServiceError `unauthorized`. All tokens are compared in constant time,
    so that the answer's timing tells nothing.
    """
    given = headers.get("authorization", "")
    scheme, _, rest = given.partition(" ")
    offered = (rest.strip() if scheme.lower() == "bearer" else given).encode()
    matches = [hmac.compare_digest(offered, token.encode()) for token in tokens]
    if not any(matches):
        raise ServiceError(ErrorType.UNAUTHORIZED, "A valid Authorization token is needed.")
    return matches.index(True)


def _open_paths(settings: Settings) -> frozenset[str]:
    paths = {"/info"}
    if settings.metrics_access == "open":
        paths |= {"/metrics"}
    if settings.docs_access == "open":
        paths |= {"/docs", "/docs/oauth2-redirect", "/openapi.json"}
    return frozenset(paths)
