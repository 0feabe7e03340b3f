"""Reviews become labels: one verdict per story, files that training and Label Studio read."""

import json
from pathlib import Path

import pytest

from collector import grouping, reviews, stories
from collector.review_export import Said, Settled, settle
from collector.reviews import Review
from collector.schema import Verdict
from collector.store import Store
from service.story import Span
from tests.collector.feed_given import approve, reject, tell
from tests.collector.given import BOISE, NOON, TOLEDO, TOLEDO_AGAIN, admit, answer, no_force
from training.data import main
from training.examples import NOT_REPORT, read_labels

YES = Said(Verdict.APPROVE, label="brutality", answered_force=("dog",), answered_fatal=True)
RIGHT_NO = Said(Verdict.APPROVE, label="none")
NO = Said(Verdict.REJECT, label="brutality", answered_force=("dog",))


def correct(**fields: object) -> Said:
    return Said(Verdict.CORRECT, label="brutality", answered_force=("dog",), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([YES], Settled("brutality", "report", ("dog",), True)),
        ([RIGHT_NO], Settled("none", None, None, None)),
        ([NO], Settled("none", None, None, None)),
        ([NO, YES], Settled("brutality", "report", ("dog",), True)),
        ([YES, NO], Settled("none", None, None, None)),
        ([correct(relation="mention")], Settled("none", "mention", None, None)),
        ([correct(relation="mention"), YES], Settled("none", "mention", None, None)),
        ([correct(force=("impact",))], Settled("brutality", "report", ("impact",), None)),
        ([correct(relation="report")], Settled("brutality", "report", None, None)),
        (
            [correct(force=("impact",)), YES],
            Settled("brutality", "report", ("impact",), True),
        ),
        (
            [correct(force=("impact",)), correct(fatal=False)],
            Settled("brutality", "report", ("impact",), False),
        ),
        (
            [correct(force=("impact",)), correct(relation="none")],
            Settled("none", "none", None, None),
        ),
    ],
)
def test_of_each_thing_the_latest_word_counts(said: list[Said], expected: Settled) -> None:
    assert settle(said) == expected


@pytest.fixture
def reviewed(store: Store) -> list[str]:
    """A report approved, one corrected, one rejected, a story that is none, one without text."""
    with store.write() as session:
        names = [tell(session, number) for number in range(3)]
        approve(session, names[0])
        correction = Review(
            names[1], "bo", Verdict.CORRECT, force=["electric"], fatal=True, note="taser"
        )
        reviews.add_review(session, correction, NOON)
        reject(session, names[2])
        none = admit(session, BOISE, "https://a.org/1").story_id
        stories.record(session, none, no_force(), NOON)
        other = Review(none, "ada", Verdict.CORRECT, relation="none")
        reviews.add_review(session, other, NOON)
        admit(session, f"Copy. {BOISE}", "https://b.org/1")
        bare = admit(session, TOLEDO, "https://a.org/2").story_id
        stories.record(session, bare, no_force(), NOON)
        reviews.add_review(session, Review(bare, "ada", Verdict.REJECT), NOON)
        stories.drop_text(session, bare)
    return [*names, none]


def test_the_export_is_what_training_reads(
    reviewed: list[str], database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "reviews.jsonl"
    assert main(["export-reviews", "--database", database_url, "--out", str(out)]) == 0
    assert "4 reviewed stories; 1 more have no text" in capsys.readouterr().out
    examples = {e.id: e for e in read_labels(out)}
    assert sorted(examples) == sorted(reviewed)
    approved, corrected, rejected, none = (examples[name] for name in reviewed)
    assert (approved.relation, approved.force, approved.fatal) == ("report", ("hard_hands",), False)
    assert (corrected.relation, corrected.force, corrected.fatal) == ("report", ("electric",), True)
    assert (rejected.relation, none.relation) == (NOT_REPORT, "none")
    assert (approved.group, approved.source, approved.outlet) == (
        approved.id,
        "reviews",
        "site0.org",
    )
    rows = {row["id"]: row for row in map(json.loads, out.read_text().splitlines())}
    row = rows[corrected.id]
    assert (row["reviewer"], row["note"], row["evidence"]) == ("bo", "taser", None)
    assert main(["check", str(out)]) == 0
    before = out.read_bytes()
    assert main(["export-reviews", "--database", database_url, "--out", str(out)]) == 0
    assert out.read_bytes() == before


def test_stories_of_one_event_are_tied_together(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    words = {"title": "Deputy struck man", "incident_date": "2026-05-01"}
    with store.write() as session:
        names = []
        for number, text in enumerate((TOLEDO, TOLEDO_AGAIN)):
            name = admit(session, text, f"https://{number}.org/1").story_id
            stories.record(session, name, answer(**words), NOON)
            grouping.group(session, name, NOON)
            names.append(name)
        approve(session, *names)
    out = tmp_path / "reviews.jsonl"
    assert main(["export-reviews", "--database", database_url, "--out", str(out)]) == 0
    assert {e.group for e in read_labels(out)} == {names[0]}


def test_label_studio_gets_tasks_that_come_back_as_the_same_labels(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    with store.write() as session:
        mark = {"text": "He was struck", "start": 0, "end": 13, "score": 0.9}
        name, other = tell(session, 1, evidence=[mark], fatal=True), tell(session, 2)
        approve(session, name)
        reject(session, other)
    lines, tasks = tmp_path / "reviews.jsonl", tmp_path / "tasks.json"
    for out in (lines, tasks):
        assert main(["export-reviews", "--database", database_url, "--out", str(out)]) == 0
    first, second = json.loads(tasks.read_text())
    prediction = first["predictions"][0]
    assert (prediction["model_version"], prediction["score"]) == ("m 1", 0.9)
    by_name = {region["from_name"]: region["value"] for region in prediction["result"]}
    assert by_name["evidence"] == {
        "start": 0, "end": 13, "text": "He was struck", "labels": ["states force"],
    }  # fmt: skip
    # mention or none: that is for the labeller to say
    assert "annotations" not in second and second["predictions"]
    tasks.write_text(json.dumps([first]))
    (back,) = read_labels(tasks)
    row = next(example for example in read_labels(lines) if example.id == name)
    assert back == row
    assert back.fatal is True and back.evidence is None
    # what a labeller adds to the prediction comes back, too
    first["annotations"] = [{"result": prediction["result"], "was_cancelled": False}]
    tasks.write_text(json.dumps([first]))
    assert read_labels(tasks)[0].evidence == (Span(0, 13),)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--database", "mysql://x:secret@y", "--out", "r.jsonl"], "DATABASE_URL=***"),
        (["--database", "sqlite:///{folder}/new.db", "--out", "r.jsonl"], "collector migrate"),
        (["--database", "postgres://x:secret@127.0.0.1:1/y", "--out", "r.jsonl"], "cannot be read"),
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
    given = [argument.replace("{folder}", str(tmp_path)) for argument in arguments]
    assert main(["export-reviews", *given]) == 2
    error = capsys.readouterr().err
    assert said in error and "secret" not in error and error.count("\n") == 1


def test_an_unknown_kind_of_file_is_named(
    reviewed: list[str], database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "reviews.csv")
    assert main(["export-reviews", "--database", database_url, "--out", out]) == 2
    assert "neither .jsonl nor .json" in capsys.readouterr().err
