"""Scores the extractor side by side with trafilatura's defaults, page by page in one run.

    python -m bench.extract [PAGES_DIR]

Body F1 is of 4-word shingles, mean over pages; title and date are exact; ms is the
median per page, each page read by both, one after the other. Pages that get an
error count with an empty body and are listed by error type.
"""

import argparse
import gzip
import json
import os
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import trafilatura

from service.errors import ServiceError
from service.extract import extract
from service.story import Story

DATA = Path(os.environ.get("BRUTALITY_WATCH_DATA", Path(__file__).parents[2] / "shared"))
_WORD = re.compile(r"\w+")


@dataclass
class Scores:
    """What one extractor reached on one set of pages."""

    body: list[float] = field(default_factory=list)
    title: list[bool] = field(default_factory=list)
    date: list[bool] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    def row(self) -> str:
        def mean(values: list[float] | list[bool]) -> str:
            return f"{statistics.mean(values):7.4f}" if values else "      -"

        return (
            f"{mean(self.body)} {mean(self.title)} {mean(self.date)} "
            f"{statistics.median(self.ms):7.1f}  {dict(self.errors) or ''}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("pages", type=Path, nargs="?", default=DATA / "pages")
    print(f"{'':28}    body   title    date      ms  errors")
    for path in sorted(parser.parse_args().pages.glob("*.jsonl.gz")):
        ours, theirs = Scores(), Scores()
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                _score(theirs, row, _trafilatura)
                _score(ours, row, extract)
        name = path.name.partition(".")[0]
        print(f"{name:15} trafilatura  {theirs.row()}")
        print(f"{name:15} this service {ours.row()}", flush=True)


def _score(scores: Scores, row: dict[str, str], read: Callable[[bytes, str], Story]) -> None:
    html = page_bytes(row)
    started = time.perf_counter()
    try:
        story = read(html, row["url"])
    except ServiceError as error:
        story = Story(text="")
        scores.errors[error.error_type] += 1
    scores.ms.append(1000 * (time.perf_counter() - started))
    if read is _trafilatura:  # its metadata is scored, but its default call does without
        found = trafilatura.extract_metadata(html, default_url=row["url"])
        story = replace(story, title=found.title, date=found.date)
    scores.body.append(body_f1(row["text"], story.text))
    if row.get("title"):
        scores.title.append(_plain(story.title) == _plain(row["title"]))
    if row.get("date"):
        scores.date.append(story.date == row["date"])


def _trafilatura(html: bytes, url: str) -> Story:
    return Story(text=trafilatura.extract(html) or "")


def page_bytes(row: dict[str, str]) -> bytes:
    """The page as it came off the wire, from a row of the pages files."""
    return row["html"].encode("utf-8" if row["html_encoding"] == "utf8" else "latin-1")


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


def _plain(title: str | None) -> str:
    return " ".join(_WORD.findall((title or "").lower()))


if __name__ == "__main__":
    main()
