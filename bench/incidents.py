"""How well reports are grouped into incidents: `python -m bench.incidents [--fit]`.

Three sets of the development data in BRUTALITY_WATCH_DATA (default `../shared`):

    articles   full stories read one by one, with the model's own answers (place, force)
    killings   short notes on people killed by police from three lists; those on one person
               in one state within 60 days are one incident; place and date are the list's
    protests   short notes on force at protests in 2020, each an incident of its own: the
               same cities, the same nights

Every set is grouped by `collector.likeness` in the order of dates, as the collector does.
`--fit` prints weights fitted on pairs of all three, and figures of five folds, each of
whose incidents were in no pair that its weights were fitted on. No network.
"""

import argparse
import asyncio
import csv
import gzip
import hashlib
import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date, datetime
from functools import cache
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
from service.fingerprint import fingerprint
from service.pipeline import Predictor
from service.schemas import iso_date
from service.settings import ROOT, Settings
from service.story import Story

FOLDS = 5
_NOTES = 1500  # of the killings, and of the protests at most
_SAME_DAYS = 60
_NAMELESS = ("withheld", "unknown", "unidentified")
_LAG_DAYS = 5  # from an event to its report, drawn for notes that have the event's own date

# What a set's events weigh in a fit, all together. The protests have none, only pairs apart.
_EVENTS = {"articles": 300.0, "killings": 300.0, "protests": 60.0}
_APART = 5.0  # what pairs of different events weigh against that

Row = Mapping[str, Any]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Known:
    """A report and the incident it is known to be of."""

    report: Report
    incident: str


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

    def line(self, name: str, incidents: int) -> str:
        """One row of the table."""
        precision, recall = self.right / max(1, self.grouped), self.right / max(1, self.true)
        b3_precision, b3_recall = self.precise / self.reports, self.complete / self.reports
        return (
            f"{name:10} {self.reports:5} reports {incidents:5} incidents  pairs P {precision:.3f} "
            f"R {recall:.3f} F1 {_f1(precision, recall):.3f}  B3 P {b3_precision:.3f} "
            f"R {b3_recall:.3f} F1 {_f1(b3_precision, b3_recall):.3f}"
        )


def group(known: Sequence[Known], weights: Weights = SHIPPED) -> list[int]:
    """Incident numbers as the collector would give them, the reports coming in by date."""
    order = sorted(range(len(known)), key=lambda i: (known[i].report.day or date.min, i))
    found = [0] * len(known)
    rarity = Rarity()
    members: dict[int, list[Report]] = {}
    for i in order:
        report = known[i].report
        near = {n: rs for n, rs in members.items() if any(may_match(report, r) for r in rs)}
        number = choose_incident(report, near, rarity, weights)
        found[i] = len(members) if number is None else number
        members.setdefault(found[i], []).append(report)
        rarity.add(found[i], report)
    return found


def data_folder() -> Path:
    """Where the development data is."""
    return Path(os.environ.get("BRUTALITY_WATCH_DATA", ROOT.parent / "shared"))


def articles(folder: Path) -> list[Known]:
    """The labelled reports among full articles, judged by the shipped model."""
    labels = {}
    for path in [folder / "labels" / "articles.jsonl", *(ROOT / "training/labels").glob("*.jsonl")]:
        for row in map(json.loads, path.open(encoding="utf-8")):
            if row["relation"] == "report" and row.get("incident"):
                labels[row["id"]] = row["incident"]
    chosen = [row for row in _rows(folder / "corpora/articles.jsonl.gz") if row["id"] in labels]
    reports = asyncio.run(_judged(chosen))
    return [Known(r, labels[row["id"]]) for row, r in zip(chosen, reports, strict=True)]


async def _judged(rows: Sequence[Row]) -> list[Report]:
    reports = []
    async with Predictor.load(Settings(model_threads=1)) as predictor:
        for row in rows:
            day = iso_date(row.get("date"))
            story = Story(text=row["text"], title=row.get("title"), date=day, url=row.get("url"))
            answer = await predictor.judge(story)
            place = answer.located.event
            where = EventPlace(place.city, place.county, place.state) if place else EventPlace()
            day_of = date.fromisoformat(day) if day else None
            reports.append(_report(row, day_of, where, answer.force, answer.fatal))
    return reports


def killings(folder: Path) -> list[Known]:
    """Notes on people killed: all whose person is in several lists, and as many others."""
    by_person: dict[tuple[str, str], list[tuple[date, Row]]] = defaultdict(list)
    for row in _rows(folder / "corpora/snippets.jsonl.gz"):
        day = _day(row.get("date"))
        person = str(row.get("incident", "")).strip().lower()
        named = " " in person and not any(word in person for word in _NAMELESS)
        if row["corpus"].startswith("killings") and day and named and row.get("state"):
            by_person[person, row["state"]].append((day, row))
    chance = random.Random(0)
    several: list[Known] = []
    single: list[Known] = []
    for (person, state), told in sorted(by_person.items()):
        told.sort(key=lambda pair: (pair[0], pair[1]["id"]))
        same = [pair for pair in told if (pair[0] - told[0][0]).days <= _SAME_DAYS]
        known = [Known(_note(row, day, chance), f"{person} {state}") for day, row in same]
        (several if len(known) > 1 else single).extend(known)
    return several + chance.sample(single, max(0, min(len(single), _NOTES - len(several))))


def protests(folder: Path) -> list[Known]:
    """Notes on force at protests, each its own incident."""
    chance = random.Random(0)
    rows = [row for row in _rows(folder / "corpora/snippets.jsonl.gz") if row["corpus"] == "pb2020"]
    dated = [(day, row) for row in rows if (day := _day(row.get("date")))]
    chosen = chance.sample(dated, min(len(dated), _NOTES // 2))
    return [Known(_note(row, day, chance), row["id"]) for day, row in chosen]


def _note(row: Row, day: date, chance: random.Random) -> Report:
    state = _states().get(row["state"], row["state"])
    told = date.fromordinal(day.toordinal() + chance.randint(0, _LAG_DAYS))
    place = EventPlace(city=row.get("city") or None, state=state)
    fatal = row["corpus"].startswith("killings")
    return _report(row, told, place, ("firearm",) if fatal else (), fatal)


def _report(
    row: Row, day: date | None, place: EventPlace, force: tuple[str, ...], fatal: bool
) -> Report:
    return Report(
        story_id=row["id"],
        label="brutality",
        report=1.0,
        confidence=1.0,
        needs_review=False,
        force=force,
        fatal=fatal,
        title=row.get("title"),
        description="",
        day=day,
        place=place,
        fingerprint=fingerprint(row["text"]),
        names=frozenset(name_marks(row["text"])),
    )


@dataclass(frozen=True, slots=True)
class Pairs:
    """Features (pairs x features), whether each is one event, how many tell of it, and folds."""

    features: Floats
    same: Flags
    sizes: Numbers  # reports of the first one's incident
    folds: Numbers  # pairs x 2


def pairs(known: Sequence[Known]) -> Pairs:
    """All pairs that may match, as the collector compares them once it has met them all."""
    numbers = {incident: n for n, incident in enumerate({k.incident: 0 for k in known})}
    rarity = Rarity()
    for k in known:
        rarity.add(numbers[k.incident], k.report)
    sizes = Counter(k.incident for k in known)
    rows, same, size, folds = [], [], [], []
    for i, a in enumerate(known):
        for b in known[:i]:
            if may_match(a.report, b.report):
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
    for name, known in sets.items():
        kept = (known.folds != held).all(axis=1)
        features.append(known.features[kept])
        same.append(known.same[kept])
        weights.append(_share(known.same[kept], known.sizes[kept], _EVENTS[name]))
    model = LogisticRegression(C=1.0, max_iter=3000)
    model.fit(np.concatenate(features), np.concatenate(same), np.concatenate(weights))
    return Weights(Likeness(*map(float, model.coef_[0])), float(model.intercept_[0]))


def _share(same: Flags, sizes: Numbers, events: float) -> Floats:
    """Pairs' weights: a report counts once however many tell of its event, others 5 times that."""
    weights = np.where(same, 1.0 / np.maximum(1, sizes - 1), 0.0)
    if same.any():
        weights *= events / weights.sum()
    apart = ~same
    weights[apart] = _APART * events / max(1, apart.sum())
    return weights


def cross_validate(sets: Mapping[str, Sequence[Known]], fitted: Mapping[str, Pairs]) -> list[str]:
    """Rows of figures, each report grouped with weights that no pair of its fold was in."""
    tallies = {name: Tally() for name in sets}
    for fold in range(FOLDS):
        weights = fit(fitted, fold)
        for name, known in sets.items():
            chosen = [i for i, k in enumerate(known) if fold_of(k) == fold]
            tallies[name].add(known, group(known, weights), chosen)
    return [tallies[name].line(name, _incidents(known)) for name, known in sets.items()]


def _incidents(known: Sequence[Known]) -> int:
    return len({k.incident for k in known})


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


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def main() -> None:
    """Print the figures, or fit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fit", action="store_true", help="fit weights and cross-validate")
    arguments = parser.parse_args()
    folder = data_folder()
    sets = {
        "articles": articles(folder),
        "killings": killings(folder),
        "protests": protests(folder),
    }
    if arguments.fit:
        fitted = {name: pairs(known) for name, known in sets.items()}
        weights = fit(fitted, None)
        for field, weight in zip(fields(Likeness), astuple(weights.features), strict=True):
            print(f"        {field.name}={weight:.2f},")
        print(f"    intercept={weights.intercept:.2f},")
        print(*cross_validate(sets, fitted), sep="\n")
        return
    for name, known in sets.items():
        tally = Tally()
        tally.add(known, group(known), range(len(known)))
        print(tally.line(name, _incidents(known)))


if __name__ == "__main__":
    main()
