"""Labelled stories, read from files and checked row by row."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from service.labels import FORCE_CODES, NEGATIVE_LABEL, POSITIVE_LABEL, RELATIONS
from service.story import Span
from training.errors import LabelError as LabelError
from training.label_files import read_rows

# "Not a report, but whether mention or none is unknown": a partial label.
NOT_REPORT = "not_report"


@dataclass(frozen=True)
class Example:
    """One labelled story.

    `group` ties together stories about one event: they never straddle a split.
    `force`, `fatal` and `evidence` are None where unknown; an empty `evidence`
    says that no sentence of the text states force. Spans are into `text`.
    """

    id: str
    source: str
    group: str
    title: str | None
    text: str
    relation: str
    force: tuple[str, ...] | None = None
    fatal: bool | None = None
    evidence: tuple[Span, ...] | None = None
    outlet: str | None = None
    date: str | None = None


def read_labels(path: Path) -> list[Example]:
    """Labelled stories from a file: JSONL, CSV or Label Studio (see training.label_files).

    A row is `{id, text, relation, title|headline?, force?, fatal?, evidence?,
    incident|pair?, source?, outlet?, date?}`; `evidence` holds sentences copied
    from the text or `[start, end]` spans. The service's reviews say `label`
    ("brutality" or "none") in place of `relation`. Other fields are ignored.
    Raises LabelError at the first bad row, at an id that comes twice, and for a
    file without rows; OSError for one that cannot be opened.
    """
    examples: list[Example] = []
    first: dict[str, int] = {}
    for number, row in read_rows(path):
        example = _example(path, number, row)
        if first.setdefault(example.id, number) != number:
            problem = f"{example.id!r} is the id of row {first[example.id]}, too"
            raise LabelError(path, number, "id", problem)
        examples.append(example)
    if not examples:
        raise LabelError(path, None, "(file)", "holds no labelled story")
    return examples


def _example(path: Path, number: int, row: Mapping[str, object]) -> Example:
    text = _string(path, number, row, "text")
    relation = _relation(path, number, row)
    name = _string(path, number, row, "id")
    return Example(
        id=name,
        source=str(row.get("source") or path.stem),
        group=str(row.get("incident") or row.get("pair") or name),
        title=_title(path, number, row),
        text=text,
        relation=relation,
        force=_force(path, number, row, relation),
        fatal=_fatal(path, number, row),
        evidence=_evidence(path, number, row, text, relation),
        outlet=None if row.get("outlet") is None else str(row["outlet"]),
        date=None if row.get("date") is None else str(row["date"]),
    )


def _relation(path: Path, number: int, row: Mapping[str, object]) -> str:
    if row.get("relation") is None and row.get("label") is not None:
        match row["label"]:
            case str(label) if label == POSITIVE_LABEL:
                return "report"
            case str(label) if label == NEGATIVE_LABEL:
                return NOT_REPORT
        labels = (POSITIVE_LABEL, NEGATIVE_LABEL)
        raise LabelError(path, number, "label", f"{row['label']!r} is none of {labels}")
    relation = _string(path, number, row, "relation")
    if relation not in (*RELATIONS, NOT_REPORT):
        raise LabelError(path, number, "relation", f"{relation!r} is none of {RELATIONS}")
    return relation


def _title(path: Path, number: int, row: Mapping[str, object]) -> str | None:
    title = row.get("title", row.get("headline"))
    if title is None or (isinstance(title, str) and not title.strip()):
        return None
    return _string(path, number, {"title": title}, "title")


def _string(path: Path, number: int, row: Mapping[str, object], field: str) -> str:
    value = row.get(field)
    if not isinstance(value, str) or not value.strip():
        raise LabelError(path, number, field, "missing, empty or not a string")
    # A lone surrogate passes json.loads and stops the tokenizer in mid-training.
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise LabelError(path, number, field, "half of a character (a lone surrogate)")
    return value


def _force(
    path: Path, number: int, row: Mapping[str, object], relation: str
) -> tuple[str, ...] | None:
    value = row.get("force")
    if value is None or (relation == "report" and not value):
        return None
    if not isinstance(value, list):
        raise LabelError(path, number, "force", "not a list")
    for code in value:
        if code not in FORCE_CODES:
            raise LabelError(path, number, "force", f"{code!r} is none of {FORCE_CODES}")
    return tuple(value)


def _fatal(path: Path, number: int, row: Mapping[str, object]) -> bool | None:
    value = row.get("fatal")
    if value is not None and not isinstance(value, bool):
        raise LabelError(path, number, "fatal", "neither true, false nor null")
    return value


def _evidence(
    path: Path, number: int, row: Mapping[str, object], text: str, relation: str
) -> tuple[Span, ...] | None:
    value = row.get("evidence")
    if relation == "none":
        return ()
    if not value:
        return None
    if not isinstance(value, list):
        raise LabelError(path, number, "evidence", "not a list")
    return tuple(_span(path, number, piece, text) for piece in value)


def _span(path: Path, number: int, piece: object, text: str) -> Span:
    match piece:
        case str() if piece in text:
            start = text.index(piece)
            return Span(start, start + len(piece))
        case [int(start), int(end)] | {"start": int(start), "end": int(end)} if (
            0 <= start < end <= len(text)
        ):
            return Span(start, end)
        case _:
            raise LabelError(path, number, "evidence", f"not in the text: {str(piece)[:60]!r}")
