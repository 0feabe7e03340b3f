"""`collector once` over a loopback world: every item ends as a story, a copy or a dead letter."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from collector.collecting import Collecting
from collector.robots import RobotsManners
from collector.schema import IncidentRow, ItemRow, ItemState, PredictionRow, StoryRow
from collector.store import Store
from collector.worker import Rules, Worker
from service.fetch import Fetcher, FetchLimits
from service.model import Model
from service.pipeline import Predictor
from service.places import Locator
from service.settings import Settings
from tests.collector.faults import FAULTS, MAX_PAGE, SILENT, Fault
from tests.collector.wire import KINDS, Given, World, given_items
from tests.source_listing import open_on
from tests.source_site import Asked, SourceSite, serving

SETTINGS = Settings(request_deadline_s=300, queue_windows=20_000)
RULES = Rules(retry_base_s=0.01, attempts=3)
QUERY = {"queries": ["police force"], "days": 3}
OPTIONS: dict[str, dict[str, Any]] = {
    "rss": {"url": "{base}/rss"},
    "full": {"url": "{base}/full", "full_text": True},
    "urls": {"url": "{base}/list.txt"},
    "reddit": {"subreddits": ["news"]},
    "newsapi": QUERY,
    "gdelt": QUERY,
}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSAPI_KEY", "key")
    for name in ("REDDIT_CLIENT_ID", "REDDIT_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)


@asynccontextmanager
async def collecting(
    store: Store, model: Model, locator: Locator, served: SourceSite, folder: Path, fetch_s: float
) -> AsyncIterator[Collecting]:
    """The whole collector, let into one loopback server by which every host is played."""

    async def resolve(host: str) -> list[str]:
        return ["127.0.0.1"]

    async with AsyncExitStack() as stack:
        options = {**OPTIONS, "drop": {"folder": str(folder)}}
        sources = [
            open_on(served, {"full": "rss"}.get(kind, kind), options[kind], kind) for kind in KINDS
        ]
        for source in sources:
            stack.push_async_callback(source.aclose)
        manners = RobotsManners(served.connect(), 0.0)
        stack.push_async_callback(manners.aclose)
        permit = frozenset({("127.0.0.1", served.port)})
        limits = FetchLimits(MAX_PAGE, fetch_s, fetch_s)
        fetcher = Fetcher(resolve, permit, limits, before_redirect=manners.before_redirect)
        predictor = Predictor(model, locator, SETTINGS, fetcher)
        await stack.enter_async_context(predictor)
        worker = Worker(store, predictor, RULES, manners, Random(1))
        stack.push_async_callback(worker.aclose)
        yield Collecting(worker, sources)


def run_twice(
    store: Store,
    model: Model,
    locator: Locator,
    folder: Path,
    items: Sequence[Given],
    fetch_s: float = 120.0,
) -> tuple[list[Asked], list[Asked]]:
    """What the two runs asked the world for."""
    world = World(items)

    async def run() -> tuple[list[Asked], list[Asked]]:
        async with serving(world.answer) as served:
            world.port = served.port
            world.write_rows(folder)
            asked: list[list[Asked]] = []
            for _ in range(2):
                before = len(served.asked)
                async with collecting(store, model, locator, served, folder, fetch_s) as loop:
                    assert await loop.once()
                asked.append(served.asked[before:])
            return asked[0], asked[1]

    return asyncio.run(run())


def check_sums(store: Store, items: Sequence[Given]) -> None:
    """Every item is there once, and ended as it had to."""
    stories = [item for item in items if item.fault is None]
    copies = [item for item in stories if item.twin is not None]
    reasons = Counter(item.fault.error_type for item in items if item.fault is not None)
    with store.read() as session:
        rows = session.scalars(select(ItemRow)).all()
        done = [row for row in rows if row.state is ItemState.DONE]
        dead = [row for row in rows if row.state is ItemState.DEAD]
        assert len(rows) == len(items) == len(done) + len(dead)
        assert Counter(row.error_type for row in dead) == reasons
        assert all(row.error for row in dead)
        found = {story.id: story for story in session.scalars(select(StoryRow))}
        assert len(found) == len(done) == len(stories)
        by_number = {_number(row.url): found[row.story_id or ""] for row in done}
        assert len(by_number) == len(stories)
        for copy in copies:
            one, other = by_number[copy.number], by_number[copy.twin or 0]
            assert {one.copy_of, other.copy_of} in ({None, one.id}, {None, other.id})
        originals = {story.id for story in found.values() if story.copy_of is None}
        assert len(originals) == len(stories) - len(copies)
        judged = session.scalars(select(PredictionRow)).all()
        assert sorted(row.story_id for row in judged) == sorted(originals)
        force = [found[row.story_id] for row in judged if row.label == "brutality"]
        assert force and all(story.incident_id is not None for story in force)
        told = session.scalar(select(func.sum(IncidentRow.stories)))
        assert told == sum(story.incident_id is not None for story in found.values())


def _number(url: str | None) -> int:
    return int(urlsplit(url or "").path.split("/")[2])


def check_world(
    store: Store,
    model: Model,
    locator: Locator,
    folder: Path,
    items: Sequence[Given],
    caplog: pytest.LogCaptureFixture,
    fetch_s: float = 120.0,
) -> None:
    caplog.set_level(logging.INFO, "collector")
    first, second = run_twice(store, model, locator, folder, items, fetch_s)
    check_sums(store, items)
    assert len({asked.path for asked in first}) > len({asked.path for asked in second})
    assert not [asked for asked in second if asked.path.startswith(("/news", "/closed", "/robots"))]
    notes = [json.loads(record.getMessage()) for record in caplog.records]
    listed = [note["new"] for note in notes if note["event"] == "listed"]
    assert (sum(listed), sum(listed[: len(KINDS)])) == (len(items), len(items))
    assert len({note["item"] for note in notes if note["event"] == "item"}) <= len(items)


def broken(number: int, *more: Fault) -> list[Fault]:
    """So many faults, each kind in turn."""
    kinds = (*more, *FAULTS)
    return [kinds[n % len(kinds)] for n in range(number)]


def test_every_item_ends_as_a_story_a_copy_or_a_dead_letter(
    store: Store, model: Model, locator: Locator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    items = given_items(21, 7, broken(len(FAULTS)))
    check_world(store, model, locator, tmp_path / "in", items, caplog)


@pytest.mark.slow
def test_five_hundred_items_a_fifth_of_them_copies(
    store: Store, model: Model, locator: Locator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    items = given_items(375, 100, broken(25, SILENT))
    assert len(items) == 500
    check_world(store, model, locator, tmp_path / "in", items, caplog, fetch_s=10.0)
