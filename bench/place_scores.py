"""How right the place names and the event's place of a set of texts are, in counts."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from service.places import Locator
from service.places.gazetteer import Gazetteer, Kind
from service.places.namesakes import chord_km, units
from service.story import Located, Place, Story
from training.places_data import Document, Gold
from training.places_focus import matches
from training.places_focus_data import NOWHERE, Input

RIGHT_KM = 161.0
CLOSE_KM = 40.0
EARTH_KM = 6371.0
# Spellings that mean the country itself.
COUNTRY = frozenset({"united states", "us", "usa", "u.s.", "u.s.a.", "america", "u.s"})


@dataclass(frozen=True, slots=True)
class Count:
    """`hits` of `total` of one measure. Of an F1, `total` lies halfway from gold to found."""

    measure: str
    hits: float
    total: float


def distance_km(lat: float, long: float, place: Place) -> float:
    """Great-circle distance; infinite where the place has no position."""
    if place.lat is None or place.long is None:
        return math.inf
    a, b = math.radians(lat), math.radians(place.lat)
    half = math.sin((b - a) / 2) ** 2
    half += math.cos(a) * math.cos(b) * math.sin(math.radians(place.long - long) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def agrees(gold: Gold, place: Place, within: float = RIGHT_KM) -> bool:
    """Whether a place is the gold one: close enough, or the same city's state."""
    if gold.lat is not None and gold.long is not None:
        return distance_km(gold.lat, gold.long, place) <= within
    if gold.state != place.state:
        return False
    return gold.city is None or place.city is not None


class Atlas:
    """Tells US names below the country, and those that several US towns bear."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self.g = gazetteer
        self.us = gazetteer.countries.index("US")
        kinds = np.frombuffer(gazetteer.kind, np.uint8)
        self.towns = np.flatnonzero(kinds == Kind.CITY)
        self.points = units(
            gazetteer.lat[self.towns].astype(float), gazetteer.long[self.towns].astype(float)
        )

    def nearest(self, lat: float, long: float, people: float = 0.0) -> int:
        """The row of the nearest town with at least 10 ** `people` inhabitants."""
        apart = chord_km(self.points, units(np.array([lat]), np.array([long])))[:, 0]
        apart = np.where(self.g.prominence[self.towns] >= people, apart, np.inf)
        return int(self.towns[int(apart.argmin())])

    def is_us(self, gold: Gold, text: str) -> bool:
        """Whether a gold place lies in the US and is not the US."""
        if text.casefold() in COUNTRY or gold.level == "country":
            return False
        if gold.lat is None or gold.long is None:
            return gold.state is not None
        return self.g.country[self.nearest(gold.lat, gold.long)] == self.us

    def is_ambiguous(self, gold: Gold, text: str) -> bool:
        """Whether a US town's name is that of several towns, and of no state or country."""
        rows = self.g.find(text)
        kinds = [self.g.kind[row] for row in rows]
        towns = kinds.count(Kind.CITY)
        return towns > 1 and Kind.STATE not in kinds and Kind.COUNTRY not in kinds


def name_counts(
    label: str, document: Document, answer: Located, atlas: Atlas, url: str
) -> Iterator[Count]:
    """The counts of one document's names; demonyms and other unsure spans are left out."""
    gold = {(g.start, g.end): g for g in document.gold if g.lat is not None or g.state}
    skipped = [(g.start, g.end) for g in document.gold if (g.start, g.end) not in gold]
    skipped += document.unsure
    mentions = [
        m for m in answer.mentions if not any(m.start < e and m.end > s for s, e in skipped)
    ]
    exact = [(gold[m.start, m.end], m) for m in mentions if (m.start, m.end) in gold]
    both = (len(gold) + len(mentions)) / 2
    placed = sum(agrees(g, m.place) for g, m in exact)
    yield Count(f"{label}: recognition F1", len(exact), both)
    yield Count(f"{label}: end-to-end F1{url}", placed, both)
    for g, m in exact:
        if atlas.is_us(g, m.text):
            yield Count(f"{label}: US names found placed within 161 km{url}", agrees(g, m.place), 1)
            if g.lat is not None and atlas.is_ambiguous(g, m.text):
                close = agrees(g, m.place, CLOSE_KM)
                yield Count(f"{label}: ambiguous towns within 40 km{url}", close, 1)


def event_counts(label: str, i: Input, event: Place | None, g: Gazetteer) -> Iterator[Count]:
    """Whether the event's state, county and city are right, or rightly none."""
    if i.gold == NOWHERE:
        right = event is None or event.country != i.gold.country
        yield Count(f"{label}: no place answered", right, 1)
        return
    for level, kind in (("state", Kind.STATE), ("county", Kind.COUNTY), ("city", Kind.CITY)):
        if level == "city" and i.gold.city is None:
            continue
        yield Count(f"{label}: {level}", event is not None and event_right(g, event, kind, i), 1)


def event_right(g: Gazetteer, event: Place, kind: Kind, i: Input) -> bool:
    """Whether an answered place agrees with the gold at one level."""
    names = {
        Kind.STATE: event.state, Kind.COUNTY: event.county, Kind.CITY: event.city,
    }  # fmt: skip
    return any(
        g.state_names.get(g.states[g.state[row]]) == event.state and matches(g, row, kind, i.gold)
        for row in g.find(names[kind] or "")
        if g.kind[row] == kind or (kind == Kind.CITY and g.kind[row] == Kind.NEIGHBORHOOD)
    )


def totals(counts: Iterable[Count]) -> dict[str, tuple[float, int]]:
    """Per measure its value and how many it rests on, in order of first appearance."""
    hits: dict[str, float] = {}
    sizes: dict[str, float] = {}
    for count in counts:
        hits[count.measure] = hits.get(count.measure, 0.0) + count.hits
        sizes[count.measure] = sizes.get(count.measure, 0.0) + count.total
    return {name: (hits[name] / max(sizes[name], 1), round(sizes[name])) for name in hits}


def located(locator: Locator, document: Document, url: str | None = None) -> Located:
    """The answer to a document, told or not told where it was published."""
    return locator.locate(Story(document.text, document.title, url=url))
