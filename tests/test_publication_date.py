"""The day of publication: what a page claims, what it shows, and which of the two counts."""

from datetime import date

import pytest

from service.extract import extract
from service.publication_date import parse_date, url_date

URL = "https://www.harlowledger.example/news/deputy-taser"
DATED_URL = "https://www.harlowledger.example/2024/03/14/deputy-taser"
PROSE = "<p>" + "A deputy shocked a man in a parking lot on Tuesday, the report says. " * 6 + "</p>"


def story_date(
    byline: str, published: str = "", modified: str = "", url: str = URL, lang: str = "en-US"
) -> str | None:
    """The date read off a story with this byline, JSON-LD and address."""
    schema = f'{{"@type":"NewsArticle","datePublished":"{published}","dateModified":"{modified}"}}'
    html = (
        f'<html lang="{lang}"><head><title>Deputy used Taser</title>'
        f'<script type="application/ld+json">{schema}</script></head><body>'
        "<ul><li>Festival opens May 2, 2019</ul>"
        f"<h1>Deputy used Taser</h1>{byline}{PROSE}{PROSE}{PROSE}"
        "<h3>Bridge repairs start</h3><div>June 5, 2021</div></body></html>"
    )
    return extract(html.encode(), url).date


@pytest.mark.parametrize(
    ("byline", "published", "modified", "url", "expected"),
    [
        # Nothing is claimed: the byline, the address, both.
        ("<div>March 14, 2024</div>", "", "", URL, "2024-03-14"),
        ("<div><span>Rosa Lindqvist</span><span>Mar 14, 2024</span><span>2 Shares</span></div>",
         "", "", URL, "2024-03-14"),
        ("<div>Updated: March 14, 2024</div>", "", "", URL, "2024-03-14"),
        ("<div>Updated March 16, 2024</div><div>Published March 14, 2024</div>",
         "", "", URL, "2024-03-14"),
        ("<div><time datetime='2024-03-14T09:00:00-04:00'>2 days ago</time></div>",
         "", "", URL, "2024-03-14"),
        ("<div>03/15/2024 05:00 AM EST</div>", "", "", DATED_URL, "2024-03-15"),
        ("<div>By Rosa Lindqvist</div>", "", "", DATED_URL, "2024-03-14"),
        # The claim is in UTC: readers see another day.
        ("<div>March 15, 2024 - 9:03AM</div>", "2024-03-14T22:03:00Z", "", URL, "2024-03-15"),
        ("<div>March 14, 2024</div>", "2024-03-15T03:22:07Z", "", URL, "2024-03-14"),
        ("<div>By Rosa Lindqvist</div>", "2024-03-15T03:22:07Z", "", URL, "2024-03-14"),
        ("<div>By Rosa Lindqvist</div>", "2024-03-15T03:22:07Z", "", DATED_URL, "2024-03-14"),
        # A claim with its own time zone stands against the next day's print edition.
        ("<div>March 15, 2024</div>", "2024-03-14T19:30:00-04:00", "", URL, "2024-03-14"),
        # Only the day of an update is shown, or the claim was reset by software.
        ("<div>Updated March 20, 2024</div>", "2022-10-24T19:16:43-04:00",
         "2024-03-20T13:36:44-04:00", URL, "2024-03-20"),
        ("<div>March 14, 2024</div>", "2024-06-24", "2024-06-24", URL, "2024-03-14"),
        ("<div>Published March 14, 2024</div><div>Updated March 20, 2024</div>",
         "2024-03-14T09:00:00-04:00", "2024-03-20T09:00:00-04:00", URL, "2024-03-14"),
        # A date elsewhere on the page is another story's.
        ("<div>By Rosa Lindqvist</div>", "2024-03-14", "", URL, "2024-03-14"),
    ],
)  # fmt: skip
def test_the_day_that_readers_see_counts(
    byline: str, published: str, modified: str, url: str, expected: str
) -> None:
    assert story_date(byline, published, modified, url) == expected


def test_numbers_are_read_as_the_country_writes_them() -> None:
    assert story_date("<div>03/05/2024</div>") == "2024-03-05"
    assert story_date("<div>03/05/2024</div>", lang="en-GB") == "2024-05-03"
    assert story_date("<div>03.05.2024, 11.08 Uhr</div>", lang="de-CH") == "2024-05-03"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2024-03-14T18:20:00-04:00", date(2024, 3, 14)),
        ("2024-03-14 18:20", date(2024, 3, 14)),
        ("20240314", date(2024, 3, 14)),
        ("March 14, 2024 at 6:20 p.m.", date(2024, 3, 14)),
        ("Sept. 3rd, 2021", date(2021, 9, 3)),
        ("Thu, 14 Mar 2024 09:45:16 PST", date(2024, 3, 14)),
        ("12/20/2023 20:41:43", date(2023, 12, 20)),
        ("13/11/2025 09:21", date(2025, 11, 13)),
        ("2024-13-45", None),
        ("0001-01-01T00:00:00Z", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_parses_dates(said: str, expected: date | None) -> None:
    assert parse_date(said) == expected


def test_utc_evening_is_the_day_before_in_american_newsrooms() -> None:
    assert parse_date("2024-03-15T03:22:07Z", american=True) == date(2024, 3, 14)
    assert parse_date("2024-03-15T00:00:00Z", american=True) == date(2024, 3, 15)
    assert parse_date("2024-03-15T03:22:07Z") == date(2024, 3, 15)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/2024/03/14/story", date(2024, 3, 14)),
        ("https://a.example/news/2024-03-14/story", date(2024, 3, 14)),
        ("https://a.example/2024/mar/14/story", date(2024, 3, 14)),
        ("https://a.example/article/20241399", None),
        ("https://a.example/", None),
        ("", None),
    ],
)
def test_finds_dates_in_urls(url: str, expected: date | None) -> None:
    assert url_date(url) == expected
