"""The people of a story, found by their names, and the same story with other names.

First and last names by group follow the audit studies (Bertrand and Mullainathan
2004; Gaddis 2017), written by hand in facts/names.csv. The few people whom every
reader knows (facts/well_known.txt) keep their names: those stand for an event.
"""

import csv
import random
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

from service.places.candidates import FACTS as PLACE_FACTS
from training.edits import Edit, Finder

FACTS = Path(__file__).parent / "facts"
GROUPS = ("Black", "white", "Hispanic", "Asian")
# How far after a name a pronoun still tells its bearer's gender. Characters.
_PRONOUN_REACH = 250

_WORD = re.compile(r"[A-ZÀ-Þ]\w*(?:['’][A-Z]\w+|-[A-Za-z]\w+)*")
_PRONOUN = re.compile(r"\b(?:(he|his|him|himself)|(she|her|hers|herself))\b", re.I)
# Not where a sentence begins, where any word has a capital.
_INSIDE = re.compile(r"(?:[a-z]|,) \Z")
_AGE = re.compile(r", \d{1,2}\b| \(\d{1,2}\)")
_RANKS = frozenset(
    "Officer Officers Sgt Sergeant Lt Lieutenant Capt Captain Chief Cmdr Commander Det Detective "
    "Deputy Deputies Cpl Corporal Trooper Sheriff Constable Marshal Agent Superintendent Maj Major "
    "Col Inspector Undersheriff Patrolman Patrolwoman Policeman".split()
)
_OFFICES = frozenset(
    "Spokesman Spokeswoman Mayor Judge Justice Magistrate Attorney Lawyer Prosecutor Coroner Ald "
    "Alderman Alderwoman Councilman Councilwoman Councilmember Member Assemblyman Assemblywoman "
    "Rep Sen Senator Gov Governor President Professor Prof Dr Rev Pastor Bishop Director Manager "
    "Commissioner Chairman Chairwoman Chair Coach Principal Curator Pvt Pfc Lance Warden "
    "Administrator Secretary Defender Investigator Reporter Firefighter".split()
)
_COURTESY = {"Mr": False, "Ms": True, "Mrs": True, "Miss": True}
_TITLES = _RANKS | _OFFICES | frozenset(_COURTESY)
# After two capitalised words: these were a street, an institution, an outlet.
_NO_PERSON = frozenset(
    "Street St Avenue Ave Road Rd Drive Dr Boulevard Blvd Lane Court Place Way Park Parkway County "
    "Parish Township Borough City Town Village Heights Hills Hill Lake River Creek Valley Springs "
    "Beach Bay Island Falls Grove Square Bridge Highway Freeway Expressway Hospital Clinic School "
    "High Elementary Middle Academy College University Church Chapel Cathedral Temple Center "
    "Centre Medical Memorial Museum Library Theater Hotel Inn Motel Mall Plaza Police Sheriff Fire "
    "Department Dept Office Jail Prison Correctional Courthouse Council Commission Board Bureau "
    "Committee Association Union Foundation Institute Group Company Co Inc Corp LLC Law Act Bill "
    "Amendment Team Tribune Times Post Herald Gazette News Journal Houses Homes Gardens "
    "Apartments Terrace Estates Manor Yards Junction Station Airport Field Stadium Arena Hall "
    "Tower Building House Metro Transit".split()
)
_NO_SURNAME = (
    _NO_PERSON
    | _RANKS
    | _OFFICES
    | frozenset(
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May "
        "June July August September October November December North South East West Northeast "
        "Northwest Southeast Southwest Man Woman Men Women Cop Cops Public State National Federal "
        "United American Americans African Black White Asian Hispanic Latino Republican Democrat "
        "Republicans Democrats Democratic Day Jr Sr II III IV Mr Ms Mrs In On At Of The And Or "
        "To For After Before With As Who Is Are Was Were Has Had Have Will Would Says Said Did "
        "Not Over By From".split()
    )
)
_NO_FIRST = frozenset("St Fort Mount Port Lake New North South East West San Santa Los Las".split())


@dataclass(frozen=True, slots=True)
class Person:
    """One person. `first` is None where only "Ms. Hollis" is known; `female` None if unsaid."""

    first: str | None
    last: str
    female: bool | None
    officer: bool


@dataclass(frozen=True, slots=True)
class NameTable:
    """Names by (group, part), part being "male", "female" or "last".

    `firsts` are all known first names, `female` and `groups` tell of those in facts/.
    """

    names: Mapping[tuple[str, str], Sequence[str]]
    firsts: frozenset[str]
    female: Mapping[str, bool]
    groups: Mapping[str, str]
    well_known: frozenset[tuple[str, ...]]


@cache
def name_table() -> NameTable:
    """The names of facts/, read once."""
    with (FACTS / "names.csv").open(encoding="utf-8", newline="") as file:
        names = {(r["group"], r["part"]): r["names"].split("|") for r in csv.DictReader(file)}
    known = (FACTS / "well_known.txt").read_text(encoding="utf-8").splitlines()
    firsts = [(group, part, n) for (group, part), row in names.items() for n in row]
    more = (PLACE_FACTS / "first_names.txt").read_text(encoding="utf-8").title().split()
    return NameTable(
        names=names,
        firsts=frozenset((*more, *(name for _, part, name in firsts if part != "last"))),
        female={name: part == "female" for _, part, name in firsts if part != "last"},
        groups={name: group for group, part, name in firsts if part != "last"},
        well_known=frozenset(tuple(line.split()) for line in known),
    )


def names_well_known(text: str) -> bool:
    """Whether the story names somebody of facts/well_known.txt."""
    return any(" ".join(name) in text for name in name_table().well_known)


def people(text: str, places: Collection[str] = ()) -> list[Person]:
    """Everyone whom `text` names with first and last name, or as "Ms. Hollis".

    A surname that is also a word of one of the story's `places` is left out, for
    no rule tells the two apart when it stands alone.
    """
    table = name_table()
    local = {word for place in places for word in place.split()}
    local |= {word for name in table.well_known if " ".join(name) in text for word in name}
    found: dict[tuple[str | None, str], Person] = {}
    words = list(_WORD.finditer(text))
    alone = _standing_alone(text, words)
    for at in range(len(words)):
        person = _person_at(text, words, at, alone)
        if person and person.last not in local and person.first not in local:
            key = (person.first, person.last)
            known = found.get(key)
            if known is None or (person.officer and not known.officer):
                found[key] = person
    named = {last for first, last in found if first}
    ranked = {p.last for p in found.values() if p.officer} | set(_ranked(text, words))
    return [
        replace(person, officer=person.officer or person.last in ranked)
        for person in found.values()
        if person.first or person.last not in named
    ]


def _ranked(text: str, words: Sequence[re.Match[str]]) -> Iterator[str]:
    """Surnames that stand right after a rank: "Detective Wojcik"."""
    for before, word in pairwise(words):
        if before[0] in _RANKS and _joined(text, before, word):
            yield word[0]


def _standing_alone(text: str, words: Sequence[re.Match[str]]) -> frozenset[str]:
    """Capitalised words that the text has by themselves and never in lower case."""
    plain = frozenset(re.findall(r"[a-z]+", text))
    return frozenset(
        w[0]
        for w in words
        if w[0].lower() not in plain
        and not re.search(r"(?:[A-Z]\w*|\b[Tt]he) $", text[max(0, w.start() - 15) : w.start()])
    )


def _person_at(
    text: str, words: Sequence[re.Match[str]], at: int, alone: Collection[str]
) -> Person | None:
    word = words[at]
    before = words[at - 1] if at and _joined(text, words[at - 1], word) else None
    title = before[0].capitalize() if before else ""
    courtesy = _COURTESY.get(title)
    last = _last_of(text, words, at)
    if last is not None and word[0] not in _NO_FIRST | _NO_SURNAME:
        titled = title in _TITLES
        aged = _AGE.match(text, last.end()) is not None
        # "Bettye Crosby", and later just "Crosby": a person though the first name is a rare one.
        named = word[0] in name_table().firsts or (
            last[0] in alone
            and word[0] in alone
            and _INSIDE.match(text, max(0, word.start() - 2), word.start())
        )
        if titled or (before is None and (aged or named)):
            female = _female(text, word[0], last.end(), courtesy)
            return Person(word[0], last[0], female, title in _RANKS)
    if courtesy is not None and _is_surname(text, words, at):
        return Person(None, word[0], courtesy, False)
    return None


def _last_of(text: str, words: Sequence[re.Match[str]], at: int) -> re.Match[str] | None:
    """The surname after a first name: past an initial, and "Lee" of "Ricky Lee Scarborough"."""
    after = at + 1
    if after < len(words) and re.fullmatch(r" [A-Z]\. ", _gap(text, words, at, after + 1)):
        return words[after + 1] if _is_surname(text, words, after + 1) else None
    if _gap(text, words, at, after) != " " or not _is_surname(text, words, after):
        return None
    if _gap(text, words, after, after + 1) == " " and _is_surname(text, words, after + 1):
        after += 1
    return words[after]


def _gap(text: str, words: Sequence[re.Match[str]], first: int, second: int) -> str:
    """What stands between two words; "" where there is no second."""
    return text[words[first].end() : words[second].start()] if second < len(words) else ""


def _joined(text: str, first: re.Match[str], second: re.Match[str]) -> bool:
    gap = text[first.end() : second.start()]
    title = first[0].capitalize()
    return gap == " " or (gap == ". " and title in _TITLES)


def _is_surname(text: str, words: Sequence[re.Match[str]], at: int) -> bool:
    name = words[at][0]
    if name in _NO_SURNAME or len(name) < 2 or (name.isupper() and len(name) < 4):
        return False
    return _gap(text, words, at, at + 1) != " " or words[at + 1][0] not in _NO_PERSON


def _female(text: str, first: str, end: int, courtesy: bool | None) -> bool | None:
    if courtesy is not None:
        return courtesy
    if first in name_table().female:
        return name_table().female[first]
    pronoun = _PRONOUN.search(text, end, end + _PRONOUN_REACH)
    return None if pronoun is None else pronoun[2] is not None


def renamed(text: str, who: Sequence[Person], group: str | None, rng: random.Random) -> Finder:
    """A finder that gives all of `who` names of `group`, each the same throughout.

    None takes a group for each person by chance. No new name is one that `text` has.
    """
    table = name_table()
    used = set(_WORD.findall(text))
    firsts: dict[str, str] = {}
    lasts: dict[str, str] = {}
    for person in who:
        named = group or rng.choice(GROUPS)
        female = rng.random() < 0.5 if person.female is None else person.female
        if person.last not in lasts:
            lasts[person.last] = _fresh(table.names[named, "last"], used, rng)
        if person.first and person.first not in firsts:
            part = "female" if female else "male"
            firsts[person.first] = _fresh(table.names[named, part], used, rng)
    return _renaming(firsts, lasts)


def regendered(text: str, who: Sequence[Person], rng: random.Random) -> Finder:
    """A finder that gives all of `who` first names of the other gender and the same group."""
    table = name_table()
    used = set(_WORD.findall(text))
    firsts: dict[str, str] = {}
    for person in who:
        if person.first and person.female is not None and person.first not in firsts:
            part = "male" if person.female else "female"
            group = table.groups.get(person.first, "common")
            firsts[person.first] = _fresh(table.names[group, part], used, rng)
    return _renaming(firsts, {})


def _fresh(names: Sequence[str], used: set[str], rng: random.Random) -> str:
    free = [name for name in names if name not in used]
    name = rng.choice(free or list(names))
    used.add(name)
    return name


def _renaming(firsts: Mapping[str, str], lasts: Mapping[str, str]) -> Finder:
    """Words of the two tables; a word of both is a first name only before a last name."""
    shouted = {name.upper(): new.upper() for name, new in (*firsts.items(), *lasts.items())}

    def find(text: str) -> list[Edit]:
        words = list(_WORD.finditer(text)) if firsts or lasts else []
        return [e for at in range(len(words)) if (e := _edit(text, words, at)) is not None]

    def _edit(text: str, words: Sequence[re.Match[str]], at: int) -> Edit | None:
        word = words[at]
        after = [w for w in words[at + 1 : at + 3] if w.start() - word.end() <= 4]
        before_last = any(w[0] in lasts for w in after[:2])
        if after and text[word.end() : after[0].start()] == " " and after[0][0] in _NO_PERSON:
            return None
        tables = (firsts, lasts) if before_last or not lasts else (lasts, firsts)
        for name, rest in _heads(word[0]):
            new = tables[0].get(name) or tables[1].get(name)
            if new is None and len(name) > 3:
                new = shouted.get(name)
            if new is not None:
                return Edit(word.start(), word.end(), new + rest)
        return None

    return find


def _heads(word: str) -> Iterator[tuple[str, str]]:
    """The word whole, then its parts before a hyphen: "Whitlow-led"."""
    yield word, ""
    head, dash, rest = word.partition("-")
    if dash:
        yield head, dash + rest
