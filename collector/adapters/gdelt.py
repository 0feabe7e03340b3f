"""GDELT DOC 2.0: news pages the world over that match a search, found within 15 minutes.

An answer holds at most 250 articles and there is no next page, so a walk asks for what
came before the oldest one it got. GDELT wants one question in 5 seconds.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from pydantic import Field

from collector.adapters.answers import Rows, ask, is_web_url, json_object, rows, words
from collector.adapters.broken import Broken, too_many
from collector.adapters.options import Options
from collector.adapters.walk import Walks, earlier, utc_time
from collector.client import Answer, Client, Connect
from collector.config import SourceConfig
from collector.pace import Pace
from collector.source import BrokenItem, Item, Listing, SourceError, SourceState

_WHAT = "GDELT"
_SEEN = "%Y%m%dT%H%M%SZ"
_ASKED = "%Y%m%d%H%M%S"
_PAGE = 250
# Articles carry the time of the quarter of an hour in which they were found.
_STEP = timedelta(minutes=15)
_OVERLAP = timedelta(hours=1)
_REFUSED_WAIT_S = 60.0


class GdeltOptions(Options):
    """`days` is how far back the first listing goes."""

    queries: tuple[str, ...] = Field(min_length=1, max_length=50)
    days: float = Field(default=3.0, gt=0, le=90)


@dataclass(frozen=True, slots=True)
class Gdelt:
    """The source. `gap_s` is the time between two questions of all that share `pace`."""

    name: str
    every_s: float
    client: Client
    pace: Pace
    options: GdeltOptions
    kind: str = "gdelt"
    api: str = "https://api.gdeltproject.org/api/v2/doc/doc"
    gap_s: float = 6.0

    @classmethod
    def from_config(cls, config: SourceConfig, connect: Connect, pace: Pace) -> "Gdelt":
        """Raises ConfigError."""
        return cls(config.name, config.every_s, connect(), pace, GdeltOptions.of(config))

    async def list(self, state: SourceState) -> Listing:
        """One page of the search whose turn it is. Raises SourceError."""
        now = datetime.now(UTC)
        walks = Walks.read(state.cursor, self.options.queries)
        floor = walks.walk.floor(now, timedelta(days=self.options.days), _OVERLAP)
        before = utc_time(walks.walk.resume, _ASKED)
        articles = await self._page(walks.name, floor, before or now)
        times = [time for row in articles if (time := utc_time(words(row, "seendate"), _SEEN))]
        items = {item.key: item for item in map(_item, articles)}
        resume: str | None = None
        if len(articles) >= _PAGE and times:
            end, hidden = earlier(times, before, _STEP)
            if hidden:
                items[Broken.TOO_MANY] = too_many(walks.name, max(times))
            resume = end.strftime(_ASKED) if end > floor else None
        walks = walks.stepped(walks.walk.stepped(times, resume, now))
        return Listing(tuple(items.values()), SourceState(walks.write()), more=walks.more)

    async def aclose(self) -> None:
        """Closes connections."""
        await self.client.aclose()

    async def _page(self, query: str, start: datetime, end: datetime) -> Rows:
        asked = {
            "query": query,
            "mode": "artlist",
            "format": "json",
            "sort": "datedesc",
            "maxrecords": str(_PAGE),
            # A span shorter than a quarter of an hour is refused.
            "startdatetime": min(start, end - _STEP).strftime(_ASKED),
            "enddatetime": end.strftime(_ASKED),
        }
        await self.pace.turn(self.gap_s)
        answer = await ask(self.client.get(f"{self.api}?{urlencode(asked)}", redirects=0), _WHAT)
        if not answer.body.lstrip().startswith(b"{"):
            raise _refusal(answer)
        found = json_object(answer, _WHAT)
        return rows(found, "articles", _WHAT) if found else []  # {} where nothing matches


def _item(row: dict[str, Any]) -> Item | BrokenItem:
    url = words(row, "url")
    title = words(row, "title")
    seen = utc_time(words(row, "seendate"), _SEEN)
    if url is None:
        key = f"{Broken.NO_URL}:{title}:{seen}"
        return BrokenItem(key, Broken.NO_URL, "an article without a URL", title)
    if not is_web_url(url):
        return BrokenItem(url, Broken.INVALID_URL, "the URL is no web page's", url)
    return Item(url, url=url, title=title, date=seen.isoformat() if seen else None)


def _refusal(answer: Answer) -> SourceError:
    """What GDELT says in plain words, with status 200: a search it cannot run, or too many."""
    said = " ".join(answer.body[:200].decode("utf-8", "replace").split())
    shown = "".join(c for c in said if c.isprintable() and c not in "<>")[:120]
    return SourceError(f"{_WHAT}: no JSON but {shown!r}", _REFUSED_WAIT_S)
