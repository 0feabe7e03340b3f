"""What the place models are fitted on, and how it is parted."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bench.place_scores import Count, agrees, distance_km, totals
from service.places.candidates import Candidate
from service.places.cues import Surroundings
from service.places.hashed import CACHE_SIZE, HashedWeights, bucket
from service.places.nowhere import effective
from service.places.recogniser import Found
from service.places.tokens import tokenise
from service.story import Place
from training.places_data import STORIES, Gold, stories
from training.places_focus_data import NOWHERE, made_inputs, story_inputs
from training.places_round_ups import made

FOLDS = 5


def test_versions_of_a_story_share_a_fold() -> None:
    pairs: dict[str, set[int]] = {}
    for d in stories():
        pairs.setdefault(d.group, set()).add(d.fold(FOLDS))
    assert max(map(len, pairs.values())) == 1
    assert {fold for folds in pairs.values() for fold in folds} == set(range(FOLDS))
    written = sum(len(path.read_text().splitlines()) for path in STORIES.glob("*.jsonl"))
    assert len(pairs) < written


def test_every_listed_name_is_gold_where_it_stands() -> None:
    for d in list(stories())[::50]:
        assert all(d.text[g.start : g.end].strip() for g in d.gold)
        spans = [(g.start, g.end) for g in d.gold]
        assert spans == sorted(spans)
        assert all(a[1] <= b[0] for a, b in pairwise(spans))


def test_made_round_ups_are_of_several_states_and_of_one_fold() -> None:
    documents = [d for d in stories() if d.fold(FOLDS) == 2]
    once, again = (list(made(documents, 10, 1)) for _ in range(2))
    assert once == again
    assert [m.about is None for m in once] == [True, False] * 10
    for m in once:
        assert all(0 <= s.start < s.end <= len(m.story.text) for s in m.evidence)
        assert m.about is None or m.about.text in m.story.text
    for i in made_inputs(FOLDS):
        assert (i.gold == NOWHERE) == (i.source == "made round-up")


def test_national_reports_are_inputs_without_a_place() -> None:
    inputs = list(story_inputs())
    nowhere = {i.source for i in inputs if i.gold == NOWHERE}
    assert nowhere == {"round-up", "round-up-plain", "no place", "no place-plain"}
    assert all(i.gold.state for i in inputs if i.source.startswith("stories"))


def test_hashed_weights_are_those_of_the_buckets_and_bounded() -> None:
    weights = HashedWeights(np.arange(64, dtype=np.float32))
    assert weights["p in"] == weights["p in"] == bucket("p in", 64)
    for number in range(CACHE_SIZE + 10):
        _ = weights[str(number)]
    assert len(weights) <= CACHE_SIZE


@pytest.mark.parametrize(
    ("counts", "expected"), [([], 0.0), ([0, 0], 0.0), ([5], 1.0), ([2, 2], 2.0), ([1] * 4, 4.0)]
)
def test_effective_number(counts: list[float], expected: float) -> None:
    assert effective(counts) == pytest.approx(expected)


def test_words_beside_a_name_step_over_its_state() -> None:
    tokens = tokenise("He lives in Dayton, Ohio, with her. Officers shot him in Gary on Friday.")
    places = {"Dayton": "city", "Ohio": "state", "Gary": "city"}
    found = [
        Found(Candidate(n, n, tokens.starts[n], tokens.ends[n], w.lower(), (), places[w]), 1.0)
        for n, w in enumerate(tokens.words)
        if w in places
    ]
    near = Surroundings(tokens, found)
    assert {"p in", "q lives in", "n ,", "m , with"} <= set(near.beside(0))
    assert "s lives" in near.within(*near.sentence(0))
    assert "s shot" not in near.within(*near.sentence(0))
    assert "s shot" in near.within(*near.sentence(2))


def test_totals_add_up_per_measure() -> None:
    counts = [Count("a", 1, 1), Count("b", 2, 4), Count("a", 0, 1)]
    assert totals(counts) == {"a": (0.5, 2), "b": (0.5, 4)}


def test_agreement_is_by_distance_or_by_name() -> None:
    chicago = Place("Chicago", None, "Illinois", "United States", 41.88, -87.63)
    assert distance_km(41.88, -87.63, chicago) < 1
    assert agrees(Gold(0, 1, 42.05, -87.69), chicago)
    assert not agrees(Gold(0, 1, 42.05, -87.69), chicago, 10)
    assert agrees(Gold(0, 1, city="Chicago", state="Illinois"), chicago)
    assert not agrees(Gold(0, 1, city="Dayton", state="Ohio"), chicago)
    assert not agrees(Gold(0, 1, 41.88, -87.63), Place())


def test_results_file_has_every_promised_row() -> None:
    stored = json.loads((Path(__file__).parents[1] / "bench/results/places.json").read_text())
    assert {"date", "commit", "data", "how"} <= stored.keys()
    for row in (
        "trnews: recognition F1", "gwn: recognition F1", "US outlets: end-to-end F1, no URL",
        "US outlets: end-to-end F1, with URL", "own stories: state", "own stories: county",
        "police reports (articles): city", "round-ups, real: no place answered", "ms per story",
        "MB added", "US outlets: ambiguous towns within 40 km, with URL",
    ):  # fmt: skip
        assert stored["rows"][row]["n"] > 0
