"""The live stream over real HTTP: changes, resuming, and an end when the server stops."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from collector import reviews
from collector.migrate import migrate
from collector.store import Store
from tests.collector.feed_given import approve, reject, revision, tell
from tests.collector.given import NOON
from tests.test_server import free_port, running


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("feed") / "store.db"


@pytest.fixture(scope="module")
def store(file: Path) -> Iterator[Store]:
    """One on SQLite, which a server process of its own reads."""
    store = Store.open(f"sqlite:///{file}")
    migrate(store)
    yield store
    store.close()


@pytest.fixture(scope="module")
def server(file: Path, store: Store) -> Iterator[str]:
    with serving(file) as (url, _):
        yield url


@contextmanager
def serving(file: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = ("-m", "tests.collector.feed_server", str(file))
    with running(*command, port=free_port()) as (url, process):
        yield url, process


def listen(url: str, query: str = "", last: int | None = None) -> Iterator[dict[str, Any]]:
    """The events of a stream, each with its fields; data is parsed."""
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    with requests.get(
        f"{url}/incidents/stream{query}", headers=headers, stream=True, timeout=60
    ) as answer:
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, Any] = {}
        for raw in answer.iter_lines(chunk_size=1):
            line = raw.decode()
            name, _, value = line.partition(": ")
            if line == "" and fields:
                yield fields
                fields = {}
            elif line != "" and name != "":
                fields[name] = json.loads(value) if name == "data" else value


def test_a_stream_tells_of_changes_as_they_happen(server: str, store: Store) -> None:
    events = listen(server)
    assert "id" in next(events)
    with store.write() as session:
        name, other = tell(session, 0), tell(session, 1, "Alaska")
    with store.write() as session:
        approve(session, name)
    event = next(events)
    assert (event["event"], event["data"]["incident_id"]) == ("incident", name)
    assert event["data"]["src"] == ["https://site0.org/0"]
    with store.write() as session:
        approve(session, other)
    event = next(events)
    assert event["data"]["whole"]["lat"] == 61.2181
    with store.write() as session:
        reviews.withdraw(session, name, NOON)
    event = next(events)
    assert (event["event"], event["data"]) == ("gone", {"incident_id": name})


def test_a_broken_stream_goes_on_where_it_broke_off(server: str, store: Store) -> None:
    with store.write() as session:
        names = [tell(session, number) for number in range(2, 6)]
        approve(session, *names)
        last = revision(session, names[1])
        reject(session, names[3])
    events = listen(server, last=last)
    found = [next(events) for _ in range(3)]
    assert found[0]["id"] == str(last)
    assert [(e["event"], e["data"]["incident_id"]) for e in found[1:]] == [
        ("incident", names[2]),
        ("gone", names[3]),
    ]
    again = listen(server, f"?cursor={found[1]['id']}")
    next(again)
    assert next(again)["event"] == "gone"


def test_a_stream_heeds_its_filters(server: str, store: Store) -> None:
    events = listen(server, "?state=Alaska")
    next(events)
    with store.write() as session:
        home, away = tell(session, 6, "Alaska"), tell(session, 7)
        approve(session, away, home)
    found = [(e["event"], e["data"]["incident_id"]) for e in (next(events), next(events))]
    assert found == [("gone", away), ("incident", home)]


def test_a_wrong_place_to_go_on_is_a_typed_error(server: str) -> None:
    answer = requests.get(f"{server}/incidents/stream", headers={"Last-Event-ID": "x"}, timeout=60)
    assert (answer.status_code, answer.json()["error_type"]) == (422, "invalid_request")


def test_streams_end_cleanly_when_the_server_stops(file: Path, store: Store) -> None:
    with serving(file) as (url, process):
        events = listen(url)
        next(events)
        process.send_signal(signal.SIGTERM)
        assert list(events) == []  # the answer is whole: requests raises where it is cut off
        _, log = process.communicate(timeout=60)
    assert process.returncode in (0, -signal.SIGTERM)
    assert "Traceback" not in log


def test_the_service_and_the_feed_are_one_process(file: Path, store: Store) -> None:
    code = (
        "import sys; from collector.feed.server import serve; "
        "from collector.store import Store; from service.settings import Settings; "
        "serve(Settings.from_environment(), Store.open(sys.argv[1]))"
    )
    with running("-c", code, f"sqlite:///{file}", port=free_port()) as (url, process):
        assert requests.get(f"{url}/health", timeout=60).json() == {"status": "ok"}
        told = {"text": "Deputies in Toledo, Ohio, punched a handcuffed man, video shows."}
        assert requests.post(f"{url}/predict", json=told, timeout=60).status_code == 200
        assert requests.get(f"{url}/incidents", timeout=60).status_code == 200
        assert "/predict" in requests.get(f"{url}/openapi.json", timeout=60).json()["paths"]
        page = requests.get(f"{url}/incidents/openapi.json", timeout=60).json()
        assert "/incidents/stream" in page["paths"]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode in (0, -signal.SIGTERM)
