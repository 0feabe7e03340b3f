"""Fine-tune, calibrate, measure and export a classifier.

    python -m training.train --labels mine.jsonl --out runs/mine --promote
    python -m training.train --base minilm --corpora ../shared --out runs/full

Training starts from model/checkpoint (or `--start`), or over from `--base`. The
project's own stories (training/stories) are replayed, so that new labels do not
erase what was learnt. `--corpora` adds a folder of development corpora. A tenth
of the events is held out to measure, another part to calibrate. `--out` gets
`serving/`, `checkpoint/` and `run/` (arguments and TensorBoard log per seed, from
which a cut-off run goes on). `--promote` then replaces model/ if no floor of
tests/floors.json falls; otherwise the exit status is 2. Several GPUs: start with
`torchrun --nproc-per-node N -m training.train ...`.
"""

import argparse
import copy
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from bench.baselines import regex_scores, tfidf_scores
from service.artefact import Calibration, Thresholds, load_config
from service.cpus import available_cpus
from service.labels import FORCE_CODES, RELATIONS
from service.model import Model
from service.places import Locator
from service.story_head import sigmoid
from service.text import cut
from training import gate
from training.base import MINILM, ChecksumError, load_base
from training.calibrate import calibrated, fit_calibration, force_threshold, review_band
from training.corpora import SOURCES
from training.data import counts, gather, story_files
from training.errors import DataError
from training.evaluate import by_source, table
from training.evaluation import evidence_hits, force_f1
from training.examples import Example
from training.export import export, save_checkpoint, write_config, write_metrics
from training.features import window_config
from training.fit import FitArguments, RunMismatchError, between, fit_seeds, new_classifier
from training.metrics import outside_band
from training.mix import REPLAY, mixed, sampled
from training.network import StoryClassifier
from training.predict import answers, margins, report_probabilities, torch_logits
from training.split import Parts, left_out, parts

# A start from a checkpoint only has to take in what is new; larger steps would erase.
CONTINUED = FitArguments(epochs=2.0, learning_rate=3e-5)
AFRESH = FitArguments(epochs=3.0, learning_rate=8e-5)
THRESHOLD = 0.5
# Measured on 300 relabelled articles (training/LOG.md): without it three floors fell.
KEEP = 0.5
# Notes and tweets, their labels partly rough: no ground to calibrate news on.
SHORT_NOTES = frozenset(
    {"killings", "pb2020", "hrf_ranked", "gva", "crime_headlines", "philly_complaints", "india2002"}
)
# Fewer rows than this cannot replace the calibration that the start came with.
CALIBRATION_ROWS = 200


@dataclass(frozen=True)
class Start:
    """What a run starts from; `calibrated_as` is the artefact that belongs to the checkpoint."""

    name: str
    model: StoryClassifier
    tokenizer: Tokenizer
    calibrated_as: Path | None = None


def start_from(base: str | None, checkpoint: Path, seed: int) -> Start:
    """A checkpoint folder, or fresh heads on `base`. Raises OSError, ChecksumError."""
    if base is not None:
        loaded = load_base(base)
        torch.manual_seed(seed)
        return Start(loaded.name, new_classifier(loaded), loaded.tokenizer)
    serving = checkpoint.parent / "serving"
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    model = StoryClassifier.from_pretrained(checkpoint, dtype=torch.float32)
    return Start(load_config(serving).base, model, tokenizer, serving)


def write_artefact(start: Start, data: Parts, out: Path, version: str, data_hash: str) -> Model:
    """Export, calibrate on rows that neither train nor test, load what the service will load."""
    news = [e for e in data.calibration if e.source not in SHORT_NOTES]
    calibration, thresholds = _calibration(start, news)
    window = window_config(start.tokenizer)
    sample = data.train[:: max(1, len(data.train) // 200)]
    cuts = [cut(e.title, e.text, start.tokenizer, window.spec) for e in sample]
    windows = [w for cutting in cuts for w in cutting.windows[:3]]
    export(start.model, start.tokenizer, windows, out)
    write_config(
        out,
        version=version,
        base=start.name,
        window=window,
        calibration=calibration,
        thresholds=thresholds,
        data_hash=data_hash,
    )
    return Model.load(out, available_cpus())


def _calibration(start: Start, rows: Sequence[Example]) -> tuple[Calibration, Thresholds]:
    """Fitted on `rows`; too few of them leave what the start came with."""
    if len(rows) < CALIBRATION_ROWS and start.calibrated_as is not None:
        config = load_config(start.calibrated_as)
        return config.calibration, config.thresholds
    truth = np.array([e.relation == "report" for e in rows])
    logits = torch_logits(start.model, rows, start.tokenizer)
    calibration = fit_calibration(truth, margins(logits))
    low, high = review_band(truth, calibrated(calibration, margins(logits)), THRESHOLD)
    coded = [i for i, e in enumerate(rows) if e.relation == "report" and e.force]
    said = np.array([[code in (rows[i].force or ()) for code in FORCE_CODES] for i in coded])
    codes = sigmoid(logits[coded, len(RELATIONS) : -1]).astype(np.float64)
    return calibration, Thresholds(
        report=THRESHOLD,
        review_low=low,
        review_high=high,
        evidence=0.5,
        force=force_threshold(said, codes) if coded else 0.5,
        fatal=0.5,
    )


def measure(model: Model, data: Parts) -> dict[str, Any]:
    """What metrics.json tells of an artefact, all on the test part: figures by set, those of
    two baselines, how far answers outside the review band hold, evidence and force codes."""
    found = answers(model, data.test)
    ours = report_probabilities(found)
    named = [replace(e, source=gate.set_of(e)) for e in data.test]
    results = by_source(named, ours, THRESHOLD)
    print(table(results))
    baselines = {
        "regex": by_source(named, regex_scores(data.test), THRESHOLD),
        "tfidf": by_source(named, tfidf_scores(data.train, data.test), THRESHOLD),
    }
    news = np.array([e.source not in SHORT_NOTES for e in data.test])
    truth = np.array([e.relation == "report" for e in data.test])
    thresholds = model.config.thresholds
    band = outside_band(truth[news], ours[news], thresholds.review_low, thresholds.review_high)
    hits, stories = evidence_hits(data.test, found)
    held_out = {name: asdict(f) for name, f in results.items()}
    held_out["all"]["mean_confidence"] = float(np.maximum(ours, 1 - ours).mean())
    return {
        "held_out": held_out,
        "baselines": {
            kind: {name: asdict(f) for name, f in rows.items()} for kind, rows in baselines.items()
        },
        "outside_band": {"rows": int(news.sum()), **asdict(band)},
        "evidence": {"top_sentence_hits": hits, "stories": stories},
        "force_micro_f1": force_f1(data.test, found, thresholds.force),
    }


def fit_arguments(arguments: argparse.Namespace) -> list[FitArguments]:
    """One per seed; what the command line leaves open depends on the start."""
    kind = AFRESH if arguments.base else CONTINUED
    given = {
        name: getattr(arguments, name)
        for name in ("epochs", "learning_rate")
        if getattr(arguments, name) is not None
    }
    return [replace(kind, seed=seed, **given) for seed in arguments.seeds]


def commit() -> str | None:
    """The checked-out commit, with "+" if files differ from it; None outside a repository."""
    told = ["git", "-C", str(gate.ROOT), "describe", "--always", "--dirty=+", "--abbrev=40"]
    try:
        found = subprocess.run(told, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


def run(arguments: argparse.Namespace) -> int:
    """One whole training run; the exit status. Raises DataError, OSError, RunMismatchError."""
    seeds = fit_arguments(arguments)
    start = start_from(arguments.base, arguments.start, seeds[0].seed)
    gathered = gather(arguments.labels, arguments.corpora, seeds[0].seed)
    data = left_out(parts(gathered.examples), arguments.leave_out)
    rows = training_rows(arguments, data.train, seeds[0].seed)
    before = copy.deepcopy(start.model)
    print(
        f"{len(rows)} stories to train on, {len(data.calibration)} to calibrate, "
        f"{len(data.test)} to test"
    )
    hashed = gathered.card.data_hash
    fitted = fit_seeds(start.model, rows, start.tokenizer, arguments.out / "run", seeds, hashed)
    if not fitted.writes:
        return 0
    start.model.load_state_dict(between(before, fitted.model, kept(arguments)))
    shipped = load_config(gate.MODEL / "serving").version.partition("+")[0]
    version = arguments.version or f"{shipped}+{hashed[:8]}"
    model = write_artefact(start, data, arguments.out / "serving", version, hashed)
    save_checkpoint(start.model, start.tokenizer, arguments.out / "checkpoint")
    record = {
        "run": record_of(arguments, seeds, fitted.seconds * available_cpus() / 3600),
        "data": counts(data.train),
        **measure(model, data),
    }
    write_metrics(arguments.out / "serving", record)
    whole = {**record, "card": asdict(gathered.card), "curve": fitted.curve}
    (arguments.out / "checkpoint" / "training.json").write_text(json.dumps(whole, indent=1) + "\n")
    return 0 if not arguments.promote or gate.promote(arguments.out) else 2


def kept(arguments: argparse.Namespace) -> float:
    """The share of the start's weights that the result keeps."""
    if arguments.keep is not None:
        return float(arguments.keep)
    return 0.0 if arguments.base or arguments.corpora else KEEP


def training_rows(
    arguments: argparse.Namespace, train: Sequence[Example], seed: int
) -> list[Example]:
    """What of `train` a run learns from, and in which form."""
    own = {path.stem for path in story_files()}
    replay = None if arguments.base or arguments.corpora else REPLAY
    taken = sampled(train, SOURCES, arguments.corpus_share, seed)
    return mixed(taken, own, replay, Locator.load(), seed)


def record_of(
    arguments: argparse.Namespace, seeds: Sequence[FitArguments], cpu_hours: float
) -> dict[str, Any]:
    """What the artefact tells of its making."""
    return {
        "base": arguments.base or "checkpoint",
        "labels": [path.name for path in arguments.labels],
        "corpora": arguments.corpora is not None,
        "corpus_share": arguments.corpus_share,
        "keep": kept(arguments),
        "leave_out": arguments.leave_out,
        "fits": [asdict(seed) for seed in seeds],
        "commit": commit(),
        "cpu_hours": round(cpu_hours, 2),
    }


def main() -> int:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--labels", type=Path, nargs="*", default=[], help="label files: JSONL, CSV, Label Studio"
    )
    parser.add_argument("--corpora", type=Path, help="folder of development corpora")
    parser.add_argument(
        "--corpus-share", type=float, default=1.0, help="of their rows to train on, by chance (1)"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument(
        "--leave-out", nargs="*", default=[], metavar="SOURCE", help="corpora only to test on"
    )
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--base", help=f"start over from {MINILM}, a Hub id or a folder")
    start.add_argument(
        "--start", type=Path, default=gate.MODEL / "checkpoint", help="checkpoint to go on from"
    )
    parser.add_argument("--epochs", type=float, help="passes over the data (2; 3 from a base)")
    parser.add_argument("--learning-rate", type=float, help="of the encoder (3e-5; 8e-5)")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[1], help="a fit for each; weights are averaged"
    )
    parser.add_argument(
        "--keep",
        type=float,
        help="share of the start's weights in the result: less learnt, less forgotten "
        f"({KEEP} where only new labels and replay train, else 0)",
    )
    parser.add_argument("--version", help="version of the artefact (the shipped one + data hash)")
    parser.add_argument(
        "--promote", action="store_true", help="replace model/ if no floor falls; else exit 2"
    )
    try:
        return run(parser.parse_args())
    except (DataError, RunMismatchError, ChecksumError, gate.GateError) as error:
        print(f"error: {error}", file=sys.stderr)
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
