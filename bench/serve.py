"""This service beside what a user would write, on the same stories in the same run.

python -m bench.serve                  measure and print (about 7 minutes)
python -m bench.serve --write          and write bench/results/serve.json and bench/RESULTS.md
python -m bench.serve --stories F      rows {text, title} of a JSONL file, as they are

The peer is bench/peer_server.py. Without --stories the project's own stories are joined to
450 words each. Run it while nothing else runs on the machine.
"""

import argparse
import json
import platform
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from functools import reduce
from hashlib import sha256
from operator import add
from pathlib import Path
from statistics import fmean

from bench.limit import Encoder, measure, raw_per_second
from bench.load import Load, drive
from bench.processes import Server, serving
from bench.serve_results import COMPARED, OURS, PEER, Machine, Results, Row, markdown
from bench.stories import Text, of_length, own_stories, read_stories
from service.cpus import available_cpus
from service.model import Model
from service.settings import ROOT, Settings

CLIENTS = (1, COMPARED, 32)
ROUNDS = 3
WORDS = 450
STORIES = 64
MODULES = {OURS: ("service", "serve"), PEER: ("bench.peer_server",)}
RESULTS_JSON = ROOT / "bench" / "results" / "serve.json"
RESULTS_MD = ROOT / "bench" / "RESULTS.md"
CHECKPOINT = ROOT / "model" / "checkpoint"


def row(name: str, server: Server, load: Load) -> Row:
    """What so many clients got from a server."""
    return Row(
        server=name,
        clients=load.clients,
        answers=len(load.latencies_ms),
        per_second=load.per_second,
        p50_ms=load.percentile_ms(50),
        p99_ms=load.percentile_ms(99),
        rss_mb=server.rss_mb(),
    )


def compare(model: Model, stories: Sequence[Text], seconds: float) -> tuple[tuple[Row, ...], float]:
    """A row for each server and each of CLIENTS; and `model` without HTTP, in stories a second.

    A shared machine's pace drifts within minutes, so all take ROUNDS turns of a part of `seconds`.
    """
    rows: list[Row] = []
    raw: list[float] = []
    bodies = [story.request for story in stories]
    with ExitStack() as stack:
        servers = {name: stack.enter_context(serving(module)) for name, module in MODULES.items()}
        for name, server in servers.items():  # every shape of input has been seen once
            print(f"{name}: {server.seconds:.1f} s to start", flush=True)
            drive(server.url, "/predict", bodies, COMPARED, seconds / 4)
        for clients in CLIENTS:
            loads: dict[str, list[Load]] = {name: [] for name in servers}
            for _ in range(ROUNDS):
                for name, server in servers.items():
                    some = drive(
                        server.url, "/predict", bodies, clients, seconds / ROUNDS, 2 * clients
                    )
                    loads[name].append(some)
                if clients == COMPARED:
                    raw.append(raw_per_second(model, stories, seconds / ROUNDS))
            for name, server in servers.items():
                rows.append(row(name, server, reduce(add, loads[name])))
                print(rows[-1].line(), flush=True)
    return tuple(rows), fmean(raw)


def measured(stories: Sequence[Text], seconds: float) -> Results:
    """All of it, with `seconds` for each row."""
    settings = Settings.from_environment()
    model = Model.load(settings.model_dir, settings.model_threads)
    rows, raw = compare(model, stories, seconds)
    print(f"model without HTTP: {raw:.1f} stories/s", flush=True)
    return Results(
        machine=machine(),
        stories=len(stories),
        words=sum(len(s.text.split()) for s in stories) / len(stories),
        data_hash=sha256(json.dumps([asdict(s) for s in stories]).encode()).hexdigest()[:12],
        seconds=seconds,
        rows=rows,
        limits=measure(model, raw, stories, Encoder.of(CHECKPOINT), seconds / 3),
    )


def machine() -> Machine:
    """What all this was measured on."""
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    )
    return Machine(
        date=datetime.now(UTC).date().isoformat(),
        commit=commit.stdout.strip() or "unknown",
        cpu=names[0] if names else platform.machine(),
        cpus=available_cpus(),
    )


def main() -> None:
    """Measure, print, and where asked write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stories", type=Path, help="JSONL with other stories")
    parser.add_argument("--seconds", type=float, default=45.0, help="for each row")
    parser.add_argument("--write", action="store_true", help="write the results")
    arguments = parser.parse_args()
    if arguments.stories:
        stories = read_stories(arguments.stories)
    else:
        stories = of_length(own_stories(), WORDS, STORIES)
    results = measured(stories, arguments.seconds)
    text = markdown(results)
    print(text)
    if arguments.write:
        RESULTS_JSON.parent.mkdir(exist_ok=True)
        RESULTS_JSON.write_text(json.dumps(asdict(results), indent=2) + "\n")
        RESULTS_MD.write_text(text)


if __name__ == "__main__":
    main()
