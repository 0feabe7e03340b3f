"""Everything that can be set from outside, read from the environment once, at start."""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.cpus import available_cpus
from service.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseModel):
    """The settings of one process. A field's upper-case name is its environment variable."""

    model_config = ConfigDict(frozen=True)

    host: str = Field(default="0.0.0.0", description="address to listen on")
    port: int = Field(default=8000, ge=1, le=65535, description="port to listen on")
    model_dir: Path = Field(
        default=ROOT / "model" / "serving", description="folder of the model that answers"
    )
    model_threads: int = Field(
        default_factory=available_cpus, ge=1, le=256, description="CPUs the model runs on"
    )
    outlets_file: Path | None = Field(
        default=None, description="CSV `domain,city,state` of outlets, beside the built-in table"
    )
    api_tokens: tuple[str, ...] = Field(
        default=(), description="comma-separated tokens, any of which opens it; none: open"
    )
    max_body_bytes: int = Field(default=8 << 20, ge=1024, description="largest request body")
    max_text_chars: int = Field(default=200_000, ge=1000, description="longest story text")
    queue_windows: int = Field(
        default=2000, ge=16, description="model windows that may wait before requests get 503"
    )
    request_deadline_s: float = Field(default=25.0, gt=0, description="longest time for one answer")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """The settings of this process. Raises SettingsError naming the variable."""
        given: dict[str, object] = {}
        for name in cls.model_fields:
            value = environment.get(name.upper())
            if value:
                given[name] = value
        if "api_tokens" in given:
            given["api_tokens"] = tuple(
                token.strip() for token in str(given["api_tokens"]).split(",") if token.strip()
            )
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            shown = "***" if name == "api_tokens" else repr(given[name])
            raise SettingsError(f"{name.upper()}={shown}: {first['msg']}") from error
