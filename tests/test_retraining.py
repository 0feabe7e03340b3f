"""New labels from the command line to a promoted model, or to a refusal, in a copy of the project.

Slow: each run really trains, exports and measures.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from service.artefact import sha256
from tests.conftest import ROOT
from training.data import read_stories
from training.split import parts

pytestmark = pytest.mark.slow
OPPOSITE = {"report": "none", "mention": "report", "none": "report"}
ONNX = Path("model") / "serving" / "model.onnx"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project that a run may change."""
    copy = tmp_path / "project"
    for part in ("service", "training", "bench", "model"):
        shutil.copytree(ROOT / part, copy / part)
    (copy / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "floors.json", copy / "tests")
    return copy


def write_labels(path: Path, rows: Sequence[tuple[str, str, str]]) -> None:
    """Labels of (id, text, relation)."""
    lines = [json.dumps({"id": i, "text": t, "relation": r}) + "\n" for i, t, r in rows]
    path.write_text("".join(lines), encoding="utf-8")


def train(project: Path) -> subprocess.CompletedProcess[str]:
    """`python -m training.train --promote` on mine.jsonl."""
    words = ["--labels", "mine.jsonl", "--out", "runs/mine", "--promote"]
    return subprocess.run(
        [sys.executable, "-m", "training.train", *words],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )


def test_good_labels_are_promoted(project: Path) -> None:
    stories = parts(read_stories()).train[::8][:250]
    write_labels(
        project / "mine.jsonl",
        [(f"mine-{s.id}", s.text, s.relation) for s in stories],
    )
    done = train(project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "promoted to" in done.stdout
    assert sha256(project / ONNX) != sha256(ROOT / ONNX)
    record = json.loads((project / "model" / "checkpoint" / "training.json").read_text())
    assert record["run"]["labels"] == ["mine.jsonl"] and record["curve"]


def test_flipped_labels_are_refused(project: Path) -> None:
    stories = parts(read_stories()).train[::8][:250]
    write_labels(
        project / "mine.jsonl",
        [(f"mine-{s.id}", s.text, OPPOSITE[s.relation]) for s in stories],
    )
    done = train(project)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "FELL" in done.stdout and "not promoted" in done.stdout
    assert sha256(project / ONNX) == sha256(ROOT / ONNX)
