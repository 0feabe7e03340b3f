"""Servers as processes of their own, started and watched."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from bench.probe import free_port, seconds_to_health
from service.settings import ROOT

_START_S = 300.0


@dataclass(frozen=True)
class Server:
    """A running server: its address, its process, and the seconds until /health was 200."""

    url: str
    process: psutil.Process
    seconds: float

    def rss_mb(self) -> float:
        """Resident memory of it and its children, in MB."""
        family = [self.process, *self.process.children(recursive=True)]
        return float(sum(one.memory_info().rss for one in family)) / 1e6


@contextmanager
def serving(module: Sequence[str], python: str = sys.executable) -> Iterator[Server]:
    """`python -m module`, which listens on $PORT, while the context lasts. Raises RuntimeError."""
    port = free_port()
    environment = {**os.environ, "PORT": str(port), "HOST": "127.0.0.1"}
    command = [python, "-m", *module]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        seconds = seconds_to_health(url, _START_S, lambda: process.poll() is None)
        if seconds is None:
            raise RuntimeError(f"{' '.join(command)} does not answer; it ended: {process.poll()}")
        yield Server(url, psutil.Process(process.pid), seconds)
    finally:
        process.terminate()
        process.wait()
