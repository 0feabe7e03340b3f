"""`GET /reviews/next` and `POST /reviews`: what people should look at, and what they say.

A review is of a story's answer and is carried out on its incident (`collector.reviews`). The
model's own answer is never written over.
"""

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import Session

from collector import reviews
from collector.feed.query import outs
from collector.feed.rows import IncidentOut
from collector.reviews import Review, ReviewError, ReviewPlace, UnknownError
from collector.schema import IncidentRow, PredictionRow, ReviewRow, Status, StoryRow, Verdict
from collector.store import Store, now
from service.errors import ErrorType, ServiceError
from service.labels import FORCE_CODES, RELATIONS

Order = Literal["uncertain", "recent", "corroborated"]
_Words = Annotated[str, Field(max_length=200)]
# A probability at which the model knows nothing.
_TOSS_UP = 0.5


class PlaceIn(BaseModel):
    """The place that a reviewer says. What is left out is unknown."""

    model_config = ConfigDict(extra="forbid")

    city: _Words | None = None
    county: _Words | None = None
    state: _Words | None = None
    country: _Words | None = None
    lat: float | None = Field(default=None, ge=-90, le=90, allow_inf_nan=False)
    long: float | None = Field(default=None, ge=-180, le=180, allow_inf_nan=False)

    @model_validator(mode="after")
    def _is_a_point_or_none(self) -> "PlaceIn":
        if (self.lat is None) != (self.long is None):
            raise ValueError("lat and long come together")
        return self


class ReviewIn(BaseModel):
    """A reviewer's verdict. Only `correct` comes with corrections, and with at least one."""

    model_config = ConfigDict(extra="forbid")

    story_id: str = Field(
        max_length=64,
        description="of a story, or an incident_id, which is that of the story that opened it",
    )
    reviewer: str = Field(min_length=1, max_length=200)
    verdict: Verdict
    relation: str | None = Field(default=None, description=f"one of {', '.join(RELATIONS)}")
    force: list[str] | None = Field(default=None, description=f"of {', '.join(FORCE_CODES)}")
    fatal: bool | None = None
    place: PlaceIn | None = None
    note: str | None = Field(default=None, max_length=4000)
    key: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="the client's own, so that a review that is sent twice counts once",
    )

    def review(self) -> Review:
        """As the store takes it."""
        place = None if self.place is None else ReviewPlace(**self.place.model_dump())
        return Review(
            story_id=self.story_id,
            reviewer=self.reviewer,
            verdict=self.verdict,
            relation=self.relation,
            force=self.force,
            fatal=self.fatal,
            place=place,
            note=self.note,
            key=self.key,
        )


class ReviewOut(BaseModel):
    """A stored review, and the incident as it is now, where the story is in one."""

    review_id: int
    story_id: str
    verdict: Verdict
    incident: IncidentOut | None


class TaskOut(BaseModel):
    """A story to be reviewed: what it says, what the model answered, what it would change."""

    story_id: str
    url: str | None
    site: str | None
    title: str | None
    text: str | None = Field(description="null where texts are not kept")
    answer: dict[str, Any] = Field(description="the model's own, as POST /predict gives it")
    incident: IncidentOut | None


def add_reviews(app: FastAPI, store: Store) -> None:
    """Adds the routes."""

    @app.get("/reviews/next", response_model_exclude_unset=True)
    def review_next(
        order: Order = "uncertain", limit: Annotated[int, Query(ge=1, le=100)] = 1
    ) -> list[TaskOut]:
        """What to review next; an empty list when there is nothing.

        uncertain: stories nobody has judged, where the model knows least, report or not.
        recent, corroborated: pending incidents, the newest, or those most sites tell of.
        """
        with store.read() as session:
            return _tasks(session, order, limit)

    @app.post("/reviews", response_model_exclude_unset=True)
    def review(given: ReviewIn) -> ReviewOut:
        """Approve, reject or correct; a correction makes the incident public or takes it back."""
        try:
            with store.write() as session:
                number = reviews.add_review(session, given.review(), now())
                return _review_out(session, number)
        except ReviewError as error:
            raise ServiceError(ErrorType.INVALID_REQUEST, f"Not taken: {error}.") from error
        except UnknownError as error:
            raise ServiceError(ErrorType.NOT_FOUND, f"Not taken: {error}.") from error


def _tasks(session: Session, order: Order, limit: int) -> list[TaskOut]:
    found = session.execute(_queue(order).limit(limit)).all()
    shown = [incident for _, _, incident in found if incident is not None]
    rows = {row.incident_id: row for row in outs(session, shown)}
    return [
        TaskOut(
            story_id=story.id,
            url=story.canonical_url,
            site=story.site,
            title=story.title,
            text=story.text,
            answer=prediction.answer,
            incident=None if incident is None else rows[incident.key],
        )
        for story, prediction, incident in found
    ]


def _queue(order: Order) -> Select[StoryRow, PredictionRow, IncidentRow]:
    waiting = (
        select(StoryRow, PredictionRow, IncidentRow)
        .join(PredictionRow, PredictionRow.story_id == StoryRow.id)
        .outerjoin(IncidentRow, IncidentRow.id == StoryRow.incident_id)
        .where(PredictionRow.current, StoryRow.copy_of.is_(None))
        .where(~exists().where(ReviewRow.story_id == StoryRow.id))
    )
    if order == "uncertain":
        undecided = or_(IncidentRow.id.is_(None), IncidentRow.status == Status.PENDING)
        return waiting.where(undecided).order_by(*_least_certain())
    # An incident once: by the story that opened it.
    opened = waiting.where(IncidentRow.status == Status.PENDING, IncidentRow.key == StoryRow.id)
    if order == "recent":
        return opened.order_by(IncidentRow.created.desc(), IncidentRow.id.desc())
    best = (IncidentRow.sites.desc(), IncidentRow.stories.desc(), IncidentRow.confidence.desc())
    return opened.order_by(*best, IncidentRow.id)


def _least_certain() -> tuple[ColumnElement[Any], ...]:
    distance = func.abs(PredictionRow.report - _TOSS_UP)
    return PredictionRow.needs_review.desc(), distance, StoryRow.id.asc()


def _review_out(session: Session, number: int) -> ReviewOut:
    row = session.get_one(ReviewRow, number)
    incident = None
    story = session.get_one(StoryRow, row.story_id)
    if story.incident_id is not None:
        (incident,) = outs(session, [session.get_one(IncidentRow, story.incident_id)])
    return ReviewOut(
        review_id=row.id, story_id=row.story_id, verdict=row.verdict, incident=incident
    )
