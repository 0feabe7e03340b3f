"""What has been pushed to a back end, what waits, and what it refused for good.

An incident is due when its revision is above the one that the back end has. The last one
tried is stored with each failure: a dead letter is an incident whose present revision was
refused, and it is due again as soon as it changes. Back ends require a force rank: an
incident without one waits until it has one, unless it has been rejected or withdrawn.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from collector.feed.query import outs
from collector.feed.rows import IncidentOut
from collector.schema import DeliveryRow, IncidentRow, Status

_BATCH = 50


@dataclass(frozen=True, slots=True)
class Parcel:
    """An incident to be pushed. `attempts` is how often this revision has failed."""

    incident: int
    row: IncidentOut
    attempts: int


def due(
    session: Session, backend: str, statuses: Sequence[Status], now: dt.datetime
) -> list[Parcel]:
    """The next incidents to push, in the order in which they changed.

    What a back end has is told of every change, so that it can take down what was rejected
    or withdrawn; what it does not have is pushed with one of `statuses` alone.
    """
    fresh = DeliveryRow.tried < IncidentRow.revision
    chosen = (
        select(IncidentRow, DeliveryRow)
        .outerjoin(DeliveryRow, _of(backend))
        .where(_untold(statuses), _complete())
        .where(or_(DeliveryRow.id.is_(None), fresh, DeliveryRow.due <= now))
        .order_by(IncidentRow.revision)
        .limit(_BATCH)
    )
    found = session.execute(chosen).all()
    rows = outs(session, [incident for incident, _ in found])
    parcels = []
    for (incident, delivery), row in zip(found, rows, strict=True):
        again = delivery is not None and delivery.tried == incident.revision
        parcels.append(Parcel(incident.id, row, delivery.attempts if again else 0))
    return parcels


def without_rank(session: Session, backend: str, statuses: Sequence[Status]) -> int:
    """How many incidents wait for no more than a force rank."""
    waiting = (
        select(func.count(IncidentRow.id))
        .outerjoin(DeliveryRow, _of(backend))
        .where(_untold(statuses), ~_complete())
    )
    return session.scalar(waiting) or 0


def delivered(session: Session, backend: str, parcel: Parcel) -> None:
    """The back end has this revision."""
    row = _row(session, backend, parcel.incident)
    row.sent = row.tried = parcel.row.revision
    row.attempts = 0
    row.due = row.error = None


def failed(
    session: Session, backend: str, parcel: Parcel, error: str, due: dt.datetime | None
) -> None:
    """The back end does not have it: try again at `due`, or never if that is None."""
    row = _row(session, backend, parcel.incident)
    row.tried = parcel.row.revision
    row.attempts = parcel.attempts + 1
    row.due = due
    row.error = error


def next_due(session: Session, backend: str) -> dt.datetime | None:
    """When the first failed push is tried again, or None where none waits."""
    waiting = select(func.min(DeliveryRow.due)).where(DeliveryRow.backend == backend)
    return session.scalar(waiting)


def revive(session: Session, backend: str, now: dt.datetime) -> int:
    """Make a back end's dead letters due again; how many."""
    dead = select(DeliveryRow).where(
        DeliveryRow.backend == backend, DeliveryRow.due.is_(None), DeliveryRow.error.is_not(None)
    )
    rows = session.scalars(dead).all()
    for row in rows:
        row.due = now
        row.attempts = 0
    return len(rows)


def _of(backend: str) -> ColumnElement[bool]:
    return and_(DeliveryRow.incident_id == IncidentRow.id, DeliveryRow.backend == backend)


def _untold(statuses: Sequence[Status]) -> ColumnElement[bool]:
    had = DeliveryRow.sent > 0
    behind = func.coalesce(DeliveryRow.sent, 0) < IncidentRow.revision
    return and_(behind, or_(had, IncidentRow.status.in_(statuses)))


def _complete() -> ColumnElement[bool]:
    taken_back = IncidentRow.status.in_((Status.REJECTED, Status.WITHDRAWN))
    return or_(IncidentRow.force_rank.is_not(None), taken_back)


def _row(session: Session, backend: str, incident: int) -> DeliveryRow:
    """Inside `Store.write()`, so that nobody else can be making the same one."""
    mine = (DeliveryRow.backend == backend, DeliveryRow.incident_id == incident)
    row = session.scalar(select(DeliveryRow).where(*mine))
    if row is None:
        row = DeliveryRow(backend=backend, incident_id=incident, sent=0, tried=0, attempts=0)
        session.add(row)
    return row
