"""Fetches one public web page safely: URL in, bounded bytes out, or a ServiceError.

Every hop is checked, resolved once and dialled by checked address; one deadline
covers waiting, redirects and body. No cookies, no proxy, no credentials, no reuse
of connections between requests.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from email.message import Message
from urllib.parse import urljoin

import httpcore2

from service import __version__
from service.content_coding import ACCEPTED, body_decoder
from service.dialing import BoundedStream, GuardedBackend, Resolver, SystemResolver, too_large
from service.errors import ErrorType, ServiceError
from service.guard import PORTS, CheckedUrl, check_url
from service.page_cache import CachedPage, Page, PageCache

__all__ = ["FetchLimits", "Fetcher", "Page"]

USER_AGENT = f"BrutalityWatch/{__version__} (automated news reader)"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
# Refusals that may carry a readable notice; the reader tells a paywall from a bot wall.
_REFUSALS = frozenset({402, 403})
_HEADER_BYTES = 1 << 18  # before the body begins, interim answers included
_FRAMING_BYTES = 1 << 20  # chunk sizes and trailers beside the body
_MAX_CHUNKS = 20_000  # a body in pieces of a few bytes costs more time than it is worth
_CHUNKS_PER_TURN = 128  # pieces handled before other tasks get the event loop
# First bytes of files that servers mislabel as HTML.
_NOT_HTML = (
    b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"PK\x03\x04", b"\x1f\x8b", b"RIFF",
    b"OggS", b"ID3", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"\x7fELF", b"MZ", b"\x00\x00\x01\x00",
    b"Rar!", b"{\\rtf", b"\x1aE\xdf\xa3", b"wOF", b"\xd0\xcf\x11\xe0", b"(\xb5/\xfd",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Limits of one fetcher. Seconds cover the whole fetch, bytes the unpacked body."""

    max_bytes: int = 8 << 20
    total_s: float = 12.0
    connect_s: float = 4.0
    max_redirects: int = 5
    connections: int = 64
    per_host: int = 4
    cache_bytes: int = 8 << 20
    fresh_s: float = 60.0


class Fetcher:
    """Fetches pages. One per process; `aclose` it at the end.

    `resolver` maps a host name to addresses. `permit` is the tests' way to a
    loopback server: exact (address, port) pairs. `deny` are the service's own
    (name or address, port) pairs, so that it is never made to call itself.
    `before_redirect` is awaited with each URL that a page redirects to; what it
    raises ends the fetch.
    """

    def __init__(
        self,
        resolver: Resolver | None = None,
        permit: frozenset[tuple[str, int]] = frozenset(),
        limits: FetchLimits = FetchLimits(),
        deny: frozenset[tuple[str, int]] = frozenset(),
        before_redirect: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._limits = limits
        self._before_redirect = before_redirect
        self._permit = permit
        self._system = SystemResolver() if resolver is None else None
        backend = GuardedBackend(
            resolver or self._system or SystemResolver(),
            permit,
            deny,
            _HEADER_BYTES,
        )
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpcore2.default_ssl_context(),
            max_connections=limits.connections,
            max_keepalive_connections=0,
            network_backend=backend,
        )
        self._cache = PageCache(limits.cache_bytes)
        self._slots = asyncio.Semaphore(limits.connections)
        self._hosts: dict[str, tuple[asyncio.Semaphore, int]] = {}

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._pool.aclose()
        if self._system is not None:
            self._system.close()

    async def fetch(self, url: str) -> Page:
        """The HTML page at `url`, after redirects; raises ServiceError.

        Status is 200 to 299, or 402 or 403 where the site refuses with a notice.
        """
        checked = check_url(url, self._permit)
        cached = self._cache.get(checked.url)
        if cached is not None and cached.is_fresh:
            return cached.page
        try:
            async with asyncio.timeout(self._limits.total_s), self._slots:
                return await self._follow(checked, cached)
        except TimeoutError:
            raise _timeout() from None

    async def _follow(self, start: CheckedUrl, cached: CachedPage | None) -> Page:
        hop = start
        for _ in range(self._limits.max_redirects + 1):
            async with self._host_slot(hop.host):
                result = await self._get(start, hop, cached)
            if isinstance(result, Page):
                return result
            target = check_url(_joined(hop.url, result), self._permit)
            if hop.scheme == "https" and target.scheme == "http":
                raise ServiceError(
                    ErrorType.INSECURE_REDIRECT, "The site redirects from https to http."
                )
            if self._before_redirect is not None:
                await self._before_redirect(target.url)
            hop = target
        raise ServiceError(
            ErrorType.TOO_MANY_REDIRECTS,
            "The site redirects too often.",
            {"limit": self._limits.max_redirects},
        )

    async def _get(
        self, start: CheckedUrl, hop: CheckedUrl, cached: CachedPage | None
    ) -> Page | str:
        """One exchange: the page, or the redirect's location."""
        known = cached if cached is not None and cached.page.url == hop.url else None
        request = httpcore2.Request(
            "GET",
            httpcore2.URL(scheme=hop.scheme, host=hop.host, port=hop.port, target=hop.target),
            headers=_request_headers(hop, known),
            extensions={"timeout": self._timeouts()},
        )
        with _translated_errors():
            response = await self._pool.handle_async_request(request)
            try:
                headers = _response_headers(response.headers)
                if response.status in _REDIRECTS and "location" in headers:
                    return headers["location"]
                if response.status == 304 and known is not None:
                    return self._store(start, known.page, headers)
                page = await self._read(start, hop, response, headers)
            finally:
                await response.aclose()
        return self._store(start, page, headers)

    async def _read(
        self, start: CheckedUrl, hop: CheckedUrl, response: httpcore2.Response, headers: Message
    ) -> Page:
        _check_status(response.status)
        content_type = headers.get_content_type() if "content-type" in headers else "text/html"
        if content_type not in _HTML_TYPES:
            raise _not_html(content_type)
        length = headers.get("content-length", "")
        if length.isdigit() and int(length[:20]) > self._limits.max_bytes:
            raise too_large()
        body = body_decoder(headers.get_all("content-encoding", []), self._limits.max_bytes)
        assert isinstance(response.stream, AsyncIterable)
        wire = response.extensions["network_stream"]
        assert isinstance(wire, BoundedStream)
        wire.allow(self._limits.max_bytes + _FRAMING_BYTES)
        chunks = 0
        async for chunk in response.stream:
            body.feed(chunk)
            chunks += 1
            if chunks > _MAX_CHUNKS:
                raise too_large()
            if chunks % _CHUNKS_PER_TURN == 0:
                await asyncio.sleep(0)
        content = body.finish()
        if content.startswith(_NOT_HTML) or content[4:8] == b"ftyp":
            raise _not_html("not HTML")
        charset = headers.get_param("charset")
        return Page(
            url=hop.url,
            requested_url=start.url,
            status=response.status,
            content_type=content_type,
            charset=charset if isinstance(charset, str) else None,
            body=content,
        )

    def _store(self, start: CheckedUrl, page: Page, headers: Message) -> Page:
        if page.status == 200 and "no-store" not in headers.get("cache-control", "").lower():
            entry = CachedPage(
                page,
                headers.get("etag"),
                headers.get("last-modified"),
                time.monotonic() + self._limits.fresh_s,
            )
            self._cache.put(start.url, entry)
        return page

    @asynccontextmanager
    async def _host_slot(self, host: str) -> AsyncIterator[None]:
        """Holds one of the host's slots; hosts nobody waits for are forgotten."""
        slots, users = self._hosts.get(host, (asyncio.Semaphore(self._limits.per_host), 0))
        self._hosts[host] = (slots, users + 1)
        try:
            async with slots:
                yield
        finally:
            users = self._hosts[host][1] - 1
            if users:
                self._hosts[host] = (slots, users)
            else:
                del self._hosts[host]

    def _timeouts(self) -> dict[str, float]:
        total = self._limits.total_s
        connect = min(self._limits.connect_s, total)
        return {"connect": connect, "read": total, "write": total, "pool": total}


def _request_headers(hop: CheckedUrl, known: CachedPage | None) -> list[tuple[str, str]]:
    host = f"[{hop.host}]" if ":" in hop.host else hop.host
    headers = [
        ("Host", host if hop.port == PORTS[hop.scheme] else f"{host}:{hop.port}"),
        ("User-Agent", USER_AGENT),
        ("Accept", "text/html,application/xhtml+xml"),
        ("Accept-Language", "en"),
        ("Accept-Encoding", ACCEPTED),
        ("Connection", "close"),
    ]
    if known is not None and known.etag:
        headers.append(("If-None-Match", known.etag))
    if known is not None and known.last_modified:
        headers.append(("If-Modified-Since", known.last_modified))
    return headers


def _response_headers(raw: list[tuple[bytes, bytes]]) -> Message:
    """Header fields by name in any case. Values are UTF-8 where they can be, else latin-1."""
    headers = Message()
    for name, value in raw:
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = value.decode("latin-1")
        headers[name.decode("latin-1")] = text
    return headers


def _joined(base: str, location: str) -> str:
    """A redirect's location as a whole URL, still to be checked."""
    try:
        return urljoin(base, location)
    except ValueError:  # such as "http://["
        raise ServiceError(
            ErrorType.INVALID_URL, "The site redirects to a malformed URL."
        ) from None


def _check_status(status: int) -> None:
    """Raises for every status without a page; `detail` tells the site's own number."""
    detail: dict[str, object] = {"upstream_status": status}
    if 200 <= status < 300 or status in _REFUSALS:
        return
    if status in (429, 503):
        raise ServiceError(
            ErrorType.BOT_BLOCKED, f"The site turned the reader away (HTTP {status}).", detail
        )
    raise ServiceError(
        ErrorType.UPSTREAM_STATUS, f"The site answered with HTTP status {status}.", detail
    )


def _not_html(what: str) -> ServiceError:
    return ServiceError(
        ErrorType.UNSUPPORTED_CONTENT_TYPE, f"The URL leads to no web page ({what[:80]})."
    )


def _timeout() -> ServiceError:
    return ServiceError(ErrorType.FETCH_TIMEOUT, "The site did not answer in time.")


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Turns transport errors into answers that tell nothing of addresses or ports."""
    try:
        yield
    except httpcore2.TimeoutException:
        raise _timeout() from None
    except httpcore2.ConnectError as error:
        if _is_tls_failure(error):
            raise ServiceError(
                ErrorType.TLS_ERROR, "The site's certificate or encryption is not valid."
            ) from None
        raise _connect_failed() from None
    except (httpcore2.NetworkError, httpcore2.ProtocolError, ssl.SSLError):
        raise _connect_failed() from None


def _is_tls_failure(error: BaseException | None) -> bool:
    """Whether an SSLError stands anywhere in the chain of causes."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _connect_failed() -> ServiceError:
    return ServiceError(
        ErrorType.CONNECT_FAILED, "The site could not be reached, or broke off its answer."
    )
