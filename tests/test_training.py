"""Training really trains: on a tiny model, two steps, from labels to an artefact that answers."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import DistilBertConfig, DistilBertModel

from bench.baselines import regex_scores, tfidf_scores
from service.labels import RELATIONS
from service.model import Model
from tests.conftest import ROOT
from training.base import Base
from training.calibrate import calibrated, fit_calibration, force_threshold, review_band
from training.corpora import read_folder
from training.examples import NOT_REPORT, read_labels
from training.export import save_checkpoint
from training.features import Collator, dataset, window_config
from training.fit import FitArguments, RunMismatchError, between, fit, mean_weights, new_classifier
from training.metrics import best_f1, expected_calibration_error, figures
from training.network import RELATION_IDS, UNKNOWN, StoryClassifier, relation_loss
from training.predict import answers, margins, report_probabilities, torch_logits
from training.split import Parts, left_out, parts, split
from training.train import Start, write_artefact

TOKENIZER = Tokenizer.from_file(str(ROOT / "model" / "serving" / "tokenizer.json"))
STORIES = read_labels(ROOT / "training" / "stories" / "F.jsonl")


@pytest.fixture
def tiny() -> StoryClassifier:
    """A classifier of two thin layers."""
    torch.manual_seed(1)
    config = DistilBertConfig(
        vocab_size=TOKENIZER.get_vocab_size(), dim=32, hidden_dim=64, n_heads=2, n_layers=2
    )
    return new_classifier(Base("tiny", DistilBertModel(config), TOKENIZER))


def test_from_labels_to_an_artefact_that_answers(tiny: StoryClassifier, tmp_path: Path) -> None:
    train, held = STORIES[:60], STORIES[100:]
    data = Parts(train, STORIES[60:100], held)
    arguments = FitArguments(epochs=0.3, batch_stories=16, seed=3)
    before = {name: value.clone() for name, value in tiny.state_dict().items()}
    fit(tiny, train, TOKENIZER, tmp_path / "run", arguments)
    moved = [n for n, value in tiny.state_dict().items() if not torch.equal(value, before[n])]
    assert "story_head.weight" in moved and "distilbert.embeddings.LayerNorm.weight" in moved
    start = Start("tiny", tiny, TOKENIZER)
    model = write_artefact(start, data, tmp_path / "serving", "0.0.1", "0" * 64)
    ours = report_probabilities(answers(model, held))
    theirs = calibrated(model.config.calibration, margins(torch_logits(tiny, held, TOKENIZER)))
    assert np.abs(ours - theirs).mean() <= 0.02
    save_checkpoint(tiny, TOKENIZER, tmp_path / "checkpoint")
    again = StoryClassifier.from_pretrained(tmp_path / "checkpoint", dtype=torch.float32)
    np.testing.assert_allclose(
        torch_logits(again, held[:8], TOKENIZER),
        torch_logits(tiny, held[:8], TOKENIZER),
        atol=5e-2,
    )


def test_the_same_seed_gives_the_same_model(tmp_path: Path) -> None:
    config = DistilBertConfig(
        vocab_size=TOKENIZER.get_vocab_size(), dim=32, hidden_dim=64, n_heads=2, n_layers=1
    )
    heads = []
    for name in ("one", "two"):
        torch.manual_seed(1)
        model = new_classifier(Base("tiny", DistilBertModel(config), TOKENIZER))
        fit(model, STORIES[:32], TOKENIZER, tmp_path / name, FitArguments(epochs=1, seed=5))
        heads.append(model.story_head.weight)
    assert torch.equal(*heads)


def test_a_batch_pads_with_what_no_loss_counts(tiny: StoryClassifier) -> None:
    window = window_config(TOKENIZER)
    rows = dataset(STORIES[:6], TOKENIZER, window.spec)
    batch = Collator(window.pad_id, thin=True)([rows[i] for i in range(6)])
    padded = batch["attention_mask"] == 0
    assert bool((batch["token_labels"][padded] == UNKNOWN).all())
    alone = Collator(window.pad_id, thin=False)([rows[0]])
    tiny.eval()
    with torch.inference_mode():
        together = tiny(batch["input_ids"], batch["attention_mask"], batch["story"]).story[0]
        single = tiny(alone["input_ids"], alone["attention_mask"], alone["story"]).story[0]
    torch.testing.assert_close(together, single, atol=1e-4, rtol=1e-4)


def test_a_partial_label_only_forbids_report() -> None:
    partial = torch.tensor([RELATION_IDS[NOT_REPORT]])
    for logits in ([-9.0, 9.0, 0.0], [-9.0, 0.0, 9.0]):
        assert float(relation_loss(torch.tensor([logits]), partial)) < 1e-3
    assert float(relation_loss(torch.tensor([[9.0, 0.0, 0.0]]), partial)) > 5


def test_no_group_is_on_both_sides_of_a_split() -> None:
    kept, held = split(STORIES, 0.3)
    assert kept and held and len(kept) + len(held) == len(STORIES)
    assert not {e.group for e in kept} & {e.group for e in held}
    assert split(STORIES, 0.3) == (kept, held)


def test_a_corpus_left_out_teaches_nothing() -> None:
    data = parts([replace(e, source="x" if n % 3 else "y") for n, e in enumerate(STORIES)])
    without = left_out(data, ["y"])
    assert {e.source for e in without.train + without.calibration} == {"x"}
    told = {e.group for e in without.test}
    assert not told & {e.group for e in without.train + without.calibration}
    assert {e.id for e in without.test} >= {e.id for e in data.test}


def test_the_mean_of_models_is_the_mean_of_their_weights(tiny: StoryClassifier) -> None:
    other = copy.deepcopy(tiny)
    with torch.no_grad():
        other.story_head.weight += 2.0
    mean = mean_weights([tiny, other])
    torch.testing.assert_close(mean["story_head.weight"], tiny.story_head.weight + 1.0)
    torch.testing.assert_close(mean["token_head.bias"], tiny.token_head.bias)
    near = between(tiny, other, 0.75)
    torch.testing.assert_close(near["story_head.weight"], tiny.story_head.weight + 0.5)


def test_a_run_of_other_arguments_is_not_gone_on_with(
    tiny: StoryClassifier, tmp_path: Path
) -> None:
    fit(tiny, STORIES[:16], TOKENIZER, tmp_path, FitArguments(epochs=1), "a")
    for arguments, data in ((FitArguments(epochs=2), "a"), (FitArguments(epochs=1), "b")):
        with pytest.raises(RunMismatchError, match="other arguments or data"):
            fit(tiny, STORIES[:16], TOKENIZER, tmp_path, arguments, data)


def test_the_threshold_of_rare_codes_is_low() -> None:
    said = np.array([[True, False], [True, False], [True, True]])
    probability = np.array([[0.9, 0.1], [0.3, 0.2], [0.8, 0.32]])
    assert force_threshold(said, probability) == 0.25


def test_figures_of_a_known_case() -> None:
    truth = np.array([True, True, False, False])
    probability = np.array([0.9, 0.4, 0.6, 0.1])
    result = figures(truth, probability, 0.5)
    assert (result.precision, result.recall, result.f1) == (0.5, 0.5, 0.5)
    assert best_f1(truth, probability) == (0.8, 0.4)
    assert expected_calibration_error(truth, truth.astype(float)) == 0


def test_calibration_makes_loud_margins_honest() -> None:
    rng = np.random.default_rng(1)
    margin = rng.normal(size=4000) * 4
    truth = rng.random(4000) < 1 / (1 + np.exp(-0.5 * margin + 1))
    calibration = fit_calibration(truth, margin)
    assert calibration.scale == pytest.approx(0.5, abs=0.06)
    probability = calibrated(calibration, margin)
    assert expected_calibration_error(truth, probability) < 0.03
    low, high = review_band(truth, probability, 0.5)
    assert low <= 0.5 <= high
    assert truth[probability > high].mean() >= 0.95


def test_baselines_tell_something() -> None:
    truth = np.array([e.relation == "report" for e in STORIES[100:]])
    for scores in (regex_scores(STORIES[100:]), tfidf_scores(STORIES[:100], STORIES[100:])):
        assert best_f1(truth, scores)[0] > truth.mean()


def test_the_development_corpora_are_read(shared: Path) -> None:
    examples = read_folder(shared)
    assert len({(e.source, e.id) for e in examples}) == len(examples)
    assert {e.relation for e in examples} == {*RELATIONS, NOT_REPORT}
    assert sum(e.evidence is not None and e.relation == "report" for e in examples) > 200


def test_the_artefact_tells_of_its_training(model: Model) -> None:
    metrics = json.loads((ROOT / "model" / "serving" / "metrics.json").read_text())
    held = metrics["held_out"]["all"]
    floors = {kind: metrics["baselines"][kind]["all"]["best_f1"] for kind in ("regex", "tfidf")}
    assert held["f1"] > max(floors.values())
    assert len(model.config.data_hash) == 64
