"""What a run trains on: replay is counted, labels and evidence survive the changes."""

from dataclasses import replace

from service.places import Locator
from training.data import read_stories, story_files
from training.mix import mixed, sampled

OWN = {path.stem for path in story_files()}
STORIES = read_stories()[:300]


def test_own_stories_come_twice_and_the_second_time_altered(locator: Locator) -> None:
    rows = mixed(STORIES, OWN, None, locator, seed=1)
    assert len(rows) == 2 * len(STORIES)
    assert rows[: len(STORIES)] == STORIES
    copies = rows[len(STORIES) :]
    assert [(c.id, c.relation, c.group) for c in copies] == [
        (s.id, s.relation, s.group) for s in STORIES
    ]
    changed = [c.text != s.text for c, s in zip(copies, STORIES, strict=True)]
    assert sum(changed) > 0.8 * len(STORIES)
    assert all(c.title is None for c in copies if len(c.text.split()) > 100)


def test_replay_takes_so_many_and_all_new_labels(locator: Locator) -> None:
    new = [replace(s, source="mine") for s in STORIES[:40]]
    rows = mixed([*STORIES[40:], *new], OWN, 50, locator, seed=1)
    assert len(rows) == 40 + 2 * 50
    assert [r.id for r in rows if r.source == "mine"] == [s.id for s in new]
    assert rows == mixed([*STORIES[40:], *new], OWN, 50, locator, seed=1)
    assert rows != mixed([*STORIES[40:], *new], OWN, 50, locator, seed=2)


def test_altered_articles_keep_their_evidence(locator: Locator) -> None:
    new = [replace(s, source="mine") for s in STORIES]
    rows = mixed(new, OWN, None, locator, seed=1)
    altered = [(r, n) for r, n in zip(rows, new, strict=True) if r.text != n.text]
    assert 0.2 * len(new) < len(altered) < 0.7 * len(new)
    for row, original in altered:
        assert len(row.evidence or ()) == len(original.evidence or ())
        for span in row.evidence or ():
            assert row.text[span.start : span.end].strip()


def test_a_share_is_taken_of_the_named_sources_alone() -> None:
    rows = [replace(s, source="x" if n % 2 else "y") for n, s in enumerate(STORIES)]
    taken = sampled(rows, {"x"}, 0.25, seed=1)
    assert [r for r in taken if r.source == "y"] == [r for r in rows if r.source == "y"]
    assert 15 <= sum(r.source == "x" for r in taken) <= 60
    assert sampled(rows, {"x"}, 1.0, seed=1) == rows
