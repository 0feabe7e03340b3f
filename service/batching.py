"""Joins the windows of all waiting stories into shared turns of the one model.

A turn is several batches' worth of windows: the model sorts them by length, so that little
of a batch is padding. Half of every turn belongs to the stories with the fewest windows left,
so a short one is never stuck behind a long one. The other half belongs to those that came
first, so a long one cannot starve: however many shorter ones come after it, it waits at most
twice as long as in a plain queue. As a story is only taken if all that waits can be done in a
third of the time to its deadline, that is soon enough.
"""

import asyncio
import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from service.errors import ErrorType, ServiceError
from service.metrics import Metrics
from service.model import BATCH_WINDOWS, WindowOutput
from service.text import Window

# Two more batches save 4 % of the model's work; far more would keep short stories waiting.
TURN_WINDOWS = 3 * BATCH_WINDOWS
OLDEST_WINDOWS = TURN_WINDOWS // 2
_DEADLINE_SHARE = 1 / 3
# Windows over which the model's pace is averaged.
_PACE_WINDOWS = 3 * TURN_WINDOWS
_MAX_RETRY_S = 30


class Runner(Protocol):
    """What turns are run on: the Model."""

    def run(self, windows: Sequence[Window]) -> list[WindowOutput]:
        """One output per window, in order. Called from one thread only."""
        ...


@dataclass(eq=False)
class _Job:
    windows: Sequence[Window]
    done: asyncio.Future[list[WindowOutput]]
    outputs: list[WindowOutput] = field(default_factory=list)
    queued_at: float = field(default_factory=time.perf_counter)
    started_at: float | None = None

    @property
    def left(self) -> int:
        return len(self.windows) - len(self.outputs)


class Batcher:
    """Runs windows on the model's own thread. Create and use it inside one event loop.

    Deadlines are seconds of the event loop's clock.
    """

    def __init__(self, runner: Runner, queue_windows: int, metrics: Metrics | None = None) -> None:
        self._runner = runner
        self._limit = queue_windows
        self._metrics = metrics or Metrics()
        self._jobs: list[_Job] = []  # in order of arrival
        self._expected = 0
        # Seconds per window. It begins too low, because the first turns, for which the
        # runtime compiles their shapes, are slower than any later one.
        self._window_s = 0.0
        self._work = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._loop_task = asyncio.create_task(self._loop(), name="batcher")

    @property
    def queued_windows(self) -> int:
        """Windows that wait, are expected or are being run."""
        return self._expected + sum(job.left for job in self._jobs)

    def check_room(self, windows: int, deadline: float | None = None) -> None:
        """Raises ServiceError `overloaded` unless so many windows more can be taken.

        There must be room for them, and at the model's present pace all that waits
        must be done in a third of the time to the deadline. A story longer than the
        whole queue is taken when nothing else waits.
        """
        queued = self.queued_windows
        if not queued:
            return
        wait_s = (queued + windows) * self._window_s
        full = queued + windows > self._limit
        if full or (deadline is not None and wait_s > _DEADLINE_SHARE * (deadline - _now())):
            retry_s = min(max(math.ceil(queued * self._window_s), 1), _MAX_RETRY_S)
            raise ServiceError(
                ErrorType.OVERLOADED,
                "Too many stories are waiting; try later.",
                {"retry_after_s": retry_s},
            )

    @contextmanager
    def expecting(self, windows: int, deadline: float | None = None) -> Iterator[None]:
        """Holds room for windows that are yet to be cut. Raises as `check_room`."""
        self.check_room(windows, deadline)
        self._expected += windows
        try:
            yield
        finally:
            self._expected -= windows

    async def run(
        self, windows: Sequence[Window], deadline: float | None = None
    ) -> list[WindowOutput]:
        """One output per window, in order.

        Raises as `check_room`, at once. Cancelling the call drops what has not
        been run.
        """
        if not windows:
            return []
        self.check_room(len(windows), deadline)
        job = _Job(windows, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        self._work.set()
        try:
            outputs = await job.done
        finally:
            self._forget(job)
        if job.started_at is not None:
            self._metrics.staged("queue", job.queued_at, job.started_at)
            self._metrics.staged("model", job.started_at, time.perf_counter())
        return outputs

    async def aclose(self) -> None:
        """Stops after the turn in flight; waiting calls are cancelled."""
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
            while shares := self._next_turn():
                turn = [w for job, take in shares.items() for w in _next_windows(job, take)]
                started = time.perf_counter()
                try:
                    outputs = await loop.run_in_executor(self._thread, self._runner.run, turn)
                except Exception as error:  # any failure of the model belongs to its callers
                    self._fail(shares, error)
                    continue
                self._note_pace(len(turn), time.perf_counter() - started)
                self._deliver(shares, outputs)

    def _next_turn(self) -> dict[_Job, int]:
        """How many windows of which story to run next; empty when none waits."""
        # A call that was cancelled a moment ago may still be listed.
        waiting = [job for job in self._jobs if job.left and not job.done.done()]
        takes: dict[_Job, int] = {}
        by_length = sorted(waiting, key=lambda job: job.left)
        for jobs, most in ((waiting, OLDEST_WINDOWS), (by_length, TURN_WINDOWS)):
            room = most - sum(takes.values())
            for job in jobs:
                take = min(room, job.left - takes.get(job, 0))
                if take:
                    takes[job] = takes.get(job, 0) + take
                    room -= take
        now = time.perf_counter()
        for job in takes:
            job.started_at = job.started_at or now
        return takes

    def _note_pace(self, windows: int, seconds: float) -> None:
        self._metrics.batch.observe(windows)
        self._window_s += windows / _PACE_WINDOWS * (seconds / windows - self._window_s)

    def _deliver(self, shares: dict[_Job, int], outputs: list[WindowOutput]) -> None:
        at = 0
        for job, take in shares.items():
            job.outputs.extend(outputs[at : at + take])
            at += take
            if job.left == 0:
                self._forget(job)
                if not job.done.done():
                    job.done.set_result(job.outputs)

    def _fail(self, jobs: dict[_Job, int], error: Exception) -> None:
        for job in jobs:
            self._forget(job)
            if not job.done.done():
                job.done.set_exception(error)

    def _forget(self, job: _Job) -> None:
        if job in self._jobs:
            self._jobs.remove(job)


def _next_windows(job: _Job, take: int) -> Sequence[Window]:
    at = len(job.outputs)
    return job.windows[at : at + take]


def _now() -> float:
    return asyncio.get_running_loop().time()
