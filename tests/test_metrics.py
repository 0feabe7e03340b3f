"""Figures of probabilities: equal to scikit-learn's, sound at the edges, and quick to bound."""

import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    precision_recall_fscore_support,
    roc_auc_score,
)

from training.metrics import (
    Flags,
    Floats,
    ap_difference,
    average_precision,
    best_f1,
    expected_calibration_error,
    figures,
    outside_band,
    reliability,
)


def some_rows(seed: int, rows: int = 200, digits: int = 2) -> tuple[Flags, Floats]:
    """Random truths and honest probabilities, rounded so that many are tied."""
    rng = np.random.default_rng(seed)
    probability = np.round(rng.random(rows), digits)
    return rng.random(rows) < probability, probability


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("digits", [1, 2, 12])
def test_figures_are_those_of_scikit_learn(seed: int, digits: int) -> None:
    truth, probability = some_rows(seed, digits=digits)
    found = figures(truth, probability, 0.4)
    assert found.ap == pytest.approx(average_precision_score(truth, probability))
    assert found.auc == pytest.approx(roc_auc_score(truth, probability))
    theirs = precision_recall_fscore_support(truth, probability >= 0.4, average="binary")
    assert (found.precision, found.recall, found.f1) == pytest.approx(theirs[:3])
    assert found.false_alarms == int(((probability >= 0.4) & ~truth).sum())
    assert found.missed == int(((probability < 0.4) & truth).sum())


def test_intervals_hold_the_figure_and_narrow_with_rows() -> None:
    few, many = (figures(*some_rows(3, rows), 0.5) for rows in (100, 10_000))
    for name in ("precision", "recall", "f1", "ap", "auc"):
        value, narrow = getattr(many, name), getattr(many, f"{name}_interval")
        wide = getattr(few, f"{name}_interval")
        assert narrow[0] < value < narrow[1]
        assert narrow[1] - narrow[0] < (wide[1] - wide[0]) / 4
    assert many.ece_interval is not None and many.ece_interval[0] > 0


def test_the_same_rows_in_any_order_give_the_same_figures() -> None:
    truth, probability = some_rows(4, digits=12)
    order = np.random.default_rng(9).permutation(len(truth))
    assert figures(truth, probability, 0.5) == figures(truth[order], probability[order], 0.5)


def test_one_class_has_no_figure_that_needs_both() -> None:
    probability = np.array([0.1, 0.7, 0.9])
    none = figures(np.array([False] * 3), probability, 0.5)
    assert (none.positives, none.false_alarms, none.ap, none.auc) == (0, 2, None, None)
    assert none.recall_interval is None and none.ece == pytest.approx(1.7 / 3)
    every = figures(np.array([True] * 3), probability, 0.5)
    assert (every.precision, every.missed, every.ap, every.auc) == (1.0, 1, None, None)
    assert every.recall == pytest.approx(2 / 3)


@pytest.mark.parametrize("truth", [True, False])
def test_a_single_row_is_enough(truth: bool) -> None:
    found = figures(np.array([truth]), np.array([0.2]), 0.5)
    assert (found.rows, found.precision, found.recall, found.f1) == (1, 0.0, 0.0, 0.0)


def test_without_resamples_there_are_no_intervals() -> None:
    found = figures(*some_rows(1), 0.5, resamples=0)
    assert found.ap is not None and found.ap_interval is None and found.ece_interval is None


def test_no_threshold_parts_tied_rows() -> None:
    truth, score = np.array([True, False, False, True]), np.array([0.5, 0.5, 0.5, 0.1])
    assert best_f1(truth, score) == pytest.approx((2 / 3, 0.1))
    assert average_precision(truth, score) == pytest.approx(0.5 * (1 / 3) + 0.5 * 0.5)


def test_bins_add_up_to_the_calibration_error() -> None:
    truth, probability = some_rows(2, rows=205)
    bins = reliability(truth, probability)
    assert sum(b.rows for b in bins) == 205 and {b.rows for b in bins} == {20, 21}
    assert [b.predicted for b in bins] == sorted(b.predicted for b in bins)
    gap = sum(b.rows * abs(b.predicted - b.observed) for b in bins) / 205
    assert expected_calibration_error(truth, probability) == pytest.approx(gap)


def test_outside_the_review_band() -> None:
    truth = np.array([True, False, True, False, True, False])
    probability = np.array([0.9, 0.8, 0.7, 0.5, 0.1, 0.2])
    found = outside_band(truth, probability, 0.5, 0.7)
    assert (found.above, found.below) == (2, 2)
    assert found.inside_share == pytest.approx(1 / 3)
    assert (found.precision, found.npv) == (0.5, 0.5)
    wide = outside_band(truth, probability, 0.0, 1.0)
    assert (wide.inside_share, wide.precision, wide.npv) == (1.0, None, None)


def test_a_lead_is_paired() -> None:
    truth, probability = some_rows(5, rows=400)
    noise = np.random.default_rng(6).random(400)
    better = ap_difference(truth, probability, noise)
    worse = ap_difference(truth, noise, probability)
    assert better is not None and worse is not None
    assert better.interval[0] > 0 and better.better == 1.0 and worse.better == 0.0
    assert better.value == pytest.approx(-worse.value)
    same = ap_difference(truth, probability, probability / 2)
    assert same is not None and (same.value, same.interval, same.better) == (0, (0, 0), 0.5)
    assert ap_difference(np.array([True, True]), noise[:2], noise[2:4]) is None
