"""Stories and the model's answers about them: written once, never doubled."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from collector import grouping, queue
from collector.names import name_marks
from collector.schema import ID_CHARS, ItemRow, ItemState, PredictionRow, ShingleRow, StoryRow
from collector.store import insert_new
from service.fingerprint import fingerprint, same_story, sketch
from service.schemas import ModelOut, PredictionOut, iso_date
from service.story import Story

# As in service.copies, whose index in memory does not outlive a process.
_KEYS = 32  # smallest hashes by which an original is found
_POSTINGS = 50  # stories per hash: a phrase that more of them share tells nothing
_COMPARED = 20  # originals compared with a story


class Kind(StrEnum):
    """What a story turned out to be. Only a new one is judged."""

    NEW = "new"
    KNOWN = "known"
    COPY = "copy"


@dataclass(frozen=True, slots=True)
class Admission:
    """A story that is now in the store. `judged` is whether it needs no answer."""

    story_id: str
    kind: Kind

    @property
    def judged(self) -> bool:
        return self.kind is not Kind.NEW


def story_id(story: Story) -> str:
    """Its id in the store: the `incident_id` that the service answers about it."""
    source = story.canonical_url or story.url or story.text
    return sha256(source.encode()).hexdigest()[:ID_CHARS]


def admit(session: Session, item_id: int, story: Story, now: datetime) -> Admission:
    """Write the story of an item, or find that it is there or a near-copy of one that is.

    The story must have been through `addresses.addressed`. A new one leaves the item
    pending until `record`; with the other two the item is done.
    """
    name = story_id(story)
    if session.get(StoryRow, name) is not None:
        queue.finish(session, item_id, name, now)
        return Admission(name, Kind.KNOWN)
    mark = fingerprint(story.text)
    original = _original_of(session, mark)
    row = _story_row(name, story, mark, now)
    session.add(row)
    if original is None:
        session.flush()
        _index(session, name, mark)
        queue.attach(session, item_id, name)
        return Admission(name, Kind.NEW)
    row.copy_of = original.id
    row.incident_id = original.incident_id
    row.text = None  # the original's will do
    session.flush()
    queue.finish(session, item_id, name, now)
    if original.incident_id is not None:
        grouping.refresh(session, original.incident_id, now)
    return Admission(name, Kind.COPY)


def record(session: Session, story: str, out: PredictionOut, now: datetime) -> None:
    """Make an answer the current one of a story; the same model's is written once."""
    row = _prediction_row(story, out, now)
    mine = (
        PredictionRow.story_id == story,
        PredictionRow.model_name == out.model.name,
        PredictionRow.model_version == out.model.version,
    )
    of_story = update(PredictionRow).where(PredictionRow.story_id == story)
    session.execute(of_story.where(PredictionRow.current).values(current=False))
    insert_new(session, PredictionRow, [row], "story_id", "model_name", "model_version")
    session.execute(update(PredictionRow).where(*mine).values(current=True))


def text_of(session: Session, story: str) -> Story | None:
    """A stored story as the model reads it, or None where its text was dropped."""
    row = session.get_one(StoryRow, story)
    if row.text is None:
        return None
    return Story(
        text=row.text,
        title=row.title,
        date=row.date.isoformat() if row.date else None,
        url=row.canonical_url,
        canonical_url=row.canonical_url,
        site=row.site,
        language=row.language,
        wire=row.wire,
        partial_text=row.partial_text,
    )


def drop_text(session: Session, story: str) -> None:
    """Forget a story's text; its fingerprint still tells copies of it."""
    session.execute(update(StoryRow).where(StoryRow.id == story).values(text=None))


def drop_texts(session: Session, days: int, now: datetime) -> int:
    """Forget the texts of judged stories, and of dead letters, first seen more than `days` ago.

    How many. What is not judged yet keeps its text until it is.
    """
    before = now - timedelta(days=days)
    answered = exists().where(PredictionRow.story_id == StoryRow.id)
    dropped = session.execute(
        update(StoryRow)
        .where(StoryRow.text.is_not(None), StoryRow.first_seen < before)
        .where(answered)
        .values(text=None)
        .returning(StoryRow.id)
    )
    buried = session.execute(
        update(ItemRow)
        .where(ItemRow.text.is_not(None), ItemRow.first_seen < before)
        .where(ItemRow.state == ItemState.DEAD)
        .values(text=None)
        .returning(ItemRow.id)
    )
    return len(dropped.all()) + len(buried.all())


def to_rescore(session: Session, model: ModelOut, after: str, limit: int) -> list[str]:
    """Ids above `after` of stories with a text whose current answer is another model's."""
    answered = exists().where(
        PredictionRow.story_id == StoryRow.id,
        PredictionRow.current,
        PredictionRow.model_name == model.name,
        PredictionRow.model_version == model.version,
    )
    chosen = select(StoryRow.id).where(
        StoryRow.text.is_not(None), StoryRow.copy_of.is_(None), StoryRow.id > after, ~answered
    )
    return list(session.scalars(chosen.order_by(StoryRow.id).limit(limit)))


def _original_of(session: Session, mark: str) -> StoryRow | None:
    """The original that a fingerprint is a copy of: the one most like it, or None."""
    shared = func.count()
    likely = session.execute(
        select(ShingleRow.story_id)
        .where(ShingleRow.hash.in_(sketch(mark)))
        .group_by(ShingleRow.story_id)
        .order_by(shared.desc(), ShingleRow.story_id)
        .limit(_COMPARED)
    )
    for (name,) in likely:
        original = session.get_one(StoryRow, name)
        if same_story(mark, original.fingerprint):
            return original
    return None


def _index(session: Session, name: str, mark: str) -> None:
    keys = sketch(mark)[:_KEYS]
    common = session.scalars(
        select(ShingleRow.hash)
        .where(ShingleRow.hash.in_(keys))
        .group_by(ShingleRow.hash)
        .having(func.count() >= _POSTINGS)
    )
    rows = [{"hash": key, "story_id": name} for key in sorted({*keys} - {*common})]
    insert_new(session, ShingleRow, rows, "hash", "story_id")


def _story_row(name: str, story: Story, mark: str, now: datetime) -> StoryRow:
    day = iso_date(story.date)
    return StoryRow(
        id=name,
        canonical_url=story.canonical_url,
        text_hash=sha256(story.text.encode()).hexdigest(),
        fingerprint=mark,
        names=name_marks(story.text),
        title=story.title,
        date=date.fromisoformat(day) if day else None,
        site=story.site,
        language=story.language,
        wire=story.wire,
        partial_text=story.partial_text,
        text=story.text,
        first_seen=now,
    )


def _prediction_row(story: str, out: PredictionOut, now: datetime) -> dict[str, object]:
    return {
        "story_id": story,
        "model_name": out.model.name,
        "model_version": out.model.version,
        "current": True,
        "label": out.label,
        "confidence": out.confidence,
        "report": out.scores.report,
        "mention": out.scores.mention,
        "none": out.scores.none,
        "needs_review": out.needs_review,
        "force_rank": out.force_rank,
        "force": out.force,
        "fatal": out.fatal,
        "tags": out.tags,
        "title": out.title,
        "description": out.description,
        "incident_date": date.fromisoformat(out.incident_date) if out.incident_date else None,
        "city": out.city,
        "county": out.county,
        "state": out.state,
        "country": out.country,
        "lat": out.lat,
        "long": out.long,
        "place_confidence": out.place_confidence,
        "answer": out.model_dump(mode="json"),
        "created": now,
    }
