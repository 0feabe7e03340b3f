"""Figures for a binary classifier's probabilities, each with a bootstrap interval.

Average precision and the area under ROC are computed here because scikit-learn's
own cost a millisecond of argument checks a call, and an interval takes 300
calls; a test holds the two equal.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]
Interval = tuple[float, float]
BINS = 10
RESAMPLES = 300


@dataclass(frozen=True)
class Figures:
    """Counts and figures of one set.

    `ap` (average precision) and `auc` (area under ROC) are None without both
    classes. Precision where nothing is flagged, and all shares where there is no
    positive row, are 0 with no interval: show them blank. `ece` is the expected
    calibration error over 10 equal-count bins; `best_f1` is over all thresholds,
    for comparison only. Intervals hold 95 % of bootstrap resamples.
    """

    rows: int
    positives: int
    false_alarms: int
    missed: int
    precision: float
    recall: float
    f1: float
    best_f1: float
    ap: float | None
    auc: float | None
    ece: float
    precision_interval: Interval | None
    recall_interval: Interval | None
    f1_interval: Interval | None
    ap_interval: Interval | None
    auc_interval: Interval | None
    ece_interval: Interval | None


@dataclass(frozen=True)
class Bin:
    """Rows of neighbouring probability: their mean, and the share that is positive."""

    rows: int
    predicted: float
    observed: float


@dataclass(frozen=True)
class Outside:
    """How far answers outside the review band can be trusted.

    `inside_share` of the rows ask for a reader. Of the rest, `above` rows are
    flagged, `precision` of them rightly, and `below` rows are not, `npv` of them
    rightly; None where there is no such row.
    """

    inside_share: float
    above: int
    precision: float | None
    below: int
    npv: float | None


@dataclass(frozen=True)
class Difference:
    """Average precision of one classifier minus another's on the same rows.

    `better` is the share of paired bootstrap resamples in which the first leads,
    a tie counted half.
    """

    value: float
    interval: Interval
    better: float


class _Measures(NamedTuple):
    """One evaluation; NaN where a figure does not exist."""

    precision: float
    recall: float
    f1: float
    ap: float
    auc: float
    ece: float


def figures(
    truth: Flags, probability: Floats, threshold: float, resamples: int = RESAMPLES
) -> Figures:
    """All figures for true labels and P(positive), both [N], N > 0.

    Without resamples there are no intervals.
    """
    truth, probability = _ranked(truth, probability)
    point = _measures(truth, probability, threshold)
    drawn = _bootstrap(truth, probability, threshold, resamples)
    precision, recall, f1, ap, auc, ece = map(_interval, drawn.T, point)
    flagged = probability >= threshold
    return Figures(
        rows=len(truth),
        positives=int(truth.sum()),
        false_alarms=int((flagged & ~truth).sum()),
        missed=int((truth & ~flagged).sum()),
        precision=_known(point.precision) or 0.0,
        recall=_known(point.recall) or 0.0,
        f1=_known(point.f1) or 0.0,
        best_f1=best_f1(truth, probability)[0],
        ap=_known(point.ap),
        auc=_known(point.auc),
        ece=point.ece,
        precision_interval=precision,
        recall_interval=recall,
        f1_interval=f1,
        ap_interval=ap,
        auc_interval=auc,
        ece_interval=ece,
    )


def best_f1(truth: Flags, probability: Floats) -> tuple[float, float]:
    """(highest F1, its threshold) over all thresholds."""
    truth, probability = _ranked(truth, probability)
    hits, flagged = _steps(truth, probability)
    f1 = 2 * hits / (flagged + max(int(truth.sum()), 1))
    at = int(np.argmax(f1))
    return float(f1[at]), float(probability[flagged[at] - 1])


def expected_calibration_error(truth: Flags, probability: Floats) -> float:
    """Mean |observed - predicted| share over equal-count bins (Guo et al. 2017, ECE)."""
    return _calibration_error(*_ranked(truth, probability))


def reliability(truth: Flags, probability: Floats) -> list[Bin]:
    """The bins of `expected_calibration_error`, lowest probability first."""
    truth, probability = _ranked(truth, probability)
    edges = [*_bin_starts(len(truth)).tolist(), len(truth)]
    return [
        Bin(end - start, float(probability[start:end].mean()), float(truth[start:end].mean()))
        for start, end in pairwise(edges)
    ][::-1]


def outside_band(truth: Flags, probability: Floats, low: float, high: float) -> Outside:
    """What holds outside `low`..`high`, which the service marks `needs_review`."""
    above, below = probability > high, probability < low
    return Outside(
        inside_share=float((~above & ~below).mean()),
        above=int(above.sum()),
        precision=float(truth[above].mean()) if above.any() else None,
        below=int(below.sum()),
        npv=float((~truth[below]).mean()) if below.any() else None,
    )


def ap_difference(truth: Flags, ours: Floats, theirs: Floats) -> Difference | None:
    """How much `ours` leads `theirs`, both scores [N]; None without both classes."""
    if truth.all() or not truth.any():
        return None
    values = [
        average_precision(truth[rows], ours[rows]) - average_precision(truth[rows], theirs[rows])
        for rows in _resamples(len(truth), RESAMPLES)
        if truth[rows].any()
    ]
    low, high = np.percentile(values, [2.5, 97.5])
    return Difference(
        value=average_precision(truth, ours) - average_precision(truth, theirs),
        interval=(float(low), float(high)),
        better=float(np.mean(np.sign(values) / 2 + 0.5)),
    )


def average_precision(truth: Flags, score: Floats) -> float:
    """Mean precision at each positive, ties taken together; needs one positive."""
    truth, score = _ranked(truth, score)
    return _average_precision(*_steps(truth, score))


def _ranked(truth: Flags, score: Floats) -> tuple[Flags, Floats]:
    """Both in order of falling score."""
    order = np.argsort(-score, kind="stable")
    return truth[order], score[order]


def _steps(truth: Flags, score: Floats) -> tuple[Counts, Counts]:
    """(hits, flagged) at every threshold that tells rows apart, for ranked rows."""
    last = np.flatnonzero(np.diff(score, append=-np.inf))
    return np.cumsum(truth, dtype=np.int64)[last], last + 1


def _measures(truth: Flags, probability: Floats, threshold: float) -> _Measures:
    """For ranked rows."""
    ece = _calibration_error(truth, probability)
    positives, chosen = int(truth.sum()), probability >= threshold
    if not positives:
        return _Measures(np.nan, np.nan, np.nan, np.nan, np.nan, ece)
    right, flagged_rows = int((truth & chosen).sum()), int(chosen.sum())
    hits, flagged = _steps(truth, probability)
    both = positives < len(truth)
    return _Measures(
        precision=right / max(flagged_rows, 1),
        recall=right / positives,
        f1=2 * right / (flagged_rows + positives),
        ap=_average_precision(hits, flagged) if both else np.nan,
        auc=_area_under_roc(hits, flagged) if both else np.nan,
        ece=ece,
    )


def _bootstrap(truth: Flags, probability: Floats, threshold: float, resamples: int) -> Floats:
    """[resamples, 6]: the measures of ranked rows, drawn again and again."""
    drawn = [
        _measures(truth[rows], probability[rows], threshold)
        for rows in _resamples(len(truth), resamples)
    ]
    return np.array(drawn, dtype=np.float64).reshape(resamples, len(_Measures._fields))


def _average_precision(hits: Counts, flagged: Counts) -> float:
    return float((np.diff(hits, prepend=0) * hits / flagged).sum() / hits[-1])


def _area_under_roc(hits: Counts, flagged: Counts) -> float:
    found, alarms = np.append(0, hits), np.append(0, flagged - hits)
    return float(np.trapezoid(found, alarms) / (found[-1] * alarms[-1]))


def _calibration_error(truth: Flags, probability: Floats) -> float:
    gaps = np.add.reduceat(truth - probability, _bin_starts(len(truth)))
    return float(np.abs(gaps).sum() / len(truth))


def _bin_starts(rows: int) -> Counts:
    bins = min(BINS, rows)
    return np.arange(bins) * rows // bins


def _resamples(rows: int, count: int) -> Counts:
    """[count, rows] of row numbers, each line sorted: ranked rows stay ranked."""
    return np.sort(np.random.default_rng(1).integers(0, rows, (count, rows)), axis=1)


def _interval(drawn: Floats, point: float) -> Interval | None:
    values = drawn[np.isfinite(drawn)]
    if not np.isfinite(point) or not len(values):
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
