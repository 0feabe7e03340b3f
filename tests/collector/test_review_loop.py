"""A reviewed label travels, on README's words alone: review, export, train, promote, re-score.

Slow: in a copy of the project it collects, serves, trains and judges for real.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from bench.probe import ask, free_port, seconds_to_health
from collector.schema import PredictionRow
from collector.store import Store
from tests.collector.rows import write_rows
from tests.conftest import ROOT
from training.data import read_stories
from training.split import parts

pytestmark = pytest.mark.slow
README = (ROOT / "README.md").read_text()
_TRAINED_ON = 20  # own stories that are left to replay, so that it takes a minute
_STORIES = 20


def commands(first: str) -> list[str]:
    """The commands of README's block that begins with such a one."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", README, re.S | re.M)
    (found,) = [block for block in blocks if block.startswith(first)]
    return [line.partition("  #")[0] for line in found.splitlines()]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with all stories that test, and few that train."""
    copy = tmp_path / "project"
    for part in ("service", "training", "collector", "bench", "model"):
        shutil.copytree(ROOT / part, copy / part)
    (copy / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "floors.json", copy / "tests")
    dropped = {story.id for story in parts(read_stories()).train[_TRAINED_ON:]}
    for path in (copy / "training" / "stories").glob("*.jsonl"):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(x for x in lines if json.loads(x)["id"] not in dropped))
    write_rows(copy / "in", _STORIES)
    source = '[[source]]\nname = "drop"\nkind = "drop"\nfolder = "in"\n'
    (copy / "sources.toml").write_text(source)
    return copy


def environment(**more: str) -> dict[str, str]:
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DATABASE_URL": "sqlite:///brutality_watch.db",
        "REQUEST_DEADLINE_S": "120",
        **more,
    }


def run(project: Path, line: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A line of README in a shell."""
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=project,
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def serving(project: Path) -> Iterator[str]:
    """The address of `collector serve`."""
    port = free_port()
    (line,) = commands("python -m collector serve")
    process = subprocess.Popen(
        ["/bin/sh", "-c", f"exec {line}"],
        cwd=project,
        env=environment(PORT=str(port), HOST="127.0.0.1"),
        stderr=subprocess.DEVNULL,
    )
    try:
        base = f"http://127.0.0.1:{port}"
        assert seconds_to_health(base, 120, lambda: process.poll() is None) is not None
        yield base
    finally:
        process.terminate()
        process.wait()


def review_all(base: str) -> list[str]:
    """Say of each story the opposite of what the model said; the stories' ids."""
    names = []
    for task in ask(f"{base}/reviews/next?limit=100").body:
        wrong = "none" if task["answer"]["label"] == "brutality" else "report"
        review = {
            "story_id": task["story_id"], "reviewer": "ada", "verdict": "correct",
            "relation": wrong,
        }  # fmt: skip
        assert ask(f"{base}/reviews", review).status == 200
        names.append(task["story_id"])
    return names


def predictions(project: Path) -> dict[str, list[PredictionRow]]:
    """All answers about each story, the oldest first."""
    store = Store.open(f"sqlite:///{project / 'brutality_watch.db'}")
    with store.read() as session:
        rows = session.scalars(select(PredictionRow).order_by(PredictionRow.id)).all()
    store.close()
    found: dict[str, list[PredictionRow]] = {row.story_id: [] for row in rows}
    for row in rows:
        found[row.story_id].append(row)
    return found


def test_a_reviewed_label_travels_to_the_next_model_and_back(project: Path) -> None:
    for line in commands("pip install -r requirements-collector.txt")[2:4]:
        done = run(project, line)
        assert done.returncode == 0, done.stderr
    before = predictions(project)
    with serving(project) as base:
        reviewed = review_all(base)
    assert sorted(reviewed) == sorted(before) and len(reviewed) > _STORIES // 2

    export, train, rescore = commands("python -m training.data export-reviews")
    done = run(project, export)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (project / "reviews.jsonl").read_text().splitlines()]
    said = {row["id"]: row["relation"] for row in rows}
    assert said == {
        name: "none" if rows[0].label == "brutality" else "report" for name, rows in before.items()
    }

    done = run(project, train)
    promoted = "promoted to" in done.stdout
    assert done.returncode == (0 if promoted else 2), done.stdout + done.stderr
    made = json.loads((project / "runs" / "reviewed" / "serving" / "config.json").read_text())
    shipped = json.loads((project / "model" / "serving" / "config.json").read_text())
    assert (shipped["version"] == made["version"]) is promoted

    # What the gate has refused may be tried without being shipped.
    more = {} if promoted else {"MODEL_DIR": "runs/reviewed/serving"}
    done = run(project, rescore, **more)
    assert done.returncode == 0, done.stderr
    for name, answers in predictions(project).items():
        (first,), (old, new) = before[name], answers
        assert (old.id, old.answer, old.current) == (first.id, first.answer, False)
        assert (new.model_version, new.current) == (made["version"], True)
        assert old.model_version != new.model_version
