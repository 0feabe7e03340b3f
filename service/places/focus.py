"""The one place of a story's main event, at the finest level the story supports.

Every city, county, state and country of the story competes, with "nowhere" among
them, in one conditional logit; counties and states then gather the chances of what
lies in them, and the finest level that is sure enough is answered.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from service.places.gazetteer import Gazetteer, Kind
from service.places.groups import LEDE_END
from service.places.resolver import WEIGHTS_PATH, Floats, chord_km, units
from service.story import Place, Span, Story

if TYPE_CHECKING:
    from service.places.locator import Analysis

NEAR_EVIDENCE = 300.0
NEAR_KM = 40.0
MIN_CHANCE = 0.02
MAX_SPOTS = 24
FEATURES = (
    "city", "county", "state", "country", "abroad", "share", "count", "lede", "title", "dateline",
    "early", "first", "evidence", "near_evidence", "no_evidence_lede", "agency", "acronym", "home",
    "home_near", "sure", "near_others", "inside", "contains", "prominence", "late_only", "bound",
    "state_share", "city_share", "county_share", "state_title", "neighborhood", "nowhere",
    "nowhere_states", "nowhere_cities", "nowhere_abroad", "nowhere_long", "title_has", "home_state",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Focus:
    """What the choice rests on."""

    analysis: Analysis
    story: Story
    evidence: Sequence[Span] = ()


@dataclass(slots=True)
class Spot:
    """A place that competes, with how the story uses its names."""

    row: int
    kind: Kind
    chance: float = 0.0
    offsets: list[int] = field(default_factory=list)
    title: bool = False
    dateline: bool = False
    agency: int = 0
    acronym: bool = False
    bound: bool = False
    neighborhood: bool = False


class FocusModel:
    """Chooses the event's place."""

    def __init__(self, gazetteer: Gazetteer, path: Path = WEIGHTS_PATH) -> None:
        self.gazetteer = gazetteer
        stored = json.loads(path.read_text(encoding="utf-8"))["focus"]
        self.weights = np.array([stored["weights"].get(name, 0.0) for name in FEATURES])
        self.calibration: dict[str, list[float]] = stored["calibration"]
        self.thresholds: dict[str, float] = stored["thresholds"]
        self.us = gazetteer.countries.index("US")
        self.state_row: dict[int, int] = {}
        self.county_row: dict[tuple[int, int], int] = {}
        for row, kind in enumerate(gazetteer.kind):
            if kind == Kind.STATE:
                self.state_row[gazetteer.state[row]] = row
            elif kind == Kind.COUNTY:
                self.county_row[gazetteer.state[row], gazetteer.county[row]] = row

    def spots(self, focus: Focus) -> list[Spot]:
        """The competing places of a story, each once."""
        analysis, g = focus.analysis, self.gazetteer
        if analysis.table is None or analysis.chances is None:
            return []
        found: dict[int, Spot] = {}
        for number, group in enumerate(analysis.groups):
            start = int(analysis.table.first[number])
            chances = analysis.chances[start : start + len(group.rows)]
            best = int(chances.argmax())
            row, chance = group.rows[best], float(chances[best])
            home = self._city_of(row)
            spot = found.setdefault(home, Spot(home, Kind(g.kind[home])))
            spot.chance = max(spot.chance, chance)
            spot.offsets += [analysis.found[at].candidate.start for at in group.mentions]
            spot.title |= group.title
            spot.dateline |= group.dateline
            spot.agency += group.agency
            spot.offsets += group.acronym
            spot.acronym |= bool(group.acronym)
            spot.bound |= bool(group.qualifier)
            spot.neighborhood |= home != row
        return sorted(found.values(), key=lambda s: (-len(s.offsets), s.row))[:MAX_SPOTS]

    def _city_of(self, row: int) -> int:
        """The city a neighborhood belongs to; other rows stand for themselves."""
        g = self.gazetteer
        if g.kind[row] != Kind.NEIGHBORHOOD:
            return row
        cities = [
            other
            for other in g.find(g.within[row])
            if g.kind[other] == Kind.CITY and g.state[other] == g.state[row]
        ]
        return max(cities, key=lambda other: g.prominence[other], default=row)

    def features(self, focus: Focus, spots: Sequence[Spot]) -> Floats:
        """One row of FEATURES per spot, and a last one for "nowhere"."""
        rows = [self._spot_features(focus, spots, spot) for spot in spots]
        rows.append(self._nowhere(focus, spots))
        matrix = np.array([[row.get(name, 0.0) for name in FEATURES] for row in rows])
        if spots:
            self._add_distances(focus, spots, matrix)
        return matrix

    def _spot_features(self, focus: Focus, spots: Sequence[Spot], spot: Spot) -> dict[str, float]:
        g = self.gazetteer
        total = sum(len(s.offsets) for s in spots) or 1
        cities = sum(len(s.offsets) for s in spots if s.kind == Kind.CITY) or 1
        state, county = g.state[spot.row], g.county[spot.row]
        in_state = sum(len(s.offsets) for s in spots if state and g.state[s.row] == state)
        in_county = sum(
            len(s.offsets)
            for s in spots
            if county and g.county[s.row] == county and g.state[s.row] == state
        )
        first = min(spot.offsets, default=10_000)
        order = sum(min(s.offsets, default=10_000) < first for s in spots if s.kind == spot.kind)
        near = min((_gap(at, span) for at in spot.offsets for span in focus.evidence), default=9e9)
        is_city = spot.kind in (Kind.CITY, Kind.NEIGHBORHOOD)
        return {
            "city": is_city, "county": spot.kind == Kind.COUNTY, "state": spot.kind == Kind.STATE,
            "country": spot.kind in (Kind.COUNTRY, Kind.REGION),
            "abroad": g.country[spot.row] != self.us, "share": len(spot.offsets) / total,
            "count": math.log1p(len(spot.offsets)), "lede": first < LEDE_END, "title": spot.title,
            "dateline": spot.dateline, "early": math.exp(-first / 800), "first": order == 0,
            "evidence": near == 0, "near_evidence": math.exp(-near / NEAR_EVIDENCE),
            "no_evidence_lede": (not focus.evidence) * (first < LEDE_END),
            "agency": min(spot.agency, 4) / 2, "acronym": spot.acronym,
            "sure": math.log(max(spot.chance, 1e-3)), "prominence": float(g.prominence[spot.row]),
            "late_only": first > 1500, "bound": spot.bound, "neighborhood": spot.neighborhood,
            "state_share": in_state / total, "city_share": is_city * len(spot.offsets) / cities,
            "county_share": in_county / total,
            "state_title": any(s.title and g.state[s.row] == state for s in spots if state),
            "inside": any(
                s.kind == Kind.COUNTY and g.county[s.row] == county and g.state[s.row] == state
                for s in spots if county and s is not spot
            ),
            "contains": any(
                (spot.kind == Kind.STATE and g.state[s.row] == state)
                or (spot.kind == Kind.COUNTY and in_county > len(spot.offsets))
                for s in spots if s is not spot
            ),
        }  # fmt: skip

    def _nowhere(self, focus: Focus, spots: Sequence[Spot]) -> dict[str, float]:
        g = self.gazetteer
        states = {g.state[s.row] for s in spots if g.state[s.row]}
        return {
            "nowhere": 1.0,
            "nowhere_states": math.log1p(len(states)),
            "nowhere_cities": math.log1p(sum(s.kind == Kind.CITY for s in spots)),
            "nowhere_abroad": sum(g.country[s.row] != self.us for s in spots) / (len(spots) or 1),
            "nowhere_long": math.log1p(len(focus.story.text) / 1000),
            "title_has": any(s.title for s in spots),
        }

    def _add_distances(self, focus: Focus, spots: Sequence[Spot], matrix: Floats) -> None:
        g = self.gazetteer
        rows = np.array([s.row for s in spots])
        points = units(g.lat[rows].astype(float), g.long[rows].astype(float))
        fine = np.array([s.kind in (Kind.CITY, Kind.COUNTY, Kind.NEIGHBORHOOD) for s in spots])
        kernel = np.exp(-chord_km(points, points) / NEAR_KM) * fine * fine[:, None]
        np.fill_diagonal(kernel, 0)
        size = len(spots)
        matrix[:size, FEATURES.index("near_others")] = np.log1p(kernel.sum(axis=1))
        home = focus.analysis.home
        if home is not None:
            spot = units(
                g.lat[home : home + 1].astype(float), g.long[home : home + 1].astype(float)
            )
            near = np.exp(-chord_km(points, spot)[:, 0] / NEAR_KM) * fine
            matrix[:size, FEATURES.index("home_near")] = near
            matrix[:size, FEATURES.index("home")] = rows == home
            same = np.array([g.state[row] == g.state[home] for row in rows])
            matrix[:size, FEATURES.index("home_state")] = same

    def chances(self, focus: Focus, spots: Sequence[Spot]) -> Floats:
        """The probability of each spot, and last of nowhere."""
        scores = self.features(focus, spots) @ self.weights
        shares = np.exp(scores - scores.max())
        result: Floats = shares / shares.sum()
        return result

    def place(self, focus: Focus) -> Place | None:
        """The event's place, or None where no level is sure enough."""
        spots = self.spots(focus)
        if not spots:
            return None
        chances = self.chances(focus, spots)
        for level, row, chance in self.levels(spots, chances):
            confidence = self.confidence(level, chance)
            if confidence >= self.thresholds[level]:
                return self._answer(row, confidence)
        return None

    def levels(self, spots: Sequence[Spot], chances: Floats) -> list[tuple[str, int, float]]:
        """The likeliest city, county, state and country with their chances, finest first."""
        g = self.gazetteer
        sums: dict[str, dict[int, float]] = {
            name: defaultdict(float) for name in ("city", "county", "state", "country")
        }
        for spot, chance in zip(spots, chances[:-1], strict=True):
            row, value = spot.row, float(chance)
            county = self.county_row.get((g.state[row], g.county[row]))
            state = self.state_row.get(g.state[row])
            if spot.kind in (Kind.CITY, Kind.NEIGHBORHOOD):
                sums["city"][row] += value * min(spot.chance + 0.1, 1.0)
            if county is not None:
                sums["county"][county] += value
            if state is not None:
                sums["state"][state] += value
            elif spot.kind == Kind.COUNTRY and g.country[row] != self.us:
                sums["country"][row] += value
        best = []
        for level, rows in sums.items():
            if rows:
                row = max(rows, key=lambda r: (rows[r], -r))
                best.append((level, row, rows[row]))
        return best

    def confidence(self, level: str, chance: float) -> float:
        """The calibrated probability that a place of a level is right."""
        slope, intercept = self.calibration[level]
        bounded = min(max(chance, 1e-4), 1 - 1e-4)
        odds = slope * math.log(bounded / (1 - bounded)) + intercept
        return 1 / (1 + math.exp(-odds))

    def _answer(self, row: int, confidence: float) -> Place:
        return self.gazetteer.place(row, round(confidence, 4))


def _gap(offset: int, span: Span) -> float:
    """Characters between an offset and a span; 0 within it."""
    return float(max(span.start - offset, offset - span.end + 1, 0))
