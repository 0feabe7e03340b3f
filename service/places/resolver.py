"""Which place each name of a story means: a conditional logit over all namesakes.

Two rounds with the same features: the first weighs each name by itself and by all
namesakes of the others, the second by what the first made of the others.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from service.places.gazetteer import Gazetteer
from service.places.groups import Group
from service.places.namesake_features import FEATURES, NamesakeFeatures
from service.places.namesakes import Floats, Table, softmax, table, weigh

WEIGHTS_PATH = Path(__file__).parent / "weights.json"


class Resolver:
    """Weighs the namesakes of a story's groups."""

    def __init__(self, gazetteer: Gazetteer, path: Path = WEIGHTS_PATH) -> None:
        self.gazetteer = gazetteer
        stored = json.loads(path.read_text(encoding="utf-8"))["resolver"]
        self.rounds = [
            np.array([stored[name].get(f, 0.0) for f in FEATURES]) for name in ("first", "second")
        ]
        self.slope: float
        self.intercept: float
        self.slope, self.intercept = stored["calibration"]
        self.columns = NamesakeFeatures(gazetteer)

    def resolve(self, groups: Sequence[Group], home: int | None) -> tuple[Table, Floats]:
        """The namesakes and their probabilities, which sum to at most 1 within a group."""
        t = table(self.gazetteer, groups)
        chances = softmax(t.prominence * 1.5, t)
        fixed = self.columns.fixed(groups, t, home)
        for weights in self.rounds:
            chances = weigh(self.columns.features(groups, t, chances, fixed), weights, t)
        return t, chances

    def confidence(self, chance: float) -> float:
        """The calibrated probability that a place taken with `chance` is right."""
        bounded = min(max(chance, 1e-4), 1 - 1e-4)
        odds = self.slope * math.log(bounded / (1 - bounded)) + self.intercept
        return 1 / (1 + math.exp(-odds))
