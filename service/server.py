"""Runs the application under Uvicorn."""

import logging
import socket
import sys

import uvicorn
from starlette.types import ASGIApp

from service.app import create_app
from service.fetch import Fetcher
from service.pipeline import Predictor
from service.settings import Settings
from service.tracing import start_tracing

# Seconds after SIGTERM until what is still in work is answered with `not_ready`, and
# until whoever has not taken the answer is cut off. All is over 10 seconds after it.
_ANSWER_S = 6
_GRACE_S = 7


class Server(uvicorn.Server):
    """Uvicorn, which tells the predictor when it stops."""

    def __init__(self, config: uvicorn.Config, predictor: Predictor) -> None:
        super().__init__(config)
        self._predictor = predictor

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answers what is in flight and takes nothing new."""
        self._predictor.hurry(_ANSWER_S)
        await super().shutdown(sockets)


def serve(settings: Settings, fetcher: Fetcher | None = None) -> None:
    """Load the model and answer requests until a signal. Raises ArtefactError, SettingsError."""
    # force: a library that logged while being imported has set up its own.
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s", force=True)
    tracing = start_tracing(settings.otel_exporter_otlp_endpoint)
    predictor = Predictor.load(settings, fetcher)
    app = create_app(settings, predictor, tracing)
    Server(server_config(app, settings), predictor).run()


def server_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """How Uvicorn runs an application here."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=_GRACE_S,
        server_header=False,
        # Uvicorn would believe what a caller on the same machine forwards; see TRUSTED_PROXIES.
        proxy_headers=False,
    )
