"""Runs the service and the feed under one Uvicorn, for there is one web process per machine."""

import logging
import socket
import sys

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from collector.feed.app import ROOTS, create_feed
from collector.feed.changes import Changes
from collector.store import Store
from service.app import create_app
from service.pipeline import Predictor
from service.server import Server, server_config
from service.settings import Settings
from service.tracing import start_tracing


class Both:
    """The feed for its own paths, the service for all others and for start and stop."""

    def __init__(self, service: ASGIApp, feed: ASGIApp) -> None:
        self._service = service
        self._feed = feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = scope["path"].lstrip("/").partition("/")[0] if scope["type"] == "http" else None
        app = self._feed if first in ROOTS else self._service
        await app(scope, receive, send)


class FeedServer(Server):
    """Uvicorn, which sends the listeners of the stream away when it stops."""

    def __init__(self, config: uvicorn.Config, predictor: Predictor, changes: Changes) -> None:
        super().__init__(config, predictor)
        self._changes = changes

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the streams, answers what is in flight and takes nothing new."""
        self._changes.stop()
        await super().shutdown(sockets)


def serve(settings: Settings, store: Store) -> None:
    """Load the model and answer requests until a signal. Raises ArtefactError, SettingsError."""
    # force: a library that logged while being imported has set up its own.
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s", force=True)
    tracing = start_tracing(settings.otel_exporter_otlp_endpoint)
    predictor = Predictor.load(settings)
    changes = Changes(store)
    feed = create_feed(settings, store, changes, predictor.metrics)
    both = Both(create_app(settings, predictor, tracing), feed)
    FeedServer(server_config(both, settings), predictor, changes).run()
