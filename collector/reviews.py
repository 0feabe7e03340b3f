"""What people decide: reviews of answers, and incidents taken back. Predictions stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from collector import grouping
from collector.schema import (
    IncidentRow,
    PredictionRow,
    ReviewRow,
    Status,
    StoryRow,
    Verdict,
)
from service.labels import FORCE_CODES, RELATIONS

# What a reviewer may correct a story's relation to that makes it no report.
_NO_REPORT = ("mention", "none")


class ReviewError(Exception):
    """A review that cannot be taken, and why."""


class UnknownError(Exception):
    """There is no such story or incident."""


@dataclass(frozen=True, slots=True)
class ReviewPlace:
    """The place a reviewer says; what is unknown is None."""

    city: str | None = None
    county: str | None = None
    state: str | None = None
    country: str | None = None
    lat: float | None = None
    long: float | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """A reviewer's verdict on a story's answer; None where it corrects nothing.

    `relation` is the codebook's: a story is `brutality` when it is `report`. `key` is the
    caller's own, so that a request sent twice counts once.
    """

    story_id: str
    reviewer: str
    verdict: Verdict
    relation: str | None = None
    force: Sequence[str] | None = None
    fatal: bool | None = None
    place: ReviewPlace | None = None
    note: str | None = None
    key: str | None = None


def add_review(session: Session, review: Review, now: datetime) -> int:
    """Store a review and carry it out; its id. Call it inside `Store.write()`.

    approve: the incident becomes public as it is. reject: it does not. correct: the
    corrections stand on the incident, which becomes public if the story is a report.
    The same review twice (by `key`, or equal to the story's last) is one review.
    Raises UnknownError, ReviewError.
    """
    story = session.get(StoryRow, review.story_id)
    if story is None:
        raise UnknownError("there is no such story")
    story = session.get_one(StoryRow, story.copy_of) if story.copy_of else story
    _check(review)
    row = _row(session, story, review, now)
    earlier = _same(session, row)
    if earlier is not None:
        return earlier.id
    session.add(row)
    session.flush()
    _carry_out(session, story, row, now)
    return row.id


def withdraw(session: Session, key: str, now: datetime) -> None:
    """Take an incident back for good. Inside `Store.write()`. Raises UnknownError.

    Its stories keep only what tells that they were seen: URL and fingerprint. Copies
    and reports that are met later fall to the same incident, which stays withdrawn.
    """
    incident = session.scalar(select(IncidentRow).where(IncidentRow.key == key))
    if incident is None:
        raise UnknownError("there is no such incident")
    incident.status = Status.WITHDRAWN
    grouping.refresh(session, incident.id, now)
    told = select(StoryRow.id).where(StoryRow.incident_id == incident.id)
    notes = update(ReviewRow).where(ReviewRow.story_id.in_(told))
    session.execute(notes.values(note=None))


def first_approved(session: Session, day: date) -> frozenset[str]:
    """Keys of the incidents that a review made public for the first time on a day (UTC).

    Each is of one such day, whatever was said of it later.
    """
    approving = (
        ReviewRow.verdict != Verdict.REJECT,
        func.coalesce(ReviewRow.relation, "report").not_in(_NO_REPORT),
    )
    first = func.min(ReviewRow.created)
    start, end = (datetime.combine(day, at, UTC) for at in (time.min, time.max))
    chosen = (
        select(IncidentRow.key)
        .join(ReviewRow, ReviewRow.incident_id == IncidentRow.id)
        .where(*approving)
        .group_by(IncidentRow.key)
        .having(first.between(start, end))
    )
    return frozenset(session.scalars(chosen))


def _check(review: Review) -> None:
    if review.relation is not None and review.relation not in RELATIONS:
        raise ReviewError(f"relation must be one of {', '.join(RELATIONS)}")
    unknown = [code for code in review.force or () if code not in FORCE_CODES]
    if unknown:
        raise ReviewError(f"no kind of force: {', '.join(unknown)}")
    corrections = (review.relation, review.force, review.fatal, review.place)
    corrects = any(given is not None for given in corrections)
    if corrects != (review.verdict is Verdict.CORRECT):
        raise ReviewError("`correct`, and no other verdict, comes with corrections")
    if not review.reviewer.strip():
        raise ReviewError("a review needs its reviewer")


def _row(session: Session, story: StoryRow, review: Review, now: datetime) -> ReviewRow:
    place = review.place or ReviewPlace()
    current = select(PredictionRow.id).where(
        PredictionRow.story_id == story.id, PredictionRow.current
    )
    return ReviewRow(
        key=review.key,
        story_id=story.id,
        prediction_id=session.scalar(current),
        incident_id=story.incident_id,
        reviewer=review.reviewer,
        verdict=review.verdict,
        relation=review.relation,
        force=None if review.force is None else list(review.force),
        fatal=review.fatal,
        place=review.place is not None,
        city=place.city,
        county=place.county,
        state=place.state,
        country=place.country,
        lat=place.lat,
        long=place.long,
        note=review.note,
        created=now,
    )


_CONTENT = (
    "reviewer", "verdict", "relation", "force", "fatal", "place", "city", "county", "state",
    "country", "lat", "long", "note", "prediction_id",
)  # fmt: skip


def _same(session: Session, row: ReviewRow) -> ReviewRow | None:
    """The stored review that this one repeats."""
    if row.key is not None:
        return session.scalar(select(ReviewRow).where(ReviewRow.key == row.key))
    of_story = select(ReviewRow).where(ReviewRow.story_id == row.story_id)
    last = session.scalar(of_story.order_by(ReviewRow.id.desc()).limit(1))
    if last is not None and all(getattr(last, f) == getattr(row, f) for f in _CONTENT):
        return last
    return None


def _carry_out(session: Session, story: StoryRow, review: ReviewRow, now: datetime) -> None:
    if review.relation == "report" and story.incident_id is None:
        grouping.group(session, story.id, now)
        session.flush()
        review.incident_id = story.incident_id
    if story.incident_id is None:
        return
    incident = session.get_one(IncidentRow, story.incident_id)
    if incident.status is Status.WITHDRAWN:
        review.note = None
    else:
        incident.status = _status(review)
    grouping.refresh(session, incident.id, now)


def _status(review: ReviewRow) -> Status:
    refused = review.verdict is Verdict.REJECT or review.relation in _NO_REPORT
    return Status.REJECTED if refused else Status.APPROVED
