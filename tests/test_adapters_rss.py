"""RSS and Atom, as sites really write them."""

from pathlib import Path

import pytest

from collector.adapters.markup import text_of, whole_story
from collector.source import SourceState
from tests.source_listing import failure, list_round
from tests.source_site import Asked, Reply

FEED = {"url": "{base}/feed"}
WHOLE = {"url": "{base}/feed", "full_text": True}
STORY = (
    "<p>A deputy shocked a man twice with a Taser outside a grocery store on Friday, the county "
    "sheriff said, after the man refused to leave the parking lot.</p>"
    "<p>The man, 34, was treated at a hospital and released. Two shoppers filmed the arrest, and "
    "in their videos he is on the ground with his hands visible when the second shock comes.</p>"
    "<p>The sheriff has put the deputy on leave while the state looks into the arrest. He said "
    "that the office would publish the deputy&#8217;s camera recording within thirty days, as its "
    "own rules have demanded since last year.</p>"
    "<p>It was the third such arrest in the county this autumn, records show.</p>"
)


def rss(*items: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Daily</title>'
        "<link>https://daily.example/</link><description>News</description>"
        + "".join(f"<item>{item}</item>" for item in items)
        + "</channel></rss>\n"
    ).encode()


def entry(number: int) -> str:
    return (
        f"<title>Story {number} &amp; more</title><link>https://daily.example/{number}</link>"
        f'<guid isPermaLink="false">daily-{number}</guid>'
        "<pubDate>Fri, 20 Nov 2026 18:30:00 -0500</pubDate><dc:creator>Somebody</dc:creator>"
    )


ATOM = b"""<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Wire</title>
<id>tag:wire.example,2026:feed</id><updated>2026-11-20T12:00:00Z</updated>
<entry><title type="html">Man &lt;b&gt;shocked&lt;/b&gt;</title><id>tag:wire.example,2026:7</id>
<link rel="alternate" href="/a/7"/><link rel="enclosure" href="/a/7.mp3"/>
<updated>2026-11-20T12:00:00Z</updated><published>2026-11-20T11:00:00+01:00</published>
<content type="html">&lt;p&gt;Short.&lt;/p&gt;</content></entry></feed>"""


def test_rss() -> None:
    found = list_round("rss", FEED, lambda asked: Reply(rss(entry(1), entry(2), entry(2))))
    assert found.keys == ["daily-1", "https://daily.example/2"]
    first = found.items[0]
    assert (first.url, first.title) == ("https://daily.example/1", "Story 1 & more")
    assert (first.date, first.text) == ("2026-11-20T23:30:00+00:00", None)


def test_atom_with_links_of_its_own_site() -> None:
    (item,) = list_round("rss", FEED, lambda asked: Reply(ATOM)).items
    assert item.key == "tag:wire.example,2026:7"
    assert item.url is not None and item.url.endswith("/a/7")
    assert (item.title, item.date) == ("Man shocked", "2026-11-20T10:00:00+00:00")


def test_an_unchanged_feed_is_not_sent_again() -> None:
    validators = {"ETag": '"v1"', "Last-Modified": "Fri, 20 Nov 2026 00:00:00 GMT"}

    def answer(asked: Asked) -> Reply:
        if asked.headers.get("if-none-match") == '"v1"':
            return Reply(status=304)
        return Reply(rss(entry(1)), headers=validators)

    first = list_round("rss", FEED, answer)
    assert first.state == SourceState(None, *validators.values())
    again = list_round("rss", FEED, answer, first.state)
    assert (again.keys, again.state) == ([], first.state)
    assert again.asked[0].headers["if-modified-since"] == validators["Last-Modified"]


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        (rss(entry(1), entry(2)).replace(b"&amp;", b"& "), ["daily-1", "daily-2"]),
        (rss(entry(1), entry(2))[:-200], ["daily-1"]),
        (rss(entry(1)).replace(b"Story", b"St\x00ry"), ["daily-1"]),
    ],
)
def test_a_broken_feed_gives_what_is_whole_and_is_asked_for_again(
    body: bytes, keys: list[str]
) -> None:
    found = list_round("rss", FEED, lambda asked: Reply(body, headers={"ETag": '"v1"'}))
    assert found.keys == keys
    assert found.state == SourceState()


def test_what_is_no_feed_is_an_error(tmp_path: Path) -> None:
    feed = tmp_path / "local.xml"
    feed.write_bytes(rss(entry(1)))
    for body in (b"", b"<html><body>Moved</body></html>", b"{}", str(feed).encode()):
        served = Reply(body)

        def answer(asked: Asked, served: Reply = served) -> Reply:
            return served

        assert "no feed" in str(failure("rss", FEED, answer))


def test_an_empty_feed_is_no_error() -> None:
    assert list_round("rss", FEED, lambda asked: Reply(rss())).keys == []


@pytest.mark.parametrize(
    ("item", "error_type"),
    [
        ("<title>No link at all</title>", "no_url"),
        ("<title>A call</title><link>tel:911</link><guid>x</guid>", "invalid_url"),
    ],
)
def test_broken_entries(item: str, error_type: str) -> None:
    found = list_round("rss", FEED, lambda asked: Reply(rss(entry(1), item)))
    assert [broken.error_type for broken in found.broken] == [error_type]
    assert len(found.items) == 1


def test_too_many_entries_are_told() -> None:
    found = list_round("rss", FEED, lambda asked: Reply(rss(*map(entry, range(1100)))))
    assert len(found.items) == 1000
    assert [broken.error_type for broken in found.broken] == ["too_many"]


def content(markup: str) -> str:
    return entry(1) + f"<content:encoded><![CDATA[{markup}]]></content:encoded>"


@pytest.mark.parametrize(
    ("markup", "whole"),
    [
        (STORY, True),
        (STORY + "<p>The post <a>A deputy</a> appeared first on <a>Daily</a>.</p>", True),
        (STORY + "<p>He said the [&hellip;]</p>", False),
        (STORY + "<p><a>Continue reading</a></p>", False),
        (STORY + "<p>Read the full story at Daily.</p>", False),
        (STORY.replace("records show.", "records"), False),
        ("<p>A deputy shocked a man.</p>", False),
        ("", False),
    ],
)
def test_a_feeds_text_is_used_only_where_it_is_the_whole_story(markup: str, whole: bool) -> None:
    def answer(asked: Asked) -> Reply:
        return Reply(rss(content(markup)))

    (item,) = list_round("rss", WHOLE, answer).items
    assert (item.text is not None) is whole
    if item.text is not None:
        assert "appeared first" not in item.text
        assert item.text.startswith("A deputy shocked a man twice")
    assert list_round("rss", FEED, answer).items[0].text is None


def test_text_of_markup() -> None:
    markup = "<h2>Head</h2>one<br>two <b>bold</b><script>x()</script><ul><li>a<li>b</ul> end"
    assert text_of(markup) == "Head\none\ntwo bold\na\nb\nend"
    assert whole_story("<!-- nothing -->") is None
