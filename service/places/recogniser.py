"""Which candidate spans are place names: a logistic regression over hashed features.

The weights were fitted by `training.places`; they are plain numbers, so no text
the model was trained on ships with it.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from operator import mul, not_
from pathlib import Path

import numpy as np

from service.places.candidates import FACTS, PLAIN_GAPS, Candidate
from service.places.gazetteer import Gazetteer
from service.places.hashed import HashedWeights
from service.places.tokens import Tokens

WEIGHTS_PATH = Path(__file__).parent / "recogniser.npz"
BUCKETS = 1 << 16


@dataclass(frozen=True, slots=True)
class PlaceTags:
    """Per-token place probabilities of a token head: characters `starts[i]:ends[i]`.

    The three sequences have one length and are in order of the text.
    """

    starts: Sequence[int]
    ends: Sequence[int]
    probabilities: Sequence[float]

    def logit(self, start: int, end: int) -> float:
        """The mean log-odds over the tokens that touch `start:end`; 0 where none does."""
        odds = [
            math.log(max(p, 1e-4) / max(1 - p, 1e-4))
            for s, e, p in zip(self.starts, self.ends, self.probabilities, strict=True)
            if s < end and e > start
        ]
        return sum(odds) / len(odds) if odds else 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """A candidate taken for a place name, with the probability of being one."""

    candidate: Candidate
    probability: float


@lru_cache(maxsize=1)
def first_names() -> frozenset[str]:
    """Common US given names, lower case."""
    return frozenset((FACTS / "first_names.txt").read_text(encoding="utf-8").split())


@lru_cache(maxsize=5_000)
def shape(word: str) -> str:
    """The sort of a token by its letters."""
    if word[0].isdigit():
        return "digit"
    if not word[0].isalpha():
        return "mark"
    if word.isupper() and len(word) > 1:
        return "upper"
    return "capital" if word[0].isupper() else "lower"


class Context:
    """What the features of all candidates of one text share.

    `lower`, `shapes` and `line_after` are padded by PAD entries on either side, so
    that the neighbours of any token exist. `line_after` tells of line breaks.
    """

    PAD = 3

    def __init__(self, tokens: Tokens, candidates: Sequence[Candidate]) -> None:
        self.tokens = tokens
        self.plain = set(compress(tokens.words, map(not_, tokens.capital)))
        self.states_at = {c.first for c in candidates if c.sort in ("state", "short", "country")}
        self.ends_at = {c.last for c in candidates if c.sort in ("city", "county")}
        outside = ["<>"] * self.PAD
        edge = ["edge"] * self.PAD
        self.lower = [*outside, *tokens.lower, *outside]
        self.shapes = [*edge, *map(shape, tokens.words), *edge]
        self.line_after = [*[False] * self.PAD, *["\n" in gap for gap in tokens.gaps], *[False] * 4]
        self._runs(tokens.capital, tokens.gaps)

    def _runs(self, capital: list[bool], gaps: list[str]) -> None:
        """First and last token of the run of capitalised words that each token is in."""
        self.run_first = list(range(len(capital)))
        self.run_last = list(range(len(capital)))
        joined = [
            at for at, gap in enumerate(gaps)
            if capital[at] and capital[at + 1] and gap in PLAIN_GAPS
        ]  # fmt: skip
        for at in joined:
            self.run_first[at + 1] = self.run_first[at]
        for at in reversed(joined):
            self.run_last[at] = self.run_last[at + 1]


def features(context: Context, candidate: Candidate, gazetteer: Gazetteer) -> list[str]:
    """The features of one candidate, as short strings."""
    c, tokens, lower = candidate, context.tokens, context.lower
    sort = c.sort
    before = c.first - 1 + Context.PAD
    after = c.last + 1 + Context.PAD
    if c.end > tokens.ends[c.last]:
        after += 1
    p1 = "<line>" if context.line_after[before] else lower[before]
    n1 = "<line>" if context.line_after[after - 1] else lower[after]
    p2, n2 = lower[before - 1], lower[after + 1]
    p_shape, n_shape = context.shapes[before], context.shapes[after]
    run_first, run_last = context.run_first[c.first], context.run_last[c.last]
    left, right = run_first < c.first, run_last > c.last
    found = [
        f"s {sort}", f"k {c.key}", f"p {p1}", f"n {n1}", f"pp {p2} {p1}", f"nn {n1} {n2}",
        f"ps {p1} {sort}", f"ns {n1} {sort}", f"p2 {p2}", f"n2 {n2}",
        f"r {left}{right}{sort}", f"sh {p_shape} {n_shape} {sort}", f"l {c.last - c.first} {sort}",
        f"c {tokens.case} {sort}", f"pn {p1} {n1}", f"nsh {n1} {context.shapes[after + 1]}",
        f"u {tokens.words[c.first].isupper()} {tokens.case} {sort}",
    ]  # fmt: skip
    if n1 == ",":
        found.append(f"cs {after + 1 - Context.PAD in context.states_at} {sort}")
    if p1 == ",":
        found.append(f"ac {before - 1 - Context.PAD in context.ends_at} {sort}")
    elif p1 == "." and not left:
        found.append(f"in {p2 in first_names() or len(p2) == 1} {sort}")
    found += _in_run(context, c, p1)
    found += _of_name(context, c, gazetteer, f"{p_shape} {n_shape}")
    return found


def _in_run(context: Context, c: Candidate, before: str) -> list[str]:
    """Features of the other capitalised words on either side, as of a person's name."""
    lower, sort, names = context.tokens.lower, c.sort, first_names()
    run_first, run_last = context.run_first[c.first], context.run_last[c.last]
    left, right = run_first < c.first, run_last > c.last
    found: list[str] = []
    if left:
        found += (f"rf {lower[run_first]}", f"rl {before} {sort}", f"fn {before in names} {sort}")
    if right:
        last = lower[run_last]
        found += (f"e {last}", f"es {last} {sort}", f"rn {run_last - c.last} {sort}")
        found.append(f"nf {lower[c.last] in names} {right}")
    else:
        found.append(f"sf {lower[c.last] in names} {left} {sort}")
    return found


def _of_name(context: Context, c: Candidate, gazetteer: Gazetteer, shapes: str) -> list[str]:
    """Features of the name itself and of what the gazetteer knows of it."""
    lower, sort = context.tokens.lower, c.sort
    plain = context.plain.issuperset(lower[c.first : c.last + 1])
    if not c.rows:
        tail = lower[c.last]
        ends = (f"t3 {tail[-3:]}", f"t4 {tail[-4:]}", f"w0 {lower[c.first]}", f"w1 {tail}")
        return [f"lc {plain} {sort}", *ends]
    top = max([gazetteer.prominence_list[row] for row in c.rows])
    return [
        f"lc {plain} {sort}", f"pr {int(top * 2)} {sort} {c.last > c.first}",
        f"many {min(len(c.rows), 8) // 2} {sort}", f"prs {int(top)} {shapes}",
    ]  # fmt: skip


class Recogniser:
    """Scores candidates and keeps the best that do not overlap."""

    def __init__(self, gazetteer: Gazetteer, path: Path = WEIGHTS_PATH) -> None:
        self.gazetteer = gazetteer
        with np.load(path, allow_pickle=False) as data:
            self.weights = HashedWeights(data["weights"])
            self.bias = float(data["bias"])
            self.document: list[float] = data["document"].tolist()
            self.threshold = float(data["threshold"])

    def first_pass(self, tokens: Tokens, candidates: Sequence[Candidate]) -> list[float]:
        """Each candidate's log-odds from its own surroundings."""
        context = Context(tokens, candidates)
        weight = self.weights.__getitem__
        return [
            self.bias + sum(map(weight, features(context, candidate, self.gazetteer)))
            for candidate in candidates
        ]

    def probabilities(
        self, tokens: Tokens, candidates: Sequence[Candidate], tags: PlaceTags | None = None
    ) -> list[float]:
        """Each candidate's probability, given how the same name fares elsewhere."""
        own = self.first_pass(tokens, candidates)
        rows = document_features(candidates, own)
        result = []
        for candidate, row in zip(candidates, rows, strict=True):
            odds = sum(map(mul, self.document, row))
            if tags is not None:
                odds = (odds + tags.logit(candidate.start, candidate.end)) / 1.5
            result.append(1 / (1 + math.exp(-max(-30.0, min(30.0, odds)))))
        return result

    def recognise(
        self, tokens: Tokens, candidates: Sequence[Candidate], tags: PlaceTags | None = None
    ) -> list[Found]:
        """The place names, in order, none overlapping another."""
        chances = self.probabilities(tokens, candidates, tags)
        return choose(candidates, chances, self.threshold)


def document_features(
    candidates: Sequence[Candidate], odds: Sequence[float]
) -> list[tuple[float, ...]]:
    """For each candidate: 1, its log-odds, and how the same name fares elsewhere."""
    clipped = [max(-6.0, min(6.0, value)) for value in odds]
    of_name: dict[str, list[float]] = defaultdict(list)
    for candidate, value in zip(candidates, clipped, strict=True):
        of_name[candidate.key].append(value)
    told = {name: (len(values) - 1, sum(values), max(values)) for name, values in of_name.items()}
    rows: list[tuple[float, ...]] = []
    for candidate, value in zip(candidates, clipped, strict=True):
        others, total, best = told[candidate.key]
        mean = (total - value) / others if others else 0.0
        rows.append((1.0, value, mean, float(others > 0), best - value))
    return rows


def choose(
    candidates: Sequence[Candidate], chances: Sequence[float], threshold: float
) -> list[Found]:
    """The most probable candidates above the threshold that do not overlap.

    Of two that begin alike the longer is preferred unless it is much less likely:
    "New York City" before "New York".
    """
    order = sorted(
        (i for i, chance in enumerate(chances) if chance >= threshold),
        key=lambda i: -(chances[i] + 0.25 * (candidates[i].last - candidates[i].first)),
    )
    taken: list[Found] = []
    used: set[int] = set()
    for i in order:
        span = range(candidates[i].first, candidates[i].last + 1)
        if used.isdisjoint(span):
            used.update(span)
            taken.append(Found(candidates[i], chances[i]))
    return sorted(taken, key=lambda found: found.candidate.start)
