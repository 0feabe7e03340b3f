"""Writes a trained classifier as the artefact the service loads: ONNX, int8, plain numbers.

    python -m training.export CHECKPOINT OUT

The encoder goes to ONNX and is quantised by NNCF to int8 in QDQ form, calibrated
on real windows; the story head goes to an npz of its weights.
"""

import json
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from tokenizers import Tokenizer
from torch import nn

from service import runtime  # noqa: F401
from service.artefact import (
    CONFIG_FILE,
    HEAD_FILE,
    METRICS_FILE,
    MODEL_FILE,
    TOKENIZER_FILE,
    ArtefactConfig,
    Calibration,
    Thresholds,
    WindowConfig,
    sha256,
)
from service.labels import FORCE_CODES, RELATIONS
from service.text import Window
from training.network import StoryClassifier

# Windows that quantisation looks at; 300 is NNCF's own default.
CALIBRATION_WINDOWS = 300


class _Encoder(nn.Module):
    """The exported part: (input_ids, attention_mask) [W, T] -> windows [W, D], tokens [W, T]."""

    def __init__(self, model: StoryClassifier) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self.model.encode(input_ids, attention_mask)


def export(
    model: StoryClassifier,
    tokenizer: Tokenizer,
    windows: Sequence[Window],
    out: Path,
) -> None:
    """Write model.onnx (int8), the story head and the tokenizer to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / MODEL_FILE
        _export_onnx(model, plain)
        quantise(plain, windows[:CALIBRATION_WINDOWS], out / MODEL_FILE)
    save_head(model, out / HEAD_FILE)
    tokenizer.save(str(out / TOKENIZER_FILE))


def _export_onnx(model: StoryClassifier, path: Path) -> None:
    # Eager attention exports as plain matrix products, which the quantiser knows.
    model.set_attn_implementation("eager")
    ids = torch.ones(2, 16, dtype=torch.long)
    with warnings.catch_warnings():
        # The TorchScript exporter is deprecated and talkative, but its graph is the one NNCF was
        # measured on; that the result equals the torch model is tested.
        warnings.simplefilter("ignore")
        _to_file(model, ids, path)


def _to_file(model: StoryClassifier, ids: torch.Tensor, path: Path) -> None:
    torch.onnx.export(
        _Encoder(model.eval()),
        (ids, ids),
        str(path),
        input_names=["input_ids", "attention_mask"],
        output_names=["windows", "tokens"],
        dynamic_axes={
            "input_ids": {0: "window", 1: "token"},
            "attention_mask": {0: "window", 1: "token"},
            "windows": {0: "window"},
            "tokens": {0: "window", 1: "token"},
        },
        opset_version=17,
        dynamo=False,
    )


def quantise(plain: Path, windows: Sequence[Window], out: Path) -> None:
    """Write the int8 QDQ form of the ONNX file `plain`."""
    # After service.runtime, which keeps the telemetry that NNCF would use from loading.
    import nncf

    def feed(window: Window) -> dict[str, Any]:
        ids = np.array([window.ids], dtype=np.int64)
        return {"input_ids": ids, "attention_mask": np.ones_like(ids)}

    quantised = nncf.quantize(
        onnx.load(plain),
        nncf.Dataset(list(windows), feed),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(windows),
    )
    onnx.save(quantised, out)


def save_head(model: StoryClassifier, path: Path) -> None:
    """Write the weights that service.story_head needs."""
    weights = {
        "attention": model.attention.weight[0],
        "attention_bias": model.attention.bias[0],
        "position_bias": model.position_bias,
        "weight": model.story_head.weight,
        "bias": model.story_head.bias,
    }
    arrays: dict[str, Any] = {k: v.detach().float().numpy() for k, v in weights.items()}
    np.savez(path, **arrays)


def write_config(
    out: Path,
    version: str,
    base: str,
    window: WindowConfig,
    calibration: Calibration,
    thresholds: Thresholds,
    data_hash: str,
) -> None:
    """Write config.json last: it holds the checksums of all the other files."""
    config = ArtefactConfig(
        name="brutality-watch",
        version=version,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        base=base,
        relations=list(RELATIONS),
        force_codes=list(FORCE_CODES),
        window=window,
        calibration=calibration,
        thresholds=thresholds,
        data_hash=data_hash,
        sha256={name: sha256(out / name) for name in (MODEL_FILE, TOKENIZER_FILE, HEAD_FILE)},
    )
    (out / CONFIG_FILE).write_text(config.model_dump_json(indent=2) + "\n")


def write_metrics(out: Path, metrics: dict[str, Any]) -> None:
    """Write what was measured of this model."""
    (out / METRICS_FILE).write_text(json.dumps(metrics, indent=2) + "\n")


def save_checkpoint(model: StoryClassifier, tokenizer: Tokenizer, out: Path) -> None:
    """Write the fp16 weights, config and tokenizer that retraining starts from."""
    if out.exists():
        shutil.rmtree(out)
    model.half().save_pretrained(out)
    model.float()
    tokenizer.save(str(out / "tokenizer.json"))
