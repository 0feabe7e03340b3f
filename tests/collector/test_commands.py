"""The commands that a person gives: what is taken back or forgotten is so everywhere."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from collector import queue, reviews, stories
from collector.__main__ import main
from collector.push import Pusher, PushSettings
from collector.reviews import Review
from collector.schema import Base, IncidentRow, ItemRow, ItemState, StoryRow, Verdict
from collector.source import Item
from collector.store import Store, now
from service.model import Model
from service.places import Locator
from tests.collector.back_end_stub import back_end
from tests.collector.feed_given import feed
from tests.collector.given import BOISE, CLEVELAND, NOON, TOLEDO, admit, answer, list_items
from tests.collector.old_backends import refusal
from tests.collector.test_collecting import Listed, run_once
from training.data import main as training_data

WIRE = f"{TOLEDO} The wire service contributed to this report."


@pytest.fixture
def command(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of this test work on its store."""
    monkeypatch.setenv("DATABASE_URL", database_url)


def everything(store: Store) -> str:
    """All that the store holds, as one text."""
    with store.read() as session:
        tables = [session.execute(select(t)).all() for t in Base.metadata.tables.values()]
    return "\n".join(str(tuple(row)) for rows in tables for row in rows)


def collect(store: Store, model: Model, locator: Locator, name: str, *items: Item) -> None:
    assert run_once(store, model, locator, Listed(name, *items))


@pytest.mark.usefixtures("command")
def test_an_incident_is_withdrawn_everywhere_and_stays_so_when_seen_again(
    store: Store, model: Model, locator: Locator, tmp_path: Path
) -> None:
    title = "Deputy punched Darnell Whitlow"
    first = Item("1", "https://a.org/1", title, TOLEDO, "2026-05-01")
    collect(store, model, locator, "one", first, Item("2", "https://a.org/2", None, CLEVELAND))
    with store.write() as session:
        key = session.scalars(select(IncidentRow.key).where(IncidentRow.city == "Toledo")).one()
        said = Review(key, "ada", Verdict.APPROVE, note="Whitlow's lawyer confirms")
        reviews.add_review(session, said, NOON)
    with back_end() as to, feed(store) as client:
        pusher = Pusher(
            store, PushSettings(backend_url=to.url, backend_token="token", backend_secret="secret")
        )
        pusher.once()
        paths = ("/incidents?status=any", "/incidents.geojson?status=any", "/getdata", "/getdata/")
        assert all(key in client.get(path).text for path in paths)
        assert "Whitlow" in everything(store)

        assert main(["withdraw", key]) == 0
        for name in ("two", "three"):
            assert not any(key in client.get(path).text for path in paths)
            assert client.get("/reviews/next?order=recent&limit=9").text.count("Whitlow") == 0
            assert "Whitlow" not in everything(store) and "punched" not in everything(store)
            # The same page by another source, and a copy of it in another paper.
            copy = Item(f"c-{name}", f"https://{name}.org/1", title, WIRE, "2026-05-01")
            collect(store, model, locator, name, first, copy)
        pusher.once()
        pusher.close()
        told = to.taken[-1]
    assert (told["incident_id"], told["status"], told["city"]) == (key, "rejected", None)
    assert refusal(told) is None
    out = tmp_path / "reviews.jsonl"
    with store.read() as session:
        url = store.engine.url.render_as_string(hide_password=False)
        assert session.scalar(select(func.count()).select_from(StoryRow)) == 4
    assert training_data(["export-reviews", "--database", url, "--out", str(out)]) == 0
    assert out.read_text() == ""


@pytest.mark.usefixtures("command")
def test_old_texts_are_forgotten_of_stories_and_dead_letters(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    with store.write() as session:
        for number, text in enumerate((TOLEDO, CLEVELAND)):
            story = admit(session, text, f"https://a.org/{number}").story_id
            stories.record(session, story, answer(description="A deputy."), now())
        for number, days in ((0, 31), (1, 29)):
            chosen = update(StoryRow).where(StoryRow.canonical_url == f"https://a.org/{number}")
            session.execute(chosen.values(first_seen=now() - timedelta(days=days)))
        (dead,) = list_items(session, Item("dead", text=BOISE))  # first seen at NOON, long ago
        queue.bury(session, dead, "too_short", "x", NOON)
    assert main(["forget", "--days", "30"]) == 0
    assert capsys.readouterr().out == "2 texts dropped\n"
    with store.read() as session:
        kept = session.scalars(select(StoryRow.text).order_by(StoryRow.canonical_url)).all()
        assert kept == [None, CLEVELAND]
        letter = session.get_one(ItemRow, dead)
        assert letter.state is ItemState.DEAD and letter.text is None
    assert BOISE not in everything(store)


@pytest.mark.usefixtures("command")
def test_dead_letters_are_tried_again_by_reason(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    with store.write() as session:
        for number, reason in enumerate(("dns_failure", "paywalled")):
            (item,) = list_items(session, Item(str(number), url="https://a.org/1"))
            queue.bury(session, item, reason, "x", NOON)
    assert main(["revive", "--reason", "dns_failure"]) == 0
    assert main(["revive"]) == 0
    assert capsys.readouterr().out.splitlines() == ["1 items are pending again"] * 2


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["withdraw", "nothing"], {}, "no such incident"),
        (["once"], {}, "SOURCES"),
        (["once"], {"SOURCES": "[[source]]\nname = 1"}, "SOURCES: source.0.name"),
        (["run", "--config", "nowhere.toml"], {}, "nowhere.toml"),
        (["push"], {}, "BACKEND_URL"),
    ],
)
@pytest.mark.usefixtures("command", "store")
def test_what_cannot_be_done_is_said_in_one_line(
    arguments: list[str],
    environment: dict[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


@pytest.mark.usefixtures("command")
def test_tables_are_missing_until_they_are_made(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["revive"]) == 2
    assert "collector migrate" in capsys.readouterr().err
    assert main(["migrate"]) == 0
    assert main(["revive"]) == 0


def test_sources_come_from_a_file_or_from_the_environment(
    store: Store, command: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    row = {"text": TOLEDO, "url": "https://a.org/1"}
    (tmp_path / "in" / "1.jsonl").write_text(json.dumps(row) + "\n")
    folder = json.dumps(str(tmp_path / "in"))
    monkeypatch.setenv("SOURCES", f'[[source]]\nname = "d"\nkind = "drop"\nfolder = {folder}\n')
    assert main(["once"]) == 0
    with store.read() as session:
        assert session.scalars(select(StoryRow.canonical_url)).all() == ["https://a.org/1"]
