"""Held-out sets: by group, so that no event is on both sides."""

import hashlib
from collections.abc import Sequence

from training.examples import Example


def split(
    examples: Sequence[Example], share: float, seed: int = 1
) -> tuple[list[Example], list[Example]]:
    """(kept, held out), about `share` of the groups held out; the same groups every time."""
    kept: list[Example] = []
    held: list[Example] = []
    for example in examples:
        (held if _fraction(example.group, seed) < share else kept).append(example)
    return kept, held


def _fraction(group: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed}-{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
