"""Wire copies are one story; different stories about one event are not."""

import gzip
import itertools
import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from service.fingerprint import containment, fingerprint, same_story

DATA = Path(os.environ.get("BRUTALITY_WATCH_DATA", Path(__file__).parents[2] / "shared"))
STORY = " ".join(
    f"Day {day}: the council heard witness number {day * 7} speak about the arrest on block {day}."
    for day in range(60)
)


def copy_with_lead(text: str) -> str:
    return "A local resident was among those hurt, neighbours told this paper on Monday. " + text


def cut_to_half(text: str) -> str:
    return text[: len(text) // 2]


def updated(text: str) -> str:
    sentences = re.split(r"(?<=\.) ", text)
    sentences[::8] = ["Officials corrected an earlier figure in a statement."] * len(sentences[::8])
    return " ".join(sentences)


@pytest.mark.parametrize("change", [str, str.upper, copy_with_lead, cut_to_half, updated])
def test_changed_copies_are_the_same_story(change: Callable[[str], str]) -> None:
    assert same_story(fingerprint(STORY), fingerprint(change(STORY)))


def test_different_stories_share_little() -> None:
    other = STORY.replace("the council heard witness", "a driver met passenger")
    assert not same_story(fingerprint(STORY), fingerprint(other))


@pytest.mark.parametrize("text", ["", "one", "one two three four five six"])
def test_short_texts_have_fingerprints(text: str) -> None:
    assert containment(fingerprint(text), fingerprint(text)) == 1.0


def test_is_compact_and_symmetric() -> None:
    a, b = fingerprint(STORY), fingerprint(cut_to_half(STORY))
    assert len(a) <= 688
    assert containment(a, b) == containment(b, a)


@pytest.mark.parametrize("text", ["", "!!", "AAAA", "Zm9v", "not a fingerprint at all"])
def test_refuses_what_is_no_fingerprint(text: str) -> None:
    with pytest.raises(ValueError, match="not a fingerprint"):
        containment(text, fingerprint(STORY))


@pytest.mark.skipif(
    not (DATA / "corpora").is_dir(), reason="needs the development articles, BRUTALITY_WATCH_DATA"
)
def test_development_articles_of_one_case_do_not_merge_but_copies_do() -> None:
    with gzip.open(DATA / "corpora" / "articles.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["corpus"] == "louisville2020"]
    texts = [row["text"] for row in rows if len(row["text"].split()) > 200][:120]
    prints = [fingerprint(text) for text in texts]
    pairs = itertools.combinations(prints, 2)
    assert sum(same_story(a, b) for a, b in pairs) == 0
    chance = random.Random(0)
    for change in (copy_with_lead, cut_to_half):
        for i in chance.sample(range(len(texts)), 40):
            assert same_story(prints[i], fingerprint(change(texts[i])))
