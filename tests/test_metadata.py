"""Title, date, authors, site, canonical URL, language and agency of a page."""

from pathlib import Path

import pytest

from service.extract import extract
from service.metadata import find_title, find_wire, without_site
from service.page_head import PageHead, Schema

PAGES = Path(__file__).parent / "pages"
URL = "https://www.harlowledger.example/2024/03/14/deputy-taser"


def test_reads_all_fields_of_an_article() -> None:
    story = extract((PAGES / "article.html").read_bytes(), URL)
    assert story.title == "Deputy used Taser on shopper, report says"
    assert story.date == "2024-03-14"
    assert story.authors == ("Rosa Lindqvist", "Tom Abara")
    assert story.site == "Harlow Ledger"
    assert story.canonical_url == URL
    assert story.language == "en"
    assert story.wire == "AP"
    assert story.page_type == "article"


def test_planted_internal_addresses_are_not_passed_on() -> None:
    story = extract((PAGES / "planted_canonical.html").read_bytes(), URL)
    assert story.canonical_url is None


@pytest.mark.parametrize(
    ("title", "site", "expected"),
    [
        ("Deputy used Taser | Harlow Ledger", "Harlow Ledger", "Deputy used Taser"),
        ("Harlow Ledger - Deputy used Taser", "Harlow Ledger", "Deputy used Taser"),
        (
            "Ledger - Deputy used Taser, the Ledger finds",
            "Ledger",
            "Deputy used Taser, the Ledger finds",
        ),
        ("Deputy used Taser - Ledger News Online", "Ledger", "Deputy used Taser"),
        ("Deputy used Taser - report", "Harlow Ledger", "Deputy used Taser - report"),
        ("Deputy used Taser | Crime | Ledger", None, "Deputy used Taser | Crime"),
    ],
)
def test_drops_the_site_from_titles(title: str, site: str | None, expected: str) -> None:
    assert without_site(title, site) == expected


def test_heading_that_the_head_confirms_is_the_title() -> None:
    schema = Schema(headline="Deputy used Taser on shopper")
    head = PageHead(
        title="Harlow Ledger",
        h1=("Harlow Ledger Online", "Deputy used Taser on shopper, report says"),
        schema=schema,
    )
    assert find_title(head) == "Deputy used Taser on shopper, report says"
    kicker = PageHead(h1=("Politics | Deputy used Taser on shopper",), schema=schema)
    assert find_title(kicker) == "Deputy used Taser on shopper"


@pytest.mark.parametrize(
    ("text", "authors", "expected"),
    [
        ("HARLOW, Ohio (AP) — A deputy", (), "AP"),
        ("WASHINGTON (Reuters) - A deputy", (), "Reuters"),
        ("A deputy told AP on Monday", (), None),
        ("A deputy", ("Associated Press",), "AP"),
    ],
)
def test_names_the_wire_agency(text: str, authors: tuple[str, ...], expected: str | None) -> None:
    assert find_wire(text, authors) == expected
