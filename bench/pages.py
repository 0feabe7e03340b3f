"""Web pages with known text for measuring: their files, their bytes, and the F1 of a body."""

import gzip
import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("BRUTALITY_WATCH_DATA", Path(__file__).parents[2] / "shared"))
_WORD = re.compile(r"\w+")


def read_pages(path: Path) -> Iterator[dict[str, Any]]:
    """Rows `{id, url, html, html_encoding, text, title, date, authors}` of one file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def page_files(folder: Path) -> list[Path]:
    """The files of pages in a folder, each a set of its own; raises FileNotFoundError for none."""
    found = sorted(folder.glob("*.jsonl.gz"))
    if not found:
        raise FileNotFoundError(f"no *.jsonl.gz in {folder}")
    return found


def set_name(path: Path) -> str:
    """What the set of pages in a file is called."""
    return path.name.partition(".")[0]


def data_hash(folder: Path) -> str:
    """SHA-256 over the files of pages, by which a measurement names its data."""
    digest = hashlib.sha256()
    for path in page_files(folder):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def page_bytes(row: dict[str, Any]) -> bytes:
    """The page as it came off the wire."""
    html: str = row["html"]
    return html.encode("utf-8" if row["html_encoding"] == "utf8" else "latin-1")


def body_f1(gold: str, found: str) -> float:
    """F1 of the 4-word shingles of two texts, counting repeats."""
    mine, theirs = _shingles(gold), _shingles(found)
    shared = (mine & theirs).total()
    return 2 * shared / (mine.total() + theirs.total()) if shared else 0.0


def _shingles(text: str) -> Counter[tuple[str, ...]]:
    words = _WORD.findall(text)
    if len(words) < 4:
        return Counter([tuple(words)])
    return Counter(zip(*(words[i:] for i in range(4)), strict=False))


def plain(text: str | None) -> str:
    """A title's words, however it is set: lower case, without punctuation."""
    return " ".join(_WORD.findall((text or "").lower()))
