"""robots.txt and the delay per host, asked of a real server."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from collector import robots
from collector.pace import Pace
from collector.robots import RobotsManners
from collector.source import NotAllowed
from service.errors import ErrorType, ServiceError
from service.fetch import Fetcher
from tests.source_site import Answer, Asked, Reply, SourceSite, serving

RULES = b"""User-agent: *
Disallow: /private/
Allow: /private/open$

User-agent: BrutalityWatch
Disallow: /drafts/

User-agent: Other
Disallow: /
"""


@asynccontextmanager
async def manners(
    answer: Answer, gap_s: float = 0.0
) -> AsyncIterator[tuple[RobotsManners, SourceSite]]:
    async with serving(answer) as served:
        polite = RobotsManners(served.connect(), gap_s)
        try:
            yield polite, served
        finally:
            await polite.aclose()


def allowed(reply: Reply, path: str) -> bool:
    async def run() -> bool:
        async with manners(lambda asked: reply) as (polite, served):
            try:
                await polite.before_fetch(served.base + path)
            except NotAllowed:
                return False
            return True

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("reply", "path", "expected"),
    [
        (Reply(RULES), "/a", True),
        (Reply(RULES), "/drafts/1", False),
        (Reply(RULES), "/private/1", True),  # its own group is the one that counts
        (Reply(RULES.replace(b"BrutalityWatch", b"Nobody")), "/private/1", False),
        (Reply(RULES.replace(b"BrutalityWatch", b"Nobody")), "/private/open", True),
        (Reply(b"User-agent: *\nDisallow: /"), "/a?b=c", False),
        (Reply(b""), "/a", True),
        (Reply(b"\xff\xfe<html>no rules</html>"), "/a", True),
        (Reply(b"User-agent: *\nDisallow: /", status=404), "/a", True),
        (Reply(status=403), "/a", True),
    ],
)
def test_rules(reply: Reply, path: str, expected: bool) -> None:
    assert allowed(reply, path) is expected


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_site_too_ill_to_say_is_left_alone_for_now(status: int) -> None:
    async def run() -> None:
        async with manners(lambda asked: Reply(status=status)) as (polite, served):
            for _ in range(3):
                with pytest.raises(ServiceError) as raised:
                    await polite.before_fetch(f"{served.base}/a")
                assert raised.value.error_type is ErrorType.UPSTREAM_STATUS
                assert raised.value.detail == {"upstream_status": status}
            assert len(served.asked) == 1  # nor is it asked again at once

    asyncio.run(run())


def test_an_unreachable_site_is_an_error_that_may_pass() -> None:
    async def run() -> None:
        async with manners(lambda asked: Reply()) as (polite, _):
            with pytest.raises(ServiceError) as raised:
                await polite.before_fetch("http://10.1.2.3/a")
            assert raised.value.error_type is ErrorType.BLOCKED_ADDRESS
            with pytest.raises(ServiceError) as raised:
                await polite.before_fetch("http://[")
            assert raised.value.error_type is ErrorType.INVALID_URL

    asyncio.run(run())


def test_rules_are_asked_for_once_by_all_and_again_when_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run() -> None:
        async with manners(lambda asked: Reply(RULES)) as (polite, served):
            await asyncio.gather(*(polite.before_fetch(f"{served.base}/{n}") for n in range(9)))
            assert [asked.path for asked in served.asked] == ["/robots.txt"]
            monkeypatch.setattr(robots, "_KEPT_S", -1.0)
            other = f"http://other.example:{served.port}/"
            await polite.before_fetch(other)
            await polite.before_fetch(other)
            assert len(served.asked) == 3

    asyncio.run(run())


def test_crawl_delay_is_kept() -> None:
    async def run() -> None:
        slow = Reply(b"User-agent: *\nCrawl-delay: 20\n")
        async with manners(lambda asked: slow) as (polite, served):
            await polite.before_fetch(f"{served.base}/1")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(polite.before_fetch(f"{served.base}/2"), 0.05)
            await polite.before_fetch(f"http://other.example:{served.port}/")  # not its turn

    asyncio.run(run())


def test_where_a_page_redirects_to_is_asked_about_and_counts_as_a_turn() -> None:
    rules = Reply(b"User-agent: *\nDisallow: /closed/\nCrawl-delay: 20\n")

    def answer(asked: Asked) -> Reply:
        moved = {
            "/away": f"http://b.example:{asked.headers['host'].rpartition(':')[2]}/story",
            "/shut": "/closed/1",
        }
        if asked.path in moved:
            return Reply(status=302, headers={"Location": moved[asked.path]})
        return rules if asked.path == "/robots.txt" else Reply(b"<p>A story.</p>")

    async def run() -> None:
        async def resolve(host: str) -> list[str]:
            return ["127.0.0.1"]

        async with manners(answer) as (polite, served):
            permit = frozenset({("127.0.0.1", served.port)})
            fetcher = Fetcher(resolve, permit, before_redirect=polite.before_redirect)
            async with aclosing(fetcher):
                page = await fetcher.fetch(f"{served.base}/away")
                assert page.url == f"http://b.example:{served.port}/story"
                with pytest.raises(NotAllowed):
                    await fetcher.fetch(f"{served.base}/shut")
            assert "/closed/1" not in [asked.path for asked in served.asked]
            with pytest.raises(TimeoutError):  # the redirect has taken b's turn
                url = f"http://b.example:{served.port}/other"
                await asyncio.wait_for(polite.before_fetch(url), 0.05)

    asyncio.run(run())


def test_turns_are_kept_apart() -> None:
    async def run() -> float:
        pace = Pace()
        assert pace.idle
        started = time.monotonic()
        await asyncio.gather(*(pace.turn(0.02) for _ in range(4)))
        took = time.monotonic() - started
        await Pace().turn(60)  # the first turn is free
        await pace.turn(60)
        assert not pace.idle
        return took

    assert asyncio.run(run()) >= 0.055


def test_hosts_long_unused_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robots, "_HOSTS", 3)

    async def run() -> None:
        async with manners(lambda asked: Reply()) as (polite, served):
            for number in [*range(6), 5]:
                await polite.before_fetch(f"http://host{number}.example:{served.port}/")
            assert len(served.asked) == 6
            await polite.before_fetch(f"http://host0.example:{served.port}/")
            assert len(served.asked) == 7

    asyncio.run(run())
