"""The HTTP application: routes, lifespan, and what stands before them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Query, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from service import __version__
from service.answer_headers import AnswerHeaders
from service.artefact import load_metrics
from service.error_answers import add_error_handlers, error_out, respond
from service.errors import ErrorType, ServiceError
from service.gate import HEALTH, Gate, Reception
from service.intake import Intake
from service.labels import POSITIVE_LABEL
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
from service.telemetry import RequestLog
from service.tracing import Tracing

PATHS = frozenset(
    {"/predict", "/predict/batch", "/places", "/health", "/info", "/metrics", "/docs"}
)
# Stories of one batch request that are worked on at the same time.
_BATCH_AT_ONCE = 8
log = logging.getLogger(__name__)

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(settings: Settings, predictor: Predictor, tracing: Tracing | None = None) -> FastAPI:
    """The application around a predictor, which it starts and closes. Raises ArtefactError."""
    measured = load_metrics(settings.model_dir)
    predictor.metrics.drift.trained(measured)
    reception = Reception(settings)
    app = FastAPI(
        title="Brutality Watch",
        version=__version__,
        summary="Does a news story report police force, how sure, and where?",
        lifespan=_lifespan(settings, predictor, tracing),
        openapi_url=None if settings.docs_access == "closed" else "/openapi.json",
        redoc_url=None,
        responses={"4XX": {"model": ErrorOut}, "5XX": {"model": ErrorOut}},
        telemetry={
            "tracing": tracing is not None,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
            # Asked all the time, by machines.
            "exclude": lambda scope: scope["path"] in (HEALTH, "/metrics"),
        },
    )
    app.state.ready = False
    # The last one added sees a request first.
    app.add_middleware(
        Intake,
        max_bytes=settings.max_body_bytes,
        deadline_s=settings.request_deadline_s,
        respond=respond,
    )
    app.add_middleware(Gate, reception=reception, respond=respond)
    app.add_middleware(RequestLog, metrics=predictor.metrics, paths=PATHS, respond=respond)
    app.add_middleware(AnswerHeaders)
    add_error_handlers(app)
    _add_predict_routes(app, predictor, reception)
    _add_state_routes(app, settings, predictor, measured)
    return app


def _lifespan(settings: Settings, predictor: Predictor, tracing: Tracing | None) -> Lifespan:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if not settings.api_tokens:
            log.warning("API_TOKENS is not set: anyone who reaches this service may use it")
        async with predictor:
            app.state.ready = True
            yield
            app.state.ready = False
        if tracing is not None:
            await asyncio.to_thread(tracing.stop)

    return lifespan


def _add_predict_routes(app: FastAPI, predictor: Predictor, reception: Reception) -> None:
    metrics = predictor.metrics

    async def answer(story: StoryIn, deadline: float) -> PredictionOut:
        prediction = await predictor.predict(story, deadline)
        out = prediction_out(prediction, predictor.model_out)
        positive = prediction.label == POSITIVE_LABEL
        metrics.answered(out.label, positive, prediction.confidence, prediction.report)
        return out

    async def answer_or_error(
        story: StoryIn, deadline: float, slots: asyncio.Semaphore
    ) -> PredictionOut | ErrorOut:
        try:
            async with slots:
                return await answer(story, deadline)
        except ServiceError as error:
            metrics.errors.labels(error.error_type).inc()
            return error_out(error)

    @app.post("/predict")
    async def predict(story: StoryIn, request: Request) -> PredictionOut:
        """Judge one story, given by `url` or by `text`."""
        note = request.state.note
        note.facts["url_host"] = _host(story.url)
        result = await answer(story, request.state.deadline)
        note.facts |= {"label": result.label, "confidence": result.confidence}
        note.facts |= {"model": result.model.version, "windows": result.article.windows}
        return result

    @app.post("/predict/batch")
    async def predict_batch(batch: BatchIn, request: Request) -> list[PredictionOut | ErrorOut]:
        """Judge up to 32 stories; answers in order, each a prediction or an error."""
        reception.count_more(request.state.visitor, len(batch.stories) - 1)
        predictor.check_room()
        slots = asyncio.Semaphore(_BATCH_AT_ONCE)
        deadline = request.state.deadline
        results = await asyncio.gather(
            *(answer_or_error(story, deadline, slots) for story in batch.stories)
        )
        request.state.note.facts |= {
            "stories": len(results),
            "errors": sum(isinstance(r, ErrorOut) for r in results),
        }
        return list(results)


def _add_state_routes(
    app: FastAPI, settings: Settings, predictor: Predictor, measured: dict[str, Any]
) -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        """200 once the model has answered a warm-up text, 503 before."""
        if not app.state.ready:
            raise ServiceError(ErrorType.NOT_READY, "The service is starting.")
        return {"status": "ok"}

    @app.get("/info")
    async def info() -> dict[str, Any]:
        """Model version, how it runs here, labels, limits, and what training measured."""
        config = predictor.model.config
        return {
            "service": __version__,
            "model": {
                **config.model_dump(exclude={"sha256"}),
                **asdict(predictor.model.running),
            },
            "limits": {
                "batch_stories": MAX_BATCH,
                "body_bytes": settings.max_body_bytes,
                "text_chars": settings.max_text_chars,
                "queue_windows": settings.queue_windows,
                "deadline_s": settings.request_deadline_s,
                "stories_per_minute": settings.rate_limit_per_minute or None,
                "stories_per_minute_and_token": settings.token_rate_limit_per_minute or None,
            },
            "metrics": measured,
        }

    @app.get("/places")
    def places(
        q: Annotated[str, Query(min_length=1, max_length=100, description="a place name")],
    ) -> list[CandidateOut]:
        """The places a name may mean, likeliest first: how a person checks a wrong pin."""
        return [candidate_out(candidate) for candidate in predictor.locator.candidates(q)]

    if settings.metrics_access != "closed":

        @app.get("/metrics", response_class=Response)
        async def prometheus() -> Response:
            """Prometheus metrics."""
            predictor.metrics.queue.set(predictor.queued_windows)
            return Response(predictor.metrics.render(), media_type=CONTENT_TYPE_LATEST)


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url).hostname if url else None
    except ValueError:
        return None
