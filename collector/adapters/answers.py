"""Answers of feeds and APIs: asked for, checked and taken apart, or a SourceError."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from collector.client import Answer
from collector.source import SourceError, SourceState
from service.errors import ServiceError

# Longest time to leave a source alone because it said so.
_LONGEST_WAIT_S = 86_400.0
# PostgreSQL takes no NUL, and UTF-8 no half surrogate pair, which JSON can spell.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")

Rows = list[dict[str, Any]]


def reason(answer: Answer) -> str:
    """Why a source refused, as far as its status tells."""
    if answer.status in (401, 403):
        return " (it refuses this key or reader)"
    return " (asked too often)" if answer.status == 429 else ""


async def ask(
    exchange: Awaitable[Answer],
    what: str,
    explain: Callable[[Answer], str] = reason,
    limited_wait_s: float | None = None,
) -> Answer:
    """The answer, if its status is 2xx or 304. Raises SourceError that calls the source `what`.

    `limited_wait_s` is how long to wait after a 429 that does not say.
    """
    try:
        answer = await exchange
    except ServiceError as error:
        raise SourceError(f"{what}: {error.message}") from None
    if 200 <= answer.status < 300 or answer.status == 304:
        return answer
    wait = retry_after_s(answer.headers, datetime.now(UTC))
    if wait is None and answer.status == 429:
        wait = limited_wait_s
    raise SourceError(f"{what}: HTTP status {answer.status}{explain(answer)}", wait)


def retry_after_s(headers: Message, now: datetime) -> float | None:
    """Seconds until the source wants to be asked again, if it says: at most a day."""
    value = headers.get("retry-after") or headers.get("x-ratelimit-reset")
    if value is None:
        return None
    try:
        wait = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except ValueError:
            return None
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        wait = (when - now).total_seconds()
    return min(_LONGEST_WAIT_S, wait) if wait > 0 else None


def if_changed(state: SourceState) -> dict[str, str]:
    """The headers of a conditional GET."""
    headers = {"If-None-Match": state.etag, "If-Modified-Since": state.last_modified}
    return {name: value for name, value in headers.items() if value}


def validators(headers: Message) -> tuple[str | None, str | None]:
    """ETag and Last-Modified, as far as they can be sent back."""
    found = (headers.get("etag"), headers.get("last-modified"))
    etag, modified = (value if value and value.isascii() else None for value in found)
    return etag, modified


def json_object(answer: Answer, what: str) -> dict[str, Any]:
    """The JSON object that an answer is. Raises SourceError.

    Control characters inside strings pass: GDELT leaves them in its titles.
    """
    try:
        found = json.loads(answer.body, strict=False)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise SourceError(f"{what}: the answer is not the JSON it should be")
    return found


def rows(found: Mapping[str, Any], name: str, what: str) -> Rows:
    """The objects listed under a name; other values there are left out. Raises SourceError."""
    listed = found.get(name)
    if not isinstance(listed, list):
        raise SourceError(f"{what}: the answer has no list of {name}")
    return [row for row in listed if isinstance(row, dict)]


def words(row: Mapping[str, Any], name: str) -> str | None:
    """A field's text as a store can hold it, or None where there is none."""
    value = row.get(name)
    if not isinstance(value, str):
        return None
    return _NO_TEXT.sub("", value).strip() or None


def is_web_url(url: str) -> bool:
    """Whether this could be the address of a page."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
