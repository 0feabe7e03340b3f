"""A plain list of URLs, one a line, in a file or behind a URL. `#` begins a remark."""

import asyncio
import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pydantic import model_validator

from collector.adapters.answers import ask, if_changed, is_web_url, validators
from collector.adapters.broken import Broken
from collector.adapters.options import Options
from collector.client import Client, Connect
from collector.config import SourceConfig
from collector.source import BrokenItem, Item, Listing, SourceError, SourceState

_MAX_BYTES = 16 << 20  # of a file; the client holds what comes by URL to less
_AT_ONCE = 500


class UrlListOptions(Options):
    """One of both: a path, or where the list is published."""

    file: Path | None = None
    url: str | None = None

    @model_validator(mode="after")
    def _one(self) -> "UrlListOptions":
        if (self.file is None) == (self.url is None):
            raise ValueError('give either file = "..." or url = "..."')
        return self


@dataclass(frozen=True, slots=True)
class _Reached:
    """How many lines have been listed of which content."""

    content: str = ""
    lines: int = 0

    @classmethod
    def read(cls, cursor: str | None) -> "_Reached":
        try:
            return cls(**json.loads(cursor or "{}"))
        except (ValueError, TypeError):
            return cls()


@dataclass(frozen=True, slots=True)
class UrlList:
    """The source. A list that has changed is read anew; URLs that are known are known."""

    name: str
    every_s: float
    options: UrlListOptions
    client: Client | None = None
    kind: str = "urls"

    @classmethod
    def from_config(cls, config: SourceConfig, connect: Connect) -> "UrlList":
        """Raises ConfigError."""
        options = UrlListOptions.of(config)
        client = None if options.url is None else connect()
        return cls(config.name, config.every_s, options, client)

    async def list(self, state: SourceState) -> Listing:
        """The next URLs, at most 500. Raises SourceError."""
        if self.options.file is not None:
            return _listing(await asyncio.to_thread(_content, self.options.file), state)
        assert self.client is not None and self.options.url is not None
        # The validators are stored with the last lines only, so that no others are skipped.
        answer = await ask(self.client.get(self.options.url, if_changed(state)), "list")
        if answer.status == 304:
            return Listing((), state)
        return _listing(answer.body, state, *validators(answer.headers))

    async def aclose(self) -> None:
        """Closes connections."""
        if self.client is not None:
            await self.client.aclose()


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(_MAX_BYTES + 1)
    except OSError as error:
        raise SourceError(f"list: cannot read {file.name}: {error.strerror}") from error
    if len(content) > _MAX_BYTES:
        raise SourceError(f"list: {file.name} is larger than {_MAX_BYTES >> 20} MiB")
    return content


def _listing(
    content: bytes, state: SourceState, etag: str | None = None, modified: str | None = None
) -> Listing:
    """The lines that come next in this content."""
    mark = sha256(content).hexdigest()
    reached = _Reached.read(state.cursor)
    start = reached.lines if reached.content == mark else 0
    lines = content.decode("utf-8-sig", "replace").splitlines()
    end = min(start + _AT_ONCE, len(lines))
    found = (_item(lines[at], at + 1) for at in range(start, end))
    items = {item.key: item for item in found if item is not None}
    more = end < len(lines)
    cursor = json.dumps({"content": mark, "lines": end})
    next_state = SourceState(cursor) if more else SourceState(cursor, etag, modified)
    return Listing(tuple(items.values()), next_state, more)


def _item(line: str, number: int) -> Item | BrokenItem | None:
    url = line.replace("\0", "").strip()
    if not url or url.startswith("#"):
        return None
    url = url.split(" #", 1)[0].rstrip()
    if any(c.isspace() for c in url) or not is_web_url(url):
        shown = url[:200]
        return BrokenItem(shown, Broken.INVALID_URL, "no URL of a web page", f"line {number}")
    return Item(url, url=url, reference=f"line {number}")
