"""A loopback web site that behaves as badly as a test wants, and a fetcher let into it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from service.errors import ServiceError
from service.fetch import Fetcher, FetchLimits, Page

Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
LIMITS = FetchLimits(max_bytes=200_000, total_s=1.5, connect_s=0.5)
# Where another limit than time is tested, a busy machine must not be what ends it.
PATIENT = FetchLimits(max_bytes=200_000, total_s=30.0, connect_s=10.0)
HTML = b"<html><body><p>Deputies shocked a man with a Taser.</p></body></html>"


class Site:
    """A loopback server; `requests` are the request heads it has seen, of so many `dials`."""

    def __init__(self, handler: Handler) -> None:
        self.requests: list[bytes] = []
        self.dials = 0
        self._handler = handler
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.dials += 1
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            self.requests.append(request)
            await self._handler(request.split()[1], writer)
            if self._handler is silent:
                await reader.read()  # until the client hangs up, however long that takes
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def site(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    served = Site(handler)
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def fetching(served: Site, limits: FetchLimits = LIMITS) -> AsyncIterator[Fetcher]:
    """A fetcher for which every name leads to the one permitted loopback server."""

    async def resolve(host: str) -> list[str]:
        return ["127.0.0.1"]

    permit = frozenset({("127.0.0.1", served.port)})
    fetcher = Fetcher(resolve, permit, limits)
    try:
        yield fetcher
    finally:
        await fetcher.aclose()


def always(response: bytes) -> Handler:
    async def handle(path: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(response)
        await writer.drain()

    return handle


def ok(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", *headers]
    if not any(line.lower().startswith("content-type") for line in headers):
        lines.append("Content-Type: text/html; charset=utf-8")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\nSet-Cookie: a=b\r\n\r\n".encode()


def fetch_from(handler: Handler, path: str = "/", limits: FetchLimits = PATIENT) -> Page:
    async def run() -> Page:
        async with site(handler) as served, fetching(served, limits) as fetcher:
            return await fetcher.fetch(f"http://127.0.0.1:{served.port}{path}")

    return asyncio.run(run())


def refusal_of(handler: Handler, limits: FetchLimits = PATIENT) -> ServiceError:
    with pytest.raises(ServiceError) as refusal:
        fetch_from(handler, limits=limits)
    assert "127.0.0.1" not in refusal.value.message + str(refusal.value.detail)
    return refusal.value


async def endless(path: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(ok(b""))
    while True:
        writer.write(b"a" * 65536)
        await writer.drain()


async def endless_chunks(path: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(ok(b"", "Transfer-Encoding: chunked"))
    while True:
        writer.write(b"1\r\na\r\n" * 10_000)
        await writer.drain()


async def endless_hints(path: bytes, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 1000)
        await writer.drain()


async def endless_headers(path: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Filler: " + b"a" * 1000 + b"\r\n")
        await writer.drain()


async def silent(path: bytes, writer: asyncio.StreamWriter) -> None:
    """Takes the request and never answers."""


async def reset(path: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(ok(b"<p>", "Content-Length: 1000"))
    await writer.drain()
    writer.transport.abort()
