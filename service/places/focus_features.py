"""What speaks for each place of a story, in numbers."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from service.places.gazetteer import Gazetteer, Kind
from service.places.groups import LEDE_END
from service.places.namesakes import Floats, chord_km, units
from service.places.spots import Focus, Spot, gap

NEAR_EVIDENCE = 300.0
NEAR_KM = 40.0
LATE = 1500
FEATURES = (
    "city", "county", "state", "country", "abroad", "share", "count", "lede", "title", "dateline",
    "early", "first", "evidence", "near_evidence", "no_evidence_lede", "agency", "acronym", "home",
    "home_near", "sure", "near_others", "inside", "contains", "prominence", "late_only", "bound",
    "state_share", "city_share", "county_share", "state_title", "neighborhood", "home_state",
    "cue_best", "cue_mean", "cue_sum", "stated_cue", "stated_share", "agency_share",
)  # fmt: skip


def features(g: Gazetteer, focus: Focus, spots: Sequence[Spot]) -> Floats:
    """One row of FEATURES per spot. There must be one at least."""
    story = _Story(g, focus, spots)
    rows = [story.of_spot(spot) for spot in spots]
    matrix = np.array([[row.get(name, 0.0) for name in FEATURES] for row in rows], float)
    _add_distances(g, focus, spots, matrix)
    return matrix


class _Story:
    """What the spots of one story share."""

    def __init__(self, g: Gazetteer, focus: Focus, spots: Sequence[Spot]) -> None:
        self.g, self.focus, self.spots = g, focus, spots
        self.us = g.countries.index("US")
        self.total = sum(len(s.offsets) for s in spots) or 1
        self.agencies = sum(min(s.agency, 4) for s in spots) or 1
        self.stated = sum(len(s.stated) for s in spots) or 1
        self.cities = sum(len(s.offsets) for s in spots if s.kind == Kind.CITY) or 1
        self.in_state: Counter[int] = Counter()
        self.in_county: Counter[tuple[int, int]] = Counter()
        for s in spots:
            self.in_state[g.state[s.row]] += len(s.offsets)
            self.in_county[g.state[s.row], g.county[s.row]] += len(s.offsets)
        self.title_states = {g.state[s.row] for s in spots if s.title and g.state[s.row]}

    def of_spot(self, spot: Spot) -> Mapping[str, float]:
        """What speaks for one spot."""
        return {**self._kind(spot), **self._use(spot), **self._region(spot), **self._cues(spot)}

    def _kind(self, spot: Spot) -> dict[str, float]:
        return {
            "city": spot.kind in (Kind.CITY, Kind.NEIGHBORHOOD),
            "county": spot.kind == Kind.COUNTY,
            "state": spot.kind == Kind.STATE,
            "country": spot.kind in (Kind.COUNTRY, Kind.REGION),
            "abroad": self.g.country[spot.row] != self.us,
            "sure": math.log(max(spot.chance, 1e-3)),
            "prominence": self.g.prominence_list[spot.row],
            "bound": spot.bound,
            "neighborhood": spot.neighborhood,
        }

    def _use(self, spot: Spot) -> dict[str, float]:
        """Where and how often the spot is named."""
        evidence = self.focus.evidence
        first = min(spot.offsets, default=10_000)
        order = any(
            min(s.offsets, default=10_000) < first for s in self.spots if s.kind == spot.kind
        )
        near = min((gap(at, span) for at in spot.offsets for span in evidence), default=9e9)
        is_city = spot.kind in (Kind.CITY, Kind.NEIGHBORHOOD)
        return {
            "share": len(spot.offsets) / self.total,
            "count": math.log1p(len(spot.offsets)),
            "lede": first < LEDE_END,
            "title": spot.title,
            "dateline": spot.dateline,
            "early": math.exp(-first / 800),
            "first": not order,
            "evidence": near == 0,
            "near_evidence": math.exp(-near / NEAR_EVIDENCE),
            "no_evidence_lede": (not evidence) * (first < LEDE_END),
            "agency": min(spot.agency, 4) / 2,
            "agency_share": min(spot.agency, 4) / self.agencies,
            "acronym": spot.acronym,
            "late_only": first > LATE,
            "city_share": is_city * len(spot.offsets) / self.cities,
        }

    def _region(self, spot: Spot) -> dict[str, float]:
        """How the spot's county and state are named beside it."""
        g, row = self.g, spot.row
        state, county = g.state[row], g.county[row]
        in_county = self.in_county[state, county] if county else 0
        inside = county and any(
            s.kind == Kind.COUNTY and g.county[s.row] == county and g.state[s.row] == state
            for s in self.spots
            if s is not spot
        )
        siblings = any(g.state[s.row] == state for s in self.spots if s is not spot)
        contains = (spot.kind == Kind.STATE and siblings) or (
            spot.kind == Kind.COUNTY and in_county > len(spot.offsets)
        )
        return {
            "state_share": self.in_state[state] / self.total if state else 0.0,
            "county_share": in_county / self.total,
            "state_title": state in self.title_states,
            "inside": bool(inside),
            "contains": contains,
        }

    def _cues(self, spot: Spot) -> dict[str, float]:
        """What the words around the spot's names say."""
        if not spot.cues:
            return {}
        return {
            "cue_best": max(spot.cues),
            "cue_mean": sum(spot.cues) / len(spot.cues),
            "cue_sum": sum(math.log1p(math.exp(cue)) for cue in spot.cues) / 4,
            "stated_cue": max(spot.stated, default=-2.0) + 2.0,
            "stated_share": len(spot.stated) / self.stated,
        }


def _add_distances(g: Gazetteer, focus: Focus, spots: Sequence[Spot], matrix: Floats) -> None:
    """How near the other places and the outlet's home are."""
    rows = np.array([s.row for s in spots])
    points = units(g.lat[rows].astype(float), g.long[rows].astype(float))
    fine = np.array([s.kind in (Kind.CITY, Kind.COUNTY, Kind.NEIGHBORHOOD) for s in spots])
    kernel = np.exp(-chord_km(points, points) / NEAR_KM) * fine * fine[:, None]
    np.fill_diagonal(kernel, 0)
    size = len(spots)
    matrix[:size, FEATURES.index("near_others")] = np.log1p(kernel.sum(axis=1))
    home = focus.analysis.home
    if home is None:
        return
    here = units(g.lat[home : home + 1].astype(float), g.long[home : home + 1].astype(float))
    matrix[:size, FEATURES.index("home_near")] = (
        np.exp(-chord_km(points, here)[:, 0] / NEAR_KM) * fine
    )
    matrix[:size, FEATURES.index("home")] = rows == home
    same = np.array([g.state[row] == g.state[home] for row in rows])
    matrix[:size, FEATURES.index("home_state")] = same
