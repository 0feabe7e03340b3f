"""An evaluation as Markdown, to be read by people."""

from collections.abc import Iterable, Sequence

from service.labels import RELATIONS
from training.evaluation import Compared, Evaluation
from training.metrics import BINS, RESAMPLES, Figures, Interval, Outside
from training.mistakes import Mistake
from training.slices import CodeCounts, KindCounts, Slice

_TITLES = {
    "set": "By set",
    "outlet": "By outlet",
    "length": "By length",
    "year": "By year",
    "state": "By state",
}
# Stories name hundreds of kinds: those with a mistake or this many rows are shown.
_SHOWN_KIND_ROWS = 5
_BASELINES = {"regex": "regular expressions", "tfidf": "tf-idf and logistic regression"}


def report(found: Evaluation) -> str:
    """The whole report."""
    parts = [_head(found)]
    for dimension, rows in found.slices.items():
        # One slice of everything says what the sets have said.
        if dimension == "set" or len(rows) > 1:
            parts += [f"## {_TITLES[dimension]}", figures_table(rows)]
    parts += ["## Baselines on the same rows", _baselines(found)]
    parts += ["## Outside the review band", _outside(found)]
    parts += ["## What is taken for what", _confusion(found.confusion)]
    if found.kinds:
        parts += ["## By kind of story", _kinds(found.kinds)]
    parts += ["## By kind of force, in true reports", _codes(found.codes)]
    parts += [f"The micro-averaged F1 of the codes is {found.force_micro_f1:.3f}.", "## Evidence"]
    parts.append(
        f"The top sentence is a marked one in {found.evidence.hits} of the "
        f"{found.evidence.reports} reports whose evidence is marked."
    )
    parts += ["## Rows", "\n".join(f"- {name}: sha256 {sha}" for name, sha in found.gold.items())]
    return "\n\n".join(parts) + "\n"


def errors(mistakes: Sequence[Mistake], rows: int) -> str:
    """The worst mistakes, one section each."""
    parts = [f"# The worst mistakes on {rows} stories: {len(mistakes)}, highest loss first"]
    for place, m in enumerate(mistakes, 1):
        lines = [
            f"## {place}. {m.id} ({m.source})",
            "",
            f"Truth **{m.relation}**, P(report) **{m.probability:.3f}**, loss {m.loss:.2f}",
            "",
            f"- Title: {_plain(m.title)}",
            f"- Top sentence: {_plain(m.evidence)}",
            f"- Opening: {_plain(m.opening)}",
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def figures_table(rows: dict[str, Slice]) -> str:
    """Figures of slices with their intervals."""
    counts = ["", "rows", "reports", "false alarms", "missed"]
    names = [*counts, "precision", "recall", "F1", "AP", "AUC", "ECE"]
    return _table(names, ([name, *_cells(s.figures)] for name, s in rows.items()))


def number(value: float | None, interval: Interval | None = None) -> str:
    """A figure with three digits and its interval; blank where there is none."""
    if value is None:
        return ""
    return f"{value:.3f}" + (f" ({interval[0]:.2f}–{interval[1]:.2f})" if interval else "")


def _head(found: Evaluation) -> str:
    every = found.slices["set"]["all"].figures
    return (
        f"# {found.model} {found.version} on {every.rows} stories\n\n"
        f"Model trained on data {found.data_hash[:12]}; {every.positives} of the stories are "
        f"reports. A story is flagged from P(report) {found.threshold:.2f} on; within "
        f"{found.review_low:.2f} to {found.review_high:.2f} it asks for a reader. Brackets hold "
        f"95 % of {RESAMPLES} bootstrap resamples; a blank figure needs reports, or both classes. "
        f"ECE is over {BINS} equal-count bins.\n\n"
        "![reliability](reliability.png)\n![precision and recall](precision_recall.png)\n"
        "![threshold](threshold.png)\n\nThe worst mistakes are in [errors.md](errors.md), all "
        "figures in [metrics.json](metrics.json)."
    )


def _cells(f: Figures) -> list[str]:
    shares = [
        number(f.precision, f.precision_interval),
        number(f.recall, f.recall_interval),
        number(f.f1, f.f1_interval),
    ]
    return [
        *map(str, (f.rows, f.positives, f.false_alarms, f.missed)),
        *(shares if f.positives else [""] * len(shares)),
        number(f.ap, f.ap_interval),
        number(f.auc, f.auc_interval),
        number(f.ece, f.ece_interval),
    ]


def _baselines(found: Evaluation) -> str:
    names = ["", "our AP", "our best F1"]
    for name in found.baselines:
        names += [f"{name} AP", f"{name} best F1", f"our lead in AP over {name}", "we lead in"]
    rows = []
    for name, part in found.slices["set"].items():
        if part.figures.ap is not None:
            ours = [name, number(part.figures.ap), number(part.figures.best_f1)]
            rows.append(ours + [c for b in found.baselines.values() for c in _lead(b[name])])
    listed = "; ".join(f"{name}: {_BASELINES[name]}" for name in found.baselines)
    return (
        f"{listed}. tf-idf learns from {found.practice_rows} of the project's own stories, of "
        "which neither a row nor an event is among these. Best F1 is over all thresholds. The "
        "lead is from a paired bootstrap; in the last column a tie counts half.\n\n"
        + _table(names, rows)
    )


def _lead(baseline: Compared) -> list[str]:
    lead = baseline.lead
    shown = ["", ""] if lead is None else [number(lead.value, lead.interval), f"{lead.better:.0%}"]
    return [number(baseline.ap), number(baseline.best_f1), *shown]


def _outside(found: Evaluation) -> str:
    names = ["", "rows", "inside the band", "flagged above it", "precision", "below it", "NPV"]
    rows = (
        [name, str(part.figures.rows), *_outside_cells(part.outside)]
        for name, part in found.slices["set"].items()
    )
    return (
        f"The band is {found.review_low:.2f} to {found.review_high:.2f}. Precision is of the "
        "stories flagged above it, NPV (negative predictive value) the share of the stories below "
        "it that are truly no report.\n\n" + _table(names, rows)
    )


def _outside_cells(o: Outside) -> list[str]:
    inside = f"{o.inside_share:.1%}"
    return [inside, str(o.above), number(o.precision), str(o.below), number(o.npv)]


def _confusion(confusion: dict[str, dict[str, int]]) -> str:
    names = ["true", *(f"predicted {relation}" for relation in RELATIONS)]
    order = [*RELATIONS, *sorted(set(confusion) - set(RELATIONS))]
    return _table(
        names,
        (
            [true, *(str(confusion[true][r]) for r in RELATIONS)]
            for true in order
            if true in confusion
        ),
    )


def _kinds(kinds: Sequence[KindCounts]) -> str:
    def wrong(kind: KindCounts) -> int:
        return kind.reports - kind.found + kind.false_alarms

    shown = [k for k in kinds if wrong(k) or k.rows >= _SHOWN_KIND_ROWS]
    rows = (
        [k.kind, str(k.rows), str(k.reports), str(k.reports - k.found), str(k.false_alarms)]
        for k in shown
    )
    return f"{len(kinds) - len(shown)} smaller kinds without a mistake are left out.\n\n" + _table(
        ["kind", "rows", "reports", "missed", "false alarms"], rows
    )


def _codes(codes: Sequence[CodeCounts]) -> str:
    names = ["code", "reports", "found", "recall", "code named", "its recall", "its precision"]
    return (
        "Recall is the share of these reports that are flagged at all; the last columns say "
        "whether the code itself is named.\n\n"
        + _table(
            names,
            (
                [
                    *(c.code, str(c.reports), str(c.found), _share(c.found, c.reports)),
                    *(str(c.named), _share(c.named, c.reports), _share(c.named, c.said)),
                ]
                for c in codes
                if c.reports or c.said
            ),
        )
    )


def _plain(text: str | None) -> str:
    """Tags that a feed left in a title are shown, not obeyed."""
    return "(none)" if text is None else text.replace("<", "&lt;")


def _share(part: int, whole: int) -> str:
    return number(part / whole) if whole else ""


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, first column to the left and the others to the right."""
    lines = [names, ["---"] + ["--:"] * (len(names) - 1), *rows]
    return "\n".join(f"| {' | '.join(c.replace('|', '/') for c in line)} |" for line in lines)
