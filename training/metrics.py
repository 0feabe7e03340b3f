"""Figures for a binary classifier's probabilities, each with a bootstrap interval."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, roc_auc_score

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
BINS = 10
RESAMPLES = 300


@dataclass(frozen=True)
class Figures:
    """Counts and figures of one set. A figure that needs both classes is None without.

    `ap` average precision, `auc` area under ROC, `ece` expected calibration
    error over 10 equal-count bins; `best_f1` over all thresholds, for
    comparison only. Intervals hold 95 % of bootstrap resamples.
    """

    rows: int
    positives: int
    precision: float
    recall: float
    f1: float
    best_f1: float
    ap: float | None
    auc: float | None
    ece: float
    f1_interval: tuple[float, float]
    ap_interval: tuple[float, float] | None


def figures(truth: Flags, probability: Floats, threshold: float) -> Figures:
    """All figures for true labels and P(positive), both [N]."""
    both = bool(truth.any() and not truth.all())
    precision, recall, f1 = _precision_recall_f1(truth, probability >= threshold)
    return Figures(
        rows=len(truth),
        positives=int(truth.sum()),
        precision=precision,
        recall=recall,
        f1=f1,
        best_f1=best_f1(truth, probability)[0],
        ap=float(average_precision_score(truth, probability)) if both else None,
        auc=float(roc_auc_score(truth, probability)) if both else None,
        ece=expected_calibration_error(truth, probability),
        f1_interval=_bootstrap(
            truth, probability, lambda t, p: _precision_recall_f1(t, p >= threshold)[2]
        ),
        ap_interval=_bootstrap(truth, probability, average_precision_score) if both else None,
    )


def best_f1(truth: Flags, probability: Floats) -> tuple[float, float]:
    """(highest F1, its threshold) over all thresholds."""
    order = np.argsort(-probability, kind="stable")
    hits = np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(truth) + 1) + max(int(truth.sum()), 1))
    at = int(np.argmax(f1))
    return float(f1[at]), float(probability[order[at]])


def expected_calibration_error(truth: Flags, probability: Floats) -> float:
    """Mean |observed - predicted| share over equal-count bins (Guo et al. 2017, ECE)."""
    order = np.argsort(probability, kind="stable")
    error = 0.0
    for part in np.array_split(order, min(BINS, len(order))):
        error += len(part) * abs(float(truth[part].mean()) - float(probability[part].mean()))
    return error / len(order)


def _precision_recall_f1(truth: Flags, chosen: Flags) -> tuple[float, float, float]:
    hits = int((truth & chosen).sum())
    precision = hits / max(int(chosen.sum()), 1)
    recall = hits / max(int(truth.sum()), 1)
    return precision, recall, 2 * hits / max(int(chosen.sum()) + int(truth.sum()), 1)


def _bootstrap(
    truth: Flags, probability: Floats, figure: Callable[[Flags, Floats], float]
) -> tuple[float, float]:
    rng = np.random.default_rng(1)
    values = []
    for _ in range(RESAMPLES):
        rows = rng.integers(0, len(truth), len(truth))
        if truth[rows].any():
            values.append(float(figure(truth[rows], probability[rows])))
    low, high = np.percentile(values or [0.0], [2.5, 97.5])
    return float(low), float(high)
