"""Small changes to a story's title and text that keep its evidence spans right."""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from service.story import Span
from training.examples import Example

_ARTICLE = re.compile(r"\b(a|A|an|An)\s$")
# Letters whose names begin with a vowel sound: "an FBI agent", "an NYPD officer".
_VOWEL_LETTERS = frozenset("AEFHILMNORSX")
_SPELT_OUT = re.compile(r"[A-Z]{2,5}\b(?!')")
_VOWEL = re.compile(r"(?!uni|use|usu|eu|uta|one\b)[aeiou]", re.I)


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters `start` up to, not including, `end` become `new`."""

    start: int
    end: int
    new: str


# What to change in a text. Called for title and text alike, so that both tell the same story.
Finder = Callable[[str], Sequence[Edit]]


def matches(pattern: re.Pattern[str], new: Callable[[re.Match[str]], str | None]) -> Finder:
    """A finder that puts `new(match)` for every match; None leaves it as it is."""

    def find(text: str) -> list[Edit]:
        found = [(match, new(match)) for match in pattern.finditer(text)]
        return [Edit(m.start(), m.end(), word) for m, word in found if word is not None]

    return find


def applied(example: Example, find: Finder) -> Example:
    """The example with what `find` finds changed; the very same object if that is nothing.

    Edits must be in order and must not overlap. "a" and "an" before an edit follow it.
    """
    title = example.title
    if title is not None:
        title = _written(title, _agreeing(title, find(title)))
    edits = _agreeing(example.text, find(example.text))
    if not edits and title == example.title:
        return example
    evidence = example.evidence
    if evidence is not None:
        evidence = tuple(_moved(span, edits) for span in evidence)
    return replace(example, title=title, text=_written(example.text, edits), evidence=evidence)


def article(word: str) -> str:
    """ "an" before a vowel sound, else "a"; a guess from spelling."""
    if _SPELT_OUT.match(word):
        return "an" if word[0] in _VOWEL_LETTERS else "a"
    return "an" if _VOWEL.match(word) else "a"


def _agreeing(text: str, edits: Sequence[Edit]) -> list[Edit]:
    return [_with_article(text, e) for e in edits if text[e.start : e.end] != e.new]


def _with_article(text: str, edit: Edit) -> Edit:
    found = _ARTICLE.search(text, max(0, edit.start - 4), edit.start)
    old = text[edit.start : edit.end]
    if found is None or (old and article(old) == article(edit.new)):
        return edit
    fitting = article(edit.new)
    if found[1].lower() == fitting:
        return edit
    fitting = fitting.capitalize() if found[1][0] == "A" else fitting
    return Edit(found.start(), edit.end, fitting + found[0][len(found[1]) :] + edit.new)


def _written(text: str, edits: Sequence[Edit]) -> str:
    parts: list[str] = []
    at = 0
    for edit in edits:
        parts += (text[at : edit.start], edit.new)
        at = edit.end
    return "".join((*parts, text[at:]))


def _moved(span: Span, edits: Sequence[Edit]) -> Span:
    """The span after the edits; one cut by an edit takes the whole of the new words in."""
    shifts = [0]
    for edit in edits:
        shifts.append(shifts[-1] + len(edit.new) - (edit.end - edit.start))
    first = bisect_right([e.end for e in edits], span.start)
    last = bisect_right([e.start for e in edits], span.end - 1)
    start = min(span.start, edits[first].start) if first < len(edits) else span.start
    end = max(span.end, edits[last - 1].end) if last else span.end
    return Span(start + shifts[first], end + shifts[last])
