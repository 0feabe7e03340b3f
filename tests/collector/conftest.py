"""Stores on both databases, migrated and empty. A test that takes `store` runs on each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.migrate import migrate
from collector.settings import CollectorSettings
from collector.store import Store
from tests.collector.postgres import Server, find_programs, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One server for the whole run."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with running(programs) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """What DATABASE_URL would hold; an empty database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    server: Server = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An open store with its tables."""
    store = Store.open(CollectorSettings(database_url=database_url).database_url)
    migrate(store)
    yield store
    store.close()
