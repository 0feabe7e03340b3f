"""Which incidents are asked for, and in which order they come.

Pages go by `revision`: an incident that changes while a client turns pages moves to the end
and comes again; none is passed over. The cursor that a page ends with is good for ever: asked
with it later, the feed tells what has changed since.
"""

import datetime as dt
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from collector.feed.rows import IncidentOut, incident_out
from collector.schema import IncidentRow, Status, StoryRow

MAX_PAGE = 1000
_RANKS = re.compile(r"(rank ?)?[0-5](,(rank ?)?[0-5])*", re.IGNORECASE)


class Filters(BaseModel):
    """What an incident must be. A parameter that is not listed here is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: dt.date | None = Field(default=None, description="happened on this day or later")
    until: dt.date | None = Field(default=None, description="happened on this day or before")
    state: str | None = Field(
        default=None, min_length=2, max_length=50, description="full name, as Ohio"
    )
    bbox: str | None = Field(
        default=None,
        max_length=100,
        description="west,south,east,north in degrees; west above east crosses the 180th meridian",
    )
    rank: str | None = Field(
        default=None, max_length=60, description="force rank, as 5 or Rank 5; several by commas"
    )
    label: Literal["brutality", "none", "any"] = "brutality"
    status: Literal["approved", "pending", "rejected", "any"] = Field(
        default="approved", description="others than approved need a token where tokens are set"
    )
    min_confidence: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)

    @field_validator("bbox")
    @classmethod
    def _is_box(cls, given: str | None) -> str | None:
        if given is not None:
            _box(given)
        return given

    @field_validator("rank")
    @classmethod
    def _are_ranks(cls, given: str | None) -> str | None:
        if given is not None and _RANKS.fullmatch(given) is None:
            raise ValueError("ranks are 0 to 5, parted by commas")
        return given

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """The filters as conditions on incidents. Withdrawn ones are never among them."""
        yield IncidentRow.status != Status.WITHDRAWN
        if self.status != "any":
            yield IncidentRow.status == Status(self.status)
        if self.label != "any":
            yield IncidentRow.label == self.label
        if self.since is not None:
            yield IncidentRow.incident_date >= self.since
        if self.until is not None:
            yield IncidentRow.incident_date <= self.until
        if self.state is not None:
            yield func.lower(IncidentRow.state) == self.state.strip().lower()
        if self.rank is not None:
            ranks = [f"Rank {digit}" for digit in re.findall(r"[0-5]", self.rank)]
            yield IncidentRow.force_rank.in_(ranks)
        if self.min_confidence > 0:
            yield IncidentRow.confidence >= self.min_confidence
        if self.bbox is not None:
            yield _inside(*_box(self.bbox))


class PageQuery(Filters):
    """The filters, and which page of what they find."""

    cursor: int = Field(
        default=0, ge=0, lt=1 << 63, description="where the page before ended: X-Next-Cursor"
    )
    limit: int = Field(default=200, ge=1, le=MAX_PAGE, description="incidents on a page")


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """Incidents by revision, where they end (`cursor`), and whether `more` follow."""

    rows: tuple[IncidentOut, ...]
    cursor: int
    more: bool


def read_page(session: Session, query: PageQuery) -> IncidentPage:
    """The incidents that a page shows, whole."""
    chosen = (
        select(IncidentRow)
        .where(IncidentRow.revision > query.cursor, *query.conditions())
        .order_by(IncidentRow.revision)
        .limit(query.limit + 1)
    )
    found = session.scalars(chosen).all()
    shown = found[: query.limit]
    cursor = shown[-1].revision if shown else query.cursor
    return IncidentPage(tuple(outs(session, shown)), cursor, len(found) > len(shown))


def read_all(session: Session, query: PageQuery) -> Iterator[IncidentOut]:
    """All that the filters find, from the query's cursor on."""
    more = True
    while more:
        page = read_page(session, query)
        yield from page.rows
        query, more = query.model_copy(update={"cursor": page.cursor}), page.more


def outs(session: Session, incidents: Sequence[IncidentRow]) -> Iterator[IncidentOut]:
    """The rows of incidents, each with the URLs of its stories."""
    urls: dict[int, list[str]] = {incident.id: [] for incident in incidents}
    of_stories = (
        select(StoryRow.incident_id, StoryRow.canonical_url)
        .where(StoryRow.incident_id.in_(urls), StoryRow.canonical_url.is_not(None))
        .order_by(StoryRow.first_seen, StoryRow.id)
    )
    for number, url in session.execute(of_stories):
        if number is not None and url is not None:  # as the query says; for the types
            urls[number].append(url)
    return (incident_out(incident, urls[incident.id]) for incident in incidents)


def latest_revision(session: Session) -> int:
    """The revision of what changed last; 0 in an empty store."""
    return session.scalar(select(func.max(IncidentRow.revision))) or 0


def _box(given: str) -> tuple[float, float, float, float]:
    """Raises ValueError for what is no box on the globe."""
    try:
        west, south, east, north = map(float, given.split(","))
    except ValueError:
        raise ValueError("a box is four numbers: west,south,east,north") from None
    if not all(map(math.isfinite, (west, south, east, north))):
        raise ValueError("a box is four numbers: west,south,east,north")
    if not (-90 <= south <= north <= 90 and -180 <= west <= 180 and -180 <= east <= 180):
        raise ValueError("no such box on the globe: west,south,east,north in degrees")
    return west, south, east, north


def _inside(west: float, south: float, east: float, north: float) -> ColumnElement[bool]:
    between = IncidentRow.lat.between(south, north)
    if west <= east:
        return and_(between, IncidentRow.long.between(west, east))
    return and_(between, or_(IncidentRow.long >= west, IncidentRow.long <= east))
