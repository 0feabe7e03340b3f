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
from service.model import Model
from training.examples import Example, read_labels
from training.metrics import Figures, Floats, figures
from training.predict import artefact_probabilities


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
    threshold = model.config.thresholds.report
    results = by_source(examples, artefact_probabilities(model, examples), threshold)
    print(table(results))
    baseline = by_source(examples, regex_scores(examples), 0.5)
    print("\nregular expressions (best F1 is over all thresholds)\n" + table(baseline))
    if arguments.out:
        record = {name: asdict(f) for name, f in results.items()}
        arguments.out.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
