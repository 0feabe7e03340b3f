"""Figures of an artefact on labelled stories, per source, beside the baselines.

    python -m training.evaluate --model model/serving --gold labels.jsonl

Rows are `{id, title?, text, relation, source?}`. Prints a table and, with
`--out`, writes it as JSON.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from bench.baselines import regex_scores
from service.cpus import available_cpus
from service.labels import FORCE_CODES
from service.model import Model
from training.examples import Example, read_labels
from training.metrics import Figures, Floats, figures
from training.predict import Answer, answers, report_probabilities


def by_source(
    examples: Sequence[Example], probability: Floats, threshold: float
) -> dict[str, Figures]:
    """Figures for every source and, under "all", for all rows together."""
    truth = np.array([e.relation == "report" for e in examples])
    sources = {"all": list(range(len(examples)))}
    for index, example in enumerate(examples):
        sources.setdefault(example.source, []).append(index)
    return {
        name: figures(truth[rows], probability[rows], threshold) for name, rows in sources.items()
    }


def evidence_hits(examples: Sequence[Example], found: Sequence[Answer]) -> tuple[int, int]:
    """(hits, stories): reports with marked evidence whose top sentence is marked."""
    hits = stories = 0
    for example, answer in zip(examples, found, strict=True):
        if example.relation != "report" or not example.evidence or not answer.cut.spans:
            continue
        scores = answer.judgement.sentences
        top = answer.cut.spans[scores.index(max(scores))]
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


def table(results: dict[str, Figures]) -> str:
    """The figures as aligned text."""
    lines = [f"{'set':24} rows  pos  prec   rec    F1  bestF1    AP   ECE"]
    for name, f in results.items():
        ap = "   -" if f.ap is None else f"{f.ap:.3f}"
        lines.append(
            f"{name:24} {f.rows:4} {f.positives:4} {f.precision:.3f} {f.recall:.3f} {f.f1:.3f}"
            f"   {f.best_f1:.3f} {ap:>5} {f.ece:.3f}"
        )
    return "\n".join(lines)


def main() -> None:
    """Evaluate one artefact on label files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="artefact folder")
    parser.add_argument("--gold", type=Path, nargs="+", required=True, help="labelled JSONL")
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    arguments = parser.parse_args()
    examples = [example for path in arguments.gold for example in read_labels(path)]
    model = Model.load(arguments.model, available_cpus())
    thresholds = model.config.thresholds
    found = answers(model, examples)
    results = by_source(examples, report_probabilities(found), thresholds.report)
    print(table(results))
    hits, stories = evidence_hits(examples, found)
    print(f"top sentence is marked evidence in {hits} of {stories} reports with marks")
    print(f"force codes, micro F1: {force_f1(examples, found, thresholds.force):.3f}")
    baseline = by_source(examples, regex_scores(examples), 0.5)
    print("\nregular expressions (best F1 is over all thresholds)\n" + table(baseline))
    if arguments.out:
        record = {name: asdict(f) for name, f in results.items()}
        arguments.out.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
