"""A text cut into words with what the place recogniser needs to know of each."""

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"W\. ?Va\b|(?:[^\W\d_]\.){2,}|['’]s\b|[^\W_]+(?:['’](?!s\b)[^\W_]+)*|[^\w\s]", re.UNICODE
)
# A text with fewer capital initials than this share of its words has no usable case.
MIN_CAPITAL_SHARE = 0.02
# Above this share of words in capitals, capitals say nothing.
MAX_CAPITALS_SHARE = 0.6
MIN_WORDS_FOR_CASE = 6


@dataclass(frozen=True, slots=True)
class Tokens:
    """Words and punctuation marks of a text, in parallel lists.

    `words` as written, `lower` case-folded, `starts`/`ends` character offsets,
    `gaps` the characters before the next token (one fewer than the others), `capital`
    whether the first letter is upper case (in a text without case:
    whether it is a word at all), `case` one of "mixed", "lower", "upper".
    """

    text: str
    words: list[str]
    lower: list[str]
    starts: list[int]
    ends: list[int]
    gaps: list[str]
    capital: list[bool]
    case: str

    def __len__(self) -> int:
        return len(self.words)

    def gap(self, index: int) -> str:
        """The characters between token `index` and the next one."""
        return self.gaps[index]


def _case(words: list[str]) -> str:
    letters = [word for word in words if word[0].isalpha()]
    if len(letters) < MIN_WORDS_FOR_CASE:
        return "mixed"
    capital = sum(word[0].isupper() for word in letters)
    if capital < MIN_CAPITAL_SHARE * len(letters):
        return "lower"
    upper = sum(word.isupper() for word in letters)
    return "upper" if upper > MAX_CAPITALS_SHARE * len(letters) else "mixed"


def tokenise(text: str) -> Tokens:
    """The tokens of `text` in order."""
    spans = [match.span() for match in _TOKEN.finditer(text)]
    words = [text[start:end] for start, end in spans]
    case = _case(words)
    if case == "lower":
        capital = [word[0].isalpha() for word in words]
    else:
        capital = [word[0].isupper() for word in words]
    starts, ends = [start for start, _ in spans], [end for _, end in spans]
    gaps = [text[a:b] for a, b in zip(ends, starts[1:], strict=False)]
    lower = [word.lower() for word in words]
    return Tokens(text, words, lower, starts, ends, gaps, capital, case)
