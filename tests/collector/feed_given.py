"""Incidents for tests of what leaves the store: told by stories, decided by reviews."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from collector import grouping, reviews, stories
from collector.feed.app import create_feed
from collector.feed.changes import Changes
from collector.reviews import Review
from collector.schema import IncidentRow, StoryRow, Verdict
from collector.store import Store
from service.metrics import Metrics
from service.settings import Settings
from tests.collector.given import NOON, admit, answer

PLACES: dict[str, dict[str, Any]] = {
    "Ohio": {"city": "Toledo", "county": "Lucas County", "lat": 41.66, "long": -83.56},
    "Alaska": {"city": "Anchorage", "county": None, "lat": 61.2181, "long": -149.9003},
    "Guam": {"city": "Dededo", "county": None, "lat": 13.52, "long": 144.84},
}


def tell(session: Session, number: int, state: str = "Ohio", **fields: Any) -> str:
    """A story about an event of its own, judged and grouped; its id, which is the incident's."""
    words = " ".join(f"word{number}x{i}" for i in range(30))
    letter = chr(ord("a") + number)
    names = " and ".join(f"{first}{letter * 4}" for first in ("Bo", "Cy", "Di", "Ed", "Fy", "Gu"))
    text = f"He was struck with a baton, says report {number} of {names}. {words}"
    story = admit(session, text, f"https://site{number}.org/{number}", site=f"site{number}.org")
    given = {"state": state, **PLACES.get(state, {}), "title": f"Man struck {number}"}
    given |= {"incident_date": f"2026-{1 + number % 12:02}-{1 + number % 28:02}"}
    stories.record(session, story.story_id, answer(**{**given, **fields}), NOON)
    grouping.group(session, story.story_id, NOON)
    return story.story_id


def approve(session: Session, *names: str) -> None:
    """Make incidents public."""
    for name in names:
        reviews.add_review(session, Review(name, "ada", Verdict.APPROVE), NOON)


def reject(session: Session, name: str) -> None:
    """Take an incident back."""
    reviews.add_review(session, Review(name, "ada", Verdict.REJECT), NOON)


def revision(session: Session, name: str) -> int:
    """That of the incident of a story."""
    story = session.get_one(StoryRow, name)
    assert story.incident_id is not None
    return session.get_one(IncidentRow, story.incident_id).revision


@contextmanager
def feed(store: Store, **settings: Any) -> Iterator[TestClient]:
    """A client of the feed over a store."""
    app = create_feed(Settings(**settings), store, Changes(store), Metrics())
    with TestClient(app) as client:
        yield client
