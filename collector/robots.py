"""Manners towards the sites that articles are on: robots.txt (RFC 9309) and a delay per host."""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from protego import Protego

from collector.client import Client
from collector.pace import Pace
from collector.source import NotAllowed
from service.errors import ErrorType, ServiceError
from service.fetch import USER_AGENT

# RFC 9309: rules are kept no longer than a day.
_KEPT_S = 86_400.0
# A site whose robots.txt could not be had is asked again after this.
_KEPT_FAILED_S = 300.0
# Longest Crawl-delay that is honoured; sites that ask for hours mean crawlers of all pages.
_LONGEST_GAP_S = 30.0
_HOSTS = 2_000


@dataclass(slots=True)
class _Host:
    """One origin: its rules (None: not known, `failure` says why) and its turns."""

    rules: Protego | None = None
    failure: ServiceError | None = None
    until: float = 0.0
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    pace: Pace = field(default_factory=Pace)


class RobotsManners:
    """The collector's `source.Manners`. One per process; `aclose` it at the end.

    `gap_s` is the least time between two pages of a host. Give the fetcher
    `before_redirect`: what a page redirects to may be closed to this reader, too.
    """

    def __init__(self, client: Client, gap_s: float = 2.0) -> None:
        self._client = client
        self._gap_s = gap_s
        self._agent = USER_AGENT.partition("/")[0]
        self._hosts: OrderedDict[str, _Host] = OrderedDict()

    async def aclose(self) -> None:
        """Closes connections."""
        await self._client.aclose()

    async def before_fetch(self, url: str) -> None:
        """Returns when it is this page's turn.

        Raises NotAllowed where the site's robots.txt keeps it from this reader, and
        ServiceError where robots.txt cannot be had now, so that the page must wait.
        """
        host, gap_s = await self._permitted(url)
        await host.pace.turn(gap_s)

    async def before_redirect(self, url: str) -> None:
        """Returns where the page may be fetched; raises as `before_fetch`.

        It waits for no turn, for a fetch is under way and has its own deadline, but takes
        one: the next page of that host comes later.
        """
        host, gap_s = await self._permitted(url)
        host.pace.take(gap_s)

    async def _permitted(self, url: str) -> tuple[_Host, float]:
        """The host of a page that may be fetched, and the seconds between two pages there."""
        origin = _origin(url)
        host = self._host(origin)
        async with host.asking:
            if time.monotonic() >= host.until:
                await self._ask(origin, host)
        if host.failure is not None:
            raise host.failure.with_traceback(None)
        assert host.rules is not None
        if not host.rules.can_fetch(url, self._agent):
            raise NotAllowed("The site's robots.txt asks automated readers to stay away.")
        asked = host.rules.crawl_delay(self._agent) or 0.0
        return host, max(self._gap_s, min(asked, _LONGEST_GAP_S))

    async def _ask(self, origin: str, host: _Host) -> None:
        """Fetch the rules, or note why they cannot be had."""
        try:
            answer = await self._client.get(f"{origin}/robots.txt")
            host.rules, host.failure = _rules(answer.status, answer.body), None
            kept = _KEPT_S
        except ServiceError as error:
            host.rules, host.failure = None, error
            kept = _KEPT_FAILED_S
        host.until = time.monotonic() + kept

    def _host(self, origin: str) -> _Host:
        """What is known of an origin; those long unused are forgotten."""
        host = self._hosts.setdefault(origin, _Host())
        self._hosts.move_to_end(origin)
        if len(self._hosts) > _HOSTS:
            oldest = next(iter(self._hosts.values()))
            if oldest.pace.idle and not oldest.asking.locked():
                self._hosts.popitem(last=False)
        return host


def _origin(url: str) -> str:
    """Scheme, host and port. Raises ServiceError for what is no URL of a page."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:  # such as "http://["
        parts = urlsplit("")
    if not parts.hostname:
        raise ServiceError(ErrorType.INVALID_URL, "The URL has no host.")
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}"


def _rules(status: int, body: bytes) -> Protego:
    """The rules an answer holds: none at all with 4xx. Raises ServiceError where it is too ill."""
    if status >= 500 or status == 429:
        raise ServiceError(
            ErrorType.UPSTREAM_STATUS,
            f"The site's robots.txt answered with HTTP status {status}.",
            {"upstream_status": status},
        )
    usable = 200 <= status < 300
    return Protego.parse(body.decode("utf-8", "replace") if usable else "")
