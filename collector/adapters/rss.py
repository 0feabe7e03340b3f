"""RSS and Atom feeds, asked for only what has changed (ETag, Last-Modified)."""

import asyncio
import calendar
import io
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from xml.sax import SAXException

import feedparser
from pydantic import Field

from collector.adapters.answers import ask, if_changed, is_web_url, validators, words
from collector.adapters.broken import Broken
from collector.adapters.markup import text_of, whole_story
from collector.adapters.options import Options
from collector.client import Answer, Client, Connect
from collector.config import SourceConfig
from collector.source import BrokenItem, Item, Listing, SourceError, SourceState

_ACCEPT = "application/rss+xml, application/atom+xml, application/xml;q=0.9, text/xml;q=0.9"
# Feeds hold ten to a hundred; what lies beyond this is told as one dead letter.
_ENTRIES = 1000
_END = re.compile(rb"</(rss|feed|[\w-]+:RDF)\s*>\s*\Z")

Entries = list[dict[str, Any]]


class FeedOptions(Options):
    """`full_text` says that the feed carries whole stories; its teasers are told apart still."""

    url: str = Field(min_length=1)
    full_text: bool = False


@dataclass(frozen=True, slots=True)
class Feed:
    """The source. It has no cursor: a feed is read whole, and known entries are known."""

    name: str
    every_s: float
    client: Client
    options: FeedOptions
    kind: str = "rss"

    @classmethod
    def from_config(cls, config: SourceConfig, connect: Connect) -> "Feed":
        """Raises ConfigError."""
        return cls(config.name, config.every_s, connect(), FeedOptions.of(config))

    async def list(self, state: SourceState) -> Listing:
        """All entries, or none where nothing has changed. Raises SourceError."""
        headers = {"Accept": _ACCEPT, **if_changed(state)}
        answer = await ask(self.client.get(self.options.url, headers), "feed")
        if answer.status == 304:
            return Listing((), state)
        entries, broken = await asyncio.to_thread(_entries, answer)
        # Of a broken feed more may come without a new validator.
        kept = (None, None) if broken else validators(answer.headers)
        return Listing(self._items(entries), SourceState(None, *kept))

    async def aclose(self) -> None:
        """Closes connections."""
        await self.client.aclose()

    def _items(self, entries: Entries) -> tuple[Item | BrokenItem, ...]:
        ids = Counter(words(entry, "id") for entry in entries)
        items: dict[str, Item | BrokenItem] = {}
        for entry in entries[:_ENTRIES]:
            # Some feeds give every entry the same id.
            own = words(entry, "id") if ids[words(entry, "id")] == 1 else None
            item = self._item(entry, own)
            items[item.key] = item
        if len(entries) > _ENTRIES:
            error = f"{len(entries)} entries; only the first {_ENTRIES} were taken"
            items[Broken.TOO_MANY] = BrokenItem(Broken.TOO_MANY, Broken.TOO_MANY, error)
        return tuple(items.values())

    def _item(self, entry: dict[str, Any], own: str | None) -> Item | BrokenItem:
        link = words(entry, "feedburner_origlink") or words(entry, "link")
        title = text_of(words(entry, "title") or "") or None
        date = _date(entry)
        key = own or link or sha256(f"{title}\n{date}".encode()).hexdigest()
        text = self._text(entry)
        if link is None and text is None:
            return BrokenItem(key, Broken.NO_URL, "an entry without a link", title)
        if link is not None and not is_web_url(link):
            return BrokenItem(key, Broken.INVALID_URL, "the link is no web page's", link)
        return Item(key, link, title, text, date, link)

    def _text(self, entry: dict[str, Any]) -> str | None:
        """What content:encoded (Atom: content) holds, if it is the whole story."""
        if not self.options.full_text:
            return None
        contents = entry.get("content") or ()
        found = (whole_story(words(content, "value") or "") for content in contents)
        return max(filter(None, found), key=len, default=None)


def _entries(answer: Answer) -> tuple[Entries, bool]:
    """A feed's entries, and whether its XML is broken. Raises SourceError for what is no feed."""
    headers = {"content-location": answer.url}
    if "content-type" in answer.headers:
        headers["content-type"] = answer.headers["content-type"]
    # As a stream: given bytes, feedparser first looks for a file of that name.
    feed = feedparser.parse(io.BytesIO(answer.body), response_headers=headers)
    entries: Entries = feed.entries
    broken = isinstance(feed.get("bozo_exception"), SAXException)
    if not entries and (broken or not feed.get("version")):
        raise SourceError("feed: the answer is no feed, or a broken one")
    if broken and not _END.search(answer.body[-200:]):
        entries = entries[:-1]  # the last one may have lost half of its link
    return entries, broken


def _date(entry: dict[str, Any]) -> str | None:
    moment = entry.get("published_parsed") or entry.get("updated_parsed")
    if moment is None:
        return None
    try:
        return datetime.fromtimestamp(calendar.timegm(moment), UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return None
