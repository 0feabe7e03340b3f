"""Kinds of bad answers beside those of test_fetch: redirects, framing, codings, slowness, dials."""

import asyncio
import gzip
import socket
import struct
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from service.errors import ErrorType, ServiceError
from service.extract import extract
from service.fetch import Fetcher, FetchLimits
from tests.loopback_site import (
    HTML,
    LIMITS,
    PATIENT,
    Handler,
    always,
    fetch_from,
    fetching,
    ok,
    redirect,
    refusal_of,
    site,
)

BLOCKED = [
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://[::1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[fe80::1%25lo]/",
    "http://127。0。0。1/",
    "http://localhost/",
    "//metadata.google.internal/",
    "//10.0.0.1:443/",
]


@pytest.mark.parametrize("status", [301, 303, 307, 308])
@pytest.mark.parametrize("location", BLOCKED)
def test_redirects_into_the_inside_are_refused(location: str, status: int) -> None:
    assert refusal_of(always(redirect(location, status))).error_type in (
        ErrorType.BLOCKED_ADDRESS,
        ErrorType.INVALID_URL,
    )


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("gopher://127.0.0.1:6379/_INFO", ErrorType.UNSUPPORTED_SCHEME),
        ("data:text/html,<p>hello", ErrorType.UNSUPPORTED_SCHEME),
        ("javascript:alert(1)", ErrorType.UNSUPPORTED_SCHEME),
        ("ftp://news.example/", ErrorType.UNSUPPORTED_SCHEME),
        ("http://[", ErrorType.INVALID_URL),
        ("http://[::1", ErrorType.INVALID_URL),
        ("//[x]/", ErrorType.INVALID_URL),
        ("/\\169.254.169.254/", ErrorType.INVALID_URL),
        ("\\\\169.254.169.254\\", ErrorType.INVALID_URL),
        ("http://news.example:70000/", ErrorType.INVALID_URL),
        ("http://@news.example/", ErrorType.CREDENTIALS_IN_URL),
        ("", ErrorType.TOO_MANY_REDIRECTS),
        ("///169.254.169.254/", ErrorType.TOO_MANY_REDIRECTS),  # a path, as joined
        ("?", ErrorType.TOO_MANY_REDIRECTS),
        ("#top", ErrorType.TOO_MANY_REDIRECTS),
    ],
)
def test_redirects_that_lead_nowhere_are_refused(location: str, expected: ErrorType) -> None:
    assert refusal_of(always(redirect(location))).error_type == expected


def test_a_loop_of_two_sites_and_a_long_chain_end() -> None:
    async def handle(path: bytes, writer: asyncio.StreamWriter) -> None:
        number = int(path.rpartition(b"/")[2])
        writer.write(redirect(f"/{number + 1}") if number < 106 else ok(HTML))

    assert fetch_from(handle, "/101").body == HTML  # five redirects are allowed
    with pytest.raises(ServiceError) as refusal:
        fetch_from(handle, "/100")
    assert refusal.value.error_type == ErrorType.TOO_MANY_REDIRECTS
    assert refusal.value.detail == {"limit": 5}


LATER = 'Alt-Svc: h2="169.254.169.254:443"; ma=86400'
REFRESH = b'<meta http-equiv="refresh" content="0; url=http://169.254.169.254/">' + HTML


@pytest.mark.parametrize(
    "response",
    [
        ok(HTML, LATER),
        ok(HTML, "Refresh: 0; url=http://169.254.169.254/"),
        ok(HTML, "Link: <http://169.254.169.254/>; rel=preload"),
        ok(HTML, "Location: http://169.254.169.254/"),
        ok(HTML, "Content-Location: http://169.254.169.254/"),
        ok(HTML, "Set-Cookie: a=b; Domain=example"),
    ],
)
def test_only_redirects_are_followed(response: bytes) -> None:
    async def run() -> int:
        async with site(always(response)) as served, fetching(served) as fetcher:
            for path in ("a", "b"):  # nothing is kept for the second page either
                page = await fetcher.fetch(f"http://news.example:{served.port}/{path}")
                assert page.body == HTML
            assert not any(b"cookie" in request.lower() for request in served.requests)
            return served.dials

    assert asyncio.run(run()) == 2


def test_meta_refresh_is_no_redirect() -> None:
    page = fetch_from(always(ok(REFRESH)))
    assert page.body == REFRESH
    with pytest.raises(ServiceError) as refusal:
        extract(page.body, page.url)
    assert refusal.value.error_type == ErrorType.TOO_SHORT


def chunks(*parts: bytes) -> bytes:
    return ok(b"".join(parts), "Transfer-Encoding: chunked")


PACKED = gzip.compress(HTML)
SMALL_BOMB = gzip.compress(gzip.compress(b"\0" * 50_000_000))


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        # Lengths that lie.
        (ok(HTML, f"Content-Length: {len(HTML) + 9}"), ErrorType.CONNECT_FAILED),
        (ok(HTML, "Content-Length: -1"), ErrorType.CONNECT_FAILED),
        (ok(HTML, "Content-Length: 5, 6"), ErrorType.CONNECT_FAILED),
        (ok(HTML, "Content-Length: 5", "Content-Length: 6"), ErrorType.CONNECT_FAILED),
        (ok(HTML, "Content-Length: 0x10"), ErrorType.CONNECT_FAILED),
        (ok(HTML, "Content-Length: " + "9" * 5000), ErrorType.CONNECT_FAILED),
        (ok(HTML, "Content-Length: ٥".encode().decode("latin-1")), ErrorType.CONNECT_FAILED),
        (chunks(b"zz\r\n", HTML), ErrorType.CONNECT_FAILED),
        (chunks(b"f" * 40 + b"\r\n", HTML), ErrorType.CONNECT_FAILED),
        (chunks(b"5\r\n<p>ab"), ErrorType.CONNECT_FAILED),
        (ok(HTML, "Transfer-Encoding: gzip, chunked"), ErrorType.CONNECT_FAILED),
        # Codings that were not asked for, one in another, and bombs.
        (ok(b"\x1b\x0f\x00\xf8", "Content-Encoding: br"), ErrorType.UNSUPPORTED_ENCODING),
        (ok(b"(\xb5/\xfd\x04", "Content-Encoding: zstd"), ErrorType.UNSUPPORTED_ENCODING),
        (ok(HTML, "Content-Encoding: compress"), ErrorType.UNSUPPORTED_ENCODING),
        (
            ok(gzip.compress(PACKED), "Content-Encoding: gzip", "Content-Encoding: gzip"),
            ErrorType.UNSUPPORTED_ENCODING,
        ),
        (ok(PACKED, "Content-Encoding: " + "gzip," * 500), ErrorType.UNSUPPORTED_ENCODING),
        (ok(SMALL_BOMB, "Content-Encoding: gzip"), ErrorType.UNSUPPORTED_CONTENT_TYPE),
        (ok(gzip.compress(b"\0" * 150_000) * 2000, "Content-Encoding: gzip"),
         ErrorType.RESPONSE_TOO_LARGE),
        (ok(PACKED[:-4] + b"\0\0\0\0", "Content-Encoding: gzip"), ErrorType.DECODE_ERROR),
        (ok(zlib.compress(HTML)[:-8], "Content-Encoding: deflate"), ErrorType.DECODE_ERROR),
        (ok(b"\xff\xff\xff\xff", "Content-Encoding: deflate"), ErrorType.DECODE_ERROR),
        # Status lines and heads.
        (b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n" + HTML, ErrorType.CONNECT_FAILED),
        (b"HTTP/1.1 300 Choose\r\nLocation: http://10.0.0.1/\r\n\r\n", ErrorType.UPSTREAM_STATUS),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", ErrorType.UPSTREAM_STATUS),
        (b"HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic\r\n\r\n", ErrorType.UPSTREAM_STATUS),
        (b"HTTP/1.1 407 Proxy\r\n\r\n", ErrorType.UPSTREAM_STATUS),
        (b"HTTP/1.1 999 No\r\n\r\n", ErrorType.UPSTREAM_STATUS),
        (b"HTTP/2 200\r\n\r\n" + HTML, ErrorType.CONNECT_FAILED),
        (b"ICY 200 OK\r\n\r\n" + HTML, ErrorType.CONNECT_FAILED),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ErrorType.CONNECT_FAILED),
        (b"SSH-2.0-OpenSSH_9.6\r\n", ErrorType.CONNECT_FAILED),
        (b"-ERR unknown command\r\n", ErrorType.CONNECT_FAILED),
        (ok(HTML, "X: " + "a" * 200_000), ErrorType.CONNECT_FAILED),
        (ok(HTML, *["X: y"] * 40_000), ErrorType.CONNECT_FAILED),
        (ok(HTML, "No colon"), ErrorType.CONNECT_FAILED),
    ],
)  # fmt: skip
def test_malformed_answers_give_their_code(response: bytes, expected: ErrorType) -> None:
    assert refusal_of(always(response)).error_type == expected


@pytest.mark.parametrize(
    "response",
    [
        ok(HTML + b"more", f"Content-Length: {len(HTML)}"),
        ok(HTML, f"Content-Length: {len(HTML)}, {len(HTML)}"),
        chunks(b"%x;name=value\r\n%b\r\n0\r\nTrailer: x\r\n\r\n" % (len(HTML), HTML)),
        ok(PACKED, "Content-Encoding: GZIP"),
        ok(PACKED, "Content-Encoding: identity, gzip"),
        b"HTTP/1.1 100 Continue\r\n\r\n" * 5 + ok(HTML),
        b"HTTP/1.0 200 OK\r\n\r\n" + HTML,
        b"HTTP/0.9 200 OK\r\n\r\n" + HTML,
        ok(HTML, "Content-Type: text/html; charset=utf-7"),
        ok(HTML, "Content-Type: TEXT/HTML;;;"),
    ],
)
def test_sloppy_but_harmless_answers_are_read(response: bytes) -> None:
    assert fetch_from(always(response)).body == HTML


def trickling(before: bytes, drop: bytes) -> Handler:
    """Sends a little at a time and never ends; each drop resets every timeout but the total."""

    async def handle(path: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(before)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.02)

    return handle


def repeating(before: bytes, piece: bytes) -> Handler:
    """Sends the same piece as fast as it is taken, and never ends."""

    async def handle(path: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(before)
        while True:
            writer.write(piece * 1000)
            await writer.drain()

    return handle


CHUNKED = ok(b"", "Transfer-Encoding: chunked")


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (trickling(ok(b""), b"a"), {ErrorType.FETCH_TIMEOUT}),
        (trickling(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), {ErrorType.FETCH_TIMEOUT}),
        (trickling(b"", b"H"), {ErrorType.FETCH_TIMEOUT, ErrorType.CONNECT_FAILED}),
        (trickling(CHUNKED, b"1\r\na\r\n"), {ErrorType.FETCH_TIMEOUT}),
        (trickling(b"", b"HTTP/1.1 102 Wait\r\n\r\n"), {ErrorType.FETCH_TIMEOUT}),
        (
            repeating(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
            {ErrorType.FETCH_TIMEOUT, ErrorType.RESPONSE_TOO_LARGE},
        ),
        (
            repeating(ok(b"", "Transfer-Encoding: chunked") + b"1;", b"x=y;"),
            {ErrorType.CONNECT_FAILED, ErrorType.RESPONSE_TOO_LARGE},
        ),
        (
            repeating(CHUNKED + b"1\r\na\r\n0\r\n", b"Trailer: x\r\n"),
            {ErrorType.CONNECT_FAILED, ErrorType.RESPONSE_TOO_LARGE},
        ),
        (
            repeating(ok(b"", "Content-Encoding: gzip"), gzip.compress(b"")),
            {ErrorType.RESPONSE_TOO_LARGE, ErrorType.FETCH_TIMEOUT},
        ),
    ],
)
def test_answers_that_never_end_are_left_in_time(
    handler: Handler, expected: set[ErrorType]
) -> None:
    limits = LIMITS if ErrorType.FETCH_TIMEOUT in expected else PATIENT
    assert refusal_of(handler, limits).error_type in expected


@contextmanager
def full_backlog() -> Iterator[int]:
    """A port whose queue of connections is full, so that no further one is ever accepted."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def test_a_site_that_never_accepts_is_given_up() -> None:
    async def run(port: int) -> ErrorType:
        fetcher = Fetcher(None, frozenset({("127.0.0.1", port)}), LIMITS)
        try:
            with pytest.raises(ServiceError) as refusal:
                await fetcher.fetch(f"http://127.0.0.1:{port}/")
            return refusal.value.error_type
        finally:
            await fetcher.aclose()

    with full_backlog() as port:
        assert asyncio.run(run(port)) == ErrorType.FETCH_TIMEOUT


@pytest.mark.parametrize(("position", "reached"), [(0, True), (2, True), (3, False), (400, False)])
def test_few_of_many_addresses_are_dialled(position: int, reached: bool) -> None:
    """Nothing listens on the others; a name with hundreds of addresses is no port scan."""

    async def run() -> int:
        async with site(always(ok(HTML))) as served:
            others = [f"127.1.{n // 250}.{n % 250 + 1}" for n in range(500)]
            addresses = [*others[:position], "127.0.0.1", *others[position:]]
            permit = frozenset((address, served.port) for address in addresses)
            asked: list[str] = []

            async def resolve(host: str) -> list[str]:
                asked.append(host)
                return addresses

            fetcher = Fetcher(resolve, permit, PATIENT)
            try:
                page = await fetcher.fetch(f"http://news.example:{served.port}/")
                assert page.body == HTML
            except ServiceError as error:
                assert error.error_type == ErrorType.CONNECT_FAILED
            finally:
                await fetcher.aclose()
            assert asked == ["news.example"]  # a failed dial asks nobody again
            return served.dials

    assert asyncio.run(run()) == int(reached)


def test_a_name_that_moves_inside_between_hops_is_not_followed() -> None:
    """Each hop is another name; the second one's address is an open port of this machine."""

    async def run() -> tuple[list[str], int]:
        async with site(always(ok(HTML))) as inside:
            location = f"http://inner.example:{inside.port}/"
            async with site(always(redirect(location))) as served:
                asked: list[str] = []

                async def resolve(host: str) -> list[str]:
                    asked.append(host)
                    return ["127.0.0.1"]

                permit = frozenset({("127.0.0.1", served.port), ("127.0.0.2", inside.port)})
                fetcher = Fetcher(resolve, permit, LIMITS)
                with pytest.raises(ServiceError) as refusal:
                    await fetcher.fetch(f"http://outer.example:{served.port}/")
                await fetcher.aclose()
                assert refusal.value.error_type == ErrorType.BLOCKED_ADDRESS
                return asked, inside.dials

    assert asyncio.run(run()) == (["outer.example", "inner.example"], 0)


def test_a_refused_address_is_never_dialled_whatever_listens_there() -> None:
    """No dial, so that an answer takes as long for an open port as for a closed or silent one."""

    async def run() -> tuple[set[str], int]:
        async with site(always(ok(HTML))) as inside:
            said = set()
            closed = socket.socket()
            closed.bind(("127.0.0.1", 0))  # bound, and not listening
            for port in (inside.port, closed.getsockname()[1]):

                async def resolve(host: str) -> list[str]:
                    return ["127.0.0.1"]

                permit = frozenset({("127.0.0.9", port)})  # lets the port pass, not the address
                fetcher = Fetcher(resolve, permit, LIMITS)
                for host in ("inner.example", "127.0.0.1"):
                    with pytest.raises(ServiceError) as refusal:
                        await fetcher.fetch(f"http://{host}:{port}/")
                    said.add(f"{refusal.value.error_type} {refusal.value} {refusal.value.detail}")
                await fetcher.aclose()
            closed.close()
            return said, inside.dials

    said, dials = asyncio.run(run())
    assert len(said) == 1
    assert dials == 0


def test_connections_broken_off_by_force_are_no_crash() -> None:
    async def handle(path: bytes, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    assert refusal_of(handle).error_type == ErrorType.CONNECT_FAILED


def test_a_fetcher_works_on_after_all_that() -> None:
    bad = [always(b"HTTP/1.1 abc\r\n\r\n"), trickling(ok(b""), b"a"), repeating(ok(b""), b"a")]

    async def run() -> bytes:
        async def handle(path: bytes, writer: asyncio.StreamWriter) -> None:
            number = int(path[1:])
            await (bad[number % 3] if number < 9 else always(ok(HTML)))(path, writer)

        limits = FetchLimits(max_bytes=50_000, total_s=0.5, connections=2, per_host=1)
        async with site(handle) as served, fetching(served, limits) as fetcher:
            url = f"http://news.example:{served.port}/"
            refused = await asyncio.gather(
                *(fetcher.fetch(f"{url}{n}") for n in range(9)), return_exceptions=True
            )
            assert all(isinstance(error, ServiceError) for error in refused)
            return (await fetcher.fetch(f"{url}9")).body

    assert asyncio.run(run()) == HTML
