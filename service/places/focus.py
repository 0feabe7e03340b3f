"""The one place of a story's main event, at the finest level the story supports.

Every city, county, state and country of the story competes in one conditional logit; a
second regression tells stories of many places, which have none. Counties and states then
gather the chances of what lies in them, and the finest level that is sure enough is
answered.
"""

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from service.places.cues import CUES_PATH, Cues
from service.places.focus_features import FEATURES, features
from service.places.gazetteer import Gazetteer, Kind
from service.places.namesakes import Floats
from service.places.nowhere import NOWHERE_FEATURES, nowhere_features
from service.places.resolver import WEIGHTS_PATH
from service.places.spots import Focus, Spot, spots_of
from service.story import Place

# Above this chance of being about no one place, a story is given none.
MOST_NOWHERE = 0.5


class FocusModel:
    """Chooses the event's place."""

    def __init__(
        self, gazetteer: Gazetteer, path: Path = WEIGHTS_PATH, cues: Path = CUES_PATH
    ) -> None:
        self.gazetteer = gazetteer
        self.cues = Cues(cues)
        stored = json.loads(path.read_text(encoding="utf-8"))["focus"]
        self.weights = np.array([stored["weights"].get(name, 0.0) for name in FEATURES])
        self.nowhere = np.array([stored["nowhere"].get(name, 0.0) for name in NOWHERE_FEATURES])
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
        analysis = focus.analysis
        return spots_of(self.gazetteer, focus, self.cues.scores(analysis.tokens, analysis.found))

    def chances(self, focus: Focus, spots: Sequence[Spot]) -> Floats:
        """The probability of each spot, and last of nowhere."""
        x = features(self.gazetteer, focus, spots)
        shares = softmax(x @ self.weights)
        values = nowhere_features(self.gazetteer, focus, spots, x, shares)
        return joined(shares, float(values @ self.nowhere))

    def place(self, focus: Focus) -> Place | None:
        """The event's place, or None where no level is sure enough."""
        spots = self.spots(focus)
        if not spots:
            return None
        choice = self.choice(spots, self.chances(focus, spots))
        return self._answer(*choice) if choice else None

    def choice(self, spots: Sequence[Spot], chances: Floats) -> tuple[int, float] | None:
        """The row of the finest level that is sure enough, with its confidence.

        None where that the story is of many places, or of none, is likelier than not.
        """
        if chances[-1] > MOST_NOWHERE:
            return None
        for level, row, chance in self.levels(spots, chances):
            confidence = self.confidence(level, chance)
            if confidence >= self.thresholds[level]:
                return row, confidence
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


def softmax(scores: Floats) -> Floats:
    """Probabilities of one story's spots, if it has one place."""
    shares = np.exp(scores - scores.max())
    result: Floats = shares / shares.sum()
    return result


def joined(shares: Floats, nowhere_odds: float) -> Floats:
    """The spots' probabilities and, last, that of nowhere, adding up to 1."""
    nowhere = 1 / (1 + math.exp(-max(-30.0, min(30.0, nowhere_odds))))
    return np.append(shares * (1 - nowhere), nowhere)
