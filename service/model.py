"""The classifier as the service runs it: cut a story, run its windows, judge the outcome."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from tokenizers import Tokenizer

from service.artefact import (
    HEAD_FILE,
    MODEL_FILE,
    TOKENIZER_FILE,
    ArtefactConfig,
    FloatArray,
    load_config,
)
from service.cpus import cpu_flags
from service.embedding import scale_after_lookup
from service.errors import ArtefactError
from service.labels import FORCE_CODES, RELATIONS
from service.runtime import openvino
from service.story_head import StoryHead, sigmoid, softmax
from service.text import Cut, Window, cut

# Windows of one inference call: 16 take 4 % less time a window and 40 MB more memory.
BATCH_WINDOWS = 8
# What their length is padded to a multiple of: few distinct shapes keep the runtime from
# compiling anew.
_LENGTH_STEP = 32
# CPU instructions that decide how fast matrices are multiplied.
_MATRIX_FLAGS = frozenset(
    "avx2 avx_vnni avx512f avx512_vnni avx512_bf16 amx_int8 amx_bf16 asimddp i8mm bf16".split()
)


@dataclass(frozen=True, slots=True)
class WindowOutput:
    """What the encoder says of one window: `vector` [D], `tokens` [T] evidence logits."""

    vector: FloatArray
    tokens: FloatArray


@dataclass(frozen=True, slots=True)
class Judgement:
    """Calibrated probabilities for a story.

    `relation` follows RELATIONS, `force` FORCE_CODES; `sentences` holds for each
    sentence of the cut the probability that it states force.
    """

    relation: tuple[float, ...]
    force: tuple[float, ...]
    fatal: float
    sentences: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Running:
    """How the runtime executes the encoder on this machine.

    `matrix_kernels` counts its matrix multiplications by the number type they are
    computed in (`i8`, `bf16`, `f32`); `precision` is that of all the rest.
    """

    precision: str
    matrix_kernels: Mapping[str, int]
    threads: int
    cpu_flags: Sequence[str]


class Model:
    """A loaded artefact. `run` is not safe for concurrent use; all else is."""

    def __init__(
        self,
        config: ArtefactConfig,
        tokenizer: Tokenizer,
        head: StoryHead,
        compiled: openvino.CompiledModel,
    ) -> None:
        self.config = config
        self.running = _running(compiled)
        self._tokenizer = tokenizer
        self._head = head
        self._request = compiled.create_infer_request()

    @classmethod
    def load(cls, folder: Path, threads: int) -> Self:
        """The model in `folder`, to run on `threads` CPUs. Raises ArtefactError."""
        config = load_config(folder)
        try:
            tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
            head = StoryHead.load(folder / HEAD_FILE)
            core = openvino.Core()
            network = core.read_model(folder / MODEL_FILE)
            scale_after_lookup(network)
            compiled = core.compile_model(
                network,
                "CPU",
                {
                    "INFERENCE_NUM_THREADS": threads,
                    # One for each CPU runs a tenth more windows a second and takes 18 to 26 MB.
                    "NUM_STREAMS": 1,
                    "INFERENCE_PRECISION_HINT": _precision(),
                    # Compiled kernels kept, of which a shape has some ten: see also runtime.py.
                    "CPU_RUNTIME_CACHE_CAPACITY": 32,
                },
            )
        except (RuntimeError, ValueError, KeyError, OSError) as error:
            raise ArtefactError(f"the model at {folder} cannot be loaded: {error}") from error
        return cls(config, tokenizer, head, compiled)

    def cut(self, title: str | None, text: str) -> Cut:
        """The story cut into windows for `run`."""
        return cut(title, text, self._tokenizer, self.config.window.spec)

    def run(self, windows: Sequence[Window]) -> list[WindowOutput]:
        """The encoder's output for each window, in order."""
        order = sorted(range(len(windows)), key=lambda i: len(windows[i].ids))
        outputs: dict[int, WindowOutput] = {}
        for at in range(0, len(order), BATCH_WINDOWS):
            chosen = order[at : at + BATCH_WINDOWS]
            batch = self._run_batch([windows[i] for i in chosen])
            outputs.update(zip(chosen, batch, strict=True))
        return [outputs[i] for i in range(len(windows))]

    def _run_batch(self, windows: Sequence[Window]) -> list[WindowOutput]:
        longest = max(len(w.ids) for w in windows)
        length = min(-(-longest // _LENGTH_STEP) * _LENGTH_STEP, self.config.window.size)
        ids = np.full((len(windows), length), self.config.window.pad_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, window in enumerate(windows):
            ids[row, : len(window.ids)] = window.ids
            mask[row, : len(window.ids)] = 1
        result = self._request.infer({"input_ids": ids, "attention_mask": mask})
        vectors, tokens = np.array(result["windows"]), np.array(result["tokens"])
        return [
            WindowOutput(vectors[row], tokens[row, : len(window.ids)])
            for row, window in enumerate(windows)
        ]

    def judge(self, cutting: Cut, outputs: Sequence[WindowOutput]) -> Judgement:
        """Calibrated probabilities from the outputs of all windows of one cut."""
        logits = self._head.logits(np.stack([output.vector for output in outputs]))
        n = len(RELATIONS)
        force, fatal = logits[n : n + len(FORCE_CODES)], logits[-1:]
        return Judgement(
            relation=self.calibrated(logits[:n]),
            force=tuple(sigmoid(force).tolist()),
            fatal=float(sigmoid(fatal)[0]),
            sentences=_sentence_scores(cutting, outputs),
        )

    def calibrated(self, relation: FloatArray) -> tuple[float, ...]:
        """Probabilities of RELATIONS from their logits [3]; see artefact.Calibration."""
        calibration = self.config.calibration
        margin = relation[0] - np.logaddexp(relation[1], relation[2])
        report = float(sigmoid(np.asarray(calibration.scale * margin + calibration.bias)))
        rest = softmax(relation[1:]) * (1.0 - report)
        return (report, *map(float, rest))


def _precision() -> str:
    """bf16 only where the CPU computes it: without, OpenVINO emulates it 50 times slower."""
    return "bf16" if cpu_flags() & {"amx_bf16", "avx512_bf16"} else "f32"


def _running(compiled: openvino.CompiledModel) -> Running:
    """As the runtime itself tells it, which may differ from what it was asked for."""
    types = Counter(
        str(info["runtimePrecision"].value)
        for info in (op.get_rt_info() for op in compiled.get_runtime_model().get_ordered_ops())
        if info["layerType"].value in ("FullyConnected", "MatMul")
    )
    return Running(
        precision=compiled.get_property("INFERENCE_PRECISION_HINT").to_string(),
        matrix_kernels=dict(types),
        threads=int(compiled.get_property("INFERENCE_NUM_THREADS")),
        cpu_flags=sorted(cpu_flags() & _MATRIX_FLAGS),
    )


def _sentence_scores(cutting: Cut, outputs: Sequence[WindowOutput]) -> tuple[float, ...]:
    """Mean token logit of each sentence, as a probability; 0 for one without tokens."""
    total = np.zeros(len(cutting.spans), dtype=np.float32)
    count = np.zeros(len(cutting.spans), dtype=np.float32)
    for window, output in zip(cutting.windows, outputs, strict=True):
        for piece in window.pieces:
            total[piece.sentence] += float(output.tokens[piece.start : piece.end].sum())
            count[piece.sentence] += piece.end - piece.start
    scores = np.where(count > 0, sigmoid((total / np.maximum(count, 1)).astype(np.float32)), 0.0)
    return tuple(scores.tolist())
