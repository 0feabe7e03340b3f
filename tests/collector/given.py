"""Stories and answers for tests of the store: plain data, no model."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from collector import queue, stories
from collector.addresses import addressed
from collector.schema import ItemRow
from collector.source import Item, Listing, SourceState
from collector.stories import Admission
from service.schemas import ModelOut, PredictionOut
from service.story import Story

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
MODEL = ModelOut(name="m", version="1")

TOLEDO = (
    "TOLEDO, Ohio — A sheriff's deputy punched a handcuffed man outside a bar early Sunday, "
    "video released Tuesday shows. Darnell Whitlow was treated for a broken jaw. The sheriff "
    "placed the deputy on paid leave while prosecutors review the recording."
)
# Another paper's own words on the same evening.
TOLEDO_AGAIN = (
    "A Lucas County deputy is on leave after a recording surfaced in which he strikes Darnell "
    "Whitlow, who had his hands cuffed behind his back. Whitlow, of Toledo, had his jaw wired."
)
BOISE = (
    "BOISE, Idaho — Firefighters spent most of Saturday on a grass fire above the reservoir. "
    "Nobody was hurt, and the road to the dam was open again by evening, said Petra Lindholm."
)
CLEVELAND = (
    "A Cleveland officer fired pepper balls at Marisol Quenton as she filmed an arrest from "
    "her porch, a complaint filed by her lawyer says. Quenton was treated for burns."
)


def list_items(session: Session, *items: Item, source: str = "feed") -> list[int]:
    """List items of a source; the ids of their rows."""
    queue.add_source(session, source, "drop", NOON)
    queue.store_listing(session, source, Listing(items, SourceState()), NOON, NOON)
    keys = [item.key for item in items]
    rows = session.scalars(select(ItemRow).where(ItemRow.key.in_(keys)))
    ids = {row.key: row.id for row in rows}
    return [ids[key] for key in keys]


def admit(session: Session, text: str, url: str | None = None, **fields: Any) -> Admission:
    """Take a story in as an item of its own."""
    source = fields.pop("source", "feed")
    (item,) = list_items(session, Item(key=url or text[:80], url=url, text=text), source=source)
    story = addressed(Story(text=text, url=url, **fields))
    return stories.admit(session, item, story, NOON)


def answer(**fields: Any) -> PredictionOut:
    """A model's answer that a deputy in Toledo punched a man, with other `fields`."""
    given: dict[str, Any] = {
        "label": "brutality",
        "confidence": 0.9,
        "scores": {"report": 0.9, "mention": 0.05, "none": 0.05},
        "needs_review": False,
        "force_rank": "Rank 3",
        "force": ["hard_hands"],
        "fatal": False,
        "title": "Deputy punched man",
        "description": "A deputy punched a man.",
        "incident_date": "2026-05-01",
        "city": "Toledo",
        "county": "Lucas County",
        "state": "Ohio",
        "country": "United States",
        "lat": 41.66,
        "long": -83.56,
        "place_confidence": 0.9,
        "locations": [],
        "evidence": [],
        "tags": ["strike-takedown"],
        "src": [],
        "status": "pending",
        "incident_id": "0" * 32,
        "article": {
            "url": None,
            "canonical_url": None,
            "site": None,
            "authors": [],
            "language": "en",
            "wire": None,
            "page_type": "article",
            "partial_text": False,
            "fingerprint": "",
            "words": 40,
            "windows": 1,
        },
        "warnings": [],
        "model": MODEL.model_dump(),
    }
    return PredictionOut.model_validate(given | fields)


def no_force(**fields: Any) -> PredictionOut:
    """A model's answer that a story reports no force."""
    empty: dict[str, Any] = {"force_rank": None, "force": [], "tags": []}
    scores = {"report": 0.1, "mention": 0.1, "none": 0.8}
    return answer(label="none", scores=scores, **empty, **fields)
