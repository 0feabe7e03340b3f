"""An adapter's options and keys, checked before anything is asked."""

import os
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from collector.config import ConfigError, SourceConfig

OptionsT = TypeVar("OptionsT", bound="Options")


class Options(BaseModel):
    """What a kind of source may be told in its `[[source]]`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def of(cls: type[OptionsT], config: SourceConfig) -> OptionsT:
        """The options of one source. Raises ConfigError naming what is wrong."""
        try:
            return cls.model_validate(dict(config.options))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or config.kind
            raise ConfigError(f"source {config.name!r}: {where}: {first['msg']}") from error


def key_from_environment(config: SourceConfig, variable: str) -> str:
    """A key that only the environment holds. Raises ConfigError where it is not there."""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise ConfigError(f"source {config.name!r}: the environment has no {variable}")
    if not key.isascii() or not key.isprintable():
        raise ConfigError(f"source {config.name!r}: {variable} is not a key")
    return key
