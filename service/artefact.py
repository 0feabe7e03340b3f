"""The model folder: its files, its config, and the checks before it may answer.

`model.onnx` (encoder), `tokenizer.json`, `story_head.npz` (pooling and final
layer as plain numbers), `config.json` (everything else, below) and `metrics.json`.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from service.errors import ArtefactError
from service.labels import FORCE_CODES, RELATIONS
from service.text import WindowSpec

MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
HEAD_FILE = "story_head.npz"
CONFIG_FILE = "config.json"
METRICS_FILE = "metrics.json"

FloatArray = npt.NDArray[np.float32]


class WindowConfig(BaseModel):
    """How stories are cut, in tokens, and the special token ids."""

    model_config = ConfigDict(extra="forbid")

    size: int
    title: int
    cls_id: int
    sep_id: int
    pad_id: int

    @property
    def spec(self) -> WindowSpec:
        """The same for service.text."""
        return WindowSpec(self.size, self.title, self.cls_id, self.sep_id)


class Calibration(BaseModel):
    """p(report) = sigmoid(scale * margin + bias); margin = logit(report) - logsumexp(rest)."""

    model_config = ConfigDict(extra="forbid")

    scale: float
    bias: float


class Thresholds(BaseModel):
    """Probabilities from which on something is answered.

    Calibrated p(report) within `review_low`..`review_high` asks for a person
    first (`needs_review`).
    """

    model_config = ConfigDict(extra="forbid")

    report: float
    review_low: float
    review_high: float
    evidence: float
    force: float
    fatal: float


class ArtefactConfig(BaseModel):
    """`config.json` of a model folder."""

    model_config = ConfigDict(extra="forbid")

    name: str
    version: str
    created: str
    base: str
    relations: list[str]
    force_codes: list[str]
    window: WindowConfig
    calibration: Calibration
    thresholds: Thresholds
    data_hash: str
    sha256: dict[str, str]


def load_config(folder: Path) -> ArtefactConfig:
    """The checked config of a model folder. Raises ArtefactError with one sentence."""
    path = folder / CONFIG_FILE
    try:
        config = ArtefactConfig.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise ArtefactError(f"no model at {folder}: {CONFIG_FILE} is missing") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "(file)"
        raise ArtefactError(f"{path} is damaged: {where}: {first['msg']}") from error
    if tuple(config.relations) != RELATIONS or tuple(config.force_codes) != FORCE_CODES:
        raise ArtefactError(f"{path} was trained with other labels than this service knows")
    for name in (MODEL_FILE, TOKENIZER_FILE, HEAD_FILE):
        if name not in config.sha256:
            raise ArtefactError(f"{path} is damaged: it has no checksum of {name}")
    for name, expected in config.sha256.items():
        _check_file(folder / name, expected)
    return config


def _check_file(path: Path, expected: str) -> None:
    if not path.is_file():
        raise ArtefactError(f"no model at {path.parent}: {path.name} is missing")
    if sha256(path) != expected:
        raise ArtefactError(f"{path} is damaged: its checksum is not the one in {CONFIG_FILE}")


def sha256(path: Path) -> str:
    """The file's checksum in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_metrics(folder: Path) -> dict[str, Any]:
    """What training measured of this model; empty where there is no such file.

    Raises ArtefactError where it is damaged.
    """
    path = folder / METRICS_FILE
    if not path.is_file():
        return {}
    try:
        measured = json.loads(path.read_bytes())
    except ValueError as error:
        raise ArtefactError(f"{path} is damaged: {error}") from error
    if not isinstance(measured, dict):
        raise ArtefactError(f"{path} is damaged: it holds no figures")
    return measured
