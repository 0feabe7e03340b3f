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
from hashlib import sha256
from pathlib import Path

from bench.limit import Encoder, Limits, measure
from bench.load import drive
from bench.processes import Server, serving
from bench.serve_results import OURS, PEER, Machine, Results, Row, markdown
from bench.stories import Text, of_length, own_stories, read_stories
from service.cpus import available_cpus
from service.model import Model
from service.settings import ROOT, Settings

CLIENTS = (1, 8, 32)
WORDS = 450
STORIES = 64
MODULES = {OURS: ("service", "serve"), PEER: ("bench.peer_server",)}
RESULTS_JSON = ROOT / "bench" / "results" / "serve.json"
RESULTS_MD = ROOT / "bench" / "RESULTS.md"
CHECKPOINT = ROOT / "model" / "checkpoint"


def row(name: str, server: Server, stories: Sequence[Text], clients: int, seconds: float) -> Row:
    """What so many clients get from a server."""
    bodies = [story.request for story in stories]
    load = drive(server.url, "/predict", bodies, clients, seconds, least=2 * clients)
    measured = Row(
        server=name,
        clients=clients,
        answers=len(load.latencies_ms),
        per_second=load.per_second,
        p50_ms=load.percentile_ms(50),
        p99_ms=load.percentile_ms(99),
        rss_mb=server.rss_mb(),
    )
    print(measured.line(), flush=True)
    return measured


def compare(stories: Sequence[Text], seconds: float) -> tuple[Row, ...]:
    """Both servers in turns, with as many clients as CLIENTS says."""
    rows = []
    with ExitStack() as stack:
        servers = {name: stack.enter_context(serving(module)) for name, module in MODULES.items()}
        for name, server in servers.items():  # every shape of input has been seen once
            print(f"{name}: {server.seconds:.1f} s to start", flush=True)
            drive(server.url, "/predict", [s.request for s in stories], 8, seconds / 4)
        for clients in CLIENTS:
            for name, server in servers.items():
                rows.append(row(name, server, stories, clients, seconds))
    return tuple(rows)


def limits(stories: Sequence[Text], seconds: float) -> Limits:
    """The model without HTTP, and matrices without a model, with as many threads as served."""
    settings = Settings.from_environment()
    model = Model.load(settings.model_dir, settings.model_threads)
    found = measure(model, Encoder.of(CHECKPOINT), stories, settings.model_threads, seconds)
    print(f"model without HTTP: {found.raw_per_second:.1f} stories/s", flush=True)
    return found


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
    parser.add_argument("--seconds", type=float, default=45.0, help="for each measurement")
    parser.add_argument("--write", action="store_true", help="write the results")
    arguments = parser.parse_args()
    if arguments.stories:
        stories = read_stories(arguments.stories)
    else:
        stories = of_length(own_stories(), WORDS, STORIES)
    results = Results(
        machine=machine(),
        stories=len(stories),
        words=sum(len(s.text.split()) for s in stories) / len(stories),
        data_hash=sha256(json.dumps([asdict(s) for s in stories]).encode()).hexdigest()[:12],
        seconds=arguments.seconds,
        rows=compare(stories, arguments.seconds),
        limits=limits(stories, arguments.seconds / 3),
    )
    text = markdown(results)
    print(text)
    if arguments.write:
        RESULTS_JSON.parent.mkdir(exist_ok=True)
        RESULTS_JSON.write_text(json.dumps(asdict(results), indent=2) + "\n")
        RESULTS_MD.write_text(text)


if __name__ == "__main__":
    main()
