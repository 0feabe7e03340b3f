"""The gazetteer file: what is in it, and that it loads small and fast."""

import time
import tracemalloc
from pathlib import Path

import pytest

from service.places.build import compile_gazetteer
from service.places.gazetteer import Gazetteer, Kind
from service.places.spelling import key


@pytest.fixture(scope="module")
def gazetteer(gazetteer_path: Path) -> Gazetteer:
    return Gazetteer(gazetteer_path)


def where(gazetteer: Gazetteer, name: str) -> set[tuple[str, str, str]]:
    """Kind, state code and county of all places of a name."""
    return {
        (
            Kind(gazetteer.kind[row]).name,
            gazetteer.states[gazetteer.state[row]],
            gazetteer.counties[gazetteer.county[row]],
        )
        for row in gazetteer.find(name)
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Minneapolis", ("CITY", "MN", "Hennepin County")),
        ("St. Louis", ("CITY", "MO", "St. Louis city")),
        ("Saint Louis", ("CITY", "MO", "St. Louis city")),
        ("FT. WORTH", ("CITY", "TX", "Tarrant County")),
        ("Winston-Salem", ("CITY", "NC", "Forsyth County")),
        ("Coeur d’Alene", ("CITY", "ID", "Kootenai County")),
        ("Brooklyn", ("NEIGHBORHOOD", "NY", "Kings County")),
        ("Humboldt Park", ("NEIGHBORHOOD", "IL", "Cook County")),
        ("Orleans Parish", ("COUNTY", "LA", "Orleans Parish")),
        ("Ky.", ("STATE", "KY", "")),
        ("United Kingdom", ("COUNTRY", "", "")),
        ("Ontario", ("REGION", "", "")),
    ],
)
def test_holds(gazetteer: Gazetteer, name: str, expected: tuple[str, str, str]) -> None:
    assert expected in where(gazetteer, name)


def test_every_state_has_counties_and_cities(gazetteer: Gazetteer) -> None:
    held = {
        (gazetteer.kind[row], gazetteer.states[gazetteer.state[row]])
        for row in range(len(gazetteer))
    }
    states = {
        code for kind, code in held if kind == Kind.STATE and code not in ("AS", "GU", "MP", "VI")
    }
    assert len(states) == 52
    assert all((Kind.COUNTY, code) in held and (Kind.CITY, code) in held for code in states)


def test_positions_are_on_the_globe(gazetteer: Gazetteer) -> None:
    assert abs(gazetteer.lat).max() <= 90
    assert abs(gazetteer.long).max() <= 180
    assert not ((gazetteer.lat == 0) & (gazetteer.long == 0)).any()


@pytest.mark.parametrize(
    ("a", "b"),
    [("Saint Paul", "ST. PAUL"), ("Fort Worth", "Ft Worth"), ("Mt. Vernon", "Mount Vernon"),
     ("Cañon City", "Canon City"), ("Wilkes-Barre", "Wilkes Barre"), ("U.S.", "US")],
)  # fmt: skip
def test_spellings_share_a_key(a: str, b: str) -> None:
    assert key(a) == key(b)


def test_loads_fast_and_small(gazetteer_path: Path) -> None:
    start = time.process_time()
    Gazetteer(gazetteer_path)
    assert time.process_time() - start < 0.3
    tracemalloc.start()
    kept = Gazetteer(gazetteer_path)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(kept) > 100_000
    assert held < 40e6


def test_build_is_deterministic(gazetteer_path: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.npz"
    compile_gazetteer(again)
    assert again.read_bytes() == gazetteer_path.read_bytes()
