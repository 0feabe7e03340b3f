"""The places of the world in one compact file, found by name in microseconds."""

import zlib
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from service.errors import ArtefactError
from service.places.spelling import key
from service.story import Place

DEFAULT_PATH = Path(__file__).parent / "gazetteer.npz"
# News asks for the same names again and again, above all for words that are none.
CACHE_SIZE = 10_000
BUILD_COMMAND = "python -m service.places.build"


class Kind(IntEnum):
    """What sort of place an entry is."""

    COUNTRY = 0
    STATE = 1
    COUNTY = 2
    CITY = 3
    REGION = 4
    NEIGHBORHOOD = 5


class Names:
    """Look-up keys gathered at build time, each with the rows it may mean."""

    def __init__(self) -> None:
        self.rows: dict[str, list[int]] = defaultdict(list)

    def add(self, name: str, row: int) -> None:
        """Let `name`, already a look-up key, find `row`."""
        if name and row not in self.rows[name]:
            self.rows[name].append(row)


def _pack(words: list[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """Strings as one run of bytes and where each ends."""
    encoded = [word.encode() for word in words]
    ends = np.cumsum([len(word) for word in encoded]).astype(np.uint32)
    return np.frombuffer(b"".join(encoded), np.uint8), ends


def save(
    out: Path,
    columns: dict[str, npt.NDArray[np.generic]],
    lists: dict[str, list[str]],
    names: Names,
) -> None:
    """Write the compiled gazetteer. Keys are ordered by checksum, for bisection."""
    keys = sorted(names.rows, key=lambda name: (zlib.crc32(name.encode()), name))
    parts: dict[str, npt.NDArray[np.generic]] = dict(columns)
    parts["hash"] = np.array([zlib.crc32(name.encode()) for name in keys], np.uint32)
    parts["key_text"], parts["key_end"] = _pack(keys)
    parts["row"] = np.array([row for name in keys for row in names.rows[name]], np.uint32)
    parts["row_end"] = np.cumsum([len(names.rows[name]) for name in keys]).astype(np.uint32)
    for title, words in lists.items():
        parts[f"{title}_text"], parts[f"{title}_end"] = _pack(words)
    with out.open("wb") as file:
        np.savez(file, allow_pickle=False, **parts)


class Texts:
    """Packed strings, decoded when asked for."""

    def __init__(self, text: npt.NDArray[np.uint8], end: npt.NDArray[np.uint32]) -> None:
        self.text = text.tobytes()
        self.end = array("I", end.tobytes())

    def __getitem__(self, index: int) -> str:
        start = self.end[index - 1] if index else 0
        return self.text[start : self.end[index]].decode()

    def __len__(self) -> int:
        return len(self.end)


class Gazetteer:
    """Rows of places in columns, and an index from name keys to rows.

    `lat` and `long` are WGS 84 degrees, `prominence` is log10 of the population
    (set by hand for regions), `country`, `state` and `county` are indices into
    the lists of the same plural name, where entry 0 is "" for none.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Load the compiled file. Raises ArtefactError where it is missing or damaged."""
        path = path or DEFAULT_PATH
        if not path.is_file():
            raise ArtefactError(f"no gazetteer at {path}: make it with `{BUILD_COMMAND}`")
        try:
            with np.load(path, allow_pickle=False) as data:
                parts = {name: data[name] for name in data.files}
            self._take(parts)
        except (ValueError, KeyError, OSError) as error:
            message = f"the gazetteer {path} is damaged: make it again with `{BUILD_COMMAND}`"
            raise ArtefactError(message) from error

    def _take(self, parts: dict[str, npt.NDArray[np.generic]]) -> None:
        self.lat: npt.NDArray[np.float32] = parts["lat"].astype(np.float32)
        self.long: npt.NDArray[np.float32] = parts["long"].astype(np.float32)
        self.prominence: npt.NDArray[np.float32] = parts["prominence"].astype(np.float32)
        # Python reads single numbers from an array several times faster than from NumPy.
        self.prominence_list = array("f", self.prominence.tobytes())
        self.kind = parts["kind"].tobytes()
        self.country = parts["country"].tobytes()
        self.state = parts["state"].tobytes()
        self.county = array("H", parts["county"].tobytes())
        self._hash = array("I", parts["hash"].tobytes())
        self._row = array("I", parts["row"].tobytes())
        self._row_end = array("I", parts["row_end"].tobytes())
        texts = {
            title: Texts(parts[f"{title}_text"].astype(np.uint8), parts[f"{title}_end"].astype("I"))
            for title in ("key", "names", "within", "countries", "states", "counties")
        }
        self._key, self.names, self.within = texts["key"], texts["names"], texts["within"]
        self.countries = [texts["countries"][i] for i in range(len(texts["countries"]))]
        self.states = [texts["states"][i] for i in range(len(texts["states"]))]
        self.counties = [texts["counties"][i] for i in range(len(texts["counties"]))]
        self._name_regions()
        self._found = lru_cache(maxsize=CACHE_SIZE)(self._find)

    def _name_regions(self) -> None:
        """The names of countries and states by their codes."""
        self.country_names = {
            self.countries[self.country[row]]: self.names[row]
            for row in range(len(self.countries))
            if self.kind[row] == Kind.COUNTRY
        }
        self.state_names = {
            self.states[self.state[row]]: self.names[row]
            for row in range(len(self.countries) + len(self.states))
            if self.kind[row] == Kind.STATE
        }

    def __len__(self) -> int:
        return len(self.kind)

    def _find(self, name_key: str) -> Sequence[int]:
        checksum = zlib.crc32(name_key.encode())
        at = bisect_left(self._hash, checksum)
        while at < len(self._hash) and self._hash[at] == checksum:
            if self._key[at] == name_key:
                start = self._row_end[at - 1] if at else 0
                return self._row[start : self._row_end[at]]
            at += 1
        return self._row[:0]

    def rows(self, name_key: str) -> Sequence[int]:
        """The rows a key (see `spelling.key`) may mean; empty where it is unknown."""
        return self._found(name_key)

    def find(self, name: str) -> Sequence[int]:
        """The rows a name in any spelling may mean."""
        return self.rows(key(name))

    def place(self, row: int, confidence: float) -> Place:
        """A row as the service answers it."""
        kind = self.kind[row]
        city = self.names[row] if kind == Kind.CITY else self.within[row] or None
        state = self.state_names.get(self.states[self.state[row]])
        return Place(
            city,
            self.counties[self.county[row]] or None,
            state,
            self.country_names.get(self.countries[self.country[row]]),
            round(float(self.lat[row]), 4),
            round(float(self.long[row]), 4),
            confidence,
        )
