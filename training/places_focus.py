"""Fit the choice of the event's place: first the words around a name, then all together.

Learnt from the stories and the labelled articles (with and without their evidence
sentences, with and without their title), short incident notes, prosecutors'
releases (the county is known), and round-ups, whose place is nowhere.
"""

import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize  # type: ignore[import-untyped]
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from service.places.cues import BUCKETS, Surroundings
from service.places.focus import joined, softmax
from service.places.focus_features import FEATURES, features
from service.places.gazetteer import Gazetteer, Kind
from service.places.hashed import bucket
from service.places.locator import Locator
from service.places.namesakes import Floats
from service.places.nowhere import NOWHERE_FEATURES, nowhere_features
from service.places.spots import Focus, Spot
from training.places_focus_data import NOWHERE, Gold, Input, with_home
from training.places_resolver import Rows, fit_logit

FOLDS = 5
# Of the regression over the words around a name.
CUE_REGULARISATION = 0.1
# Of the one that tells stories of many places.
NOWHERE_REGULARISATION = 3.0
# A level is answered when it is at least this likely to be right.
THRESHOLDS = {"city": 0.45, "county": 0.45, "state": 0.5, "country": 0.5}


@dataclass(frozen=True, slots=True)
class Case:
    """A story with its gold, the competing spots, their features, and which are right."""

    source: str
    fold: int
    gold: Gold
    focus: Focus
    spots: list[Spot]
    x: Floats
    right: list[bool]
    weight: float


@dataclass(frozen=True, slots=True)
class Seen:
    """An input as the locator understands it."""

    source: str
    fold: int
    gold: Gold
    focus: Focus
    weight: float


def matches(g: Gazetteer, row: int, kind: Kind, gold: Gold) -> bool:
    """Whether a place of a level agrees with the gold at that level."""
    if g.country_names.get(g.countries[g.country[row]]) != gold.country:
        return False
    if gold.country != "United States":
        return True
    if gold.state is None or g.state_names.get(g.states[g.state[row]]) != gold.state:
        return False
    if kind == Kind.STATE:
        return True
    if gold.county is not None:
        return g.counties[g.county[row]] == gold.county
    if gold.city is None:
        return False
    cities = [
        r
        for r in g.find(gold.city)
        if g.kind[r] in (Kind.CITY, Kind.NEIGHBORHOOD) and g.state[r] == g.state[row]
    ]
    if kind == Kind.COUNTY:
        return any(g.county[r] == g.county[row] for r in cities)
    return row in cities or any(g.within[r] == g.names[row] for r in cities if g.within[r])


def right_spots(g: Gazetteer, spots: Sequence[Spot], gold: Gold) -> list[bool]:
    """Which spots are right: those of the finest level that has any."""
    if gold.country != "United States":
        return [matches(g, s.row, s.kind, gold) for s in spots]
    for kinds in ((Kind.CITY, Kind.NEIGHBORHOOD), (Kind.COUNTY,), (Kind.STATE,)):
        right = [s.kind in kinds and matches(g, s.row, s.kind, gold) for s in spots]
        if gold.county and kinds != (Kind.STATE,):
            right = [s.kind != Kind.STATE and matches(g, s.row, s.kind, gold) for s in spots]
        if any(right):
            return right
    return [False] * len(spots)


def understand(locator: Locator, inputs: Sequence[Input], folds: int) -> list[Seen]:
    """The inputs analysed, every third one without a title also as a local outlet's."""
    picker = random.Random(11)
    found = []
    for number, i in enumerate(inputs):
        focus, source = Focus(locator.analyse(i.story), i.story, i.spans), i.source
        if source == "stories-plain" and number % 3 == 0:
            source, focus = "stories-home", with_home(locator, focus, i.gold, picker)
        found.append(Seen(source, i.fold(folds), i.gold, focus, i.weight))
    return found


def cue_rows(g: Gazetteer, seen: Seen) -> Iterator[tuple[list[int], bool]]:
    """For each town named in the text: its surroundings, and whether the event was there."""
    a = seen.focus.analysis
    if a.table is None or a.chances is None or seen.gold.city is None:
        return
    near = Surroundings(a.tokens, a.found)
    for number, group in enumerate(a.groups):
        start = int(a.table.first[number])
        row = group.rows[int(a.chances[start : start + len(group.rows)].argmax())]
        if g.kind[row] in (Kind.CITY, Kind.NEIGHBORHOOD):
            right = matches(g, row, Kind.CITY, seen.gold)
            for at in group.mentions:
                if at not in group.lent:
                    words = (*near.beside(at), *near.within(*near.sentence(at)))
                    yield sorted({bucket(word, BUCKETS) for word in words}), right


def fit_cues(locator: Locator, seen: Sequence[Seen]) -> tuple[Floats, float]:
    """Weights and bias of the words around a name. Plain versions of a story are left out."""
    rows, labels, weights = [], [], []
    for one in seen:
        if one.source in ("stories", "articles"):
            for row, right in cue_rows(locator.gazetteer, one):
                rows.append(row)
                labels.append(right)
                weights.append(one.weight)
    ends = np.cumsum([0, *(len(row) for row in rows)])
    columns = np.fromiter((b for row in rows for b in row), np.int32, ends[-1])
    x = csr_matrix((np.ones(len(columns), np.float32), columns, ends), (len(rows), BUCKETS))
    model = LogisticRegression(C=CUE_REGULARISATION, max_iter=300)
    model.fit(x, labels, sample_weight=weights)
    return model.coef_[0].astype(np.float16).astype(float), float(model.intercept_[0])


def case_of(locator: Locator, seen: Seen) -> Case | None:
    """The features of a story; None where it names no place."""
    spots = locator.focus_model.spots(seen.focus)
    if not spots:
        return None
    x = features(locator.gazetteer, seen.focus, spots)
    right = right_spots(locator.gazetteer, spots, seen.gold)
    return Case(seen.source, seen.fold, seen.gold, seen.focus, spots, x, right, seen.weight)


def cases_of(locator: Locator, seen: Sequence[Seen], folds: int) -> list[Case]:
    """All cases; the words around names are judged by what was learnt from other folds."""
    found = []
    for fold in range(folds):
        cues = fit_cues(locator, [s for s in seen if s.fold != fold])
        locator.focus_model.cues.set(*cues)
        mine = [s for s in seen if s.fold == fold]
        found += [case for s in mine if (case := case_of(locator, s))]
    return found


def fit(cases: Sequence[Case]) -> Floats:
    """The weights of the conditional logit, from the stories with a right spot."""
    cases = [c for c in cases if any(c.right)]
    sizes = [len(c.right) for c in cases]
    data = Rows(
        np.concatenate([c.x for c in cases]),
        np.cumsum([0, *sizes[:-1]]),
        np.repeat(np.arange(len(sizes)), sizes),
        np.concatenate([c.right for c in cases]),
        np.array([c.weight for c in cases]),
    )
    return fit_logit(data, np.zeros(len(FEATURES)))


def fit_nowhere(cases: Sequence[Case], rows: Sequence[Floats]) -> Floats:
    """The weights that tell stories of no one place; the first feature is always 1."""
    scaler = StandardScaler()
    x = scaler.fit_transform(np.stack(rows)[:, 1:])
    model = LogisticRegression(C=NOWHERE_REGULARISATION, max_iter=1000)
    y = [c.gold == NOWHERE for c in cases]
    model.fit(x, y, sample_weight=[c.weight for c in cases])
    weights = model.coef_[0] / scaler.scale_
    bias = model.intercept_[0] - weights @ scaler.mean_
    return np.array([bias, *weights])


def calibrate(pairs: Sequence[tuple[float, bool, float]]) -> list[float]:
    """Slope and intercept from chance to probability of being right."""
    p = np.clip([a for a, _, _ in pairs], 1e-4, 1 - 1e-4)
    z, y, w = (
        np.log(p / (1 - p)),
        np.array([b for _, b, _ in pairs], float),
        np.array([c for _, _, c in pairs]),
    )

    def loss(v: Floats) -> float:
        odds = v[0] * z + v[1]
        return float(
            np.sum(w * (np.logaddexp(0, odds) - y * odds)) / w.sum() + 1e-3 * (v[0] - 1) ** 2
        )

    return [round(float(v), 4) for v in minimize(loss, np.array([1.0, 0.0])).x]


def held_out(g: Gazetteer, cases: Sequence[Case], folds: int) -> tuple[list[Floats], list[Floats]]:
    """Each case's chances, and its features of being nowhere, by what other folds teach."""
    shares: list[Floats] = [np.zeros(0)] * len(cases)
    for fold in range(folds):
        weights = fit([c for c in cases if c.fold != fold])
        for number, case in enumerate(cases):
            if case.fold == fold:
                shares[number] = softmax(case.x @ weights)
    rows = [
        nowhere_features(g, c.focus, c.spots, c.x, s) for c, s in zip(cases, shares, strict=True)
    ]
    chances = list(shares)
    for fold in range(folds):
        known = [n for n, c in enumerate(cases) if c.fold != fold]
        weights = fit_nowhere([cases[n] for n in known], [rows[n] for n in known])
        for number, case in enumerate(cases):
            if case.fold == fold:
                chances[number] = joined(shares[number], float(rows[number] @ weights))
    return chances, rows


def calibrations(
    locator: Locator, cases: Sequence[Case], chances: Sequence[Floats]
) -> dict[str, list[float]]:
    """Per level the slope and intercept that make held-out chances honest."""
    pairs: dict[str, list[tuple[float, bool, float]]] = defaultdict(list)
    kinds = {"city": Kind.CITY, "county": Kind.COUNTY, "state": Kind.STATE}
    for case, chance in zip(cases, chances, strict=True):
        if case.gold.country != "United States":
            continue
        for level, row, value in locator.focus_model.levels(case.spots, chance):
            if level in kinds and not (level == "city" and case.gold.county):
                right = matches(locator.gazetteer, row, kinds[level], case.gold)
                pairs[level].append((value, right, case.weight))
    return {k: calibrate(v) for k, v in pairs.items()} | {"country": [1.0, 0.0]}


def report(locator: Locator, cases: Sequence[Case], chances: Sequence[Floats]) -> None:
    """Print how often each level is right, per set, at the current thresholds."""
    g, model = locator.gazetteer, locator.focus_model
    tally: dict[str, list[tuple[bool, bool, bool, bool]]] = defaultdict(list)
    for case, chance in zip(cases, chances, strict=True):
        answer = model.choice(case.spots, chance)
        if answer is None:
            tally[case.source].append((case.gold == NOWHERE, False, False, True))
            continue
        row, _ = answer
        state = matches(g, row, Kind.STATE, case.gold)
        county = bool(g.county[row]) and matches(g, row, Kind.COUNTY, case.gold)
        city = g.kind[row] == Kind.CITY and matches(g, row, Kind.CITY, case.gold)
        tally[case.source].append((state, county, city, False))
    for source, rows in sorted(tally.items()):
        state, county, city, null = np.mean(rows, axis=0)
        print(
            f"{source:24} {len(rows):5} state {state:.3f} county {county:.3f}"
            f" city {city:.3f} null {null:.3f}"
        )


def fit_focus(locator: Locator, inputs: Sequence[Input], out: Path, folds: int = FOLDS) -> None:
    """Fit, cross-validate, calibrate and write the cues' and the focus weights into `out`."""
    model = locator.focus_model
    seen = understand(locator, inputs, folds)
    cases = cases_of(locator, seen, folds)
    chances, rows = held_out(locator.gazetteer, cases, folds)
    model.calibration = calibrations(locator, cases, chances)
    model.thresholds = THRESHOLDS
    weights, bias = fit_cues(locator, seen)
    model.cues.set(weights, bias)
    np.savez_compressed(out / "cues.npz", weights=weights.astype(np.float16), bias=np.float32(bias))
    stored = json.loads((out / "weights.json").read_text(encoding="utf-8"))
    stored["focus"] = {
        "weights": _named(FEATURES, fit(cases)),
        "nowhere": _named(NOWHERE_FEATURES, fit_nowhere(cases, rows)),
        "calibration": model.calibration,
        "thresholds": THRESHOLDS,
    }
    text = json.dumps(stored, indent=1) + "\n"
    (out / "weights.json").write_text(text, encoding="utf-8")
    report(locator, cases, chances)


def _named(names: Sequence[str], weights: Floats) -> dict[str, float]:
    return {name: round(float(w), 4) for name, w in zip(names, weights, strict=True)}
