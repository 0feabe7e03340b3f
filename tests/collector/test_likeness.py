"""Which reports are taken for one event: pairs a person would not doubt."""

from dataclasses import replace
from datetime import date

import pytest

from collector.incidents import EventPlace, Report
from collector.likeness import (
    WINDOW_DAYS,
    Rarity,
    choose_incident,
    compare,
    may_match,
    probability,
)
from collector.names import name_marks
from collector.words import telling_words

OHIO = EventPlace(city="Toledo", county="Lucas County", state="Ohio")
PUNCHED = (
    "A Lucas County deputy punched Darnell Whitlow while he was handcuffed outside a bar, "
    "video shows. Sheriff Colm Ashgrove put the deputy on leave."
)
SUED = (
    "Darnell Whitlow, whose jaw was broken by a deputy outside a Toledo bar, sued Lucas County "
    "on Friday. Ashgrove, the sheriff, declined to comment."
)
TASED = (
    "Toledo officers shocked Priscilla Vantongeren with a stun gun at a bus stop on Monroe "
    "Street, her sister Odette said. Vantongeren was not charged."
)


def report(
    text: str,
    place: EventPlace = OHIO,
    day: date | None = date(2026, 5, 1),
    story_id: str = "x",
) -> Report:
    return Report(
        story_id=story_id,
        label="brutality",
        report=0.9,
        confidence=0.9,
        needs_review=False,
        force=("hard_hands",),
        fatal=False,
        title=None,
        description=text,
        day=day,
        place=place,
        names=frozenset(name_marks(text)),
    )


NIGHT = (
    "Officers fired tear gas at a march on the bridge, a recording shows.",
    "A cameraman was struck by a foam round outside the courthouse while he stood alone.",
    "Two women were shoved off a kerb with bicycles, and one broke her wrist.",
)


def chance(a: Report, b: Report) -> float:
    return probability(compare(a, b, Rarity({1: [a], 2: [b]})))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (report(PUNCHED), report(SUED, day=date(2026, 5, 3))),
        (report(PUNCHED), report(SUED, EventPlace(state="Ohio"))),
        (report(PUNCHED), report(PUNCHED.replace("outside a bar", "early Sunday"))),
    ],
)
def test_reports_of_one_event(a: Report, b: Report) -> None:
    assert chance(a, b) > 0.5
    assert chance(b, a) == pytest.approx(chance(a, b))
    assert choose_incident(b, {7: [a]}, Rarity({7: [a]})) == 7


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (report(PUNCHED), report(TASED, day=date(2026, 5, 10))),
        (report(PUNCHED), report(TASED, EventPlace(city="Akron", state="Ohio"))),
        (report(PUNCHED), report(TASED, EventPlace(), None)),
    ],
)
def test_reports_of_different_events(a: Report, b: Report) -> None:
    assert chance(a, b) < 0.5
    assert choose_incident(b, {7: [a]}, Rarity({7: [a]})) is None


@pytest.mark.parametrize(("one", "two"), [(0, 1), (1, 2), (0, 2)])
def test_notes_without_names_on_one_night_are_told_apart(one: int, two: int) -> None:
    a, b = report(NIGHT[one]), report(NIGHT[two])
    assert not a.names & b.names
    assert chance(a, b) < 0.2
    assert choose_incident(b, {7: [a]}, Rarity({7: [a]})) is None


def test_notes_without_names_are_one_event_by_their_words() -> None:
    again = report("Bicycles were used to shove women off the kerb; one has a broken wrist.")
    members = {n: [report(note)] for n, note in enumerate(NIGHT)}
    assert choose_incident(again, members, Rarity(members)) == 2


def test_a_report_whose_words_were_forgotten_is_known_by_its_names() -> None:
    """As of a withdrawn story."""
    blank = replace(report(PUNCHED), description="")
    assert chance(blank, report(SUED)) > 0.5
    assert chance(blank, report(TASED)) < 0.5


def test_other_kinds_of_force_speak_against_one_event() -> None:
    a, b = report(PUNCHED), report(SUED)
    dog = replace(b, force=("dog",))
    unknown = replace(b, force=())
    assert chance(a, dog) < chance(a, unknown) == chance(a, b)


def test_the_words_of_the_place_and_of_every_such_story_tell_nothing() -> None:
    a = report("Police in Toledo arrested a protester")
    b = report("Toledo officers said that the suspect was shot")
    assert compare(a, b, Rarity()).rare_words == 0.0


def test_other_states_and_other_years_are_never_one_event() -> None:
    here = report(PUNCHED)
    assert not may_match(here, report(PUNCHED, EventPlace(city="Toledo", state="Oregon")))
    late = date.fromordinal(date(2026, 5, 1).toordinal() + WINDOW_DAYS + 1)
    assert not may_match(here, report(PUNCHED, day=late))
    assert may_match(here, report(PUNCHED, EventPlace(), None))


def test_the_likelier_incident_is_chosen() -> None:
    punched, tased = report(PUNCHED), report(TASED, day=date(2026, 5, 8))
    late = report(SUED, day=date(2026, 5, 9))
    members = {1: [tased], 2: [punched]}
    rarity = Rarity(members)
    assert choose_incident(late, members, rarity) == 2
    assert choose_incident(late, {}, rarity) is None


def test_what_many_incidents_have_tells_less() -> None:
    case = [report("Then Darnell Whitlow spoke.")] * 50
    others = {n: [report("Then Agnes Oduya sang.")] for n in range(1, 50)}
    rarity = Rarity({0: case, **others})
    (known,) = {*name_marks("Whitlow")}
    (common,) = {*name_marks("Oduya")}
    assert rarity.of(known) == 1.0
    assert rarity.of(common) < 0.2
    (word,) = telling_words("spoke")
    assert rarity.of(word) == 1.0
    assert rarity.of("oduya") == rarity.of(common)
