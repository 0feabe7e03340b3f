"""A collector that is killed loses nothing and doubles nothing; one that is asked to, ends.

The quick run kills thrice, the slow one 20 times, or COLLECTOR_KILLS times, on each
database. A kill falls a random number of log lines and milliseconds into a process's
work, so it meets every step of an item's way.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from collector.store import Store
from tests.collector.rows import Rows, config_file, write_rows
from tests.collector.whole import check_whole
from tests.conftest import ROOT

_ROWS_PER_KILL = 5
_MOST_LINES = 8
_MOST_S = 0.05


def _start(command: str, config: Path, database_url: str) -> subprocess.Popen[str]:
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "MODEL_THREADS": "1",
        "REQUEST_DEADLINE_S": "120",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "collector", command, "--config", str(config)],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def _killed(process: subprocess.Popen[str], chance: Random) -> bool:
    """Kill the process somewhere in its work; False where it had ended by then."""
    assert process.stderr is not None
    with process:
        for _ in range(chance.randint(1, _MOST_LINES)):
            if not process.stderr.readline():
                break
        try:
            process.wait(chance.uniform(0, _MOST_S))
        except subprocess.TimeoutExpired:
            process.kill()
    return process.returncode == -signal.SIGKILL


def _rows_survive(kills: int, store: Store, database_url: str, folder: Path) -> None:
    rows = write_rows(folder / "in", max(40, kills * _ROWS_PER_KILL))
    config = config_file(folder / "sources.toml", folder / "in")
    chance = Random(kills)
    done = sum(_killed(_start("once", config, database_url), chance) for _ in range(kills))
    assert done > kills // 2, "the rows were too few for so many kills"
    _finish(config, database_url)
    check_whole(store, rows)


def _finish(config: Path, database_url: str) -> None:
    process = _start("once", config, database_url)
    _, notes = process.communicate()
    assert process.returncode == 0, notes


def test_three_kills(store: Store, database_url: str, tmp_path: Path) -> None:
    _rows_survive(3, store, database_url, tmp_path)


@pytest.mark.slow
def test_many_kills(store: Store, database_url: str, tmp_path: Path) -> None:
    _rows_survive(int(os.environ.get("COLLECTOR_KILLS", "20")), store, database_url, tmp_path)


def test_a_signal_ends_it_cleanly_and_the_next_goes_on(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    rows: Rows = write_rows(tmp_path / "in", 60)
    config = config_file(tmp_path / "sources.toml", tmp_path / "in")
    process = _start("run", config, database_url)
    assert process.stderr is not None
    with process:
        events = []
        while "item" not in events:
            events.append(json.loads(process.stderr.readline())["event"])
        process.send_signal(signal.SIGTERM)
        events += [json.loads(line)["event"] for line in process.stderr]
    assert process.returncode == 0
    assert events[-1] == "ended"
    _finish(config, database_url)
    check_whole(store, rows)


def test_a_store_has_one_collector(store: Store, database_url: str, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "in", 20)
    config = config_file(tmp_path / "sources.toml", tmp_path / "in")
    with store.hold():
        process = _start("once", config, database_url)
        _, notes = process.communicate()
        assert process.returncode == 2
        assert "another collector" in notes
    _finish(config, database_url)
    check_whole(store, rows)
