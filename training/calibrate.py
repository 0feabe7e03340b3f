"""Makes a held-out set's margins into honest probabilities, and marks the close calls."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from service.artefact import Calibration
from service.story_head import sigmoid
from training.metrics import Flags, Floats

# Outside the review band, at least this share of either label must be right.
RELIABLE = 0.95
# The band is fitted to be this much better: on other stories, fewer hold than on those it was
# fitted on (training/LOG.md).
SHRINKAGE = 0.02


def fit_calibration(truth: Flags, margin: Floats) -> Calibration:
    """Platt scaling (Platt 1999): scale and bias by maximum likelihood on held-out rows."""
    model = LogisticRegression(C=1e6).fit(margin[:, None], truth)
    return Calibration(scale=float(model.coef_[0, 0]), bias=float(model.intercept_[0]))


def calibrated(calibration: Calibration, margin: Floats) -> Floats:
    """P(report) for margins [N]."""
    scaled = np.asarray(calibration.scale * margin + calibration.bias, dtype=np.float32)
    return sigmoid(scaled).astype(np.float64)


def review_band(truth: Flags, probability: Floats, threshold: float) -> tuple[float, float]:
    """(low, high) around the threshold: reports above `high` and the rest below `low`
    are right in RELIABLE + SHRINKAGE of the rows; the narrowest such band."""
    wanted = RELIABLE + SHRINKAGE
    grid = np.round(np.arange(0.01, 1.0, 0.01), 2)
    highs = [g for g in grid if g >= threshold and _share(truth[probability > g]) >= wanted]
    lows = [g for g in grid if g <= threshold and _share(~truth[probability < g]) >= wanted]
    return float(max(lows, default=0.0)), float(min(highs, default=1.0))


def _share(right: Flags) -> float:
    return float(right.mean()) if len(right) else 1.0


def force_threshold(said: Flags, probability: Floats) -> float:
    """The threshold of the best micro-averaged F1 of force codes; both [N, codes], known reports.

    Codes are rare, so what the loss learns of them stays below one half; the
    lowest of equal thresholds within 0.1..0.6 is taken.
    """
    grid = np.round(np.arange(0.10, 0.61, 0.05), 2)
    return float(max(grid, key=lambda g: (_micro_f1(said, probability >= g), -g)))


def _micro_f1(said: Flags, chosen: Flags) -> float:
    return 2 * float((said & chosen).sum()) / max(float(said.sum() + chosen.sum()), 1.0)
