"""The adapters: one module per kind of source. `KINDS` is where a kind is found by name."""

from collections.abc import Callable, Mapping

from collector.adapters.drop import DropFolder
from collector.adapters.gdelt import Gdelt
from collector.adapters.newsapi import NewsApi
from collector.adapters.reddit import Reddit
from collector.adapters.rss import Feed
from collector.adapters.urls import UrlList
from collector.client import Client, Connect
from collector.config import ConfigError, SourceConfig
from collector.source import Source

# Each takes its `[[source]]` and raises ConfigError where an option is wrong.
KINDS: Mapping[str, Callable[[SourceConfig, Connect], Source]] = {
    "drop": lambda config, connect: DropFolder.from_config(config),
    "gdelt": Gdelt.from_config,
    "newsapi": NewsApi.from_config,
    "reddit": Reddit.from_config,
    "rss": Feed.from_config,
    "urls": UrlList.from_config,
}


def open_source(config: SourceConfig, connect: Connect = Client) -> Source:
    """The configured source. Raises ConfigError. `connect` lets tests in on loopback."""
    if config.kind not in KINDS:
        raise ConfigError(
            f"source {config.name!r}: no kind {config.kind!r}; there are {', '.join(sorted(KINDS))}"
        )
    return KINDS[config.kind](config, connect)
