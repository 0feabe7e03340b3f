"""The postal places of the US with their county; only the gazetteer's build needs them."""

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import zipcodes

from service.places.spelling import key


@dataclass(frozen=True, slots=True)
class PostalPlace:
    """A ZIP code's places, county and position."""

    names: tuple[str, ...]
    state: str
    county: str
    lat: float
    long: float


def postal_places() -> list[PostalPlace]:
    """Delivery ZIP codes of the states. Codes of single companies name no places."""
    found = []
    for row in zipcodes.list_all():
        if row["zip_code_type"] == "UNIQUE" or not row["county"] or not row["active"]:
            continue
        names = (row["city"], *row["acceptable_cities"])
        lat, long = float(row["lat"]), float(row["long"])
        if lat or long:
            found.append(PostalPlace(names, row["state"], row["county"], lat, long))
    return found


class Counties:
    """Which county a US place lies in, by its postal name and the nearest ZIP code."""

    def __init__(self, postal: list[PostalPlace]) -> None:
        self.by_name: dict[tuple[str, str], list[PostalPlace]] = defaultdict(list)
        self.by_state: dict[str, list[PostalPlace]] = defaultdict(list)
        for place in postal:
            self.by_state[place.state].append(place)
            for name in place.names:
                self.by_name[key(name), place.state].append(place)
        self.spots = {
            state: np.array([(p.lat, p.long) for p in places])
            for state, places in self.by_state.items()
        }

    def of(self, name: str, state: str, lat: float, long: float) -> str:
        """The county's postal name, or "" where the state has no ZIP codes."""
        # A namesake ZIP counts as 20 km nearer: centroids of large codes lie far out.
        if state not in self.spots:
            return ""
        named = self.by_name.get((key(name), state), [])
        scale = math.cos(math.radians(lat))
        apart = np.hypot(self.spots[state][:, 0] - lat, (self.spots[state][:, 1] - long) * scale)
        best = int(apart.argmin())
        county, distance = self.by_state[state][best].county, float(apart[best])
        for place in named:
            close = math.hypot(place.lat - lat, (place.long - long) * scale) - 0.2
            if close < distance:
                county, distance = place.county, close
        return county
