"""How fast this machine could go at best: the model alone, and matrix multiplication alone."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.stories import Text
from service.model import Model
from service.runtime import openvino

# Stories whose windows are run together, as when clients are never waited for.
_STORIES_AT_ONCE = 32
_ROWS = 2048  # tokens multiplied at once
op = openvino.opset13
Quantise = Callable[[openvino.Node], openvino.Node]


@dataclass(frozen=True)
class Encoder:
    """The shape of a DistilBERT: how many layers, and how wide they are."""

    layers: int
    width: int
    hidden: int

    @classmethod
    def of(cls, checkpoint: Path) -> "Encoder":
        """From the config.json of a checkpoint. Raises OSError, KeyError."""
        config = json.loads((checkpoint / "config.json").read_text())
        return cls(config["n_layers"], config["dim"], config["hidden_dim"])

    def gflop(self, tokens: int) -> float:
        """Multiplications and additions of one window: weights, and attention between tokens."""
        weights = 4 * self.width**2 + 2 * self.width * self.hidden
        return 2 * self.layers * (tokens * weights + 2 * tokens**2 * self.width) / 1e9


@dataclass(frozen=True)
class Limits:
    """Stories a second of the model without HTTP; of its matrix products alone; GFLOP/s."""

    raw_per_second: float
    story_gflop: float
    fp32_gflops: float
    int8_gflops: float

    @property
    def product_per_second(self) -> float:
        """Stories a second if multiplying int8 matrices were all there is to do."""
        return self.int8_gflops / self.story_gflop


def measure(
    model: Model, raw_per_second: float, stories: Sequence[Text], encoder: Encoder, seconds: float
) -> Limits:
    """All of them: the products for `seconds` each, with as many threads as the model has."""
    windows = [w for s in stories for w in model.cut(s.title, s.text).windows]
    threads = model.running.threads
    return Limits(
        raw_per_second=raw_per_second,
        story_gflop=sum(encoder.gflop(len(w.ids)) for w in windows) / len(stories),
        fp32_gflops=_product_gflops(encoder, threads, seconds, lambda matrix: matrix),
        int8_gflops=_product_gflops(encoder, threads, seconds, _int8),
    )


def _per_second(work: Callable[[], int], seconds: float) -> float:
    """What `work` says it has done, per second, after one call that is not counted."""
    work()
    done, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        done += work()
    return done / elapsed


def raw_per_second(model: Model, stories: Sequence[Text], seconds: float) -> float:
    """Stories a second of the model in this process, with nothing else to do."""
    at = 0

    def work() -> int:
        nonlocal at
        chosen = [stories[(at + i) % len(stories)] for i in range(_STORIES_AT_ONCE)]
        at += len(chosen)
        cuts = [model.cut(story.title, story.text) for story in chosen]
        model.run([window for cutting in cuts for window in cutting.windows])
        return len(chosen)

    return _per_second(work, seconds)


def _int8(matrix: openvino.Node) -> openvino.Node:
    """The same numbers, rounded so that the runtime multiplies them as int8."""
    return op.fake_quantize(matrix, -4.0, 4.0, -4.0, 4.0, 255)


def _product_gflops(encoder: Encoder, threads: int, seconds: float, quantise: Quantise) -> float:
    """GFLOP/s of a product as in the feed-forward layers, by the runtime that the model runs on."""
    shape = (encoder.width, encoder.hidden)
    rng = np.random.default_rng(0)
    weights = op.constant(rng.standard_normal(shape).astype(np.float32))
    rows = op.parameter([_ROWS, encoder.width], np.float32)
    product = op.matmul(quantise(rows), quantise(weights), False, False)
    options = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    network = openvino.Model([product], [rows], "product")
    request = openvino.Core().compile_model(network, "CPU", options).create_infer_request()
    given = rng.standard_normal((_ROWS, encoder.width)).astype(np.float32)
    request.set_input_tensor(openvino.Tensor(given))

    def work() -> int:
        request.infer()
        return 2 * _ROWS * shape[0] * shape[1]

    return _per_second(work, seconds) / 1e9
