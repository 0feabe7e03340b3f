"""NewsAPI and GDELT: searches that show the newest only, walked back in time."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collector.adapters import open_sources
from collector.config import SourceConfig
from collector.source import SourceError, SourceState
from tests.source_listing import Round, failure, list_round
from tests.source_site import Asked, Reply, as_json, serving

KEY = "k3y-that-nobody-may-see"
QUERIES = {"queries": ["police AND (force OR taser)"], "days": 2}
START = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSAPI_KEY", KEY)


class NewsApiServer:
    """Answers as the free plan does: page 1 of 100, the newest first, between two times."""

    def __init__(self, times: list[datetime]) -> None:
        self.times = sorted(times, reverse=True)

    def __call__(self, asked: Asked) -> Reply:
        assert asked.headers["x-api-key"] == KEY
        assert "apiKey" not in asked.query and asked.query["sortBy"] == "publishedAt"
        if int(asked.query.get("page", 1)) > 1:
            return as_json({"status": "error", "code": "maximumResultsReached"}, 426)
        low = _time(asked.query["from"])
        high = _time(asked.query["to"]) if "to" in asked.query else START + timedelta(days=1)
        matching = [(n, t) for n, t in enumerate(self.times) if low <= t <= high]
        page = [self.article(n, t) for n, t in matching[: int(asked.query["pageSize"])]]
        return as_json({"status": "ok", "totalResults": len(matching), "articles": page})

    def article(self, number: int, time: datetime) -> dict[str, Any]:
        return {
            "source": {"id": None, "name": "Daily"}, "author": None, "title": f"Story {number}",
            "description": "D", "url": f"https://daily.example/{number}", "urlToImage": None,
            "publishedAt": time.strftime("%Y-%m-%dT%H:%M:%SZ"), "content": "Cut [+900 chars]",
        }  # fmt: skip


class GdeltServer:
    """Answers as DOC 2.0 does: at most 250, the newest first, between two times."""

    def __init__(self, times: list[datetime]) -> None:
        self.times = sorted(times, reverse=True)

    def __call__(self, asked: Asked) -> Reply:
        query = asked.query
        assert (query["mode"], query["format"], query["sort"]) == ("artlist", "json", "datedesc")
        low, high = (_stamp(query[name]) for name in ("startdatetime", "enddatetime"))
        if high - low < timedelta(minutes=15):
            return Reply(b"Timespan is too short.\n", headers={"Content-Type": "text/html"})
        matching = [(n, t) for n, t in enumerate(self.times) if low <= t <= high]
        page = [self.article(n, t) for n, t in matching[: int(query["maxrecords"])]]
        return as_json({"articles": page} if page else {})

    def article(self, number: int, time: datetime) -> dict[str, Any]:
        return {
            "url": f"https://daily.example/{number}", "url_mobile": "", "title": f"Story {number}",
            "seendate": time.strftime("%Y%m%dT%H%M%SZ"), "socialimage": "",
            "domain": "daily.example", "language": "English", "sourcecountry": "United States",
        }  # fmt: skip


Server = Callable[[list[datetime]], NewsApiServer | GdeltServer]
SERVERS: list[tuple[str, Server]] = [("newsapi", NewsApiServer), ("gdelt", GdeltServer)]
both = pytest.mark.parametrize(("kind", "server"), SERVERS)
OTHER = {"newsapi": "gdelt", "gdelt": "newsapi"}


def _time(stamp: str) -> datetime:
    return datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _stamp(stamp: str) -> datetime:
    return datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def back(minutes: float) -> datetime:
    return START - timedelta(minutes=minutes)


def urls(found: Round) -> set[str | None]:
    return {item.url for item in found.items}


@both
def test_more_articles_than_are_shown_are_all_found(kind: str, server: Server) -> None:
    answer = server([back(3 * n) for n in range(620)])
    found = list_round(kind, QUERIES, answer)
    assert urls(found) == {f"https://daily.example/{n}" for n in range(620)}
    assert not found.broken
    assert all(len(listing.items) <= 250 for listing in found.listings)
    assert found.items[0].date == START.isoformat() or kind == "newsapi"


@both
def test_a_walk_cut_off_goes_on_where_it_was(kind: str, server: Server) -> None:
    answer = server([back(3 * n) for n in range(620)])
    whole = list_round(kind, QUERIES, answer)
    rest = list_round(kind, QUERIES, answer, whole.listings[0].state)
    first = {item.key for item in whole.listings[0].items}
    assert first | set(rest.keys) == set(whole.keys)
    assert len(rest.asked) == len(whole.asked) - 1


@both
def test_the_next_round_asks_for_what_is_new_alone(kind: str, server: Server) -> None:
    first = list_round(kind, QUERIES, server([back(3 * n) for n in range(20, 620)]))
    answer = server([back(3 * n) for n in range(620)])
    again = list_round(kind, QUERIES, answer, first.state)
    assert urls(again) >= {f"https://daily.example/{n}" for n in range(20)}
    assert len(again.items) < 70  # the new ones and the overlap
    idle = list_round(kind, QUERIES, lambda asked: as_json({"articles": []}), again.state)
    assert (idle.keys, idle.state) == ([], again.state)


@both
def test_a_moment_with_more_articles_than_are_shown_is_told(kind: str, server: Server) -> None:
    busy = back(60)
    answer = server([*[back(n) for n in range(50)], *[busy] * 400, back(300)])
    found = list_round(kind, QUERIES, answer)
    (lost,) = found.broken
    assert lost.error_type == "too_many"
    assert busy.strftime("%Y-%m-%d %H:%M:%S") in lost.error
    assert "https://daily.example/450" in urls(found)  # the walk went on behind it


@both
def test_several_searches_take_turns(kind: str, server: Server) -> None:
    options = {"queries": ["police force", "deputy taser"]}
    found = list_round(kind, options, server([back(1)]))
    name = "q" if kind == "newsapi" else "query"
    assert [asked.query[name] for asked in found.asked] == options["queries"]


@both
@pytest.mark.parametrize(
    ("change", "error_type"),
    [
        ({"url": None}, "no_url"),
        ({"url": "javascript:alert(1)"}, "invalid_url"),
        ({"title": None, "publishedAt": 5, "seendate": None, "new": {"field": []}}, None),
    ],
)
def test_odd_articles(
    kind: str, server: Server, change: dict[str, Any], error_type: str | None
) -> None:
    article = server([]).article(1, back(1)) | change
    answer = as_json({"totalResults": 1, "articles": [article, article, "rubbish"]})
    found = list_round(kind, QUERIES, lambda asked: answer)
    assert [broken.error_type for broken in found.broken] == [error_type] * (error_type is not None)
    assert len(found.keys) == 1  # met twice, listed once


def test_newsapi_takes_articles_back() -> None:
    article = NewsApiServer([]).article(1, back(1))
    article |= {"title": "[Removed]", "url": "https://removed.com"}
    answer = as_json({"status": "ok", "totalResults": 1, "articles": [article]})
    (broken,) = list_round("newsapi", QUERIES, lambda asked: answer).broken
    assert broken.error_type == "removed"


def test_newsapi_options_are_passed_on() -> None:
    options = QUERIES | {"language": "es", "domains": ["a.example", "b.example"]}
    found = list_round("newsapi", options, NewsApiServer([]))
    asked = found.asked[0].query
    assert (asked["language"], asked["domains"]) == ("es", "a.example,b.example")
    assert "excludeDomains" not in asked


@pytest.mark.parametrize(
    ("status", "code", "wait"),
    [
        (401, "apiKeyInvalid", None),
        (426, "parameterInvalid", None),
        (429, "rateLimited", 3600.0),
        (500, "unexpectedError", None),
    ],
)
def test_newsapi_refusals_are_told_by_their_word(
    status: int, code: str, wait: float | None
) -> None:
    said = {"status": "error", "code": code, "message": f"Your key {KEY} is wrong"}
    error = failure("newsapi", QUERIES, lambda asked: as_json(said, status))
    assert code in str(error) and KEY not in str(error)
    assert error.retry_after_s == wait


def test_gdelt_refuses_in_plain_words_with_status_200() -> None:
    said = Reply(b"Your query was too short or too long.\n", headers={"Content-Type": "text/html"})
    error = failure("gdelt", QUERIES, lambda asked: said)
    assert "too short or too long" in str(error)
    assert error.retry_after_s == 60.0


def test_gdelt_titles_with_control_characters() -> None:
    article = GdeltServer([]).article(1, back(1)) | {"title": "Deputies TAB shock man"}
    body = json.dumps({"articles": [article]}).replace("TAB", "\t").encode()
    (item,) = list_round("gdelt", QUERIES, lambda asked: Reply(body)).items
    assert item.title == "Deputies \t shock man"


def test_gdelt_finds_nothing() -> None:
    found = list_round("gdelt", QUERIES, lambda asked: as_json({}))
    assert found.keys == []
    assert list_round("gdelt", QUERIES, lambda asked: as_json({}), SourceState("x")).keys == []


@both
def test_sources_of_one_kind_take_turns(kind: str, server: Server) -> None:
    """The second waits for the gap after the first one's question; another kind does not."""

    async def run() -> int:
        configs = [
            SourceConfig(name=name, kind=of, options=QUERIES)
            for name, of in (("a", kind), ("b", kind), ("c", OTHER[kind]))
        ]
        async with AsyncExitStack() as stack:
            served = await stack.enter_async_context(serving(lambda asked: Reply(status=500)))
            opened = []
            for source in open_sources(configs, served.connect):
                adapter: Any = source  # the protocol does not say that adapters are dataclasses
                opened.append(replace(adapter, api=f"{served.base}/api", gap_s=60.0))
                stack.push_async_callback(source.aclose)
            one, same, other = opened
            for source in (one, other):
                with pytest.raises(SourceError):
                    await source.list(SourceState())
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(same.list(SourceState()), 0.05)
            return len(served.asked)

    assert asyncio.run(run()) == 2
