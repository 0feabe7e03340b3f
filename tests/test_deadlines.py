"""Work that nobody waits for any more is not done; what is late is answered as late."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
import pytest
import uvicorn

from service.app import create_app
from service.batching import TURN_WINDOWS
from service.fetch import Fetcher
from service.page_cache import Page
from service.pipeline import Predictor
from service.places import Locator
from service.reader import PageReader
from service.settings import Settings
from service.story import Story
from tests.held_model import HeldModel, held_model
from tests.loopback_site import fetching, silent, site

pytestmark = pytest.mark.anyio
TEXT = "An officer shot a man in Springfield, Ill., on Monday, police said. He survived."
LONG = TEXT * 200  # some 40 windows
PAGE = Page(
    url="https://www.harlowledger.example/a",
    requested_url="https://www.harlowledger.example/a",
    status=200,
    content_type="text/html",
    charset="utf-8",
    body=(Path(__file__).parent / "pages" / "article.html").read_bytes(),
)


@dataclass(frozen=True)
class Served:
    """A service on a loopback port, whose model is held."""

    model: HeldModel
    predictor: Predictor
    server: uvicorn.Server
    client: httpx2.AsyncClient
    port: int


@asynccontextmanager
async def served(
    locator: Locator, fetcher: Fetcher | None = None, **given: float
) -> AsyncIterator[Served]:
    settings = Settings.model_validate({"request_deadline_s": 300, **given})
    model = held_model()
    predictor = Predictor(model, locator, settings, fetcher)
    config = uvicorn.Config(create_app(settings, predictor), port=0, log_level="warning")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            yield Served(model, predictor, server, client, port)
    finally:
        model.permits.release(100)
        server.should_exit = True
        await serving


async def until(happens: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not happens():
            await asyncio.sleep(0.001)  # lets the threads of the service have the processor


async def hang_up_after(service: Served, happens: Callable[[], bool]) -> None:
    body = json.dumps({"text": LONG}).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", service.port)
    head = f"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
    await until(happens)
    writer.close()
    await writer.wait_closed()


async def test_a_client_that_left_is_not_worked_for(locator: Locator) -> None:
    async with served(locator) as service:
        warm_up = service.model.ran
        first = asyncio.create_task(service.client.post("/predict", json={"text": TEXT}))
        await until(lambda: service.predictor.queued_windows == 1)
        await hang_up_after(service, lambda: service.model.cuts == 3)
        await until(lambda: service.predictor.queued_windows == 1)
        service.model.permits.release()
        assert (await first).status_code == 200
        assert service.model.ran == warm_up + 1
        metrics = (await service.client.get("/metrics")).text
        assert 'requests_total{path="/predict",status="499"} 1.0' in metrics


async def test_stories_are_cut_while_the_model_runs(locator: Locator) -> None:
    async with served(locator) as service:
        asked = [
            asyncio.create_task(service.client.post("/predict", json={"text": LONG}))
            for _ in range(4)
        ]
        await until(lambda: service.model.cuts == 5)
        assert service.model.ran == 1  # the warm-up: the model is still at the first story
        service.model.permits.release(20)
        assert {answer.status_code for answer in await asyncio.gather(*asked)} == {200}


async def test_a_late_story_is_said_so_and_not_computed(locator: Locator) -> None:
    async with served(locator, request_deadline_s=0.5) as service:
        late = await service.client.post("/predict", json={"text": LONG})
        assert (late.status_code, late.json()["error_type"]) == (504, "deadline_exceeded")
        assert service.predictor.queued_windows == 0
        # One turn had begun; what was waiting behind it is never run.
        service.model.permits.release(2)
        await until(lambda: service.model.ran == 1 + TURN_WINDOWS)
        await service.predictor.judge(Story(TEXT))
        assert service.model.ran == 1 + TURN_WINDOWS + 1


async def test_the_deadline_covers_pages_and_is_that_of_the_whole_batch(locator: Locator) -> None:
    async with (
        site(silent) as slow,
        fetching(slow) as fetcher,
        served(locator, fetcher, request_deadline_s=0.5) as service,
    ):
        urls = [f"http://{number}.example:{slow.port}/" for number in range(32)]
        batch = {"stories": [{"url": url} for url in urls]}
        answers = (await service.client.post("/predict/batch", json=batch)).json()
        assert [answer["error_type"] for answer in answers] == ["deadline_exceeded"] * 32
        assert len(slow.requests) <= 8  # those that were worked on at once; no other was begun


async def test_the_deadline_covers_the_body(locator: Locator) -> None:
    async with served(locator, request_deadline_s=0.3) as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")
        assert (await reader.readline()).split()[1] == b"504"
        writer.close()


async def test_a_service_that_stops_answers_what_is_in_flight(locator: Locator) -> None:
    async with served(locator) as service:
        asked = asyncio.create_task(service.client.post("/predict", json={"text": TEXT}))
        await until(lambda: service.predictor.queued_windows > 0)
        service.predictor.hurry(0.1)
        answer = await asked
        assert (answer.status_code, answer.json()["error_type"]) == (503, "not_ready")
        assert int(answer.headers["retry-after"]) > 0


async def test_a_full_queue_is_refused_at_once(locator: Locator) -> None:
    async with served(locator, queue_windows=16) as service:
        first = asyncio.create_task(service.client.post("/predict", json={"text": LONG}))
        await until(lambda: service.model.cuts == 2)
        for path, body in (
            ("/predict", {"text": LONG}),
            ("/predict/batch", {"stories": [{"text": TEXT}]}),
        ):
            refused = await service.client.post(path, json=body)
            assert (refused.status_code, refused.json()["error_type"]) == (503, "overloaded")
            assert int(refused.headers["retry-after"]) > 0
        assert service.model.cuts == 2  # refused before they were cut
        service.model.permits.release(9)
        assert (await first).status_code == 200


async def test_readers_who_give_up_neither_kill_the_worker_nor_occupy_it() -> None:
    reader = PageReader()
    story = await reader.read(PAGE)
    (worker,) = psutil.Process().children()
    reading = asyncio.create_task(reader.read(PAGE))
    waiting = asyncio.create_task(reader.read(PAGE))
    await asyncio.sleep(0)
    for task in (reading, waiting):
        task.cancel()
    await asyncio.wait({reading, waiting})
    assert (await reader.read(PAGE)).text == story.text
    assert psutil.Process().children() == [worker]
    await reader.aclose()
    assert psutil.Process().children() == []
