"""Lists a source on loopback to its end, as the collector does."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import pytest

from collector.adapters import open_source
from collector.config import SourceConfig
from collector.source import BrokenItem, Item, Listing, Source, SourceError, SourceState
from tests.source_site import Answer, Asked, SourceSite, serving

# The attributes of an adapter that lead to a real API, and where they lead here.
_APIS = {
    "gdelt": {"api": "/api/v2/doc/doc"},
    "newsapi": {"api": "/v2/everything"},
    "reddit": {"api": "/oauth", "site": ""},
}

NEVER = SourceState()


@dataclass(frozen=True)
class Round:
    """What a source listed until it had no more, and what it was asked for that."""

    listings: tuple[Listing, ...]
    asked: tuple[Asked, ...]

    @property
    def items(self) -> list[Item]:
        return [item for item in self._all() if isinstance(item, Item)]

    @property
    def broken(self) -> list[BrokenItem]:
        return [item for item in self._all() if isinstance(item, BrokenItem)]

    @property
    def keys(self) -> list[str]:
        return [item.key for item in self._all()]

    @property
    def state(self) -> SourceState:
        return self.listings[-1].state

    def _all(self) -> list[Item | BrokenItem]:
        return [item for listing in self.listings for item in listing.items]


def open_on(served: SourceSite, kind: str, options: dict[str, Any], name: str = "s") -> Source:
    """A source whose addresses lead to the site; `{base}` in an option is its address."""
    given = {
        name: value.format(base=served.base) if isinstance(value, str) else value
        for name, value in options.items()
    }
    source = open_source(SourceConfig(name=name, kind=kind, options=given), served.connect)
    if kind not in _APIS:
        return source
    addresses = {name: served.base + path for name, path in _APIS[kind].items()}
    adapter: Any = source  # the protocol does not say that adapters are dataclasses
    opened: Source = replace(adapter, gap_s=0.0, **addresses)
    return opened


def list_round(
    kind: str, options: dict[str, Any], answer: Answer, state: SourceState = NEVER
) -> Round:
    """One round, each page from a source opened anew: only the state is carried over."""

    async def run() -> Round:
        listings: list[Listing] = []
        async with serving(answer) as served:
            while True:
                async with aclosing(open_on(served, kind, options)) as source:
                    listings.append(await source.list(listings[-1].state if listings else state))
                if not listings[-1].more:
                    return Round(tuple(listings), tuple(served.asked))
                assert len(listings) < 100, "a source that never ends"

    return asyncio.run(run())


def failure(kind: str, options: dict[str, Any], answer: Answer) -> SourceError:
    """The error of a source that cannot be listed; never with a key or an address in it."""
    with pytest.raises(SourceError) as raised:
        list_round(kind, options, answer)
    assert "127.0.0.1" not in str(raised.value)
    return raised.value
