"""An incident as it leaves: whole, or within the rules of the back ends that store it.

The last back end refuses titles over 50 characters and coordinates over 50 degrees, both of
which are real, and rows without a day, a title or a description. `within_rules` bends a row
until it passes, and says in `whole` what every bent field really is: a client that has no
such rules shows `{...row, ...row.whole}`. It invents no `force_rank`, which the back end
requires, too: what reports no force is not for it.
"""

import datetime as dt
import json
from collections.abc import Sequence

from pydantic import BaseModel, Field

from collector.schema import IncidentRow

# The back end's validator (CONTRACT.md), which counts UTF-16 units, as JavaScript does.
MAX_TITLE = MAX_PLACE = 50
MAX_DEGREES = 50.0
# Its column holds the list as JSON.
_MAX_SRC = 8000


class WholeOut(BaseModel):
    """What fields hold before they are bent; only those that are."""

    title: str | None = None
    description: str | None = None
    incident_date: str | None = None
    city: str | None = None
    state: str | None = None
    lat: float | None = None
    long: float | None = None
    src: list[str] | None = None


class IncidentOut(BaseModel):
    """One event in `force_ranks` names. Lists are never null; an unknown place is null."""

    incident_id: str
    incident_date: str | None
    title: str | None
    description: str
    city: str | None
    county: str | None
    state: str | None
    country: str | None
    lat: float | None
    long: float | None
    place_confidence: float | None
    force_rank: str | None
    force: list[str]
    fatal: bool
    tags: list[str]
    label: str
    confidence: float
    needs_review: bool
    status: str
    src: list[str] = Field(description="its stories, the first seen first")
    stories: int = Field(description="stories about it, near-copies included")
    sites: int = Field(description="sites that tell of it")
    corrected: bool = Field(description="whether a reviewer corrected what the model said")
    created: dt.datetime
    updated: dt.datetime
    revision: int = Field(description="above every other when this row changed last")
    whole: WholeOut = Field(description="what the fields bent to a back end's rules really hold")


def incident_out(incident: IncidentRow, urls: Sequence[str]) -> IncidentOut:
    """The row as it is stored, with nothing bent. `urls` are of its stories."""
    day = incident.incident_date
    return IncidentOut(
        incident_id=incident.key,
        incident_date=day.isoformat() if day else None,
        title=incident.title,
        description=incident.description,
        city=incident.city,
        county=incident.county,
        state=incident.state,
        country=incident.country,
        lat=incident.lat,
        long=incident.long,
        place_confidence=incident.place_confidence,
        force_rank=incident.force_rank,
        force=incident.force,
        fatal=incident.fatal,
        tags=incident.tags,
        label=incident.label,
        confidence=incident.confidence,
        needs_review=incident.needs_review,
        status=incident.status.value,
        src=list(urls),
        stories=incident.stories,
        sites=incident.sites,
        corrected=incident.corrected,
        created=incident.created,
        updated=incident.updated,
        revision=incident.revision,
        whole=WholeOut(),
    )


def within_rules(row: IncidentOut) -> IncidentOut:
    """The row as the last back end's validator takes it, with `whole` for what was bent."""
    far = max(row.lat or 0.0, row.long or 0.0) > MAX_DEGREES
    words = row.title or row.description or "Untitled"
    bent: dict[str, object] = {
        "title": shortened(words, MAX_TITLE),
        "description": row.description or words,
        # Its column takes no null: the day on which the incident was first seen.
        "incident_date": row.incident_date or row.created.date().isoformat(),
        "city": row.city and shortened(row.city, MAX_PLACE),
        "state": row.state and shortened(row.state, MAX_PLACE),
        "lat": None if far else row.lat,
        "long": None if far else row.long,
        "src": _fitting(row.src),
    }
    real = {name: getattr(row, name) for name in bent}
    whole = {name: value for name, value in real.items() if value != bent[name]}
    return row.model_copy(update={**bent, "whole": WholeOut.model_validate(whole)})


def shortened(words: str, limit: int) -> str:
    """The words, on one line, cut with an ellipsis to at most `limit` UTF-16 units."""
    words = " ".join(words.split())
    if _units(words) <= limit:
        return words
    while _units(words) > limit - 1:
        words = words[:-1]
    return f"{words.rstrip()}…"


def _units(words: str) -> int:
    return len(words.encode("utf-16-le", "surrogatepass")) // 2


def _fitting(urls: list[str]) -> list[str]:
    """As many of the URLs, from the first, as the column holds."""
    kept = list(urls)
    while len(json.dumps(kept)) > _MAX_SRC:
        kept.pop()
    return kept
