"""All places that the names of a story may mean, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from service.places.gazetteer import Gazetteer, Kind
from service.places.groups import Group

EARTH_KM = 6371.0
# Before anything is weighed, that no listed place is meant counts as a hamlet does.
UNLISTED = 1.0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Table:
    """All namesakes of all groups of a story in parallel arrays.

    `group` is the number of each row's group, `first` where each group begins,
    `of_kind` (kinds by namesakes) whether a row is of a kind.
    """

    rows: list[int]
    group: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    of_kind: npt.NDArray[np.bool_]
    state: npt.NDArray[np.int64]
    country: npt.NDArray[np.int64]
    county: npt.NDArray[np.int64]
    prominence: Floats
    unit: Floats


def units(lat: Floats, long: Floats) -> Floats:
    """Points on the unit sphere, one row each, from degrees."""
    phi, lam = np.radians(lat), np.radians(long)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=1)


def chord_km(a: Floats, b: Floats) -> Floats:
    """Distances between all points of two sets, as chords; true to 1 % below 3,000 km."""
    squared = np.maximum(2 - 2 * (a @ b.T), 0)
    result: Floats = EARTH_KM * np.sqrt(squared)
    return result


def table(gazetteer: Gazetteer, groups: Sequence[Group]) -> Table:
    """The namesakes of `groups`; each group must have at least one row."""
    rows = [row for group in groups for row in group.rows]
    sizes = [len(group.rows) for group in groups]
    index = np.array(rows, np.int64)
    kind, state, country, county = (
        np.asarray(memoryview(column))[index].astype(np.int64)
        for column in (gazetteer.kind, gazetteer.state, gazetteer.country, gazetteer.county)
    )
    return Table(
        rows,
        np.repeat(np.arange(len(groups)), sizes),
        np.cumsum([0, *sizes[:-1]]),
        kind == np.arange(len(Kind))[:, None],
        state,
        country,
        county,
        gazetteer.prominence[index].astype(np.float64),
        units(gazetteer.lat[index].astype(float), gazetteer.long[index].astype(float)),
    )


def softmax(scores: Floats, t: Table, unlisted: float = UNLISTED) -> Floats:
    """Probabilities within each group; the rest to 1 is that none of the rows is meant.

    `unlisted` is the score of that: a name may be in the gazetteer for another
    place of the same name only, which matters most where it has just one row.
    """
    top = np.maximum(np.maximum.reduceat(scores, t.first), unlisted)
    shares = np.exp(scores - top[t.group])
    total = np.add.reduceat(shares, t.first) + np.exp(unlisted - top)
    result: Floats = shares / total[t.group]
    return result


def weigh(x: Floats, weights: Floats, t: Table) -> Floats:
    """Probabilities from features (one row of FEATURES per namesake) and weights."""
    return softmax(x @ weights, t, float(weights[-1]))
