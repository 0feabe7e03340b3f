"""Rows in and out of files for the command line: JSONL, gzipped JSONL or Parquet by name."""

import gzip
import json
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from service.errors import ErrorType, ServiceError

Row = Mapping[str, Any]


class RowsError(Exception):
    """A file of rows that cannot be read or written at all."""


def count_rows(path: Path) -> int:
    """How many rows the file holds; blank lines do not count."""
    if path.suffix == ".parquet":
        return int(_parquet().ParquetFile(path).metadata.num_rows)
    with _open(path, "rb") as lines:
        return sum(1 for line in lines if line.strip())


def read_rows(path: Path) -> Iterator[Row | ServiceError]:
    """The rows in order; a line that is no JSON object comes as the error it is."""
    if path.suffix == ".parquet":
        for batch in _parquet().ParquetFile(path).iter_batches(batch_size=256):
            yield from batch.to_pylist()
        return
    with _open(path, "rb") as lines:
        for line in lines:
            if line.strip():
                yield _parse(line)


def _parse(line: bytes) -> Row | ServiceError:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return ServiceError(ErrorType.INVALID_REQUEST, f"The row is not JSON: {error}")
    if not isinstance(row, dict):
        return ServiceError(ErrorType.INVALID_REQUEST, "The row is not a JSON object.")
    return row


class RowWriter:
    """Appends JSON rows to `<path>.part`; `finish` turns that into the file asked for.

    A run that was cut off leaves the part file; the next run goes on after its
    last whole row (`done` rows).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._starts = _whole_lines(self._part)
        self._end = self._starts.pop()
        self.done = len(self._starts)
        self._file = self._part.open("ab")

    def rows(self) -> Iterator[Row]:
        """The rows in the part file, in order."""
        with self._part.open("rb") as lines:
            yield from map(json.loads, lines)

    def row(self, number: int) -> Row:
        """The row of this number, from 0, which must have been written."""
        with self._part.open("rb") as lines:
            lines.seek(self._starts[number])
            row: Row = json.loads(lines.readline())
            return row

    def write(self, row: Row) -> None:
        """Append a row and hand it to the operating system."""
        text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        line = text.encode("utf-8", "surrogatepass") + b"\n"
        self._file.write(line)
        self._file.flush()
        self._starts.append(self._end)
        self._end += len(line)

    def close(self) -> None:
        """Stop, keeping the part file for a later run."""
        self._file.close()

    def finish(self) -> None:
        """Make the whole file from the part file; OUT is never seen half-written."""
        self._file.close()
        pack = {".parquet": _to_parquet, ".gz": _to_gzip}.get(self._path.suffix)
        if pack is None:
            self._part.replace(self._path)
            return
        whole = self._path.with_name(self._path.name + ".whole")
        pack(self._part, whole)
        whole.replace(self._path)
        self._part.unlink()


def _whole_lines(part: Path) -> "array[int]":
    """Where each line of the part file starts, and the last one ends; half a line is cut off."""
    ends = array("Q", [0])
    if part.exists():
        with part.open("rb+") as file:
            for line in file:
                if line.endswith(b"\n"):
                    ends.append(ends[-1] + len(line))
            file.truncate(ends[-1])
    return ends


def _to_gzip(part: Path, out: Path) -> None:
    with part.open("rb") as plain, gzip.open(out, "wb") as packed:
        packed.writelines(plain)


def _to_parquet(part: Path, out: Path) -> None:
    """Nested fields become JSON strings: every row then has the same flat columns."""
    parquet = _parquet()
    import pyarrow

    with part.open("rb") as lines:
        rows = [json.loads(line) for line in lines]
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [_flat(row.get(name)) for row in rows] for name in names}
    parquet.write_table(pyarrow.table(columns), out)


def _flat(value: object) -> object:
    return json.dumps(value) if isinstance(value, dict | list) else value


def _open(path: Path, mode: str) -> IO[bytes]:
    if path.suffix == ".gz":
        return gzip.open(path, mode)  # type: ignore[return-value]
    return path.open(mode)


def _parquet() -> ModuleType:
    """pyarrow.parquet: 170 MB, so it is no part of what serving installs."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise RowsError(
            "Parquet needs one more package: pip install -r requirements-parquet.txt"
        ) from error
    module: ModuleType = pyarrow.parquet
    return module
