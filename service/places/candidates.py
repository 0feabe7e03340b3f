"""Spans of a text that could be place names, each with the places it may mean."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.places.gazetteer import Gazetteer, Kind
from service.places.spelling import key
from service.places.tokens import Tokens

FACTS = Path(__file__).parent / "facts"
MAX_WORDS = 5
# Words that make a name of what stands before them, and after them.
AFTER = frozenset(
    {
        "county", "parish", "township", "borough", "river", "creek", "lake", "island", "islands",
        "bay", "valley", "mountains", "mountain", "peninsula", "province", "district", "desert",
        "canyon", "falls", "springs", "heights", "forest", "ocean", "sea", "coast", "strait",
        "bayou", "reservoir",
    }
)  # fmt: skip
BEFORE = frozenset({"lake", "mount", "mt", "fort", "ft", "camp", "cape", "port", "point", "county"})
JOINING = frozenset(
    {"of", "the", "and", "de", "del", "du", "la", "le", "el", "upon", "on", "y", "da", "do", "dos"}
)
# Only after these does a full stop not end a name.
STOPPED = frozenset(["st", "ste", "ft", "mt"])
COMMON_FORMS = frozenset({"us", "la", "man", "it", "eu", "atl", "dc"})
PLAIN_GAPS = frozenset({" ", "\u00a0", "-", ""})


@dataclass(frozen=True, slots=True)
class Candidate:
    """Tokens `first` to `last` inclusive, characters `start:end`, and gazetteer rows.

    `sort` is the finest class the gazetteer or the spelling gives: "country",
    "state", "short" (a state's abbreviation), "county", "city", "region",
    "neighborhood", "feature" (a name by pattern) or "unknown".
    """

    first: int
    last: int
    start: int
    end: int
    key: str
    rows: Sequence[int]
    sort: str


class StateNames:
    """The state abbreviations a story may use."""

    def __init__(self) -> None:
        with (FACTS / "states.csv").open(encoding="utf-8", newline="") as file:
            table = list(csv.DictReader(file))
        self.codes = {row["code"]: row["name"] for row in table}
        self.names = {key(row["name"]): row["code"] for row in table}
        self.stopped = {
            short.removesuffix(".").lower(): row["code"]
            for row in table
            for short in row["ap"].split("|")
            if short and (short.count(".") == 1 or short.endswith("Va."))
        }


class Finder:
    """Lists candidates; deciding which are places is the recogniser's work."""

    def __init__(self, gazetteer: Gazetteer, states: StateNames) -> None:
        self.gazetteer = gazetteer
        self.states = states

    def candidates(self, tokens: Tokens) -> list[Candidate]:
        """All candidates in order of their first token; they may overlap."""
        found: list[Candidate] = []
        size = len(tokens)
        run_start = 0
        for first in range(size):
            if not tokens.capital[first]:
                continue
            fresh = first == 0 or not (
                tokens.capital[first - 1] and tokens.gap(first - 1) in PLAIN_GAPS
            )
            if fresh:
                run_start = first
            short = self._short(tokens, first)
            if short is not None:
                found.append(short)
                continue
            found.extend(self._named(tokens, first, first == run_start))
        return found

    def _short(self, tokens: Tokens, at: int) -> Candidate | None:
        """A state's abbreviation: "Ky." with its stop, or "KY" after a comma."""
        word, lower = tokens.words[at], tokens.lower[at]
        start, end = tokens.starts[at], tokens.ends[at]
        code = self.states.stopped.get(lower)
        if code and tokens.text[end : end + 1] == ".":
            rows = self.gazetteer.rows(key(self.states.codes[code]))
            rows = [r for r in rows if self.gazetteer.kind[r] == Kind.STATE]
            return Candidate(at, at, start, end + 1, code, rows, "short")
        if at > 1 and tokens.lower[at - 1] == "," and tokens.capital[at - 2]:
            code = word if word in self.states.codes else code
            if code is None and tokens.case == "lower" and word.upper() in self.states.codes:
                code = word.upper()
            if code:
                rows = self.gazetteer.rows(key(self.states.codes[code]))
                rows = [r for r in rows if self.gazetteer.kind[r] == Kind.STATE]
                return Candidate(at, at, start, end, code, rows, "short")
        return None

    def _named(self, tokens: Tokens, first: int, fresh: bool) -> Iterator[Candidate]:
        start = tokens.starts[first]
        known = False
        last = first
        while True:
            end = tokens.ends[last]
            if tokens.capital[last] or tokens.words[last][0].isdigit():
                found = self._look_up(tokens, first, last, start, end)
                if found:
                    known = True
                    yield found
            last += 1
            if last >= len(tokens) or last - first >= MAX_WORDS or not self._joins(tokens, last):
                break
        if tokens.case == "mixed":
            yield from self._unknown(tokens, first, fresh, known)

    def _joins(self, tokens: Tokens, at: int) -> bool:
        """Whether token `at` may continue a name begun before it."""
        gap = tokens.gap(at - 1)
        lower = tokens.lower[at]
        if lower in ("-", "–", ".", "'s", "’s"):
            return gap == "" and (lower != "." or tokens.lower[at - 1] in STOPPED)
        if gap not in PLAIN_GAPS:
            return False
        return tokens.capital[at] or lower in JOINING or tokens.lower[at - 1] == "-"

    def _look_up(
        self, tokens: Tokens, first: int, last: int, start: int, end: int
    ) -> Candidate | None:
        name = key(tokens.text[start:end])
        if name in self.states.stopped and first == last:
            return None
        rows = self.gazetteer.rows(name)
        if not rows:
            return None
        if first == last:
            word = tokens.words[first]
            if len(name) < 2 or (tokens.case == "mixed" and name in COMMON_FORMS):
                if not word.isupper():
                    return None
            elif len(name) == 2 and "." not in word:
                return None
        return Candidate(first, last, start, end, name, rows, self._sort(rows))

    def _sort(self, rows: Sequence[int]) -> str:
        """The most telling kind among the rows: a state's name is rarely only a town's."""
        kinds = {self.gazetteer.kind[row] for row in rows}
        for kind in (Kind.STATE, Kind.COUNTRY, Kind.COUNTY, Kind.REGION, Kind.CITY):
            if kind in kinds:
                return kind.name.lower()
        return "neighborhood"

    def _base(self, name: str) -> Sequence[int]:
        """The cities that a township or borough of the same name most likely adjoins."""
        head, _, last = name.rpartition(" ")
        if last not in ("township", "borough", "twp"):
            return ()
        return [row for row in self.gazetteer.rows(head) if self.gazetteer.kind[row] == Kind.CITY]

    def _unknown(self, tokens: Tokens, first: int, fresh: bool, known: bool) -> Iterator[Candidate]:
        """Names the gazetteer lacks: by pattern ("Mill Creek"), or a run of capitals."""
        last = first
        size = len(tokens.words)
        while last + 1 < size and last - first < 3:
            if not tokens.capital[last + 1] or tokens.gap(last) != " ":
                break
            last += 1
            pattern = tokens.lower[last] in AFTER or tokens.lower[first] in BEFORE
            if pattern and not self.gazetteer.rows(
                name := key(tokens.text[tokens.starts[first] : tokens.ends[last]])
            ):
                yield Candidate(
                    first, last, tokens.starts[first], tokens.ends[last], name,
                    self._base(name), "feature",
                )  # fmt: skip
        if known or not fresh:
            return
        for stop in {first, last}:
            text = tokens.text[tokens.starts[first] : tokens.ends[stop]]
            if len(text) > 2:
                yield Candidate(
                    first, stop, tokens.starts[first], tokens.ends[stop], key(text), (), "unknown"
                )
