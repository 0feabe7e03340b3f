"""Windows of all stories share batches; nobody waits for ever; failures reach their callers."""

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from service.batching import Batcher
from service.errors import ErrorType, ServiceError
from service.model import BATCH_WINDOWS, WindowOutput
from service.text import Window

pytestmark = pytest.mark.anyio


def window(number: int) -> Window:
    return Window((number,), ())


class Recorder:
    """A runner that waits for permission and notes the batches it was given."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.started = threading.Semaphore(0)
        self.permits = threading.Semaphore(0)
        self.broken = False

    def run(self, windows: Sequence[Window]) -> list[WindowOutput]:
        self.batches.append([w.ids[0] for w in windows])
        self.started.release()
        self.permits.acquire()
        if self.broken:
            raise RuntimeError("the model broke")
        return [
            WindowOutput(np.array([w.ids[0]], np.float32), np.zeros(1, np.float32)) for w in windows
        ]

    def release(self, batches: int) -> None:
        for _ in range(batches):
            self.permits.release()


async def started(recorder: Recorder) -> None:
    await asyncio.to_thread(recorder.started.acquire)


def numbers(outputs: Sequence[WindowOutput]) -> list[float]:
    return [float(o.vector[0]) for o in outputs]


async def test_a_short_story_overtakes_a_long_one() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder, queue_windows=1000)
    long = asyncio.create_task(batcher.run([window(i) for i in range(100)]))
    await started(recorder)
    short = asyncio.create_task(batcher.run([window(1000), window(1001)]))
    await asyncio.sleep(0)
    recorder.release(2)
    assert numbers(await short) == [1000, 1001]
    assert recorder.batches[1][:2] == [1000, 1001]
    assert len(recorder.batches[1]) == BATCH_WINDOWS
    recorder.release(20)
    assert numbers(await long) == list(range(100))
    await batcher.aclose()


async def test_a_full_queue_refuses_at_once() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder, queue_windows=20)
    first = asyncio.create_task(batcher.run([window(i) for i in range(19)]))
    await started(recorder)
    with pytest.raises(ServiceError) as refusal:
        await batcher.run([window(1), window(2)])
    assert refusal.value.error_type is ErrorType.OVERLOADED
    recorder.release(5)
    assert len(await first) == 19
    await batcher.aclose()


async def test_a_story_larger_than_the_queue_runs_alone() -> None:
    recorder = Recorder()
    recorder.release(10)
    batcher = Batcher(recorder, queue_windows=8)
    assert len(await batcher.run([window(i) for i in range(40)])) == 40
    await batcher.aclose()


async def test_cancelled_work_is_dropped() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder, queue_windows=1000)
    gone = asyncio.create_task(batcher.run([window(i) for i in range(100)]))
    await started(recorder)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert batcher.queued_windows == 0
    recorder.release(2)
    assert numbers(await batcher.run([window(7)])) == [7]
    assert len(recorder.batches) == 2
    await batcher.aclose()


async def test_a_failure_of_the_model_reaches_its_callers_only() -> None:
    recorder = Recorder()
    recorder.broken = True
    recorder.release(1)
    batcher = Batcher(recorder, queue_windows=1000)
    with pytest.raises(RuntimeError, match="broke"):
        await batcher.run([window(1)])
    recorder.broken = False
    recorder.release(1)
    assert numbers(await batcher.run([window(2)])) == [2]
    await batcher.aclose()
