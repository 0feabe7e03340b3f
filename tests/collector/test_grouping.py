"""Incidents and reviews in the store; on both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from collector import grouping, reviews, stories
from collector.reviews import Review, ReviewError, ReviewPlace, UnknownError
from collector.schema import IncidentRow, PredictionRow, ReviewRow, Status, StoryRow, Verdict
from collector.store import Store, now
from tests.collector.given import CLEVELAND, NOON, TOLEDO, TOLEDO_AGAIN, admit, answer, no_force


def _judged(session: Session, text: str, url: str, **fields: object) -> str:
    story = admit(session, text, url).story_id
    stories.record(session, story, answer(**fields), NOON)
    return story


def _incident(session: Session, story: str) -> IncidentRow:
    number = session.get_one(StoryRow, story).incident_id
    assert number is not None
    return session.get_one(IncidentRow, number)


def test_two_reports_of_one_event_are_one_incident(store: Store) -> None:
    with store.write() as session:
        first = _judged(session, TOLEDO, "https://a.org/1")
        second = _judged(session, TOLEDO_AGAIN, "https://b.org/2", incident_date="2026-05-02")
        other = _judged(
            session, CLEVELAND, "https://b.org/3", city="Cleveland", county="Cuyahoga County"
        )
        assert grouping.ungrouped(session, 10) == sorted([first, second, other])
        numbers = [grouping.group(session, story, NOON) for story in (first, second, other)]
        assert numbers[0] == numbers[1] != numbers[2]
        incident = _incident(session, first)
        assert (incident.key, incident.status, incident.stories) == (first, Status.PENDING, 2)
        assert str(incident.incident_date) == "2026-05-01"
        assert grouping.ungrouped(session, 10) == []


def test_grouping_again_changes_nothing(store: Store) -> None:
    with store.write() as session:
        story = _judged(session, TOLEDO, "https://a.org/1")
        first = grouping.group(session, story, NOON)
        revision = _incident(session, story).revision
        assert grouping.group(session, story, NOON) == first
        assert _incident(session, story).revision == revision
        assert session.scalar(select(func.count()).select_from(IncidentRow)) == 1


def test_copies_before_and_after_join_their_originals_incident(store: Store) -> None:
    with store.write() as session:
        story = _judged(session, TOLEDO, "https://a.org/1")
        admit(session, TOLEDO, "https://b.org/2")
        grouping.group(session, story, NOON)
        before = _incident(session, story).revision
        admit(session, TOLEDO, "https://c.org/3")
        incident = _incident(session, story)
        assert incident.stories == 3
        assert incident.revision > before


def test_every_change_has_a_higher_revision(store: Store) -> None:
    with store.write() as session:
        first = _judged(session, TOLEDO, "https://a.org/1")
        second = _judged(session, CLEVELAND, "https://b.org/3", city="Cleveland", county=None)
        grouping.group(session, first, NOON)
        grouping.group(session, second, NOON)
        assert _incident(session, second).revision > _incident(session, first).revision
        grouping.refresh(session, _incident(session, first).id, now())
        assert _incident(session, first).revision > _incident(session, second).revision


@pytest.mark.parametrize(
    ("verdict", "relation", "status"),
    [
        (Verdict.APPROVE, None, Status.APPROVED),
        (Verdict.REJECT, None, Status.REJECTED),
        (Verdict.CORRECT, "mention", Status.REJECTED),
        (Verdict.CORRECT, "report", Status.APPROVED),
    ],
)
def test_a_review_decides_what_is_public_and_leaves_the_answer(
    store: Store, verdict: Verdict, relation: str | None, status: Status
) -> None:
    with store.write() as session:
        story = _judged(session, TOLEDO, "https://a.org/1")
        grouping.group(session, story, NOON)
        reviews.add_review(session, Review(story, "ada", verdict, relation), NOON)
    with store.read() as session:
        assert _incident(session, story).status is status
        prediction = session.scalars(select(PredictionRow)).one()
        assert prediction.answer == answer().model_dump(mode="json")
        assert prediction.label == "brutality"


def test_corrections_stand_on_the_incident_and_outlast_new_stories(store: Store) -> None:
    place = ReviewPlace(city="Oregon", county="Lucas County", state="Ohio")
    with store.write() as session:
        story = _judged(session, TOLEDO, "https://a.org/1")
        grouping.group(session, story, NOON)
        correction = Review(story, "ada", Verdict.CORRECT, force=["electric"], place=place)
        reviews.add_review(session, correction, NOON)
        again = _judged(session, TOLEDO_AGAIN, "https://b.org/2")
        grouping.group(session, again, NOON)
        incident = _incident(session, story)
        assert (incident.city, incident.force_rank, incident.tags) == (
            "Oregon",
            "Rank 4",
            ["taser"],
        )
        assert (incident.stories, incident.corrected, incident.lat) == (2, True, None)
        assert session.get_one(StoryRow, story).incident_id == incident.id


def test_a_story_the_model_missed_becomes_an_incident_by_review(store: Store) -> None:
    with store.write() as session:
        story = admit(session, TOLEDO, "https://a.org/1").story_id
        stories.record(session, story, no_force(), NOON)
        assert grouping.ungrouped(session, 10) == []
        review = Review(story, "ada", Verdict.CORRECT, relation="report", force=["hard_hands"])
        reviews.add_review(session, review, NOON)
        incident = _incident(session, story)
        assert (incident.label, incident.status) == ("brutality", Status.APPROVED)
        assert incident.force_rank == "Rank 3"
        assert session.scalars(select(ReviewRow.incident_id)).one() == incident.id


def test_a_review_sent_twice_counts_once(store: Store) -> None:
    with store.write() as session:
        story = _judged(session, TOLEDO, "https://a.org/1")
        approve = Review(story, "ada", Verdict.APPROVE)
        reject = Review(story, "ada", Verdict.REJECT, key="k1")
        first = reviews.add_review(session, approve, NOON)
        assert reviews.add_review(session, approve, NOON + timedelta(seconds=1)) == first
        second = reviews.add_review(session, reject, NOON)
        third = reviews.add_review(session, approve, NOON)
        assert reviews.add_review(session, reject, NOON) == second
        assert len({first, second, third}) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        Review("x", "ada", Verdict.CORRECT),
        Review("x", "ada", Verdict.APPROVE, relation="report"),
        Review("x", "ada", Verdict.CORRECT, relation="brutality"),
        Review("x", "ada", Verdict.CORRECT, force=["laser"]),
        Review("x", "  ", Verdict.APPROVE),
    ],
)
def test_a_review_that_makes_no_sense_is_refused(store: Store, wrong: Review) -> None:
    with store.write() as session:
        story = _judged(session, TOLEDO, "https://a.org/1")
        with pytest.raises(ReviewError):
            reviews.add_review(session, replace(wrong, story_id=story), NOON)
        with pytest.raises(UnknownError):
            reviews.add_review(session, wrong, NOON)


def test_a_withdrawn_incident_stays_withdrawn(store: Store) -> None:
    with store.write() as session:
        story = _judged(session, TOLEDO, "https://a.org/1", evidence=[])
        grouping.group(session, story, NOON)
        reviews.withdraw(session, _incident(session, story).key, NOON)
    with store.write() as session:
        admit(session, TOLEDO, "https://b.org/2")  # a copy turns up
        again = _judged(session, TOLEDO_AGAIN, "https://c.org/3")  # and another report
        grouping.group(session, again, NOON)
        reviews.add_review(session, Review(story, "ada", Verdict.APPROVE), NOON)
        incident = _incident(session, story)
        assert incident.status is Status.WITHDRAWN
        assert incident.stories == 3
        assert session.get_one(StoryRow, story).text is None
        first = select(PredictionRow).where(PredictionRow.story_id == story)
        blank = session.scalars(first).one()
        assert (blank.title, blank.description, blank.answer) == (None, "", {})
        with pytest.raises(UnknownError):
            reviews.withdraw(session, "nothing", NOON)
