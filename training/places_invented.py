"""Invented local stories, as groups of names, for the ranker of namesakes.

News texts with small towns and no state are what goes wrong, and the sets at hand
have too few.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from service.places.gazetteer import Gazetteer, Kind
from service.places.groups import Group, trimmed
from service.places.namesakes import Floats, chord_km, units
from service.places.spelling import key


@dataclass(frozen=True, slots=True)
class Case:
    """The groups of one story, and for each which of its rows are right (None: unknown).

    Versions of a story share a `fold`.
    """

    source: str
    fold: int
    groups: list[Group]
    right: list[set[int] | None]
    home: int | None
    weight: float


class Inventor:
    """Makes up local stories as groups of names."""

    def __init__(self, gazetteer: Gazetteer, seed: int = 7) -> None:
        self.g = gazetteer
        self.random = np.random.default_rng(seed)
        us = gazetteer.countries.index("US")
        kinds = np.frombuffer(gazetteer.kind, np.uint8)
        country = np.frombuffer(gazetteer.country, np.uint8)
        self.towns = np.flatnonzero((kinds == Kind.CITY) & (country == us))
        self.world = np.flatnonzero(
            ((kinds == Kind.CITY) & (country != us) & (gazetteer.prominence > 5))
            | (kinds == Kind.COUNTRY)
        )
        self.points = units(
            gazetteer.lat[self.towns].astype(float), gazetteer.long[self.towns].astype(float)
        )
        people = 10.0 ** gazetteer.prominence[self.towns].astype(float)
        self.size = np.sqrt(people + 200)
        self.people = people

    def _pick(self, rows: npt.NDArray[np.int64], weight: Floats, count: int) -> list[int]:
        weight = weight / weight.sum()
        return [int(r) for r in self.random.choice(rows, count, p=weight)]

    def case(self, fold: int) -> Case:
        """One story: the home town, neighbours, county, state, and places far away."""
        random = self.random
        home = self._pick(self.towns, self.size * (self.people > 1500), 1)[0]
        rows = [home] if random.random() < 0.8 else []
        rows += self._neighbours(home)
        rows += self._pick(self.towns, self.people, int(random.poisson(1.2)))
        rows += self._pick(self.world, np.ones(len(self.world)), int(random.poisson(0.5)))
        if random.random() < 0.4:
            rows += self._county(home)
        if random.random() < 0.4:
            rows += self._state(home)
        groups, right = self._groups(rows or [home], home)
        if not groups:
            return self.case(fold)
        known = home if random.random() < 0.45 else None
        return Case("invented", fold, groups, right, known, 0.4)

    def _neighbours(self, home: int) -> list[int]:
        """Towns that a paper of the home town would name, none to some four."""
        g, random = self.g, self.random
        here = units(g.lat[[home]].astype(float), g.long[[home]].astype(float))
        apart = chord_km(self.points, here)[:, 0]
        near = self.size * np.exp(-apart / random.choice([15.0, 30.0, 60.0]))
        if random.random() < 0.5:
            near *= np.frombuffer(g.state, np.uint8)[self.towns] == g.state[home]
        return self._pick(self.towns, near, int(random.poisson(random.choice([0.6, 2.0, 4.0]))))

    def _county(self, row: int) -> list[int]:
        g = self.g
        return [r for r in g.find(g.counties[g.county[row]]) if g.state[r] == g.state[row]]

    def _state(self, row: int) -> list[int]:
        name = self.g.state_names.get(self.g.states[self.g.state[row]], "")
        return [r for r in self.g.find(name) if self.g.kind[r] == Kind.STATE]

    def _groups(self, rows: list[int], home: int) -> tuple[list[Group], list[set[int] | None]]:
        found: dict[str, tuple[Group, set[int] | None]] = {}
        for row in dict.fromkeys(rows):
            name = key(self.g.names[row])
            if name == "new york city" and self.random.random() < 0.8:
                name = "new york"
            code = self._qualifier(row, home)
            group = Group(name, trimmed(self.g, self.g.rows(name), code), code)
            if name in found or row not in group.rows:
                continue
            self._use(group, row == home)
            found[name] = group, self._same(group, row)
            for state in self._state(row) if code else ():
                found[f"{name} of {code}"] = Group(code.lower(), [state], "", True, [0]), {state}
        return [pair[0] for pair in found.values()], [pair[1] for pair in found.values()]

    def _qualifier(self, row: int, home: int) -> str:
        """Now and then the state's code, as after a comma; more often for other states."""
        g, random = self.g, self.random
        bound = g.kind[row] == Kind.CITY and g.state[row] and random.random() < 0.12
        if bound and g.state[row] == g.state[home] and random.random() < 0.7:
            bound = False
        return g.states[g.state[row]] if bound else ""

    def _use(self, group: Group, is_home: bool) -> None:
        """Let the story name the place as often as such stories do."""
        random = self.random
        group.mentions = list(range(1 + int(random.poisson(2.0 if is_home else 0.6))))
        group.title = bool(random.random() < (0.4 if is_home else 0.1))
        group.dateline = bool(is_home and random.random() < 0.25)
        group.agency = int(random.random() < (0.3 if is_home else 0.1))

    def _same(self, group: Group, row: int) -> set[int]:
        rows = np.array(group.rows)
        g = self.g
        spots = units(g.lat[rows].astype(float), g.long[rows].astype(float))
        here = units(g.lat[[row]].astype(float), g.long[[row]].astype(float))
        close = chord_km(spots, here)[:, 0] < 15
        return {r for r, c in zip(group.rows, close, strict=True) if c and g.kind[r] == g.kind[row]}
