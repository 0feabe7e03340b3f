"""Sources and items: listed once, tried again, buried and revived; on both databases."""

from datetime import timedelta

from sqlalchemy import select

from collector import queue
from collector.schema import ItemRow, ItemState
from collector.source import BrokenItem, Item, Listing, SourceState
from collector.store import Store
from tests.collector.given import NOON, TOLEDO, list_items

HOUR = timedelta(hours=1)


def test_a_listing_is_stored_with_its_state_and_only_once(store: Store) -> None:
    state = SourceState(cursor='{"page": 2}', etag='"x"', last_modified="Fri")
    listing = Listing((Item("a", url="https://a.org/1"), Item("b", text=TOLEDO)), state)
    with store.write() as session:
        queue.add_source(session, "feed", "rss", NOON)
        assert queue.store_listing(session, "feed", listing, NOON + HOUR, NOON) == 2
        assert queue.store_listing(session, "feed", listing, NOON + HOUR, NOON) == 0
        queue.add_source(session, "feed", "rss", NOON)  # known: neither reset nor doubled
    with store.read() as session:
        assert queue.state_of(session, "feed") == state
        assert queue.due_at(session, "feed") == NOON + HOUR
        assert [item.url for item in queue.pending(session, NOON, 10)] == ["https://a.org/1", None]


def test_two_sources_may_use_the_same_key(store: Store) -> None:
    with store.write() as session:
        first = list_items(session, Item("1", text=TOLEDO), source="a")
        queue.add_source(session, "b", "rss", NOON)
        listing = Listing((Item("1", text=TOLEDO),), SourceState())
        assert queue.store_listing(session, "b", listing, NOON, NOON) == 1
        assert len(first) == 1


def test_a_broken_item_is_a_dead_letter_from_the_start(store: Store) -> None:
    broken = BrokenItem("f:7", "invalid_row", "not JSON", "f.jsonl:7")
    with store.write() as session:
        queue.add_source(session, "feed", "drop", NOON)
        queue.store_listing(session, "feed", Listing((broken,), SourceState()), NOON, NOON)
        row = session.scalars(select(ItemRow)).one()
        assert (row.state, row.error_type, row.error) == (
            ItemState.DEAD,
            "invalid_row",
            "not JSON",
        )
        assert row.reference == "f.jsonl:7"
        assert queue.revive(session, None, NOON) == 0  # there is nothing to read


def test_a_failed_source_keeps_its_state(store: Store) -> None:
    with store.write() as session:
        list_items(session, Item("a", text=TOLEDO))
        queue.source_failed(session, "feed", "no answer", NOON + HOUR)
        queue.source_failed(session, "feed", "no answer", NOON + HOUR)
        assert queue.failures(session, "feed") == 2
        assert queue.due_at(session, "feed") == NOON + HOUR
        queue.store_listing(session, "feed", Listing((), SourceState()), NOON, NOON)
        assert queue.failures(session, "feed") == 0


def test_a_failed_item_waits_then_dies_and_can_be_revived(store: Store) -> None:
    with store.write() as session:
        (item,) = list_items(session, Item("a", url="https://a.org/1"))
        queue.retry(session, item, NOON + HOUR, "fetch_timeout", "too slow")
    with store.read() as session:
        assert queue.pending(session, NOON, 10) == []
        assert queue.next_item_due(session) == NOON + HOUR
        (waiting,) = queue.pending(session, NOON + HOUR, 10)
        assert waiting.attempts == 1
    with store.write() as session:
        queue.bury(session, item, "fetch_timeout", "too slow", NOON)
        assert queue.next_item_due(session) is None
        assert queue.revive(session, "paywalled", NOON) == 0
        assert queue.revive(session, "fetch_timeout", NOON) == 1
        assert [i.attempts for i in queue.pending(session, NOON, 10)] == [0]
