"""The audit: pairs that differ in one thing, figures checked by hand, and the command."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from service.model import Model
from service.places import Locator
from tests.conftest import ROOT
from training.counterfactuals import in_city, whole
from training.examples import Example
from training.fairness import Reader, main
from training.gold import held_out
from training.story_places import cities, setting_of
from training.swap_figures import Moved, subgroups, swap_rows, swap_table
from training.swap_pairs import SWAPS, located_setting, pairs

SERVING = ROOT / "model" / "serving"


def test_pairs_differ_and_are_the_same_every_time() -> None:
    rows = held_out()[:60]
    found = [p for g in rows for p in pairs(g.example, setting_of(g.example), 1)]
    again = [p for g in rows for p in pairs(g.example, setting_of(g.example), 1)]
    assert found == again
    assert {pair.swap for pair in found} <= set(SWAPS)
    assert {"name", "gender", "city", "race added"} <= {pair.swap for pair in found}
    for pair in found:
        assert whole(pair.before) != whole(pair.after)
        assert pair.before.relation == pair.after.relation
    other = [p for g in rows for p in pairs(g.example, setting_of(g.example), 2)]
    assert found != other


def test_figures_by_hand() -> None:
    moved = [
        Moved("city", "to Chicago", 0, 0.40, 0.60),
        Moved("city", "to another", 0, 0.40, 0.40),
        Moved("city", "to Chicago", 1, 0.90, 0.80),
    ]
    every, chicago, another = swap_rows(moved, 0.5, seed=1)
    assert (every.direction, every.stories, every.pairs) == ("all", 2, 3)
    assert chicago.mean == pytest.approx(0.15) and chicago.signed == pytest.approx(0.05)
    assert chicago.flips == 0.5 and every.flips == pytest.approx(1 / 3)
    assert not chicago.passes and another.passes
    low, high = chicago.mean_interval
    assert low == pytest.approx(0.1) and high == pytest.approx(0.2)
    assert swap_table([chicago]).splitlines()[-1].endswith("| FAIL |")


def test_subgroup_areas_by_hand() -> None:
    truth = np.array([True] * 10 + [False] * 10 + [True] * 2 + [False] * 2)
    score = np.array([0.9] * 10 + [0.6] * 10 + [0.5] * 2 + [0.1] * 2)
    names = ["Ohio"] * 20 + ["Utah"] * 2 + [None] * 2
    (ohio,) = subgroups("state", names, truth, score)
    assert (ohio.name, ohio.rows, ohio.reports) == ("Ohio", 20, 10)
    # Ohio's rest scores above the others' reports, its reports above everything.
    assert (ohio.auc, ohio.bpsn, ohio.bnsp) == (1.0, 0.0, 1.0)


def test_a_raw_story_is_placed_by_the_recogniser(locator: Locator) -> None:
    text = (
        "NEW YORK — A police officer in Brooklyn shot a man near Prospect Park on Monday, the "
        "New York Police Department said. He was taken to a hospital in Yonkers, N.Y."
    )
    example = Example("x", "raw", "x", None, text, "report")
    setting = located_setting(locator, example)
    assert setting is not None and (setting.city, setting.state) == ("New York", "NY")
    tulsa = next(city for city in cities() if city.name == "Tulsa")
    moved = in_city(example, setting, tulsa, random.Random(1)).text
    assert moved.startswith("TULSA — ") and "Tulsa Police Department" in moved
    assert "Yonkers" not in moved and moved.endswith(", Okla.")


def test_a_text_is_read_once(model: Model) -> None:
    example = held_out()[0].example
    reader = Reader(model)
    first, second = reader.probabilities([example, example])
    assert first == second and 0 <= first <= 1


@pytest.mark.parametrize("strict", [False, True])
def test_the_command(strict: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gold = tmp_path / "gold.jsonl"
    text = "MEMPHIS, Tenn. — Police shot a 26-year-old man, Marcus Webb. He died, his wife said."
    gold.write_text(json.dumps({"id": "1", "text": text, "relation": "report"}) + "\n")
    words = ["--model", str(SERVING), "--gold", str(gold), "--out", str(tmp_path / "out")]
    status = main([*words, *(["--strict"] if strict else [])])
    record = json.loads((tmp_path / "out" / "fairness.json").read_text())
    (audit,) = record["audits"]
    missed = any(not r["passes"] for r in audit["swaps"] if r["direction"] == "all")
    assert status == int(strict and missed)
    assert {row["swap"] for row in audit["swaps"]} == {"name", "race added", "gender", "city"}
    assert (tmp_path / "out" / "fairness.md").read_text() == capsys.readouterr().out[:-1]


def test_bad_input_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps({"id": "1", "text": "x", "relation": "perhaps"}) + "\n")
    assert main(["--model", str(SERVING), "--gold", str(gold)]) == 2
    assert "relation" in capsys.readouterr().err
    assert main(["--model", str(tmp_path), "--gold", str(gold)]) == 2
