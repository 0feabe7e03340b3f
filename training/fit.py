"""Fine-tunes a StoryClassifier with the transformers Trainer."""

import copy
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import Trainer, TrainingArguments, set_seed

from training.base import Base
from training.examples import Example
from training.features import Collator, dataset, window_config
from training.network import StoryClassifier, StoryConfig

HEAD_PREFIXES = (
    "token_head",
    "window_head",
    "attention",
    "position_bias",
    "evidence_head",
    "story_head",
)


ARGUMENTS_FILE = "arguments.json"
SECONDS_FILE = "seconds"
Curve = list[dict[str, Any]]


class RunMismatchError(Exception):
    """The folder holds a run of other arguments or data; it must not be gone on with."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} holds a run with other arguments or data; "
            "name another --out, or remove the folder"
        )


@dataclass(frozen=True)
class FitArguments:
    """Everything but the data that shapes a fit; saved beside the weights.

    `learning_rate` is the encoder's; the heads, which start from nothing, learn
    `head_factor` times as fast.
    """

    epochs: float = 3.0
    batch_stories: int = 16
    learning_rate: float = 8e-5
    head_factor: float = 12.5
    warmup_ratio: float = 0.06
    weight_decay: float = 0.01
    seed: int = 1


def new_classifier(base: Base) -> StoryClassifier:
    """A classifier whose encoder is the base and whose heads are fresh."""
    # Dropout inside attention would rule out the fused kernel: a third of the time.
    config = {**base.encoder.config.to_diff_dict(), "attention_dropout": 0.0}
    model = StoryClassifier(StoryConfig(**config))
    model.distilbert.load_state_dict(base.encoder.state_dict())
    return model


@dataclass(frozen=True)
class Fitted:
    """A fit's model, its training curve (one row per logged step), the seconds it took, and
    whether this process is the one that writes files (under torchrun, only the first is)."""

    model: StoryClassifier
    curve: Curve
    seconds: float
    writes: bool


def fit(
    model: StoryClassifier,
    examples: Sequence[Example],
    tokenizer: Tokenizer,
    out: Path,
    arguments: FitArguments,
    data_hash: str = "",
) -> Fitted:
    """Train `model` in place on `examples`; checkpoints and the TensorBoard log go to `out`.

    An interrupted fit with the same arguments and data goes on from its last
    checkpoint; one with others raises RunMismatchError.
    """
    _claim(out, arguments, data_hash)
    set_seed(arguments.seed)
    window = window_config(tokenizer)
    trainer = Trainer(
        model=model,
        args=_settings(out, arguments),
        train_dataset=dataset(examples, tokenizer, window.spec),
        data_collator=Collator(window.pad_id, thin=True, seed=arguments.seed),
        optimizers=(_optimizer(model, arguments), None),
    )
    began = time.monotonic()
    trainer.train(resume_from_checkpoint=_last_checkpoint(out))
    model.eval()
    seconds = _spent(out / SECONDS_FILE, time.monotonic() - began)
    return Fitted(model, trainer.state.log_history, seconds, trainer.is_world_process_zero())


def fit_seeds(
    model: StoryClassifier,
    examples: Sequence[Example],
    tokenizer: Tokenizer,
    out: Path,
    arguments: Sequence[FitArguments],
    data_hash: str = "",
) -> Fitted:
    """One fit per item of `arguments` (they differ by seed), all from `model`; weights averaged.

    Fits that share a start lie in one basin, and their mean generalises better
    than each (Wortsman et al. 2022, "Model soups").
    """
    fits = [
        fit(copy.deepcopy(model), examples, tokenizer, out / f"seed-{a.seed}", a, data_hash)
        for a in arguments
    ]
    model.load_state_dict(mean_weights([f.model for f in fits]))
    model.eval()
    curve = [
        {"seed": a.seed, **row} for a, f in zip(arguments, fits, strict=True) for row in f.curve
    ]
    return Fitted(model, curve, sum(f.seconds for f in fits), all(f.writes for f in fits))


def mean_weights(models: Sequence[StoryClassifier]) -> dict[str, torch.Tensor]:
    """The state dict whose every entry is the mean of the models' entries."""
    states = [model.state_dict() for model in models]
    return {name: torch.stack([s[name] for s in states]).mean(0) for name in states[0]}


def between(start: StoryClassifier, end: StoryClassifier, share: float) -> dict[str, torch.Tensor]:
    """The state dict that lies at `share` of the way from `end` back to `start`.

    Such weights keep more of what the start knew of other data than the end does
    (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
    """
    first, last = start.state_dict(), end.state_dict()
    return {name: torch.lerp(last[name], first[name], share) for name in last}


def _claim(out: Path, arguments: FitArguments, data_hash: str) -> None:
    record = json.dumps({**asdict(arguments), "data": data_hash}, indent=2) + "\n"
    path = out / ARGUMENTS_FILE
    if path.is_file() and path.read_text() != record:
        raise RunMismatchError(out)
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(record)


def _spent(path: Path, seconds: float) -> float:
    """The seconds of all finished starts of this run, this one's included."""
    total = seconds + (float(path.read_text()) if path.is_file() else 0.0)
    path.write_text(f"{total:.1f}")
    return total


def _settings(out: Path, arguments: FitArguments) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(out),
        num_train_epochs=arguments.epochs,
        per_device_train_batch_size=arguments.batch_stories,
        learning_rate=arguments.learning_rate,
        warmup_steps=arguments.warmup_ratio,
        lr_scheduler_type="linear",
        weight_decay=arguments.weight_decay,
        bf16=True,
        use_cpu=not torch.cuda.is_available(),
        seed=arguments.seed,
        logging_steps=25,
        save_strategy="steps",
        save_steps=200,
        save_total_limit=1,
        report_to=["tensorboard"],
        remove_unused_columns=False,
        dataloader_num_workers=0,
    )


def _optimizer(model: StoryClassifier, arguments: FitArguments) -> torch.optim.Optimizer:
    heads = [p for n, p in model.named_parameters() if n.startswith(HEAD_PREFIXES)]
    encoder = [p for n, p in model.named_parameters() if not n.startswith(HEAD_PREFIXES)]
    return torch.optim.AdamW(
        [
            {"params": encoder, "lr": arguments.learning_rate},
            {"params": heads, "lr": arguments.learning_rate * arguments.head_factor},
        ],
        weight_decay=arguments.weight_decay,
        fused=True,
    )


def _last_checkpoint(out: Path) -> str | None:
    found = sorted(out.glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]))
    return str(found[-1]) if found else None
