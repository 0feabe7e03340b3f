"""Home places of US news outlets, from the development data's list of 14,080 of them."""

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

from bench.place_scores import Atlas
from service.places.outlets import domain_of

LIST = "places/gazetteers/usa_2016_2024_pu5e.json.gz"
# Homes are given as a point in a county: the nearest town of at least some 3,000 is taken.
MIN_HOME = 3.5


def outlet_homes(data: Path, atlas: Atlas, wanted: set[str]) -> Iterator[tuple[str, str, str]]:
    """Domain, city and state code of the listed outlets among the `wanted` domains."""
    states = json.loads(gzip.decompress((data / LIST).read_bytes()))
    found: dict[str, set[tuple[str, str]]] = {}
    for kinds in states.values():
        for outlet in (row for rows in kinds.values() for row in rows):
            domain = domain_of(outlet["website"])
            if domain in wanted:
                row = atlas.nearest(
                    float(outlet["city-county-lat"]), float(outlet["city-county-long"]), MIN_HOME
                )
                home = atlas.g.names[row], atlas.g.states[atlas.g.state[row]]
                found.setdefault(domain, set()).add(home)
    for domain, homes in sorted(found.items()):
        if len(homes) == 1:  # a chain's shared site has no one home
            city, state = next(iter(homes))
            yield domain, city, state


def write_homes(path: Path, homes: Iterator[tuple[str, str, str]]) -> set[str]:
    """Write the table as OUTLETS_FILE wants it; answers its domains."""
    rows = list(homes)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("domain", "city", "state"))
        writer.writerows(rows)
    return {domain for domain, _, _ in rows}
