"""Slow sites do not slow down those who ask about texts."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
import pytest

from service.model import Model
from service.places import Locator
from tests.loopback_site import ok
from tests.running_app import RunningApp, running_app

SITES = 50
ALLOWED_S = 0.1
REPEATS = 15
PAGE = (Path(__file__).parent / "pages" / "article.html").read_bytes()
TEXT = "An officer shot a man in Springfield, Ill., on Monday, police said. He survived."


async def median_s(ask: Callable[[], Awaitable[httpx2.Response]]) -> float:
    taken = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        response = await ask()
        taken.append(time.perf_counter() - started)
        assert response.status_code == 200
    return statistics.median(taken)


async def waits(app: RunningApp) -> tuple[float, float]:
    """Median seconds until /health and a text are answered."""
    health = await median_s(lambda: app.client.get("/health"))
    text = await median_s(lambda: app.client.post("/predict", json={"text": TEXT}))
    return health, text


@pytest.mark.anyio
async def test_fifty_slow_sites_delay_neither_health_nor_texts(
    model: Model, locator: Locator
) -> None:
    asked, released = asyncio.Semaphore(0), asyncio.Event()

    async def slow(path: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(ok(b"")[:20])  # part of an answer, then nothing until the test says so
        asked.release()
        await released.wait()
        writer.write(ok(PAGE)[20:])
        await writer.drain()

    async with running_app(model, locator, slow) as app:
        alone = await waits(app)
        pages = [
            asyncio.create_task(app.predict(f"paper{number}.example.org", "/2024/03/14/taser"))
            for number in range(SITES)
        ]
        for _ in range(SITES):  # all are connected and wait
            await asked.acquire()
        assert len(app.site.requests) == SITES
        during = await waits(app)
        assert not any(page.done() for page in pages)
        released.set()
        answers = await asyncio.gather(*pages)
    assert [answer.status_code for answer in answers] == [200] * SITES
    for was, now in zip(alone, during, strict=True):
        assert now < was + ALLOWED_S
