"""Scores the extractor side by side with trafilatura's defaults, page by page in one run.

    python -m bench.extract --held-out [--pages ../shared/pages]

With --held-out the trees that find the body are fitted anew for each fifth of the
sites, on the pages of all other sites, and the figures are written to
bench/results/extract.json. Without it the shipped trees are scored, which have
seen these pages.

Body F1 is of 4-word shingles, mean over pages; a page that gets an error counts
with an empty body. Titles count where they are equal, and again where their words
are; dates where they are equal; authors where the set of names is. Milliseconds are
medians, each page read by one after the other; the ratio is the median over pages.
"""

import argparse
import json
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import trafilatura

from bench.pages import (
    DATA,
    body_f1,
    data_hash,
    page_bytes,
    page_files,
    plain,
    read_pages,
    set_name,
)
from service.body import Trees, shipped_trees
from service.errors import ServiceError
from service.extract import extract
from service.settings import ROOT
from service.story import Story

RESULTS = Path(__file__).parent / "results" / "extract.json"
Read = Callable[[bytes, str], Story]


@dataclass(frozen=True)
class Score:
    """What one extractor reached on one set of pages; None where the set does not tell."""

    pages: int
    body_f1: float
    title_exact: float | None
    title_words: float | None
    date_exact: float | None
    authors_exact: float | None
    ms: float
    errors: dict[str, int]


@dataclass
class Tally:
    """One extractor's results on a set, page by page."""

    body: list[float] = field(default_factory=list)
    title: list[bool] = field(default_factory=list)
    words: list[bool] = field(default_factory=list)
    date: list[bool] = field(default_factory=list)
    authors: list[bool] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    def add(self, row: Mapping[str, Any], read: Read) -> None:
        """Read one page and compare with what is known of it."""
        html = page_bytes(dict(row))
        started = time.perf_counter()
        try:
            story = read(html, row["url"])
        except ServiceError as error:
            story = Story(text="")
            self.errors[error.error_type] += 1
        self.ms.append(1000 * (time.perf_counter() - started))
        if read is _trafilatura:  # its metadata is scored, but its default call does without
            story = _with_metadata(story, html, row["url"])
        self.body.append(body_f1(row["text"], story.text))
        if row.get("title"):
            self.title.append(story.title == row["title"].strip())
            self.words.append(plain(story.title) == plain(row["title"]))
        if row.get("date"):
            self.date.append(story.date == row["date"])
        if row.get("authors"):
            self.authors.append(_names(story.authors) == _names(row["authors"]))

    def score(self) -> Score:
        """The means, and the median time."""
        return Score(
            pages=len(self.body),
            body_f1=round(statistics.mean(self.body), 4),
            title_exact=_share(self.title),
            title_words=_share(self.words),
            date_exact=_share(self.date),
            authors_exact=_share(self.authors),
            ms=round(statistics.median(self.ms), 1),
            errors=dict(self.errors),
        )


def _share(values: list[bool]) -> float | None:
    return round(statistics.mean(values), 4) if values else None


def _trafilatura(html: bytes, url: str) -> Story:
    return Story(text=trafilatura.extract(html) or "")


def _with_metadata(story: Story, html: bytes, url: str) -> Story:
    found = trafilatura.extract_metadata(html, default_url=url)
    authors = tuple((found.author or "").split("; "))
    return replace(story, title=found.title, date=found.date, authors=authors)


def _names(authors: str | list[str] | tuple[str, ...]) -> set[str]:
    listed = authors.split(",") if isinstance(authors, str) else authors
    return {plain(name) for name in listed} - {""}


def held_out_trees(folder: Path) -> dict[tuple[str, str], Trees]:
    """Per set and page id, trees that were fitted without any page of its site."""
    from training.body_trees import folds, label_pages  # scikit-learn: not for the plain scores

    pages = list(label_pages(folder))
    return {(page.corpus, page.name): trees for trees, unseen in folds(pages) for page in unseen}


def compare(path: Path, trees: Mapping[tuple[str, str], Trees]) -> dict[str, object]:
    """Both extractors on one set; pages without trees of their own are read with the shipped."""
    ours, theirs = Tally(), Tally()
    for row in read_pages(path):
        chosen = trees.get((set_name(path), row["id"]), shipped_trees())
        theirs.add(row, _trafilatura)
        ours.add(row, partial(extract, trees=chosen))
    ratio = statistics.median(a / b for a, b in zip(ours.ms, theirs.ms, strict=True))
    found = {"ours": asdict(ours.score()), "trafilatura": asdict(theirs.score())}
    print(f"{set_name(path)}: time ratio {ratio:.2f}")
    for name, score in found.items():
        print(f"  {name:12} {score}", flush=True)
    return {**found, "ms_ratio": round(ratio, 2)}


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()


def main() -> None:
    """Score, print, and keep held-out figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=Path, default=DATA / "pages", help="folder of *.jsonl.gz")
    parser.add_argument("--held-out", action="store_true", help="with trees of other sites")
    given = parser.parse_args()
    trees = held_out_trees(given.pages) if given.held_out else {}
    sets = {set_name(path): compare(path, trees) for path in page_files(given.pages)}
    if given.held_out:
        result = {
            "date": datetime.now(UTC).date().isoformat(),
            "commit": _commit(),
            "data": data_hash(given.pages),
            "trafilatura": trafilatura.__version__,
            "sets": sets,
        }
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(result, indent=1) + "\n")
        print(f"wrote {RESULTS}")


if __name__ == "__main__":
    main()
