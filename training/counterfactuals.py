"""The same story about other people, elsewhere, from another source.

What a story reports does not hang on names, race, gender, city, neighbourhood
or outlet, so its label stays. The fairness audit measures how far a model's
answer moves; training may use such copies so that it moves less.
"""

import random

from training.edits import applied
from training.examples import Example
from training.outlet_names import resourced
from training.person_names import (
    GROUPS,
    Person,
    names_well_known,
    people,
    regendered,
    renamed,
)
from training.stated_gender import can_change, regendered_words
from training.stated_race import added, restated, states_race
from training.story_places import City, Setting, cities, elsewhere_in_city, moved, setting_of

# How often a counterfactual copy has each change. Chosen, not tuned: most copies have two
# or three, none has all.
_SHARE = {"outlet": 0.5, "neighborhood": 0.3, "city": 0.5, "name": 0.7, "gender": 0.4, "race": 0.3}


def counterfactual(example: Example, setting: Setting | None, rng: random.Random) -> Example:
    """A copy with a random mixture of changes, evidence spans kept right.

    It moves elsewhere only where `setting` says where it plays. Where nothing could
    be changed, the very same object. About 2 ms a story.
    """
    chosen = {change for change, share in _SHARE.items() if rng.random() < share}
    story = example
    if "outlet" in chosen:
        story = with_outlets(story, rng)
    if setting is not None and "city" in chosen:
        story = in_city(story, setting, other_city(setting, rng), rng)
    elif setting is not None and "neighborhood" in chosen:
        story = in_neighborhood(story, setting, rng)
    if "race" in chosen:
        story = with_race(story, *rng.sample(GROUPS, 2))
    if "name" in chosen:
        story = with_names(story, None, rng)
    if "gender" in chosen:
        story = with_gender(story, rng)
    return story


def whole(example: Example) -> str:
    """Title and text together."""
    return f"{example.title or ''}\n{example.text}"


def with_names(example: Example, group: str | None, rng: random.Random) -> Example:
    """Everyone but police officers renamed, to `group` or, if None, each to one by chance."""
    who = [person for person in people_of(example) if not person.officer]
    return applied(example, renamed(whole(example), who, group, rng))


def people_of(example: Example) -> list[Person]:
    """Everyone named whose name is not also a place of the story."""
    setting = setting_of(example)
    return people(whole(example), [name.text for name in setting.names] if setting else [])


def with_race(example: Example, source: str, target: str) -> Example:
    """`target` wherever `source` is said of people; added once where no race is said."""
    if states_race(whole(example)):
        return applied(example, restated(source, target))
    return with_race_added(example, target)


def with_race_added(example: Example, group: str) -> Example:
    """The first "a man" or the like made "a Black man"; untouched where a race is said."""
    return example if states_race(whole(example)) else applied(example, added(group))


def with_gender(example: Example, rng: random.Random) -> Example:
    """Women for men and men for women, first names too.

    Untouched where bodies forbid it, or where somebody is named whom readers know.
    """
    text = whole(example)
    if not can_change(text) or names_well_known(text):
        return example
    renaming = regendered(text, people_of(example), rng)
    return applied(applied(example, renaming), regendered_words())


def other_city(setting: Setting, rng: random.Random) -> City:
    """A city of another state."""
    return rng.choice([city for city in cities() if city.state != setting.state])


def in_city(example: Example, setting: Setting, target: City, rng: random.Random) -> Example:
    """The story set in another city."""
    return applied(example, moved(setting, target, rng))


def in_neighborhood(example: Example, setting: Setting, rng: random.Random) -> Example:
    """The story set in other parts of its city."""
    return applied(example, elsewhere_in_city(setting, whole(example), rng))


def with_outlets(example: Example, rng: random.Random) -> Example:
    """The story with other outlets as its sources."""
    return applied(example, resourced(whole(example), rng))
