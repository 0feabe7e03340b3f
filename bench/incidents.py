"""How well reports are grouped into incidents: `python -m bench.incidents [--fit] [--write]`.

Three sets of the development data in BRUTALITY_WATCH_DATA (default `../shared`):

    articles   full stories read one by one; place and date are the model's
    killings   short notes on people killed by police from three lists; those on one person
               in one state within 60 days are one incident; place and date are the list's
    protests   short notes on force at protests in 2020, each an incident of its own: the
               same cities, the same nights; place and date are the list's

Force and deaths are the shipped model's answers. Every set is grouped by
`collector.likeness` in the order of dates, as the collector does. Without options the
shipped weights are measured, which were fitted on these very pairs. `--fit` prints weights
fitted on pairs of all three, and figures of five folds, each of whose incidents were in no
pair that its weights were fitted on; `--write` keeps those in bench/results/incidents.json.
No network; a minute or two, five with a fit.
"""

import argparse
import asyncio
import csv
import gzip
import hashlib
import json
import os
import random
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date, datetime
from functools import cache, reduce
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from collector.incidents import EventPlace, Report
from collector.likeness import (
    SHIPPED,
    Likeness,
    Rarity,
    Weights,
    choose_incident,
    compare,
    may_match,
)
from collector.names import name_marks
from service.pipeline import Predictor
from service.schemas import describe, iso_date
from service.settings import ROOT, Settings
from service.story import Prediction, Story

RESULTS = Path(__file__).parent / "results" / "incidents.json"
FOLDS = 5
_NOTES = 1500  # of the killings, and of the protests at most
_SAME_DAYS = 60
_NAMELESS = ("withheld", "unknown", "unidentified")
_LAG_DAYS = 5  # from an event to its report, drawn for notes that have the event's own date
_AT_ONCE = 64  # stories the model is given

# What pairs of different events weigh in a fit, if those of one event weigh 1 per report.
# Splits are favoured: of two events that were merged, one is never looked at and nothing on
# the map tells; one that was split stands there twice, and a reviewer sees both.
_APART = 8.0
_SET = 300.0  # reports that a set stands for, however many it has

Row = Mapping[str, Any]
Figures = Mapping[str, float | None]  # None: no incident has two reports, so no pair is right
Floats = np.ndarray[Any, np.dtype[np.float64]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Known:
    """A report and the incident it is known to be of."""

    report: Report
    incident: str


@dataclass(frozen=True, slots=True)
class Told:
    """A text and the incident it is known to be of. `place` None: to be found by the model."""

    row: Row
    incident: str
    day: date | None
    place: EventPlace | None = None


@dataclass(slots=True)
class Tally:
    """Sums over reports: of their pairs and of their B-cubed (Bagga and Baldwin 1998)."""

    reports: int = 0
    right: int = 0  # reports of its incident that a report was put together with
    grouped: int = 0  # reports that it was put together with
    true: int = 0  # reports of its incident
    precise: float = 0.0
    complete: float = 0.0

    def add(self, known: Sequence[Known], found: Sequence[int], chosen: Sequence[int]) -> None:
        """Count the `chosen` reports of a grouping; `found` are the incidents' numbers."""
        true = Counter(k.incident for k in known)
        grouped = Counter(found)
        both = Counter((k.incident, number) for k, number in zip(known, found, strict=True))
        for i in chosen:
            incident, number = known[i].incident, found[i]
            met = both[incident, number]
            self.reports += 1
            self.right += met - 1
            self.grouped += grouped[number] - 1
            self.true += true[incident] - 1
            self.precise += met / grouped[number]
            self.complete += met / true[incident]

    def plus(self, other: "Tally") -> "Tally":
        """The sums of both."""
        return Tally(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def figures(self, incidents: int) -> Figures:
        """Precision, recall and F1 of a set that has so many incidents."""
        pairs = self.right / max(1, self.grouped), self.right / max(1, self.true)
        b3 = self.precise / self.reports, self.complete / self.reports
        table: dict[str, float | None] = {"reports": self.reports, "incidents": incidents}
        for name, (precision, recall) in {"pair": pairs, "b3": b3}.items():
            f1 = 2 * precision * recall / ((precision + recall) or 1.0)
            for key, value in {"precision": precision, "recall": recall, "f1": f1}.items():
                table[f"{name}_{key}"] = round(value, 4) if name == "b3" or self.true else None
        return table


def group(known: Sequence[Known], weights: Weights = SHIPPED) -> list[int]:
    """Incident numbers as the collector would give them, the reports coming in this order."""
    found: list[int] = []
    members: dict[int, list[Report]] = {}
    for one in known:
        report = one.report
        near = {n: rs for n, rs in members.items() if any(may_match(report, r) for r in rs)}
        number = choose_incident(report, near, Rarity(near), weights)
        found.append(len(members) if number is None else number)
        members.setdefault(found[-1], []).append(report)
    return found


def data_folder() -> Path:
    """Where the development data is."""
    return Path(os.environ.get("BRUTALITY_WATCH_DATA", ROOT.parent / "shared"))


def articles(folder: Path) -> list[Told]:
    """The labelled reports among full articles."""
    labels = {}
    for path in [folder / "labels" / "articles.jsonl", *(ROOT / "training/labels").glob("*.jsonl")]:
        for row in map(json.loads, path.open(encoding="utf-8")):
            if row["relation"] == "report" and row.get("incident"):
                labels[row["id"]] = row["incident"]
    chosen = [row for row in _rows(folder / "corpora/articles.jsonl.gz") if row["id"] in labels]
    return [Told(row, labels[row["id"]], _day(row.get("date"))) for row in chosen]


def killings(folder: Path) -> list[Told]:
    """Notes on people killed: all whose person is in several lists, and as many others."""
    by_person: dict[tuple[str, str], list[tuple[date, Row]]] = defaultdict(list)
    for row in _rows(folder / "corpora/snippets.jsonl.gz"):
        day = _day(row.get("date"))
        person = str(row.get("incident", "")).strip().lower()
        named = " " in person and not any(word in person for word in _NAMELESS)
        if row["corpus"].startswith("killings") and day and named and row.get("state"):
            by_person[person, row["state"]].append((day, row))
    chance = random.Random(0)
    several: list[Told] = []
    single: list[Told] = []
    for (person, state), told in sorted(by_person.items()):
        told.sort(key=lambda pair: (pair[0], pair[1]["id"]))
        same = [pair for pair in told if (pair[0] - told[0][0]).days <= _SAME_DAYS]
        notes = [_note(row, day, chance, f"{person} {state}") for day, row in same]
        (several if len(notes) > 1 else single).extend(notes)
    return several + chance.sample(single, max(0, min(len(single), _NOTES - len(several))))


def protests(folder: Path) -> list[Told]:
    """Notes on force at protests, each its own incident."""
    chance = random.Random(0)
    rows = [row for row in _rows(folder / "corpora/snippets.jsonl.gz") if row["corpus"] == "pb2020"]
    dated = [(day, row) for row in rows if (day := _day(row.get("date")))]
    chosen = chance.sample(dated, min(len(dated), _NOTES // 2))
    return [_note(row, day, chance, row["id"]) for day, row in chosen]


def _note(row: Row, day: date, chance: random.Random, incident: str) -> Told:
    state = _states().get(row["state"], row["state"])
    told = date.fromordinal(day.toordinal() + chance.randint(0, _LAG_DAYS))
    return Told(row, incident, told, EventPlace(city=row.get("city") or None, state=state))


async def judged(sets: Mapping[str, Sequence[Told]]) -> dict[str, list[Known]]:
    """The reports as the shipped model sees them, by date."""
    known: dict[str, list[Known]] = {name: [] for name in sets}
    async with Predictor.load(Settings(model_threads=1)) as predictor:
        for name, told in sets.items():
            for start in range(0, len(told), _AT_ONCE):
                some = told[start : start + _AT_ONCE]
                answers = await asyncio.gather(*(predictor.judge(_story(one)) for one in some))
                known[name] += map(_known, some, answers)
            known[name].sort(key=lambda one: one.report.day or date.min)
    return known


def _story(told: Told) -> Story:
    row, day = told.row, told.day.isoformat() if told.day else None
    return Story(text=row["text"], title=row.get("title"), date=day, url=row.get("url"))


def _known(told: Told, answer: Prediction) -> Known:
    event = answer.located.event
    found = EventPlace(event.city, event.county, event.state) if event else EventPlace()
    report = Report(
        story_id=told.row["id"],
        label="brutality",
        report=1.0,
        confidence=1.0,
        needs_review=False,
        force=answer.force,
        fatal=answer.fatal,
        title=told.row.get("title"),
        description=describe(told.row["text"]),
        day=told.day,
        place=told.place or found,
        names=frozenset(name_marks(told.row["text"])),
    )
    return Known(report, told.incident)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Features (pairs x features), whether each is one event, how many tell of it, and folds."""

    features: Floats
    same: Flags
    sizes: Numbers  # reports of the first one's incident
    folds: Numbers  # pairs x 2


def pairs(known: Sequence[Known]) -> Pairs:
    """All pairs that may match, as the collector compares them when the later one comes in."""
    numbers = {incident: n for n, incident in enumerate({k.incident: 0 for k in known})}
    sizes = Counter(k.incident for k in known)
    rows, same, size, folds = [], [], [], []
    for i, a in enumerate(known):
        earlier = [b for b in known[:i] if may_match(a.report, b.report)]
        near: dict[int, list[Report]] = defaultdict(list)
        for b in earlier:
            near[numbers[b.incident]].append(b.report)
        rarity = Rarity(near)
        for b in earlier:
            rows.append(astuple(compare(a.report, b.report, rarity)))
            same.append(a.incident == b.incident)
            size.append(sizes[a.incident])
            folds.append((fold_of(a), fold_of(b)))
    return Pairs(np.array(rows), np.array(same), np.array(size), np.array(folds))


def fold_of(known: Known) -> int:
    """The fold of its incident."""
    return int(hashlib.sha256(known.incident.encode()).hexdigest(), 16) % FOLDS


def fit(sets: Mapping[str, Pairs], held: int | None) -> Weights:
    """Weights from the pairs that touch no incident of the fold `held`."""
    features, same, weights = [], [], []
    for known in sets.values():
        kept = (known.folds != held).all(axis=1)
        features.append(known.features[kept])
        same.append(known.same[kept])
        weights.append(_share(known.same[kept], known.sizes[kept]))
    model = LogisticRegression(C=1.0, max_iter=3000)
    model.fit(np.concatenate(features), np.concatenate(same), np.concatenate(weights))
    return Weights(Likeness(*map(float, model.coef_[0])), float(model.intercept_[0]))


def _share(same: Flags, sizes: Numbers) -> Floats:
    """Pairs' weights: a report counts once however many tell of its event; every set alike."""
    weights = np.where(same, 1.0 / np.maximum(1, sizes - 1), 0.0)
    if same.any():
        weights *= _SET / weights.sum()
    apart = ~same
    weights[apart] = _APART * _SET / max(1, apart.sum())
    return weights


def held_out(sets: Mapping[str, Sequence[Known]], fitted: Mapping[str, Pairs]) -> dict[str, Tally]:
    """Sums over the folds, each report grouped with weights that no pair of its fold was in."""
    tallies = {name: Tally() for name in sets}
    for fold in range(FOLDS):
        weights = fit(fitted, fold)
        for name, known in sets.items():
            chosen = [i for i, k in enumerate(known) if fold_of(k) == fold]
            tallies[name].add(known, group(known, weights), chosen)
    return tallies


def as_shipped(sets: Mapping[str, Sequence[Known]]) -> dict[str, Tally]:
    """Sums over reports grouped with the shipped weights."""
    tallies = {name: Tally() for name in sets}
    for name, known in sets.items():
        tallies[name].add(known, group(known), range(len(known)))
    return tallies


def scores(sets: Mapping[str, Sequence[Known]], tallies: Mapping[str, Tally]) -> dict[str, Figures]:
    """Figures by set, and of all reports together as `all`."""
    incidents = {name: len({k.incident for k in known}) for name, known in sets.items()}
    table = {name: tally.figures(incidents[name]) for name, tally in tallies.items()}
    together = reduce(Tally.plus, tallies.values())
    return table | {"all": together.figures(sum(incidents.values()))}


def show(table: Mapping[str, Figures]) -> None:
    """Print the table."""
    names = list(table["all"])
    print("| set |", " | ".join(names), "|\n" + "|---" * (1 + len(names)) + "|")
    for name, figures in table.items():
        print(f"| {name} |", " | ".join(str(figures[key]) for key in names), "|")


def _rows(path: Path) -> Iterator[Row]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


@cache
def _states() -> Mapping[str, str]:
    """Full names of the states by their postal codes."""
    path = ROOT / "service" / "places" / "facts" / "states.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        return {row["code"]: row["name"] for row in csv.DictReader(lines)}


def _day(given: str | None) -> date | None:
    if given and "/" in given:
        try:
            return datetime.strptime(given, "%m/%d/%Y").date()
        except ValueError:
            return None
    day = iso_date(given)
    return date.fromisoformat(day) if day else None


def write(table: Mapping[str, Figures], sets: Mapping[str, Sequence[Told]]) -> None:
    """Keep held-out figures, and what they were measured on."""
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    told = [(name, one.row["id"], one.incident) for name, some in sets.items() for one in some]
    result = {
        "date": date.today().isoformat(),
        "commit": commit or "unknown",
        "data": hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12],
        "how": f"{FOLDS} folds by incident, weights fitted anew for each",
        "sets": table,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Print the figures, fit, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fit", action="store_true", help="fit weights and cross-validate")
    parser.add_argument("--write", action="store_true", help="the same, and keep the figures")
    arguments = parser.parse_args()
    folder = data_folder()
    told = {
        "articles": articles(folder),
        "killings": killings(folder),
        "protests": protests(folder),
    }
    sets = asyncio.run(judged(told))
    if not arguments.fit and not arguments.write:
        show(scores(sets, as_shipped(sets)))
        return
    fitted = {name: pairs(known) for name, known in sets.items()}
    weights = fit(fitted, None)
    for field, weight in zip(fields(Likeness), astuple(weights.features), strict=True):
        print(f"        {field.name}={weight:.2f},")
    print(f"    intercept={weights.intercept:.2f},")
    table = scores(sets, held_out(sets, fitted))
    show(table)
    if arguments.write:
        write(table, told)
        print(f"wrote {RESULTS}")


if __name__ == "__main__":
    main()
