"""Judges a file of stories: one answer row per input row, in order, resumable."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from service.copies import CopyIndex
from service.errors import ErrorType, ServiceError
from service.fingerprint import fingerprint
from service.pipeline import Predictor
from service.rows import Row, RowWriter, read_rows
from service.schemas import StoryIn, prediction_out
from service.story import Story

Answer = Mapping[str, Any]

# Stories worked on at once: enough that pages are fetched while the model runs.
AT_ONCE = 16
_FIELDS = ("url", "text", "title", "date")


@dataclass
class Tally:
    """How many rows were answered, failed, or had been done by an earlier run."""

    answered: int = 0
    failed: int = 0
    resumed: int = 0

    def count(self, answer: Mapping[str, Any]) -> None:
        """One more row: answered, or failed."""
        if "error_type" in answer:
            self.failed += 1
        else:
            self.answered += 1


@dataclass(frozen=True)
class Read:
    """A row's id, and its story or why it has none."""

    name: object
    story: Story | ServiceError


@dataclass(frozen=True)
class Judging:
    """An answer on its way; `original` is the story's number in the index of originals."""

    answer: asyncio.Task[Answer]
    original: int | None = None


class Copies:
    """Gives near-copies of earlier rows the answer of the earlier row, with `duplicate_of`."""

    def __init__(self) -> None:
        self._index = CopyIndex()
        # Where each original's answer is: a task, then the place in the part file.
        self._answers: list[asyncio.Task[Answer] | int] = []
        self._writer: RowWriter | None = None

    def resume(self, writer: RowWriter) -> None:
        """Learn the originals that an earlier run has answered."""
        self._writer = writer
        for start, row in writer.written():
            if "duplicate_of" not in row and "article" in row:
                self._index.add(row["article"]["fingerprint"])
                self._answers.append(start)

    def start(self, read: Read, story: Story, predictor: Predictor) -> Judging:
        """Judge a story, or wait for the answer of the one it is a copy of."""
        mark = fingerprint(story.text)
        original = self._index.find(mark)
        if original is not None:
            earlier = self._answers[original]
            return Judging(asyncio.create_task(self._copied(earlier, read, predictor)))
        answer = asyncio.create_task(_answer(read, predictor))
        self._answers.append(answer)
        return Judging(answer, self._index.add(mark))

    def written(self, done: Judging, start: int) -> None:
        """The row was written to the part file at `start`: its answer need not be kept."""
        if done.original is not None and "error_type" not in done.answer.result():
            self._answers[done.original] = start

    async def _copied(
        self, earlier: asyncio.Task[Answer] | int, read: Read, predictor: Predictor
    ) -> Answer:
        assert self._writer is not None
        answer = self._writer.row_at(earlier) if isinstance(earlier, int) else await earlier
        if "error_type" in answer:  # the original could not be judged; perhaps the copy can
            return await _answer(read, predictor)
        return {**answer, "id": read.name, "duplicate_of": answer["id"]}


async def score(
    source: Path,
    out: Path,
    predictor: Predictor,
    progress: Callable[[int], object],
    copies: Copies | None = None,
) -> Tally:
    """Answer every row of `source` into `out`; `progress` is told of each row done.

    A row that cannot be answered becomes `{id, error, error_type}`. Cut off at
    any point, the same call goes on where it stopped. With `copies`, a row that
    repeats an earlier one gets that one's answer.
    """
    writer = RowWriter(out)
    tally = Tally(resumed=writer.done)
    progress(writer.done)
    rows = enumerate(islice(read_rows(source), writer.done, None), writer.done)
    reading: deque[asyncio.Task[Read]] = deque()
    judging: deque[Judging] = deque()
    if copies is not None:
        copies.resume(writer)
    try:
        while _fill(reading, rows, predictor) or judging:
            # Rows are looked up in order, so that a copy always follows its original.
            if reading and len(judging) < AT_ONCE and (reading[0].done() or not judging):
                judging.append(_start(await reading.popleft(), predictor, copies))
                continue
            done = judging.popleft()
            answer = await done.answer
            start = writer.write([answer])
            if copies is not None:
                copies.written(done, start)
            tally.count(answer)
            progress(1)
        writer.finish()
    finally:
        await _cancel([*reading, *(item.answer for item in judging)])
        writer.close()
    return tally


def _fill(
    reading: deque[asyncio.Task[Read]],
    rows: Iterator[tuple[int, Row | ServiceError]],
    predictor: Predictor,
) -> bool:
    """Keep AT_ONCE rows in work; False when none is left."""
    for number, row in islice(rows, AT_ONCE - len(reading)):
        reading.append(asyncio.create_task(_read(number, row, predictor)))
    return bool(reading)


async def _read(number: int, row: Row | ServiceError, predictor: Predictor) -> Read:
    """The story of a row; a row without an id gets its number, from 0."""
    name = number if isinstance(row, ServiceError) else row.get("id", number)
    try:
        if isinstance(row, ServiceError):
            raise row
        return Read(name, await predictor.in_time(predictor.read(_request(row))))
    except ServiceError as error:
        return Read(name, error)


def _start(read: Read, predictor: Predictor, copies: Copies | None) -> Judging:
    if copies is None or isinstance(read.story, ServiceError):
        return Judging(asyncio.create_task(_answer(read, predictor)))
    return copies.start(read, read.story, predictor)


async def _answer(read: Read, predictor: Predictor) -> Answer:
    """The answer row of a story, or the error row of one that has none."""
    try:
        if isinstance(read.story, ServiceError):
            raise read.story
        prediction = await predictor.in_time(predictor.judge(read.story))
    except ServiceError as error:
        return {"id": read.name, "error": error.message, "error_type": error.error_type.value}
    out = prediction_out(prediction, predictor.model_out)
    return {"id": read.name, **out.model_dump(mode="json")}


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _request(row: Row) -> StoryIn:
    """The row's story fields as a request. Raises ServiceError for a broken row."""
    fields = {name: row[name] for name in _FIELDS if row.get(name) is not None}
    if "text" not in fields:
        fields = {name: value for name, value in fields.items() if name == "url"}
    try:
        return StoryIn.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "row"
        raise ServiceError(ErrorType.INVALID_REQUEST, f"{where}: {first['msg']}.") from error
