"""Labelled stories, read from files and checked row by row."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from service.labels import FORCE_CODES, RELATIONS
from service.story import Span

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


class LabelError(Exception):
    """A row of a label file that cannot be used; names file, row and field."""

    def __init__(self, path: Path, row: int, field: str, problem: str) -> None:
        super().__init__(f"{path}, row {row}, field {field!r}: {problem}")
        self.path = path
        self.row = row
        self.field = field


def read_rows(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    """The JSON objects of a JSONL file with their row numbers from 1. Raises LabelError."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise LabelError(path, number, "(row)", f"not JSON: {error}") from error
            if not isinstance(row, dict):
                raise LabelError(path, number, "(row)", "not a JSON object")
            yield number, row


def read_labels(path: Path) -> list[Example]:
    """Labelled stories from a JSONL file. Raises LabelError at the first bad row.

    A row is `{id, text, relation, title|headline?, force?, fatal?, evidence?,
    incident|pair?, source?, outlet?, date?}`; `evidence` holds sentences copied
    from the text or `[start, end]` spans.
    """
    return [_example(path, number, row) for number, row in read_rows(path)]


def _example(path: Path, number: int, row: Mapping[str, object]) -> Example:
    text = _string(path, number, row, "text")
    relation = _string(path, number, row, "relation")
    if relation not in (*RELATIONS, NOT_REPORT):
        raise LabelError(path, number, "relation", f"{relation!r} is none of {RELATIONS}")
    name = _string(path, number, row, "id")
    title = row.get("title", row.get("headline"))
    if title is not None and not isinstance(title, str):
        raise LabelError(path, number, "title", "not a string")
    return Example(
        id=name,
        source=str(row.get("source") or path.stem),
        group=str(row.get("incident") or row.get("pair") or name),
        title=title,
        text=text,
        relation=relation,
        force=_force(path, number, row, relation),
        fatal=_fatal(path, number, row),
        evidence=_evidence(path, number, row, text, relation),
        outlet=None if row.get("outlet") is None else str(row["outlet"]),
        date=None if row.get("date") is None else str(row["date"]),
    )


def _string(path: Path, number: int, row: Mapping[str, object], field: str) -> str:
    value = row.get(field)
    if not isinstance(value, str) or not value.strip():
        raise LabelError(path, number, field, "missing, empty or not a string")
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
        case [int(start), int(end)] if 0 <= start < end <= len(text):
            return Span(start, end)
        case _:
            raise LabelError(path, number, "evidence", f"not in the text: {str(piece)[:60]!r}")
