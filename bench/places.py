"""Scores, speed and memory of the place names: `python -m bench.places`.

Reads the development sets of BRUTALITY_WATCH_DATA (default `../shared`), which the
shipped weights were also fitted on: for held-out figures see what `training.places`
prints when it cross-validates. No network.
"""

import math
import resource
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from service.places import Locator
from service.story import Located, Place, Span, Story
from training.places_data import Document, Gold, stories, toponyms

RIGHT_KM = 161.0
EARTH_KM = 6371.0
KNOWN = {"oman", "sudan", "afghanistan", "iran", "japan", "pakistan", "jordan", "lebanon"}


@dataclass(frozen=True, slots=True)
class Score:
    """Counts over a set: names in gold, found, with exact span, and also placed right."""

    gold: int
    found: int
    exact: int
    placed: int

    def line(self) -> str:
        """Recognition F1, end-to-end F1, and the share placed right of all gold and of found."""
        both = max(self.gold + self.found, 1)
        return (
            f"names {self.gold:5}  recognition F1 {2 * self.exact / both:.3f}"
            f"  end-to-end F1 {2 * self.placed / both:.3f}"
            f"  right of all {self.placed / max(self.gold, 1):.3f}"
            f"  right of found {self.placed / max(self.exact, 1):.3f}"
        )


def distance_km(lat: float, long: float, place: Place) -> float:
    """Great-circle distance; infinite where the place has no position."""
    if place.lat is None or place.long is None:
        return math.inf
    a, b = math.radians(lat), math.radians(place.lat)
    half = math.sin((b - a) / 2) ** 2
    half += math.cos(a) * math.cos(b) * math.sin(math.radians(place.long - long) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def agrees(gold: Gold, place: Place) -> bool:
    """Whether a place is the gold one: within 161 km, or the same city and state."""
    if gold.lat is not None and gold.long is not None:
        return distance_km(gold.lat, gold.long, place) <= RIGHT_KM
    if gold.state != place.state:
        return False
    return gold.city is None or place.city is not None


def score(documents: Sequence[Document], answers: Sequence[Located]) -> Score:
    """Counts of a set, demonyms and other unsure spans left out."""
    counts = [0, 0, 0, 0]
    for document, answer in zip(documents, answers, strict=True):
        gold = {(g.start, g.end): g for g in document.gold if g.lat is not None or g.state}
        skipped = [(g.start, g.end) for g in document.gold if (g.start, g.end) not in gold]
        skipped += document.unsure
        mentions = [
            m for m in answer.mentions if not any(m.start < e and m.end > s for s, e in skipped)
        ]
        exact = [m for m in mentions if (m.start, m.end) in gold]
        placed = [m for m in exact if agrees(gold[m.start, m.end], m.place)]
        for number, items in enumerate((gold, mentions, exact, placed)):
            counts[number] += len(items)
    return Score(*counts)


def focus_line(documents: Sequence[Document], answers: Sequence[Located]) -> str:
    """How often the event's state and city are right."""
    pairs = [(d, a.event or Place()) for d, a in zip(documents, answers, strict=True)]
    state = [event.state == d.state for d, event in pairs]
    city = [event.city == d.city for d, event in pairs]
    return f"event's state {statistics.mean(state):.3f}  city {statistics.mean(city):.3f}"


def spans(document: Document) -> list[Span]:
    """The evidence sentences' places in the text."""
    found = [(document.text.find(s), len(s)) for s in document.evidence]
    return [Span(at, at + size) for at, size in found if at >= 0]


def peak_mb() -> float:
    """The most memory this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Load, score every set, and print."""
    before = peak_mb()
    start = time.perf_counter()
    locator = Locator.load()
    print(f"load {1e3 * (time.perf_counter() - start):.0f} ms")
    sets = {name: list(toponyms(name, KNOWN)) for name in ("trnews", "gwn", "geovirus")}
    sets["stories"] = list(stories())
    loaded = peak_mb()
    for name, documents in sets.items():
        cases = [(Story(d.text, d.title, url=d.url), spans(d)) for d in documents]
        for story, evidence in cases[:20]:
            locator.locate(story, evidence)
        start = time.perf_counter()
        answers = [locator.locate(story, evidence) for story, evidence in cases]
        took = (time.perf_counter() - start) / len(cases)
        print(f"{name:9} {score(documents, answers).line()}  {1e3 * took:.2f} ms a story")
        if name == "stories":
            print(f"{name:9} {focus_line(documents, answers)}")
    print(
        f"memory: {peak_mb() - before:.0f} MB at most, {loaded - before:.0f} of it before a story"
    )


if __name__ == "__main__":
    main()
