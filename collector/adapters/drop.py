"""A folder into which files of stories are dropped: JSONL rows `{id?, url?, text?, title?, date?}`.

Files are read in the order of their names, and may still be growing: a last line that is
half written waits. The cursor is a JSON object of how many bytes and lines of each file
have been read; a file that has shrunk is read anew.
"""

import asyncio
import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from collector.adapters.answers import is_web_url, words
from collector.adapters.broken import Broken
from collector.adapters.jsonl import MAX_ROW, Row, next_row
from collector.adapters.options import Options
from collector.config import SourceConfig
from collector.source import BrokenItem, Item, Listing, SourceError, SourceState

_FIELDS = ("url", "text", "title", "date")
_AT_ONCE = 200
_BYTES_AT_ONCE = 8 << 20


class DropOptions(Options):
    """`folder` holds `*.jsonl` files."""

    folder: Path


@dataclass(frozen=True, slots=True)
class DropFolder:
    """The source."""

    name: str
    every_s: float
    folder: Path
    kind: str = "drop"

    @classmethod
    def from_config(cls, config: SourceConfig) -> "DropFolder":
        """Raises ConfigError."""
        return cls(config.name, config.every_s, DropOptions.of(config).folder)

    async def list(self, state: SourceState) -> Listing:
        """The next rows, at most 200. Raises SourceError where the folder cannot be read."""
        try:
            return await asyncio.to_thread(self._list, state)
        except OSError as error:
            raise SourceError(f"cannot read the folder: {error.strerror}") from error

    async def aclose(self) -> None:
        """Nothing is open."""

    def _list(self, state: SourceState) -> Listing:
        if not self.folder.is_dir():
            raise SourceError("cannot read the folder: it is not there")
        files = sorted(self.folder.glob("*.jsonl"))
        before = _places(state.cursor)
        # Files that are gone are forgotten.
        places = {file.name: before.get(file.name, (0, 0)) for file in files}
        items: list[Item | BrokenItem] = []
        room = _BYTES_AT_ONCE
        for file in files:
            start, lines = places[file.name]
            if file.stat().st_size < start:
                start, lines = 0, 0
            with file.open("rb") as opened:
                opened.seek(start)
                while len(items) < _AT_ONCE and room > 0:
                    line = next_row(opened, lines + 1)
                    if line is None:
                        break
                    room -= opened.tell() - start
                    start, lines = opened.tell(), lines + line.ended
                    if line.text is None or line.text.strip():
                        items.append(_item(file.name, line))
            places[file.name] = (start, lines)
        more = len(items) >= _AT_ONCE or room <= 0
        return Listing(tuple(items), SourceState(json.dumps(places, sort_keys=True)), more=more)


def _places(cursor: str | None) -> dict[str, tuple[int, int]]:
    """Bytes and lines read of each file; an unreadable cursor begins anew."""
    try:
        return {
            name: (int(at), int(line)) for name, (at, line) in json.loads(cursor or "{}").items()
        }
    except (ValueError, TypeError, AttributeError):
        return {}


def _item(file: str, line: Row) -> Item | BrokenItem:
    """A row's item, known by where it stands and what it says; rows may share an id."""
    reference = f"{file}:{line.number}"
    if line.text is None:
        key = f"{file}:{line.start}"
        error = f"longer than {MAX_ROW >> 20} MiB"
        return BrokenItem(key, Broken.ROW_TOO_LONG, error, reference)
    # With what it says: another file may be put in this one's place.
    key = f"{file}:{line.start}:{sha256(line.text.strip()).hexdigest()[:16]}"
    try:
        row = json.loads(line.text)
    except (ValueError, RecursionError) as error:
        return BrokenItem(key, Broken.INVALID_ROW, f"not JSON: {type(error).__name__}", reference)
    if not isinstance(row, dict):
        return BrokenItem(key, Broken.INVALID_ROW, "not a JSON object", reference)
    wrong = [name for name in _FIELDS if not isinstance(row.get(name) or "", str)]
    if wrong:
        return BrokenItem(key, Broken.INVALID_ROW, f"{wrong[0]} is no string", reference)
    url, text, title, date = (words(row, name) for name in _FIELDS)
    if url is None and text is None:
        return BrokenItem(key, Broken.EMPTY, "neither url nor text", reference)
    if url is not None and not is_web_url(url):
        return BrokenItem(key, Broken.INVALID_URL, "the url is no web page's", reference)
    return Item(key, url, title, text, date, reference)
