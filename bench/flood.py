"""A client that costs little, for loads that do not wait: keeps connections, reads no JSON."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

# The service closes what has been idle for 5 seconds.
_IDLE_S = 2.0
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request was answered; `asked` and `came` are seconds of time.perf_counter."""

    status: int
    asked: float
    came: float
    retry_after: bool

    @property
    def seconds(self) -> float:
        """From the question to the last byte."""
        return self.came - self.asked


@dataclass
class Crowd:
    """Any number of clients of one server; an async context manager that hangs up at its end."""

    url: str
    path: str = "/predict"
    _idle: list[tuple[float, Streams]] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for _, (_, writer) in self._idle:
            writer.close()
            await writer.wait_closed()

    def encoded(self, body: object) -> bytes:
        """A whole request, ready to be sent any number of times."""
        data = json.dumps(body).encode()
        head = f"POST {self.path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        return f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data

    async def post(self, request: bytes) -> Answer:
        """The answer. Raises OSError, asyncio.IncompleteReadError."""
        asked = time.perf_counter()
        reader, writer = await self._connection()
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.split(b"\r\ncontent-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
        except BaseException:
            writer.close()
            raise
        came = time.perf_counter()
        self._idle.append((came, (reader, writer)))
        return Answer(int(head.split()[1]), asked, came, b"\r\nretry-after:" in head)

    async def _connection(self) -> Streams:
        while self._idle:
            since, streams = self._idle.pop()
            if time.perf_counter() - since < _IDLE_S:
                return streams
            streams[1].close()
        where = urlsplit(self.url)
        return await asyncio.open_connection(where.hostname, where.port)

    async def in_turn(
        self, requests: Sequence[bytes], clients: int, seconds: float
    ) -> list[Answer]:
        """What clients get who ask again as soon as they are answered."""
        answers: list[Answer] = []
        number, until = count(), time.perf_counter() + seconds

        async def client() -> None:
            while time.perf_counter() < until:
                answers.append(await self.post(requests[next(number) % len(requests)]))

        await asyncio.gather(*(client() for _ in range(clients)))
        return answers

    async def at_pace(
        self, requests: Sequence[bytes], per_second: float, seconds: float
    ) -> list[Answer]:
        """What comes back from asking so often for so long, whatever is answered."""
        asked = []
        started = time.perf_counter()
        for number in range(round(per_second * seconds)):
            await asyncio.sleep(started + number / per_second - time.perf_counter())
            request = requests[number % len(requests)]
            asked.append(asyncio.create_task(self.post(request)))
        return await asyncio.gather(*asked)
