"""Fit the choice of the event's place.

Learnt from the stories and the labelled articles (with and without their evidence
sentences, with and without their title), short incident notes, prosecutors'
releases (the county is known), and round-ups joined from several stories, whose
place is nowhere.
"""

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize  # type: ignore[import-untyped]

from service.places.focus import FEATURES, Focus, Spot
from service.places.gazetteer import Gazetteer, Kind
from service.places.locator import Locator
from service.places.resolver import WEIGHTS_PATH, Floats
from service.story import Span, Story
from training.places_data import DATA, rows, stories
from training.places_resolver import Rows, fit_logit

FOLDS = 5
NOTES = {"pb2020": 250, "killings_mpv2016": 250, "gva": 250}
PER_OFFICE = 40
ROUND_UPS = 150
OFFICES = {
    "harris_tx": ("Harris County", "Texas"), "san_diego_ca": ("San Diego County", "California"),
    "orange_ca": ("Orange County", "California"), "kings_ny": ("Kings County", "New York"),
    "dallas_tx": ("Dallas County", "Texas"), "cook_il": ("Cook County", "Illinois"),
    "riverside_ca": ("Riverside County", "California"),
    "miami_dade_fl": ("Miami-Dade County", "Florida"),
}  # fmt: skip
# A level is answered when it is at least this likely to be right.
THRESHOLDS = {"city": 0.45, "county": 0.45, "state": 0.5, "country": 0.5}


@dataclass(frozen=True, slots=True)
class Gold:
    """Where the event was; all None for a story about no one place."""

    city: str | None
    county: str | None
    state: str | None
    country: str = "United States"


@dataclass(frozen=True, slots=True)
class Case:
    """A story with its gold, the competing spots, their features, and which are right."""

    source: str
    fold: int
    gold: Gold
    spots: list[Spot]
    x: Floats
    right: list[bool]
    weight: float


def _spans(text: str, sentences: Sequence[str]) -> list[Span]:
    return [Span(at, at + len(s)) for s in sentences if (at := text.find(s)) >= 0]


def _story_inputs() -> Iterator[tuple[str, Story, list[Span], Gold, float]]:
    documents = list(stories())
    for d in documents:
        gold = Gold(d.city, None, d.state)
        spans = _spans(d.text, d.evidence)
        yield "stories", Story(d.text, d.title), spans, gold, 1.0
        yield "stories-plain", Story(d.text), [], gold, 0.5
    picker = random.Random(3)
    for _ in range(ROUND_UPS):
        parts = picker.sample(documents, picker.randint(3, 4))
        if len({p.state for p in parts}) == len(parts):
            cut = [p.text[: p.text.find("\n", 400) + 1 or 600] for p in parts]
            yield "round-up", Story("\n".join(cut)), [], Gold(None, None, None), 0.7


def _article_inputs() -> Iterator[tuple[str, Story, list[Span], Gold, float]]:
    labels = {r["id"]: r for r in rows(DATA / "labels/articles.jsonl") if r.get("state")}
    evidence = {r["id"]: r["evidence"] for r in rows(DATA / "labels/evidence.jsonl")}
    cases: dict[str, int] = defaultdict(int)
    offices: dict[str, int] = defaultdict(int)
    for row in rows(DATA / "corpora/articles.jsonl.gz"):
        if row["id"] in labels:
            label = labels[row["id"]]
            cases[label["incident"]] += 1
            spans = [Span(a, b) for a, b in evidence.get(row["id"], ())]
            gold = Gold(label["city"], None, label["state"])
            # Two famous cases must not drown the others.
            weight = min(1.0, 8.0 / cases[label["incident"]])
            yield (
                "articles",
                Story(row["text"], row["title"], url=row.get("url")),
                spans,
                gold,
                weight,
            )
            yield "articles-plain", Story(row["text"], row["title"]), [], gold, 0.5 * weight
        elif row["corpus"] == "prosecutor" and row["outlet"] in OFFICES:
            offices[row["outlet"]] += 1
            if offices[row["outlet"]] <= PER_OFFICE:
                gold = Gold(None, *OFFICES[row["outlet"]])
                yield "prosecutors", Story(row["text"], row["title"]), [], gold, 0.3


def _note_inputs(gazetteer: Gazetteer) -> Iterator[tuple[str, Story, list[Span], Gold, float]]:
    taken: dict[str, int] = defaultdict(int)
    with gzip.open(DATA / "corpora/snippets.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            corpus, city = row["corpus"], row.get("city")
            state = gazetteer.state_names.get(row.get("state") or "", row.get("state"))
            if taken[corpus] >= NOTES.get(corpus, 0) or not city or city not in row["text"]:
                continue
            taken[corpus] += 1
            yield f"notes {corpus}", Story(row["text"]), [], Gold(city, None, state), 0.2


def _abroad_inputs() -> Iterator[tuple[str, Story, list[Span], Gold, float]]:
    for number, row in enumerate(rows(DATA / "corpora/india_police_events.jsonl.gz")):
        if number % 10 == 0:
            gold = Gold(None, None, None, "India")
            yield "india", Story(row["text"], row.get("title")), [], gold, 0.3


def with_home(locator: Locator, focus: Focus, gold: Gold, picker: random.Random) -> Focus:
    """The same story as told by a local outlet: at home in its city or another nearby."""
    g = locator.gazetteer
    rows_ = [
        r for r in g.find(gold.city or "") if g.state_names.get(g.states[g.state[r]]) == gold.state
    ]
    if not rows_:
        return focus
    home = rows_[0]
    if picker.random() < 0.4:
        near = [
            r
            for r in range(len(g))
            if g.county[r] == g.county[home]
            and g.state[r] == g.state[home]
            and g.kind[r] == Kind.CITY
        ]
        home = max(near, key=lambda r: g.prominence[r], default=home)
    elif picker.random() < 0.2:
        home = picker.randrange(len(g) // 8)
        if g.kind[home] != Kind.CITY:
            return focus
    a = focus.analysis
    analysis = locator.weigh(a.tokens, a.found, a.groups, home)
    return Focus(analysis, focus.story, focus.evidence)


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
    """Which spots are right, the last being nowhere: the finest level that has any."""
    if gold.country != "United States":
        right = [matches(g, s.row, s.kind, gold) for s in spots]
        return [*right, not any(right)]
    for kinds in ((Kind.CITY, Kind.NEIGHBORHOOD), (Kind.COUNTY,), (Kind.STATE,)):
        right = [s.kind in kinds and matches(g, s.row, s.kind, gold) for s in spots]
        if gold.county and kinds != (Kind.STATE,):
            right = [s.kind != Kind.STATE and matches(g, s.row, s.kind, gold) for s in spots]
        if any(right):
            return [*right, False]
    return [*([False] * len(spots)), True]


def all_cases(locator: Locator) -> list[Case]:
    """Every development story as a case."""
    found = []
    picker = random.Random(11)
    inputs = [
        *_story_inputs(),
        *_article_inputs(),
        *_note_inputs(locator.gazetteer),
        *_abroad_inputs(),
    ]
    for number, (source, story, spans, gold, weight) in enumerate(inputs):
        focus = Focus(locator.analyse(story), story, spans)
        if source == "stories-plain" and number % 3 == 0:
            source, focus = "stories-home", with_home(locator, focus, gold, picker)
        spots = locator.focus_model.spots(focus)
        if not spots:
            continue
        x = locator.focus_model.features(focus, spots)
        right = right_spots(locator.gazetteer, spots, gold)
        # Both versions of a story, which follow each other, share a fold.
        fold = (number // 2) % FOLDS if source[0] in "sa" else picker.randrange(FOLDS)
        found.append(Case(source, fold, gold, spots, x, right, weight))
    return found


def fit(cases: Sequence[Case]) -> Floats:
    """The weights of the conditional logit."""
    sizes = [len(c.right) for c in cases]
    data = Rows(
        np.concatenate([c.x for c in cases]),
        np.cumsum([0, *sizes[:-1]]),
        np.repeat(np.arange(len(sizes)), sizes),
        np.concatenate([c.right for c in cases]),
        np.array([c.weight for c in cases]),
    )
    return fit_logit(data, np.zeros(len(FEATURES)))


def softmax(scores: Floats) -> Floats:
    """Probabilities of one story's spots."""
    shares = np.exp(scores - scores.max())
    result: Floats = shares / shares.sum()
    return result


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


def report(locator: Locator, cases: Sequence[Case], chances: Sequence[Floats]) -> None:
    """Print how often each level is right, per set, at the current thresholds."""
    g, model = locator.gazetteer, locator.focus_model
    tally: dict[str, list[tuple[bool, bool, bool, bool]]] = defaultdict(list)
    for case, chance in zip(cases, chances, strict=True):
        answer = None
        for level, row, value in model.levels(case.spots, chance):
            if model.confidence(level, value) >= model.thresholds[level]:
                answer = row
                break
        if answer is None:
            nowhere = case.gold.state is None and case.source == "round-up"
            tally[case.source].append((nowhere, False, False, True))
            continue
        tally[case.source].append(
            (
                matches(g, answer, Kind.STATE, case.gold),
                bool(g.county[answer]) and matches(g, answer, Kind.COUNTY, case.gold),
                g.kind[answer] == Kind.CITY and matches(g, answer, Kind.CITY, case.gold),
                False,
            )
        )
    for source, rows_ in sorted(tally.items()):
        state, county, city, null = np.mean(rows_, axis=0)
        print(
            f"{source:24} {len(rows_):5} state {state:.3f} county {county:.3f}"
            f" city {city:.3f} null {null:.3f}"
        )


def fit_focus() -> None:
    """Fit, cross-validate, calibrate and write the focus weights."""
    locator = Locator.load()
    cases = all_cases(locator)
    chances: list[Floats] = [np.zeros(0)] * len(cases)
    for fold in range(FOLDS):
        weights = fit([c for c in cases if c.fold != fold])
        for number, case in enumerate(cases):
            if case.fold == fold:
                chances[number] = softmax(case.x @ weights)
    pairs: dict[str, list[tuple[float, bool, float]]] = defaultdict(list)
    kinds = {"city": Kind.CITY, "county": Kind.COUNTY, "state": Kind.STATE}
    for case, chance in zip(cases, chances, strict=True):
        for level, row, value in locator.focus_model.levels(case.spots, chance):
            if case.gold.country != "United States":
                break
            if level in kinds and not (level == "city" and case.gold.county):
                right = matches(locator.gazetteer, row, kinds[level], case.gold)
                pairs[level].append((value, right, case.weight))
    final = fit(cases)
    stored = json.loads(WEIGHTS_PATH.read_text(encoding="utf-8"))
    stored["focus"] = {
        "weights": {n: round(float(w), 4) for n, w in zip(FEATURES, final, strict=True)},
        "calibration": {k: calibrate(v) for k, v in pairs.items()} | {"country": [1.0, 0.0]},
        "thresholds": THRESHOLDS,
    }
    for name, weight in stored["focus"]["weights"].items():
        print(f"{name:20} {weight:7.2f}")
    print(stored["focus"]["calibration"])
    locator.focus_model.calibration = stored["focus"]["calibration"]
    locator.focus_model.thresholds = THRESHOLDS
    report(locator, cases, chances)
    WEIGHTS_PATH.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
