"""A registered Reddit app: what proves it, and the token that this gets."""

import base64
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from collector.adapters.answers import ask, json_object, words
from collector.adapters.options import key_from_environment
from collector.client import Client
from collector.config import SourceConfig
from collector.source import SourceError

ID_VARIABLE = "REDDIT_CLIENT_ID"
SECRET_VARIABLE = "REDDIT_CLIENT_SECRET"
_WHAT = "Reddit access"


@dataclass(slots=True)
class RedditApp:
    """The app. Its token is good until a monotonic time."""

    _proof: str = field(repr=False)
    _token: str | None = field(default=None, repr=False)
    _until: float = 0.0

    @classmethod
    def from_environment(cls, config: SourceConfig) -> "RedditApp | None":
        """None where the environment has no app. Raises ConfigError where it has half of one."""
        if not (os.environ.get(ID_VARIABLE) or os.environ.get(SECRET_VARIABLE)):
            return None
        pair = [key_from_environment(config, name) for name in (ID_VARIABLE, SECRET_VARIABLE)]
        return cls(base64.b64encode(":".join(pair).encode()).decode())

    async def token(self, client: Client, site: str, headers: Mapping[str, str]) -> str:
        """A good token. Raises SourceError."""
        if self._token is not None and time.monotonic() < self._until:
            return self._token
        url = f"{site}/api/v1/access_token"
        form = {"grant_type": "client_credentials"}
        proof = {**headers, "Authorization": f"Basic {self._proof}"}
        found = json_object(await ask(client.post(url, form, proof), _WHAT), _WHAT)
        token, lasts = words(found, "access_token"), found.get("expires_in")
        if token is None or not (token.isascii() and token.isprintable()):
            raise SourceError(f"{_WHAT}: no token for this app")
        self._token = token
        self._until = time.monotonic() + max(60, (lasts if isinstance(lasts, int) else 0) - 60)
        return token

    def forget(self) -> None:
        """Get another token next time."""
        self._token = None
