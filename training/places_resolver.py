"""Fit the ranker that tells which place a name means.

Trained on the toponym sets and the stories, each also with its states struck out,
and on invented local stories: a home town, its neighbours, a county, a few far
places. News texts with small towns and no state are what goes wrong elsewhere,
and the sets at hand have too few.
"""

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize  # type: ignore[import-untyped]

from service.places.gazetteer import Gazetteer, Kind
from service.places.groups import Group, trimmed
from service.places.locator import Locator
from service.places.resolver import (
    FEATURES,
    WEIGHTS_PATH,
    Floats,
    Resolver,
    chord_km,
    softmax,
    table,
    units,
    weigh,
)  # fmt: skip
from service.places.spelling import key
from service.story import Story
from training.places_data import Document, stories, toponyms

RIGHT_KM = 40.0
AREA_KM = 600.0
INVENTED = 1500
PENALTY = 3e-5
FOLDS = 5
# A group's set, its top chance, whether that is right, whether it has namesakes.
Verdict = tuple[str, float, bool, bool]


@dataclass(frozen=True, slots=True)
class Case:
    """The groups of one story, and for each which of its rows are right (None: unknown)."""

    source: str
    groups: list[Group]
    right: list[set[int] | None]
    home: int | None
    weight: float


def right_rows(
    g: Gazetteer, group: Group, document: Document, spans: list[tuple[int, int]]
) -> set[int] | None:
    """The rows of a group that agree with the gold of its mentions; None without gold."""
    by_span = {(gold.start, gold.end): gold for gold in document.gold}
    golds = [by_span[span] for span in spans if span in by_span]
    if not golds:
        return None
    gold = golds[0]
    if gold.state is not None and gold.lat is None:
        states = {
            row for row in group.rows if g.state_names.get(g.states[g.state[row]]) == gold.state
        }
        if gold.city:
            exact = {row for row in states if g.kind[row] in (Kind.CITY, Kind.NEIGHBORHOOD)}
            return exact
        return {row for row in states if g.kind[row] in (Kind.STATE, Kind.COUNTY, Kind.REGION)}
    if gold.lat is None or gold.long is None:
        return None
    rows = np.array(group.rows)
    spot = units(np.array([gold.lat]), np.array([gold.long]))
    apart = chord_km(units(g.lat[rows].astype(float), g.long[rows].astype(float)), spot)[:, 0]
    good = set()
    for row, distance in zip(group.rows, apart, strict=True):
        area = g.kind[row] in (Kind.COUNTRY, Kind.STATE, Kind.REGION)
        if gold.level in ("country", "state") and not area:
            continue
        if gold.level in ("city", "county") and g.kind[row] in (Kind.COUNTRY, Kind.STATE):
            continue
        if distance <= (AREA_KM if area else RIGHT_KM):
            good.add(row)
    # The position of an area is a matter of taste: no match there proves nothing.
    areas = (Kind.COUNTRY, Kind.STATE, Kind.REGION)
    return good if good or not any(g.kind[row] in areas for row in group.rows) else None


def real_cases(locator: Locator) -> Iterator[Case]:
    """The development documents."""
    known = {"oman", "sudan", "afghanistan", "iran", "japan", "pakistan", "jordan", "lebanon"}
    documents = [d for s in ("trnews", "gwn", "geovirus") for d in toponyms(s, known)]
    for document in [*documents, *stories()]:
        analysis = locator.analyse(Story(document.text, document.title, url=document.url))
        if not analysis.groups:
            continue
        right = []
        for group in analysis.groups:
            spans = [
                (analysis.found[at].candidate.start, analysis.found[at].candidate.end)
                for at in group.mentions
            ]
            right.append(right_rows(locator.gazetteer, group, document, spans))
        weight = 0.5 if document.source in ("geovirus", "stories") else 1.0
        yield Case(document.source, analysis.groups, right, analysis.home, weight)


def without_states(case: Case, locator: Locator) -> Case | None:
    """A story as a local paper would tell it, its states and qualifiers struck out."""
    g = locator.gazetteer
    merged: dict[str, tuple[Group, set[int] | None]] = {}
    for group, right in zip(case.groups, case.right, strict=True):
        if group.qualifies or all(g.kind[row] == Kind.STATE for row in group.rows):
            continue
        if group.key not in merged or (group.qualifier and not merged[group.key][0].qualifier):
            copy = deepcopy(group)
            if group.qualifier and not group.listed_county:
                copy.rows = trimmed(g, g.rows(group.key), "")
                copy.qualifier = ""
            merged[group.key] = copy, right
    if len(merged) < 2:
        return None
    groups = [group for group, _ in merged.values()]
    return Case(case.source + "-bare", groups, [r for _, r in merged.values()], case.home, 0.5)


class Inventor:
    """Makes up local stories as groups of names."""

    def __init__(self, gazetteer: Gazetteer, seed: int = 7) -> None:
        self.g = gazetteer
        self.random = np.random.default_rng(seed)
        us = gazetteer.countries.index("US")
        kinds = np.frombuffer(gazetteer.kind, np.uint8)
        country = np.frombuffer(gazetteer.country, np.uint8)
        self.towns = np.flatnonzero((kinds == Kind.CITY) & (country == us))
        self.world = np.flatnonzero(
            ((kinds == Kind.CITY) & (country != us) & (gazetteer.prominence > 5))
            | (kinds == Kind.COUNTRY)
        )
        self.points = units(
            gazetteer.lat[self.towns].astype(float), gazetteer.long[self.towns].astype(float)
        )
        people = 10.0 ** gazetteer.prominence[self.towns].astype(float)
        self.size = np.sqrt(people + 200)
        self.people = people

    def _pick(self, rows: npt.NDArray[np.int64], weight: Floats, count: int) -> list[int]:
        weight = weight / weight.sum()
        return [int(r) for r in self.random.choice(rows, count, p=weight)]

    def case(self) -> Case:
        """One story: the home town, neighbours, county, state, and places far away."""
        g, random = self.g, self.random
        home = self._pick(self.towns, self.size * (self.people > 1500), 1)[0]
        here = units(g.lat[[home]].astype(float), g.long[[home]].astype(float))
        apart = chord_km(self.points, here)[:, 0]
        near = self.size * np.exp(-apart / random.choice([15.0, 30.0, 60.0]))
        near *= (
            np.frombuffer(g.state, np.uint8)[self.towns] == g.state[home]
            if random.random() < 0.5
            else 1
        )
        rows = [home] if random.random() < 0.8 else []
        rows += self._pick(self.towns, near, int(random.poisson(random.choice([0.6, 2.0, 4.0]))))
        rows += self._pick(self.towns, self.people, int(random.poisson(1.2)))
        rows += self._pick(self.world, np.ones(len(self.world)), int(random.poisson(0.5)))
        if random.random() < 0.4:
            rows += [r for r in g.find(g.counties[g.county[home]]) if g.state[r] == g.state[home]]
        if random.random() < 0.4:
            rows += self._state(home)
        groups, right = self._groups(rows or [home], home)
        if not groups:
            return self.case()
        known = home if random.random() < 0.45 else None
        return Case("invented", groups, right, known, 0.4)

    def _state(self, row: int) -> list[int]:
        name = self.g.state_names.get(self.g.states[self.g.state[row]], "")
        return [r for r in self.g.find(name) if self.g.kind[r] == Kind.STATE]

    def _groups(self, rows: list[int], home: int) -> tuple[list[Group], list[set[int] | None]]:
        g, random = self.g, self.random
        found: dict[str, tuple[Group, set[int] | None]] = {}
        for row in dict.fromkeys(rows):
            name = key(g.names[row])
            if name == "new york city" and random.random() < 0.8:
                name = "new york"
            if name in found:
                continue
            bound = g.kind[row] == Kind.CITY and g.state[row] and random.random() < 0.12
            if bound and g.state[row] == g.state[home] and random.random() < 0.7:
                bound = False
            code = g.states[g.state[row]] if bound else ""
            group = Group(name, trimmed(g, g.rows(name), code), code)
            if row not in group.rows:
                continue
            times = 1 + random.poisson(2.0 if row == home else 0.6)
            group.mentions = list(range(int(times)))
            group.title = bool(random.random() < (0.4 if row == home else 0.1))
            group.dateline = bool(row == home and random.random() < 0.25)
            group.agency = int(random.random() < (0.3 if row == home else 0.1))
            found[name] = group, self._same(group, row)
            if bound:
                for state in self._state(row):
                    label = f"{name} of {code}"
                    found[label] = Group(code.lower(), [state], "", True, [0]), {state}
        return [pair[0] for pair in found.values()], [pair[1] for pair in found.values()]

    def _same(self, group: Group, row: int) -> set[int]:
        rows = np.array(group.rows)
        g = self.g
        spots = units(g.lat[rows].astype(float), g.long[rows].astype(float))
        here = units(g.lat[[row]].astype(float), g.long[[row]].astype(float))
        close = chord_km(spots, here)[:, 0] < 15
        return {r for r, c in zip(group.rows, close, strict=True) if c and g.kind[r] == g.kind[row]}


@dataclass(frozen=True, slots=True)
class Rows:
    """Features of all namesakes of many cases, with group bounds and what is right."""

    x: Floats
    first: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]
    right: npt.NDArray[np.bool_]
    weight: Floats


def stack(cases: Sequence[Case], resolver: Resolver, rounds: Sequence[Floats]) -> Rows:
    """The features of the groups with a right row, after the given earlier rounds."""
    xs, sizes, rights, weights = [], [], [], []
    unlisted = np.eye(len(FEATURES))[-1:]
    for case in cases:
        t = table(resolver.gazetteer, case.groups)
        chances = softmax(t.prominence * 1.5, t)
        fixed = resolver.fixed_features(case.groups, t, case.home)
        for known in rounds:
            chances = weigh(resolver.features(case.groups, t, chances, fixed), known, t)
        x = resolver.features(case.groups, t, chances, fixed)
        for number, (group, right) in enumerate(zip(case.groups, case.right, strict=True)):
            if right is not None:
                start = int(t.first[number])
                # The last row stands for a place that the gazetteer lacks.
                xs += [x[start : start + len(group.rows)], unlisted]
                sizes.append(len(group.rows) + 1)
                rights.append([*(row in right for row in group.rows), not right])
                weights.append(case.weight)
    first = np.cumsum([0, *sizes[:-1]])
    of = np.repeat(np.arange(len(sizes)), sizes)
    return Rows(np.concatenate(xs), first, of, np.concatenate(rights), np.array(weights))


def fit_logit(data: Rows, start: Floats) -> Floats:
    """The weights that make the right rows most probable, lightly held to zero."""

    def loss(w: Floats) -> tuple[float, Floats]:
        scores = data.x @ w
        scores -= np.maximum.reduceat(scores, data.first)[data.group]
        e = np.exp(scores)
        p = e / np.add.reduceat(e, data.first)[data.group]
        good = np.add.reduceat(p * data.right, data.first)
        q = p * data.right / np.maximum(good, 1e-12)[data.group]
        total = data.weight.sum()
        value = -(data.weight * np.log(np.maximum(good, 1e-12))).sum() / total
        gradient = data.x.T @ ((p - q) * data.weight[data.group]) / total
        return value + PENALTY * w @ w, gradient + 2 * PENALTY * w

    result = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 400})
    return np.asarray(result.x, float)


def fit_rounds(cases: Sequence[Case], resolver: Resolver) -> list[Floats]:
    """Both rounds' weights."""
    first = fit_logit(stack(cases, resolver, []), np.zeros(len(FEATURES)))
    second = fit_logit(stack(cases, resolver, [first]), first)
    return [first, second]


def judged(cases: Sequence[Case], resolver: Resolver, rounds: Sequence[Floats]) -> list[Verdict]:
    """Per group with gold: its set, the top chance, whether right, whether it has namesakes."""
    found = []
    for case in cases:
        t = table(resolver.gazetteer, case.groups)
        chances = softmax(t.prominence * 1.5, t)
        fixed = resolver.fixed_features(case.groups, t, case.home)
        for weights in rounds:
            chances = weigh(resolver.features(case.groups, t, chances, fixed), weights, t)
        for number, (group, right) in enumerate(zip(case.groups, case.right, strict=True)):
            if right is not None:
                start = int(t.first[number])
                own = chances[start : start + len(group.rows)]
                best = int(own.argmax())
                name = case.source + ("+home" if case.home is not None else "")
                found.append(
                    (name, float(own[best]), group.rows[best] in right, len(group.rows) > 1)
                )
    return found


def calibrate(found: Sequence[Verdict]) -> tuple[float, float]:
    """Slope and intercept that turn a chance's log-odds into those of being right."""
    real = [f for f in found if f[0] != "invented"]
    p = np.clip([f[1] for f in real], 1e-4, 1 - 1e-4)
    z, y = np.log(p / (1 - p)), np.array([f[2] for f in real], float)

    def loss(w: Floats) -> float:
        odds = w[0] * z + w[1]
        return float(np.mean(np.logaddexp(0, odds) - y * odds))

    slope, intercept = minimize(loss, np.array([1.0, 0.0])).x
    return float(slope), float(intercept)


def report(found: Sequence[Verdict]) -> None:
    """Print the share right per set, of all and of the ambiguous names."""
    for source in sorted({f[0] for f in found}):
        mine = [f for f in found if f[0] == source]
        hard = [f for f in mine if f[3]]
        print(
            f"{source:16} {len(mine):6} right {np.mean([f[2] for f in mine]):.3f}"
            f"   ambiguous {len(hard):6} {np.mean([f[2] for f in hard] or [False]):.3f}"
        )


def fit_resolver() -> None:
    """Fit, cross-validate, calibrate and write the resolver's weights."""
    locator = Locator.load()
    inventor = Inventor(locator.gazetteer)
    cases = list(real_cases(locator))
    cases += [bare for case in list(cases) if (bare := without_states(case, locator))]
    cases += [inventor.case() for _ in range(INVENTED)]
    # Both versions of a story fall into one fold: they were made in the same order.
    folds = [number % FOLDS for number in range(len(cases))]
    found = []
    for fold in range(FOLDS):
        learn = [c for c, f in zip(cases, folds, strict=True) if f != fold]
        rounds = fit_rounds(learn, locator.resolver)
        found += judged(
            [c for c, f in zip(cases, folds, strict=True) if f == fold], locator.resolver, rounds
        )
    report(found)
    rounds = fit_rounds(cases, locator.resolver)
    for name, *weights in zip(FEATURES, *(r.round(2) for r in rounds), strict=True):
        print(f"{name:20} {weights[0]:7.2f} {weights[1]:7.2f}")
    stored = json.loads(WEIGHTS_PATH.read_text(encoding="utf-8"))
    stored["resolver"] = {
        name: {f: round(float(w), 4) for f, w in zip(FEATURES, weights, strict=True)}
        for name, weights in zip(("first", "second"), rounds, strict=True)
    } | {"calibration": [round(v, 4) for v in calibrate(found)]}
    print("calibration", stored["resolver"]["calibration"])
    WEIGHTS_PATH.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
