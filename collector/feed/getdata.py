"""The two oldest back ends' `/getdata`: what they parse, and only rows that they can store.

The 27-D back end GETs `/getdata` and parses twice: a JSON string that holds a JSON array.
The 28-C back end GETs `/getdata/` and takes the array itself. Both insert all rows at once,
so that one that a column refuses loses all. What has no coordinates, day or words is left out
for both, what has no city or no state for 28-C.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel

from collector.feed.rows import IncidentOut, shortened

_LIKE = {
    "verbal": "verbalization",
    "soft_hands": "empty_hand_soft",
    "hard_hands": "empty_hand_hard",
    "impact": "less_lethal_methods",
    "chemical": "less_lethal_methods",
    "electric": "less_lethal_methods",
    "dog": "less_lethal_methods",
    "firearm": "lethal_force",
}
_FLAGS = (
    "verbalization", "empty_hand_soft", "empty_hand_hard", "less_lethal_methods",
    "lethal_force", "uncategorized",
)  # fmt: skip
# Their columns.
_TITLE_D, _LINK_D, _TITLE_C = 1000, 1000, 255


class GeocodingOut(BaseModel):
    """Degrees; `long`, never `lon`."""

    lat: float
    long: float


class RowD(BaseModel):
    """A row as the 27-D back end stores it."""

    id: str
    city: str | None
    state: str | None
    date: str
    title: str
    description: str
    links: list[str]
    geocoding: GeocodingOut


class RowC(BaseModel):
    """A row as the 28-C back end stores it: force as tags and as six 0/1 flags."""

    case_id: str
    city: str
    state: str
    dates: str
    title: str
    description: str
    lat: float
    long: float
    links: list[str]
    tags: list[str]
    verbalization: int = 0
    empty_hand_soft: int = 0
    empty_hand_hard: int = 0
    less_lethal_methods: int = 0
    lethal_force: int = 0
    uncategorized: int = 0


@dataclass(frozen=True, slots=True)
class _Storable:
    """What neither back end's columns may lack."""

    lat: float
    long: float
    day: str
    words: str


def rows_d(incidents: Iterable[IncidentOut]) -> str:
    """JSON of all storable incidents, to be sent as a JSON string."""
    return json.dumps([row.model_dump() for i in incidents if (row := row_d(i)) is not None])


def row_d(incident: IncidentOut) -> RowD | None:
    """An incident for 27-D, or None where its columns would refuse it."""
    known = _storable(incident)
    if known is None:
        return None
    return RowD(
        id=incident.incident_id,
        city=incident.city,
        state=incident.state,
        date=known.day,
        title=shortened(known.words, _TITLE_D),
        description=incident.description,
        links=[url for url in incident.src if len(url) <= _LINK_D],
        geocoding=GeocodingOut(lat=known.lat, long=known.long),
    )


def row_c(incident: IncidentOut) -> RowC | None:
    """An incident for 28-C, or None where its columns would refuse it."""
    known, city, state = _storable(incident), incident.city, incident.state
    if known is None or city is None or state is None:
        return None
    kinds = {_LIKE.get(code, "uncategorized") for code in incident.force} or {"uncategorized"}
    if incident.fatal:
        kinds.add("lethal_force")
    return RowC(
        case_id=incident.incident_id,
        city=city,
        state=state,
        dates=known.day,
        title=shortened(known.words, _TITLE_C),
        description=incident.description,
        lat=known.lat,
        long=known.long,
        links=incident.src,
        tags=incident.tags,
        **{flag: int(flag in kinds) for flag in _FLAGS},
    )


def _storable(incident: IncidentOut) -> _Storable | None:
    i, words = incident, incident.title or incident.description
    if i.lat is None or i.long is None or i.incident_date is None or not words:
        return None
    return _Storable(i.lat, i.long, i.incident_date, words)
