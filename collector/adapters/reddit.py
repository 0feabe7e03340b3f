"""Reddit: the newest posts of subreddits, those with words of their own and those with a link.

With REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET in the environment it asks as a registered
app (OAuth, client credentials), which is what Reddit wants; without them it reads the
public JSON listing, which Reddit often refuses to servers.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from pydantic import Field

from collector.adapters.answers import ask, json_object, retry_after_s, rows, words
from collector.adapters.options import Options
from collector.adapters.reddit_app import RedditApp
from collector.adapters.reddit_posts import SITE, item_of, written
from collector.adapters.walk import Walk, Walks
from collector.client import Answer, Client, Connect
from collector.config import SourceConfig
from collector.pace import Pace
from collector.source import Listing, SourceError, SourceState
from service import __version__
from service.fetch import USER_AGENT

_WHAT = "Reddit"
_PAGE = 100
# Seconds between questions: Reddit allows 10 a minute to strangers, 100 to an app.
_PUBLIC_GAP_S = 7.0
_APP_GAP_S = 1.0
# Posts that moderators let through late stand where they were written.
_OVERLAP = timedelta(hours=1)


class RedditOptions(Options):
    """`days` is how far back the first listing goes (Reddit lists 1,000 posts at most).

    `contact` is the Reddit account that runs this, which the rules ask a reader to name.
    """

    subreddits: tuple[str, ...] = Field(min_length=1, max_length=50)
    days: float = Field(default=3.0, gt=0)
    contact: str = Field(default="", pattern=r"^[\w-]{0,40}$")


@dataclass(frozen=True, slots=True)
class Reddit:
    """The source. Without `app` it reads what anybody can."""

    name: str
    every_s: float
    client: Client
    pace: Pace
    options: RedditOptions
    app: RedditApp | None = None
    kind: str = "reddit"
    site: str = SITE
    api: str = "https://oauth.reddit.com"
    gap_s: float = _PUBLIC_GAP_S

    @classmethod
    def from_config(cls, config: SourceConfig, connect: Connect, pace: Pace) -> "Reddit":
        """Raises ConfigError, also where the environment has half of an app."""
        options = RedditOptions.of(config)
        app = RedditApp.from_environment(config)
        gap_s = _PUBLIC_GAP_S if app is None else _APP_GAP_S
        return cls(config.name, config.every_s, connect(), pace, options, app, gap_s=gap_s)

    async def list(self, state: SourceState) -> Listing:
        """One page of the subreddit whose turn it is. Raises SourceError."""
        now = datetime.now(UTC)
        walks = Walks.read(state.cursor, self.options.subreddits)
        answer = await self._page(walks.name, walks.walk)
        data = json_object(answer, _WHAT).get("data")
        if not isinstance(data, dict):
            raise SourceError(f"{_WHAT}: the answer is no listing")
        children = rows(data, "children", _WHAT)
        posts = [post for child in children if isinstance(post := child.get("data"), dict)]
        times = [when for post in posts if (when := written(post))]
        floor = walks.walk.floor(now, timedelta(days=self.options.days), _OVERLAP)
        resume = words(data, "after")
        if not times or min(times) <= floor or resume == walks.walk.resume:
            resume = None
        walks = walks.stepped(walks.walk.stepped(times, resume, now))
        items = {item.key: item for item in map(item_of, posts)}
        # Reddit says when the minute's questions are used up, before it refuses.
        wait = retry_after_s(answer.headers, now) if _used_up(answer) else None
        return Listing(
            tuple(items.values()), SourceState(walks.write()), walks.more and wait is None, wait
        )

    async def aclose(self) -> None:
        """Closes connections."""
        await self.client.aclose()

    async def _page(self, subreddit: str, walk: Walk) -> Answer:
        asked = {"limit": str(_PAGE), "raw_json": "1"}
        if walk.resume is not None:
            asked["after"] = walk.resume
        headers = {"User-Agent": self._user_agent()}
        base = self.site
        if self.app is not None:
            token = await self.app.token(self.client, self.site, headers)
            headers["Authorization"] = f"Bearer {token}"
            base = self.api
        await self.pace.turn(self.gap_s)
        url = f"{base}/r/{subreddit}/new.json?{urlencode(asked)}"
        try:
            return await ask(self.client.get(url, headers, redirects=0), f"{_WHAT} r/{subreddit}")
        except SourceError:
            if self.app is not None:
                self.app.forget()  # the token may have been taken back
            raise

    def _user_agent(self) -> str:
        if not self.options.contact:
            return USER_AGENT
        return f"python:brutality-watch:{__version__} (by /u/{self.options.contact})"


def _used_up(answer: Answer) -> bool:
    try:
        return float(answer.headers.get("x-ratelimit-remaining", "1")) < 1
    except ValueError:
        return False
