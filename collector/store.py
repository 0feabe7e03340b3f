"""The database: how it is opened, read and written.

    store = Store.open(settings.database_url)
    with store.read() as session: ...       many at once; sees only what is committed
    with store.write() as session: ...      one at a time over all processes; commits at the end

The other modules of this package are functions that take such a session, so a caller
puts together what has to happen in one transaction.
"""

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from collector.schema import Base, IncidentRow

Row = TypeVar("Row", bound=Base)

# Keys of PostgreSQL's advisory locks; any numbers, as long as nobody else's.
_WRITER_LOCK = 0x42574C31
_COLLECTOR_LOCK = 0x42574C32
_BUSY_MS = 60_000


class StoreBusyError(Exception):
    """Another collector works on this store."""


class Store:
    """One database. Threads may share it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._immediate = engine.execution_options(immediate=True)

    @classmethod
    def open(cls, url: str) -> "Store":
        """The store at a URL as CollectorSettings spells it. Connects when first used."""
        if make_url(url).get_backend_name() == "sqlite":
            engine = create_engine(url)
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            # Heroku cuts idle connections; a pool that does not look first hands out dead ones.
            engine = create_engine(url, pool_pre_ping=True, pool_size=3, max_overflow=5)
        return cls(engine)

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session to look; nothing it does is kept, and what it found may be used after it."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction in which no other writer is under way. Commits unless it raises."""
        engine = self._immediate if self.is_sqlite else self.engine
        with Session(engine, expire_on_commit=False) as session, session.begin():
            if not self.is_sqlite:
                session.execute(select(func.pg_advisory_xact_lock(_WRITER_LOCK)))
            yield session

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Be the one collector of this store while inside. Raises StoreBusyError.

        The lock goes with the process, however that ends. Two collectors would double
        nothing, but fetch and judge everything twice.
        """
        with self._hold_file() if self.is_sqlite else self._hold_advisory():
            yield

    @contextmanager
    def _hold_file(self) -> Iterator[None]:
        database = self.engine.url.database
        if database in (None, "", ":memory:"):
            yield
            return
        with Path(f"{database}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreBusyError("another collector works on this store") from None
            yield

    @contextmanager
    def _hold_advisory(self) -> Iterator[None]:
        # Autocommit: a transaction left open for days would keep PostgreSQL from cleaning up.
        engine = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            if not connection.scalar(select(func.pg_try_advisory_lock(_COLLECTOR_LOCK))):
                raise StoreBusyError("another collector works on this store")
            try:
                yield
            finally:
                connection.execute(select(func.pg_advisory_unlock(_COLLECTOR_LOCK)))


def now() -> datetime:
    """The time, as the tables want it."""
    return datetime.now(UTC)


def next_revision(session: Session) -> int:
    """A revision above every other. Only inside `Store.write()`, flushed before the next."""
    return 1 + (session.scalar(select(func.max(IncidentRow.revision))) or 0)


def insert_new(
    session: Session, table: type[Row], rows: Sequence[dict[str, Any]], *unique: str
) -> int:
    """Insert the rows whose `unique` columns are not there yet; how many that were."""
    if not rows:
        return 0
    insert: Callable[..., Any] = sqlite.insert
    if session.get_bind().dialect.name == "postgresql":
        insert = postgresql.insert
    statement = insert(table).on_conflict_do_nothing(index_elements=list(unique))
    returning = statement.returning(getattr(table, unique[0]))
    return sum(len(session.execute(returning.values(row)).all()) for row in rows)


def _set_up_sqlite(connection: Any, entry: ConnectionPoolEntry) -> None:
    # None: the driver must not begin transactions by itself; _begin_sqlite does.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    # Readers do not wait for the writer, and a killed process leaves no half-written page.
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.execute(text("BEGIN IMMEDIATE" if immediate else "BEGIN"))
