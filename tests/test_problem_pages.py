"""Every kind of page that holds no readable story gets its own error or warning."""

from pathlib import Path

import pytest

from service.errors import ErrorType, ServiceError
from service.extract import extract, read_page

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
        ("soft_404", URL, ErrorType.NOT_FOUND),
        ("video", URL, ErrorType.TOO_SHORT),
        ("too_short", URL, ErrorType.TOO_SHORT),
    ],
)
def test_refuses(name: str, url: str, expected: ErrorType) -> None:
    with pytest.raises(ServiceError) as refusal:
        extract(page(name), url)
    assert refusal.value.error_type == expected


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
