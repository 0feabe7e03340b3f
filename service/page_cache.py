"""A small in-memory cache of fetched pages, so that a retry does not fetch twice."""

import time
from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """A fetched page. `url` is where the redirects ended; `charset` is the header's, if any."""

    url: str
    requested_url: str
    status: int
    content_type: str
    charset: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class CachedPage:
    """A page with its validators and the monotonic second until which it counts as fresh."""

    page: Page
    etag: str | None
    last_modified: str | None
    fresh_until: float

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() < self.fresh_until


class PageCache:
    """Pages by requested URL, least recently used out first, bounded by bytes of body."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._pages: OrderedDict[str, CachedPage] = OrderedDict()

    def get(self, url: str) -> CachedPage | None:
        """The stored page, fresh or not."""
        cached = self._pages.get(url)
        if cached is not None:
            self._pages.move_to_end(url)
        return cached

    def put(self, url: str, cached: CachedPage) -> None:
        """Stores a page unless it alone would fill more than a quarter of the cache."""
        self.drop(url)
        size = len(cached.page.body)
        if size > self._max_bytes // 4:
            return
        self._pages[url] = cached
        self._bytes += size
        while self._bytes > self._max_bytes:
            _, oldest = self._pages.popitem(last=False)
            self._bytes -= len(oldest.page.body)

    def drop(self, url: str) -> None:
        """Forgets a page, if stored."""
        cached = self._pages.pop(url, None)
        if cached is not None:
            self._bytes -= len(cached.page.body)
