"""A loopback world of sources: stories, copies of them by other papers, and what is broken.

One server plays six sources and all the papers that they link to. Every item's URL holds its
number, so that a test can find what became of it.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from random import Random

from tests.collector.faults import Fault, faulty_page
from tests.collector.rows import DETAILS, event_of
from tests.ledger_site import page
from tests.source_site import Asked, Reply, as_json

NOW = time.time()
KINDS = ("rss", "full", "urls", "drop", "reddit", "newsapi", "gdelt")
ROBOTS = b"User-agent: *\nDisallow: /closed/\n"
CLOSED = "closed.example"  # a paper that wants no automated readers


@dataclass(frozen=True)
class Given:
    """One item of one source. `twin` is the number of the story that it copies."""

    number: int
    kind: str
    lead: str = ""
    body: tuple[str, ...] = ()
    twin: int | None = None
    fault: Fault | None = None

    @property
    def title(self) -> str:
        return f"Report {self.number} of the day from the county"

    @property
    def text(self) -> str:
        return "\n\n".join((self.lead, *self.body))


def given_items(originals: int, copies: int, faults: Sequence[Fault]) -> list[Given]:
    """So many of each, in any order; copies are of different originals."""
    chance = Random(originals)
    stories = [
        Given(number, KINDS[number % len(KINDS)], event_of(number), _body(number))
        for number in range(originals)
    ]
    twins = chance.sample(stories, copies)
    found = list(stories)
    for story in twins:
        number = len(found)
        lead = f"This is what {story.lead.split(' — ')[0].title()} woke up to, as other papers have"
        kind = KINDS[number * 3 % len(KINDS)]
        found.append(Given(number, kind, f"{lead} told.", story.body, twin=story.number))
    for fault in faults:
        found.append(Given(len(found), fault.kind, fault=fault))
    chance.shuffle(found)
    return found


def _body(number: int) -> tuple[str, ...]:
    """Paragraphs that no other story has."""
    chance = Random(number)

    def paragraph() -> str:
        one, two, three, four, *rest = chance.sample(DETAILS, 12)
        return (
            f"Near the {one} and the {two}, a neighbor had kept a {three} for {number + 3} years. "
            f"By the {four}, she said, they found {', '.join(rest[:5])} and a {rest[5]}. "
            f"Nobody could say whose {rest[6]} it was, or who had left the {rest[7]} there."
        )

    return tuple(paragraph() for _ in range(4))


class World:
    """Answers for the sources and the papers. Set `port` before it is asked."""

    def __init__(self, items: Sequence[Given]) -> None:
        self.items = {item.number: item for item in items}
        self.port = 0

    def answer(self, asked: Asked) -> Reply:
        host = asked.headers["host"].partition(":")[0]
        if asked.path == "/robots.txt":
            return Reply(b"User-agent: *\nDisallow: /\n" if host == CLOSED else ROBOTS)
        listing = self._listings().get(asked.path)
        if listing is not None:
            return listing(asked)
        item = self.items[int(asked.path.split("/")[2])]
        if item.fault is not None:
            return faulty_page(item.fault, self.url(item, CLOSED), asked.path)
        paragraphs = "".join(f"<p>{escape(part)}</p>" for part in (item.lead, *item.body))
        body = f"<article><h1>{item.title}</h1>{paragraphs}</article>"
        return Reply(page(body, item.title).encode(), headers={"Content-Type": "text/html"})

    def url(self, item: Given, host: str | None = None) -> str:
        section = "closed" if item.fault is not None and item.fault.name == "closed" else "news"
        host = host or f"paper{item.number % 9}.example"
        return f"http://{host}:{self.port}/{section}/{item.number}/story"

    def write_rows(self, folder: Path) -> None:
        """The rows of the drop folder."""
        folder.mkdir()
        lines = []
        for item in self._of("drop"):
            row = {"url": self.url(item), "title": item.title, "text": item.text}
            lines.append(item.fault.row if item.fault and item.fault.row else json.dumps(row))
        (folder / "rows.jsonl").write_text("".join(f"{line}\n" for line in lines))

    def _of(self, kind: str) -> Iterator[Given]:
        return (item for item in self.items.values() if item.kind == kind)

    def _listings(self) -> dict[str, Callable[[Asked], Reply]]:
        return {
            "/rss": lambda asked: self._rss(asked, "rss"),
            "/full": lambda asked: self._rss(asked, "full"),
            "/list.txt": lambda asked: Reply(
                "\n".join(_fault_url(i, self.url(i)) or "" for i in self._of("urls")).encode()
            ),
            "/r/news/new.json": lambda asked: self._reddit(),
            "/v2/everything": lambda asked: self._newsapi(),
            "/api/v2/doc/doc": lambda asked: self._gdelt(),
        }

    def _rss(self, asked: Asked, kind: str) -> Reply:
        if asked.headers.get("if-none-match") == '"v1"':
            return Reply(status=304)
        entries = "".join(
            f"<item><title>{item.title}</title><link>{self.url(item)}</link>"
            f"<guid>{kind}-{item.number}</guid><content:encoded>{_encoded(item)}</content:encoded>"
            "</item>"
            for item in self._of(kind)
        )
        space = "http://purl.org/rss/1.0/modules/content/"
        head = f'<rss version="2.0" xmlns:content="{space}"><channel><title>Daily</title>'
        return Reply(f"{head}{entries}</channel></rss>".encode(), headers={"ETag": '"v1"'})

    def _reddit(self) -> Reply:
        posts = []
        for item in self._of("reddit"):
            own = item.number % 2 == 0 and item.fault is None
            link = _fault_url(item, self.url(item))
            data = {
                "name": f"t3_{item.number}", "title": item.title, "created_utc": NOW,
                "permalink": f"/news/{item.number}/story", "is_self": own,
                "selftext": item.text if own else "", "url": link,
            }  # fmt: skip
            posts.append({"kind": "t3", "data": data})
        return as_json({"data": {"children": posts, "after": None}})

    def _newsapi(self) -> Reply:
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW))
        articles = []
        for item in self._of("newsapi"):
            title = "[Removed]" if item.fault and item.fault.name == "removed" else item.title
            url = _fault_url(item, self.url(item))
            articles.append({"url": url, "title": title, "publishedAt": when})
        return as_json({"status": "ok", "totalResults": len(articles), "articles": articles})

    def _gdelt(self) -> Reply:
        when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(NOW))
        urls = [_fault_url(item, self.url(item)) for item in self._of("gdelt")]
        return as_json({"articles": [{"url": url, "seendate": when} for url in urls]})


def _fault_url(item: Given, url: str) -> str | None:
    return item.fault.url(url) if item.fault is not None else url


def _encoded(item: Given) -> str:
    """The whole story in a feed of whole stories, a teaser in the other."""
    if item.kind == "rss":
        return "A teaser."
    return escape("".join(f"<p>{part}</p>" for part in (item.lead, *item.body)))
