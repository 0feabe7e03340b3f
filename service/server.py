"""Runs the application under Uvicorn."""

import logging
import sys

import uvicorn

from service.app import create_app
from service.pipeline import Predictor
from service.settings import Settings

# Seconds that requests in flight get after SIGTERM; Heroku kills after 30.
_GRACE_S = 8


def serve(settings: Settings) -> None:
    """Load the model and answer requests until a signal. Raises ArtefactError."""
    # force: a library that logged while being imported has set up its own.
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s", force=True)
    predictor = Predictor.load(settings)
    uvicorn.run(
        create_app(settings, predictor),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=_GRACE_S,
        server_header=False,
    )
