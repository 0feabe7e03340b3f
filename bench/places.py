"""Scores, speed and memory of the place names: `python -m bench.places --folds 5`.

Reads the own stories and the development sets. With `--folds` every model is fitted anew
without the documents it is measured on, and `bench/results/places.json` is written; without,
the shipped models are measured on what they were fitted on, in a minute. No network.

"With URL" stands for two kinds of text: documents of the toponym sets published by a US outlet
with one home (known from the shipped table or the data's list of outlets), and the local daily's
articles on the Louisville case.
"""

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from bench.place_homes import outlet_homes, write_homes
from bench.place_scores import Atlas, Count, event_counts, located, name_counts, totals
from service.places import Locator
from service.places.gazetteer import Gazetteer
from service.places.locator import MODELS
from service.places.outlets import domain_of
from service.story import Story
from training import places_data
from training.places import examples_of, real_documents
from training.places_data import Document, stories
from training.places_focus_data import LOUISVILLE_URL, Input, all_inputs, spans_of
from training.places_folds import refit

RESULTS = Path(__file__).parent / "results" / "places.json"
ROOT = Path(__file__).resolve().parents[1]
# What a story is called in the table; other inputs are learnt from only.
LABELS = {
    "stories": "own stories", "round-up": "round-ups, real", "made round-up": "round-ups, made",
    "with tail": "stories ending with other cases", "articles": "police reports (articles)",
    "articles-plain": "police reports without evidence and URL",
    "prosecutors": "prosecutors' releases",
}  # fmt: skip
AFTERMATH = frozenset("GKPNS")


@dataclass(frozen=True, slots=True)
class Bench:
    """What all folds share."""

    gazetteer: Gazetteer
    atlas: Atlas
    documents: list[Document]
    inputs: list[Input]
    homes: Path
    local: frozenset[str]


def peak_mb() -> float:
    """The most memory this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def footprint() -> Iterator[tuple[str, float, int]]:
    """Load time, memory and CPU time per own story of the shipped locator."""
    told = list(stories())
    before, start = peak_mb(), time.process_time()
    locator = Locator.load()
    yield "ms to load", 1e3 * (time.process_time() - start), 1
    cases = [(Story(d.text, d.title), spans_of(d.text, d.evidence)) for d in told]
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        for story, spans in cases:
            locator.locate(story, spans)
        best = min(best, (time.process_time() - start) / len(cases))
    yield "ms per story", 1e3 * best, len(cases)
    yield "MB added", peak_mb() - before, 1
    size = sum(len(d.text) for d in told) / len(told)
    yield "characters per story timed", size, len(told)


def prepare(folder: Path, folds: int) -> Bench:
    """Documents, inputs and outlet homes. Homes are written into `folder`."""
    gazetteer = Gazetteer()
    atlas = Atlas(gazetteer)
    documents = real_documents()
    homes = folder / "homes.csv"
    wanted = {domain_of(d.url) for d in documents if d.url}
    write_homes(homes, outlet_homes(places_data.DATA, atlas, wanted))
    outlets = Locator(gazetteer, homes).outlets
    local = frozenset(d.id for d in documents if d.url and outlets.home(d.url) is not None)
    return Bench(gazetteer, atlas, documents, all_inputs(gazetteer, folds or 5), homes, local)


def names(bench: Bench, locator: Locator, document: Document) -> Iterator[Count]:
    """The counts of a document, and once more as a US outlet's where it is one's."""
    answer = located(locator, document)
    yield from name_counts(document.source, document, answer, bench.atlas, "")
    if document.id in bench.local:
        yield from name_counts("US outlets", document, answer, bench.atlas, ", no URL")
        told = located(locator, document, document.url)
        yield from name_counts("US outlets", document, told, bench.atlas, ", with URL")


def events(bench: Bench, locator: Locator, i: Input) -> Iterator[Count]:
    """The counts of an input's event."""
    if i.source not in LABELS:
        return
    g, url = bench.gazetteer, i.story.url
    event = locator.locate(i.story, i.spans).event
    labels = [LABELS[i.source]]
    if i.source == "stories" and i.group[0] in AFTERMATH:
        labels.append("own stories G, K, N, P, S")
    if i.source == "stories" and i.spans:
        labels.append("own police reports")
    if i.source == "articles" and url == LOUISVILLE_URL:
        labels.append("Louisville daily, with URL")
        plain = locator.locate(replace(i.story, url=None), i.spans).event
        yield from event_counts("Louisville daily, no URL", i, plain, g)
    for label in labels:
        yield from event_counts(label, i, event, g)


def measure(bench: Bench, locator: Locator, fold: int | None, folds: int) -> Iterator[Count]:
    """The counts of one fold's documents and inputs, or of all."""
    for document in bench.documents:
        if fold is None or document.fold(folds) == fold:
            yield from names(bench, locator, document)
    for i in bench.inputs:
        if fold is None or i.fold(folds) == fold:
            yield from events(bench, locator, i)


def held_out(bench: Bench, folds: int, folder: Path) -> Iterator[Count]:
    """The counts of all folds, each measured by models that never saw it."""
    examples = examples_of(bench.gazetteer)
    for fold in range(folds):
        out = folder / str(fold)
        out.mkdir()
        with redirect_stdout(sys.stderr):
            refit(
                bench.gazetteer,
                [e for e in examples if e.document.fold(folds) != fold],
                [d for d in bench.documents if d.fold(folds) != fold],
                [i for i in bench.inputs if i.fold(folds) != fold],
                out,
            )
        yield from measure(bench, Locator(bench.gazetteer, bench.homes, out), fold, folds)


def data_hash() -> str:
    """A fingerprint of everything that was learnt from and measured on."""
    data = places_data.DATA
    files = [*places_data.STORIES.glob("*.jsonl"), *(ROOT / "training/labels").glob("*.jsonl")]
    for folder in ("places", "labels", "corpora"):
        files += [path for path in (data / folder).rglob("*") if path.is_file()]
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda path: (path.parent.name, path.name)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def commit() -> str:
    """The commit of the code, or "unknown" outside a checkout."""
    answer = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    )
    return answer.stdout.strip() or "unknown"


def show(rows: dict[str, tuple[float, int]], head: str) -> None:
    """Print the table."""
    print(f"{head}\n\n| measure | value | n |\n|---|---|---|")
    for name, (value, size) in rows.items():
        print(f"| {name} | {value:.{1 if value > 1 else 3}f} | {size} |")


def main() -> None:
    """Measure, print, and with folds write the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folds", type=int, default=0, help="fit anew this often; 0: as shipped")
    parser.add_argument("--corpora", type=Path, default=places_data.DATA, help="development data")
    arguments = parser.parse_args()
    places_data.DATA = arguments.corpora
    how = f"{arguments.folds} folds, all refitted" if arguments.folds else "shipped, not held out"
    facts = {"date": date.today().isoformat(), "commit": commit(), "data": data_hash(), "how": how}
    rows = {name: (value, size) for name, value, size in footprint()}
    with tempfile.TemporaryDirectory() as name:
        bench = prepare(Path(name), arguments.folds)
        if arguments.folds:
            counts = held_out(bench, arguments.folds, Path(name))
        else:
            shipped = Locator(bench.gazetteer, bench.homes, MODELS)
            counts = measure(bench, shipped, None, 1)
        rows |= totals(counts)
        rows["US outlets: documents"] = len(bench.local), len(bench.documents)
    show(rows, ", ".join(f"{k} {v}" for k, v in facts.items()))
    if arguments.folds:
        RESULTS.parent.mkdir(exist_ok=True)
        table = {k: {"value": round(v, 4), "n": n} for k, (v, n) in rows.items()}
        RESULTS.write_text(json.dumps(facts | {"rows": table}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
