"""The feed alone, without a model: python -m tests.collector.feed_server DATABASE_FILE."""

import socket
import sys

import uvicorn

from collector.feed.app import create_feed
from collector.feed.changes import Changes
from collector.store import Store
from service.metrics import Metrics
from service.server import server_config
from service.settings import Settings


class Server(uvicorn.Server):
    """Stops the streams first, as `collector.feed.server` does."""

    def __init__(self, config: uvicorn.Config, changes: Changes) -> None:
        super().__init__(config)
        self._changes = changes

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._changes.stop()
        await super().shutdown(sockets)


def main() -> None:
    """Serve until a signal."""
    settings = Settings.from_environment()
    store = Store.open(f"sqlite:///{sys.argv[1]}")
    changes = Changes(store, every_s=0.05)
    app = create_feed(settings, store, changes, Metrics())
    Server(server_config(app, settings), changes).run()


if __name__ == "__main__":
    main()
