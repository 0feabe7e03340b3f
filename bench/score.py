"""Throughput of the two engines of `service score`: `python -m bench.score [--write]`.

Both answer the same stories on the same CPUs in one run, turn about, each as many times as
`--rounds` says; the best counts. Seconds to start (for ray: its processes, then a model on every
CPU) are told apart from the pace of the rows after the first. No network, no cluster: a node more
is as many CPUs more.
"""

import argparse
import asyncio
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import ray

from bench.serve import machine
from bench.serve_results import Machine
from bench.stories import Text, own_stories
from service.pipeline import Predictor
from service.ray_score import score_on_ray
from service.score import score
from service.settings import Settings

RESULTS = Path(__file__).parent / "results" / "score.json"

Engine = Callable[[Path, Path, Settings, Callable[[int], object]], object]


@dataclass(frozen=True)
class Pace:
    """Seconds until the first row was answered, and rows a second after it."""

    start_s: float
    per_second: float


@dataclass(frozen=True)
class Results:
    """What was measured, on what."""

    machine: Machine
    ray: str
    stories: int
    data_hash: str
    rounds: int
    engines: dict[str, Pace]

    def table(self) -> str:
        """As a Markdown table."""
        cpus = self.machine.cpus
        lines = [
            f"{self.machine.date}, commit {self.machine.commit}, {cpus} CPUs ({self.machine.cpu}), "
            f"{self.stories} own stories, data {self.data_hash}, ray {self.ray}, best of "
            f"{self.rounds}",
            "",
            "| engine | start, s | stories/s | stories/s per CPU | to local |",
            "|---|---|---|---|---|",
        ]
        local = self.engines["local"].per_second
        lines += [
            f"| {name} | {pace.start_s:.1f} | {pace.per_second:.1f} "
            f"| {pace.per_second / cpus:.1f} | {pace.per_second / local:.2f} |"
            for name, pace in self.engines.items()
        ]
        return "\n".join(lines)


def local(source: Path, out: Path, settings: Settings, progress: Callable[[int], object]) -> None:
    """The local engine as the command line runs it."""

    async def run() -> None:
        async with Predictor.load(settings) as predictor:
            await score(source, out, predictor, progress)

    asyncio.run(run())


ENGINES: dict[str, Engine] = {"local": local, "ray": score_on_ray}


def measure(engine: Engine, stories: list[Text], settings: Settings) -> Pace:
    """One run of an engine over `stories`."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.jsonl"
        source.write_text("".join(json.dumps(story.request) + "\n" for story in stories))
        times = [time.perf_counter()]

        def progress(rows: int) -> None:
            times.extend([time.perf_counter()] * rows)

        engine(source, Path(folder) / "out.jsonl", settings, progress)
    began, first, *_, last = times
    return Pace(first - began, (len(stories) - 1) / (last - first))


def best(paces: list[Pace]) -> Pace:
    """The pace that the machine's other work disturbed least."""
    return max(paces, key=lambda pace: pace.per_second)


def main() -> None:
    """Measure, print, and where asked write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stories", type=int, default=1000, help="how many, of all kinds alike")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each engine")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    arguments = parser.parse_args()
    os.environ.pop("RAY_ADDRESS", None)
    every = own_stories()
    stories = every[:: max(1, len(every) // arguments.stories)][: arguments.stories]
    settings = Settings.from_environment()
    paces: dict[str, list[Pace]] = {name: [] for name in ENGINES}
    for _ in range(arguments.rounds):
        for name, engine in ENGINES.items():
            paces[name].append(measure(engine, stories, settings))
            print(f"{name}: {paces[name][-1].per_second:.1f} stories/s", flush=True)
    results = Results(
        machine=machine(),
        ray=ray.__version__,
        stories=len(stories),
        data_hash=hashlib.sha256(json.dumps([s.request for s in stories]).encode()).hexdigest()[
            :12
        ],
        rounds=arguments.rounds,
        engines={name: best(found) for name, found in paces.items()},
    )
    print(results.table())
    if arguments.write:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(asdict(results), indent=2) + "\n")


if __name__ == "__main__":
    main()
