"""What a run trains on: new labels, and the project's own stories replayed beside them."""

import random
from collections.abc import Collection, Sequence
from dataclasses import replace

from training.counterfactuals import counterfactual
from training.examples import Example

# Own stories that go with new labels when training continues from a checkpoint: enough to keep
# what was learnt, few enough that 300 new labels take minutes.
REPLAY = 600
# A shorter text may need its title to be understood.
UNTITLED_WORDS = 80


def mixed(
    train: Sequence[Example], own: Collection[str], replay: int | None, seed: int
) -> list[Example]:
    """The rows of `train`, own stories (their sources are `own`) with a second, altered copy.

    With `replay`, only that many of the own stories, chosen by `seed`; None takes all.
    """
    rng = random.Random(seed)
    ours = [example for example in train if example.source in own]
    others = [example for example in train if example.source not in own]
    if replay is not None and len(ours) > replay:
        ours = rng.sample(ours, replay)
    return [*others, *ours, *(altered(example, rng) for example in ours)]


def altered(example: Example, rng: random.Random) -> Example:
    """The same story about other people and places, and, if long enough, without its title.

    Names, stated race, gender and town must not matter; the service is often given no title.
    """
    copy = counterfactual(example, rng)
    long = len(example.text.split()) >= UNTITLED_WORDS
    return replace(copy, title=None) if long else copy
