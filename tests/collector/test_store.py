"""The database under the store: tables, transactions, locks, odd values; on both databases."""

import threading
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import func, select
from sqlalchemy.exc import StatementError

from collector import queue
from collector.migrate import SchemaError, check_schema, migrate
from collector.schema import Base, ItemRow, SourceRow
from collector.source import Item, Listing, SourceState
from collector.store import Store, StoreBusyError, now

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_migrations_make_the_tables_of_the_schema(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_again_changes_nothing(store: Store) -> None:
    assert migrate(store) == migrate(store)
    check_schema(store)


def test_a_database_without_tables_is_named(database_url: str) -> None:
    store = Store.open(database_url.replace("postgres://", "postgresql+psycopg://"))
    with pytest.raises(SchemaError, match="collector migrate"):
        check_schema(store)
    store.close()


def test_a_write_that_fails_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.write() as session:
        queue.add_source(session, "a", "drop", NOON)
        session.flush()
        raise ZeroDivisionError
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(SourceRow)) == 0


def test_writers_take_turns(store: Store) -> None:
    """Each reads, then writes what it read plus one: without turns some would be lost."""
    with store.write() as session:
        queue.add_source(session, "a", "drop", NOON)

    def count() -> None:
        for _ in range(10):
            with store.write() as session:
                source = session.scalars(select(SourceRow)).one()
                source.failures += 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as session:
        assert queue.failures(session, "a") == 40


def test_only_one_collector_holds_a_store(store: Store) -> None:
    other = Store(store.engine)
    with store.hold(), pytest.raises(StoreBusyError), other.hold():
        pass
    with other.hold():
        pass


def test_times_come_back_with_their_zone(store: Store) -> None:
    with store.write() as session:
        queue.add_source(session, "a", "drop", NOON)
    with store.read() as session:
        assert queue.due_at(session, "a") == NOON
    with pytest.raises(StatementError, match="without a zone"), store.write() as session:
        queue.add_source(session, "b", "drop", NOON.replace(tzinfo=None))


def test_text_no_database_takes_is_kept_at_its_length(store: Store) -> None:
    item = Item(key="k" * 5000, title="a\x00b", text="half \ud83d pair", date="x" * 500)
    with store.write() as session:
        queue.add_source(session, "a", "drop", NOON)
        assert queue.store_listing(session, "a", Listing((item, item), SourceState()), NOON, NOON)
    with store.read() as session:
        row = session.scalars(select(ItemRow)).one()
    assert (row.title, row.text) == ("a\ufffdb", "half \ufffd pair")


def test_now_is_utc() -> None:
    assert now().tzinfo is UTC
