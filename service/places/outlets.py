"""Where news outlets are at home, by the domain of a story's address."""

import csv
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from service.errors import SettingsError
from service.places.candidates import FACTS
from service.places.gazetteer import Gazetteer, Kind


@dataclass(frozen=True, slots=True)
class Home:
    """An outlet's home: the gazetteer row of its city."""

    row: int


def domain_of(url: str | None) -> str:
    """The host of an address without "www."; "" where there is none."""
    if not url:
        return ""
    try:
        host = urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:
        return ""
    return host.removeprefix("www.").lower()


class Outlets:
    """Domains with their home. The hand-written table is always there."""

    def __init__(self, gazetteer: Gazetteer, extra: Path | None = None) -> None:
        """`extra` is a CSV with the columns domain, city, state (its code).

        Raises SettingsError where that file cannot be read as such.
        """
        self._gazetteer = gazetteer
        self._homes: dict[str, tuple[str, str]] = {}
        self._read(FACTS / "outlets.csv")
        if extra is not None:
            try:
                self._read(extra)
            except (OSError, KeyError, UnicodeDecodeError) as error:
                message = f"OUTLETS_FILE {extra} is no CSV with the columns domain, city, state"
                raise SettingsError(message) from error

    def _read(self, path: Path) -> None:
        with path.open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                domain = domain_of(line["domain"]) or line["domain"]
                self._homes[domain] = line["city"], line["state"]

    def home(self, url: str | None) -> int | None:
        """The gazetteer row of the outlet's home city; None where it is unknown."""
        domain = domain_of(url)
        while domain.count("."):
            if domain in self._homes:
                return self._row(*self._homes[domain])
            domain = domain.partition(".")[2]
        return None

    def _row(self, city: str, state: str) -> int | None:
        rows = [
            row
            for row in self._gazetteer.find(city)
            if self._gazetteer.kind[row] == Kind.CITY
            and state in (self._gazetteer.states[self._gazetteer.state[row]],)
        ]
        return max(rows, key=lambda row: self._gazetteer.prominence[row], default=None)
