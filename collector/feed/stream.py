"""`GET /incidents/stream`: every change to an incident, as server-sent events.

`event: incident` carries the row. `event: gone` carries the `incident_id` of one that is no
longer among what was asked for (rejected, withdrawn, moved out of the box): take it off the
map; of one that a client never had it says nothing. The event's id is the revision: with
`Last-Event-ID`, which browsers send by themselves, the stream goes on where it broke off.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import Field
from sqlalchemy import and_, case, select

from collector.feed.access import check_may_see
from collector.feed.changes import Changes
from collector.feed.query import Filters, latest_revision, outs
from collector.feed.rows import within_rules
from collector.schema import IncidentRow, Status
from collector.store import Store

_AT_ONCE = 100
_RETRY_MS = 3000


class StreamQuery(Filters):
    """The filters, and where a client begins that has no `Last-Event-ID`."""

    cursor: int | None = Field(
        default=None,
        ge=0,
        lt=1 << 63,
        description="as X-Next-Cursor of a page; unset: from now on",
    )


def add_stream(app: FastAPI, store: Store, changes: Changes) -> None:
    """Adds the route."""

    def permit(query: Annotated[StreamQuery, Query()], request: Request) -> None:
        check_may_see(query.status, request.state.trusted)
        changes.check_room()

    @app.get(
        "/incidents/stream", response_class=EventSourceResponse, dependencies=[Depends(permit)]
    )
    async def stream(
        query: Annotated[StreamQuery, Query()],
        last_event_id: Annotated[int | None, Header(ge=0, lt=1 << 63)] = None,
    ) -> AsyncIterator[ServerSentEvent]:
        """Changes to incidents as they happen, each with the revision as its id."""
        start = query.cursor if last_event_id is None else last_event_id
        seen = await asyncio.to_thread(_latest, store) if start is None else start
        # An id without data: where to go on, should the line break before the first event.
        yield ServerSentEvent(id=str(seen), retry=_RETRY_MS, comment="incidents")
        async with changes.listening():
            while await changes.beyond(seen):
                events, seen = await asyncio.to_thread(_events, store, query, seen)
                for event in events:
                    yield event


def _latest(store: Store) -> int:
    with store.read() as session:
        return latest_revision(session)


def _events(store: Store, query: Filters, seen: int) -> tuple[list[ServerSentEvent], int]:
    """The next events after a revision, and the revision that they reach."""
    matches = case((and_(*query.conditions()), 1), else_=0)
    chosen = (
        select(IncidentRow, matches)
        .where(IncidentRow.revision > seen)
        .order_by(IncidentRow.revision)
        .limit(_AT_ONCE)
    )
    with store.read() as session:
        found = [(incident, bool(shown)) for incident, shown in session.execute(chosen)]
        rows = {row.revision: row for row in outs(session, [i for i, shown in found if shown])}
    events = []
    for incident, shown in found:
        if shown:
            row = within_rules(rows[incident.revision]).model_dump(mode="json", exclude_unset=True)
            events.append(ServerSentEvent(event="incident", id=str(incident.revision), data=row))
        elif incident.status is not Status.PENDING or query.status != "approved":
            gone = {"incident_id": incident.key}
            events.append(ServerSentEvent(event="gone", id=str(incident.revision), data=gone))
    return events, found[-1][0].revision if found else seen
