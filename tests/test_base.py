"""The base checkpoint is the original one in another architecture, bit for bit in effect."""

import shutil
from pathlib import Path

import pytest
import torch
from transformers import BertModel

from training.base import ChecksumError, convert_minilm, load_base, minilm_folder

TEXTS = [
    "Police fired tear gas at protesters in Portland on Saturday night.",
    "The council approved a budget.",
    "word " * 400,
]


def test_hidden_states_equal_the_original() -> None:
    base = load_base()
    original = BertModel.from_pretrained(minilm_folder()).eval()
    encoder = base.encoder.eval()
    for text in TEXTS:
        ids = torch.tensor([base.tokenizer.encode(text).ids])
        with torch.no_grad():
            expected = original(input_ids=ids).last_hidden_state
            actual = encoder(input_ids=ids).last_hidden_state
        assert float((expected - actual).abs().max()) < 1e-5


def test_a_saved_folder_is_a_base_too(tmp_path: Path) -> None:
    base = load_base()
    base.encoder.save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        shutil.copy(minilm_folder() / name, tmp_path / name)
    again = load_base(str(tmp_path))
    expected = dict(base.encoder.named_parameters())
    for name, weights in again.encoder.named_parameters():
        assert torch.equal(weights, expected[name])
    assert again.tokenizer.encode(TEXTS[0]).ids == base.tokenizer.encode(TEXTS[0]).ids


def test_other_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"not the weights")
    with pytest.raises(ChecksumError, match="expected 53aa5117"):
        convert_minilm(tmp_path)
