"""The HTTP application: routes, lifespan, and the one place where errors become answers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.types import Scope

from service import __version__
from service.artefact import load_metrics
from service.errors import ErrorType, ServiceError
from service.gate import BodyLimit, check_token
from service.pipeline import Predictor
from service.schemas import (
    MAX_BATCH,
    BatchIn,
    CandidateOut,
    ErrorOut,
    PredictionOut,
    StoryIn,
    candidate_out,
    prediction_out,
)
from service.settings import Settings
from service.telemetry import Metrics, RequestLog

PATHS = frozenset(
    {"/predict", "/predict/batch", "/places", "/health", "/info", "/metrics", "/docs"}
)
# Stories of one batch request that are worked on at the same time.
_BATCH_AT_ONCE = 8
log = logging.getLogger(__name__)

Authorised = Callable[[Request], None]


def create_app(settings: Settings, predictor: Predictor) -> FastAPI:
    """The application around a predictor, which it starts and closes."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if not settings.api_tokens:
            log.warning("API_TOKENS is not set: anyone who reaches this service may use it")
        async with predictor:
            app.state.ready = True
            yield
            app.state.ready = False

    app = FastAPI(
        title="Brutality Watch",
        version=__version__,
        summary="Does a news story report police force, how sure, and where?",
        lifespan=lifespan,
        redoc_url=None,
        responses={"4XX": {"model": ErrorOut}, "5XX": {"model": ErrorOut}},
    )
    app.state.ready = False
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes, respond=respond)
    app.add_middleware(RequestLog, metrics=metrics, paths=PATHS)
    _add_error_handlers(app)

    def authorised(request: Request) -> None:
        check_token(request.headers, settings.api_tokens)

    _add_predict_routes(app, predictor, metrics, authorised)
    _add_state_routes(app, settings, predictor, metrics, authorised)
    return app


def _add_predict_routes(
    app: FastAPI, predictor: Predictor, metrics: Metrics, authorised: Authorised
) -> None:
    async def answer(story: StoryIn) -> PredictionOut:
        prediction = await predictor.predict(story)
        metrics.stories.labels(prediction.label).inc()
        metrics.confidence.observe(prediction.report)
        return prediction_out(prediction, predictor.model_out)

    async def answer_or_error(story: StoryIn, slots: asyncio.Semaphore) -> PredictionOut | ErrorOut:
        try:
            async with slots:
                return await answer(story)
        except ServiceError as error:
            metrics.errors.labels(error.error_type).inc()
            return _error_out(error)

    @app.post("/predict", dependencies=[Depends(authorised)])
    async def predict(story: StoryIn, request: Request) -> PredictionOut:
        """Judge one story, given by `url` or by `text`."""
        note = request.state.note
        note.facts["url_host"] = _host(story.url)
        result = await answer(story)
        note.facts |= {"label": result.label, "confidence": result.confidence}
        note.facts |= {"model": result.model.version, "windows": result.article.windows}
        return result

    @app.post("/predict/batch", dependencies=[Depends(authorised)])
    async def predict_batch(batch: BatchIn, request: Request) -> list[PredictionOut | ErrorOut]:
        """Judge up to 32 stories; answers in order, each a prediction or an error."""
        slots = asyncio.Semaphore(_BATCH_AT_ONCE)
        results = await asyncio.gather(*(answer_or_error(s, slots) for s in batch.stories))
        request.state.note.facts |= {
            "stories": len(results),
            "errors": sum(isinstance(r, ErrorOut) for r in results),
        }
        return list(results)


def _add_state_routes(
    app: FastAPI,
    settings: Settings,
    predictor: Predictor,
    metrics: Metrics,
    authorised: Authorised,
) -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        """200 once the model has answered a warm-up text, 503 before."""
        if not app.state.ready:
            raise ServiceError(ErrorType.NOT_READY, "The service is starting.")
        return {"status": "ok"}

    @app.get("/info")
    async def info() -> dict[str, Any]:
        """Model version, labels, limits, and what training measured."""
        config = predictor.model.config
        return {
            "service": __version__,
            "model": {
                **config.model_dump(exclude={"sha256"}),
                "precision": predictor.model.precision,
                "threads": settings.model_threads,
            },
            "limits": {
                "batch_stories": MAX_BATCH,
                "body_bytes": settings.max_body_bytes,
                "text_chars": settings.max_text_chars,
                "deadline_s": settings.request_deadline_s,
            },
            "metrics": load_metrics(settings.model_dir),
        }

    @app.get("/places", dependencies=[Depends(authorised)])
    def places(
        q: Annotated[str, Query(min_length=1, max_length=100, description="a place name")],
    ) -> list[CandidateOut]:
        """The places a name may mean, likeliest first: how a person checks a wrong pin."""
        return [candidate_out(candidate) for candidate in predictor.locator.candidates(q)]

    @app.get("/metrics", response_class=Response)
    async def prometheus() -> Response:
        """Prometheus metrics."""
        metrics.queue.set(predictor.queued_windows)
        return Response(metrics.render(), media_type=CONTENT_TYPE_LATEST)


def respond(scope: Scope, error: ServiceError) -> JSONResponse:
    """The one form in which a failure leaves: `{error, error_type, detail?}`."""
    scope["state"]["note"].facts["error_type"] = error.error_type
    headers = {}
    if error.error_type in (ErrorType.OVERLOADED, ErrorType.NOT_READY):
        headers["Retry-After"] = "5"
    if error.error_type is ErrorType.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    body = _error_out(error).model_dump(mode="json", exclude_none=True)
    return JSONResponse(body, error.status, headers)


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(ServiceError)
    async def known(request: Request, error: ServiceError) -> JSONResponse:
        return respond(request.scope, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        problems = [
            {"where": ".".join(map(str, e["loc"])), "problem": e["msg"]} for e in error.errors()
        ]
        message = (
            f"The request cannot be understood: {problems[0]['where']}: {problems[0]['problem']}."
        )
        detail: dict[str, object] = {"problems": problems[:10]}
        return respond(request.scope, ServiceError(ErrorType.INVALID_REQUEST, message, detail))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        kind = {404: ErrorType.NOT_FOUND, 405: ErrorType.METHOD_NOT_ALLOWED}.get(
            error.status_code, ErrorType.INVALID_REQUEST
        )
        return respond(request.scope, ServiceError(kind, f"{error.detail}."))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("unexpected failure", exc_info=error)
        failure = ServiceError(ErrorType.INTERNAL, "The service failed on this request.")
        return respond(request.scope, failure)


def _error_out(error: ServiceError) -> ErrorOut:
    return ErrorOut(error=error.message, error_type=error.error_type, detail=error.detail)


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url).hostname if url else None
    except ValueError:
        return None
