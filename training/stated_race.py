"""Race where a story states it of people, and the same story with another or one added."""

import re

from training.edits import Edit, Finder, matches

_PEOPLE = (
    r"m[ae]n|wom[ae]n|boys?|girls?|males?|females?|teens?|teenagers?|youths?|child|children|kids?"
    r"|officers?|cops?|deput(?:y|ies)|troopers?|motorists?|drivers?|passengers?|residents?|people"
    r"|persons?|communit(?:y|ies)|famil(?:y|ies)|students?|suspects?|victims?|voters?|pastors?"
    r"|protesters?|protestors?|demonstrators?|activists?|citizens?|Americans?|respondents?"
    r"|applicants?|neighborhoods?|church(?:es)?|jurors?|jury|judges?|lawyers?|journalists?"
    r"|reporters?|customers?|shoppers?|tourists?|guests?|employees?|workers?|veterans?|inmates?"
    r"|detainees?|prisoners?|patients?|homeowners?|pedestrians?|bicyclists?|cyclists?|guys?"
    r"|fathers?|mothers?|sons?|daughters?|couples?|lives|leaders?|members|recruits|administrators?"
    r"|mob|supremacists?|nationalists?|colleagues|neighbors?|defendants?|counterparts?|adults?"
)
_ADJECTIVES = (
    r"(?:young|old|older|elderly|middle-aged|teenage|male|female|unarmed|gay|transgender|trans"
    r"|homeless|police|off-duty|handcuffed|adult|high school|college) "
)
_TERM = (
    r"(?:(?P<Black>African[- ]American|[Bb]lack)|(?P<white>[Ww]hite|Caucasian)"
    r"|(?P<Hispanic>Hispanic|Latin[oax])|(?P<Asian>Asian[- ]American|Asian))(?P<plural>s)?"
)
_ANY = r"(?:African[- ]American|[Bb]lack|[Ww]hite|Hispanic|Latin[oax]|Asian(?:[- ]American)?)"
_STATED = re.compile(rf"(?<![-\w]){_TERM}\b(?![-’'])")
_OF_PEOPLE = re.compile(rf" (?:{_ADJECTIVES})*(?:{_PEOPLE})\b", re.I)
_CHAINED = re.compile(rf"(?:,? (?:and|or)|,|/) ?{_ANY}s?\b(?! [A-Z])")
_SAID_OF = re.compile(
    rf"\b(?:who|he|she|they|both|all|{_PEOPLE}) (?:is|was|are|were|is also|are all) $", re.I
)
_BEFORE = re.compile(rf"{_ANY},? (?:and|or) $")
# Names that only look like a statement about people.
_NAMES = re.compile(
    r" (?:[Ll]ives\b|Caucus|Panthers?|Church|Community|Leaders|Officers Association)\b"
)
# "the National Association of Black Journalists".
_NAMED_BODY = re.compile(r"[A-Z]\w+ (?:of|for) \Z")
_SUPREMACY = re.compile(r" (?:supremac|nationalis|power\b)", re.I)
_PLURAL = {"Black": "Black people", "white": "white people", "Hispanic": "Latinos"}
_BARE = re.compile(
    r"\b(?:an?|unarmed|homeless|handcuffed|year-old|teenage) (?=(?:man|woman|boy|girl|teen"
    r"|teenager|motorist|youth)\b(?! of\b| dressed\b))",
    re.I,
)


def restated(source: str, target: str) -> Finder:
    """A finder that says `target` of people of whom the story says `source`."""

    def new(match: re.Match[str]) -> str | None:
        if match[source] is None or not _is_of_people(match):
            return None
        word = _PLURAL.get(target, "Asian Americans") if match["plural"] else target
        return _capital(match, word)

    return matches(_STATED, new)


def states_race(text: str) -> bool:
    """Whether the story says anybody's race."""
    return any(_is_of_people(match) for match in _STATED.finditer(text))


def added(group: str) -> Finder:
    """A finder that says the race of the first person told of as "a man" or the like."""

    def find(text: str) -> list[Edit]:
        found = _BARE.search(text)
        return [Edit(found.end(), found.end(), f"{group} ")] if found else []

    return find


def _is_of_people(match: re.Match[str]) -> bool:
    text, end = match.string, match.end()
    if _NAMES.match(text, end) or _SUPREMACY.match(text, end):
        return False
    if _NAMED_BODY.search(text, max(0, match.start() - 40), match.start()):
        return False
    if _OF_PEOPLE.match(text, end) and match["plural"] is None:
        return True
    if _CHAINED.match(text, end):
        return _is_chain_of_people(text, end)
    before = text[max(0, match.start() - 40) : match.start()]
    closes = re.compile(r"[.,;)?!\"”]|$| and\b").match(text, end) is not None
    if closes and (_SAID_OF.search(before) or _BEFORE.search(before)):
        return True
    own_name = match["Hispanic"] or (match["Black"] or "").startswith("African")
    inside = re.search(r"[A-Z]\w+ $", before) or re.match(r" [A-Z]", text[end : end + 2])
    return bool(own_name) and not inside


def _is_chain_of_people(text: str, end: int) -> bool:
    """Whether "Black, white and Latino ..." ends in people."""
    while chained := _CHAINED.match(text, end):
        end = chained.end()
    return _OF_PEOPLE.match(text, end) is not None or text[end - 1] in "so"


def _capital(match: re.Match[str], word: str) -> str:
    """ "white" with a capital where a sentence or a headline's word begins."""
    text, at = match.string, match.start()
    starts = at == 0 or text[at - 1] == "\n" or re.search(r"[.!?:]\W{1,2}$", text[:at][-4:])
    headline = re.match(r" (?!Am)[A-Z]", text[match.end() : match.end() + 3]) is not None
    return word[0].upper() + word[1:] if starts or headline else word
