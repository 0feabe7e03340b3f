"""What speaks for each place that a name may mean, in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from service.places.gazetteer import Gazetteer, Kind
from service.places.groups import Group
from service.places.namesakes import Floats, Table, chord_km, units
from service.places.spelling import key

NEAR_KM = 40.0
FAR_KM = 150.0
FEATURES = (
    "prominence", "gap_to_top", "rank", "country", "state", "county", "city", "region",
    "neighborhood", "abroad", "state_named", "state_named_often", "state_other_named",
    "country_named", "qualifies_state", "qualifies_other", "same_name_bound", "near", "near_best",
    "far", "far_best", "state_share", "us_share_abroad", "in_named_county", "home_state",
    "home_other_state", "home_near", "home_far", "home_abroad", "agency_city", "agency_state",
    "domain", "near_domain", "dateline_city", "title_city", "unpeopled", "near_dateline",
    "state_named_abroad", "bound",
    "capital_city", "home_near_gap", "near_gap", "other_name", "washington_dc", "new_york_city",
    "us_share", "abroad_share", "home_log", "home_closest", "near_ratio",
    "host_named", "host_absent", "unlisted",
)  # fmt: skip
KINDS = tuple(kind.name.lower() for kind in Kind)


@dataclass(frozen=True, slots=True)
class Fixed:
    """What the rounds share: feature columns, and how near all namesakes are.

    `near` and `far` fall from 1 with the distance, `same_state` is 1 within a
    state; `others` (namesakes by groups) is 0 for a namesake's own group. `county`
    numbers the namesakes' counties.
    """

    columns: dict[str, Floats]
    point: Floats
    near: Floats
    far: Floats
    same_state: Floats
    others: Floats
    county: npt.NDArray[np.int64]


class NamesakeFeatures:
    """Features of all namesakes of a story's groups, in two steps."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self.gazetteer = gazetteer
        self.us = gazetteer.countries.index("US")
        self.washington = self._largest("Washington, D.C.")
        self.new_york = self._largest("New York City")

    def _largest(self, name: str) -> int:
        """The row of the largest place of a name."""
        return max(
            self.gazetteer.find(name), key=lambda r: self.gazetteer.prominence[r], default=-1
        )

    def fixed(self, groups: Sequence[Group], t: Table, home: int | None) -> Fixed:
        """What does not change between the rounds."""
        point = t.of_kind[Kind.COUNTY] | t.of_kind[Kind.CITY] | t.of_kind[Kind.NEIGHBORHOOD]
        apart = chord_km(t.unit, t.unit)
        columns = self._own(groups, t) | self._home(t, home, point)
        columns["home_near_gap"] = columns["home_near"] * columns["gap_to_top"]
        others = (t.group[:, None] != np.arange(len(groups))[None, :]).astype(float)
        return Fixed(
            columns,
            point.astype(float),
            np.exp(-apart / NEAR_KM),
            np.exp(-apart / FAR_KM),
            ((t.state[:, None] == t.state[None, :]) & (t.state > 0)[:, None]).astype(float),
            others,
            np.unique(t.county * 256 + t.state, return_inverse=True)[1],
        )

    def features(self, groups: Sequence[Group], t: Table, chances: Floats, fixed: Fixed) -> Floats:
        """One row of FEATURES per namesake."""
        columns = fixed.columns | self._named(groups, t, chances, fixed)
        columns |= self._near(groups, t, chances, fixed)
        columns["near_gap"] = columns["near_best"] * columns["gap_to_top"]
        top = np.maximum.reduceat(columns["far_best"], t.first)[t.group]
        columns["near_ratio"] = columns["far_best"] / np.maximum(top, 0.02)
        return np.stack([columns[name] for name in FEATURES], axis=1)

    def _own(self, groups: Sequence[Group], t: Table) -> dict[str, Floats]:
        """Features of the namesake and of how its name is used."""
        top = np.maximum.reduceat(t.prominence, t.first)[t.group]
        order = np.lexsort((-t.prominence, t.group))
        rank = np.empty(len(order))
        rank[order] = np.arange(len(order)) - t.first[t.group[order]]
        city, state = t.of_kind[Kind.CITY], t.of_kind[Kind.STATE]

        def flag(values: list[float]) -> Floats:
            return np.array(values, float)[t.group]

        qualifies = flag([g.qualifies for g in groups])
        agency = flag([min(g.agency, 3) for g in groups])
        own = {
            "prominence": t.prominence, "gap_to_top": top - t.prominence,
            "rank": np.minimum(rank, 5), "abroad": t.country != self.us,
            "qualifies_state": qualifies * state, "qualifies_other": qualifies * ~state,
            "agency_city": agency * city, "agency_state": agency * state,
            "domain": flag([g.domain for g in groups]) * city,
            "dateline_city": flag([g.dateline for g in groups]) * city,
            "title_city": flag([g.title for g in groups]) * city,
            "unpeopled": city & (t.prominence == 0), "unlisted": np.zeros(len(t.rows)),
            "bound": flag([bool(g.qualifier) for g in groups]) * t.prominence,
            "capital_city": city & (t.prominence > 5.5),
        }  # fmt: skip
        own |= dict(zip(KINDS, t.of_kind, strict=True)) | self._called(groups, t)
        own["same_name_bound"] = self._bound(groups, t)
        return {name: column.astype(float) for name, column in own.items()}

    def _called(self, groups: Sequence[Group], t: Table) -> dict[str, npt.NDArray[np.bool_]]:
        """Features of the namesakes' own names, and of the cities that they are parts of."""
        g, rows = self.gazetteer, np.array(t.rows)
        keys = {group.key for group in groups}
        hosts = [key(g.within[r]) if g.kind[r] == Kind.NEIGHBORHOOD else "" for r in t.rows]
        others = [key(g.names[r]) != group.key for group in groups for r in group.rows]
        return {
            "other_name": np.array(others),
            "washington_dc": rows == self.washington,
            "new_york_city": rows == self.new_york,
            "host_named": np.array([bool(host) and host in keys for host in hosts]),
            "host_absent": np.array([bool(host) and host not in keys for host in hosts]),
        }

    def _named(
        self, groups: Sequence[Group], t: Table, chances: Floats, fixed: Fixed
    ) -> dict[str, Floats]:
        """Features of the states, countries and counties the story names."""
        weight = np.array([max(g.weight, 0.7) for g in groups])[t.group]
        is_state = t.of_kind[Kind.STATE]
        is_country = t.of_kind[Kind.COUNTRY] | (t.of_kind[Kind.REGION] & (t.country != 0))
        own_state = np.where(is_state, chances * weight, 0.0)
        own_country = np.where(is_country, chances * weight, 0.0)
        states = np.bincount(t.state, own_state, 256)
        countries = np.bincount(t.country, own_country, 256)
        named = np.where(t.state > 0, states[t.state] - own_state, 0.0)
        other = np.maximum(states.sum() - named - own_state, 0.0)
        in_country = np.maximum(countries[t.country] - own_country, 0.0)
        foreign = (t.country != self.us).astype(float)
        return {
            "state_named": np.minimum(named, 1.0),
            "state_named_often": np.log1p(np.maximum(named, 0.0)),
            "state_other_named": np.minimum(other, 1.0) * (named < 0.3) * (t.state > 0),
            "state_named_abroad": np.minimum(states.sum(), 1.0) * foreign,
            "country_named": np.minimum(in_country, 1.0) * foreign,
            "in_named_county": np.minimum(self._in_counties(t, chances, fixed), 1.0),
        }

    def _bound(self, groups: Sequence[Group], t: Table) -> Floats:
        """Where the story elsewhere says by a state after the name that this one is meant."""
        rows: set[int] = set()
        for start, group in zip(t.first, groups, strict=True):
            if group.qualifier:
                rows.update(t.rows[start : start + len(group.rows)])
        lone = np.array([not g.qualifier for g in groups], float)[t.group]
        result: Floats = np.array([r in rows for r in t.rows]) * lone
        return result

    def _in_counties(self, t: Table, chances: Floats, fixed: Fixed) -> Floats:
        """For each namesake below a county, how likely its county is named too."""
        is_county = t.of_kind[Kind.COUNTY]
        named = np.bincount(fixed.county, chances * is_county)
        return np.where((t.county > 0) & ~is_county, named[fixed.county], 0.0)

    def _near(
        self, groups: Sequence[Group], t: Table, chances: Floats, fixed: Fixed
    ) -> dict[str, Floats]:
        """Features of the distance to, and the states of, the story's other names."""
        mass = chances * fixed.point
        columns: dict[str, Floats] = {}
        for name, kernel in (("near", fixed.near), ("far", fixed.far)):
            by_group = np.add.reduceat(kernel * mass, t.first, axis=1) * fixed.others
            by_group *= fixed.point[:, None]
            columns[name] = np.log1p(by_group.sum(axis=1))
            columns[f"{name}_best"] = by_group.max(axis=1)
            if name == "near":
                domain = np.array([g.domain for g in groups], float)
                dateline = np.array([g.dateline for g in groups], float)
                columns["near_domain"] = (by_group * domain).max(axis=1)
                columns["near_dateline"] = (by_group * dateline).max(axis=1)
        rest = max(len(groups) - 1, 1)
        share = np.add.reduceat(fixed.same_state * mass, t.first, axis=1) * fixed.others
        columns["state_share"] = share.sum(axis=1) / rest
        return columns | self._country_shares(t, mass, rest)

    def _country_shares(self, t: Table, mass: Floats, rest: int) -> dict[str, Floats]:
        """How much of the story's other names lies in the US and in a namesake's country."""
        abroad = t.country != self.us
        foreign = np.add.reduceat(mass * abroad, t.first)
        total = np.add.reduceat(mass, t.first)
        foreign, total = foreign.sum() - foreign[t.group], total.sum() - total[t.group]
        inside = np.where(total > 0, 1 - foreign / np.maximum(total, 1e-9), 0.5)
        whole = np.zeros(256)
        np.add.at(whole, t.country, mass)
        own = np.zeros((len(t.first), 256))
        np.add.at(own, (t.group, t.country), mass)
        same = (whole[t.country] - own[t.group, t.country]) / rest
        return {
            "us_share_abroad": inside * abroad,
            "us_share": same * ~abroad,
            "abroad_share": same * abroad,
        }

    def _home(self, t: Table, home: int | None, point: npt.NDArray[np.bool_]) -> dict[str, Floats]:
        """Features of the outlet's home, all zero where it is unknown."""
        names = [name for name in FEATURES if name.startswith("home_")]
        if home is None:
            return {name: np.zeros(len(t.rows)) for name in names}
        g = self.gazetteer
        spot = units(g.lat[home : home + 1].astype(float), g.long[home : home + 1].astype(float))
        apart = chord_km(t.unit, spot)[:, 0]
        same = t.state == g.state[home]
        closest = apart == np.minimum.reduceat(np.where(point, apart, 1e6), t.first)[t.group]
        return {
            "home_log": -np.log1p(apart / 10) * point * (t.country == self.us),
            "home_closest": closest.astype(float),
            "home_state": same.astype(float),
            "home_other_state": (~same & (t.state > 0)).astype(float),
            "home_near": np.exp(-apart / NEAR_KM) * point,
            "home_far": np.exp(-apart / FAR_KM) * point,
            "home_abroad": (t.country != self.us).astype(float),
        }
