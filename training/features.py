"""Examples as numbers: windows of token ids with a label for every token and story."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from datasets import Dataset
from tokenizers import Tokenizer

from service.artefact import WindowConfig
from service.labels import FORCE_CODES
from service.story import Span
from service.text import Cut, Window, WindowSpec, cut
from training.examples import NOT_REPORT, Example
from training.network import RELATION_IDS, UNKNOWN

# Windows of one story in one training step; the rest takes its turn in later epochs.
TRAIN_WINDOWS = 6
# Stories without force are many and alike; fewer of their windows say as much.
TRAIN_WINDOWS_NONE = 3

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Features:
    """One story: `windows` and `token_labels` run in parallel, token for token."""

    windows: tuple[tuple[int, ...], ...]
    token_labels: tuple[tuple[int, ...], ...]
    relation: int
    force: tuple[int, ...]
    fatal: int


def window_config(tokenizer: Tokenizer, size: int = 128, title: int = 32) -> WindowConfig:
    """How this tokenizer's windows are cut and padded. Sizes in tokens."""
    ids = [tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]", "[PAD]")]
    cls_id, sep_id, pad_id = (id_ for id_ in ids if id_ is not None)
    return WindowConfig(size=size, title=title, cls_id=cls_id, sep_id=sep_id, pad_id=pad_id)


def featurise(example: Example, tokenizer: Tokenizer, spec: WindowSpec) -> Features:
    """Cut a story as the service does and label each token by its sentence."""
    cutting = cut(example.title, example.text, tokenizer, spec)
    stated = _stated(cutting, example.evidence)
    known = example.relation == "report" and example.force is not None
    force = example.force or ()
    return Features(
        windows=tuple(window.ids for window in cutting.windows),
        token_labels=tuple(_token_labels(window, stated) for window in cutting.windows),
        relation=RELATION_IDS[example.relation],
        force=tuple(int(c in force) if known else UNKNOWN for c in FORCE_CODES),
        fatal=UNKNOWN if not known or example.fatal is None else int(example.fatal),
    )


def _stated(cutting: Cut, evidence: Sequence[Span] | None) -> list[int]:
    """Per sentence: 1 if it overlaps an evidence span, else 0; UNKNOWN without spans."""
    if evidence is None:
        return [UNKNOWN] * len(cutting.spans)
    return [
        int(any(e.start < s.end - 1 and s.start < e.end - 1 for e in evidence))
        for s in cutting.spans
    ]


def _token_labels(window: Window, stated: Sequence[int]) -> tuple[int, ...]:
    labels = [UNKNOWN] * len(window.ids)
    for piece in window.pieces:
        labels[piece.start : piece.end] = [stated[piece.sentence]] * (piece.end - piece.start)
    return tuple(labels)


def dataset(examples: Sequence[Example], tokenizer: Tokenizer, spec: WindowSpec) -> Dataset:
    """One row per example, with the fields of Features."""
    return Dataset.from_list([asdict(featurise(e, tokenizer, spec)) for e in examples])


class Collator:
    """Joins stories into one batch of windows, padded to the longest.

    With `thin`, a long story is thinned to its first window, those with
    evidence, and a random choice of the others, in order.
    """

    def __init__(self, pad_id: int, thin: bool, seed: int = 0) -> None:
        self.pad_id = pad_id
        self.thin = thin
        self.rng = random.Random(seed)

    def __call__(self, stories: Sequence[Row]) -> dict[str, torch.Tensor]:
        """Tensors named as StoryClassifier.forward takes them."""
        ids: list[list[int]] = []
        labels: list[list[int]] = []
        owner: list[int] = []
        for number, story in enumerate(stories):
            for index in self._choose(story):
                ids.append(story["windows"][index])
                labels.append(story["token_labels"][index])
                owner.append(number)
        longest = max(map(len, ids))
        return {
            "input_ids": _padded(ids, longest, self.pad_id),
            "attention_mask": _padded([[1] * len(i) for i in ids], longest, 0),
            "token_labels": _padded(labels, longest, UNKNOWN),
            "story": torch.tensor(owner),
            "relation": torch.tensor([s["relation"] for s in stories]),
            "force": torch.tensor([s["force"] for s in stories]),
            "fatal": torch.tensor([s["fatal"] for s in stories]),
        }

    def _choose(self, story: Row) -> list[int]:
        every = list(range(len(story["windows"])))
        none = story["relation"] in (RELATION_IDS["none"], RELATION_IDS[NOT_REPORT])
        limit = TRAIN_WINDOWS_NONE if none else TRAIN_WINDOWS
        if not self.thin or len(every) <= limit:
            return every
        chosen = {0}
        stated = [i for i in every if i and 1 in story["token_labels"][i]]
        plain = [i for i in every if i and i not in stated]
        self.rng.shuffle(stated)
        self.rng.shuffle(plain)
        # Half of the room at most for evidence: a long story stays mostly something else.
        chosen.update(stated[: limit // 2])
        chosen.update(plain[: limit - len(chosen)])
        return sorted(chosen)


def _padded(rows: Sequence[Sequence[int]], length: int, value: int) -> torch.Tensor:
    return torch.tensor([[*row, *[value] * (length - len(row))] for row in rows])
