"""Reviewed stories as training wants them: one verdict per story, from all that was said of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session

from collector.schema import IncidentRow, PredictionRow, ReviewRow, StoryRow, Verdict
from service.labels import NEGATIVE_LABEL, POSITIVE_LABEL


@dataclass(frozen=True, slots=True)
class Said:
    """One review of a story, and what the model had answered when it was made."""

    verdict: Verdict
    relation: str | None = None
    force: tuple[str, ...] | None = None
    fatal: bool | None = None
    label: str = NEGATIVE_LABEL
    answered_force: tuple[str, ...] = ()
    answered_fatal: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """What a story is after all reviews. `relation` is None where only `label` is known."""

    label: str
    relation: str | None
    force: tuple[str, ...] | None
    fatal: bool | None


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What the model says of the story now: its version, probability and evidence spans."""

    version: str
    report: float
    relation: str
    force: tuple[str, ...]
    fatal: bool
    evidence: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ReviewedStory:
    """A story that people reviewed. `text` is None where it was dropped.

    `group` is alike for all stories about one event; near-copies are not among the stories,
    for their original stands for them.
    """

    id: str
    group: str
    title: str | None
    text: str | None
    outlet: str | None
    date: str | None
    settled: Settled
    reviewer: str
    reviewed: datetime
    note: str | None
    answer: ModelAnswer | None


def reviewed_stories(session: Session) -> Iterator[ReviewedStory]:
    """All reviewed stories, the first reviewed first."""
    answers = dict(_answers(session))
    found = session.execute(
        select(ReviewRow, PredictionRow, StoryRow, IncidentRow.key)
        .join(StoryRow, StoryRow.id == ReviewRow.story_id)
        .outerjoin(PredictionRow, PredictionRow.id == ReviewRow.prediction_id)
        .outerjoin(IncidentRow, IncidentRow.id == StoryRow.incident_id)
        .order_by(ReviewRow.story_id, ReviewRow.id)
    )
    stories = []
    for story_id, rows in groupby(found, key=lambda row: row[0].story_id):
        reviews = list(rows)
        last, _, story, incident = reviews[-1]
        settled = settle([_said(review, prediction) for review, prediction, _, _ in reviews])
        stories.append(
            ReviewedStory(
                id=story_id,
                group=incident or story_id,
                title=story.title,
                text=story.text,
                outlet=story.site,
                date=story.date.isoformat() if story.date else None,
                settled=settled,
                reviewer=last.reviewer,
                reviewed=last.created,
                note=last.note,
                answer=answers.get(story_id),
            )
        )
    yield from sorted(stories, key=lambda story: (story.reviewed, story.id))


def settle(said: Sequence[Said]) -> Settled:
    """The verdict on a story: of each thing the latest word. `said` is in order, at least one.

    Approving confirms what the model answered, as far as nobody corrected it. Rejecting says
    that it is no report, not whether it is `mention` or `none`.
    """
    corrected = Settled(NEGATIVE_LABEL, None, None, None)
    settled = corrected
    for word in said:
        match word.verdict:
            case Verdict.REJECT:
                settled = corrected = Settled(NEGATIVE_LABEL, None, None, None)
            case Verdict.APPROVE:
                settled = _confirmed(corrected, word)
            case Verdict.CORRECT:
                settled = corrected = _corrected(settled, corrected, word)
    return settled


def _corrected(settled: Settled, corrected: Settled, word: Said) -> Settled:
    relation = word.relation or settled.relation
    if relation is None:  # what else was corrected makes the incident public: it is a report
        relation = "report"
    if relation != "report":
        return Settled(NEGATIVE_LABEL, relation, None, None)
    force = corrected.force if word.force is None else word.force
    fatal = corrected.fatal if word.fatal is None else word.fatal
    return Settled(POSITIVE_LABEL, relation, force, fatal)


def _confirmed(corrected: Settled, word: Said) -> Settled:
    if corrected.relation is None and word.label != POSITIVE_LABEL:
        return corrected
    if corrected.relation not in (None, "report"):
        return corrected
    force = word.answered_force if corrected.force is None else corrected.force
    fatal = word.answered_fatal if corrected.fatal is None else corrected.fatal
    return replace(
        corrected, label=POSITIVE_LABEL, relation="report", force=force or None, fatal=fatal
    )


def _said(review: ReviewRow, prediction: PredictionRow | None) -> Said:
    force = None if review.force is None else tuple(review.force)
    said = Said(review.verdict, review.relation, force, review.fatal)
    if prediction is None:
        return said
    return replace(
        said,
        label=prediction.label,
        answered_force=tuple(prediction.force),
        answered_fatal=prediction.fatal,
    )


def _answers(session: Session) -> Iterator[tuple[str, ModelAnswer]]:
    reviewed = select(ReviewRow.story_id)
    current = select(PredictionRow).where(
        PredictionRow.current, PredictionRow.story_id.in_(reviewed)
    )
    for row in session.scalars(current):
        marks = row.answer.get("evidence", [])
        scores = {"report": row.report, "mention": row.mention, "none": row.none}
        yield (
            row.story_id,
            ModelAnswer(
                version=f"{row.model_name} {row.model_version}",
                report=row.report,
                relation=max(scores, key=lambda name: scores[name]),
                force=tuple(row.force),
                fatal=row.fatal,
                evidence=tuple((mark["start"], mark["end"]) for mark in marks),
            ),
        )
