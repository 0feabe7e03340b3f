"""python -m training.evaluate: what it writes, how it slices, and what it must not learn from."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.artefact import Thresholds
from service.model import Judgement
from service.story import Span
from service.text import Cut
from tests.conftest import ROOT
from training.data import read_stories, story_files
from training.evaluate import main
from training.examples import Example
from training.gold import Gold, held_out, practice, read_gold
from training.mistakes import worst
from training.predict import Answer
from training.slices import code_counts, confusion, kind_counts, slices

SERVING = ROOT / "model" / "serving"
PICTURES = ("reliability.png", "precision_recall.png", "threshold.png")
THRESHOLDS = Thresholds(
    report=0.5, review_low=0.3, review_high=0.7, evidence=0.5, force=0.5, fatal=0.5
)


def story(number: int, relation: str, **fields: str) -> dict[str, str]:
    """A row of a label file."""
    act = {
        "report": "Officers tackled Jon Reyes and beat him with batons, breaking his arm.",
        "mention": "Councillors argued about a police shooting of 2014 and the budget.",
    }.get(relation, "The library opens its new reading room on Saturday.")
    return {"id": f"g-{number}", "text": f"{act} It is story {number}.", **fields} | {
        "relation": relation
    }


def gold(
    relation: str,
    *,
    name: str = "g",
    text: str = "Some words.",
    force: tuple[str, ...] | None = None,
    outlet: str | None = None,
    date: str | None = None,
    kind: str | None = None,
) -> Gold:
    """A gold row without a file."""
    example = Example(name, "s", name, None, text, relation, force, outlet=outlet, date=date)
    return Gold(example, kind, None)


def answer(report: float, mention: float = 0.0, force: Sequence[float] = (0.0,) * 10) -> Answer:
    """An answer about a story of two sentences, of which the second is the evidence."""
    relation = (report, mention, 1 - report - mention)
    spans = (Span(0, 4), Span(5, 9))
    return Answer(Cut(spans, ()), Judgement(relation, tuple(force), 0.0, (0.1, 0.9)))


def write_rows(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_it_writes_a_report_plots_mistakes_and_all_figures(tmp_path: Path) -> None:
    relations = ["report", "mention", "none", "not_report"] * 8
    rows = [
        story(i, relation, outlet=f"outlet {i % 2}", date=f"{2018 + i % 3}-05-01", kind="b")
        for i, relation in enumerate(relations)
    ]
    one_class = [story(100 + i, "none", source="quiet") for i in range(3)]
    files = [write_rows(tmp_path / "gold.jsonl", rows), write_rows(tmp_path / "q.jsonl", one_class)]
    out = tmp_path / "out"
    command = ["--model", str(SERVING), "--gold", *map(str, files), "--out", str(out)]
    assert main(command) == 0
    record = json.loads((out / "metrics.json").read_text())
    cut_by = record["slices"]
    assert list(cut_by["set"]) == ["all", "gold", "quiet"]
    assert cut_by["set"]["all"]["figures"]["rows"] == 35
    assert cut_by["set"]["gold"]["figures"]["ap"] > 0.9
    assert cut_by["set"]["quiet"]["figures"]["ap"] is None
    assert list(cut_by["year"]) == ["(none given)", "2018", "2019", "2020"]
    assert list(cut_by["outlet"]) == ["outlet 0", "outlet 1", "(1 others under 10 rows)"]
    assert sum(map(sum, (row.values() for row in record["confusion"].values()))) == 35
    assert record["baselines"]["tfidf"]["all"]["lead"] is not None
    text = (out / "report.md").read_text()
    assert "| quiet | 3 | 0 | 0 | 0 |  |  |  |  |  |" in text
    assert "## By year" in text and "nan" not in text and "None" not in text
    for name in PICTURES:
        with Image.open(out / name) as picture:
            colours = picture.convert("RGB").getcolors(maxcolors=1 << 24)
            assert picture.width > 500 and colours is not None and len(colours) > 50
    assert (out / "errors.md").read_text().startswith("# The worst mistakes on 35 stories")


@pytest.mark.parametrize("relation", ["report", "none"])
def test_one_class_alone_can_be_evaluated(relation: str, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "one.jsonl", [story(i, relation) for i in range(2)])
    out = tmp_path / "out"
    assert main(["--model", str(SERVING), "--gold", str(file), "--out", str(out)]) == 0
    assert all((out / name).stat().st_size > 5000 for name in PICTURES)
    assert json.loads((out / "metrics.json").read_text())["slices"]["set"]["all"]["figures"]


@pytest.mark.parametrize(
    ("row", "told"),
    [({"id": "x", "text": "Something."}, "relation"), ({"id": "x", "relation": "none"}, "text")],
)
def test_a_bad_row_is_named(
    row: dict[str, str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_rows(tmp_path / "bad.jsonl", [story(1, "none"), row])
    assert main(["--model", str(SERVING), "--gold", str(file)]) == 2
    said = capsys.readouterr().err
    assert "bad.jsonl, row 2" in said and told in said


def test_a_missing_model_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_rows(tmp_path / "gold.jsonl", [story(1, "none")])
    assert main(["--model", str(tmp_path), "--gold", str(file)]) == 2
    assert "no model at" in capsys.readouterr().err


def test_the_baseline_learns_nothing_of_the_gold_rows() -> None:
    held = held_out()
    own = read_gold(story_files())
    assert 0.05 < len(held) / len(own) < 0.2
    learnt = practice(held)
    groups = {e.id: e.group for e in read_stories()}
    assert not {groups[g.example.id] for g in held} & {e.group for e in learnt}
    pair = next(e for e in learnt if e.group != e.id)
    one = [g for g in own if g.example.id == pair.id]
    left = practice(one)
    assert len(left) < len(learnt) - 1 and pair.group not in {e.group for e in left}
    assert practice(own) == []


def test_rows_are_told_apart_by_length_and_year() -> None:
    rows = [
        gold("report", text="word " * 99, date="2014-01-02"),
        gold("none", text="word " * 100, date="May 3, 2020"),
        gold("none", text="word " * 299),
        gold("report", text="word " * 300, date="2014"),
        gold("none", text="word " * 800, date="soon"),
    ]
    found = slices(rows, np.array([0.9, 0.1, 0.2, 0.4, 0.6]), THRESHOLDS)
    assert {name: s.figures.rows for name, s in found["length"].items()} == {
        "under 100 words": 1,
        "100-299 words": 2,
        "300-799 words": 1,
        "800 words and more": 1,
    }
    assert {name: s.figures.rows for name, s in found["year"].items()} == {
        "(none given)": 2,
        "2014": 2,
        "2020": 1,
    }
    assert found["set"]["all"].outside.inside_share == pytest.approx(0.4)


def test_small_outlets_are_taken_together() -> None:
    rows = [gold("none", outlet=o) for o in ["A"] * 9 + ["B"] * 10 + ["C"] * 12 + ["D"]]
    found = slices(rows, np.full(len(rows), 0.1), THRESHOLDS)["outlet"]
    sizes = {name: s.figures.rows for name, s in found.items()}
    assert sizes == {"C": 12, "B": 10, "(2 others under 10 rows)": 10}


def test_what_is_taken_for_what() -> None:
    rows = [gold("report", kind="k"), gold("mention"), gold("not_report", kind="k")]
    found = [answer(0.2, 0.5), answer(0.5, 0.4), answer(0.1, 0.2)]
    table = confusion(rows, found, 0.5)
    assert table["report"] == {"report": 0, "mention": 1, "none": 0}
    assert table["mention"] == {"report": 1, "mention": 0, "none": 0}
    assert table["not_report"] == {"report": 0, "mention": 0, "none": 1}
    (kind,) = kind_counts(rows, [False, True, True])
    assert (kind.kind, kind.rows, kind.reports, kind.found, kind.false_alarms) == ("k", 2, 1, 0, 1)


def test_force_codes_of_true_reports() -> None:
    impact = (0.0,) * 3 + (0.9,) + (0.0,) * 6
    rows = [
        gold("report", force=("impact", "dog")),
        gold("report", force=("firearm",)),
        gold("mention", force=("impact",)),
    ]
    found = [answer(0.9, force=impact), answer(0.1, force=impact), answer(0.9, force=impact)]
    counts = {c.code: c for c in code_counts(rows, found, THRESHOLDS) if c.reports or c.said}
    assert set(counts) == {"impact", "dog", "firearm"}
    impact_row, dog = counts["impact"], counts["dog"]
    assert (impact_row.reports, impact_row.found, impact_row.named, impact_row.said) == (1, 1, 1, 2)
    assert (dog.reports, dog.found, dog.named, dog.said) == (1, 1, 0, 0)
    assert counts["firearm"].found == 0


def test_the_worst_mistakes_come_first() -> None:
    rows = [gold("report", name="missed", text="One. Two. Three."), gold("none", name="right")]
    rows += [gold("mention", name="alarm", text="One. Two."), gold("report", name="worse")]
    probability = np.array([0.3, 0.1, 0.6, 0.0])
    found = [answer(float(p)) for p in probability]
    listed = worst(rows, found, probability, 0.5)
    assert [m.id for m in listed] == ["worse", "missed", "alarm"]
    assert listed[1].evidence == "Two." and listed[1].loss == pytest.approx(-np.log(0.3))
    assert len(worst(rows, found, probability, 0.5, count=1)) == 1
