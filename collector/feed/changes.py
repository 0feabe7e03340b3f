"""Tells waiting streams that the store has changed, with one look a second for all of them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import SQLAlchemyError

from collector.feed.query import latest_revision
from collector.store import Store
from service.errors import ErrorType, ServiceError

MAX_LISTENERS = 200
log = logging.getLogger(__name__)


class Changes:
    """The newest revision of a store, for as long as anybody listens. One event loop's."""

    def __init__(self, store: Store, every_s: float = 1.0) -> None:
        self._store = store
        self._every_s = every_s
        self._latest = 0
        self._listeners = 0
        self._changed = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self.stopping = False

    def check_room(self) -> None:
        """Raises ServiceError `overloaded` or `not_ready` where nobody more may listen."""
        if self.stopping:
            raise ServiceError(ErrorType.NOT_READY, "The service is stopping.")
        if self._listeners >= MAX_LISTENERS:
            raise ServiceError(ErrorType.OVERLOADED, f"{MAX_LISTENERS} clients listen already.")

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Be told of changes while inside."""
        self._listeners += 1
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            self._listeners -= 1
            if not self._listeners:
                self._watching.cancel()
                self._watching = None

    async def beyond(self, revision: int) -> bool:
        """Returns when the store is past a revision: True, or False when the server stops."""
        while self._latest <= revision and not self.stopping:
            await self._changed.wait()
        return not self.stopping

    def stop(self) -> None:
        """Send every listener away."""
        self.stopping = True
        self._tell()

    async def _watch(self) -> None:
        while True:
            try:
                latest = await asyncio.to_thread(self._look)
            except SQLAlchemyError as error:
                # The database is away for a moment; listeners need not be told.
                log.warning("the stream cannot read the store: %s", type(error).__name__)
            else:
                if latest != self._latest:
                    self._latest = latest
                    self._tell()
            await asyncio.sleep(self._every_s)

    def _look(self) -> int:
        with self._store.read() as session:
            return latest_revision(session)

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
