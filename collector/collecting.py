"""The loop: lists sources when they are due and keeps the worker busy with their items."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlalchemy.orm import Session

from collector import grouping, queue, stories
from collector.queue import Pending
from collector.retries import delay_s
from collector.source import Listing, Source, SourceError
from collector.store import now
from collector.worker import Worker, host_of, log, note
from service.schemas import ModelOut

# Items in work at once: pages are fetched while the model runs.
AT_ONCE = 16
# Of them, pages of one host: its turns are slow, and other hosts need not wait for them.
_PER_HOST = 3
_BACKLOG = 200
# Seconds after which the loop looks around although nothing woke it.
_LOOK_S = 30.0
_LIST_S = 120.0
_FAILED_BASE_S = 60.0
# Seconds for items in work after a stop; Heroku kills after 30.
_GRACE_S = 5.0


class Collecting:
    """One process's collecting. `stop` it from a signal handler."""

    def __init__(
        self, worker: Worker, sources: Sequence[Source], keep_text_days: int | None = None
    ) -> None:
        self._worker = worker
        self._sources = sources
        self._keep_text_days = keep_text_days
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._backlog: list[Pending] = []
        self._hosts: Counter[str | None] = Counter()
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Take nothing new and end within seconds; what is under way goes on next time."""
        self._stopping.set()
        self._wake.set()

    async def once(self) -> bool:
        """List every source now and settle all items; whether every source could be listed."""
        listing = asyncio.create_task(self._list_all())
        try:
            await self._work(listing.done)
            return self._stopping.is_set() or await listing
        finally:
            await _cancel([listing])

    async def run(self) -> None:
        """Collect until stopped."""
        listing = [asyncio.create_task(self._keep_listing(source)) for source in self._sources]

        def finished() -> bool:
            for task in listing:
                if task.done():
                    task.result()  # they end by an error only, which is then raised here
            return False

        try:
            await self._work(finished)
        finally:
            await _cancel(listing)

    async def rescore(self, model: ModelOut) -> int:
        """Judge all kept texts that this model has not judged; how many."""
        done, last = 0, ""
        while not self._stopping.is_set():
            after = last
            batch = await self._worker.look(
                lambda session: stories.to_rescore(session, model, after, AT_ONCE)  # noqa: B023
            )
            if not batch:
                break
            done += sum(await asyncio.gather(*map(self._worker.rescore, batch)))
            last = batch[-1]
        note("rescored", stories=done)
        return done

    async def _work(self, finished: Callable[[], bool]) -> None:
        """Work until stopped, or until nothing is pending and no more will be."""
        try:
            while not self._stopping.is_set():
                self._wake.clear()
                last = finished()
                await self._start_due()
                if self._tasks:
                    await self._wake.wait()
                elif await self._group_rest():
                    continue
                else:
                    await self._forget()
                    due = await self._worker.look(queue.next_item_due)
                    if due is None and last:
                        return
                    wait = _LOOK_S if due is None else (due - now()).total_seconds()
                    await self._sleep(min(_LOOK_S, max(0.0, wait)))
        finally:
            await self._end_tasks()

    async def _start_due(self) -> None:
        """Have AT_ONCE items in work, as far as that many are due and no host gets too many."""
        for number, task in list(self._tasks.items()):
            if task.done():
                del self._tasks[number]
                task.result()
        if len(self._backlog) < AT_ONCE:
            due = await self._worker.look(lambda s: queue.pending(s, now(), _BACKLOG))
            self._backlog = [item for item in due if item.id not in self._tasks]
        for item in list(self._backlog):
            if len(self._tasks) == AT_ONCE:
                break
            if self._hosts[host_of(item)] < _PER_HOST or host_of(item) is None:
                self._backlog.remove(item)
                self._tasks[item.id] = self._start(item)

    def _start(self, item: Pending) -> asyncio.Task[None]:
        host = host_of(item)
        self._hosts[host] += 1

        def ended(_: asyncio.Task[None]) -> None:
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]
            self._wake.set()

        task = asyncio.create_task(self._worker.process(item))
        task.add_done_callback(ended)
        return task

    async def _group_rest(self) -> bool:
        """Group stories that an earlier process judged and had no time to group."""
        left = await self._worker.look(lambda session: grouping.ungrouped(session, AT_ONCE))
        for story_id in left:
            await self._worker.group(story_id)
        return bool(left)

    async def _forget(self) -> None:
        """Drop texts that have been kept long enough."""
        days = self._keep_text_days
        if days is not None:
            dropped = await self._worker.write(lambda s: stories.drop_texts(s, days, now()))
            if dropped:
                note("forgot", texts=dropped)

    async def _list_all(self) -> bool:
        try:
            return all(await asyncio.gather(*map(self._list, self._sources)))
        finally:
            self._wake.set()

    async def _keep_listing(self, source: Source) -> None:
        while True:
            await self._worker.write(lambda s: queue.add_source(s, source.name, source.kind, now()))
            due = await self._worker.look(lambda session: queue.due_at(session, source.name))
            await asyncio.sleep(max(0.0, (due - now()).total_seconds()))
            await self._list(source)

    async def _list(self, source: Source) -> bool:
        """List a source to its end; False where it failed."""
        name = source.name
        await self._worker.write(lambda s: queue.add_source(s, name, source.kind, now()))
        while True:
            state = await self._worker.look(lambda session: queue.state_of(session, name))
            try:
                async with asyncio.timeout(_LIST_S):
                    listing = await source.list(state)
            except SourceError as error:
                await self._source_failed(source, str(error), error.retry_after_s or 0.0)
                return False
            except TimeoutError:
                await self._source_failed(source, f"no answer within {_LIST_S:g} seconds")
                return False
            except Exception as error:
                # A fault of one adapter must not stop the others.
                log.exception("source %s", name)
                await self._source_failed(source, f"unexpected {type(error).__name__}")
                return False
            wait = 0.0 if listing.more else max(source.every_s, listing.wait_s or 0.0)
            new = await self._worker.write(_storing(name, listing, wait))
            note("listed", source=name, items=len(listing.items), new=new, more=listing.more)
            self._wake.set()
            if not listing.more:
                return True

    async def _source_failed(self, source: Source, error: str, asked_s: float = 0.0) -> None:
        def step(session: Session) -> None:
            failures = queue.failures(session, source.name) + 1
            wait = delay_s(_FAILED_BASE_S, failures, self._worker.chance)
            due = now() + timedelta(seconds=max(wait, asked_s))
            queue.source_failed(session, source.name, error, due)

        await self._worker.write(step)
        note("source_failed", source=source.name, error=error)

    async def _sleep(self, seconds: float) -> None:
        """Until that long has passed or something woke the loop."""
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _end_tasks(self) -> None:
        """Items in work get a moment; the rest is left as it was, pending."""
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=_GRACE_S)
        await _cancel(tasks)


def _storing(name: str, listing: Listing, wait_s: float) -> Callable[[Session], int]:
    def step(session: Session) -> int:
        moment = now()
        due = moment + timedelta(seconds=wait_s)
        return queue.store_listing(session, name, listing, due, moment)

    return step


async def _cancel(tasks: Sequence[asyncio.Task[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
