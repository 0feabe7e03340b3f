"""What several reports of one event say together."""

from dataclasses import replace
from datetime import date

import pytest

from collector.incidents import Correction, EventPlace, Report, summarise
from tests.collector.test_likeness import OHIO, report

ONE = replace(report("one"), title="one", report=0.7, confidence=0.7, needs_review=True)
TWO = replace(report("two"), title="two", report=0.95, confidence=0.95, day=date(2026, 5, 4))
NEGATIVE = replace(report("no"), label="none", report=0.01, force=(), day=date(2020, 1, 1))


def told(*reports: Report, **correction: object) -> dict[str, object]:
    summary = summarise(reports, Correction(**correction))  # type: ignore[arg-type]
    return {name: getattr(summary, name) for name in summary.__dataclass_fields__}


def test_the_surest_report_speaks_and_the_earliest_day_counts() -> None:
    summary = summarise([ONE, TWO, NEGATIVE])
    assert (summary.title, summary.confidence, summary.needs_review) == ("two", 0.95, False)
    assert summary.day == date(2026, 5, 1)
    assert (summary.label, summary.force_rank, summary.corrected) == ("brutality", "Rank 3", False)


def test_kinds_of_force_that_most_report() -> None:
    dog = replace(ONE, force=("hard_hands", "dog"))
    assert summarise([dog, dog, TWO]).force == ("hard_hands", "dog")
    assert summarise([dog, TWO, TWO]).force == ("hard_hands",)


@pytest.mark.parametrize(
    ("deaths", "fatal"), [((True, True, False), True), ((False, True), False), ((True,), True)]
)
def test_a_death_counts_when_most_report_it(deaths: tuple[bool, ...], fatal: bool) -> None:
    lead = replace(TWO, fatal=deaths[0])
    reports = [lead, *(replace(ONE, fatal=death) for death in deaths[1:])]
    summary = summarise(reports)
    assert summary.fatal is fatal
    assert summary.force_rank == ("Rank 5" if fatal else "Rank 3")


def test_a_city_is_taken_before_a_state_and_the_surest_of_cities() -> None:
    state = replace(TWO, place=EventPlace(state="Ohio", confidence=1.0))
    toledo = replace(ONE, place=replace(OHIO, confidence=0.6))
    akron = replace(ONE, place=EventPlace(city="Akron", state="Ohio", confidence=0.5))
    assert summarise([state, toledo, akron]).place.city == "Toledo"
    assert summarise([state, toledo, akron, akron]).place.city == "Akron"
    assert summarise([state]).place == state.place
    assert summarise([replace(ONE, place=EventPlace())]).place == EventPlace()


def test_no_report_left_is_no_incident_of_force() -> None:
    summary = summarise([NEGATIVE])
    assert (summary.label, summary.force_rank, summary.tags) == ("none", None, ())


def test_corrections_come_before_everything() -> None:
    place = EventPlace(city="Oregon", state="Ohio")
    corrected = told(ONE, TWO, force=("dog",), fatal=True, place=place)
    assert corrected["force"] == ("dog",)
    assert (corrected["force_rank"], corrected["tags"]) == ("Rank 5", ("police-dog", "fatal"))
    assert (corrected["place"], corrected["corrected"]) == (place, True)
    assert told(TWO, relation="none")["label"] == "none"
    assert told(NEGATIVE, relation="report")["label"] == "brutality"
