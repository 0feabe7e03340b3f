"""The feed's HTTP application: the routes of incidents, reviews and the old back ends."""

import datetime as dt
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.middleware.cors import CORSMiddleware

from collector.feed.access import Door, check_may_see
from collector.feed.changes import Changes
from collector.feed.getdata import RowC, row_c, rows_d
from collector.feed.query import MAX_PAGE, IncidentPage, PageQuery, read_all, read_page
from collector.feed.reviewing import add_reviews
from collector.feed.rows import IncidentOut, within_rules
from collector.feed.stream import add_stream
from collector.reviews import first_approved
from collector.store import Store
from service import __version__
from service.answer_headers import AnswerHeaders
from service.error_answers import add_error_handlers, respond
from service.intake import Intake
from service.metrics import Metrics
from service.schemas import ErrorOut
from service.settings import Settings
from service.telemetry import RequestLog

# The first part of every path that is the feed's.
ROOTS = frozenset({"incidents", "incidents.geojson", "getdata", "reviews"})
OPENAPI = "/incidents/openapi.json"
_PATHS = frozenset(
    {
        "/incidents", "/incidents.geojson", "/incidents/stream", "/getdata", "/getdata/",
        "/reviews", "/reviews/next",
    }
)  # fmt: skip
_CURSOR = "X-Next-Cursor"


def create_feed(settings: Settings, store: Store, changes: Changes, metrics: Metrics) -> FastAPI:
    """The application over a store. `changes` must be stopped when the server stops."""
    app = FastAPI(
        title="Brutality Watch: incidents",
        version=__version__,
        summary="What stories tell of one event, once people have approved it.",
        openapi_url=None if settings.docs_access == "closed" else OPENAPI,
        docs_url=None,
        redoc_url=None,
        responses={"4XX": {"model": ErrorOut}, "5XX": {"model": ErrorOut}},
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    # The last one added sees a request first.
    app.add_middleware(
        Intake,
        max_bytes=settings.max_body_bytes,
        deadline_s=settings.request_deadline_s,
        respond=respond,
    )
    app.add_middleware(Door, settings=settings, respond=respond)
    # Maps run in browsers, on sites of their own. No credentials: what is not public stays.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET"],
        allow_headers=["Last-Event-ID"],
        expose_headers=["Link", _CURSOR],
    )
    app.add_middleware(RequestLog, metrics=metrics, paths=_PATHS, respond=respond)
    app.add_middleware(AnswerHeaders)
    add_error_handlers(app)
    _add_incidents(app, store)
    _add_getdata(app, store)
    add_stream(app, store, changes)
    add_reviews(app, store)
    return app


def _add_incidents(app: FastAPI, store: Store) -> None:
    def page(query: PageQuery, request: Request) -> IncidentPage:
        check_may_see(query.status, request.state.trusted)
        with store.read() as session:
            return read_page(session, query)

    @app.get("/incidents", response_model_exclude_unset=True)
    def incidents(
        query: Annotated[PageQuery, Query()], request: Request, response: Response
    ) -> list[IncidentOut]:
        """Incidents as the last back end stores them, those that changed last at the end.

        `X-Next-Cursor` is where the page ends, `Link` the page after it, if there is one.
        """
        found = page(query, request)
        response.headers.update(_headers(found, request))
        return [within_rules(row) for row in found.rows]

    @app.get("/incidents.geojson")
    def geojson(query: Annotated[PageQuery, Query()], request: Request) -> Response:
        """The same incidents as GeoJSON, whole; only those whose place is known."""
        found = page(query, request)
        content = {"type": "FeatureCollection", "features": _features(found)}
        headers = _headers(found, request)
        return JSONResponse(content, headers=headers, media_type="application/geo+json")


def _headers(page: IncidentPage, request: Request) -> dict[str, str]:
    headers = {_CURSOR: str(page.cursor)}
    if page.more:
        following = request.url.include_query_params(cursor=page.cursor)
        # Relative: behind a router the host that was asked for is not the one seen here.
        headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return headers


def _features(page: IncidentPage) -> list[dict[str, object]]:
    return [
        {
            "type": "Feature",
            "id": row.incident_id,
            "geometry": {"type": "Point", "coordinates": [row.long, row.lat]},
            "properties": row.model_dump(mode="json", exclude={"lat", "long", "whole"}),
        }
        for row in page.rows
        if row.lat is not None and row.long is not None
    ]


def _add_getdata(app: FastAPI, store: Store) -> None:
    def approved(added: dt.date | None = None) -> list[IncidentOut]:
        with store.read() as session:
            found = list(read_all(session, PageQuery(limit=MAX_PAGE)))
            if added is None:
                return found
            keys = first_approved(session, added)
        return [row for row in found if row.incident_id in keys]

    @app.get("/getdata")
    def getdata_d() -> str:
        """Approved incidents for the 27-D back end: a JSON string that holds JSON."""
        return rows_d(approved())

    @app.get("/getdata/")
    def getdata_c(date_added: dt.date | None = None) -> list[RowC]:
        """Approved incidents for the 28-C back end; those first approved on `date_added` (UTC).

        That back end refuses what it has, so that no incident is of two days.
        """
        return [row for i in approved(date_added) if (row := row_c(i)) is not None]
