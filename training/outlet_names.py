"""The news outlets a story names as its sources, and the same story with others."""

import csv
import random
import re
from collections.abc import Mapping
from functools import cache

from service.places.candidates import FACTS as PLACE_FACTS
from training.edits import Finder, matches
from training.person_names import FACTS

# Four letters of a station, also one not in the list; but no word in capitals, no agency.
_STATION = r"[WK][A-Z]{3}"
_NO_STATION = frozenset(
    "WNBA WWII WEST WITH WHAT WHEN WILL WERE WENT WANT WORK WARD WIFE WIRE WEEK WALL WARN KIDS "
    "KILL KEEP KICK KIND KNOW KATE KURT KATY WOMN WRAP WORD WASH WAYS WELL KING KNEE KILO".split()
)
_SHOUTED = re.compile(r"[A-Z]{2,}\b")


@cache
def _names() -> Mapping[str, tuple[str, ...]]:
    with (FACTS / "outlets.csv").open(encoding="utf-8", newline="") as file:
        return {row["kind"]: tuple(row["names"].split("|")) for row in csv.DictReader(file)}


@cache
def _agencies() -> frozenset[str]:
    with (PLACE_FACTS / "agencies.csv").open(encoding="utf-8", newline="") as file:
        return frozenset(row["acronym"] for row in csv.DictReader(file))


@cache
def _pattern() -> re.Pattern[str]:
    spelt = {
        kind: "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))
        for kind, names in _names().items()
    }
    return re.compile(
        rf"(?<![-\w])(?:(?P<paper>{spelt['paper']})|(?P<wire>{spelt['wire']})"
        rf"|(?P<branded>{spelt['branded']})|(?P<network>{spelt['network']})"
        rf"|(?P<short_wire>{spelt['short_wire']})(?! (?:class|exam|course|History))"
        rf"|(?<=[Tt]he )(?P<short>{spelt['short']})(?! [A-Z])"
        rf"|(?P<station>{spelt['station']}|{_STATION}))(?![\w.]*\w|-(?!TV|FM))"
    )


def resourced(text: str, rng: random.Random) -> Finder:
    """A finder that puts for each outlet `text` names another of its kind."""
    words: dict[str, str] = {}

    def new(match: re.Match[str]) -> str | None:
        kind, name = match.lastgroup or "", match[0]
        if kind == "station" and not _is_station(match):
            return None
        if name not in words:
            others = [n for n in _names()[kind] if n not in text and n not in words.values()]
            words[name] = rng.choice(others) if others else name
        return words[name]

    return matches(_pattern(), new)


def _is_station(match: re.Match[str]) -> bool:
    """Not an agency, nor a word of a line in capitals."""
    name, text = match[0], match.string
    if name in _agencies():
        return False
    if name in _NO_STATION and not text.startswith("-TV", match.end()):
        return False
    before = text[max(0, match.start() - 20) : match.start()].split()
    after = text[match.end() : match.end() + 20].split()
    near = [*before[-1:], *after[:1]]
    return not any(_SHOUTED.match(word) for word in near)
