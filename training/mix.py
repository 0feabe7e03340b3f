"""What a run trains on: new labels, and the project's own stories replayed beside them.

What a story reports does not hang on who was hurt, where, or who wrote about it.
So some stories are told of other people, towns and outlets (training.counterfactuals).
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import replace

from service.places import Locator
from training.counterfactuals import counterfactual
from training.examples import Example
from training.story_places import Setting, setting_of
from training.swap_pairs import located_setting

# Own stories that go with new labels when training continues from a checkpoint: enough to keep
# what was learnt, few enough that 300 new labels take minutes.
REPLAY = 600
# A shorter text may need its title to be understood, and names few people.
LONG_WORDS = 80
# Articles told of others; the rest stay as they were.
ALTERED = 0.5
# Altered articles that lose their title, too: the service is often given none.
UNTITLED = 0.2


def mixed(
    train: Sequence[Example],
    own: Collection[str],
    replay: int | None,
    locator: Locator,
    seed: int,
) -> list[Example]:
    """The rows of `train`, some of them altered, by chance of `seed`.

    Own stories (their sources are `own`) come once as they are and once altered, the
    longer ones then without title; with `replay`, only that many, None takes all.
    They are the cleanest labels and the rarest events. Of the other longer texts a
    share is altered in place.
    """
    rng = random.Random(seed)
    ours = [example for example in train if example.source in own]
    others = [example for example in train if example.source not in own]
    if replay is not None and len(ours) > replay:
        ours = rng.sample(ours, replay)
    articles = [
        _altered(e, located_setting(locator, e), UNTITLED, rng)
        if _long(e) and rng.random() < ALTERED
        else e
        for e in others
    ]
    return [*articles, *ours, *(_altered(e, setting_of(e), 1.0, rng) for e in ours)]


def sampled(
    train: Sequence[Example], sources: Collection[str], share: float, seed: int
) -> list[Example]:
    """`train` with only that share of the rows of `sources`, by chance of `seed`."""
    rng = random.Random(seed)
    return [e for e in train if e.source not in sources or rng.random() < share]


def _altered(
    example: Example, setting: Setting | None, untitled: float, rng: random.Random
) -> Example:
    copy = counterfactual(example, setting, rng)
    return replace(copy, title=None) if _long(copy) and rng.random() < untitled else copy


def _long(example: Example) -> bool:
    return len(example.text.split()) >= LONG_WORDS
