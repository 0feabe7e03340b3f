"""The adapters: one module per kind of source. `KINDS` is where a kind is found by name."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from collector.adapters.drop import DropFolder
from collector.adapters.gdelt import Gdelt
from collector.adapters.newsapi import NewsApi
from collector.adapters.reddit import Reddit
from collector.adapters.rss import Feed
from collector.adapters.urls import UrlList
from collector.client import Client, Connect
from collector.config import ConfigError, SourceConfig
from collector.pace import Pace
from collector.source import Source

# Each takes its `[[source]]` and raises ConfigError where an option is wrong. Those that ask
# one API all of a kind ask go by one pace.
KINDS: Mapping[str, Callable[[SourceConfig, Connect, Pace], Source]] = {
    "drop": lambda config, connect, pace: DropFolder.from_config(config),
    "gdelt": Gdelt.from_config,
    "newsapi": NewsApi.from_config,
    "reddit": Reddit.from_config,
    "rss": lambda config, connect, pace: Feed.from_config(config, connect),
    "urls": lambda config, connect, pace: UrlList.from_config(config, connect),
}


def open_sources(configs: Sequence[SourceConfig], connect: Connect = Client) -> list[Source]:
    """The configured sources, those of a kind with one pace. Raises ConfigError."""
    paces: defaultdict[str, Pace] = defaultdict(Pace)
    return [open_source(config, connect, paces[config.kind]) for config in configs]


def open_source(
    config: SourceConfig, connect: Connect = Client, pace: Pace | None = None
) -> Source:
    """The configured source. Raises ConfigError. `connect` lets tests in on loopback."""
    if config.kind not in KINDS:
        raise ConfigError(
            f"source {config.name!r}: no kind {config.kind!r}; there are {', '.join(sorted(KINDS))}"
        )
    return KINDS[config.kind](config, connect, pace or Pace())
