"""Runs a job over a file of rows: one answer row per input row, in order, resumable.

Several rows are in work at once, so that pages are fetched while the model runs. A
row that cannot be answered becomes `{id, error, error_type}`, also where the reason
is a mistake of this program: that is logged, and the run goes on.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from service.errors import ErrorType, ServiceError
from service.rows import Row, RowWriter, read_rows

log = logging.getLogger(__name__)

Answer = Mapping[str, Any]
Item = TypeVar("Item")
T = TypeVar("T")

AT_ONCE = 16  # rows in work


class RunError(Exception):
    """A run that cannot be done at all: packages or machines are missing."""


class Job(Protocol[Item]):
    """What is done with each row, in two steps that may raise ServiceError."""

    async def read(self, row: Row) -> Item:
        """What the row holds."""

    async def answer(self, number: int, item: Item) -> Answer:
        """The answer, without the row's id. Up to its first `await` it runs in row order."""


@dataclass
class Tally:
    """How many rows were answered, failed, or had been done by an earlier run."""

    answered: int = 0
    failed: int = 0
    resumed: int = 0

    def count(self, answer: Answer) -> None:
        """One more row: answered, or failed."""
        if "error_type" in answer:
            self.failed += 1
        else:
            self.answered += 1


class Answers:
    """The answer rows of a run by number, from 0: in the file `out`, or still in work."""

    def __init__(self, out: Path) -> None:
        self._writer = RowWriter(out)
        self._in_work: dict[int, asyncio.Task[Answer]] = {}
        self.done = self._writer.done

    def written(self) -> Iterator[Row]:
        """The rows in the file, in order."""
        return self._writer.rows()

    async def of(self, number: int) -> Answer:
        """The answer of an earlier row."""
        task = self._in_work.get(number)
        return self._writer.row(number) if task is None else await task

    def start(self, number: int, work: Coroutine[Any, Any, Answer]) -> None:
        """Take a row's answer into work."""
        self._in_work[number] = asyncio.create_task(work)

    @property
    def in_work(self) -> int:
        """How many answers are in work."""
        return len(self._in_work)

    async def write_next(self) -> Answer:
        """Wait for the oldest answer in work and move it to the file."""
        number, task = next(iter(self._in_work.items()))
        answer = await task
        self._writer.write(answer)
        del self._in_work[number]
        return answer

    def finish(self) -> None:
        """Make the file asked for: all rows are answered."""
        self._writer.finish()

    async def aclose(self) -> None:
        """Stop, keeping what was written for a later run."""
        await _cancel(list(self._in_work.values()))
        self._writer.close()


@dataclass(frozen=True)
class _Read(Generic[Item]):
    """A row's number and id, and what it holds or why it cannot be answered."""

    number: int
    name: object
    item: Item | ServiceError


async def answer_rows(
    source: Path, answers: Answers, job: Job[Item], progress: Callable[[int], object]
) -> Tally:
    """Answer every row of `source`; `progress` is told of each row done.

    Cut off at any point, the same call goes on where it stopped. Closes `answers`.
    """
    tally = Tally(resumed=answers.done)
    progress(answers.done)
    rows = enumerate(islice(read_rows(source), answers.done, None), answers.done)
    reading: deque[asyncio.Task[_Read[Item]]] = deque()
    try:
        while _fill(reading, rows, job) or answers.in_work:
            ready = reading and (reading[0].done() or not answers.in_work)
            if ready and answers.in_work < AT_ONCE:
                read = await reading.popleft()
                answers.start(read.number, _answer(read, job))
                continue
            tally.count(await answers.write_next())
            progress(1)
        answers.finish()
    finally:
        await _cancel(list(reading))
        await answers.aclose()
    return tally


def _fill(
    reading: deque[asyncio.Task[_Read[Item]]],
    rows: Iterator[tuple[int, Row | ServiceError]],
    job: Job[Item],
) -> bool:
    """Keep AT_ONCE rows in work; False when none is left to be read."""
    for number, row in islice(rows, AT_ONCE - len(reading)):
        reading.append(asyncio.create_task(_read(number, row, job)))
    return bool(reading)


async def answer_row(number: int, row: Row | ServiceError, job: Job[Item]) -> Answer:
    """The answer row of one row, whatever becomes of it."""
    return await _answer(await _read(number, row, job), job)


async def _read(number: int, row: Row | ServiceError, job: Job[Item]) -> _Read[Item]:
    """A row read; one without an id gets its number."""
    if isinstance(row, ServiceError):
        return _Read(number, number, row)
    name = row.get("id", number)
    return _Read(number, name, await _caught(name, job.read(row)))


async def _answer(read: _Read[Item], job: Job[Item]) -> Answer:
    """The answer row, or the error row of one that has none."""
    answer: Answer | ServiceError
    if isinstance(read.item, ServiceError):
        answer = read.item
    else:
        answer = await _caught(read.name, job.answer(read.number, read.item))
    if isinstance(answer, ServiceError):
        return _error_row(read.name, answer)
    return {"id": read.name, **answer}


def _error_row(name: object, error: ServiceError) -> Answer:
    row = {"id": name, "error": error.message, "error_type": error.error_type.value}
    return row if error.detail is None else {**row, "detail": error.detail}


async def _caught(name: object, work: Awaitable[T]) -> T | ServiceError:
    """What `work` gives, or why it gives nothing; a mistake of this program is logged."""
    try:
        return await work
    except ServiceError as error:
        return error
    except Exception:
        log.exception("row %r failed", name)
        return ServiceError(ErrorType.INTERNAL, "The program failed on this row; see its log.")


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
