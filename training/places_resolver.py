"""Fit the ranker that tells which place a name means.

Trained on the toponym sets and the stories, each also with its states struck out,
and on invented local stories.
"""

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize  # type: ignore[import-untyped]

from service.places.gazetteer import Gazetteer, Kind
from service.places.groups import Group, trimmed
from service.places.locator import Locator
from service.places.namesake_features import FEATURES
from service.places.namesakes import Floats, chord_km, softmax, table, units, weigh
from service.places.resolver import Resolver
from service.story import Story
from training.places_data import Document, Gold
from training.places_invented import Case, Inventor

RIGHT_KM = 40.0
AREA_KM = 600.0
AREAS = (Kind.COUNTRY, Kind.STATE, Kind.REGION)
INVENTED = 1500
PENALTY = 3e-5
FOLDS = 5
SET_WEIGHT = {"geovirus": 0.5, "stories": 0.5}
# Big cities fill the own stories, so a third of them says as much as all.
STORY_STEP = 3
# A group's set, its top chance, whether that is right, whether it has namesakes.
Verdict = tuple[str, float, bool, bool]


def right_rows(
    g: Gazetteer, group: Group, document: Document, spans: list[tuple[int, int]]
) -> set[int] | None:
    """The rows of a group that agree with the gold of its mentions; None without gold."""
    by_span = {(gold.start, gold.end): gold for gold in document.gold}
    golds = [by_span[span] for span in spans if span in by_span]
    if not golds:
        return None
    gold = golds[0]
    if gold.lat is not None and gold.long is not None:
        return _close_rows(g, group, gold, units(np.array([gold.lat]), np.array([gold.long])))
    if gold.state is None:
        return None
    fine, coarse = (Kind.CITY, Kind.NEIGHBORHOOD), (Kind.STATE, Kind.COUNTY, Kind.REGION)
    kinds: tuple[Kind, ...] = fine if gold.city else coarse
    return {
        row
        for row in group.rows
        if g.state_names.get(g.states[g.state[row]]) == gold.state and g.kind[row] in kinds
    }


def _close_rows(g: Gazetteer, group: Group, gold: Gold, spot: Floats) -> set[int] | None:
    """The rows of a group near `spot` and of the gold's level; None where that is no matter."""
    rows = np.array(group.rows)
    apart = chord_km(units(g.lat[rows].astype(float), g.long[rows].astype(float)), spot)[:, 0]
    good = set()
    for row, distance in zip(group.rows, apart, strict=True):
        area = g.kind[row] in AREAS
        if gold.level in ("country", "state") and not area:
            continue
        if gold.level in ("city", "county") and g.kind[row] in (Kind.COUNTRY, Kind.STATE):
            continue
        if distance <= (AREA_KM if area else RIGHT_KM):
            good.add(row)
    # The position of an area is a matter of taste: no match there proves nothing.
    return good if good or not any(g.kind[row] in AREAS for row in group.rows) else None


def real_cases(locator: Locator, documents: Sequence[Document]) -> Iterator[Case]:
    """The development documents."""
    for number, document in enumerate(documents):
        if document.source == "stories" and number % STORY_STEP:
            continue
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
        weight = SET_WEIGHT.get(document.source, 1.0)
        fold = document.fold(FOLDS)
        yield Case(document.source, fold, analysis.groups, right, analysis.home, weight)


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
    weight = min(case.weight, 0.5)
    return Case(
        case.source + "-bare", case.fold, groups, [r for _, r in merged.values()], case.home, weight
    )


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
        fixed = resolver.columns.fixed(case.groups, t, case.home)
        for known in rounds:
            chances = weigh(resolver.columns.features(case.groups, t, chances, fixed), known, t)
        x = resolver.columns.features(case.groups, t, chances, fixed)
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
        fixed = resolver.columns.fixed(case.groups, t, case.home)
        for weights in rounds:
            chances = weigh(resolver.columns.features(case.groups, t, chances, fixed), weights, t)
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


def held_out(cases: Sequence[Case], resolver: Resolver, folds: int) -> list[Verdict]:
    """Verdicts on each case by weights learnt from the other folds."""
    found = []
    for fold in range(folds):
        rounds = fit_rounds([c for c in cases if c.fold % folds != fold], resolver)
        found += judged([c for c in cases if c.fold % folds == fold], resolver, rounds)
    return found


def fit_resolver(
    locator: Locator, documents: Sequence[Document], out: Path, folds: int = FOLDS
) -> None:
    """Fit, cross-validate, calibrate and write the resolver's weights into `out`.

    Without folds, confidences are calibrated on what was learnt from: a little too sure.
    """
    inventor = Inventor(locator.gazetteer)
    cases = list(real_cases(locator, documents))
    cases += [bare for case in list(cases) if (bare := without_states(case, locator))]
    cases += [inventor.case(number % FOLDS) for number in range(INVENTED)]
    rounds = fit_rounds(cases, locator.resolver)
    if folds:
        found = held_out(cases, locator.resolver, folds)
    else:
        found = judged(cases, locator.resolver, rounds)
    report(found)
    path = out / "weights.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    stored["resolver"] = {
        name: {f: round(float(w), 4) for f, w in zip(FEATURES, weights, strict=True)}
        for name, weights in zip(("first", "second"), rounds, strict=True)
    } | {"calibration": [round(v, 4) for v in calibrate(found)]}
    path.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
