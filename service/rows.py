"""Rows in and out of files for the command line: JSONL, gzipped JSONL or Parquet by name."""

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
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
        self.done = _keep_whole_lines(self._part)
        self._file = self._part.open("ab")

    def written(self) -> Iterator[tuple[int, Row]]:
        """The rows so far and where in the part file each starts, for `row_at`."""
        with self._part.open("rb") as lines:
            start = 0
            for line in lines:
                yield start, json.loads(line)
                start += len(line)

    def row_at(self, start: int) -> Row:
        """The row that `written` or `write` said starts there."""
        with self._part.open("rb") as lines:
            lines.seek(start)
            row: Row = json.loads(lines.readline())
            return row

    def write(self, rows: Sequence[Row]) -> int:
        """Append rows and hand them to the operating system; where the first one starts."""
        start = self._file.tell()
        for row in rows:
            line = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
            self._file.write(line.encode("utf-8", "surrogatepass") + b"\n")
        self._file.flush()
        return start

    def close(self) -> None:
        """Stop, keeping the part file for a later run."""
        self._file.close()

    def finish(self) -> None:
        """Make the whole file from the part file."""
        self._file.close()
        if self._path.suffix == ".parquet":
            _to_parquet(self._part, self._path)
            self._part.unlink()
        elif self._path.suffix == ".gz":
            with self._part.open("rb") as plain, gzip.open(self._path, "wb") as packed:
                packed.writelines(plain)
            self._part.unlink()
        else:
            self._part.replace(self._path)


def _keep_whole_lines(part: Path) -> int:
    """Cut off a half-written last line; the number of whole ones."""
    if not part.exists():
        return 0
    with part.open("rb+") as file:
        whole = lines = 0
        for line in file:
            if line.endswith(b"\n"):
                whole += len(line)
                lines += 1
        file.truncate(whole)
    return lines


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
