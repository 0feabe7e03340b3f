"""Which stories say the same: copies stay on one side of a split and are learnt once.

Two texts are near copies when the shorter has at least SAME of its 5-word shingles
in common with the longer (containment, Broder 1997; the words and the limit are
those of `service.fingerprint`). All pairs are found exactly, over an inverted index
of hashed shingles: 43,000 texts of 6 million words take 6 s of one core and 0.6 GB.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from service.fingerprint import SAME, SHINGLE
from training.examples import NOT_REPORT, Example

# Shorter texts share half their shingles by chance of phrase ("was shot and killed by
# police in"), so they count as copies only if all their words are the same.
LEAST_WORDS = 30
# A shingle in more texts than this is page furniture or a stock phrase and counts as
# shared by none. On the development corpora: 50 leaves 23 texts in the largest set of
# near copies (notices of one press office that are mostly letterhead), 200 leaves 92.
BOILERPLATE = 50

_WORD = re.compile(r"\w+")
_ODD = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)

Hashes = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]


def grouped(examples: Sequence[Example]) -> list[Example]:
    """The same examples in order; those tied by group or as near copies have one `group`.

    The joint group takes the name of its first member. So what is read later never
    renames what was there, and never moves it between train and test, unless it ties
    two older groups together: with a random fifth of the development rows added later,
    0 to 2 of 34,000 rows change side; 11 to 25 if the alphabetically first name is taken.
    """
    ties = _Ties(len(examples))
    groups: dict[str, int] = {}
    texts: dict[str, int] = {}
    vocabulary: dict[str, int] = {}
    shingles: list[Hashes] = []
    for number, example in enumerate(examples):
        words = _WORD.findall(example.text.lower())
        ties.tie(groups.setdefault(example.group, number), number)
        ties.tie(texts.setdefault(" ".join(words), number), number)
        shingles.append(_shingles(words, vocabulary))
    for a, b in _near_copies(shingles):
        ties.tie(a, b)
    return [
        replace(example, group=examples[ties.first(number)].group)
        for number, example in enumerate(examples)
    ]


@dataclass(frozen=True)
class Copy:
    """A row left out because `kept` has the same title and text."""

    kept: Example
    dropped: Example

    @property
    def contradicts(self) -> bool:
        """Whether the two labels cannot both be right."""
        relations = {self.kept.relation, self.dropped.relation}
        if NOT_REPORT in relations:
            return "report" in relations
        return len(relations) == 2


class Distinct:
    """Lets each title and text through once, whatever its case, spaces and punctuation."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, ...], Example] = {}
        self.copies: list[Copy] = []

    def take(self, examples: Sequence[Example]) -> list[Example]:
        """The examples not seen before; the others are added to `copies`."""
        taken = []
        for example in examples:
            title, text = (_WORD.findall(t.lower()) for t in (example.title or "", example.text))
            key = (*title, "\n", *text)
            if key in self._first:
                self.copies.append(Copy(self._first[key], example))
            else:
                self._first[key] = example
                taken.append(example)
        return taken


class _Ties:
    """Sets of numbers; the smallest of a set stands for it (union-find)."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def first(self, number: int) -> int:
        while self._parent[number] != number:
            self._parent[number] = self._parent[self._parent[number]]
            number = self._parent[number]
        return number

    def tie(self, a: int, b: int) -> None:
        a, b = self.first(a), self.first(b)
        self._parent[max(a, b)] = min(a, b)


def _near_copies(shingles: Sequence[Hashes]) -> list[tuple[int, int]]:
    """Pairs of numbers of texts, given as their shingles, that are near copies."""
    counts = np.array([len(hashes) for hashes in shingles], dtype=np.int64)
    if not counts.any():
        return []
    a, b, shared = _sharing(np.concatenate(shingles), np.repeat(np.arange(len(counts)), counts))
    same = shared >= SAME * np.minimum(counts[a], counts[b])
    return list(zip(a[same].tolist(), b[same].tolist(), strict=True))


def _shingles(words: Sequence[str], vocabulary: dict[str, int]) -> Hashes:
    """The distinct 64-bit hashes of a text's shingles; none for a short text."""
    if len(words) < LEAST_WORDS:
        return np.empty(0, dtype=np.uint64)
    ids = np.array([vocabulary.setdefault(w, len(vocabulary)) for w in words], dtype=np.uint64)
    count = len(words) - SHINGLE + 1
    hashes = np.zeros(count, dtype=np.uint64)
    for offset in range(SHINGLE):
        hashes = (hashes ^ ids[offset : offset + count]) * _ODD
        hashes ^= hashes >> _SHIFT
    return np.unique(hashes)


def _sharing(hashes: Hashes, owners: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """(a, b, shared): texts a < b, and how many hashes they share; boilerplate apart.

    `hashes` and `owners` run in parallel, the owners in ascending order.
    """
    order = np.argsort(hashes, kind="stable")
    hashes, owners = hashes[order], owners[order]
    starts = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]]))
    sizes = np.diff(np.concatenate([starts, [len(hashes)]]))
    span = int(owners.max()) + 1
    pairs = [np.empty(0, dtype=np.int64)]
    for size in range(2, BOILERPLATE + 1):
        sharers = owners[starts[sizes == size][:, None] + np.arange(size)]
        one, other = np.triu_indices(size, 1)
        pairs.append((sharers[:, one] * span + sharers[:, other]).ravel())
    found, shared = np.unique(np.concatenate(pairs), return_counts=True)
    return found // span, found % span, shared
