"""The last step of the model in plain numpy: window vectors of one story -> its logits.

Attention pooling over windows (Ilse et al. 2018, "Attention-based deep multiple
instance learning") beside the element-wise maximum and the first window.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from service.artefact import FloatArray


@dataclass(frozen=True)
class StoryHead:
    """Weights, D = width of a window vector, P positions, L story outputs.

    `attention` [D], `attention_bias` scalar, `position_bias` [P], `weight` [L, 3D], `bias` [L].
    """

    attention: FloatArray
    attention_bias: float
    position_bias: FloatArray
    weight: FloatArray
    bias: FloatArray

    @classmethod
    def load(cls, path: Path) -> "StoryHead":
        """From the artefact's npz file."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(
                attention=arrays["attention"],
                attention_bias=float(arrays["attention_bias"]),
                position_bias=arrays["position_bias"],
                weight=arrays["weight"],
                bias=arrays["bias"],
            )

    def logits(self, windows: FloatArray) -> FloatArray:
        """Story logits [L] from the window vectors [W, D] of one story, in order."""
        positions = np.minimum(np.arange(len(windows)), len(self.position_bias) - 1)
        scores = windows @ self.attention + self.attention_bias + self.position_bias[positions]
        weights = softmax(scores)
        pooled = np.concatenate([weights @ windows, windows.max(axis=0), windows[0]])
        logits: FloatArray = self.weight @ pooled + self.bias
        return logits


def softmax(x: FloatArray) -> FloatArray:
    """Over the last axis, without overflow."""
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    result: FloatArray = shifted / shifted.sum(axis=-1, keepdims=True)
    return result


def sigmoid(x: FloatArray) -> FloatArray:
    """Element-wise, without overflow."""
    result: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * x))
    return result
