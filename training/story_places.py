"""The places of a story, and the same story set in another city or neighbourhood."""

import csv
import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from service.places.candidates import FACTS as PLACE_FACTS
from training.edits import Finder, matches
from training.examples import Example
from training.person_names import FACTS, name_table

STORIES = Path(__file__).parent / "stories"

_STREET = re.compile(
    r"\b(?:Street|St\.|Avenue|Ave\.|Road|Boulevard|Drive|Broadway|Highway|Freeway|Expressway|Lane"
    r"|Way|Parkway|Interstate|I-\d+|Route|River|Creek|Bridge|Lake|Airport|University|College)$"
)
_ON_STREET = re.compile(
    r"\b(?:(?:block of|on|at) (?:[NSEW]\. |(?:North|South|East|West) )?|[NSEW]\. )\Z"
)
_COUNTY = re.compile(r" (?:County|Parish|Borough)$", re.I)
_DIRECTIONS = ("North", "South", "East", "West", "Northwest", "Southwest", "Northeast", "Southeast")
_SIDE = re.compile(rf"({'|'.join(_DIRECTIONS)})( ?side| end| \w+)$", re.I)
# Where neither city has a list of its neighbourhoods.
_ANYWHERE = (
    "East Side", "West End", "North Side", "South End", "Riverside", "Hillcrest", "Fairview",
    "Highland Park", "Oakwood", "Lakeside", "Westgate", "Eastgate", "Northgate", "Brookside",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class City:
    """A US city with its state's postal code and its county."""

    name: str
    state: str
    county: str


@dataclass(frozen=True, slots=True)
class State:
    """A state: postal code, name, and the abbreviations of news copy, the usual one first."""

    code: str
    name: str
    short: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A place name as the text has it. `state` is a full name; what is unknown is None."""

    text: str
    city: str | None
    county: str | None
    state: str | None


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a story plays: its city, if it has one, its state's code, and all names."""

    city: str | None
    state: str
    names: tuple[Named, ...]


@cache
def cities() -> tuple[City, ...]:
    """The hand-written cities."""
    with (FACTS / "cities.csv").open(encoding="utf-8", newline="") as file:
        return tuple(City(r["city"], r["state"], r["county"]) for r in csv.DictReader(file))


@cache
def states() -> Mapping[str, State]:
    """The states by postal code."""
    with (PLACE_FACTS / "states.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        r["code"]: State(r["code"], r["name"], tuple(s for s in r["ap"].split("|") if s))
        for r in rows
    }


@cache
def state_codes() -> Mapping[str, str]:
    """Postal codes by a state's full name."""
    return {state.name: code for code, state in states().items()}


@cache
def neighborhoods() -> Mapping[tuple[str, str], tuple[str, ...]]:
    """The neighbourhoods of big cities by (city, state code)."""
    with (PLACE_FACTS / "neighborhoods.csv").open(encoding="utf-8", newline="") as file:
        return {(r["city"], r["state"]): tuple(r["names"].split("|")) for r in csv.DictReader(file)}


@cache
def _own_settings() -> Mapping[tuple[str, str], Setting]:
    found = {}
    for path in sorted(STORIES.glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                code = state_codes().get(row["state"])
                if code is not None:
                    names = tuple(
                        Named(p["text"], p["city"], p.get("county"), p["state"])
                        for p in row["places"]
                        if not _is_street(p["text"], row["text"])
                    )
                    found[path.stem, row["id"]] = Setting(row["city"], code, names)
    return found


def _is_street(name: str, text: str) -> bool:
    """Whether the name stands as a street's: "the 7800 block of South Halsted"."""
    at = text.find(name)
    return at > 0 and _ON_STREET.search(text, max(0, at - 20), at) is not None


def setting_of(example: Example) -> Setting | None:
    """Where the story plays, for one of our own as written beside it, else by known names."""
    return _own_settings().get((example.source, example.id)) or _known_setting(example)


@cache
def _city_names() -> Mapping[str, str]:
    """City names as they may be spelt, also all in capitals."""
    names = {city.name for city in cities()}
    return {name.upper(): name for name in names if len(name) > 4} | {n: n for n in names}


@cache
def _city_pattern() -> re.Pattern[str]:
    spelt = "|".join(map(re.escape, sorted(_city_names(), key=len, reverse=True)))
    return re.compile(rf"(?<![A-Z]\w )\b(?:{spelt})\b(?! (?:County|Parish|Street|Avenue|Lane))")


def _known_setting(example: Example) -> Setting | None:
    """The city of cities.csv that the story names most; None where it names none."""
    text = f"{example.title or ''}\n{example.text}"
    firsts = name_table().firsts
    counts = Counter(
        _city_names()[m[0]]
        for m in _city_pattern().finditer(text)
        if text[max(0, m.start() - 30) : m.start()].rstrip().rpartition(" ")[2] not in firsts
    )
    if not counts:
        return None
    most = max(counts, key=lambda name: counts[name])
    home = max((c for c in cities() if c.name == most), key=lambda c: _says_state(text, c.state))
    names = [
        Named(name, city.name, None, states()[home.state].name)
        for name in counts
        for city in cities()
        if city.name == name and city.state == home.state
    ]
    counties = {c.county for c in cities() if c.state == home.state and c.county in text}
    names += [Named(c, None, c, states()[home.state].name) for c in sorted(counties)]
    return Setting(home.name, home.state, tuple(names))


def _says_state(text: str, code: str) -> int:
    state = states()[code]
    return sum(text.count(f", {short}") for short in (state.name, *state.short, code))


def is_neighborhood(name: Named, setting: Setting) -> bool:
    """Whether this is a part of the story's city."""
    if name.city != setting.city or setting.city is None or name.text in state_codes():
        return False
    # "NYC", "L.A."
    if len(name.text) <= 4 and (name.text.isupper() or "." in name.text):
        return False
    if name.text in neighborhoods().get((setting.city, setting.state), ()):
        return True
    inside = setting.city.lower() in name.text.lower()
    return not inside and not _STREET.search(name.text) and not _COUNTY.search(name.text)


def moved(setting: Setting, target: City, rng: random.Random) -> Finder:
    """A finder that sets the story in `target`: city, county, state and what lies around."""
    words = dict(_state_words(states()[setting.state], states()[target.state]))
    others = [c for c in cities() if c.state == target.state and c != target]
    rng.shuffle(others)
    parts = _parts_of(target, rng)
    known: dict[str, City] = {setting.city.lower(): target} if setting.city else {}
    shires: dict[str, str] = {}
    for name in setting.names:
        if state_codes().get(name.state or "") != setting.state:
            continue
        if name.county and _COUNTY.search(name.text):
            at_home = setting.city is None or not shires
            shires.setdefault(
                name.text.lower(),
                target.county if at_home else _next(others, shires, target).county,
            )
            words[name.text] = shires[name.text.lower()]
        elif is_neighborhood(name, setting):
            words[name.text] = parts[len(words) % len(parts)]
        elif name.city and name.city.lower() in name.text.lower():
            # A story of a county has no city of its own: the first that it names is taken.
            near = _next(others, known, target) if known else target
            city = known.setdefault(name.city.lower(), near)
            words[name.city] = city.name
    if setting.city:
        words[setting.city] = target.name
    return _rewording(words)


def _next(others: Sequence[City], used: Mapping[str, object], target: City) -> City:
    return others[len(used) % len(others)] if others else target


def _state_words(old: State, new: State) -> Iterable[tuple[str, str]]:
    yield old.name, new.name
    for short in old.short:
        yield short, new.short[0] if new.short else new.name
    yield old.code, new.code


def _parts_of(city: City, rng: random.Random) -> list[str]:
    """Names for parts of a city, in random order."""
    parts = list(neighborhoods().get((city.name, city.state), _ANYWHERE))
    rng.shuffle(parts)
    return parts


def _rewording(words: Mapping[str, str]) -> Finder:
    """A finder for whole names of a table, also where they stand in capitals."""
    table = {old: new for old, new in words.items() if old != new}
    if not table:
        return lambda text: ()
    table = {**{old.upper(): new.upper() for old, new in table.items() if len(old) > 4}, **table}
    spelt = "|".join(_spelt(old) for old in sorted(table, key=len, reverse=True))
    firsts = name_table().firsts

    def new(match: re.Match[str]) -> str | None:
        before = match.string[max(0, match.start() - 20) : match.start()]
        if before.endswith(" ") and before.split()[-1:] and before.split()[-1] in firsts:
            return None
        return table[match[0]]

    return matches(re.compile(rf"(?<!\w)(?:{spelt})(?![\w])"), new)


def _spelt(name: str) -> str:
    """A pattern for the name; a state's abbreviation counts only after "City, "."""
    short = name.endswith(".") or (len(name) == 2 and name.isupper())
    return ("(?<=, )" if short else "") + re.escape(name)


def elsewhere_in_city(setting: Setting, text: str, rng: random.Random) -> Finder:
    """A finder that names other neighbourhoods or sides of the same city."""
    city = setting.city or ""
    listed = neighborhoods().get((city, setting.state), ())
    names = {n.text for n in setting.names if is_neighborhood(n, setting)}
    unlike = [n for n in listed if n not in state_codes() and n in text]
    names |= {n for n in unlike if _stands_alone(n, text)}
    names |= {n.text for n in setting.names if city and _is_side_of(n.text, city)}
    free = [n for n in listed if n not in text]
    words = {}
    for name in sorted(names):
        side = _other_side(name, text, rng) if name not in listed or "Side" in name else None
        if side is None and free:
            side = rng.choice(free)
            free.remove(side)
        if side is not None:
            words[name] = side if not name.isupper() else side.upper()
    return _rewording(words)


def _stands_alone(name: str, text: str) -> bool:
    """Whether the name is no part of a longer one, as "Austin" is of "Austin, Texas"."""
    alone = rf"(?<![A-Z]\w )(?<![-\w]){re.escape(name)}(?![-\w]|,? [A-Z])"
    return re.search(alone, text) is not None


def _is_side_of(name: str, city: str) -> bool:
    found = _SIDE.match(name)
    return found is not None and found[2].strip().lower() == city.lower()


def _other_side(name: str, text: str, rng: random.Random) -> str | None:
    found = _SIDE.match(name)
    if found is None or not (found[2].strip().lower() in ("side", "end") or found[2].istitle()):
        return None
    rest = name[found.end(1) :]
    same = [d for d in _DIRECTIONS if (len(d) > 5) == (len(found[1]) > 5)]
    made = [(d if found[1][0].isupper() else d.lower()) + rest for d in same]
    free = [m for m in made if m not in text]
    return rng.choice(free) if free else None
