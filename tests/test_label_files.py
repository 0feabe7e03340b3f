"""Label files: every format gives the same stories, and every fault is named."""

import gzip
import json
from pathlib import Path

import pytest

from service.labels import FORCE_CODES, RELATIONS
from service.story import Span
from tests.conftest import ROOT
from training.examples import NOT_REPORT, Example, LabelError, read_labels

TEXT = "It rained. An officer tased a man.\nHe was thrown down, too."
ROW = {
    "id": "1",
    "title": "Officer tases man",
    "text": TEXT,
    "relation": "report",
    "force": ["electric", "hard_hands"],
    "fatal": False,
    "evidence": ["An officer tased a man.", "He was thrown down, too."],
    "incident": "man-akron-2020",
    "source": "akron",
}
HEADER = "id,title,text,relation,force,fatal,evidence,incident,source\n"
SHEET = (
    f'1,Officer tases man,"{TEXT}",report,electric; hard_hands,FALSE,'
    '"An officer tased a man.| He was thrown down, too.",man-akron-2020,akron\n'
)


def answer(name: str, value: object) -> dict[str, object]:
    kind = "choices" if isinstance(value, dict) and "choices" in value else "labels"
    return {"id": name, "from_name": name, "to_name": "text", "type": kind, "value": value}


def span(start: int, end: int, quoted: str | None = None) -> dict[str, object]:
    value: dict[str, object] = {"start": start, "end": end, "labels": ["states force"]}
    return answer("evidence", value if quoted is None else {**value, "text": quoted})


def task(*result: dict[str, object], **changes: object) -> dict[str, object]:
    annotation = {"id": 9, "result": list(result), "was_cancelled": False}
    data = {"id": "1", "title": "Officer tases man", "text": TEXT, "source": "akron"}
    return {"id": 70, "data": data, "annotations": [annotation], "predictions": [], **changes}


def relation(name: str) -> dict[str, object]:
    return answer("relation", {"choices": [name]})


FULL = task(
    relation("report"),
    answer("force", {"choices": ["electric", "hard_hands"]}),
    answer("fatal", {"choices": ["false"]}),
    answer("incident", {"text": ["man-akron-2020"]}),
    answer("note", {"text": ["unsure"]}),
    span(11, 34, "An officer tased a man."),
    span(35, 59),
)


def read(path: Path, content: str | bytes) -> list[Example]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_labels(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mine.jsonl", json.dumps(ROW)),
        ("mine.jsonl", b"\xef\xbb\xbf" + json.dumps(ROW).encode() + b"\n\n"),
        ("mine.JSONL.gz", gzip.compress(json.dumps(ROW).encode())),
        ("mine.csv", HEADER + SHEET),
        ("mine.csv", "\ufeff" + HEADER + SHEET.replace("; ", "|") + "\n,,,,,,,,\n"),
        ("mine.json", json.dumps([FULL])),
    ],
)
def test_every_format_gives_the_same_story(tmp_path: Path, name: str, content: str | bytes) -> None:
    (example,) = read(tmp_path / name, content)
    assert example == Example(
        id="1",
        source="akron",
        group="man-akron-2020",
        title="Officer tases man",
        text=TEXT,
        relation="report",
        force=("electric", "hard_hands"),
        fatal=False,
        evidence=(Span(11, 34), Span(35, 59)),
    )


def test_empty_cells_are_unknown(tmp_path: Path) -> None:
    (example,) = read(tmp_path / "mine.csv", HEADER + "1,,Some text.,mention,,,,,\n")
    assert (example.title, example.force, example.fatal, example.evidence) == (None,) * 4
    assert (example.source, example.group) == ("mine", "1")


@pytest.mark.parametrize(
    ("label", "relation"), [("brutality", "report"), ("none", NOT_REPORT), ("None", None)]
)
def test_reviews_of_the_service(tmp_path: Path, label: str, relation: str | None) -> None:
    review = {"id": "r", "text": TEXT, "label": label, "reviewer": "jo", "reviewed_at": "2021"}
    spans = {"evidence": [{"text": "An officer tased a man.", "start": 11, "end": 34, "score": 1}]}
    path = tmp_path / "reviews.jsonl"
    if relation is None:
        with pytest.raises(LabelError, match="row 1, field 'label'"):
            read(path, json.dumps(review))
        return
    (example,) = read(path, json.dumps({**review, **spans, "note": "clear"}))
    assert (example.relation, example.evidence) == (relation, (Span(11, 34),))


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("mine.xlsx", "PK", r"mine\.xlsx: not a \.jsonl"),
        ("mine.jsonl", "\n", r"mine\.jsonl: holds no labelled story"),
        ("mine.jsonl", b'{"id": "\xff"}', "row 1, field '.row.': not JSON"),
        ("mine.jsonl", json.dumps({**ROW, "text": "\ud800 x"}), "row 1, field 'text': half"),
        ("mine.jsonl.gz", gzip.compress(json.dumps(ROW).encode())[:-9], "not a whole gzip"),
        ("mine.jsonl.gz", json.dumps(ROW), "not a whole gzip"),
        ("mine.jsonl", json.dumps(ROW) + "\n" + json.dumps(ROW), "row 2, field 'id': '1' is"),
        ("mine.csv", "", "row 1, field 'id': no such column"),
        ("mine.csv", "id;text;relation\n", "row 1, field 'id': no such column"),
        ("mine.csv", "id,text,relation\n1,T,report,x\n", "row 2, field '.row.': more cells"),
        ("mine.csv", "id,text,relation\n1,T,none\n\n2,T,maybe\n", "row 4, field 'relation'"),
        ("mine.csv", "id,text,relation\n1,T,\n", "row 2, field 'relation': missing"),
        ("mine.csv", "id,text,relation,fatal\n1,T,none,no\n", "row 2, field 'fatal'"),
        ("mine.csv", "id,text,relation,force\n1,T,none,gun\n", "row 2, field 'force'"),
        ("mine.csv", 'id,text,relation\n1,"T,none\n', "row 2, field '.row.': not CSV"),
        ("mine.csv", b"id,text,relation\n1,caf\xe9,none\n", "not UTF-8 at line 2"),
        ("mine.json", "{", r"mine\.json: not JSON"),
        ("mine.json", json.dumps(ROW), "not a Label Studio export, which is a list"),
        ("mine.json", json.dumps([ROW]), "row 1, field 'data'"),
        ("mine.json", json.dumps([FULL, {"data": {"text": TEXT}}]), "row 2, field 'annotations'"),
        ("mine.json", json.dumps([task(annotations=[])]), "task 70 is not annotated yet"),
        ("mine.json", json.dumps([task()]), "row 1, field 'relation': missing"),
        ("mine.json", json.dumps([task(relation("maybe"))]), "row 1, field 'relation'"),
        ("mine.json", json.dumps([task(relation("report"), span(3, 99))]), "evi"),
        ("mine.json", json.dumps([task(relation("report"), span(0, 5, "man"))]), "'evidence': not"),
        ("mine.json", json.dumps([task(answer("force", {"rating": 3}))]), "row 1, field 'force'"),
    ],
)
def test_every_fault_is_named(tmp_path: Path, name: str, content: str | bytes, named: str) -> None:
    with pytest.raises(LabelError, match=named):
        read(tmp_path / name, content)


def test_the_annotation_made_last_counts_and_skipped_tasks_are_left_out(tmp_path: Path) -> None:
    def made(day: int, name: str, skipped: bool = False) -> dict[str, object]:
        at = f"2024-05-0{day}T08:00:00.000000Z"
        return {"result": [relation(name)], "created_at": at, "was_cancelled": skipped}

    several = task(annotations=[made(2, "mention"), made(1, "report"), made(3, "none", True)])
    skipped = task(annotations=[made(1, "report", True)])
    unnamed = {**task(relation("none")), "data": {"text": TEXT, "title": ""}}
    first, second = read(tmp_path / "mine.json", json.dumps([several, skipped, unnamed]))
    assert (first.id, first.relation) == ("1", "mention")
    assert (second.id, second.title, second.evidence) == ("task-70", None, ())


def test_offsets_in_utf_16_units_are_understood_by_the_words_they_quote(tmp_path: Path) -> None:
    text = "👮🚓 seen. Police fired.\nHe fell."
    at = text.index("Police")
    marks = [span(at + 2, at + 2 + 22, "Police fired.\\nHe fell."), span(at, at + 6, "Police ")]
    story = task(relation("report"), *marks, data={"id": "1", "text": text})
    (example,) = read(tmp_path / "mine.json", json.dumps([story]))
    assert example.evidence == (Span(at, len(text)), Span(at, at + 6))


def test_the_label_studio_project_offers_what_is_read() -> None:
    from xml.etree import ElementTree

    root = ElementTree.parse(ROOT / "training" / "label_studio.xml").getroot()
    offered = {
        choices.attrib["name"]: tuple(choice.attrib["value"] for choice in choices)
        for choices in root.iter("Choices")
    }
    assert offered == {"relation": RELATIONS, "force": FORCE_CODES, "fatal": ("true", "false")}
    assert [e.attrib["name"] for tag in ("Labels", "TextArea") for e in root.iter(tag)] == [
        "evidence",
        "incident",
    ]
    assert {e.attrib["toName"] for e in root.iter() if "toName" in e.attrib} == {"text"}
