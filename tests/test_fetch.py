"""The fetcher against real loopback servers that behave badly, and against bad DNS."""

import asyncio
import gzip
import ssl
import subprocess
import time
import zlib
from pathlib import Path

import pytest

from service.errors import ErrorType, ServiceError
from service.fetch import Fetcher, FetchLimits, Page
from tests.loopback_site import (
    HTML,
    LIMITS,
    PATIENT,
    Handler,
    always,
    endless,
    endless_chunks,
    endless_headers,
    endless_hints,
    fetch_from,
    fetching,
    ok,
    redirect,
    refusal_of,
    reset,
    silent,
    site,
)


def bomb(coding: str) -> bytes:
    packed = zlib.compressobj(9, zlib.DEFLATED, 31 if coding == "gzip" else 15)
    return packed.compress(b"\0" * 50_000_000) + packed.flush()


ZIPPED = gzip.compress(HTML * 200)
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (always(redirect("http://127.0.0.1/")), ErrorType.BLOCKED_ADDRESS),
        (always(redirect("http://169.254.169.254/")), ErrorType.BLOCKED_ADDRESS),
        (always(redirect("//169.254.169.254/")), ErrorType.BLOCKED_ADDRESS),
        (always(redirect("http://2852039166/")), ErrorType.BLOCKED_ADDRESS),
        (always(redirect("http://[::ffff:169.254.169.254]/")), ErrorType.BLOCKED_ADDRESS),
        (always(redirect("http://user:p@host.example/")), ErrorType.CREDENTIALS_IN_URL),
        (always(redirect("http://news.example:22/")), ErrorType.BLOCKED_PORT),
        (always(redirect("http://127.0.0.1:6379/")), ErrorType.BLOCKED_PORT),
        (always(redirect("file:///etc/passwd")), ErrorType.UNSUPPORTED_SCHEME),
        (always(redirect("http://exa mple.org/")), ErrorType.INVALID_URL),
        (always(redirect("/again")), ErrorType.TOO_MANY_REDIRECTS),
        (always(b"HTTP/1.1 302 Found\r\n\r\n"), ErrorType.UPSTREAM_STATUS),
        (always(b"HTTP/1.1 404 Not Found\r\n\r\ngone"), ErrorType.UPSTREAM_STATUS),
        (always(b"HTTP/1.1 410 Gone\r\n\r\n"), ErrorType.UPSTREAM_STATUS),
        (always(b"HTTP/1.1 451 Unavailable\r\n\r\n"), ErrorType.UPSTREAM_STATUS),
        (always(b"HTTP/1.1 500 Oops\r\n\r\n"), ErrorType.UPSTREAM_STATUS),
        (always(b"HTTP/1.1 429 Slow down\r\n\r\n"), ErrorType.BOT_BLOCKED),
        (always(b"HTTP/1.1 503 Checking\r\n\r\n"), ErrorType.BOT_BLOCKED),
        (endless, ErrorType.RESPONSE_TOO_LARGE),
        (endless_chunks, ErrorType.RESPONSE_TOO_LARGE),
        (always(ok(b"", "Content-Length: 99999999999")), ErrorType.RESPONSE_TOO_LARGE),
        (always(ok(bomb("gzip"), "Content-Encoding: gzip")), ErrorType.RESPONSE_TOO_LARGE),
        (always(ok(bomb("deflate"), "Content-Encoding: deflate")), ErrorType.RESPONSE_TOO_LARGE),
        (always(ok(ZIPPED[:-20], "Content-Encoding: gzip")), ErrorType.DECODE_ERROR),
        (always(ok(b"\x1f\x8bnonsense", "Content-Encoding: gzip")), ErrorType.DECODE_ERROR),
        (always(ok(HTML, "Content-Encoding: br")), ErrorType.UNSUPPORTED_ENCODING),
        (always(ok(HTML, "Content-Encoding: gzip, gzip")), ErrorType.UNSUPPORTED_ENCODING),
        (always(ok(HTML, "Content-Encoding: rot13")), ErrorType.UNSUPPORTED_ENCODING),
        (silent, ErrorType.FETCH_TIMEOUT),
        (always(HTML), ErrorType.CONNECT_FAILED),
        (always(b"HTTP/1.1 abc\r\n\r\n"), ErrorType.CONNECT_FAILED),
        (always(bytes(range(256)) * 8), ErrorType.CONNECT_FAILED),
        (always(b""), ErrorType.CONNECT_FAILED),
        (reset, ErrorType.CONNECT_FAILED),
        (endless_headers, ErrorType.CONNECT_FAILED),
        (always(ok(b"{}", "Content-Type: application/json")), ErrorType.UNSUPPORTED_CONTENT_TYPE),
        (
            always(ok(b"%PDF-1.7", "Content-Type: application/pdf")),
            ErrorType.UNSUPPORTED_CONTENT_TYPE,
        ),
        (always(ok(b"%PDF-1.7")), ErrorType.UNSUPPORTED_CONTENT_TYPE),
        (always(ok(PNG)), ErrorType.UNSUPPORTED_CONTENT_TYPE),
        (always(ok(ZIPPED)), ErrorType.UNSUPPORTED_CONTENT_TYPE),
    ],
)
def test_bad_answers_give_their_code_in_time(handler: Handler, expected: ErrorType) -> None:
    limits = LIMITS if expected == ErrorType.FETCH_TIMEOUT else PATIENT
    started = time.monotonic()
    assert refusal_of(handler, limits).error_type == expected
    assert time.monotonic() - started < limits.total_s + 1


def test_flood_of_early_hints_is_cut_off() -> None:
    assert refusal_of(endless_hints).error_type in (
        ErrorType.RESPONSE_TOO_LARGE,
        ErrorType.FETCH_TIMEOUT,
    )


@pytest.mark.parametrize(
    "response",
    [
        ok(HTML),
        ok(gzip.compress(HTML), "Content-Encoding: gzip"),
        ok(gzip.compress(HTML), "Content-Encoding: x-gzip"),
        ok(gzip.compress(HTML[:30]) + gzip.compress(HTML[30:]), "Content-Encoding: gzip"),
        ok(gzip.compress(HTML) + b"rubbish", "Content-Encoding: gzip"),
        ok(zlib.compress(HTML), "Content-Encoding: deflate"),
        ok(zlib.compress(HTML)[2:-4], "Content-Encoding: deflate"),
        ok(HTML, "Content-Encoding: gzip"),
        ok(HTML, "Content-Encoding: identity"),
        ok(b"%x\r\n%b\r\n0\r\n\r\n" % (len(HTML), HTML), "Transfer-Encoding: chunked"),
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + ok(HTML),
        b"HTTP/1.1 200 OK\r\n\r\n" + HTML,
    ],
)
def test_reads_what_browsers_read(response: bytes) -> None:
    assert fetch_from(always(response)).body == HTML


def test_page_says_where_it_came_from() -> None:
    async def run() -> tuple[Page, int]:
        async def handle(path: bytes, writer: asyncio.StreamWriter) -> None:
            writer.write(redirect("/new?a=b#part") if path == b"/old" else ok(HTML))

        async with site(handle) as served, fetching(served) as fetcher:
            return await fetcher.fetch(f"http://127.0.0.1:{served.port}/old#top"), served.port

    page, port = asyncio.run(run())
    assert page == Page(
        url=f"http://127.0.0.1:{port}/new?a=b",
        requested_url=f"http://127.0.0.1:{port}/old",
        status=200,
        content_type="text/html",
        charset="utf-8",
        body=HTML,
    )


def test_sends_an_honest_name_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")

    async def run() -> list[bytes]:
        async def handle(path: bytes, writer: asyncio.StreamWriter) -> None:
            here = "/2" if path == b"/1" else None
            writer.write(redirect(here) if here else ok(HTML))

        async with site(handle) as served, fetching(served) as fetcher:
            await fetcher.fetch(f"http://news.example:{served.port}/1")
            return served.requests

    for request in asyncio.run(run()):
        names = [line.split(b":")[0].lower() for line in request.split(b"\r\n")[1:] if line]
        assert names == [
            b"host",
            b"user-agent",
            b"accept",
            b"accept-language",
            b"accept-encoding",
            b"connection",
        ]
        assert b"User-Agent: BrutalityWatch/" in request
        assert b"Host: news.example:" in request


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["169.254.169.254"], ErrorType.BLOCKED_ADDRESS),
        (["8.8.8.8", "10.0.0.1"], ErrorType.BLOCKED_ADDRESS),
        (["10.0.0.1", "8.8.8.8"], ErrorType.BLOCKED_ADDRESS),
        (["2606:4700::1111", "::1"], ErrorType.BLOCKED_ADDRESS),
        (["0.0.0.0"], ErrorType.BLOCKED_ADDRESS),
        (["::"], ErrorType.BLOCKED_ADDRESS),
        (["fd00:ec2::254"], ErrorType.BLOCKED_ADDRESS),
        (["100.100.100.200"], ErrorType.BLOCKED_ADDRESS),
        (["0177.0.0.1"], ErrorType.BLOCKED_ADDRESS),
        (["127.1"], ErrorType.BLOCKED_ADDRESS),
        (["2001:0:4136:e378:8000:63bf:80ff:fffe"], ErrorType.BLOCKED_ADDRESS),
        (["::ffff:10.0.0.1"], ErrorType.BLOCKED_ADDRESS),
        (["64:ff9b::a00:1"], ErrorType.BLOCKED_ADDRESS),
        (["2002:a00:1::"], ErrorType.BLOCKED_ADDRESS),
        (["::ffff:0:a00:1"], ErrorType.BLOCKED_ADDRESS),
        (["fe80::1%2"], ErrorType.BLOCKED_ADDRESS),
        (["no address"], ErrorType.BLOCKED_ADDRESS),
        (["8.8.8.8"] * 499 + ["127.0.0.1"], ErrorType.BLOCKED_ADDRESS),
        ([], ErrorType.DNS_FAILURE),
        (None, ErrorType.DNS_FAILURE),
    ],
)
def test_bad_dns_answers_are_refused_before_any_dial(
    answers: list[str] | None, expected: ErrorType
) -> None:
    asked: list[str] = []

    async def resolve(host: str) -> list[str]:
        asked.append(host)
        if answers is None:
            raise OSError("SERVFAIL")
        return answers

    async def run() -> None:
        fetcher = Fetcher(resolve)
        try:
            await fetcher.fetch("https://news.example/story")
        finally:
            await fetcher.aclose()

    with pytest.raises(ServiceError) as refusal:
        asyncio.run(run())
    assert refusal.value.error_type == expected
    assert asked == ["news.example"]


def test_open_and_closed_ports_are_refused_alike() -> None:
    async def run() -> set[str]:
        async with (
            site(always(ok(HTML))) as served,
            site(always(ok(HTML))) as other,
            fetching(served) as fetcher,
        ):
            said = set()
            for url in (
                f"http://127.0.0.2:{other.port}/",
                "http://127.0.0.2:9/",
                f"http://10.0.0.1:{other.port}/",
            ):
                with pytest.raises(ServiceError) as refusal:
                    await fetcher.fetch(url)
                said.add(f"{refusal.value.error_type} {refusal.value} {refusal.value.detail}")
            assert other.dials == 0
            return said

    assert len(asyncio.run(run())) == 1


def test_every_hop_is_resolved_once_and_the_answer_is_what_is_dialled() -> None:
    async def run() -> tuple[list[str], ErrorType]:
        asked: list[str] = []

        async def resolve(host: str) -> list[str]:
            asked.append(host)
            # A rebinding name: permitted at first, something else at the second question.
            return ["127.0.0.1"] if len(asked) < 2 else ["127.0.0.2"]

        async with site(always(redirect("/again"))) as served:
            fetcher = Fetcher(resolve, frozenset({("127.0.0.1", served.port)}), LIMITS)
            with pytest.raises(ServiceError) as refusal:
                await fetcher.fetch(f"http://rebind.example:{served.port}/")
            await fetcher.aclose()
            return asked, refusal.value.error_type

    asked, error_type = asyncio.run(run())
    assert asked == ["rebind.example", "rebind.example"]
    assert error_type == ErrorType.BLOCKED_ADDRESS


def test_the_service_is_not_made_to_call_itself() -> None:
    async def run(denied: str) -> list[bytes]:
        async with site(always(ok(HTML))) as served:

            async def resolve(host: str) -> list[str]:
                return ["127.0.0.1"]

            permit = frozenset({("127.0.0.1", served.port)})
            fetcher = Fetcher(resolve, permit, LIMITS, deny=frozenset({(denied, served.port)}))
            with pytest.raises(ServiceError) as refusal:
                await fetcher.fetch(f"http://watch.example:{served.port}/predict")
            await fetcher.aclose()
            assert refusal.value.error_type == ErrorType.BLOCKED_ADDRESS
            return served.requests

    assert asyncio.run(run("127.0.0.1")) == []
    assert asyncio.run(run("watch.example")) == []


def test_retry_is_answered_from_memory_then_revalidated() -> None:
    async def run() -> tuple[list[bytes], list[Page]]:
        async def handle(path: bytes, writer: asyncio.StreamWriter) -> None:
            fresh = b"If-None-Match" in served.requests[-1]
            writer.write(b"HTTP/1.1 304 Not Modified\r\n\r\n" if fresh else ok(HTML, 'ETag: "v1"'))

        async with site(handle) as served:
            pages = []
            for fresh_s in (60.0, 0.0):
                limits = FetchLimits(total_s=1.5, fresh_s=fresh_s)
                async with fetching(served, limits) as fetcher:
                    url = f"http://127.0.0.1:{served.port}/"
                    pages += [await fetcher.fetch(url), await fetcher.fetch(url)]
            return served.requests, pages

    requests, pages = asyncio.run(run())
    assert len(requests) == 3
    assert [b'If-None-Match: "v1"' in request for request in requests] == [False, False, True]
    assert {page.body for page in pages} == {HTML}


def test_one_host_gets_few_connections_at_a_time() -> None:
    async def run() -> tuple[int, int]:
        open_now = most = 0
        release = asyncio.Event()

        async def handle(path: bytes, writer: asyncio.StreamWriter) -> None:
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            await release.wait()
            writer.write(ok(HTML))
            await writer.drain()
            open_now -= 1

        async with site(handle) as served, fetching(served) as fetcher:
            urls = [f"http://127.0.0.1:{served.port}/{i}" for i in range(12)]
            fetches = asyncio.gather(*map(fetcher.fetch, urls))
            while open_now < LIMITS.per_host:
                await asyncio.sleep(0)
            release.set()
            return most, len(await fetches)

    assert asyncio.run(run()) == (LIMITS.per_host, 12)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate and key for news.example, in one file."""
    path = tmp_path / "news.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=news.example"
    extra = ["-addext", "subjectAltName=DNS:news.example", "-keyout", str(path), "-out"]
    made = subprocess.run([*command.split(), *extra, f"{path}.crt"], capture_output=True)
    if made.returncode:
        pytest.skip("needs the openssl command line")
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


@pytest.mark.parametrize(
    ("host", "trusted", "expected"),
    [
        ("news.example", True, None),
        ("other.example", True, ErrorType.TLS_ERROR),
        ("news.example", False, ErrorType.TLS_ERROR),
    ],
)
def test_tls_is_verified_against_the_name_of_the_url(
    host: str,
    trusted: bool,
    expected: ErrorType | None,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")

    async def run() -> ErrorType | None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        async with site(always(ok(HTML)), tls) as served, fetching(served) as fetcher:
            try:
                page = await fetcher.fetch(f"https://{host}:{served.port}/")
            except ServiceError as error:
                return error.error_type
            assert page.body == HTML
            return None

    assert asyncio.run(run()) == expected


def test_https_does_not_fall_back_to_http(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")

    async def run() -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        async with (
            site(always(redirect("http://example.org/")), tls) as served,
            fetching(served) as fetcher,
        ):
            await fetcher.fetch(f"https://news.example:{served.port}/")

    with pytest.raises(ServiceError) as refusal:
        asyncio.run(run())
    assert refusal.value.error_type == ErrorType.INSECURE_REDIRECT
