"""Weights of features that are told apart by a hash only, so that no text ships with them."""

import zlib
from array import array

import numpy as np
import numpy.typing as npt

# Weights of features seen before; a bound keeps a long-lived service's memory flat.
CACHE_SIZE = 10_000


def bucket(feature: str, buckets: int) -> int:
    """Where a feature's weight is kept. Collisions are rare and cost little."""
    return zlib.crc32(feature.encode()) % buckets


class HashedWeights(dict[str, float]):
    """The weight of any feature, as `weights[feature]`; those seen before are remembered."""

    def __init__(self, weights: npt.NDArray[np.floating]) -> None:
        super().__init__()
        self.buckets = array("f", weights.astype(np.float32).tobytes())

    def __missing__(self, feature: str) -> float:
        if len(self) >= CACHE_SIZE:
            self.clear()
        value = self[feature] = self.buckets[bucket(feature, len(self.buckets))]
        return value
