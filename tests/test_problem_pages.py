"""Every kind of page that holds no readable story gets its own error or warning."""

import asyncio
import re
from pathlib import Path

import pytest

from service.errors import ErrorType, ServiceError
from service.extract import extract, read_page
from service.model import Model
from service.places import Locator
from tests.lookalike_pages import LOOKALIKES
from tests.loopback_site import ok, redirect
from tests.running_app import running_app
from tests.storyless_pages import STORYLESS
from tests.wall_pages import WALLS

PAGES = Path(__file__).parent / "pages"
URL = "https://www.harlowledger.example/2024/03/14/deputy-taser"


def page(name: str) -> bytes:
    return (PAGES / f"{name}.html").read_bytes()


@pytest.mark.parametrize(
    ("name", "url", "expected"),
    [
        ("paywall_hard", URL, ErrorType.PAYWALLED),
        ("consent_wall", "https://consent.harlowledger.example/v2/collect", ErrorType.CONSENT_WALL),
        ("consent_wall", URL, ErrorType.CONSENT_WALL),
        ("bot_wall", URL, ErrorType.BOT_BLOCKED),
        ("bot_wall_incapsula", URL, ErrorType.BOT_BLOCKED),
        ("bot_wall_denied", URL, ErrorType.BOT_BLOCKED),
        ("app_shell", URL, ErrorType.NEEDS_JAVASCRIPT),
        ("section", "https://www.harlowledger.example/news/", ErrorType.NOT_AN_ARTICLE),
        ("section", "https://www.harlowledger.example/", ErrorType.NOT_AN_ARTICLE),
        ("home_page", "https://www.harlowledger.example/", ErrorType.NOT_AN_ARTICLE),
        ("tag_page", "https://www.harlowledger.example/tag/police/", ErrorType.NOT_AN_ARTICLE),
        (
            "author_page",
            "https://www.harlowledger.example/author/rosa-lindqvist",
            ErrorType.NOT_AN_ARTICLE,
        ),
        ("section_river", "https://www.harlowledger.example/news/local", ErrorType.NOT_AN_ARTICLE),
        ("soft_404", URL, ErrorType.NOT_FOUND),
        ("video", URL, ErrorType.TOO_SHORT),
        ("too_short", URL, ErrorType.TOO_SHORT),
    ],
)
def test_refuses(name: str, url: str, expected: ErrorType) -> None:
    with pytest.raises(ServiceError) as refusal:
        extract(page(name), url)
    assert refusal.value.error_type == expected


VARIANTS = WALLS + STORYLESS


@pytest.mark.parametrize(
    ("url", "html", "expected"), [case[1:] for case in VARIANTS], ids=[case[0] for case in VARIANTS]
)
def test_refuses_the_pages_of_many_vendors(url: str, html: str, expected: ErrorType) -> None:
    with pytest.raises(ServiceError) as refusal:
        extract(html.encode(), url)
    assert refusal.value.error_type == expected


@pytest.mark.parametrize(
    "html", [case[1] for case in LOOKALIKES], ids=[case[0] for case in LOOKALIKES]
)
def test_a_story_with_something_of_a_wall_is_a_story(html: str) -> None:
    text = extract(html.encode(), URL).text
    assert "report that the sheriff's office released" in text
    assert "free articles" not in text and "reject all" not in text


@pytest.mark.parametrize(
    ("name", "status", "expected"),
    [
        ("bot_wall_denied", 403, ErrorType.BOT_BLOCKED),
        ("article", 403, ErrorType.BOT_BLOCKED),
        ("paywall_hard", 403, ErrorType.PAYWALLED),
        ("teaser", 402, ErrorType.PAYWALLED),
    ],
)
def test_refusing_status_is_never_read_as_a_story(
    name: str, status: int, expected: ErrorType
) -> None:
    with pytest.raises(ServiceError) as refusal:
        read_page(page(name), URL, None, status)
    assert refusal.value.error_type == expected


def test_paywall_tells_what_the_page_says_of_the_story() -> None:
    with pytest.raises(ServiceError) as refusal:
        extract(page("paywall_hard"), URL)
    assert refusal.value.detail == {
        "title": "Deputy used Taser on shopper, report says",
        "date": "2024-03-14",
        "authors": ["Rosa Lindqvist", "Tom Abara"],
        "site": "Harlow Ledger",
        "canonical_url": "https://www.harlowledger.example/2024/03/14/deputy-taser",
    }


def test_paywall_flag_alone_is_only_a_warning() -> None:
    story = extract(page("paywall_soft"), URL)
    assert story.warnings == ("paywall_flag",)
    assert "commissioners" in story.text


@pytest.mark.parametrize("name", ["teaser", "first_of_two"])
def test_part_of_a_story_says_so(name: str) -> None:
    story = extract(page(name), URL)
    assert story.partial_text
    assert "parking lot of a grocery store" in story.text


@pytest.mark.parametrize("name", ["article", "paywall_soft", "german", "planted_canonical"])
def test_whole_stories_are_whole(name: str) -> None:
    assert not extract(page(name), URL).partial_text


@pytest.mark.parametrize("path", ["/taser", "/news/taser", "/local/deputy-taser"])
def test_a_story_that_does_not_say_so_is_no_list(path: str) -> None:
    """Short address, no type, no date, and more headlines beside it than paragraphs in it."""
    html = page("article").decode()
    body = re.search(r"<article.*?</article>", html, re.DOTALL)
    assert body is not None
    paragraphs = "".join(re.findall(r"<p>.*?</p>", body[0], re.DOTALL))
    river = re.search(r"<div class=\"content\">.*</div>", page("section_river").decode(), re.DOTALL)
    assert river is not None
    plain = f"<html><body><h1>Deputy used Taser</h1>{paragraphs}{river[0]}</body></html>"
    story = extract(plain.encode(), "https://www.harlowledger.example" + path)
    assert "parking lot of a grocery store" in story.text


@pytest.mark.parametrize("name", ["app_state", "json_ld_body"])
def test_reads_what_a_script_page_carries_along(name: str) -> None:
    text = extract(page(name), URL).text
    assert "shocked a 41-year-old man" in text
    assert "shown on the county's channel" in text


def test_live_blog_is_read_newest_first() -> None:
    story = extract(page("live_blog"), "https://www.harlowledger.example/live/protest")
    order = [story.text.index(h) for h in ("Police fire tear gas", "Streets reopen", "Crowd")]
    assert order == sorted(order)
    assert story.page_type == "live_blog"


HOST, PATH = "www.harlowledger.example", "/2024/03/14/deputy-taser"
PDF = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n%PDF-1.7"


def refusal(status: int, name: str) -> bytes:
    return ok(page(name)).replace(b"200 OK", b"%d Refused" % status, 1)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("host", "path", "response", "status", "error_type"),
    [
        (HOST, PATH, ok(page("paywall_hard")), 422, "paywalled"),
        (HOST, PATH, refusal(402, "teaser"), 422, "paywalled"),
        (HOST, PATH, refusal(403, "paywall_hard"), 422, "paywalled"),
        ("consent.harlowledger.example", "/v2", ok(page("consent_wall")), 422, "consent_wall"),
        (HOST, PATH, ok(page("bot_wall")), 502, "bot_blocked"),
        (HOST, PATH, refusal(403, "bot_wall_denied"), 502, "bot_blocked"),
        (HOST, PATH, refusal(429, "bot_wall"), 502, "bot_blocked"),
        (HOST, PATH, refusal(503, "bot_wall"), 502, "bot_blocked"),
        (HOST, PATH, ok(page("app_shell")), 422, "needs_javascript"),
        (HOST, "/", ok(page("home_page")), 422, "not_an_article"),
        (HOST, "/news/local", ok(page("section_river")), 422, "not_an_article"),
        (HOST, PATH, ok(page("soft_404")), 404, "not_found"),
        (HOST, PATH, refusal(404, "soft_404"), 502, "upstream_status"),
        (HOST, PATH, refusal(410, "soft_404"), 502, "upstream_status"),
        (HOST, PATH, refusal(451, "soft_404"), 502, "upstream_status"),
        (HOST, PATH, refusal(500, "article"), 502, "upstream_status"),
        (HOST, PATH, PDF, 415, "unsupported_content_type"),
        (HOST, PATH, ok(b"x", "Content-Type: video/mp4"), 415, "unsupported_content_type"),
        (HOST, PATH, redirect("http://10.0.0.1/"), 422, "blocked_address"),
        (HOST, PATH, ok(page("video")), 422, "too_short"),
        (HOST, PATH, ok(page("too_short")), 422, "too_short"),
    ],
)
async def test_the_service_answers_an_error_and_no_label(
    model: Model,
    locator: Locator,
    host: str,
    path: str,
    response: bytes,
    status: int,
    error_type: str,
) -> None:
    async def handler(path: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(response)
        await writer.drain()

    async with running_app(model, locator, handler) as app:
        answer = await app.predict(host, path)
    assert (answer.json()["error_type"], answer.status_code) == (error_type, status)
    assert answer.json().keys() <= {"error", "error_type", "detail"}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "path", "article", "warnings"),
    [
        ("article", PATH, {"wire": "AP", "page_type": "article", "site": "Harlow Ledger"}, []),
        ("paywall_soft", PATH, {"partial_text": False}, ["paywall_flag"]),
        ("teaser", PATH, {"partial_text": True}, ["partial_text"]),
        ("first_of_two", PATH, {"partial_text": True}, ["partial_text"]),
        ("live_blog", "/live/protest", {"page_type": "live_blog"}, []),
        ("german", PATH, {"language": "de"}, ["not_english"]),
        ("amp", "/amp/deputy-taser", {"canonical_url": URL}, []),
        ("planted_canonical", PATH, {"canonical_url": None}, []),
    ],
)
async def test_the_service_answers_with_warnings(
    model: Model,
    locator: Locator,
    name: str,
    path: str,
    article: dict[str, object],
    warnings: list[str],
) -> None:
    async def handler(path: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(ok(page(name)))
        await writer.drain()

    async with running_app(model, locator, handler) as app:
        response = await app.predict(HOST, path)
        assert len(app.site.requests) == 1
    answer = response.json()
    assert response.status_code == 200, answer
    assert answer["warnings"] == warnings
    assert {key: answer["article"][key] for key in article} == article
