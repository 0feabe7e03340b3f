"""The distinct names of a story, with the cues that tell which place each means."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from service.places.agencies import names_agency
from service.places.candidates import Candidate
from service.places.gazetteer import Gazetteer, Kind
from service.places.lent_names import bears_name
from service.places.recogniser import Found
from service.places.spelling import key
from service.places.tokens import Tokens

MAX_ROWS = 40
DATELINE_END = 60
LEDE_END = 350
DATELINE_MARKS = frozenset({"—", "–", "-", "(", "―"})


@dataclass(slots=True)
class Group:
    """One name as used in one way: all its mentions are taken for the same place.

    `qualifier` is the state code or country code that follows it ("Paris, Texas"),
    `qualifies` that it itself follows a city so. Mention numbers count the names
    of the text; a name only in the title has none, and an acronym has offsets instead.
    `lent` are those that a newspaper, team or company bears.
    """

    key: str
    rows: list[int]
    qualifier: str = ""
    qualifies: bool = False
    mentions: list[int] = field(default_factory=list)
    lent: set[int] = field(default_factory=set)
    title: bool = False
    dateline: bool = False
    agency: int = 0
    acronym: list[int] = field(default_factory=list)
    listed_county: bool = False
    domain: bool = False

    @property
    def weight(self) -> float:
        """How much the name is used."""
        return math.log1p(len(self.mentions) + 2 * self.title)


def region_code(gazetteer: Gazetteer, rows: Sequence[int]) -> set[str]:
    """What a name after a comma may bind to: states as "TX", countries as "=FR"."""
    codes = set()
    for row in rows:
        if gazetteer.kind[row] == Kind.STATE:
            codes.add(gazetteer.states[gazetteer.state[row]])
        elif gazetteer.kind[row] in (Kind.COUNTRY, Kind.REGION):
            country = gazetteer.countries[gazetteer.country[row]]
            if country and country != "US":
                codes.add("=" + country)
    return codes


def row_codes(gazetteer: Gazetteer, row: int) -> tuple[str, str]:
    """A row's own codes in the same form."""
    return (
        gazetteer.states[gazetteer.state[row]],
        "=" + gazetteer.countries[gazetteer.country[row]],
    )


def binding(
    tokens: Tokens, found: Sequence[Found], at: int, gazetteer: Gazetteer
) -> tuple[str, int] | None:
    """The code that qualifies mention `at`, and the mention that states it.

    None where none follows, or where no place of that name lies there.
    """
    candidate = found[at].candidate
    if at + 1 >= len(found) or not candidate.rows:
        return None
    follower = found[at + 1].candidate
    between = tokens.text[candidate.end : follower.start]
    if between.strip(" \u00a0") not in (",", "") or len(between) > 3 or "\n" in between:
        return None
    if "," not in between and follower.sort != "short":
        return None
    codes = region_code(gazetteer, follower.rows)
    for row in candidate.rows:
        if gazetteer.kind[row] in (Kind.STATE, Kind.COUNTRY):
            continue
        for code in row_codes(gazetteer, row):
            if code in codes:
                return code, at + 1
    return None


def is_dateline(tokens: Tokens, candidate: Candidate, found: Sequence[Found], at: int) -> bool:
    """Whether a name opens the text as in "CHICAGO (AP) —"."""
    if candidate.start > DATELINE_END:
        return False
    end = candidate.last + 1
    follower = found[at + 1].candidate if at + 1 < len(found) else None
    if follower and follower.first - candidate.last <= 2:
        end = follower.last + 1
    while end < len(tokens) and tokens.words[end] in (".", ","):
        end += 1
    mark = tokens.words[end] if end < len(tokens) else ""
    return mark in DATELINE_MARKS or tokens.text[candidate.end : candidate.end + 3] == " --"


def trimmed(gazetteer: Gazetteer, rows: Sequence[int], qualifier: str) -> list[int]:
    """The rows worth weighing: those the qualifier allows, else the most prominent."""
    if qualifier:
        bound = [row for row in rows if qualifier in row_codes(gazetteer, row)]
        bound = [row for row in bound if gazetteer.kind[row] not in (Kind.STATE, Kind.COUNTRY)]
        rows = bound or list(rows)
    if len(rows) > MAX_ROWS:
        rows = sorted(rows, key=lambda row: -gazetteer.prominence[row])[:MAX_ROWS]
    return list(rows)


class Grouper:
    """Gathers mentions into groups."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self.gazetteer = gazetteer
        self.groups: dict[tuple[str, str, bool], Group] = {}

    def add(self, tokens: Tokens, found: Sequence[Found], in_title: bool, domain: str) -> None:
        """Take in the names of the text, or of the title."""
        qualifiers: dict[int, str] = {}
        states: set[int] = set()
        for at in range(len(found)):
            bound = binding(tokens, found, at, self.gazetteer)
            if bound and at not in states:
                qualifiers[at] = bound[0]
                states.add(bound[1])
        for at, name in enumerate(found):
            c = name.candidate
            listed = self._listed_county(tokens, c)
            rows = listed or trimmed(self.gazetteer, c.rows, qualifiers.get(at, ""))
            label = c.key + (" county" if listed else "")
            group = self.groups.setdefault(
                (label, qualifiers.get(at, ""), at in states),
                Group(label, rows, qualifiers.get(at, ""), at in states),
            )
            group.listed_county |= bool(listed)
            lent = bears_name(tokens, c)
            if in_title:
                group.title |= not lent
            else:
                group.mentions.append(at)
                if lent:
                    group.lent.add(at)
                group.dateline |= is_dateline(tokens, c, found, at)
            group.agency += names_agency(tokens, c)
            group.domain |= len(c.key) > 3 and c.key.replace(" ", "") in domain

    def _listed_county(self, tokens: Tokens, c: Candidate) -> list[int]:
        """County rows for the names of "Brown and Outagamie counties"."""
        for at in range(c.last + 1, min(c.last + 12, len(tokens))):
            word = tokens.lower[at]
            if word == "counties":
                return list(self.gazetteer.rows(key(c.key + " county")))
            if not (tokens.capital[at] or word in (",", "and", "&")):
                break
        return []

    def add_acronyms(self, tokens: Tokens, acronyms: Mapping[str, Sequence[int]]) -> None:
        """Take in the agencies' acronyms that a text uses."""
        if acronyms.keys().isdisjoint(tokens.words):
            return
        for word, start in zip(tokens.words, tokens.starts, strict=True):
            if word in acronyms:
                new = Group(word, list(acronyms[word]))
                group = self.groups.setdefault((word, "", False), new)
                group.agency += 1
                group.acronym.append(start)
