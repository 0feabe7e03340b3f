"""HTTP for all that is no article: feeds, APIs, lists of URLs, robots.txt.

`service.fetch` takes web pages alone; this takes any answer, under the same guard: every
hop is checked, resolved once and dialled by checked address, one deadline covers it all,
and no more than the limit is held. No cookies, no proxy, no reuse of connections.
"""

import asyncio
import ssl
from collections.abc import AsyncIterable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from urllib.parse import urlencode, urljoin

import httpcore2

from service.content_coding import ACCEPTED, body_decoder
from service.dialing import BoundedStream, GuardedBackend, Resolver, SystemResolver
from service.errors import ErrorType, ServiceError
from service.fetch import USER_AGENT
from service.guard import PORTS, CheckedUrl, check_url

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADER_BYTES = 1 << 17
_FRAMING_BYTES = 1 << 20  # chunk sizes and trailers beside the body
_CHUNKS_PER_TURN = 128  # pieces handled before other tasks get the event loop
_NONE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """Seconds for a whole exchange with redirects, bytes of the unpacked body."""

    max_bytes: int = 4 << 20
    total_s: float = 30.0
    connect_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status. `url` is where, after redirects."""

    url: str
    status: int
    headers: Message
    body: bytes


class Client:
    """Asks hosts. `aclose` it at the end.

    `resolver` maps a host name to addresses; `permit` is the tests' way to a loopback
    server: exact (address, port) pairs.
    """

    def __init__(
        self,
        resolver: Resolver | None = None,
        permit: frozenset[tuple[str, int]] = frozenset(),
        limits: ClientLimits = ClientLimits(),
    ) -> None:
        self._limits = limits
        self._permit = permit
        self._system = SystemResolver() if resolver is None else None
        guarded = GuardedBackend(
            resolver or self._system or SystemResolver(), permit, frozenset(), _HEADER_BYTES
        )
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpcore2.default_ssl_context(),
            max_keepalive_connections=0,
            network_backend=guarded,
        )

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._pool.aclose()
        if self._system is not None:
            self._system.close()

    async def get(self, url: str, headers: Mapping[str, str] = _NONE, redirects: int = 5) -> Answer:
        """The answer to a GET. Raises ServiceError where there is none.

        With a credential in `headers`, `redirects` must be 0: it is for that host alone.
        """
        hop = check_url(url, self._permit)
        with _timely():
            async with asyncio.timeout(self._limits.total_s):
                for _ in range(redirects + 1):
                    answer = await self._exchange("GET", hop, headers, b"")
                    location = answer.headers.get("location")
                    if answer.status not in _REDIRECTS or location is None:
                        return answer
                    hop = self._next(hop, location)
        raise ServiceError(ErrorType.TOO_MANY_REDIRECTS, "The site redirects too often.")

    async def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str] = _NONE
    ) -> Answer:
        """The answer to a posted form; redirects are not followed. Raises ServiceError."""
        hop = check_url(url, self._permit)
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        with _timely():
            async with asyncio.timeout(self._limits.total_s):
                return await self._exchange(
                    "POST", hop, {**headers, **kind}, urlencode(form).encode()
                )

    def _next(self, hop: CheckedUrl, location: str) -> CheckedUrl:
        try:
            joined = urljoin(hop.url, location)
        except ValueError:  # such as "http://["
            raise ServiceError(
                ErrorType.INVALID_URL, "The site redirects to a malformed URL."
            ) from None
        target = check_url(joined, self._permit)
        if hop.scheme == "https" and target.scheme == "http":
            raise ServiceError(
                ErrorType.INSECURE_REDIRECT, "The site redirects from https to http."
            )
        return target

    async def _exchange(
        self, method: str, hop: CheckedUrl, headers: Mapping[str, str], content: bytes
    ) -> Answer:
        total = self._limits.total_s
        waits = {"connect": self._limits.connect_s, "read": total, "write": total, "pool": total}
        request = httpcore2.Request(
            method,
            httpcore2.URL(scheme=hop.scheme, host=hop.host, port=hop.port, target=hop.target),
            headers=_request_headers(hop, headers, content),
            content=content,
            extensions={"timeout": waits},
        )
        with _translated_errors():
            response = await self._pool.handle_async_request(request)
            try:
                fields = _response_headers(response.headers)
                body = await self._read(response, fields)
            finally:
                await response.aclose()
        return Answer(hop.url, response.status, fields, body)

    async def _read(self, response: httpcore2.Response, headers: Message) -> bytes:
        body = body_decoder(headers.get_all("content-encoding", []), self._limits.max_bytes)
        assert isinstance(response.stream, AsyncIterable)
        wire = response.extensions["network_stream"]
        assert isinstance(wire, BoundedStream)
        wire.allow(self._limits.max_bytes + _FRAMING_BYTES)
        chunks = 0
        async for chunk in response.stream:
            body.feed(chunk)
            chunks += 1
            if chunks % _CHUNKS_PER_TURN == 0:
                await asyncio.sleep(0)
        return body.finish()


# How a source gets its client; tests pass one that may ask their loopback server.
Connect = Callable[[], Client]


def _request_headers(
    hop: CheckedUrl, headers: Mapping[str, str], content: bytes
) -> list[tuple[str, str]]:
    host = f"[{hop.host}]" if ":" in hop.host else hop.host
    fields = {
        "Host": host if hop.port == PORTS[hop.scheme] else f"{host}:{hop.port}",
        "User-Agent": USER_AGENT,
        "Accept-Encoding": ACCEPTED,
        "Connection": "close",
    }
    if content:
        fields["Content-Length"] = str(len(content))
    return [*{**fields, **headers}.items()]


def _response_headers(raw: list[tuple[bytes, bytes]]) -> Message:
    """Header fields by name in any case."""
    headers = Message()
    for name, value in raw:
        headers[name.decode("latin-1")] = value.decode("latin-1")
    return headers


@contextmanager
def _timely() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise _late() from None


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Turns transport errors into sentences that hold no address and no header."""
    try:
        yield
    except httpcore2.TimeoutException:
        raise _late() from None
    except (httpcore2.NetworkError, httpcore2.ProtocolError, ssl.SSLError):
        raise ServiceError(
            ErrorType.CONNECT_FAILED, "The site could not be reached, or broke off its answer."
        ) from None


def _late() -> ServiceError:
    return ServiceError(ErrorType.FETCH_TIMEOUT, "The site did not answer in time.")
