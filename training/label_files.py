"""The rows of label files in every format, under the field names of `training.examples`.

- .jsonl, .jsonl.gz: one JSON object a line; also the service's review export.
- .csv: UTF-8, commas, a header with the field names; `force` codes parted by ; or |,
  `evidence` sentences by |, `fatal` true or false; an empty cell is an unknown field.
- .json: Label Studio's JSON export, see `training.label_studio`.

A row's number is its line (JSONL), its row in the sheet with the header as row 1
(CSV), or the place of its task (Label Studio), from 1.
"""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from training.errors import LabelError
from training.label_studio import read_tasks

Numbered = tuple[int, Mapping[str, object]]


def read_rows(path: Path) -> Iterator[Numbered]:
    """Every row with its number, read by suffix and not yet checked.

    Raises LabelError for what is no such file, OSError for what cannot be opened.
    """
    name = path.name.lower()
    if name.endswith((".jsonl", ".jsonl.gz")):
        return _jsonl(path)
    if name.endswith(".csv"):
        return _csv(path)
    if name.endswith(".json"):
        return read_tasks(path)
    raise LabelError(path, None, "(file)", "not a .jsonl, .jsonl.gz, .csv or .json file")


def _jsonl(path: Path) -> Iterator[Numbered]:
    with _opened(path) as lines:
        for number, line in enumerate(_lines(path, lines), 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise LabelError(path, number, "(row)", f"not JSON: {error}") from error
            if not isinstance(row, dict):
                raise LabelError(path, number, "(row)", "not a JSON object")
            yield number, row


def _opened(path: Path) -> BinaryIO:
    if path.suffix.lower() == ".gz":
        return cast(BinaryIO, gzip.open(path))
    return path.open("rb")


def _lines(path: Path, lines: BinaryIO) -> Iterator[bytes]:
    try:
        yield from lines
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise LabelError(path, None, "(file)", f"not a whole gzip file: {error}") from error


def _csv(path: Path) -> Iterator[Numbered]:
    rows = _cells(path)
    header = [name.strip() for name in next(rows, (1, []))[1]]
    for name in ("id", "text"):
        if name not in header:
            raise LabelError(path, 1, name, f"no such column; the header says {header}")
    for number, cells in rows:
        if len(cells) > len(header):
            raise LabelError(path, number, "(row)", "more cells than the header has columns")
        if any(cell.strip() for cell in cells):
            yield number, _from_cells(header, cells)


def _cells(path: Path) -> Iterator[tuple[int, list[str]]]:
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LabelError(path, None, "(file)", f"not UTF-8 at line {line}") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            yield number, cells
    except csv.Error as error:
        raise LabelError(path, number + 1, "(row)", f"not CSV: {error}") from error


def _from_cells(header: Sequence[str], cells: Sequence[str]) -> Mapping[str, object]:
    row: dict[str, object] = {
        name: cell for name, cell in zip(header, cells, strict=False) if cell.strip()
    }
    for name, marks in (("force", r"[;|]"), ("evidence", r"\|")):
        if name in row:
            pieces = re.split(marks, str(row[name]))
            row[name] = [piece.strip() for piece in pieces if piece.strip()]
    truth = {"true": True, "false": False}
    if "fatal" in row:
        row["fatal"] = truth.get(str(row["fatal"]).strip().lower(), row["fatal"])
    for name in ("relation", "label"):
        if name in row:
            row[name] = str(row[name]).strip()
    return row
