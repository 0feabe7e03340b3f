"""Rows are answered in order whatever becomes of single ones."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from service.errors import ErrorType, ServiceError
from service.row_run import AT_ONCE, Answer, Answers, Tally, answer_rows
from service.rows import Row


class Doubling:
    """Answers with twice the number in a row; fails as the row says; later rows are faster."""

    def __init__(self) -> None:
        self.reading = self.most = 0

    async def read(self, row: Row) -> int:
        self.reading += 1
        self.most = max(self.most, self.reading)
        for _ in range(1000 - row["x"] * 10):
            await asyncio.sleep(0)
        self.reading -= 1
        if row.get("fails") == "read":
            raise ZeroDivisionError("in reading")
        if row.get("fails") == "refuse":
            raise ServiceError(ErrorType.TOO_SHORT, "Too short.", {"words": 3})
        return int(row["x"])

    async def answer(self, number: int, item: int) -> Answer:
        if item == 7:
            raise KeyError("in answering")
        return {"twice": 2 * item, "number": number}


def run(tmp_path: Path, rows: list[Any], job: Doubling) -> tuple[Tally, list[dict[str, Any]], int]:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    told: list[int] = []
    tally = asyncio.run(answer_rows(source, Answers(out), job, told.append))
    return tally, [json.loads(line) for line in out.read_text().splitlines()], sum(told)


def test_answers_come_in_order_from_several_rows_at_once(tmp_path: Path) -> None:
    job = Doubling()
    tally, answers, told = run(tmp_path, [{"id": f"r{x}", "x": x + 10} for x in range(60)], job)
    assert answers == [{"id": f"r{x}", "twice": 2 * x + 20, "number": x} for x in range(60)]
    assert job.most == AT_ONCE
    assert (tally, told) == (Tally(answered=60), 60)


def test_a_mistake_of_this_program_costs_one_row_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [
        {"id": "a", "x": 1},
        {"id": "b", "x": 2, "fails": "read"},
        {"id": "c", "x": 3, "fails": "refuse"},
        {"id": "d", "x": 7},
        {"x": "no number"},
        {"id": "f", "x": 4},
    ]
    with caplog.at_level(logging.ERROR, "service.row_run"):
        tally, answers, _ = run(tmp_path, rows, Doubling())
    kinds = [(row["id"], row.get("error_type")) for row in answers]
    assert kinds == [
        ("a", None), ("b", "internal"), ("c", "too_short"), ("d", "internal"), (4, "internal"),
        ("f", None),
    ]  # fmt: skip
    assert tally == Tally(answered=2, failed=4)
    assert answers[2] == {
        "id": "c", "error": "Too short.", "error_type": "too_short", "detail": {"words": 3},
    }  # fmt: skip
    logged = sorted(record.getMessage() for record in caplog.records)
    assert logged == ["row 'b' failed", "row 'd' failed", "row 4 failed"]
    assert "in reading" not in json.dumps(answers)


def test_a_run_that_is_broken_off_is_gone_on_with(tmp_path: Path) -> None:
    class Stopping(Doubling):
        async def answer(self, number: int, item: int) -> Answer:
            if number == 5:
                raise asyncio.CancelledError
            return await super().answer(number, item)

    rows = [{"id": x, "x": x + 20} for x in range(12)]
    with pytest.raises(asyncio.CancelledError):
        run(tmp_path, rows, Stopping())
    tally, answers, _ = run(tmp_path, rows, Doubling())
    assert tally == Tally(answered=7, resumed=5)
    assert [row["id"] for row in answers] == list(range(12))


def test_earlier_answers_can_be_asked_for(tmp_path: Path) -> None:
    async def ask() -> list[Answer]:
        answers = Answers(tmp_path / "out.jsonl")

        async def give(value: int) -> Answer:
            return {"id": value}

        answers.start(0, give(10))
        answers.start(1, give(11))
        await answers.write_next()
        found = [await answers.of(0), await answers.of(1)]
        await answers.aclose()
        return found

    assert asyncio.run(ask()) == [{"id": 10}, {"id": 11}]
