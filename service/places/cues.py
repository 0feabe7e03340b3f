"""How the words around a place name speak for the event having happened there.

"Officers shot him in X" differs from "he lives in X", "a judge in X" or "flown to a
hospital in X" in the words beside the name and in its sentence. A logistic regression
over hashed words, fitted by `training.places`; the weights are plain numbers.
"""

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from service.places.hashed import HashedWeights
from service.places.recogniser import Found
from service.places.tokens import Tokens

CUES_PATH = Path(__file__).parent / "cues.npz"
BUCKETS = 1 << 13
# Of a longer sentence only so many words on either side of the name are read.
REACH = 30
STOPS = frozenset(".!?")
MARKS = frozenset(",.")
PLACE = "<place>"
EDGE = "<>"
BOUND = 4.0


class Surroundings:
    """The words of a text with its place names blanked, cut into sentences."""

    def __init__(self, tokens: Tokens, found: Sequence[Found]) -> None:
        self.names = [(f.candidate.first, f.candidate.last) for f in found]
        self.words = list(tokens.lower)
        for first, last in self.names:
            self.words[first : last + 1] = [PLACE] * (last - first + 1)
        self.starts = [0]
        for at, (word, space) in enumerate(zip(self.words, tokens.gaps, strict=False)):
            stop = word in STOPS and tokens.capital[at + 1] and at > 0
            if (stop and len(self.words[at - 1]) > 2) or "\n" in space:
                self.starts.append(at + 1)

    def beside(self, at: int) -> tuple[str, ...]:
        """The words next to name `at`; what qualifies it ("Texas") is stepped over."""
        first, last = self.names[at]
        words, size = self.words, len(self.words)
        after = last + 1
        while after < size and (
            words[after] == PLACE
            or (words[after] in MARKS and after + 1 < size and words[after + 1] == PLACE)
        ):
            after += 1
        p1 = words[first - 1] if first > 0 else EDGE
        p2 = words[first - 2] if first > 1 else EDGE
        n1 = words[after] if after < size else EDGE
        n2 = words[after + 1] if after + 1 < size else EDGE
        return f"p {p1}", f"q {p2} {p1}", f"n {n1}", f"m {n1} {n2}", f"o {n2}", f"r {p2}"

    def sentence(self, at: int) -> tuple[int, int]:
        """Where the sentence of name `at` starts and ends, or what is read of a long one."""
        first = self.names[at][0]
        number = bisect_right(self.starts, first)
        start = self.starts[number - 1]
        end = self.starts[number] if number < len(self.starts) else len(self.words)
        if end - start > 2 * REACH:
            start, end = max(start, first - REACH), min(end, first + REACH)
        return start, end

    def within(self, start: int, end: int) -> set[str]:
        """The words of a sentence."""
        return {f"s {word}" for word in self.words[start:end] if len(word) > 2}


class Cues:
    """Scores the surroundings of names."""

    def __init__(self, path: Path = CUES_PATH) -> None:
        with np.load(path, allow_pickle=False) as data:
            self.set(data["weights"], float(data["bias"]))

    def set(self, weights: npt.NDArray[np.floating], bias: float) -> None:
        """Take other weights (one per bucket), as fitting does."""
        self.weights = HashedWeights(weights)
        self.bias = bias

    def scores(self, tokens: Tokens, found: Sequence[Found]) -> list[float]:
        """Log-odds, held within BOUND, of each name being where the event happened."""
        near = Surroundings(tokens, found)
        weight = self.weights.__getitem__
        sentences: dict[tuple[int, int], float] = {}
        scores = []
        for at in range(len(found)):
            sentence = near.sentence(at)
            if sentence not in sentences:
                sentences[sentence] = sum(map(weight, near.within(*sentence)))
            total = self.bias + sum(map(weight, near.beside(at))) + sentences[sentence]
            scores.append(max(-BOUND, min(BOUND, total)))
        return scores
