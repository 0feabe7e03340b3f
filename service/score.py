"""Judges a file of stories: one answer row per input row, in order, resumable."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from service.errors import ErrorType, ServiceError
from service.pipeline import Predictor
from service.rows import Row, RowWriter, read_rows
from service.schemas import StoryIn, prediction_out

# Stories worked on at once: enough that pages are fetched while the model runs.
AT_ONCE = 16
_FIELDS = ("url", "text", "title", "date")


@dataclass
class Tally:
    """How many rows were answered, failed, or had been done by an earlier run."""

    answered: int = 0
    failed: int = 0
    resumed: int = 0


async def score(
    source: Path, out: Path, predictor: Predictor, progress: Callable[[int], object]
) -> Tally:
    """Answer every row of `source` into `out`; `progress` is told of each row done.

    A row that cannot be answered becomes `{id, error, error_type}`. Cut off at
    any point, the same call goes on where it stopped.
    """
    writer = RowWriter(out)
    tally = Tally(resumed=writer.done)
    progress(writer.done)
    rows = enumerate(islice(read_rows(source), writer.done, None), writer.done)
    pending: deque[asyncio.Task[dict[str, Any]]] = deque()
    try:
        while _fill(pending, rows, predictor):
            answer = await pending.popleft()
            writer.write([answer])
            if "error_type" in answer:
                tally.failed += 1
            else:
                tally.answered += 1
            progress(1)
        writer.finish()
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        writer.close()
    return tally


def _fill(
    pending: deque[asyncio.Task[dict[str, Any]]],
    rows: Iterator[tuple[int, Row | ServiceError]],
    predictor: Predictor,
) -> bool:
    """Keep AT_ONCE rows in work; False when none is left."""
    for number, row in islice(rows, AT_ONCE - len(pending)):
        pending.append(asyncio.create_task(_answer(number, row, predictor)))
    return bool(pending)


async def _answer(number: int, row: Row | ServiceError, predictor: Predictor) -> dict[str, Any]:
    """The answer row; a row without an id gets its number, from 0."""
    name = number if isinstance(row, ServiceError) else row.get("id", number)
    try:
        if isinstance(row, ServiceError):
            raise row
        prediction = await predictor.predict(_request(row))
    except ServiceError as error:
        return {"id": name, "error": error.message, "error_type": error.error_type.value}
    out = prediction_out(prediction, predictor.model_out)
    return {"id": name, **out.model_dump(mode="json")}


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
