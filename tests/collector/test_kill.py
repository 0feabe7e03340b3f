"""A collector that is killed loses nothing and doubles nothing; one that is asked to, ends.

The quick run kills 20 times on each database, 14 times while stories come in and 6 times
while incidents go out. The slow one kills 200 times, or COLLECTOR_KILLS times, while they
come in and a quarter as often while they go out. A kill falls a random number of log lines
and milliseconds into a process's work, so it meets every step of an item's way: listed,
read, judged, grouped, pushed.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from collector.schema import DeliveryRow, IncidentRow, Status
from collector.store import Store
from tests.collector.back_end_stub import back_end
from tests.collector.given import NOON
from tests.collector.rows import Rows, config_file, write_rows
from tests.collector.whole import check_whole
from tests.conftest import ROOT

_ROWS_PER_KILL = 5
_INCIDENTS_PER_KILL = 25  # pushing one takes a few milliseconds
_MOST_LINES = 8
_MOST_S = 0.05
_KILLS = int(os.environ.get("COLLECTOR_KILLS", "200"))


def _start(command: str, config: Path, database_url: str) -> subprocess.Popen[str]:
    environment = {"MODEL_THREADS": "1", "REQUEST_DEADLINE_S": "120"}
    return _run([command, "--config", str(config)], database_url, environment)


def _run(
    arguments: list[str], database_url: str, environment: dict[str, str]
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "collector", *arguments],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database_url} | environment,
        stdout=subprocess.DEVNULL,
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


def _pushes_survive(kills: int, store: Store, database_url: str) -> None:
    """What the back end has taken before a kill, and nobody noted, comes once more, by its key."""
    number = kills * _INCIDENTS_PER_KILL
    with store.write() as session:
        session.add_all(_incident(n) for n in range(1, number + 1))
    chance = Random(kills)
    with back_end() as to:
        given = {"BACKEND_URL": to.url, "BACKEND_TOKEN": "token", "BACKEND_SECRET": "secret"}
        done = sum(_killed(_run(["push"], database_url, given), chance) for _ in range(kills))
        assert done > kills // 2, "the incidents were too few for so many kills"
        last = _run(["push"], database_url, given)
        _, notes = last.communicate()
        assert last.returncode == 0, notes
    assert sorted({row["incident_id"] for row in to.taken}) == [
        f"{n:032}" for n in range(1, number + 1)
    ]
    assert len(set(to.keys)) == number
    assert len(to.taken) <= number + done
    with store.read() as session:
        noted = session.execute(
            select(IncidentRow.revision, DeliveryRow.sent, DeliveryRow.due).join(DeliveryRow)
        ).all()
    assert len(noted) == number
    assert all(sent == revision and due is None for revision, sent, due in noted)


def _incident(number: int) -> IncidentRow:
    return IncidentRow(
        key=f"{number:032}",
        status=Status.APPROVED,
        label="brutality",
        confidence=0.9,
        needs_review=False,
        force=["hard_hands"],
        force_rank="Rank 3",
        fatal=False,
        tags=[],
        title=f"Man struck {number}",
        description="A man was struck.",
        stories=1,
        sites=1,
        created=NOON,
        updated=NOON,
        revision=number,
    )


def test_fourteen_kills(store: Store, database_url: str, tmp_path: Path) -> None:
    _rows_survive(14, store, database_url, tmp_path)


def test_six_kills_while_pushing(store: Store, database_url: str) -> None:
    _pushes_survive(6, store, database_url)


@pytest.mark.slow
def test_many_kills(store: Store, database_url: str, tmp_path: Path) -> None:
    _rows_survive(_KILLS, store, database_url, tmp_path)


@pytest.mark.slow
def test_many_kills_while_pushing(store: Store, database_url: str) -> None:
    _pushes_survive(_KILLS // 4, store, database_url)


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
