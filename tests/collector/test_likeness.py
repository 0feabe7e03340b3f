"""Which reports are taken for one event: pairs a person would not doubt."""

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
from service.fingerprint import fingerprint

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
        description="",
        day=day,
        place=place,
        fingerprint=fingerprint(text),
        names=frozenset(name_marks(text)),
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


def test_a_name_that_many_incidents_have_tells_less() -> None:
    case = [report("Then Darnell Whitlow spoke.")] * 50
    others = {n: [report("Then Agnes Oduya spoke.")] for n in range(1, 50)}
    rarity = Rarity({0: case, **others})
    (known,) = {*name_marks("Whitlow")}
    (common,) = {*name_marks("Oduya")}
    assert rarity.of(known) == 1.0
    assert rarity.of(common) < 0.2
