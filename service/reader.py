"""Reads fetched pages in a process of its own that can be killed.

HTML parsers are C code that meets hostile input: only a process can be stopped
at a time limit, held to a memory limit, and lost without losing the service. It
is a fresh interpreter rather than a fork, because the service has threads (a fork
could inherit a held lock) and a loaded model (which it would drag along). It
starts with the first page, so a service that only reads text never pays for it.
"""

import asyncio
import json
import logging
import os
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.errors import ErrorType, ServiceError
from service.page_cache import Page
from service.story import Story

log = logging.getLogger(__name__)

LENGTH = struct.Struct(">I")  # before every frame between the two processes
_ROOT = str(Path(__file__).resolve().parent.parent)


@dataclass(frozen=True, slots=True)
class ReaderLimits:
    """Seconds per page, seconds to start, and pages after which the process is renewed."""

    page_s: float = 5.0
    start_s: float = 20.0
    pages: int = 2000


class PageReader:
    """One worker process, started when needed, killed and replaced when a page hangs it."""

    def __init__(self, limits: ReaderLimits = ReaderLimits()) -> None:
        self._limits = limits
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._pages = 0
        self._asking: asyncio.Task[bytes] | None = None

    async def read(self, page: Page) -> Story:
        """The story on a page; raises ServiceError where there is none to be read.

        A caller who gives up while waiting for the worker costs nothing. One whose
        page is being read does not have the worker killed: to start another takes
        longer than nearly every page, and callers give up when there is much to do.
        """
        request = {"url": page.url, "charset": page.charset, "status": page.status}
        await self._lock.acquire()
        self._asking = asyncio.create_task(self._ask(json.dumps(request).encode(), page.body))
        self._asking.add_done_callback(self._answered)
        return _story(json.loads(await asyncio.shield(self._asking)))

    async def aclose(self) -> None:
        """Ends the worker process."""
        if self._asking is not None:
            self._asking.cancel()
        async with self._lock:
            await self._stop()

    def _answered(self, asking: asyncio.Task[bytes]) -> None:
        self._lock.release()
        if not asking.cancelled():
            asking.exception()  # its caller may have gone; then nobody else looks at it

    async def _ask(self, request: bytes, body: bytes) -> bytes:
        """The worker's answer; a worker that hangs or dies is replaced."""
        answered = False
        try:
            async with asyncio.timeout(self._limits.start_s):
                process = await self._running()
            async with asyncio.timeout(self._limits.page_s):
                answer = await _exchange(process, request, body)
            answered = True
            return answer
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            raise _gave_up() from None
        finally:
            self._pages += 1
            if not answered or self._pages >= self._limits.pages:
                await self._stop()

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await _start()
            self._pages = 0
        return self._process

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await asyncio.shield(process.communicate())


async def _start() -> asyncio.subprocess.Process:
    """A worker that has finished its imports."""
    environment = {
        name: value for name in ("PATH", "LANG", "TZ") if (value := os.environ.get(name))
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "service.page_worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=_ROOT,
        # No credentials of the service in a process that parses strangers' pages.
        env=environment,
        limit=1 << 20,
    )
    try:
        await _read_frame(process)
    except BaseException:
        if process.returncode is None:
            process.kill()
        await asyncio.shield(process.communicate())
        raise
    return process


async def _exchange(process: asyncio.subprocess.Process, request: bytes, body: bytes) -> bytes:
    assert process.stdin is not None
    for part in (request, body):
        process.stdin.write(LENGTH.pack(len(part)))
        process.stdin.write(part)
    await process.stdin.drain()
    return await _read_frame(process)


async def _read_frame(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    prefix = await process.stdout.readexactly(LENGTH.size)
    return await process.stdout.readexactly(LENGTH.unpack(prefix)[0])


def _story(answer: dict[str, Any]) -> Story:
    """The worker's JSON as a Story, or raised as the ServiceError it describes."""
    if "failure" in answer:
        log.error("a page could not be read: %s", "\n".join(answer["failure"]))
        raise ServiceError(ErrorType.EXTRACTION_FAILED, "The page could not be read.")
    if "error" in answer:
        error_type, message, detail = answer["error"]
        raise ServiceError(ErrorType(error_type), message, detail)
    fields = answer["story"]
    lists = {name: tuple(fields[name]) for name in ("authors", "warnings")}
    return Story(**(fields | lists))


def _gave_up() -> ServiceError:
    return ServiceError(
        ErrorType.EXTRACTION_FAILED, "The page took too much time or memory to read."
    )
