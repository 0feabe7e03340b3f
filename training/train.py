"""Fine-tune, calibrate, measure and export a classifier.

    python -m training.train --labels mine.jsonl --out runs/mine
    python -m training.train --base minilm --corpora ../shared --out runs/full

Training starts from model/checkpoint, or over from `--base`. The project's own
stories (training/stories) are always replayed, so that new labels do not erase
what was learnt. `--corpora` adds a folder of development corpora. A tenth of
the events is held out to calibrate and to measure. `--out` gets `serving/`,
`checkpoint/` and `run/` (TensorBoard log, from which a cut-off run goes on).
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from bench.baselines import regex_scores, tfidf_scores
from service.artefact import Thresholds
from service.cpus import available_cpus
from service.model import Model
from service.text import cut
from training.base import MINILM, load_base
from training.calibrate import calibrated, fit_calibration, review_band
from training.corpora import read_folder
from training.evaluate import by_source, evidence_hits, force_f1, table
from training.examples import Example, read_labels
from training.export import export, save_checkpoint, write_config, write_metrics
from training.features import window_config
from training.fit import FitArguments, fit, new_classifier
from training.network import StoryClassifier
from training.predict import answers, margins, report_probabilities, torch_logits
from training.split import split

STORIES = Path(__file__).parent / "stories"
CHECKPOINT = Path(__file__).parent.parent / "model" / "checkpoint"
HELD_OUT = 0.1
THRESHOLD = 0.5
# A shorter text may need its title to be understood.
UNTITLED_WORDS = 80
# Notes and tweets, their labels partly rough: no ground to calibrate news on.
SHORT_NOTES = frozenset(
    {"killings", "pb2020", "hrf_ranked", "gva", "crime_headlines", "philly_complaints", "india2002"}
)


@dataclass(frozen=True)
class Start:
    """What a run starts from."""

    name: str
    model: StoryClassifier
    tokenizer: Tokenizer


def start_from(base: str | None) -> Start:
    """The shipped checkpoint, or fresh heads on `base`."""
    if base is not None:
        loaded = load_base(base)
        return Start(loaded.name, new_classifier(loaded), loaded.tokenizer)
    tokenizer = Tokenizer.from_file(str(CHECKPOINT / "tokenizer.json"))
    model = StoryClassifier.from_pretrained(CHECKPOINT, dtype=torch.float32)
    return Start("model/checkpoint", model, tokenizer)


def gather(labels: Sequence[Path], corpora: Path | None, seed: int) -> list[Example]:
    """All examples of a run: new labels, replayed stories, and the corpora if given."""
    files = [*sorted(STORIES.glob("*.jsonl")), *labels]
    examples = [example for path in files for example in read_labels(path)]
    return examples + (read_folder(corpora, seed) if corpora else [])


def repeated(examples: Sequence[Example]) -> list[Example]:
    """The project's own stories twice: they are the cleanest labels and the rarest events.

    The second copy of a longer story has no title, because the service is often
    given none.
    """
    own = {path.stem for path in STORIES.glob("*.jsonl")}
    copies = [
        replace(e, title=None) if len(e.text.split()) >= UNTITLED_WORDS else e
        for e in examples
        if e.source in own
    ]
    return [*examples, *copies]


def data_hash(examples: Sequence[Example]) -> str:
    """A hash that changes with any text or label of the data."""
    digest = hashlib.sha256()
    for example in sorted(examples, key=lambda e: (e.source, e.id)):
        digest.update(json.dumps([example.id, example.text, example.relation]).encode())
    return digest.hexdigest()


def counts(examples: Sequence[Example]) -> dict[str, dict[str, int]]:
    """Stories per source and relation."""
    found: dict[str, dict[str, int]] = {}
    for example in sorted(examples, key=lambda e: e.source):
        row = found.setdefault(example.source, {})
        row[example.relation] = row.get(example.relation, 0) + 1
    return found


def write_artefact(
    start: Start,
    train: Sequence[Example],
    held: Sequence[Example],
    out: Path,
    version: str,
) -> Model:
    """Export, calibrate on the held-out rows, and load what the service will load."""
    news = [e for e in held if e.source not in SHORT_NOTES]
    truth = np.array([e.relation == "report" for e in news])
    margin = margins(torch_logits(start.model, news, start.tokenizer))
    calibration = fit_calibration(truth, margin)
    low, high = review_band(truth, calibrated(calibration, margin), THRESHOLD)
    window = window_config(start.tokenizer)
    sample = train[:: max(1, len(train) // 200)]
    cuts = [cut(e.title, e.text, start.tokenizer, window.spec) for e in sample]
    windows = [w for cutting in cuts for w in cutting.windows[:3]]
    export(start.model, start.tokenizer, windows, out)
    write_config(
        out,
        version=version,
        base=start.name,
        window=window,
        calibration=calibration,
        thresholds=Thresholds(
            report=THRESHOLD,
            review_low=low,
            review_high=high,
            evidence=0.5,
            force=0.5,
            fatal=0.5,
        ),
        data_hash=data_hash([*train, *held]),
    )
    return Model.load(out, available_cpus())


def run(arguments: argparse.Namespace) -> None:
    """One whole training run."""
    fit_arguments = FitArguments(epochs=arguments.epochs, seed=arguments.seed)
    start = start_from(arguments.base)
    examples = gather(arguments.labels, arguments.corpora, arguments.seed)
    train, held = split(examples, HELD_OUT)
    print(f"{len(train)} stories to train on, {len(held)} held out")
    fit(start.model, repeated(train), start.tokenizer, arguments.out / "run", fit_arguments)
    serving = arguments.out / "serving"
    model = write_artefact(start, train, held, serving, arguments.version)
    save_checkpoint(start.model, start.tokenizer, arguments.out / "checkpoint")
    metrics = measure(model, train, held)
    write_metrics(serving, {"arguments": asdict(fit_arguments), **metrics})


def measure(model: Model, train: Sequence[Example], held: Sequence[Example]) -> dict[str, Any]:
    """What metrics.json tells of an artefact: data, held-out figures, baselines, evidence."""
    found = answers(model, held)
    results = by_source(held, report_probabilities(found), THRESHOLD)
    print(table(results))
    baselines = {
        "regex": by_source(held, regex_scores(held), THRESHOLD),
        "tfidf": by_source(held, tfidf_scores(train, held), THRESHOLD),
    }
    hits, stories = evidence_hits(held, found)
    return {
        "data": counts(train),
        "held_out": {name: asdict(f) for name, f in results.items()},
        "baselines": {
            kind: {name: asdict(f) for name, f in rows.items()} for kind, rows in baselines.items()
        },
        "evidence": {"top_sentence_hits": hits, "stories": stories},
        "force_micro_f1": force_f1(held, found, model.config.thresholds.force),
    }


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--labels", type=Path, nargs="*", default=[], help="labelled JSONL files")
    parser.add_argument("--corpora", type=Path, help="folder of development corpora")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--base", help=f"start over from {MINILM}, a Hub id or a folder")
    parser.add_argument("--epochs", type=float, default=3.0, help="passes over the data")
    parser.add_argument("--seed", type=int, default=1, help="of data choice, order and dropout")
    parser.add_argument("--version", default="0.1.0", help="version written into the artefact")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
