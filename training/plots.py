"""Three pictures of an evaluation: reliability, precision against recall, and the threshold.

Figures are drawn without pyplot, so no display is needed and no state is shared.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from training.evaluation import Evaluation, Scores
from training.metrics import Bin, Floats, average_precision

# Okabe and Ito's palette (2008), which the colour-blind can tell apart.
_OURS, _SECOND, _THIRD, _GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
_DPI = 130
_LABELS = {"regex": "regular expressions", "tfidf": "tf-idf"}


def draw(found: Evaluation, scored: Scores, folder: Path) -> None:
    """Write reliability.png, precision_recall.png and threshold.png."""
    for name, figure in (
        ("reliability", reliability_plot(found, scored)),
        ("precision_recall", precision_recall_plot(found, scored)),
        ("threshold", threshold_plot(found, scored)),
    ):
        figure.savefig(folder / f"{name}.png", dpi=_DPI)


def reliability_plot(found: Evaluation, scored: Scores) -> Figure:
    """Observed against predicted share in 10 equal-count bins, over a histogram with counts."""
    figure = Figure(figsize=(6, 7.4), layout="constrained")
    top, bottom = figure.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    bins, every = found.reliability, found.slices["set"]["all"].figures
    predicted = [b.predicted for b in bins]
    observed = np.array([b.observed for b in bins])
    low, high = _wilson(bins)
    top.plot([0, 1], [0, 1], color=_GREY, linestyle="--", linewidth=1, label="perfect")
    top.errorbar(
        predicted,
        observed,
        yerr=[np.maximum(observed - low, 0), np.maximum(high - observed, 0)],
        color=_OURS,
        marker="o",
        capsize=3,
        linewidth=1.5,
        label=f"model, {len(bins)} bins of {_counts(bins)} stories",
    )
    top.set(ylabel="share that are reports", ylim=(-0.03, 1.03))
    top.set_title(f"Reliability, {every.rows} stories: ECE {every.ece:.3f}")
    top.legend(loc="upper left", frameon=False)
    _histogram(bottom, scored)
    for axes in (top, bottom):
        axes.grid(alpha=0.25)
        axes.set_axisbelow(True)
    return figure


def precision_recall_plot(found: Evaluation, scored: Scores) -> Figure:
    """Precision against recall of the model and the baselines, with the threshold in use."""
    figure = Figure(figsize=(6.4, 6), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(0, 1.01), ylim=(0, 1.03), xlabel="recall", ylabel="precision")
    axes.set_title("Precision and recall")
    axes.grid(alpha=0.25)
    if scored.truth.all() or not scored.truth.any():
        return _nothing(figure, axes)
    _curve(axes, scored, scored.ours, "model", _OURS, 2.2)
    for (name, theirs), colour in zip(scored.baselines.items(), (_SECOND, _THIRD), strict=False):
        _curve(axes, scored, theirs, _LABELS[name], colour, 1.4)
    every = found.slices["set"]["all"].figures
    axes.plot(
        [every.recall],
        [every.precision],
        marker="o",
        markersize=9,
        linestyle="",
        color=_OURS,
        label=f"threshold {found.threshold:.2f}: F1 {every.f1:.3f}",
    )
    share = scored.truth.mean()
    axes.axhline(share, color=_GREY, linestyle=":", linewidth=1.2, label=f"chance {share:.2f}")
    axes.legend(loc="lower left", framealpha=0.9)
    return figure


def threshold_plot(found: Evaluation, scored: Scores) -> Figure:
    """Precision, recall, F1 and share flagged against the threshold; the review band shaded."""
    figure = Figure(figsize=(7, 5.2), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1.03), xlabel="threshold on P(report)", ylabel="share")
    axes.set_title("What another threshold would give")
    axes.grid(alpha=0.25)
    if not scored.truth.any():
        return _nothing(figure, axes)
    grid = np.linspace(0, 1, 401)
    chosen = scored.ours[None, :] >= grid[:, None]
    hits, flagged = (chosen & scored.truth).sum(axis=1), chosen.sum(axis=1)
    reports = int(scored.truth.sum())
    # Where nothing is flagged there is no precision: its line ends.
    precision = np.where(flagged > 0, hits / np.maximum(flagged, 1), np.nan)
    axes.axvspan(
        found.review_low,
        found.review_high,
        color="#F0E442",
        alpha=0.3,
        linewidth=0,
        label=f"review band {found.review_low:.2f} to {found.review_high:.2f}",
    )
    axes.plot(grid, precision, color=_SECOND, label="precision")
    axes.plot(grid, hits / reports, color=_THIRD, label="recall")
    axes.plot(grid, 2 * hits / (flagged + reports), color=_OURS, linewidth=2.2, label="F1")
    axes.plot(grid, flagged / len(scored.truth), color=_GREY, linestyle="--", label="flagged")
    axes.axvline(found.threshold, color="black", linewidth=1, label=f"in use {found.threshold:.2f}")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


# Axes of matplotlib, which ships no type hints that mypy is told to follow.
def _histogram(axes: Any, scored: Scores) -> None:
    edges = np.linspace(0, 1, 21)
    parts = [scored.ours[~scored.truth], scored.ours[scored.truth]]
    labels = [f"not report ({len(parts[0])})", f"report ({len(parts[1])})"]
    axes.hist(parts, bins=edges, stacked=True, color=[_SECOND, _OURS], label=labels)
    axes.set(xlabel="P(report)", ylabel="stories", xlim=(-0.02, 1.02))
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.legend(loc="upper center", frameon=False)


def _curve(axes: Any, scored: Scores, score: Floats, label: str, colour: str, width: float) -> None:
    precision, recall, _ = precision_recall_curve(scored.truth, score)
    shown = f"{label}: AP {average_precision(scored.truth, score):.3f}"
    # Steps, as average precision counts them: between two thresholds nothing can be had.
    axes.step(recall, precision, where="post", color=colour, linewidth=width, label=shown)


def _nothing(figure: Figure, axes: Any) -> Figure:
    axes.text(0.5, 0.5, "needs reports and other stories", ha="center", color=_GREY)
    return figure


def _counts(bins: Sequence[Bin]) -> str:
    rows = {b.rows for b in bins}
    return f"{min(rows)}" if len(rows) == 1 else f"{min(rows)}-{max(rows)}"


def _wilson(bins: Sequence[Bin]) -> tuple[Floats, Floats]:
    """95 % score interval of each observed share (Wilson 1927)."""
    z, n = 1.96, np.array([b.rows for b in bins], dtype=np.float64)
    p = np.array([b.observed for b in bins])
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return middle - half, middle + half
