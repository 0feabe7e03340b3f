"""The lines of a JSONL file that may still be growing, each of bounded size."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MAX_ROW = 4 << 20  # bytes
# A last line without an end is half written, unless nothing was written for so long.
_STILL_S = 3600.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line: `start` in bytes, `number` from 1; `text` is None where it is over MAX_ROW."""

    text: bytes | None
    start: int
    number: int
    ended: bool


def next_row(opened: BinaryIO, number: int) -> Row | None:
    """The next line, or None, without moving on, where there is none or it is half written."""
    start = opened.tell()
    text = part = opened.readline(MAX_ROW)
    while len(part) == MAX_ROW and not part.endswith(b"\n"):
        part = opened.readline(MAX_ROW)  # the rest of a row that is too long
    held = opened.tell() - start == len(text)
    ended = (part or text).endswith(b"\n")
    if not text:
        return None
    if not ended and not (held and _is_whole(text)) and not _is_still(opened):
        opened.seek(start)
        return None
    return Row(text if held else None, start, number, ended)


def _is_whole(text: bytes) -> bool:
    """Whether a line without an end is a whole row: no beginning of an object is one."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _is_still(opened: BinaryIO) -> bool:
    return time.time() - Path(opened.name).stat().st_mtime > _STILL_S
