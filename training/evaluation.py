"""Everything that is measured of an artefact on labelled stories, as plain data."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.baselines import regex_scores, tfidf_scores
from service.artefact import ArtefactConfig
from service.labels import FORCE_CODES
from training.examples import Example
from training.gold import Gold
from training.metrics import (
    Bin,
    Difference,
    Flags,
    Floats,
    ap_difference,
    average_precision,
    best_f1,
    reliability,
)
from training.mistakes import Mistake, worst
from training.predict import Answer, report_probabilities
from training.slices import (
    CodeCounts,
    KindCounts,
    Slice,
    code_counts,
    confusion,
    kind_counts,
    slices,
)


@dataclass(frozen=True)
class Scores:
    """What was predicted for every row [N]: our P(report), and the baselines' scores."""

    truth: Flags
    ours: Floats
    baselines: dict[str, Floats]


@dataclass(frozen=True)
class Compared:
    """A baseline on one set; None without both classes. `lead`: our AP less the baseline's."""

    ap: float | None
    best_f1: float | None
    lead: Difference | None


@dataclass(frozen=True)
class Evidence:
    """Reports with marked evidence, and in how many the top sentence is marked."""

    reports: int
    hits: int


@dataclass(frozen=True)
class Evaluation:
    """All figures of one artefact on one list of rows.

    `slices` is dimension -> name -> slice, `baselines` baseline -> set -> figures,
    `confusion` true relation -> predicted relation -> rows.
    """

    model: str
    version: str
    data_hash: str
    gold: dict[str, str]
    threshold: float
    review_low: float
    review_high: float
    slices: dict[str, dict[str, Slice]]
    baselines: dict[str, dict[str, Compared]]
    practice_rows: int
    reliability: list[Bin]
    confusion: dict[str, dict[str, int]]
    kinds: list[KindCounts]
    codes: list[CodeCounts]
    evidence: Evidence
    force_micro_f1: float
    mistakes: list[Mistake]


def scores(gold: Sequence[Gold], found: Sequence[Answer], practice: Sequence[Example]) -> Scores:
    """Our probabilities, and the scores of baselines of which tf-idf learns from `practice`."""
    examples = [g.example for g in gold]
    baselines = {"regex": regex_scores(examples)}
    if len({e.relation == "report" for e in practice}) == 2:
        baselines["tfidf"] = tfidf_scores(practice, examples)
    truth = np.array([g.is_report for g in gold])
    return Scores(truth, report_probabilities(found), baselines)


def evaluation(
    gold: Sequence[Gold],
    found: Sequence[Answer],
    scored: Scores,
    config: ArtefactConfig,
    sources: dict[str, str],
    practice_rows: int,
) -> Evaluation:
    """All figures; `sources` names the gold files with the hash of each."""
    thresholds, threshold = config.thresholds, config.thresholds.report
    examples = [g.example for g in gold]
    hits, reports = evidence_hits(examples, found)
    return Evaluation(
        model=config.name,
        version=config.version,
        data_hash=config.data_hash,
        gold=sources,
        threshold=threshold,
        review_low=thresholds.review_low,
        review_high=thresholds.review_high,
        slices=slices(gold, scored.ours, thresholds),
        baselines={name: compared(gold, scored, name) for name in scored.baselines},
        practice_rows=practice_rows,
        reliability=reliability(scored.truth, scored.ours),
        confusion=confusion(gold, found, threshold),
        kinds=kind_counts(gold, (scored.ours >= threshold).tolist()),
        codes=code_counts(gold, found, thresholds),
        evidence=Evidence(reports, hits),
        force_micro_f1=force_f1(examples, found, thresholds.force),
        mistakes=worst(gold, found, scored.ours, threshold),
    )


def compared(gold: Sequence[Gold], scored: Scores, baseline: str) -> dict[str, Compared]:
    """One baseline beside ours on every set and on all rows."""
    source = np.array([g.example.source for g in gold])
    sets = {"all": np.full(len(gold), True)}
    sets.update({name: source == name for name in dict.fromkeys(source.tolist())})
    theirs = scored.baselines[baseline]
    return {
        name: _compared(scored.truth[rows], scored.ours[rows], theirs[rows])
        for name, rows in sets.items()
    }


def _compared(truth: Flags, ours: Floats, theirs: Floats) -> Compared:
    if truth.all() or not truth.any():
        return Compared(None, None, None)
    return Compared(
        ap=average_precision(truth, theirs),
        best_f1=best_f1(truth, theirs)[0],
        lead=ap_difference(truth, ours, theirs),
    )


def evidence_hits(examples: Sequence[Example], found: Sequence[Answer]) -> tuple[int, int]:
    """(hits, stories): reports with marked evidence whose top sentence is marked."""
    hits = stories = 0
    for example, answer in zip(examples, found, strict=True):
        if example.relation != "report" or not example.evidence or not answer.cut.spans:
            continue
        scored = answer.judgement.sentences
        top = answer.cut.spans[scored.index(max(scored))]
        stories += 1
        hits += any(top.start < e.end and e.start < top.end for e in example.evidence)
    return hits, stories


def force_f1(examples: Sequence[Example], found: Sequence[Answer], threshold: float) -> float:
    """Micro-averaged F1 of the force codes over reports whose codes are known."""
    hits = said = true = 0
    for example, answer in zip(examples, found, strict=True):
        if example.relation == "report" and example.force is not None:
            codes = zip(FORCE_CODES, answer.judgement.force, strict=True)
            chosen = {code for code, p in codes if p >= threshold}
            hits += len(chosen & set(example.force))
            said += len(chosen)
            true += len(example.force)
    return 2 * hits / max(said + true, 1)
