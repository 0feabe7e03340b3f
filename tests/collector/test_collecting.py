"""The whole loop with the real model, over a drop folder and a loopback site."""

import asyncio
import json
import logging
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from collector import queue, stories
from collector.adapters import open_source
from collector.collecting import Collecting
from collector.schema import IncidentRow, ItemRow, ItemState, PredictionRow, StoryRow
from collector.source import Item, Listing, NotAllowed, Source, SourceError, SourceState
from collector.store import Store, now
from collector.worker import Rules, Worker
from service.fetch import FetchLimits
from service.model import Model
from service.pipeline import Predictor
from service.places import Locator
from service.schemas import ModelOut
from service.settings import Settings
from tests.collector.given import CLEVELAND, TOLEDO, TOLEDO_AGAIN, admit, answer
from tests.collector.rows import config_of, write_rows
from tests.collector.whole import check_whole
from tests.loopback_site import Site, fetching, ok, site

SETTINGS = Settings(request_deadline_s=120)
QUICK = Rules(retry_base_s=0.01, attempts=3)


class Listed:
    """A source that lists some items once, or fails."""

    kind = "listed"
    every_s = 900.0

    def __init__(self, name: str, *items: Item, error: Exception | None = None) -> None:
        self.name = name
        self._items = items
        self._error = error

    async def list(self, state: SourceState) -> Listing:
        if self._error is not None:
            raise self._error
        return Listing(() if state.cursor else self._items, SourceState(cursor="end"))

    async def aclose(self) -> None:
        pass


class NoRobots:
    """Manners of which one page is refused."""

    async def before_fetch(self, url: str) -> None:
        if "private" in url:
            raise NotAllowed("robots.txt")

    async def aclose(self) -> None:
        pass


async def collect(
    store: Store,
    predictor: Predictor,
    sources: Sequence[Source],
    rules: Rules = QUICK,
    keep_text_days: int | None = None,
) -> bool:
    async with predictor:
        worker = Worker(store, predictor, rules, NoRobots(), Random(1))
        try:
            return await Collecting(worker, sources, keep_text_days).once()
        finally:
            await worker.aclose()


def run_once(
    store: Store, model: Model, locator: Locator, *sources: Source, rules: Rules = QUICK
) -> bool:
    return asyncio.run(collect(store, Predictor(model, locator, SETTINGS), sources, rules))


def test_every_row_is_a_story_a_copy_or_a_dead_letter_and_a_second_run_finds_nothing(
    store: Store, model: Model, locator: Locator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = write_rows(tmp_path / "in", 60)
    source = open_source(config_of(tmp_path / "in").source[0])
    assert run_once(store, model, locator, source)
    check_whole(store, rows)
    caplog.set_level(logging.INFO, "collector")
    assert run_once(store, model, locator, source)
    check_whole(store, rows)
    notes = [json.loads(record.getMessage()) for record in caplog.records]
    assert [note["new"] for note in notes if note["event"] == "listed"] == [0]
    assert not [note for note in notes if note["event"] == "item"]


def test_pages_are_fetched_tried_again_and_buried(
    store: Store, model: Model, locator: Locator
) -> None:
    asked: list[bytes] = []

    async def handle(path: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(path)
        if path == b"/down" or (path == b"/shaky" and asked.count(path) < 3):
            writer.write(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
        elif path == b"/gone":
            writer.write(b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n")
        else:
            paragraphs = f"<p>{TOLEDO}</p><p>{CLEVELAND}</p><p>{TOLEDO_AGAIN}</p>"
            head = "<html><head><title>Deputy struck man</title></head>"
            page = f"{head}<body><article><h1>Deputy struck man</h1>{paragraphs}</article></body>"
            writer.write(ok(page.encode()))
        await writer.drain()

    async def run() -> None:
        async with site(handle) as served, fetching(served, FetchLimits()) as fetcher:
            items = _pages(served, "good", "shaky", "down", "gone", "private")
            predictor = Predictor(model, locator, SETTINGS, fetcher)
            assert await collect(store, predictor, [Listed("web", *items)])

    asyncio.run(run())
    with store.read() as session:
        found = {item.key: item for item in session.scalars(select(ItemRow))}
        dates = session.scalars(select(StoryRow.date).where(StoryRow.copy_of.is_(None))).all()
    states = {key: (item.state, item.error_type) for key, item in found.items()}
    assert states == {
        "good": (ItemState.DONE, None),
        "shaky": (ItemState.DONE, None),
        "down": (ItemState.DEAD, "upstream_status"),
        "gone": (ItemState.DEAD, "upstream_status"),
        "private": (ItemState.DEAD, "robots_disallowed"),
    }
    assert (asked.count(b"/shaky"), asked.count(b"/down"), asked.count(b"/gone")) == (3, 3, 1)
    assert [str(date) for date in dates] == ["2026-05-02"]  # the page has none, the feed has


def _pages(served: Site, *names: str) -> list[Item]:
    base = f"http://news.example:{served.port}"
    return [Item(name, url=f"{base}/{name}", date="2026-05-02T08:00:00Z") for name in names]


def test_one_source_that_fails_stops_no_other(store: Store, model: Model, locator: Locator) -> None:
    broken = Listed("broken", error=SourceError("HTTP 503", retry_after_s=7200))
    faulty = Listed("faulty", error=KeyError("feed"))
    good = Listed("good", Item("1", text=TOLEDO))
    assert not run_once(store, model, locator, broken, faulty, good)
    with store.read() as session:
        assert session.scalars(select(ItemRow.state)).all() == [ItemState.DONE]
        assert queue.failures(session, "broken") == queue.failures(session, "faulty") == 1
        assert queue.due_at(session, "broken") > now() + timedelta(seconds=7000)


def test_without_keep_text_no_text_stays(store: Store, model: Model, locator: Locator) -> None:
    source = Listed("good", Item("1", text=TOLEDO, title="Deputy struck man"))
    assert run_once(store, model, locator, source, rules=Rules(keep_text=False))
    with store.read() as session:
        assert session.scalars(select(StoryRow.text)).all() == [None]
        assert session.scalars(select(ItemRow.text)).all() == [None]
        assert session.scalars(select(IncidentRow.city)).all() == ["Toledo"]


def test_what_an_earlier_process_left_half_way_is_finished(
    store: Store, model: Model, locator: Locator
) -> None:
    """One story admitted and not judged; another judged and not grouped."""
    with store.write() as session:
        admit(session, TOLEDO, "https://a.org/1")
        judged = admit(session, CLEVELAND, "https://a.org/2").story_id
        _, item = queue.pending(session, now(), 2)
        stories.record(session, judged, answer(state="Utah"), now())
        queue.finish(session, item.id, judged, now())
    assert run_once(store, model, locator)
    with store.read() as session:
        assert set(session.scalars(select(ItemRow.state))) == {ItemState.DONE}
        assert None not in session.scalars(select(StoryRow.incident_id)).all()
        assert len(session.scalars(select(PredictionRow)).all()) == 2


def test_another_model_judges_kept_texts_again(
    store: Store, model: Model, locator: Locator
) -> None:
    with store.write() as session:
        story = admit(session, TOLEDO, "https://a.org/1").story_id
        old = answer(model=ModelOut(name="old", version="0"), city="Nowhere")
        stories.record(session, story, old, now())
        (item,) = queue.pending(session, now(), 1)
        queue.finish(session, item.id, story, now())

    async def run() -> int:
        async with Predictor(model, locator, SETTINGS) as predictor:
            worker = Worker(store, predictor)
            try:
                collecting = Collecting(worker, [])
                done = await collecting.rescore(predictor.model_out)
                assert await collecting.rescore(predictor.model_out) == 0
                return done
            finally:
                await worker.aclose()

    assert asyncio.run(run()) == 1
    with store.read() as session:
        rows = session.scalars(select(PredictionRow).order_by(PredictionRow.id)).all()
        assert [(row.city, row.current) for row in rows] == [("Nowhere", False), ("Toledo", True)]
