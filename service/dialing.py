"""Name resolution and TCP connections of the fetcher: only checked addresses are dialled.

The address that was checked is the address that is dialled, so an answer that
changes between check and connect (DNS rebinding) changes nothing. TLS runs on
top of the dialled stream and verifies the name of the URL.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpcore2

from service import guard
from service.errors import ErrorType, ServiceError

Resolver = Callable[[str], Awaitable[list[str]]]

MAX_DIALS = 3  # addresses tried per hop


class SystemResolver:
    """The system's resolver in threads of its own, so that slow names block nothing else."""

    def __init__(self, threads: int = 8) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolve")

    async def __call__(self, host: str) -> list[str]:
        """Addresses of `host` as text, possibly none; raises OSError where the name fails."""
        loop = asyncio.get_running_loop()
        answers = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        )
        return [str(answer[4][0]) for answer in answers]

    def close(self) -> None:
        """Stops the threads without waiting for names that are still being looked up."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Resolves once per connection, checks every answer, dials only what was checked."""

    def __init__(
        self,
        resolver: Resolver,
        permit: frozenset[tuple[str, int]],
        deny: frozenset[tuple[str, int]],
        max_head_bytes: int,
    ) -> None:
        self._resolver = resolver
        self._permit = permit
        self._deny = deny
        self._max_head_bytes = max_head_bytes
        self._tcp = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A stream to the first address of `host` that accepts; raises ServiceError if refused."""
        failure: Exception | None = None
        for address in (await self._checked_addresses(host, port))[:MAX_DIALS]:
            try:
                stream = await self._tcp.connect_tcp(address, port, timeout, None, socket_options)
                return BoundedStream(stream, self._max_head_bytes)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        assert failure is not None
        raise failure

    async def _checked_addresses(self, host: str, port: int) -> list[str]:
        if (host, port) in self._deny:
            raise guard.blocked_address()
        try:
            answers = list(dict.fromkeys(map(str, await self._resolver(host))))
        except (OSError, UnicodeError):
            answers = []
        if not answers:
            raise ServiceError(ErrorType.DNS_FAILURE, "The host name could not be resolved.")
        for address in answers:
            denied = (address, port) in self._deny
            if denied or not guard.is_allowed(address, port, self._permit):
                raise guard.blocked_address()
        return answers


class BoundedStream(httpcore2.AsyncNetworkStream):
    """A stream that ends the exchange once the peer has sent too much, headers included."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream, max_bytes: int) -> None:
        self._stream = stream
        self._left = max_bytes

    def allow(self, more_bytes: int) -> None:
        """Lets the peer send this many bytes on top."""
        self._left += more_bytes

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._stream.read(max_bytes, timeout)
        self._left -= len(data)
        if self._left < 0:
            raise too_large()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        secured = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return BoundedStream(secured, self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def too_large() -> ServiceError:
    """The answer for every page over the size limit, packed or unpacked."""
    return ServiceError(ErrorType.RESPONSE_TOO_LARGE, "The page is larger than the service reads.")
