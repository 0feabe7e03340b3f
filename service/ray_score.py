"""Judges a file of stories on Ray Data: one model on every CPU of this machine or of a cluster.

Only the process that was started opens files, and it writes rows in the order of the input: OUT
and its part file are those of the local engine, and each engine goes on where the other was cut
off. When a node is lost, the rows after the last one written are given to the rest of the
cluster. Ray would rather start lost actors anew, for which it waits until a CPU is free: with all
of them in use, that is at the end of the run, and no later row could be written before.
"""

import asyncio
import copyreg
import logging
import os
import pickle
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

import pyarrow
import ray
import ray.data
from ray.data import ActorPoolStrategy, DataContext, Datasource, ReadTask
from ray.data.block import BlockMetadata
from ray.exceptions import RayError, RayTaskError
from ray.util.annotations import RayDeprecationWarning

from service.artefact import load_config
from service.errors import ServiceError
from service.pipeline import Predictor
from service.row_run import Answer, RunError, Tally, answer_row
from service.rows import Row, RowWriter, count_rows, read_rows
from service.score import Judging
from service.settings import Settings
from service.story import Story

log = logging.getLogger(__name__)

CHUNK_ROWS = 16  # rows that travel together and are in work at once in an actor
# Of these, the stories that one CPU judges at once: the deadline of each begins with its turn.
_JUDGED_AT_ONCE = 4
# Tries without one more row written, and the seconds before the second, doubled for each later
# one: together more than the half minute that Ray takes to notice that a node has gone.
_TRIES = 6
_PAUSE_S = 1.0


def score_on_ray(
    source: Path, out: Path, settings: Settings, progress: Callable[[int], object]
) -> Tally:
    """Answer every row of `source` into `out`; `progress` is told of each row done.

    Raises RunError where there is no cluster or too little of it is left, ArtefactError,
    RowsError and OSError.
    """
    load_config(settings.model_dir)  # rather than in every actor
    writer = RowWriter(out)
    try:
        tally = Tally(resumed=writer.done)
        progress(writer.done)
        total = count_rows(source)
        if writer.done < total:
            with closing(_answers(source, writer.done, total, settings)) as answers:
                for answer in answers:
                    writer.write(answer)
                    tally.count(answer)
                    progress(1)
        writer.finish()
    finally:
        writer.close()
    return tally


@contextmanager
def _cluster(cpus: int) -> Iterator[None]:
    """Ray: the cluster at RAY_ADDRESS, or one of this machine alone. Raises RunError."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    address = os.environ.get("RAY_ADDRESS")
    logging.getLogger("ray").setLevel(logging.ERROR)
    if address is not None and address.startswith("ray://"):
        raise RunError(f"RAY_ADDRESS={address}: start this on a node of the cluster instead.")
    try:
        if address is None:
            ray.init("local", num_cpus=cpus, include_dashboard=False, logging_level=logging.ERROR)
        else:
            ray.init(address, logging_level=logging.ERROR)
    except (RayError, RuntimeError, ValueError, OSError) as error:
        raise RunError(f"no Ray at {address or 'this machine'}: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _answers(
    source: Path, done: int, total: int, settings: Settings
) -> Generator[Answer, None, None]:
    """The answers from row `done` on, each once, whatever is lost on the way."""
    tries = 0
    while done < total:
        try:
            # Every try is a Ray job of its own: what is left of the last one ends with it.
            with _cluster(settings.model_threads):
                for number, answer in _run(source, done, total, settings):
                    if number != done:
                        raise RunError(f"Ray gave row {number} where row {done} was due.")
                    done += 1
                    tries = 0
                    yield answer
        except RayTaskError:
            raise  # a mistake of this program, not a loss
        except RayError as error:
            tries += 1
            if tries == _TRIES or getattr(error, "actor_init_failed", False):
                raise RunError(f"no answer from Ray to row {done}: {error}") from error
            log.warning("workers were lost; going on from row %d of %d", done, total)
            time.sleep(_PAUSE_S * 2 ** (tries - 1))
        else:
            if done < total:
                raise RunError(f"{source} has {done} rows now and had {total} before.")


def _run(source: Path, done: int, total: int, settings: Settings) -> Iterator[tuple[int, Answer]]:
    """One pass of Ray Data over the rows from `done` on: their numbers and answers, in order."""
    chunks = -(-(total - done) // CHUNK_ROWS)
    actors = min(chunks, int(ray.cluster_resources().get("CPU", 0)))
    if not actors:
        raise RunError("The cluster has no CPUs.")
    _set_context()
    rows = ray.data.read_datasource(
        _Chunks(source.absolute(), done), override_num_blocks=1, num_cpus=0
    )
    with warnings.catch_warnings():
        # Ray 2.64 is to drop `max_restarts`; no other argument says the same.
        warnings.simplefilter("ignore", RayDeprecationWarning)
        answered = rows.map_batches(
            _Judge,
            batch_format="pyarrow",
            fn_constructor_args=[_for_actors(settings)],
            compute=ActorPoolStrategy(size=actors),
            num_cpus=1,
            max_restarts=0,
        )
    for table in answered.iter_batches(batch_size=None, batch_format="pyarrow"):
        for chunk in table["chunk"]:
            yield from pickle.loads(chunk.as_py())


def _for_actors(settings: Settings) -> Settings:
    """One CPU for each, and no secrets."""
    return settings.model_copy(update={"model_threads": 1, "api_tokens": ()})


def _set_context() -> None:
    """How Ray Data runs in this process, and what it tells on stderr."""
    context = DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    # In bytes: every table that is read or answered is a block of its own, and so a task.
    context.target_max_block_size = 1
    for handler in logging.getLogger("ray.data").handlers:
        if handler.name == "console":  # it also writes to files
            handler.setLevel(logging.CRITICAL)


class _Chunks(Datasource):
    """The rows of a file from number `done` on, read as they are asked for."""

    supports_distributed_reads = False  # the file may lie on this node alone

    def __init__(self, source: Path, done: int) -> None:
        super().__init__()
        self._source = source
        self._done = done

    def estimate_inmemory_data_size(self) -> int | None:
        """Unknown."""
        return None

    def get_read_tasks(self, *_: object, **__: object) -> list[ReadTask]:
        """One task: whoever reads, reads from the start."""
        unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [ReadTask(partial(_read, self._source, self._done), unknown)]


def _read(source: Path, done: int) -> Iterator[pyarrow.Table]:
    """Tables of one chunk: a pickled list of numbers and rows, or why a row is none."""
    # An exception with more than one argument cannot be unpickled unless told how.
    copyreg.pickle(ServiceError, _reduced)
    rows = islice(enumerate(read_rows(source)), done, None)
    while chunk := list(islice(rows, CHUNK_ROWS)):
        yield _table(chunk)


def _reduced(error: ServiceError) -> tuple[type[ServiceError], tuple[object, ...]]:
    return ServiceError, (error.error_type, error.message, error.detail)


def _table(chunk: list[tuple[int, Row | ServiceError]] | list[tuple[int, Answer]]) -> pyarrow.Table:
    return pyarrow.table({"chunk": pyarrow.array([pickle.dumps(chunk)], pyarrow.binary())})


class _Judge:
    """What an actor does: it loads a model, once, and answers chunks."""

    def __init__(self, settings: Settings) -> None:
        self._runner = asyncio.Runner()
        predictor = Predictor.load(settings)
        self._runner.run(predictor.__aenter__())
        self._job = _JudgingInTurn(predictor)

    def __del__(self) -> None:
        self._runner.close()  # or Python tells of a task that was waiting for windows

    def __call__(self, tables: pyarrow.Table) -> pyarrow.Table:
        (chunk,) = map(pickle.loads, tables["chunk"].to_pylist())
        return _table(self._runner.run(self._answered(chunk)))

    async def _answered(
        self, chunk: list[tuple[int, Row | ServiceError]]
    ) -> list[tuple[int, Answer]]:
        answers = await asyncio.gather(*(answer_row(n, row, self._job) for n, row in chunk))
        return [(number, answer) for (number, _), answer in zip(chunk, answers, strict=True)]


class _JudgingInTurn(Judging):
    """Judges only a few stories of a chunk at once, however many are being fetched."""

    def __init__(self, predictor: Predictor) -> None:
        super().__init__(predictor)
        self._turns = asyncio.Semaphore(_JUDGED_AT_ONCE)

    async def answer(self, number: int, story: Story) -> Answer:
        """What the service answers about a story."""
        async with self._turns:
            return await super().answer(number, story)
