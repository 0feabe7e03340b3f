"""The file of sources: which there are, of which kind, how often they are listed.

retry_base_s = 20          # optional: seconds until the second try; each later one waits thrice
attempts = 4               # optional: tries before an item is a dead letter

[[source]]
name = "drop"              # unique; the store remembers the source by it
kind = "drop"              # an adapter
every_s = 60               # optional: seconds between listings, default 900
folder = "incoming"        # all else is the adapter's own
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class ConfigError(Exception):
    """A file of sources that cannot be used, and why."""


class SourceConfig(BaseModel):
    """One `[[source]]`. `options` are its other keys, as TOML gave them."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(min_length=1, max_length=200)
    kind: str = Field(min_length=1, max_length=32)
    every_s: float = Field(default=900.0, gt=0)
    options: Mapping[str, Any] = Field(default_factory=dict)


class CollectorConfig(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    retry_base_s: float = Field(default=20.0, ge=0)
    attempts: int = Field(default=4, ge=1, le=20)
    host_gap_s: float = Field(default=2.0, ge=0)
    source: tuple[SourceConfig, ...] = Field(min_length=1)


def read_config(path: Path) -> CollectorConfig:
    """The file's content. Raises ConfigError naming what is wrong."""
    try:
        return parse_config(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def parse_config(text: str, origin: str) -> CollectorConfig:
    """The configuration that a TOML text is. Raises ConfigError that calls it `origin`."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{origin}: {error}") from error
    sources = given.get("source")
    if isinstance(sources, list):
        given["source"] = [_split(source) for source in sources]
    try:
        config = CollectorConfig.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{origin}: {where}: {first['msg']}") from error
    names = [source.name for source in config.source]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"{origin}: more than one source is named {twice[0]!r}")
    return config


def _split(source: object) -> object:
    """A table with what is no field of SourceConfig under `options`."""
    if not isinstance(source, dict):
        return source
    own = SourceConfig.model_fields.keys() - {"options"}
    fields = {name: value for name, value in source.items() if name in own}
    return fields | {"options": {k: v for k, v in source.items() if k not in own}}
