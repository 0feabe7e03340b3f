"""Figures by set, outlet, length, year and state, and what is mistaken for what."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from service.artefact import Thresholds
from service.labels import FORCE_CODES, RELATIONS
from training.gold import Gold
from training.metrics import Figures, Floats, Outside, figures, outside_band
from training.predict import Answer

# Outlets and states with fewer rows are taken together.
SMALLEST = 10
# Words from which on the next class begins.
_LENGTHS = ((100, "under 100 words"), (300, "100-299 words"), (800, "300-799 words"))
_LONGEST = "800 words and more"
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


@dataclass(frozen=True)
class Slice:
    """Some of the rows."""

    figures: Figures
    outside: Outside


@dataclass(frozen=True)
class KindCounts:
    """Rows of one kind of story: the reports, how many were found, and false alarms."""

    kind: str
    rows: int
    reports: int
    found: int
    false_alarms: int


@dataclass(frozen=True)
class CodeCounts:
    """True reports with one force code: `found` are flagged as report, `named` get the code.

    `said` reports get the code in all, rightly or not.
    """

    code: str
    reports: int
    found: int
    named: int
    said: int


def slices(
    gold: Sequence[Gold], probability: Floats, thresholds: Thresholds
) -> dict[str, dict[str, Slice]]:
    """Dimension -> name -> slice; "set" starts with "all", all rows together."""
    sets = {"all": list(range(len(gold))), **_rows_by(gold, lambda g: g.example.source)}
    rows = {
        "set": sets,
        "outlet": _small_together(_rows_by(gold, lambda g: g.example.outlet or "(none given)")),
        "length": _shortest_first(_rows_by(gold, length)),
        "year": dict(sorted(_rows_by(gold, year).items())),
        "state": _small_together(_rows_by(gold, lambda g: g.state or "(none given)")),
    }
    return {
        dimension: {
            name: _slice([gold[i] for i in chosen], probability[chosen], thresholds)
            for name, chosen in names.items()
        }
        for dimension, names in rows.items()
    }


def length(gold: Gold) -> str:
    """The length class of a story."""
    words = len(gold.example.text.split())
    return next((name for limit, name in _LENGTHS if words < limit), _LONGEST)


def year(gold: Gold) -> str:
    """The year of a story's date."""
    found = _YEAR.search(gold.example.date or "")
    return found[0] if found else "(none given)"


def confusion(
    gold: Sequence[Gold], found: Sequence[Answer], threshold: float
) -> dict[str, dict[str, int]]:
    """True relation -> predicted relation -> rows."""
    table: dict[str, dict[str, int]] = {}
    for item, answer in zip(gold, found, strict=True):
        row = table.setdefault(item.example.relation, dict.fromkeys(RELATIONS, 0))
        row[predicted(answer, threshold)] += 1
    return table


def predicted(answer: Answer, threshold: float) -> str:
    """The relation answered: report from the threshold on, or else the likelier of the rest."""
    report, mention, none = answer.judgement.relation
    if report >= threshold:
        return "report"
    return "mention" if mention >= none else "none"


def kind_counts(gold: Sequence[Gold], flagged: Sequence[bool]) -> list[KindCounts]:
    """One entry per kind given, most mistakes first."""
    kinds = _rows_by([g for g in gold if g.kind], lambda g: g.kind or "")
    flags = [flag for g, flag in zip(gold, flagged, strict=True) if g.kind]
    truth = [g.is_report for g in gold if g.kind]
    counts = [
        KindCounts(
            kind=kind,
            rows=len(rows),
            reports=sum(truth[i] for i in rows),
            found=sum(truth[i] and flags[i] for i in rows),
            false_alarms=sum(flags[i] and not truth[i] for i in rows),
        )
        for kind, rows in kinds.items()
    ]
    return sorted(counts, key=lambda c: (c.found - c.reports - c.false_alarms, -c.rows, c.kind))


def code_counts(
    gold: Sequence[Gold], found: Sequence[Answer], thresholds: Thresholds
) -> list[CodeCounts]:
    """For every force code, over true reports whose codes are known."""
    true, flagged, named, said = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for item, answer in zip(gold, found, strict=True):
        if item.is_report and item.example.force is not None:
            codes = set(item.example.force)
            answered = {
                code
                for code, p in zip(FORCE_CODES, answer.judgement.force, strict=True)
                if p >= thresholds.force
            }
            true.update(codes)
            said.update(answered)
            named.update(codes & answered)
            if answer.judgement.relation[0] >= thresholds.report:
                flagged.update(codes)
    return [CodeCounts(c, true[c], flagged[c], named[c], said[c]) for c in FORCE_CODES]


def _slice(gold: Sequence[Gold], probability: Floats, thresholds: Thresholds) -> Slice:
    truth = np.array([g.is_report for g in gold])
    return Slice(
        figures(truth, probability, thresholds.report),
        outside_band(truth, probability, thresholds.review_low, thresholds.review_high),
    )


def _rows_by(gold: Sequence[Gold], name: Callable[[Gold], str]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for index, item in enumerate(gold):
        rows.setdefault(name(item), []).append(index)
    return rows


def _shortest_first(rows: dict[str, list[int]]) -> dict[str, list[int]]:
    names = [*(name for _, name in _LENGTHS), _LONGEST]
    return {name: rows[name] for name in names if name in rows}


def _small_together(rows: dict[str, list[int]]) -> dict[str, list[int]]:
    """The large ones, largest first, and the rest as one."""
    large = {name: found for name, found in rows.items() if len(found) >= SMALLEST}
    rest = [index for name, found in rows.items() if name not in large for index in found]
    result = dict(sorted(large.items(), key=lambda item: -len(item[1])))
    if rest:
        result[f"({len(rows) - len(large)} others under {SMALLEST} rows)"] = sorted(rest)
    return result
