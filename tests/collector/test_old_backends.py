"""The two oldest back ends fetch over real HTTP and fill PostgreSQL databases of their own.

Their own code is JavaScript that is not kept here: what it asks, parses and inserts is replayed
as CONTRACT.md tells of it (`old_backends.py`).
"""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
import requests

from collector.migrate import migrate
from collector.store import Store
from tests.collector.feed_given import approve, reject, tell
from tests.collector.old_backends import TABLES_C, TABLES_D, fill_c, fill_d
from tests.collector.postgres import Server
from tests.test_server import free_port, running

LONG = "Deputies in Anchorage fired a Taser at a man outside the museum. " * 20


@contextmanager
def feed_of(folder: Path) -> Iterator[str]:
    """The address of a feed with incidents that are hard to store."""
    file = folder / "store.db"
    store = Store.open(f"sqlite:///{file}")
    migrate(store)
    with store.write() as session:
        names = [
            tell(session, 0),
            tell(session, 1, "Alaska", title=LONG, description="x" * 500),
            tell(session, 2, "Guam", force=["dog", "firearm"], fatal=True),
            tell(session, 3, city=None),
            tell(session, 4, incident_date=None),
            tell(session, 5, lat=None, long=None),
        ]
        approve(session, *names)
    store.close()
    command = ("-m", "tests.collector.feed_server", str(file))
    with running(*command, port=free_port()) as (url, _):
        yield url


def fetched(url: str) -> str:
    """As axios fetches: redirects are followed, tokens are sent raw."""
    headers = {"Authorization": "a-token", "Accept": "application/json"}
    answer = requests.get(url, headers=headers, timeout=60)
    assert answer.status_code == 200
    return answer.text


def count(connection: psycopg.Connection, table: str) -> int:
    (number,) = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() or (0,)
    return int(number)


def test_both_fill_their_own_postgresql(postgres: Server, tmp_path: Path) -> None:
    with feed_of(tmp_path) as url:
        with closing(postgres.connect_new()) as d:
            d.execute(TABLES_D)
            fill_d(d, fetched(f"{url}/getdata"))
            assert (count(d, "incidents"), count(d, "sources")) == (4, 4)
            unnamed = d.execute("SELECT state FROM incidents WHERE city IS NULL").fetchall()
            assert unnamed == [("Ohio",)]
            place = d.execute("SELECT lat, long FROM incidents WHERE state = 'Alaska'").fetchone()
            assert place == pytest.approx((61.2181, -149.9003), abs=1e-3)
            with pytest.raises(psycopg.errors.UniqueViolation):  # it cannot be filled twice
                fill_d(d, fetched(f"{url}/getdata"))
            assert count(d, "incidents") == 4
        with closing(postgres.connect_new()) as c:
            c.execute(TABLES_C)
            fill_c(c, fetched(f"{url}/getdata/"))
            flags = "less_lethal_methods, lethal_force, uncategorized"
            told = c.execute(f"SELECT {flags} FROM incidents WHERE state = 'Guam'".encode())
            assert told.fetchone() == (True, True, False)
            assert count(c, "incidents") == 3


def add_one_before(folder: Path, known: list[str]) -> None:
    """A new incident to a store whose known ones then change, so that it is listed first."""
    with closing(Store.open(f"sqlite:///{folder / 'store.db'}")) as store, store.write() as session:
        approve(session, tell(session, 6))
        for name in known:
            reject(session, name)
            approve(session, name)


def test_28_c_stores_a_new_row_only_after_it_was_emptied(postgres: Server, tmp_path: Path) -> None:
    with feed_of(tmp_path) as url, closing(postgres.connect_new()) as c:
        c.execute(TABLES_C)
        first = fetched(f"{url}/getdata/")
        fill_c(c, first)
        add_one_before(tmp_path, [row["case_id"] for row in json.loads(first)])
        second = fetched(f"{url}/getdata/")
        with pytest.raises(psycopg.errors.UniqueViolation):
            fill_c(c, second)
        assert count(c, "incidents") == 3
        c.execute("DELETE FROM incidents")  # as `DELETE /incidents/cleardb` does
        fill_c(c, second)
        assert count(c, "incidents") == 4
