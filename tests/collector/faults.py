"""What is wrong with some items of the loopback world, and how each has to end."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.ledger_site import FLAG, LEDE, page, teasers
from tests.source_site import Reply


def _same(url: str) -> str | None:
    return url


@dataclass(frozen=True)
class Fault:
    """A kind of broken item: who lists it, and the reason that its dead letter must tell.

    `url` is what the source says instead of the item's URL, `row` what a drop folder holds.
    """

    name: str
    kind: str
    error_type: str
    url: Callable[[str], str | None] = _same
    row: str | None = None


SILENT = Fault("silent", "gdelt", "fetch_timeout")
FAULTS = (
    Fault("gone", "rss", "upstream_status"),
    Fault("down", "gdelt", "upstream_status"),
    Fault("busy", "urls", "bot_blocked"),
    Fault("index", "urls", "not_an_article"),
    Fault("paywall", "newsapi", "paywalled"),
    Fault("row", "drop", "invalid_row", row='{"text": '),
    Fault("empty", "drop", "empty", row='{"title": "no text"}'),
    Fault("closed", "rss", "robots_disallowed"),
    Fault("moved", "urls", "robots_disallowed"),
    Fault("away", "gdelt", "robots_disallowed"),
    Fault("round", "rss", "too_many_redirects"),
    Fault("huge", "newsapi", "response_too_large"),
    Fault("cut", "rss", "connect_failed"),
    Fault("pdf", "reddit", "unsupported_content_type"),
    Fault("picture", "reddit", "no_story", url=lambda url: "https://i.redd.it/1.jpg"),
    Fault("nameless", "newsapi", "no_url", url=lambda url: None),
    Fault("removed", "newsapi", "removed"),
    Fault("malformed", "urls", "invalid_url", url=lambda url: f"htp {url}"),
    Fault("inside", "urls", "blocked_address", url=lambda url: "http://10.0.0.1/news/1/story"),
)
MAX_PAGE = 200_000  # bytes that the collector of the test takes


def faulty_page(fault: Fault, elsewhere: str, path: str) -> Reply:
    """What stands at the URL of such an item. `elsewhere` is closed to readers."""
    html = {"Content-Type": "text/html"}
    match fault.name:
        case "gone":
            return Reply(status=404)
        case "down":
            return Reply(status=500)
        case "busy":
            return Reply(status=503)
        case "index":
            body = f"<main><h1>Local news</h1>{teasers(14)}</main>"
            return Reply(page(body, "Local news").encode(), headers=html)
        case "paywall":
            body = f"<article><h1>Deputy used Taser on shopper</h1>{LEDE}</article>"
            return Reply(page(body, head=FLAG % '"False"').encode(), headers=html)
        case "moved":
            return Reply(status=301, headers={"Location": "/closed/1/story"})
        case "away":
            return Reply(status=302, headers={"Location": elsewhere})
        case "round":
            return Reply(status=302, headers={"Location": path})
        case "huge":
            return Reply(b"<p>" + b"a" * MAX_PAGE, headers=html)
        case "cut":
            return Reply(b"<p>", headers={"Content-Type": "text/html", "Content-Length": "9"})
        case "pdf":
            return Reply(b"%PDF-1.7", headers={"Content-Type": "application/pdf"})
    assert fault is SILENT, fault
    return Reply(held=True)
