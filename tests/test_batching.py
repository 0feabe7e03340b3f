"""Windows of all stories share batches; nobody waits for ever; failures reach their callers."""

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from service.batching import OLDEST_WINDOWS, TURN_WINDOWS, Batcher
from service.errors import ErrorType, ServiceError
from service.model import WindowOutput
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
        assert self.permits.acquire(timeout=30)
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
    assert set(recorder.batches[1]) >= {1000, 1001}
    assert len(recorder.batches[1]) == TURN_WINDOWS
    recorder.release(20)
    assert numbers(await long) == list(range(100))
    await batcher.aclose()


async def test_neither_short_stories_nor_a_long_one_wait_for_more_than_their_share() -> None:
    """While the model never runs dry of short stories, each goes with the very next batch."""
    recorder = Recorder()
    batcher = Batcher(recorder, queue_windows=1000)
    long = asyncio.create_task(batcher.run([window(i) for i in range(100)]))
    await started(recorder)
    room = TURN_WINDOWS - OLDEST_WINDOWS
    for batch in range(1, 6):
        first = 1000 * batch
        shorts = [
            asyncio.create_task(batcher.run([window(first + i), window(first + i + 1)]))
            for i in range(0, room, 2)
        ]
        await asyncio.sleep(0)
        recorder.release(1)
        await started(recorder)
        assert sum(number >= first for number in recorder.batches[batch]) == room
        assert sum(number < 1000 for number in recorder.batches[batch]) == OLDEST_WINDOWS
        assert not any(short.done() for short in shorts)
    recorder.release(10)
    assert numbers(await long) == list(range(100))
    order = [number for batch in recorder.batches for number in batch]
    assert order.index(99) > order.index(5000)
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


async def test_windows_that_are_yet_to_be_cut_hold_their_room() -> None:
    batcher = Batcher(Recorder(), queue_windows=20)
    with batcher.expecting(15):
        assert batcher.queued_windows == 15
        with pytest.raises(ServiceError) as refusal, batcher.expecting(6):
            pass
        assert refusal.value.error_type is ErrorType.OVERLOADED
    assert batcher.queued_windows == 0
    await batcher.aclose()


async def test_what_cannot_be_done_by_its_deadline_is_refused_at_once() -> None:
    recorder = Recorder()
    recorder.release(1)
    batcher = Batcher(recorder, queue_windows=1000)
    await batcher.run([window(1)])  # from now on its pace is known
    soon = asyncio.get_running_loop().time() + 1e-9
    first = asyncio.create_task(batcher.run([window(2)], soon))  # alone: taken
    await asyncio.sleep(0)
    with pytest.raises(ServiceError) as refusal:
        await batcher.run([window(3)], soon)
    assert refusal.value.error_type is ErrorType.OVERLOADED
    assert refusal.value.detail is not None
    assert 1 <= int(str(refusal.value.detail["retry_after_s"])) <= 30
    recorder.release(1)
    assert numbers(await first) == [2]
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
