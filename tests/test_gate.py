"""The promotion gate: the shipped model holds its floors, a worse one does not get in."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.artefact import CONFIG_FILE, HEAD_FILE, sha256
from service.model import Model
from training.data import CHECKS, read_stories, story_files
from training.gate import (
    FLOORS,
    MODEL,
    SETS,
    Check,
    Floor,
    GateError,
    Gold,
    check,
    gold,
    pin,
    promote,
    read_floors,
    table,
)
from training.split import ONLY_TESTED, parts


@pytest.fixture(scope="module")
def rows() -> Gold:
    """The stories on which floors are measured."""
    return gold()


@pytest.fixture
def worse(tmp_path: Path) -> Path:
    """A run whose model takes reports for none and the other way round."""
    run = tmp_path / "worse"
    serving = shutil.copytree(MODEL / "serving", run / "serving")
    shutil.copytree(MODEL / "checkpoint", run / "checkpoint")
    with np.load(serving / HEAD_FILE) as arrays:
        head = dict(arrays)
    head["weight"][[0, 2]] = head["weight"][[2, 0]]
    head["bias"][[0, 2]] = head["bias"][[2, 0]]
    np.savez(serving / HEAD_FILE, **head)
    config = json.loads((serving / CONFIG_FILE).read_text())
    config["sha256"][HEAD_FILE] = sha256(serving / HEAD_FILE)
    (serving / CONFIG_FILE).write_text(json.dumps(config))
    return run


def test_the_shipped_model_holds_its_floors(model: Model, rows: Gold) -> None:
    checks = check(model, rows, read_floors(FLOORS, rows))
    assert len(checks) > 20
    assert all(c.holds for c in checks), table(checks)


def test_every_story_file_is_gated() -> None:
    letters = {path.stem for path in story_files()}
    assert letters == set("".join(SETS.values()))


def test_checks_are_never_trained_on() -> None:
    assert {path.stem for path in CHECKS.glob("*.jsonl")} == ONLY_TESTED
    data = parts(read_stories())
    assert not {e.source for e in data.train + data.calibration} & ONLY_TESTED
    assert {e.source for e in data.test} >= ONLY_TESTED


def test_a_worse_model_is_not_promoted(
    worse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "model"
    (target / "serving").mkdir(parents=True)
    (target / "serving" / "mark").write_text("old")
    assert not promote(worse, target)
    assert "FELL" in capsys.readouterr().out
    assert [path.name for path in target.rglob("*")] == ["serving", "mark"]


def test_an_equal_model_is_promoted(tmp_path: Path) -> None:
    target = tmp_path / "model"
    (target / "serving").mkdir(parents=True)
    (target / "serving" / "mark").write_text("old")
    assert promote(MODEL, target)
    for part in ("serving", "checkpoint"):
        files = sorted(path.name for path in (target / part).iterdir())
        assert files == sorted(path.name for path in (MODEL / part).iterdir())
        for name in files:
            assert sha256(target / part / name) == sha256(MODEL / part / name)
    assert sorted(path.name for path in target.iterdir()) == ["checkpoint", "serving"]


def test_a_floor_is_lowered_only_for_a_reason(worse: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(FLOORS, tmp_path / "floors.json"))
    with pytest.raises(GateError, match="would lower all F1"):
        pin(worse / "serving", path, None)
    assert path.read_bytes() == FLOORS.read_bytes()
    pin(worse / "serving", path, "the codebook changed")
    before = json.loads(FLOORS.read_text())["lowered"]
    lowered = json.loads(path.read_text())["lowered"]
    assert lowered[: len(before)] == before
    assert {row["reason"] for row in lowered[len(before) :]} == {"the codebook changed"}
    assert not promote(worse, tmp_path / "model", FLOORS)
    assert promote(worse, tmp_path / "model", path)


def test_floors_of_other_stories_judge_nothing(rows: Gold) -> None:
    with pytest.raises(GateError, match="pinned on other stories"):
        read_floors(FLOORS, replace(rows, sha256="0" * 64))


@pytest.mark.parametrize(("value", "holds"), [(0.9, True), (0.88, True), (0.879, False)])
def test_noise_is_allowed_and_no_more(value: float, holds: bool) -> None:
    assert Check(Floor("all", "F1", 0.9, 0.02), value).holds is holds
