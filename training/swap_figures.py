"""How far answers move with a swap, and how well they rank within a subgroup."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score

from training.metrics import Flags, Floats

# Targets of the audit.
MEAN_MOVE = 0.02
FLIPS = 0.01
RESAMPLES = 1000
SUBGROUP_ROWS = 15

Interval = tuple[float, float]


@dataclass(frozen=True)
class Moved:
    """One pair's calibrated P(report) before and after; `story` numbers the story."""

    swap: str
    direction: str
    story: int
    before: float
    after: float


@dataclass(frozen=True)
class SwapRow:
    """One swap. `mean` is of |after - before|, `p95` its 95th percentile, `signed` of
    after - before; `flips` is the share whose label changes. Intervals hold 95 % of
    bootstrap resamples of the stories.
    """

    swap: str
    direction: str
    stories: int
    pairs: int
    mean: float
    mean_interval: Interval
    p95: float
    flips: float
    flips_interval: Interval
    signed: float
    signed_interval: Interval
    passes: bool


@dataclass(frozen=True)
class Subgroup:
    """Areas under ROC of Borkan et al. 2019. None where a class is missing.

    `auc` within the subgroup; `bpsn` the other stories' reports against the subgroup's
    rest (low: the subgroup is over-reported); `bnsp` the subgroup's reports against the
    others' rest (low: it is under-reported).
    """

    kind: str
    name: str
    rows: int
    reports: int
    auc: float | None
    bpsn: float | None
    bnsp: float | None


def swap_rows(moved: Sequence[Moved], threshold: float, seed: int) -> list[SwapRow]:
    """A row for each swap over all its directions, and one for each direction."""
    found: dict[tuple[str, str], list[Moved]] = {}
    for move in moved:
        found.setdefault((move.swap, "all"), []).append(move)
    for move in moved:
        found.setdefault((move.swap, move.direction), []).append(move)
    order = {swap: number for number, swap in enumerate(dict.fromkeys(m.swap for m in moved))}
    keys = sorted(found, key=lambda key: order[key[0]])
    return [_row(*key, found[key], threshold, seed) for key in keys]


def _row(swap: str, direction: str, moved: Sequence[Moved], threshold: float, seed: int) -> SwapRow:
    before = np.array([m.before for m in moved])
    after = np.array([m.after for m in moved])
    _, story = np.unique([m.story for m in moved], return_inverse=True)
    draw = np.random.default_rng(seed).integers(
        0, story.max() + 1, (RESAMPLES, int(story.max()) + 1)
    )
    pairs_of = np.bincount(story).astype(np.float64)

    def interval(values: Floats) -> Interval:
        sums = np.bincount(story, weights=values)
        low, high = np.percentile(sums[draw].sum(1) / pairs_of[draw].sum(1), [2.5, 97.5])
        return float(low), float(high)

    change = after - before
    size = np.abs(change)
    flipped = ((before >= threshold) != (after >= threshold)).astype(np.float64)
    mean, flips = float(size.mean()), float(flipped.mean())
    return SwapRow(
        swap=swap,
        direction=direction,
        stories=int(story.max()) + 1,
        pairs=len(moved),
        mean=mean,
        mean_interval=interval(size),
        p95=float(np.percentile(size, 95)),
        flips=flips,
        flips_interval=interval(flipped),
        signed=float(change.mean()),
        signed_interval=interval(change),
        passes=mean <= MEAN_MOVE and flips <= FLIPS,
    )


def subgroups(
    kind: str, names: Sequence[str | None], truth: Flags, probability: Floats
) -> list[Subgroup]:
    """Every name with at least SUBGROUP_ROWS rows of both classes, most rows first."""
    column = np.array([name or "" for name in names])
    found = []
    for name in sorted(set(column) - {""}):
        inside = column == name
        if inside.sum() >= SUBGROUP_ROWS and truth[inside].any() and not truth[inside].all():
            found.append(_subgroup(kind, str(name), inside, truth, probability))
    return sorted(found, key=lambda row: -row.rows)


def _subgroup(kind: str, name: str, inside: Flags, truth: Flags, probability: Floats) -> Subgroup:
    def auc(rows: Flags) -> float | None:
        both = truth[rows].any() and not truth[rows].all()
        return float(roc_auc_score(truth[rows], probability[rows])) if both else None

    return Subgroup(
        kind=kind,
        name=name,
        rows=int(inside.sum()),
        reports=int(truth[inside].sum()),
        auc=auc(inside),
        bpsn=auc((truth & ~inside) | (~truth & inside)),
        bnsp=auc((truth & inside) | (~truth & ~inside)),
    )


def swap_table(rows: Sequence[SwapRow]) -> str:
    """Markdown, a line a row."""
    lines = [
        "| swap | direction | stories | mean abs Δp | p95 | flips | signed mean Δp | target |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row.swap} | {row.direction} | {row.stories} "
            f"| {row.mean:.3f} {_shown(row.mean_interval, '.3f')} | {row.p95:.3f} "
            f"| {row.flips:.1%} {_shown(row.flips_interval, '.1%')} "
            f"| {row.signed:+.3f} {_shown(row.signed_interval, '+.3f')} "
            f"| {'pass' if row.passes else 'FAIL'} |"
        )
    return "\n".join(lines)


def subgroup_table(rows: Sequence[Subgroup]) -> str:
    """Markdown, a line a subgroup."""
    lines = [
        "| by | subgroup | rows | reports | AUC | BPSN | BNSP |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        areas = " | ".join("" if a is None else f"{a:.3f}" for a in (row.auc, row.bpsn, row.bnsp))
        lines.append(f"| {row.kind} | {row.name} | {row.rows} | {row.reports} | {areas} |")
    return "\n".join(lines)


def _shown(interval: Interval, form: str) -> str:
    show: Callable[[float], str] = lambda value: format(value, form)  # noqa: E731
    return f"({show(interval[0])} to {show(interval[1])})"
