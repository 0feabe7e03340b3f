"""The words of a story that tell gender, each exchanged for the other."""

import re

from training.edits import Finder, matches

_PAIRS = (
    "he she|himself herself|man woman|men women|boy girl|boys girls|male female|males females"
    "|father mother|fathers mothers|dad mom|son daughter|sons daughters|brother sister"
    "|brothers sisters|husband wife|husbands wives|boyfriend girlfriend|uncle aunt|nephew niece"
    "|nephews nieces|grandfather grandmother|grandson granddaughter|grandpa grandma|stepfather"
    " stepmother|stepson stepdaughter|widower widow|fiancé fiancée|policeman policewoman"
    "|policemen policewomen|spokesman spokeswoman|businessman businesswoman|chairman chairwoman"
    "|councilman councilwoman|alderman alderwoman|congressman congresswoman|sir ma'am"
    "|guy gal|gentleman lady|fatherhood motherhood"
)
_OTHER: dict[str, str] = {}
for _pair in _PAIRS.split("|"):
    _his, _hers = _pair.split()
    _OTHER |= {_his: _hers, _hers: _his}
_OTHER |= {"hers": "his", "actress": "actor"}
_COURTESY = {"Mr": "Ms", "Ms": "Mr", "Mrs": "Mr", "Miss": "Mr"}
_WORD = re.compile(r"\b(?:ma'am|[A-Za-zé]+)\b(?!-American)")
_MALE = re.compile(r"\b(?:he|his|him|himself|man|men|boy|son|father|mr|husband|brother)\b", re.I)
_FEMALE = re.compile(
    r"\b(?:she|her|hers|herself|woman|women|girl|daughter|mother|ms|mrs|wife|sister)\b", re.I
)
# Stories that would turn false, not only other.
_BODILY = re.compile(
    r"\b(?:pregnan\w+|miscarr\w+|gave birth|birth to|unborn|breasts?|bra|beard\w*|mustache|womb"
    r"|maternity|prostate|testic\w+|genital\w+|penis|vagina\w*|rap(?:e|ed|ist|es)|sexual\w*"
    r"|prostitut\w+|nuns?|menstrua\w+|abortion)\b",
    re.I,
)
# After "her", what shows that it is an object ("told her that"), not a possessive ("her arm").
_AFTER_OBJECT = re.compile(
    r"[^\w ]|$| (?:to|that|the|a|an|and|or|but|in|on|at|by|for|from|with|without|into|onto|over"
    r"|under|against|after|before|while|when|where|if|as|because|until|since|during|through|about"
    r"|around|across|behind|down|up|out|off|away|inside|outside|toward|towards|near|of|than|again"
    r"|then|there|here|he|she|they|it|his|him|not|never|so|too|twice|once|multiple times"
    r"|several times|repeatedly|hard|who|what|how|why|whether|is|was|were|had|has|did|would|could"
    r"|will|be|being|go|leave|get|say|lying|sitting|standing|walking|running|screaming|alone"
    r"|dead|unconscious|unresponsive|still|today|yesterday|tonight|last|along|past|within|this"
    r"|these|those|some|any|all|no|nothing|anything|something|more|instead|also|more than"
    r"|face[- ]down|facedown|handcuffed|\w+ times|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\b"
    r"(?!-)| (?!(?:only|early|elderly|family|belly|daily|bully|ugly|friendly|lovely)\b)\w+ly\b"
)
_AFTER_STANDING = re.compile(
    r"[^\w ’'“\"‘$#(]|$| (?:and|or|but|was|were|is|are|had|has|when|who)\b"
)
_TITLED = re.compile(r" [A-Z]\w+")
_OWN_NAMES = frozenset({"father", "mother", "brother", "sister", "sisters", "brothers", "lady"})


def regendered_words() -> Finder:
    """A finder that exchanges he and she, man and woman, and the rest, in both directions."""
    return matches(_WORD, _other)


def can_change(text: str) -> bool:
    """Whether the story would still be possible."""
    return _BODILY.search(text) is None


def leaning(text: str) -> str | None:
    """ "male" or "female", which the story has more words of; None if of neither."""
    male, female = len(_MALE.findall(text)), len(_FEMALE.findall(text))
    return None if male == female == 0 else "male" if male >= female else "female"


def _other(match: re.Match[str]) -> str | None:
    word, text, end = match[0], match.string, match.end()
    if word in _COURTESY:
        # "Miss." with a full stop is a state.
        addressed = re.match(r" [A-Z]" if word == "Miss" else r"\.? [A-Z]", text[end : end + 3])
        return _COURTESY[word] + ("." if word == "Miss" else "") if addressed else None
    lower = word.lower()
    if lower == "her":
        new = "him" if _AFTER_OBJECT.match(text, end) else "his"
    elif lower == "him":
        new = "her"
    elif lower == "his":
        new = "hers" if _AFTER_STANDING.match(text, end) else "her"
    else:
        new = _OTHER.get(lower, "")
    if not new or _is_name(word, lower, text, end):
        return None
    if word.isupper() and len(word) > 1:
        return new.upper()
    return new.capitalize() if word[0].isupper() else new


def _is_name(word: str, lower: str, text: str, end: int) -> bool:
    """Father Mike and the Boys & Girls Club, Father's Day."""
    if re.match(r"['’]s Day\b| (?:& |and )?(?:Girls |Boys )?Club", text[end : end + 16]):
        return True
    return lower in _OWN_NAMES and word[0].isupper() and _TITLED.match(text, end) is not None
