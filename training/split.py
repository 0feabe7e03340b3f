"""Which stories train, calibrate and test: by group, so that no event is on two sides."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from training.examples import Example

TEST = 0.10
CALIBRATION = 0.06
# Files of training/checks, which only ever test: written apart from all that trains.
ONLY_TESTED = frozenset({"W"})


@dataclass(frozen=True)
class Parts:
    """The three parts of the data. What is reported is measured on `test` alone."""

    train: list[Example]
    calibration: list[Example]
    test: list[Example]


def parts(examples: Sequence[Example]) -> Parts:
    """About a tenth of the groups to test, another 6 % to calibrate; the same ones every time.

    To test go all rows of `ONLY_TESTED`, too, with any row that tells the same event.
    """
    test: list[Example] = []
    calibration: list[Example] = []
    train: list[Example] = []
    for example in examples:
        at = fraction(example.group)
        (test if at < TEST else calibration if at < TEST + CALIBRATION else train).append(example)
    return left_out(Parts(train, calibration, test), ONLY_TESTED)


def left_out(data: Parts, sources: Collection[str]) -> Parts:
    """All rows of `sources` to test, and none of their events left to learn from."""
    test = [*data.test, *(e for e in data.train + data.calibration if e.source in sources)]
    told = {e.group for e in test}
    return Parts(
        [e for e in data.train if e.group not in told],
        [e for e in data.calibration if e.group not in told],
        test,
    )


def split(
    examples: Sequence[Example], share: float, seed: int = 1
) -> tuple[list[Example], list[Example]]:
    """(kept, held out), about `share` of the groups held out; the same groups every time."""
    kept: list[Example] = []
    held: list[Example] = []
    for example in examples:
        (held if fraction(example.group, seed) < share else kept).append(example)
    return kept, held


def fraction(group: str, seed: int = 1) -> float:
    """A number in [0, 1) that depends on the name of the group alone."""
    digest = hashlib.sha256(f"{seed}-{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
