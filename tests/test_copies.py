"""Copies of earlier rows are found, cheaply, and are not judged again."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from service.__main__ import main
from service.copies import CopyIndex
from service.fingerprint import fingerprint
from tests.conftest import DATA

STORIES = [json.loads(line) for line in (DATA / "stories.jsonl").read_text().splitlines()]
LEAD = "A resident of the valley was among those who saw it, neighbors told this paper. "
WORDS = "police officer council street man woman said county court judge river school".split()


def invented(seed: int, words: int = 300) -> str:
    """A text of its own for every seed."""
    chance = random.Random(seed)
    return " ".join(f"{chance.choice(WORDS)} {chance.randrange(1000)}" for _ in range(words))


def test_finds_the_original_of_cut_and_extended_copies_among_thousands() -> None:
    index = CopyIndex()
    texts = [invented(seed) for seed in range(1000)]
    for text in texts:
        assert index.find(fingerprint(text)) is None
        index.add(fingerprint(text))
    for number in range(0, 1000, 20):
        text = texts[number]
        for copy in (text, LEAD + text, text[: len(text) // 2], text + " " + invented(-1, 60)):
            assert index.find(fingerprint(copy)) == number


def test_a_phrase_that_all_stories_share_makes_none_a_copy() -> None:
    index = CopyIndex()
    for seed in range(300):
        text = f"This story was written with the help of readers like you. {invented(seed, 100)}"
        assert index.find(fingerprint(text)) is None
        index.add(fingerprint(text))


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def score(tmp_path: Path, rows: list[dict[str, Any]], *options: str) -> list[dict[str, Any]]:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["score", str(source), str(out), *options]) == 0
    return read(out)


ROWS = [
    {"id": "first", "text": STORIES[0]["text"]},
    {"id": "empty", "text": ""},
    {"id": "other", "text": STORIES[1]["text"]},
    {"id": "copy", "text": STORIES[0]["text"] + " " + LEAD},
    {"id": "empty again", "text": ""},
    {"id": "copy of copy", "text": LEAD + STORIES[0]["text"]},
    {"id": "other again", "text": STORIES[1]["text"].upper()},
]


def test_score_gives_copies_the_answer_of_their_original(tmp_path: Path) -> None:
    answers = score(tmp_path, ROWS, "--dedupe")
    assert [row["id"] for row in answers] == [row["id"] for row in ROWS]
    first, empty, other, copy, empty_again, again, other_again = answers
    assert "duplicate_of" not in first | other | empty | empty_again
    assert copy == {**first, "id": "copy", "duplicate_of": "first"}
    assert again == {**first, "id": "copy of copy", "duplicate_of": "first"}
    assert other_again == {**other, "id": "other again", "duplicate_of": "other"}
    assert empty["error_type"] == empty_again["error_type"] == "too_short"


def test_score_judges_every_row_unless_asked(tmp_path: Path) -> None:
    assert all("duplicate_of" not in row for row in score(tmp_path, ROWS))


@pytest.mark.parametrize("done", [1, 3, 4, 6])
def test_copies_of_rows_that_an_earlier_run_answered_are_found(tmp_path: Path, done: int) -> None:
    whole = score(tmp_path, ROWS, "--dedupe")
    part = "".join(json.dumps(row) + "\n" for row in whole[:done])
    (tmp_path / "out.jsonl.part").write_text(part + '{"id":"cut off')
    (tmp_path / "out.jsonl").unlink()
    assert score(tmp_path, ROWS, "--dedupe") == whole
