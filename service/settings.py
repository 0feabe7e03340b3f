"""Everything that can be set from outside, read from the environment once, at start."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.cpus import available_cpus
from service.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent

Access = Literal["open", "token", "closed"]


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
    request_deadline_s: float = Field(
        default=25.0, gt=0, description="seconds from a request's arrival to its answer"
    )
    rate_limit_per_minute: int = Field(
        default=0, ge=0, description="stories a minute from one client address; 0: any number"
    )
    token_rate_limit_per_minute: int = Field(
        default=0, ge=0, description="stories a minute with one token; 0: any number"
    )
    rate_limit_burst: int = Field(
        default=64, ge=1, description="stories at once before those rates count"
    )
    trusted_proxies: int = Field(
        default=0,
        ge=0,
        le=16,
        description="proxies in front, whose X-Forwarded-For entries are believed; 1 on Heroku",
    )
    metrics_access: Access = Field(
        default="open", description="/metrics for all (open), with a token (token), or not (closed)"
    )
    docs_access: Access = Field(default="open", description="the same for /docs and /openapi.json")
    otel_exporter_otlp_endpoint: str | None = Field(
        default=None, description="OpenTelemetry collector that traces are sent to, over HTTP"
    )

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
            settings = cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            shown = "***" if name == "api_tokens" else repr(given[name])
            raise SettingsError(f"{name.upper()}={shown}: {first['msg']}") from error
        for name in ("metrics_access", "docs_access"):
            if getattr(settings, name) == "token" and not settings.api_tokens:
                raise SettingsError(f"{name.upper()}='token': API_TOKENS is not set")
        return settings
