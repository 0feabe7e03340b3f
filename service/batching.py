"""Joins the windows of all waiting stories into shared batches for the one model.

Stories with the fewest windows left go first, so a short one is never stuck
behind a long one; a long one cannot starve, because every batch it waits makes
it count as shorter.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from service.errors import ErrorType, ServiceError
from service.model import BATCH_WINDOWS, WindowOutput
from service.text import Window


class Runner(Protocol):
    """What batches are run on: the Model."""

    def run(self, windows: Sequence[Window]) -> list[WindowOutput]:
        """One output per window, in order. Called from one thread only."""
        ...


@dataclass
class _Job:
    windows: Sequence[Window]
    done: asyncio.Future[list[WindowOutput]]
    outputs: list[WindowOutput] = field(default_factory=list)
    batches_waited: int = 0

    @property
    def left(self) -> int:
        return len(self.windows) - len(self.outputs)

    @property
    def turn(self) -> int:
        return self.left - BATCH_WINDOWS * self.batches_waited // 4


class Batcher:
    """Runs windows on the model's own thread. Create and use it inside one event loop."""

    def __init__(self, runner: Runner, queue_windows: int) -> None:
        self._runner = runner
        self._limit = queue_windows
        self._jobs: list[_Job] = []
        self._work = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._loop_task = asyncio.create_task(self._loop(), name="batcher")

    @property
    def queued_windows(self) -> int:
        """Windows that wait or are being run."""
        return sum(job.left for job in self._jobs)

    async def run(self, windows: Sequence[Window]) -> list[WindowOutput]:
        """One output per window, in order.

        Raises ServiceError `overloaded` at once if the queue is full. A story
        longer than the whole queue is taken when nothing else waits. Cancelling
        the call drops what has not been run.
        """
        if not windows:
            return []
        queued = self.queued_windows
        if queued and queued + len(windows) > self._limit:
            raise ServiceError(ErrorType.OVERLOADED, "Too many stories are waiting; try later.")
        job = _Job(windows, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        self._work.set()
        try:
            return await job.done
        finally:
            if job in self._jobs:
                self._jobs.remove(job)

    async def aclose(self) -> None:
        """Stops after the batch in flight; waiting calls are cancelled."""
        self._loop_task.cancel()
        await asyncio.gather(self._loop_task, return_exceptions=True)
        for job in self._jobs:
            job.done.cancel()
        self._thread.shutdown(wait=True)

    async def _loop(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._work.wait()
            self._work.clear()
            while shares := self._next_batch():
                batch = [w for job, take in shares for w in _next_windows(job, take)]
                try:
                    outputs = await loop.run_in_executor(self._thread, self._runner.run, batch)
                except Exception as error:  # any failure of the model belongs to its callers
                    self._fail([job for job, _ in shares], error)
                    continue
                self._deliver(shares, outputs)

    def _next_batch(self) -> list[tuple[_Job, int]]:
        room = BATCH_WINDOWS
        shares = []
        for job in sorted(self._jobs, key=lambda job: job.turn):
            take = min(room, job.left)
            if take:
                shares.append((job, take))
                room -= take
            else:
                job.batches_waited += 1
        return shares

    def _deliver(self, shares: Sequence[tuple[_Job, int]], outputs: list[WindowOutput]) -> None:
        at = 0
        for job, take in shares:
            job.outputs.extend(outputs[at : at + take])
            at += take
            if job.left == 0:
                if job in self._jobs:
                    self._jobs.remove(job)
                if not job.done.done():
                    job.done.set_result(job.outputs)

    def _fail(self, jobs: Sequence[_Job], error: Exception) -> None:
        for job in jobs:
            if job in self._jobs:
                self._jobs.remove(job)
            if not job.done.done():
                job.done.set_exception(error)


def _next_windows(job: _Job, take: int) -> Sequence[Window]:
    at = len(job.outputs)
    return job.windows[at : at + take]
