"""Pushes incidents to a back end that would rather be told than ask.

Each incident is POSTed to BACKEND_URL as `/incidents` shows it, at every change: first when
it is approved, and with `status` "rejected" when it has been rejected or withdrawn, so that
the back end can take it down. One without a force rank waits for it. The request carries

    Authorization: Bearer BACKEND_TOKEN
    Idempotency-Key: <incident_id>-<revision>
    X-Timestamp: <seconds since 1970>
    X-Signature: sha256=<hex HMAC-SHA256 of "<X-Timestamp>.<body>", keyed with BACKEND_SECRET>

and may come twice, should this process be killed between the answer and its note of it. What
the back end cannot take now is tried again, what it refuses is a dead letter (`outbox`).
"""

import hashlib
import hmac
import json
import logging
import os
import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from random import Random
from urllib.parse import urlsplit

import httpcore2
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from collector import outbox
from collector.feed.rows import IncidentOut, within_rules
from collector.outbox import Parcel
from collector.retries import delay_s
from collector.schema import Status
from collector.store import Store, now
from service.errors import SettingsError
from service.fetch import USER_AGENT

ATTEMPTS = 8
_BASE_S = 15.0
_TIMEOUT_S = 15.0
# So many failures in a row are the back end's, not those of the incidents.
_GIVE_UP = 3
# Seconds after which the store is looked at again, when following it.
_LOOK_S = 5.0
# Seconds until a stop is noticed.
_NAP_S = 0.5
_HAS_IT = 409
# A back end that requires a rank has to take what takes an incident down.
_NO_FORCE = "Rank 0"
# A wrong address or token: no incident's fault.
_MISCONFIGURED = frozenset({401, 403, 404, 405})
_PASSING = frozenset({408, 425, 429})
log = logging.getLogger("collector")


class PushSettings(BaseModel):
    """A field's upper-case name is its environment variable."""

    model_config = ConfigDict(frozen=True)

    backend_url: str = Field(description="where incidents are POSTed")
    backend_token: str | None = Field(default=None, description="its bearer token")
    backend_secret: str | None = Field(
        default=None, description="key of the signature; unset: the token"
    )

    @field_validator("backend_url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must begin with http:// or https://")
        if parts.username is not None or parts.password is not None:
            raise ValueError("must not hold a password: that is BACKEND_TOKEN")
        return url

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "PushSettings":
        """The settings of this process. Raises SettingsError naming the variable."""
        given = {
            name: value for name in cls.model_fields if (value := environment.get(name.upper()))
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            raise SettingsError(f"{str(first['loc'][0]).upper()}: {first['msg']}") from error

    @property
    def backend(self) -> str:
        """The back end's name in the outbox: its address without the query."""
        parts = urlsplit(self.backend_url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"[:200]


class Outcome(StrEnum):
    """How a push ended."""

    TAKEN = "taken"
    LATER = "later"
    REFUSED = "refused"


class BackendError(Exception):
    """The back end takes nothing at all: the address or the token is wrong."""


class Pusher:
    """Pushes one store's incidents to one back end. `close` it at the end."""

    def __init__(
        self,
        store: Store,
        settings: PushSettings,
        statuses: tuple[Status, ...] = (Status.APPROVED,),
        chance: Random | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._statuses = statuses
        self._chance = chance or Random()
        self._stopping = False
        self._pool = httpcore2.ConnectionPool(ssl_context=httpcore2.default_ssl_context())

    def close(self) -> None:
        """Closes connections."""
        self._pool.close()

    def stop(self) -> None:
        """Push nothing more. May be called from a signal handler, which must take no lock."""
        self._stopping = True

    def once(self) -> Counter[Outcome]:
        """Push all that is due now; how often it ended how. Raises BackendError."""
        tally: Counter[Outcome] = Counter()
        in_a_row = 0
        while parcels := self._due():
            for parcel in parcels:
                if self._stopping:
                    return tally
                outcome = self._push(parcel)
                tally[outcome] += 1
                in_a_row = in_a_row + 1 if outcome is Outcome.LATER else 0
                if in_a_row == _GIVE_UP:
                    return tally
        return tally

    def without_rank(self) -> int:
        """How many incidents are not pushed because they have no force rank."""
        with self._store.read() as session:
            return outbox.without_rank(session, self._settings.backend, self._statuses)

    def follow(self) -> None:
        """Push for ever, until stopped. A back end that is away is asked again ever later."""
        failures = told = 0
        while not self._stopping:
            tally = self.once()
            if (waiting := self.without_rank()) != told:
                log.info(json.dumps({"event": "push", "without_force_rank": waiting}))
                told = waiting
            away = tally[Outcome.LATER] and not tally[Outcome.TAKEN]
            failures = failures + 1 if away else 0
            wait = delay_s(_BASE_S, failures, self._chance) if failures else _LOOK_S
            self._wait(wait)

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._stopping and (left := until - time.monotonic()) > 0:
            time.sleep(min(_NAP_S, left))

    def _due(self) -> list[Parcel]:
        with self._store.read() as session:
            return outbox.due(session, self._settings.backend, self._statuses, now())

    def _push(self, parcel: Parcel) -> Outcome:
        outcome, error, asked_s = self._post(parcel.row)
        failures = parcel.attempts + 1
        if outcome is Outcome.LATER and failures >= ATTEMPTS:
            outcome = Outcome.REFUSED
        with self._store.write() as session:
            if outcome is Outcome.TAKEN:
                outbox.delivered(session, self._settings.backend, parcel)
            else:
                wait = max(delay_s(_BASE_S, failures, self._chance), asked_s)
                due = now() + timedelta(seconds=wait) if outcome is Outcome.LATER else None
                outbox.failed(session, self._settings.backend, parcel, error, due)
        facts = {"event": "push", "incident": parcel.row.incident_id, "outcome": outcome.value}
        log.info(json.dumps(facts | ({"error": error} if error else {})))
        return outcome

    def _post(self, row: IncidentOut) -> tuple[Outcome, str, float]:
        """How it ended, why, and the seconds that the back end asked for. Raises BackendError."""
        body = json.dumps(pushed(row), ensure_ascii=False).encode("utf-8", "replace")
        headers = signed(body, self._settings, int(time.time()))
        headers["Idempotency-Key"] = f"{row.incident_id}-{row.revision}"
        limits = dict.fromkeys(("connect", "read", "write", "pool"), _TIMEOUT_S)
        try:
            response = self._pool.request(
                "POST",
                self._settings.backend_url,
                headers=list(headers.items()),
                content=body,
                extensions={"timeout": limits},
            )
        except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError) as e:
            return Outcome.LATER, type(e).__name__, 0.0
        status = response.status
        if 200 <= status < 300 or status == _HAS_IT:
            return Outcome.TAKEN, "", 0.0
        if status in _MISCONFIGURED:
            raise BackendError(f"{self._settings.backend} answers {status}: address or token?")
        passing = status >= 500 or status in _PASSING
        outcome = Outcome.LATER if passing else Outcome.REFUSED
        return outcome, f"status {status}", _asked_s(response)


def pushed(row: IncidentOut) -> dict[str, object]:
    """The body about an incident. Of a withdrawn one it tells no more than that it is rejected."""
    if row.status in (Status.REJECTED, Status.WITHDRAWN):
        row = row.model_copy(update={"force_rank": row.force_rank or _NO_FORCE})
    if row.status == Status.WITHDRAWN.value:
        nothing = dict.fromkeys(("title", "city", "county", "state", "lat", "long"))
        told = {"status": Status.REJECTED.value, "description": "Withdrawn.", "src": []}
        row = row.model_copy(update={**nothing, **told})
    return within_rules(row).model_dump(mode="json", exclude_unset=True)


def signed(body: bytes, settings: PushSettings, timestamp: int) -> dict[str, str]:
    """The headers of a push: who sends it, and that nobody changed or repeats it later."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "X-Timestamp": str(timestamp),
    }
    if settings.backend_token:
        headers["Authorization"] = f"Bearer {settings.backend_token}"
    secret = settings.backend_secret or settings.backend_token
    if secret:
        signature = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
        headers["X-Signature"] = f"sha256={signature.hexdigest()}"
    return headers


def _asked_s(response: httpcore2.Response) -> float:
    """What `Retry-After` says in seconds; 0 where it says nothing or a date."""
    found = next((value for name, value in response.headers if name.lower() == b"retry-after"), b"")
    return min(3600.0, float(found)) if found.isdigit() else 0.0
