"""The command line: one story, files of stories and pages, cut off and gone on."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from service.__main__ import main
from service.rows import RowWriter
from tests.conftest import DATA, ROOT

STORIES = [json.loads(line) for line in (DATA / "stories.jsonl").read_text().splitlines()]


def write_rows(path: Path, rows: list[Any]) -> None:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    data = "\n".join(lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def read_rows(path: Path) -> list[dict[str, Any]]:
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    return [json.loads(line) for line in text.splitlines()]


def test_predict_prints_json_and_a_summary(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    story = STORIES[0]
    file = tmp_path / "story.txt"
    file.write_text(story["text"])
    assert main(["predict", "--file", str(file), "--title", story["title"]]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["label"] == story["label"]
    assert captured.err.startswith(f"{story['label']} (")


def test_predict_tells_why_there_is_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "--url", "http://localhost/"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["error_type"] == "blocked_address"
    assert captured.err.startswith("no answer: ")


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_score_answers_every_row(
    tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[Any] = [{"id": s["id"], "text": s["text"], "title": s["title"]} for s in STORIES]
    rows[3:3] = ["not json", {"id": "empty", "text": ""}, {"id": "nothing"}, {"id": 7, "text": 5}]
    source, out = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    write_rows(source, rows)
    assert main(["score", str(source), str(out)]) == 0
    answers = read_rows(out)
    assert [a["id"] for a in answers] == [r["id"] if isinstance(r, dict) else 3 for r in rows]
    failed = [a["error_type"] for a in answers if "error_type" in a]
    assert failed == ["invalid_request", "too_short", "invalid_request", "invalid_request"]
    assert f"{len(STORIES)} answered, 4 failed" in capsys.readouterr().err
    for story, answer in zip(STORIES, [a for a in answers if "label" in a], strict=True):
        for item in [*answer["locations"], *answer["evidence"]]:
            assert story["text"][item["start"] : item["end"]] == item["text"]


def test_score_goes_on_where_it_was_cut_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    write_rows(source, [{"id": s["id"], "text": s["text"]} for s in STORIES[:6]])
    (tmp_path / "out.jsonl.part").write_bytes(b'{"id":"first"}\n{"id":"second"}\n{"id":"thi')
    assert main(["score", str(source), str(out)]) == 0
    ids = [row["id"] for row in read_rows(out)]
    assert ids == ["first", "second", *(s["id"] for s in STORIES[2:6])]
    assert "4 answered, 0 failed, 2 from an earlier run" in capsys.readouterr().err
    assert not (tmp_path / "out.jsonl.part").exists()


def test_score_reads_and_writes_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet is optional")
    import pyarrow.parquet as parquet

    table = pyarrow.table({"id": ["a", "b"], "text": [STORIES[0]["text"], None]})
    parquet.write_table(table, tmp_path / "in.parquet")
    assert main(["score", str(tmp_path / "in.parquet"), str(tmp_path / "out.parquet")]) == 0
    rows = parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["id"] for row in rows] == ["a", "b"]
    assert rows[0]["label"] == STORIES[0]["label"]
    assert rows[1]["error_type"] == "invalid_request"


def test_extract_reads_pages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    html = (DATA / "pages" / "shooting.html").read_text()
    url = "https://news.example.org/shooting"
    rows = [
        {"id": 1, "url": url, "html": html, "html_encoding": "utf8"},
        {"id": 2, "url": url, "html": html.encode().decode("latin-1"), "html_encoding": "latin-1"},
        {"id": 3, "url": url, "html": "<html></html>", "html_encoding": "utf8"},
        {"id": 4, "url": url},
        {"id": 5, "url": url, "html": "x", "html_encoding": "rot13"},
    ]
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    write_rows(source, rows)
    assert main(["extract", str(source), str(out)]) == 0
    first, second, *failed = read_rows(out)
    assert first["date"] == "2023-05-16"
    assert "Dayton" in first["text"]
    assert {**first, "id": 2} == second
    assert [row["id"] for row in failed] == [3, 4, 5]
    assert all("error_type" in row for row in failed)
    assert "2 answered, 3 failed" in capsys.readouterr().err


def test_missing_files_end_with_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", str(tmp_path / "none.jsonl"), str(tmp_path / "out.jsonl")]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_wrong_arguments_end_with_status_2() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "service", "predict"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 2
    assert "one of the arguments --url --file" in run.stderr


def test_a_writer_without_rows_makes_an_empty_file(tmp_path: Path) -> None:
    RowWriter(tmp_path / "out.jsonl").finish()
    assert (tmp_path / "out.jsonl").read_bytes() == b""
