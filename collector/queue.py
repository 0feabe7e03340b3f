"""Sources and their items: what is due, what is pending, what failed and why."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from collector.schema import ItemRow, ItemState, SourceRow
from collector.source import BrokenItem, Item, Listing, SourceState
from collector.store import insert_new

_MAX_KEY = 500  # characters
_MAX_WORD = 40


@dataclass(frozen=True, slots=True)
class Pending:
    """An item to be read, or, with `story_id`, one whose story only wants judging."""

    id: int
    source: str
    url: str | None
    title: str | None
    text: str | None
    date: str | None
    reference: str | None
    attempts: int
    story_id: str | None


def add_source(session: Session, name: str, kind: str, now: datetime) -> None:
    """Make sure that a source is known; a new one is due at once."""
    row = {"name": name, "kind": kind, "next_due": now, "failures": 0}
    insert_new(session, SourceRow, [row], "name")
    session.execute(update(SourceRow).where(SourceRow.name == name).values(kind=kind))


def due_at(session: Session, name: str) -> datetime:
    """When a known source is to be listed next."""
    return session.execute(select(SourceRow.next_due).where(SourceRow.name == name)).scalar_one()


def state_of(session: Session, name: str) -> SourceState:
    """How far a known source has been read."""
    row = _source(session, name)
    return SourceState(row.cursor, row.etag, row.last_modified)


def store_listing(
    session: Session, name: str, listing: Listing, next_due: datetime, now: datetime
) -> int:
    """Store what a source listed and its new state together; how many items were new."""
    source = _source(session, name)
    rows = [_item_row(source.id, item, now) for item in listing.items]
    new = insert_new(session, ItemRow, rows, "source_id", "key")
    source.cursor = listing.state.cursor
    source.etag = listing.state.etag
    source.last_modified = listing.state.last_modified
    source.failures = 0
    source.last_error = None
    source.next_due = next_due
    return new


def source_failed(session: Session, name: str, error: str, next_due: datetime) -> None:
    """Note that a source could not be listed; its state stays."""
    source = _source(session, name)
    source.failures += 1
    source.last_error = error
    source.next_due = next_due


def failures(session: Session, name: str) -> int:
    """How often in a row a known source could not be listed."""
    return _source(session, name).failures


def pending(session: Session, now: datetime, limit: int) -> list[Pending]:
    """Items that are due, the longest waiting first."""
    rows = session.execute(
        select(ItemRow, SourceRow.name)
        .join(SourceRow, SourceRow.id == ItemRow.source_id)
        .where(ItemRow.state == ItemState.PENDING, ItemRow.due <= now)
        .order_by(ItemRow.due, ItemRow.id)
        .limit(limit)
    )
    return [
        Pending(
            id=item.id,
            source=name,
            url=item.url,
            title=item.title,
            text=item.text,
            date=item.date,
            reference=item.reference,
            attempts=item.attempts,
            story_id=item.story_id,
        )
        for item, name in rows
    ]


def next_item_due(session: Session) -> datetime | None:
    """When the next pending item is due, or None where none is pending."""
    return session.scalar(select(func.min(ItemRow.due)).where(ItemRow.state == ItemState.PENDING))


def retry(session: Session, item_id: int, due: datetime, error_type: str, error: str) -> None:
    """Put an item off until `due`, with the reason."""
    item = _item(session, item_id)
    item.attempts += 1
    item.due = due
    item.error_type = error_type
    item.error = error


def bury(session: Session, item_id: int, error_type: str, error: str, now: datetime) -> None:
    """Make an item a dead letter. Its text stays, so that `revive` can try it again."""
    item = _item(session, item_id)
    item.attempts += 1
    item.state = ItemState.DEAD
    item.error_type = error_type
    item.error = error
    item.settled = now


def revive(session: Session, error_type: str | None, now: datetime) -> int:
    """Make dead letters (of one reason) pending again, where there is something to read."""
    chosen = update(ItemRow).where(
        ItemRow.state == ItemState.DEAD, (ItemRow.url.is_not(None)) | (ItemRow.text.is_not(None))
    )
    if error_type is not None:
        chosen = chosen.where(ItemRow.error_type == error_type)
    values = {"state": ItemState.PENDING, "due": now, "attempts": 0, "settled": None}
    revived = session.execute(chosen.values(values).returning(ItemRow.id)).all()
    return len(revived)


def attach(session: Session, item_id: int, story_id: str) -> None:
    """An item's story is stored and is now to be judged."""
    item = _item(session, item_id)
    item.story_id = story_id
    item.text = None


def finish(session: Session, item_id: int, story_id: str, now: datetime) -> None:
    """An item has become (more provenance of) a story, and needs nothing more."""
    item = _item(session, item_id)
    item.story_id = story_id
    item.state = ItemState.DONE
    item.text = None
    item.error_type = None
    item.error = None
    item.settled = now


def _source(session: Session, name: str) -> SourceRow:
    return session.execute(select(SourceRow).where(SourceRow.name == name)).scalar_one()


def _item(session: Session, item_id: int) -> ItemRow:
    return session.get_one(ItemRow, item_id)


def _short(key: str) -> str:
    """A key that a database can index."""
    return key if len(key) <= _MAX_KEY else sha256(key.encode(errors="replace")).hexdigest()


def _item_row(source_id: int, item: Item | BrokenItem, now: datetime) -> dict[str, object]:
    row: dict[str, object] = {
        "source_id": source_id,
        "key": _short(item.key),
        "reference": item.reference,
        "attempts": 0,
        "due": now,
        "first_seen": now,
    }
    if isinstance(item, BrokenItem):
        broken = {"error_type": item.error_type[:_MAX_WORD], "error": item.error, "settled": now}
        return row | broken | {"state": ItemState.DEAD}
    given = {"url": item.url, "title": item.title, "text": item.text}
    given["date"] = item.date and item.date[:_MAX_WORD]
    return row | given | {"state": ItemState.PENDING}
