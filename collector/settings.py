"""What can be set of the collector from outside, beside the service's own settings."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from service.errors import SettingsError

_DRIVER = "postgresql+psycopg"


class CollectorSettings(BaseModel):
    """A field's upper-case name is its environment variable."""

    model_config = ConfigDict(frozen=True)

    database_url: str = Field(
        default=f"sqlite:///{Path('brutality_watch.db')}",
        description="SQLite file (`sqlite:///FILE`) or PostgreSQL (`postgres://...`)",
    )
    keep_text: bool = Field(default=True, description="whether stories keep their text")
    keep_text_days: int | None = Field(
        default=None, ge=1, description="days after which texts are dropped; unset: never"
    )

    sources: str | None = Field(
        default=None, description="the text of `sources.toml`, where no `--config` names a file"
    )

    @field_validator("database_url")
    @classmethod
    def _driver(cls, url: str) -> str:
        """Heroku says `postgres://`; SQLAlchemy wants the dialect and driver by name."""
        scheme, rest = url.split("://", 1) if "://" in url else ("", url)
        if scheme in ("postgres", "postgresql", _DRIVER):
            return f"{_DRIVER}://{rest}"
        if scheme == "sqlite":
            return url
        raise ValueError("must begin with sqlite:// or postgres://")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "CollectorSettings":
        """The settings of this process. Raises SettingsError naming the variable."""
        given = {
            name: value for name in cls.model_fields if (value := environment.get(name.upper()))
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            # A database's URL holds its password.
            shown = "***" if name == "database_url" else repr(given[name])
            raise SettingsError(f"{name.upper()}={shown}: {first['msg']}") from error

    @property
    def database_host(self) -> str:
        """Where the store is, for a log line: no user, no password."""
        parts = urlsplit(self.database_url)
        return parts.hostname or parts.path
