"""NewsAPI.org, `/v2/everything`: pages of some 150,000 outlets that match a search.

No plan lets one search be paged beyond its first articles (100 on the free one), so a walk
never asks for page 2: it asks for page 1 of what was published before the oldest article
it got. Every question counts against the day's allowance.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from pydantic import Field

from collector.adapters.answers import Rows, ask, is_web_url, json_object, reason, rows, words
from collector.adapters.broken import Broken, too_many
from collector.adapters.options import Options, key_from_environment
from collector.adapters.walk import Walks, earlier, utc_time
from collector.client import Answer, Client, Connect
from collector.config import SourceConfig
from collector.pace import Pace
from collector.source import BrokenItem, Item, Listing, SourceError, SourceState

KEY_VARIABLE = "NEWSAPI_KEY"
_WHAT = "NewsAPI"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_PAGE = 100
# Articles turn up hours after the time they say they were published at.
_OVERLAP = timedelta(hours=2)
# The allowance is counted by the half day; NewsAPI does not say when it begins anew.
_LIMITED_WAIT_S = 3600.0
_CODE = re.compile(r"[A-Za-z]{1,40}")


class NewsApiOptions(Options):
    """`days` is how far back the first listing goes; the free plan has 30 days, a day late."""

    queries: tuple[str, ...] = Field(min_length=1, max_length=20)
    language: str = Field(default="en", pattern="^[a-z]{2}$")
    domains: tuple[str, ...] = ()
    exclude_domains: tuple[str, ...] = ()
    days: float = Field(default=3.0, gt=0, le=1500)


@dataclass(frozen=True, slots=True)
class NewsApi:
    """The source. The key travels in a header, never in a URL."""

    name: str
    every_s: float
    client: Client
    pace: Pace
    options: NewsApiOptions
    key: str = field(repr=False)
    kind: str = "newsapi"
    api: str = "https://newsapi.org/v2/everything"
    gap_s: float = 1.0

    @classmethod
    def from_config(cls, config: SourceConfig, connect: Connect, pace: Pace) -> "NewsApi":
        """Raises ConfigError."""
        options = NewsApiOptions.of(config)
        key = key_from_environment(config, KEY_VARIABLE)
        return cls(config.name, config.every_s, connect(), pace, options, key)

    async def list(self, state: SourceState) -> Listing:
        """One page of the search whose turn it is. Raises SourceError."""
        now = datetime.now(UTC)
        walks = Walks.read(state.cursor, self.options.queries)
        floor = walks.walk.floor(now, timedelta(days=self.options.days), _OVERLAP)
        before = utc_time(walks.walk.resume, _TIME)
        articles, total = await self._page(walks.name, floor, before)
        times = [time for row in articles if (time := utc_time(words(row, "publishedAt"), _TIME))]
        items = {item.key: item for item in map(_item, articles)}
        resume: str | None = None
        if total > len(articles) and times:
            end, hidden = earlier(times, before, timedelta(seconds=1))
            if hidden:
                items[Broken.TOO_MANY] = too_many(walks.name, max(times))
            resume = end.strftime(_TIME) if end > floor else None
        walks = walks.stepped(walks.walk.stepped(times, resume, now))
        return Listing(tuple(items.values()), SourceState(walks.write()), more=walks.more)

    async def aclose(self) -> None:
        """Closes connections."""
        await self.client.aclose()

    async def _page(self, query: str, start: datetime, end: datetime | None) -> tuple[Rows, int]:
        """The newest articles up to where the walk is, and how many match in all."""
        asked = {
            "q": query,
            "language": self.options.language,
            "sortBy": "publishedAt",
            "pageSize": str(_PAGE),
            "from": start.strftime(_TIME),
        }
        if end is not None:
            asked["to"] = end.strftime(_TIME)
        for name, domains in (
            ("domains", self.options.domains),
            ("excludeDomains", self.options.exclude_domains),
        ):
            if domains:
                asked[name] = ",".join(domains)
        await self.pace.turn(self.gap_s)
        exchange = self.client.get(
            f"{self.api}?{urlencode(asked)}", {"X-Api-Key": self.key}, redirects=0
        )
        answer = await ask(exchange, _WHAT, _explained, _LIMITED_WAIT_S)
        found = json_object(answer, _WHAT)
        total = found.get("totalResults")
        return rows(found, "articles", _WHAT), total if isinstance(total, int) else 0


def _item(row: dict[str, Any]) -> Item | BrokenItem:
    url, title, date = (words(row, name) for name in ("url", "title", "publishedAt"))
    if url is None:
        return BrokenItem(
            f"{Broken.NO_URL}:{title}:{date}", Broken.NO_URL, "an article without a URL", title
        )
    if title == "[Removed]":
        return BrokenItem(f"{url}:{date}", Broken.REMOVED, "NewsAPI has taken it back", url)
    if not is_web_url(url):
        return BrokenItem(url, Broken.INVALID_URL, "the URL is no web page's", url)
    return Item(url, url=url, title=title, date=date)


def _explained(answer: Answer) -> str:
    """NewsAPI's word for a refusal, such as apiKeyInvalid; its sentences are not passed on."""
    try:
        code = words(json_object(answer, _WHAT), "code") or ""
    except SourceError:
        code = ""
    return f" ({code})" if _CODE.fullmatch(code) else reason(answer)
