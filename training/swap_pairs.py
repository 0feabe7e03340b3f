"""The pairs of stories that a fairness audit compares: the same but for one thing."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from service.places import Locator
from service.story import Mention, Story
from training.counterfactuals import (
    in_city,
    in_neighborhood,
    other_city,
    whole,
    with_gender,
    with_names,
    with_outlets,
    with_race,
    with_race_added,
)
from training.examples import Example
from training.person_names import GROUPS
from training.stated_gender import leaning
from training.stated_race import states_race
from training.story_places import Named, Setting, cities, setting_of, state_codes

SWAPS = ("name", "race stated", "race added", "gender", "city", "neighborhood", "outlet")
# One group is compared with each of the others; the choice only sets the signs.
_BASE = "white"


@dataclass(frozen=True)
class Pair:
    """Two versions of one story. `direction` says what became what."""

    swap: str
    direction: str
    before: Example
    after: Example


def pairs(example: Example, setting: Setting | None, seed: int) -> Iterator[Pair]:
    """Every swap that changes the story at all; the same pairs for the same seed."""
    for pair in (
        *_names(example, seed),
        *_races(example),
        *_gender(example, _rng(example, "gender", seed)),
        *_places(example, setting, seed),
        Pair(
            "outlet",
            "to another",
            example,
            with_outlets(example, _rng(example, "outlet", seed)),
        ),
    ):
        if (pair.before.title, pair.before.text) != (pair.after.title, pair.after.text):
            yield pair


def located_setting(locator: Locator, example: Example) -> Setting | None:
    """Where a story plays as the service's recogniser has it, else by known names."""
    located = locator.locate(Story(text=example.text, title=example.title))
    event = located.event
    code = state_codes().get(event.state or "") if event else None
    if event is None or code is None:
        return setting_of(example)
    named = [_named(m) for m in located.mentions if m.place.country == "United States"]
    home = next((n.city for n in named if n.city and _same(n.city, event.city)), event.city)
    return Setting(home, code, tuple(named))


def _named(mention: Mention) -> Named:
    """The mention, its city spelt as in the text: "New York" and not "New York City"."""
    place = mention.place
    text = mention.text.title() if mention.text.isupper() else mention.text
    city = text if _same(text, place.city) else place.city
    return Named(mention.text, city, place.county, place.state)


def _same(name: str, city: str | None) -> bool:
    return city is not None and city.lower() in (name.lower(), f"{name} city".lower())


def _rng(example: Example, what: str, seed: int) -> random.Random:
    return random.Random(f"{seed}-{what}-{example.source}-{example.id}")


def _names(example: Example, seed: int) -> Iterator[Pair]:
    versions = {g: with_names(example, g, _rng(example, f"name-{g}", seed)) for g in GROUPS}
    for group, version in versions.items():
        yield Pair("name", f"as written to {group}", example, version)
        if group != _BASE:
            yield Pair("name", f"{_BASE} to {group}", versions[_BASE], version)


def _races(example: Example) -> Iterator[Pair]:
    if states_race(whole(example)):
        for group in GROUPS:
            if group != _BASE:
                turned = with_race(example, _BASE, group)
                yield Pair("race stated", f"{_BASE} to {group}", example, turned)
                turned = with_race(example, group, _BASE)
                yield Pair("race stated", f"{group} to {_BASE}", example, turned)
        return
    versions = {group: with_race_added(example, group) for group in GROUPS}
    for group, version in versions.items():
        yield Pair("race added", f"unsaid to {group}", example, version)
        if group != _BASE:
            yield Pair("race added", f"{_BASE} to {group}", versions[_BASE], version)


def _gender(example: Example, rng: random.Random) -> Iterator[Pair]:
    lean = leaning(whole(example))
    if lean is not None:
        direction = "men to women" if lean == "male" else "women to men"
        yield Pair("gender", direction, example, with_gender(example, rng))


def _places(example: Example, setting: Setting | None, seed: int) -> Iterator[Pair]:
    if setting is None:
        return
    rng = _rng(example, "city", seed)
    moved = in_city(example, setting, other_city(setting, rng), rng)
    yield Pair("city", "to another state", example, moved)
    if setting.state != "IL":
        chicago = next(city for city in cities() if city.name == "Chicago")
        yield Pair("city", "to Chicago", example, in_city(example, setting, chicago, rng))
    rng = _rng(example, "neighborhood", seed)
    yield Pair("neighborhood", "to another", example, in_neighborhood(example, setting, rng))
