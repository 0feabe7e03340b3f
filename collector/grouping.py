"""Incidents in the database: which one a story belongs to, and their summaries."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session, defer

from collector.incidents import Correction, EventPlace, Report, Summary, summarise
from collector.likeness import WINDOW_DAYS, Rarity, choose_incident
from collector.schema import IncidentRow, ItemRow, PredictionRow, ReviewRow, Status, StoryRow
from collector.store import next_revision
from service.labels import POSITIVE_LABEL


def ungrouped(session: Session, limit: int) -> list[str]:
    """Originals that report force and are in no incident yet, the oldest first."""
    chosen = (
        select(StoryRow.id)
        .join(PredictionRow, PredictionRow.story_id == StoryRow.id)
        .where(PredictionRow.current, PredictionRow.label == POSITIVE_LABEL)
        .where(StoryRow.incident_id.is_(None), StoryRow.copy_of.is_(None))
        .order_by(StoryRow.first_seen, StoryRow.id)
        .limit(limit)
    )
    return list(session.scalars(chosen))


def group(session: Session, story_id: str, now: datetime) -> int:
    """Put a judged original and its copies into an incident; its id. Inside `Store.write()`.

    A story that is in one stays there. A new incident is `pending`.
    """
    story = session.get_one(StoryRow, story_id)
    if story.incident_id is not None:
        return story.incident_id
    report = _reports(session, StoryRow.id == story_id)[0][1]
    others = _reports(session, *_near(report))
    members: dict[int, list[Report]] = {}
    for incident_id, other in others:
        members.setdefault(incident_id or 0, []).append(other)
    incident_id = choose_incident(report, members, Rarity(members))
    if incident_id is None:
        incident_id = _open(session, report, now)
    session.execute(
        update(StoryRow)
        .where(or_(StoryRow.id == story_id, StoryRow.copy_of == story_id))
        .values(incident_id=incident_id)
    )
    refresh(session, incident_id, now)
    return incident_id


def refresh(session: Session, incident_id: int, now: datetime) -> None:
    """Write an incident's summary anew from its stories and reviews, with a new revision."""
    incident = session.get_one(IncidentRow, incident_id)
    reports = [report for _, report in _reports(session, StoryRow.incident_id == incident_id)]
    _fill(incident, summarise(reports, _correction(session, incident_id)))
    counts = select(func.count(), func.count(StoryRow.site.distinct()))
    stories, sites = session.execute(counts.where(StoryRow.incident_id == incident_id)).one()
    incident.stories = stories
    incident.sites = sites
    if incident.status is Status.WITHDRAWN:
        _blank(session, incident)
    incident.updated = now
    incident.revision = next_revision(session)
    session.flush()


def _blank(session: Session, incident: IncidentRow) -> None:
    """Take away all words of a withdrawn incident; what tells that stories were seen stays."""
    incident.title = None
    incident.description = ""
    members = select(StoryRow.id).where(StoryRow.incident_id == incident.id)
    answers = update(PredictionRow).where(PredictionRow.story_id.in_(members))
    session.execute(answers.values(title=None, description="", answer={}))
    items = update(ItemRow).where(ItemRow.story_id.in_(members))
    session.execute(items.values(title=None, text=None))
    stories = update(StoryRow).where(StoryRow.incident_id == incident.id)
    session.execute(stories.values(title=None, text=None))


def _near(report: Report) -> Iterable[ColumnElement[bool]]:
    """Conditions on stories that may tell of the same event."""
    yield StoryRow.incident_id.is_not(None)
    yield StoryRow.id != report.story_id
    if report.place.state is not None:
        yield or_(PredictionRow.state == report.place.state, PredictionRow.state.is_(None))
    if report.day is not None:
        window = timedelta(days=WINDOW_DAYS)
        yield or_(
            PredictionRow.incident_date.is_(None),
            PredictionRow.incident_date.between(report.day - window, report.day + window),
        )


def _reports(session: Session, *chosen: ColumnElement[bool]) -> list[tuple[int | None, Report]]:
    """Originals with their incident, in the order in which they came."""
    rows = session.execute(
        select(StoryRow, PredictionRow)
        .join(PredictionRow, PredictionRow.story_id == StoryRow.id)
        .where(PredictionRow.current, StoryRow.copy_of.is_(None), *chosen)
        .order_by(StoryRow.first_seen, StoryRow.id)
        # A year's worth of a state's stories: nobody needs their texts here.
        .options(defer(StoryRow.text), defer(PredictionRow.answer))
    )
    return [(story.incident_id, _report(story, answer)) for story, answer in rows]


def _report(story: StoryRow, answer: PredictionRow) -> Report:
    return Report(
        story_id=story.id,
        label=answer.label,
        report=answer.report,
        confidence=answer.confidence,
        needs_review=answer.needs_review,
        force=tuple(answer.force),
        fatal=answer.fatal,
        title=answer.title,
        description=answer.description,
        day=answer.incident_date,
        place=EventPlace(
            answer.city,
            answer.county,
            answer.state,
            answer.country,
            answer.lat,
            answer.long,
            answer.place_confidence,
        ),
        names=frozenset(story.names),
        site=story.site,
    )


def _correction(session: Session, incident_id: int) -> Correction:
    """What reviews of the incident's stories have corrected, the latest word on each thing."""
    reviews: Sequence[ReviewRow] = session.scalars(
        select(ReviewRow)
        .join(StoryRow, StoryRow.id == ReviewRow.story_id)
        .where(StoryRow.incident_id == incident_id)
        .order_by(ReviewRow.id.desc())
    ).all()
    placed = next((review for review in reviews if review.place), None)
    forces = next((review.force for review in reviews if review.force is not None), None)
    return Correction(
        relation=next((r.relation for r in reviews if r.relation is not None), None),
        force=None if forces is None else tuple(forces),
        fatal=next((r.fatal for r in reviews if r.fatal is not None), None),
        place=None
        if placed is None
        else EventPlace(
            placed.city, placed.county, placed.state, placed.country, placed.lat, placed.long
        ),
    )


def _open(session: Session, report: Report, now: datetime) -> int:
    incident = IncidentRow(
        key=report.story_id,
        status=Status.PENDING,
        stories=1,
        sites=1,
        created=now,
        updated=now,
        revision=next_revision(session),
    )
    _fill(incident, summarise([report]))
    session.add(incident)
    session.flush()
    return incident.id


def _fill(incident: IncidentRow, summary: Summary) -> None:
    incident.label = summary.label
    incident.confidence = summary.confidence
    incident.needs_review = summary.needs_review
    incident.force_rank = summary.force_rank
    incident.force = list(summary.force)
    incident.fatal = summary.fatal
    incident.tags = list(summary.tags)
    incident.title = summary.title
    incident.description = summary.description
    incident.incident_date = summary.day
    incident.city = summary.place.city
    incident.county = summary.place.county
    incident.state = summary.place.state
    incident.country = summary.place.country
    incident.lat = summary.place.lat
    incident.long = summary.place.long
    incident.place_confidence = summary.place.confidence
    incident.corrected = summary.corrected
