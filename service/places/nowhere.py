"""Whether a story has one place at all: what speaks for a round-up of many, in numbers."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from service.places.focus_features import FEATURES
from service.places.gazetteer import Gazetteer, Kind
from service.places.groups import LEDE_END
from service.places.namesakes import Floats
from service.places.spots import Focus, Spot

# Words of a story that is about many places.
WIDE = frozenset(
    "nationwide national nation nation's country country's america american u.s us cities states"
    " departments timeline list look roundup recap tracker each every"
    .split()
)  # fmt: skip
STORY = (
    "one", "states", "cities", "abroad", "long", "title_has", "spread", "bound_states",
    "stated_states", "stated_spread", "wide_title", "wide_lede", "top_share", "agency_any",
    "best_cue", "cue_rivals", "home_known",
)  # fmt: skip
CHOICE = ("best", "lead", "best_state", "best_state_odds", "unsure", "spots")
# A straight line serves badly for counts of states, and a title's place outweighs a list's.
JOINT = (
    "spread_1.5", "stated_1.5", "spread_2.5", "stated_2.5", "spread_3.5", "stated_3.5",
    "spread_untitled", "stated_untitled", "spread_other_title", "stated_other_title",
    "wide_other_title", "spread_wide", "spread_state", "spread_state_share", "bound_unsure",
    "bound_many", "spread_late", "spread_dateline", "spread_home", "state_titled", "short",
    "cities_unsure",
)  # fmt: skip
NOWHERE_FEATURES = (*STORY, *(f"best_{name}" for name in FEATURES), *CHOICE, *JOINT)


def effective(counts: Iterable[float]) -> float:
    """How many equal shares a distribution is worth: the exponential of its entropy."""
    held = [count for count in counts if count]
    total = sum(held)
    return math.exp(-sum(c / total * math.log(c / total) for c in held)) if held else 0.0


def nowhere_features(
    g: Gazetteer, focus: Focus, spots: Sequence[Spot], x: Floats, chances: Floats
) -> Floats:
    """One number per NOWHERE_FEATURES.

    `x` are the spots' features and `chances` how likely each is if there is one place.
    """
    best = x[int(chances.argmax())]
    story = _story(g, focus, spots)
    choice = _choice(g, spots, chances)
    joint = _joint(story, choice, dict(zip(FEATURES, best.tolist(), strict=True)))
    return np.array([*story.values(), *best, *choice.values(), *joint], float)


def _story(g: Gazetteer, focus: Focus, spots: Sequence[Spot]) -> dict[str, float]:
    story = focus.story
    states, stated = Counter[int](), Counter[int]()
    for s in spots:
        if s.kind in (Kind.CITY, Kind.COUNTY, Kind.NEIGHBORHOOD) and g.state[s.row]:
            states[g.state[s.row]] += len(s.offsets)
            stated[g.state[s.row]] += len(s.stated)
    bound = {g.state[s.row] for s in spots if s.bound and g.state[s.row]}
    cues = [max(s.cues) for s in spots if s.cues]
    best = max(cues, default=0.0)
    values = (
        1.0,
        math.log1p(len({g.state[s.row] for s in spots if g.state[s.row]})),
        math.log1p(sum(s.kind == Kind.CITY for s in spots)),
        sum(not g.state[s.row] for s in spots) / len(spots),
        math.log1p(len(story.text) / 1000),
        any(s.title for s in spots),
        effective(states.values()),
        math.log1p(len(bound)),
        math.log1p(sum(count > 0 for count in stated.values())),
        effective(stated.values()),
        _wide(story.title or ""),
        _wide(story.text[:LEDE_END]),
        max(states.values(), default=0) / (sum(states.values()) or 1),
        any(s.agency for s in spots),
        best,
        math.log1p(sum(cue > best - 1 for cue in cues)),
        focus.analysis.home is not None,
    )
    return dict(zip(STORY, map(float, values), strict=True))


def _wide(text: str) -> int:
    """How many of the words of many-placed stories a text has, at most 2."""
    return min(sum(word.strip(".,:;!?'\"") in WIDE for word in text.lower().split()), 2)


def _choice(g: Gazetteer, spots: Sequence[Spot], chances: Floats) -> dict[str, float]:
    """How sure the choice is, if there is one place."""
    order = np.sort(chances)[::-1]
    states: dict[tuple[int, int], float] = defaultdict(float)
    for spot, chance in zip(spots, chances.tolist(), strict=True):
        states[g.state[spot.row], g.country[spot.row]] += chance
    top = max(states.values())
    values = (
        float(order[0]),
        float(order[0] - order[1]) if len(order) > 1 else float(order[0]),
        top,
        math.log(top / (1 - top + 1e-3)),
        -sum(v * math.log(v + 1e-9) for v in states.values()),
        len(spots),
    )
    return dict(zip(CHOICE, values, strict=True))


def _joint(
    story: dict[str, float], choice: dict[str, float], best: dict[str, float]
) -> tuple[float, ...]:
    """What two of the others say together, as named in JOINT."""
    spread, stated, bound = story["spread"], story["stated_spread"], story["bound_states"]
    untitled, other_title = 1 - story["title_has"], 1 - best["title"]
    hinges = [max(value - at, 0.0) for at in (1.5, 2.5, 3.5) for value in (spread, stated)]
    return (
        *hinges,
        spread * untitled,
        stated * untitled,
        spread * other_title,
        stated * other_title,
        story["wide_title"] * other_title,
        spread * story["wide_title"],
        spread * choice["best_state"],
        spread * best["state_share"],
        bound * (1 - choice["best_state"]),
        max(bound - math.log(3.5), 0.0),
        spread * (1 - best["lede"]),
        spread * best["dateline"],
        spread * best["home"],
        choice["best_state"] * story["title_has"],
        math.exp(-story["long"]),
        story["cities"] * choice["unsure"],
    )
