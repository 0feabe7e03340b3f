"""Copies: which stories are tied together, under what name, and which are let through."""

import random
from dataclasses import replace

import pytest

from training.examples import NOT_REPORT, Example
from training.near_copies import BOILERPLATE, LEAST_WORDS, Copy, Distinct, grouped


def words(seed: int, count: int) -> str:
    rng = random.Random(seed)
    return " ".join(f"w{rng.randrange(10**6)}" for _ in range(count))


def story(name: str, text: str, relation: str = "report", group: str | None = None) -> Example:
    return Example(name, "test", group or name, None, text, relation)


def groups(*texts: str) -> list[str]:
    return [e.group for e in grouped([story(str(n), text) for n, text in enumerate(texts)])]


LONG, OTHER = words(1, 100), words(2, 100)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((LONG, OTHER), "01"),
        ((LONG, LONG.upper().replace(" ", ",\n")), "00"),
        ((LONG, OTHER, f"{OTHER} {LONG}"), "000"),
        ((LONG, " ".join(LONG.split()[:40]) + " " + words(3, 20)), "00"),
        ((LONG, " ".join(LONG.split()[:30]) + " " + words(3, 30)), "01"),
        ((words(4, 10), words(4, 10) + "!"), "00"),
        ((words(4, LEAST_WORDS - 1), words(4, LEAST_WORDS - 1) + " more words here"), "01"),
        ((words(4, LEAST_WORDS), words(4, LEAST_WORDS) + " more words here"), "00"),
        (("", "..."), "00"),
    ],
    ids=str,
)
def test_what_is_a_near_copy(texts: tuple[str, ...], expected: str) -> None:
    assert "".join(groups(*texts)) == expected


def test_stock_phrases_chain_no_stories_together() -> None:
    letterhead = words(5, 80)
    texts = [f"{letterhead} {words(100 + n, 20)}" for n in range(BOILERPLATE + 1)]
    assert len(set(groups(*texts))) == len(texts)
    assert len(set(groups(*texts[:BOILERPLATE]))) == 1


def test_exactly_the_pairs_that_brute_force_finds() -> None:
    rng = random.Random(7)
    parts = [words(n, 25) for n in range(12)]
    texts = [" ".join(rng.sample(parts, rng.randrange(2, 7))) for _ in range(40)]
    sets = [
        {tuple(w[i : i + 5]) for i in range(len(w) - 4)} for w in (text.split() for text in texts)
    ]
    first = list(range(len(texts)))
    for b in range(len(texts)):
        for a in range(b):
            if len(sets[a] & sets[b]) >= 0.6 * min(len(sets[a]), len(sets[b])):
                low, high = sorted((first[a], first[b]))
                first = [low if f == high else f for f in first]
    assert groups(*texts) == [str(f) for f in first]
    assert 1 < len(set(first)) < len(texts)


def test_a_joint_group_keeps_its_name_when_more_is_read() -> None:
    old = [story("z", LONG), story("m", OTHER, group="case")]
    new = [story("a", LONG + " extended"), story("b", words(9, 50), group="case")]
    new += [story("c", OTHER, group="another"), story("d", words(8, 50), group="another")]
    assert [e.group for e in grouped(old)] == ["z", "case"]
    assert [e.group for e in grouped([*old, *new])] == ["z", "case", "z", "case", "case", "case"]
    assert [replace(e, group="") for e in grouped(new)] == [replace(e, group="") for e in new]


def test_each_title_and_text_passes_once() -> None:
    distinct = Distinct()
    first = replace(story("1", "One text."), title="A title")
    again = replace(story("2", "ONE  text"), title="a title!", relation="none")
    other = replace(story("3", "One text."), title="Another title")
    assert distinct.take([first, again]) == [first]
    assert distinct.take([other, first]) == [other]
    assert distinct.copies == [Copy(first, again), Copy(first, first)]
    moved = replace(story("4", "title one text"), title="A")
    assert distinct.take([moved]) == [moved]


@pytest.mark.parametrize(
    ("kept", "dropped", "contradicts"),
    [
        ("report", "report", False),
        ("report", "mention", True),
        ("none", "mention", True),
        ("none", NOT_REPORT, False),
        (NOT_REPORT, "mention", False),
        (NOT_REPORT, "report", True),
        (NOT_REPORT, NOT_REPORT, False),
    ],
)
def test_labels_that_cannot_both_be_right(kept: str, dropped: str, contradicts: bool) -> None:
    assert Copy(story("1", "a", kept), story("2", "a", dropped)).contradicts is contradicts
