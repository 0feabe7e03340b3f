"""The places that compete for a story's event, each with how the story uses its names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.places.gazetteer import Gazetteer, Kind
from service.places.groups import Group
from service.story import Span, Story

if TYPE_CHECKING:
    from service.places.locator import Analysis

MAX_SPOTS = 24


@dataclass(frozen=True, slots=True)
class Focus:
    """What the choice rests on."""

    analysis: Analysis
    story: Story
    evidence: Sequence[Span] = ()


@dataclass(slots=True)
class Spot:
    """A place that competes.

    `offsets` are where its names and its agencies' acronyms begin; `cues` holds for each
    name the log-odds of its surroundings, `stated` those of the names within evidence.
    """

    row: int
    kind: Kind
    chance: float = 0.0
    offsets: list[int] = field(default_factory=list)
    cues: list[float] = field(default_factory=list)
    stated: list[float] = field(default_factory=list)
    title: bool = False
    dateline: bool = False
    agency: int = 0
    acronym: bool = False
    bound: bool = False
    neighborhood: bool = False


def gap(offset: int, span: Span) -> float:
    """Characters between an offset and a span; 0 within it."""
    return float(max(span.start - offset, offset - span.end + 1, 0))


def city_of(g: Gazetteer, row: int) -> int:
    """The city a neighborhood belongs to; other rows stand for themselves."""
    if g.kind[row] != Kind.NEIGHBORHOOD:
        return row
    cities = [
        other
        for other in g.find(g.within[row])
        if g.kind[other] == Kind.CITY and g.state[other] == g.state[row]
    ]
    return max(cities, key=lambda other: g.prominence[other], default=row)


def spots_of(g: Gazetteer, focus: Focus, cues: Sequence[float]) -> list[Spot]:
    """The competing places, most named first. `cues` has one number per found name.

    A place named only by a newspaper or team that bears its name does not compete.
    """
    analysis = focus.analysis
    if analysis.table is None or analysis.chances is None:
        return []
    found: dict[int, Spot] = {}
    for number, group in enumerate(analysis.groups):
        used = [at for at in group.mentions if at not in group.lent]
        if not used and not group.title and not group.acronym:
            continue
        start = int(analysis.table.first[number])
        chances = analysis.chances[start : start + len(group.rows)]
        best = int(chances.argmax())
        row = group.rows[best]
        home = city_of(g, row)
        spot = found.setdefault(home, Spot(home, Kind(g.kind[home])))
        spot.chance = max(spot.chance, float(chances[best]))
        spot.neighborhood |= home != row
        _take(spot, group, focus, used, cues)
    return sorted(found.values(), key=lambda s: (-len(s.offsets), s.row))[:MAX_SPOTS]


def _take(
    spot: Spot, group: Group, focus: Focus, used: Sequence[int], cues: Sequence[float]
) -> None:
    """Add what one group says of a spot."""
    for at in used:
        offset = focus.analysis.found[at].candidate.start
        spot.offsets.append(offset)
        spot.cues.append(cues[at])
        if any(span.start <= offset < span.end for span in focus.evidence):
            spot.stated.append(cues[at])
    spot.offsets += group.acronym
    spot.title |= group.title
    spot.dateline |= group.dateline
    spot.agency += group.agency
    spot.acronym |= bool(group.acronym)
    spot.bound |= bool(group.qualifier)
