"""A text cut into words with what the place recogniser needs to know of each."""

import re
from dataclasses import dataclass
from itertools import accumulate, compress

_TOKEN = re.compile(
    r"(W\. ?Va\b|(?:[^\W\d_]\.){2,}|['’]s\b|[^\W_]+(?:['’](?!s\b)[^\W_]+)*|[^\w\s])", re.UNICODE
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


def _case(words: list[str], initials: list[str]) -> str:
    letters = list(map(str.isalpha, initials))
    count = sum(letters)
    if count < MIN_WORDS_FOR_CASE:
        return "mixed"
    if sum(map(str.isupper, compress(initials, letters))) < MIN_CAPITAL_SHARE * count:
        return "lower"
    upper = sum(map(str.isupper, compress(words, letters)))
    return "upper" if upper > MAX_CAPITALS_SHARE * count else "mixed"


def tokenise(text: str) -> Tokens:
    """The tokens of `text` in order."""
    parts = _TOKEN.split(text)  # what is before the first word, it, what is between, ...
    bounds = list(accumulate(map(len, parts)))
    words = parts[1::2]
    initials = [word[0] for word in words]
    case = _case(words, initials)
    capital = list(map(str.isalpha if case == "lower" else str.isupper, initials))
    lower = list(map(str.lower, words))
    return Tokens(text, words, lower, bounds[:-1:2], bounds[1::2], parts[2:-1:2], capital, case)
