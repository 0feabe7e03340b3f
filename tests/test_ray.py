"""The ray engine gives the rows of the local one, also where a node dies under it."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.docs import same
from bench.stories import own_stories
from service.__main__ import build_parser, main
from service.row_run import Tally
from service.settings import Settings
from tests.conftest import DATA

Row = dict[str, Any]

# Ray warns of itself; nothing here can be done about it.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")


def stories(count: int) -> list[str]:
    """Lines of own stories, from all files alike, with broken rows among them."""
    every = own_stories()
    chosen = enumerate(every[:: len(every) // count][:count])
    lines = [json.dumps({"id": f"story {number}", **s.request}) for number, s in chosen]
    broken = [
        "not json",
        "[1]",
        '{"id": "empty", "text": ""}',
        '{"id": "nothing"}',
        '{"id": 7, "text": 5}',
        '{"id": "within", "url": "http://localhost/"}',
        '{"text": "Police shot a man in Akron, Ohio. \\ud800 He had no id."}',
    ]
    for place, line in enumerate(broken):
        lines.insert(5 + place * count // len(broken), line)
    return lines


def rows_of(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text("utf-8", "surrogatepass").splitlines()]


def parquet_rows(path: Path) -> list[Row]:
    """The rows of a Parquet file, their scores decoded."""
    from pyarrow import parquet

    rows = parquet.read_table(path).to_pylist()
    return [{**row, "scores": json.loads(row["scores"] or "null")} for row in rows]


def assert_same(rows: list[Row], expected: list[Row]) -> None:
    """The same rows in the same order; numbers differ a little with the batch they are in."""
    assert [row["id"] for row in rows] == [row["id"] for row in expected]
    for row, other in zip(rows, expected, strict=True):
        assert row.get("error_type") == other.get("error_type")
        assert row.get("error") == other.get("error")
        assert same(row.get("scores"), other.get("scores"))
        assert row.keys() == other.keys()


def test_local_is_the_engine_unless_asked() -> None:
    assert build_parser().parse_args(["score", "in", "out"]).engine == "local"
    assert build_parser().parse_args(["score", "in", "out", "--engine", "ray"]).engine == "ray"


@pytest.mark.parametrize(
    ("missing", "options", "told"),
    [
        ("ray", [], "pip install -r requirements-ray.txt"),
        ("pyarrow", [], "pip install -r requirements-ray.txt"),
        (None, ["--dedupe"], "use --engine local"),
    ],
)
def test_what_cannot_run_on_ray_is_refused(
    missing: str | None,
    options: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if missing:
        monkeypatch.delitem(sys.modules, "service.ray_score", raising=False)
        monkeypatch.setitem(sys.modules, missing, None)  # as if it were not installed
    source, out = DATA / "stories.jsonl", tmp_path / "out.jsonl"
    assert main(["score", str(source), str(out), "--engine", "ray", *options]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.rstrip().endswith(told)
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_ray_client_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ray.data", reason="Ray is optional")
    monkeypatch.setenv("RAY_ADDRESS", "ray://localhost:10001")
    source, out = DATA / "stories.jsonl", tmp_path / "out.jsonl"
    assert main(["score", str(source), str(out), "--engine", "ray"]) == 2
    assert "on a node of the cluster" in capsys.readouterr().err
    assert not out.exists()


def test_what_is_done_needs_no_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ray.data", reason="Ray is optional")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"id": 1, "text": "One."}\n{"id": 2, "text": "Two."}\n')
    done = '{"id":1}\n{"id":2}\n'
    (tmp_path / "out.jsonl.part").write_text(done + '{"id')
    assert main(["score", str(source), str(out), "--engine", "ray"]) == 0
    assert out.read_text() == done
    assert "0 answered, 0 failed, 2 from an earlier run" in capsys.readouterr().err


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Any]:
    """A cluster of two nodes on loopback, one CPU each; the second may be killed."""
    pytest.importorskip("ray.data", reason="Ray is optional")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        cluster = Cluster(initialize_head=True, head_node_args={"include_dashboard": False})
        cluster.add_node()
        yield cluster
        cluster.shutdown()


def killing(node: Any, row: int) -> Callable[[int], None]:
    """Progress that kills all of a node's processes when `row` rows are done."""
    done = 0

    def progress(more: int) -> None:
        nonlocal done
        before, done = done, done + more
        if before < row <= done:
            raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
            for process in [raylet, *raylet.children(recursive=True)]:
                process.kill()

    return progress


@pytest.mark.slow
def test_a_node_killed_in_mid_run_loses_and_doubles_nothing(
    two_nodes: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from service.ray_score import score_on_ray

    lines = stories(200)
    source, local, out = (tmp_path / name for name in ("in.jsonl", "local.jsonl", "out.jsonl"))
    source.write_text("\n".join(lines) + "\n")
    assert main(["score", str(source), str(local)]) == 0
    monkeypatch.setenv("RAY_ADDRESS", two_nodes.address)
    (node,) = two_nodes.worker_nodes
    with caplog.at_level(logging.WARNING, "service.ray_score"):
        tally = score_on_ray(source, out, Settings(), killing(node, 50))
    assert tally == Tally(answered=200, failed=7)
    assert_same(rows_of(out), rows_of(local))
    assert any("workers were lost" in record.getMessage() for record in caplog.records)


@pytest.mark.slow
def test_a_run_cut_off_is_gone_on_with_from_parquet_to_parquet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray.data", reason="Ray is optional")
    import pyarrow
    from pyarrow import parquet

    from service.ray_score import score_on_ray

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    texts: list[str | None] = [story.text for story in own_stories()[:40]]
    texts[7], texts[30] = None, ""
    source, local, out = (tmp_path / f"{n}.parquet" for n in ("in", "local", "out"))
    parquet.write_table(pyarrow.table({"id": range(len(texts)), "text": texts}), source)
    assert main(["score", str(source), str(local)]) == 0

    done = 0

    def interrupt(more: int) -> None:
        nonlocal done
        done += more
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_on_ray(source, out, Settings(), interrupt)
    assert not out.exists()
    tally = score_on_ray(source, out, Settings(), int)
    assert (tally.resumed, tally.answered + tally.failed) == (20, 20)
    assert_same(*(parquet_rows(path) for path in (out, local)))
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []
