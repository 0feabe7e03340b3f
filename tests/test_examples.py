"""Label files: what is read, and that a bad row is named."""

import json
from pathlib import Path

import pytest

from service.story import Span
from tests.conftest import ROOT
from training.examples import LabelError, read_labels

ROW = {
    "id": "1",
    "title": "Officer shoots man",
    "text": "It rained. An officer shot a man. He lived.",
    "relation": "report",
    "force": ["firearm"],
    "fatal": False,
    "evidence": ["An officer shot a man."],
    "incident": "man-akron-2020",
}


def write(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows))
    return path


def test_a_full_row(tmp_path: Path) -> None:
    (example,) = read_labels(write(tmp_path / "mine.jsonl", ROW))
    assert example.evidence == (Span(11, 33),)
    assert (example.source, example.group) == ("mine", "man-akron-2020")
    assert (example.force, example.fatal) == (("firearm",), False)


def test_a_bare_row(tmp_path: Path) -> None:
    bare = {"id": "1", "text": "A text.", "relation": "mention"}
    (example,) = read_labels(write(tmp_path / "mine.jsonl", bare))
    assert (example.title, example.evidence, example.force) == (None, None, None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"relation": "maybe"}, "relation"),
        ({"text": "  "}, "text"),
        ({"text": None}, "text"),
        ({"id": None}, "id"),
        ({"title": 5}, "title"),
        ({"force": ["gun"]}, "force"),
        ({"force": "firearm"}, "force"),
        ({"fatal": "no"}, "fatal"),
        ({"evidence": ["not in it"]}, "evidence"),
        ({"evidence": [[5, 3]]}, "evidence"),
        ({"evidence": [[0, 999]]}, "evidence"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, change: dict[str, object], field: str) -> None:
    path = write(tmp_path / "mine.jsonl", ROW, {**ROW, **change})
    with pytest.raises(LabelError, match=rf"mine\.jsonl, row 2, field '{field}'"):
        read_labels(path)


@pytest.mark.parametrize("line", ["not json", "[1]"])
def test_a_line_that_is_no_object_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(LabelError, match="row 1"):
        read_labels(write(tmp_path / "mine.jsonl", line))


def test_the_shipped_stories_are_valid_and_have_unique_ids() -> None:
    files = sorted((ROOT / "training" / "stories").glob("*.jsonl"))
    ids = [example.id for path in files for example in read_labels(path)]
    assert len(ids) == len(set(ids)) > 1700
