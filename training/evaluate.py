"""Figures of an artefact on labelled stories, sliced, beside the baselines.

    python -m training.evaluate --model model/serving --gold labels.jsonl --out runs/evaluation
    python -m training.evaluate --model model/serving --held-out

Rows are `{id, title?, text, relation, source?, outlet?, date?, kind?, state?}`;
`source` names the set, or else the file does. `--held-out` takes the project's
own stories that training holds out. Prints tables; `--out` gets `report.md` with
three plots, `errors.md` (the 20 worst mistakes) and `metrics.json` (everything).
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from service.cpus import available_cpus
from service.errors import ArtefactError
from service.model import Model
from training.data import story_files
from training.evaluation import Evaluation, Scores, evaluation, scores
from training.examples import Example, LabelError
from training.gold import held_out, practice, read_gold
from training.metrics import Figures, Floats, figures
from training.plots import draw
from training.predict import answers
from training.report import errors, number, report


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


def table(results: dict[str, Figures], heading: str = "set") -> str:
    """The figures as aligned text."""
    lines = [f"{heading:26}  rows  pos  prec   rec    F1 bestF1   AP   AUC   ECE"]
    for name, f in results.items():
        shares = (f.precision, f.recall, f.f1, f.best_f1) if f.positives else (None,) * 4
        cells = " ".join(number(share) or "    -" for share in (*shares, f.ap, f.auc, f.ece))
        lines.append(f"{name[:26]:26} {f.rows:5} {f.positives:4} {cells}")
    return "\n".join(lines)


def summary(found: Evaluation) -> str:
    """What is printed: figures by slice, the baselines, and what holds outside the band."""
    parts = [
        table({name: part.figures for name, part in rows.items()}, dimension)
        for dimension, rows in found.slices.items()
        if len(rows) > 1 or dimension == "set"
    ]
    lines = []
    for name, sets in found.baselines.items():
        every = sets["all"]
        if every.ap is not None and every.best_f1 is not None and every.lead is not None:
            low, high = every.lead.interval
            lines.append(
                f"{name}: AP {every.ap:.3f}, best F1 {every.best_f1:.3f}; the model's AP is "
                f"{every.lead.value:+.3f} ({low:+.3f} to {high:+.3f})"
            )
    outside = found.slices["set"]["all"].outside
    lines += [
        f"review band {found.review_low:.2f}-{found.review_high:.2f}: {outside.inside_share:.1%} "
        f"of the stories inside; precision above {number(outside.precision) or '-'} "
        f"({outside.above} rows), NPV below {number(outside.npv) or '-'} ({outside.below} rows)",
        f"top sentence is marked evidence in {found.evidence.hits} of {found.evidence.reports} "
        "reports with marks",
        f"force codes, micro F1: {found.force_micro_f1:.3f}",
    ]
    return "\n\n".join([*parts, "\n".join(lines)])


def write(found: Evaluation, scored: Scores, folder: Path) -> None:
    """Write the report, the plots, the mistakes and all figures into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    figures_json = json.dumps(asdict(found), indent=2, ensure_ascii=False, allow_nan=False)
    (folder / "metrics.json").write_text(figures_json + "\n", encoding="utf-8")
    (folder / "report.md").write_text(report(found), encoding="utf-8")
    rows = found.slices["set"]["all"].figures.rows
    (folder / "errors.md").write_text(errors(found.mistakes, rows), encoding="utf-8")
    draw(found, scored, folder)


def run(arguments: argparse.Namespace) -> None:
    """Answer every row, measure, print and write. Raises LabelError, ArtefactError, OSError."""
    files = story_files() if arguments.held_out else arguments.gold
    gold = held_out() if arguments.held_out else read_gold(files)
    if not gold:
        raise ValueError("no rows to evaluate on")
    model = Model.load(arguments.model, available_cpus())
    examples = [g.example for g in gold]
    found = answers(model, tqdm(examples, unit=" stories", desc="reading", disable=None))
    learnt = practice(gold)
    scored = scores(gold, found, learnt)
    hashes = {
        f"{path.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
    result = evaluation(gold, found, scored, model.config, hashes, len(learnt))
    print(summary(result))
    if arguments.out:
        write(result, scored, arguments.out)


def main(words: Sequence[str] | None = None) -> int:
    """Evaluate one artefact; 2 if that cannot be done. `words` default to the command line's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="artefact folder")
    rows = parser.add_mutually_exclusive_group(required=True)
    rows.add_argument("--gold", type=Path, nargs="+", help="labelled JSONL files")
    rows.add_argument("--held-out", action="store_true", help="own stories held out of training")
    parser.add_argument("--out", type=Path, help="folder for the report, plots and metrics.json")
    try:
        run(parser.parse_args(words))
    except (LabelError, ArtefactError, OSError, ValueError) as error:
        print(f"cannot evaluate: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
