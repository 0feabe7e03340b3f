"""What all adapters have in common: options, keys, refusals, walks and the client below them."""

import asyncio
import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.adapters import KINDS, open_source
from collector.adapters.answers import retry_after_s
from collector.adapters.walk import Walk, Walks, earlier
from collector.config import ConfigError, SourceConfig, read_config
from collector.source import SourceError
from service.errors import ServiceError
from tests.source_listing import failure, list_round
from tests.source_site import LIMITS, Asked, Reply, as_json, serving

ROOT = Path(__file__).resolve().parent.parent
KEY = "k3y-that-nobody-may-see"
OPTIONS: dict[str, dict[str, Any]] = {
    "rss": {"url": "{base}/feed"},
    "urls": {"url": "{base}/list.txt"},
    "reddit": {"subreddits": ["news"]},
    "newsapi": {"queries": ["police force"]},
    "gdelt": {"queries": ["police force"]},
}
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSAPI_KEY", KEY)
    monkeypatch.delenv("REDDIT_CLIENT_ID", raising=False)
    monkeypatch.delenv("REDDIT_CLIENT_SECRET", raising=False)


@pytest.mark.parametrize("kind", OPTIONS)
@pytest.mark.parametrize(
    ("reply", "said", "wait"),
    [
        (Reply(status=401), "401", None),
        (Reply(status=403), "refuses", None),
        (Reply(status=404), "404", None),
        (Reply(status=429, headers={"Retry-After": "77"}), "429", 77.0),
        (Reply(status=500), "500", None),
        (Reply(status=503, headers={"Retry-After": "999999"}), "503", 86_400.0),
        (Reply(b"x" * (LIMITS.max_bytes + 1)), "larger", None),
        (Reply(b"rubbish", headers={"Content-Encoding": "gzip, br"}), "packed", None),
    ],
)
def test_a_refusal_is_told_with_its_wait(
    kind: str, reply: Reply, said: str, wait: float | None
) -> None:
    def refuse(asked: Asked) -> Reply:
        return reply

    error = failure(kind, OPTIONS[kind], refuse)
    assert said in str(error)
    if wait is not None:
        assert error.retry_after_s == wait
    assert KEY not in str(error)


@pytest.mark.parametrize("kind", ["reddit", "newsapi", "gdelt"])
@pytest.mark.parametrize(
    "reply",
    [
        Reply(b'{"articles": [{"url"'),
        Reply(b"[1, 2]"),
        Reply(b"<html>Whoa there</html>"),
        Reply(b"{" * 100_000),
        as_json({"articles": "none", "data": []}),
        Reply(status=302, headers={"Location": "/elsewhere"}),
    ],
)
def test_an_api_that_answers_rubbish_is_an_error(kind: str, reply: Reply) -> None:
    failure(kind, OPTIONS[kind], lambda asked: reply)


@pytest.mark.parametrize("kind", ["reddit", "newsapi", "gdelt"])
def test_credentials_do_not_follow_a_redirect(kind: str) -> None:
    async def run() -> None:
        async with serving(lambda asked: Reply()) as other:
            moved = Reply(status=307, headers={"Location": f"{other.base}/thief"})
            with pytest.raises(SourceError):
                await asyncio.to_thread(list_round, kind, OPTIONS[kind], lambda asked: moved)
            assert not other.asked

    asyncio.run(run())


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("rss", {}, "url"),
        ("rss", {"url": "https://example.com/f", "colour": 1}, "colour"),
        ("reddit", {"subreddits": []}, "subreddits"),
        ("newsapi", {"queries": ["a"], "language": "english"}, "language"),
        ("gdelt", {"queries": ["a"], "days": 400}, "days"),
        ("urls", {}, "file"),
        ("urls", {"file": "a", "url": "b"}, "either"),
        ("drop", {}, "folder"),
        ("telegram", {}, "no kind"),
    ],
)
def test_wrong_options_are_named(kind: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        open_source(SourceConfig(name="s", kind=kind, options=options))


@pytest.mark.parametrize(
    ("kind", "has", "lacks"),
    [
        ("newsapi", {}, "NEWSAPI_KEY"),
        ("reddit", {"REDDIT_CLIENT_ID": "id"}, "REDDIT_CLIENT_SECRET"),
        ("newsapi", {"NEWSAPI_KEY": "two\nlines"}, "NEWSAPI_KEY"),
    ],
)
def test_a_missing_key_is_named(
    kind: str, has: dict[str, str], lacks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEWSAPI_KEY")
    for name, value in has.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=lacks) as raised:
        open_source(SourceConfig(name="s", kind=kind, options=OPTIONS[kind]))
    assert not any(value in str(raised.value) for value in has.values())


def test_the_example_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDDIT_CLIENT_ID", KEY)
    monkeypatch.setenv("REDDIT_CLIENT_SECRET", KEY)
    config = read_config(ROOT / "sources.example.toml")
    sources = [open_source(source) for source in config.source]
    assert {source.kind for source in sources} == set(KINDS)
    assert KEY not in repr(sources)
    for source in sources:
        asyncio.run(source.aclose())


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"Retry-After": "12"}, 12.0),
        ({"Retry-After": "Sun, 22 Nov 2026 12:01:00 GMT"}, 60.0),
        ({"Retry-After": "Sun, 22 Nov 2026 11:00:00 GMT"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "1e300"}, 86_400.0),
        ({"X-Ratelimit-Reset": "33"}, 33.0),
    ],
)
def test_waits_asked_for(headers: dict[str, str], wait: float | None) -> None:
    from email.message import Message

    message = Message()
    for name, value in headers.items():
        message[name] = value
    assert retry_after_s(message, NOW) == wait


def test_a_walk_goes_down_to_the_last_ones_top() -> None:
    hour = timedelta(hours=1)
    walk = Walk()
    assert walk.floor(NOW, 24 * hour, hour) == NOW - 24 * hour
    walk = walk.stepped([NOW - hour, NOW - 2 * hour], "page 2", NOW)
    assert walk.resume == "page 2"
    walk = walk.stepped([NOW - 3 * hour], None, NOW)
    assert (walk.since, walk.newest, walk.resume) == ((NOW - hour).isoformat(), None, None)
    assert walk.floor(NOW, 24 * hour, hour) == NOW - 2 * hour
    assert walk.stepped([], None, NOW) == walk  # nothing new moves nothing
    ahead = walk.stepped([NOW + 9 * hour], None, NOW)
    assert ahead.since == NOW.isoformat()  # a clock that is ahead hides nothing later


def test_walks_take_turns_and_outlive_a_changed_config() -> None:
    walks = Walks.read(None, ("a", "b"))
    walks = walks.stepped(Walk(resume="2"))
    assert (walks.name, walks.more) == ("a", True)
    walks = Walks.read(walks.write(), ("a", "b"))
    assert walks.walk == Walk(resume="2")
    walks = walks.stepped(Walk(since=NOW.isoformat()))
    assert (walks.name, walks.more) == ("b", True)
    changed = Walks.read(walks.write(), ("c", "a"))
    assert (changed.name, changed.walks) == ("c", (Walk(), Walk(since=NOW.isoformat())))
    walks = walks.stepped(Walk())
    assert (walks.name, walks.more) == ("a", False)


@pytest.mark.parametrize("cursor", ["", "{", "[]", '{"walks": {"a": {"x": 1}}}', '{"walks": 3}'])
def test_an_unreadable_cursor_begins_anew(cursor: str) -> None:
    assert Walks.read(cursor, ("a",)) == Walks(("a",), (Walk(),))


def test_a_source_that_ignores_the_times_asked_for_is_an_error() -> None:
    step = timedelta(seconds=1)
    assert earlier([NOW, NOW - step], None, step) == (NOW - step, False)
    assert earlier([NOW, NOW], NOW, step) == (NOW - step, True)
    with pytest.raises(SourceError):
        earlier([NOW, NOW - step], NOW - step, step)


def test_the_client_keeps_to_the_guard() -> None:
    async def run() -> None:
        async with serving(lambda asked: Reply(b"no")) as served:
            client = served.connect()
            with pytest.raises(ServiceError, match="public address"):
                await client.get("http://169.254.169.254/latest/meta-data")
            with pytest.raises(ServiceError, match="public address"):
                await client.get("http://10.0.0.1/")
            away = Reply(status=302, headers={"Location": "http://192.168.0.1/"})
            served.answer = lambda asked: away
            with pytest.raises(ServiceError, match="public address"):
                await client.get(served.base)
            round_and_round = Reply(status=301, headers={"Location": "/again"})
            served.answer = lambda asked: round_and_round
            with pytest.raises(ServiceError, match="too often"):
                await client.get(served.base)
            await client.aclose()

    asyncio.run(run())


def test_the_client_unpacks_and_says_who_asks() -> None:
    async def run() -> None:
        packed = Reply(gzip.compress(b"words"), headers={"Content-Encoding": "gzip"})
        async with serving(lambda asked: packed) as served:
            client = served.connect()
            answer = await client.get(served.base)
            await client.aclose()
        assert answer.body == b"words"
        assert "BrutalityWatch/" in served.asked[0].headers["user-agent"]

    asyncio.run(run())


def test_a_small_answer_that_unpacks_to_a_large_one_is_refused() -> None:
    bomb = Reply(gzip.compress(bytes(50_000_000)), headers={"Content-Encoding": "gzip"})
    assert "larger" in str(failure("rss", OPTIONS["rss"], lambda asked: bomb))
