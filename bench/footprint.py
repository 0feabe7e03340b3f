"""Seconds to the first answer and memory after 200 stories, of the real server process.

python -m bench.footprint [--python .venv/bin/python]
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path

import psutil
import requests

from service.settings import ROOT

STORIES = 200


@contextmanager
def server(python: str) -> Iterator[tuple[str, psutil.Process, float]]:
    """A server process: its address, itself, and the seconds until /health was 200."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PORT": str(port), "HOST": "127.0.0.1"}
    command = [python, "-m", "service", "serve"]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        while not healthy(url):
            if process.poll() is not None:
                raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
            time.sleep(0.02)
        yield url, psutil.Process(process.pid), time.perf_counter() - started
    finally:
        process.terminate()
        process.wait()


def healthy(url: str) -> bool:
    """Whether /health answers 200."""
    try:
        return requests.get(f"{url}/health", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def texts() -> Iterator[dict[str, str]]:
    """The project's own stories, over and over."""
    rows = []
    for path in sorted((ROOT / "training" / "stories").glob("*.jsonl")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            rows.append({"text": row["text"], "title": row["headline"]})
    yield from cycle(rows[:: max(1, len(rows) // STORIES)])


def installed_mb(python: str) -> float:
    """Megabytes of the environment that `python` belongs to."""
    folder = Path(python).absolute().parent.parent
    return sum(p.lstat().st_size for p in folder.rglob("*") if not p.is_dir()) / 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable, help="of the serving environment")
    python = parser.parse_args().python
    with server(python) as (url, process, seconds):
        print(f"environment              {installed_mb(python):8.0f} MB")
        print(f"start to /health 200     {seconds:8.2f} s")
        print(f"RSS at start             {process.memory_info().rss / 1e6:8.0f} MB")
        began = time.perf_counter()
        for story in islice(texts(), STORIES):
            requests.post(f"{url}/predict", json=story, timeout=60).raise_for_status()
        each = (time.perf_counter() - began) / STORIES * 1000
        print(f"one client, per story    {each:8.1f} ms")
        print(f"RSS after {STORIES} stories    {process.memory_info().rss / 1e6:8.0f} MB")


if __name__ == "__main__":
    main()
