"""The data of a run: what is kept, on which side, what the card tells of it."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import ROOT
from training import caps
from training.caps import capped, incidents_capped
from training.data import data_hash, gather, main, read_stories
from training.examples import Example, read_labels
from training.split import split

OWN = read_labels(ROOT / "training" / "stories" / "A.jsonl")


def rows(source: str, reports: int, others: int, group: str | None = None) -> list[Example]:
    relations = ["report"] * reports + ["none"] * others
    return [
        Example(f"{n}", source, group or f"{source}-{n}", None, f"text {n}", relation)
        for n, relation in enumerate(relations)
    ]


def label_file(path: Path, *examples: Example, **changes: object) -> Path:
    fields = ("id", "title", "text", "relation")
    lines = [{**{f: getattr(e, f) for f in fields}, **changes} for e in examples]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize(
    ("reports", "others", "expected"),
    [(400, 400, (150, 150)), (20, 400, (20, 280)), (400, 20, (280, 20)), (50, 60, (50, 60))],
)
def test_a_cap_keeps_both_classes(reports: int, others: int, expected: tuple[int, int]) -> None:
    kept = capped(rows("philly_complaints", reports, others), seed=1)
    relations = Counter(e.relation for e in kept)
    assert (relations["report"], relations["none"]) == expected


def test_the_seed_chooses_within_a_cap_and_new_rows_push_few_out() -> None:
    before = rows("bbc", 0, 1000)
    one, again, other = (
        {e.id for e in capped(r, s)} for r, s in ((before, 1), (before[::-1], 1), (before, 2))
    )
    assert len(one) == caps.CORPUS["bbc"] and one == again != other
    later = {e.id for e in capped(rows("bbc", 0, 1100), 1)}
    assert len(one & later) > 0.8 * len(one)


def test_one_event_does_not_drown_the_others() -> None:
    case = rows("x", 300, 100, group="case")
    kept = incidents_capped([*rows("y", 5, 0), *case], seed=1)
    assert [e.source for e in kept] == ["y"] * 5 + ["x"] * caps.INCIDENT
    assert Counter(e.relation for e in kept[5:]) == {"report": 60, "none": 60}


def test_a_new_label_corrects_an_old_one_on_the_same_side(tmp_path: Path) -> None:
    mine = label_file(tmp_path / "mine.jsonl", OWN[0], id="new", relation="none")
    before, after = gather([], None, 1), gather([mine], None, 1)
    (old,) = [e for e in before.examples if e.id == OWN[0].id]
    (new,) = [e for e in after.examples if e.text == OWN[0].text]
    assert (new.id, new.relation, new.group) == ("new", "none", old.group)
    (contradiction,) = after.card.contradictions
    assert (contradiction.kept, contradiction.kept_relation) == ("mine/new", "none")
    assert contradiction.dropped == f"A/{OWN[0].id}"
    assert len(after.examples) == len(before.examples)
    assert after.card.data_hash == data_hash(after.examples) != before.card.data_hash


def test_new_labels_move_no_own_story(tmp_path: Path) -> None:
    cut = [
        Example(f"0{e.id}", "cut", "0", None, e.text[: 3 * len(e.text) // 4], e.relation)
        for e in OWN[:40]
    ]
    examples = gather([label_file(tmp_path / "0.jsonl", *cut)], None, 1).examples
    held, alone = ({e.id for e in split(part, 0.1)[1]} for part in (examples, read_stories()))
    new = {e.id for e in cut}
    assert held - new == alone and (held & new) == {f"0{i}" for i in alone} & new
    assert held & new


def test_the_card_adds_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = label_file(tmp_path / "mine.jsonl", *OWN[:30], *rows("x", 40, 10))
    out = tmp_path / "card.json"
    assert main(["card", "--labels", str(mine), "--out", str(out)]) == 0
    card = json.loads(out.read_text())
    sources = {row["source"]: row for row in card["sources"]}
    assert (sources["A"]["read"], sources["A"]["copies"]) == (150, 30)
    assert sources["mine"]["report"] + sources["mine"]["none"] + sources["mine"]["mention"] == 80
    for row in sources.values():
        left = row["copies"] + row["over_corpus_cap"] + row["over_incident_cap"]
        kept = sum(row[name] for name in ("report", "mention", "none", "not_report"))
        assert left + kept == row["read"]
    names = [file["name"] for file in card["files"]]
    assert names[-1] == "mine.jsonl" and names[0] == "A.jsonl"
    printed = capsys.readouterr().out
    assert f"{card['rows']} rows in {card['groups']} groups" in printed
    assert card["data_hash"] in printed


def test_check_says_what_a_file_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = label_file(tmp_path / "mine.jsonl", *rows("x", 2, 1))
    assert main(["check", str(mine)]) == 0
    assert "mine.jsonl: 3 stories (2 report, 1 none)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "bad.jsonl"], "bad.jsonl, row 1, field 'relation'"),
        (["check", "absent.csv"], "absent.csv: No such file"),
        (["check", "."], "not a .jsonl"),
        (["card", "--labels", "bad.jsonl"], "bad.jsonl, row 1, field 'relation'"),
        (["card", "--corpora", "."], "no folder of development corpora"),
    ],
)
def test_wrong_input_gets_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    label_file(tmp_path / "bad.jsonl", *rows("x", 1, 0), relation="maybe")
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_the_whole_data_of_a_run(shared: Path) -> None:
    gathered = gather([], shared, 1)
    names = Counter(e.source for e in gathered.examples)
    assert all(
        names[source] <= cap for source, cap in caps.CORPUS.items() if source != "prosecutor"
    )
    assert max(group.rows for group in gathered.card.largest) < caps.INCIDENT
    assert gathered.card.joined > 500
    held, alone = (
        {(e.source, e.id) for e in split(part, 0.1)[1] if len(e.source) == 1}
        for part in (gathered.examples, read_stories())
    )
    assert held == alone
