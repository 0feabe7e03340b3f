"""Fine-tunes a StoryClassifier with the transformers Trainer."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class FitArguments:
    """Everything that shapes a fit; saved beside the weights."""

    epochs: float = 3.0
    batch_stories: int = 16
    learning_rate: float = 8e-5
    head_learning_rate: float = 1e-3
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


def fit(
    model: StoryClassifier,
    examples: Sequence[Example],
    tokenizer: Tokenizer,
    out: Path,
    arguments: FitArguments,
) -> StoryClassifier:
    """Train on `examples`; checkpoints and the TensorBoard log go to `out`.

    An interrupted fit with the same arguments goes on from its last checkpoint.
    """
    set_seed(arguments.seed)
    window = window_config(tokenizer)
    collator = Collator(window.pad_id, thin=True, seed=arguments.seed)
    settings = TrainingArguments(
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
    trainer = Trainer(
        model=model,
        args=settings,
        train_dataset=dataset(examples, tokenizer, window.spec),
        data_collator=collator,
        optimizers=(_optimizer(model, arguments), None),
    )
    trainer.train(resume_from_checkpoint=_last_checkpoint(out))
    model.eval()
    return model


def _optimizer(model: StoryClassifier, arguments: FitArguments) -> torch.optim.Optimizer:
    heads = [p for n, p in model.named_parameters() if n.startswith(HEAD_PREFIXES)]
    encoder = [p for n, p in model.named_parameters() if not n.startswith(HEAD_PREFIXES)]
    return torch.optim.AdamW(
        [
            {"params": encoder, "lr": arguments.learning_rate},
            {"params": heads, "lr": arguments.head_learning_rate},
        ],
        weight_decay=arguments.weight_decay,
        fused=True,
    )


def _last_checkpoint(out: Path) -> str | None:
    found = sorted(out.glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]))
    return str(found[-1]) if found else None


def as_record(arguments: FitArguments) -> dict[str, float]:
    """The arguments as plain values for the artefact."""
    return asdict(arguments)
