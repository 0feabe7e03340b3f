"""Runs a classifier, torch or artefact, over labelled stories."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer

from service.labels import RELATIONS
from service.model import Judgement, Model
from service.text import Cut
from training.examples import Example
from training.features import Collator, dataset, window_config
from training.metrics import Floats
from training.network import StoryClassifier

Logits = npt.NDArray[np.float32]
_STORIES_AT_ONCE = 8


def torch_logits(
    model: StoryClassifier, examples: Sequence[Example], tokenizer: Tokenizer
) -> Logits:
    """Story logits [N, 14] of the torch model in fp32, whole stories, in order."""
    window = window_config(tokenizer)
    rows = dataset(examples, tokenizer, window.spec)
    collator = Collator(window.pad_id, thin=False)
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].text))
    logits: dict[int, Logits] = {}
    model.eval()
    with torch.inference_mode():
        for at in range(0, len(order), _STORIES_AT_ONCE):
            chosen = order[at : at + _STORIES_AT_ONCE]
            batch = collator([rows[i] for i in chosen])
            story = model(batch["input_ids"], batch["attention_mask"], batch["story"]).story
            logits.update(zip(chosen, story.float().numpy(), strict=True))
    return np.stack([logits[i] for i in range(len(examples))])


def margins(logits: Logits) -> Floats:
    """logit(report) - logsumexp(the other relations), [N], from story logits [N, 14]."""
    relation = logits[:, : len(RELATIONS)].astype(np.float64)
    result: Floats = relation[:, 0] - np.logaddexp(relation[:, 1], relation[:, 2])
    return result


@dataclass(frozen=True)
class Answer:
    """What the artefact says of one story, as the service would: its cut and judgement."""

    cut: Cut
    judgement: Judgement


def answers(model: Model, examples: Sequence[Example]) -> list[Answer]:
    """The artefact's answers, in order."""
    found = []
    for example in examples:
        cutting = model.cut(example.title, example.text)
        found.append(Answer(cutting, model.judge(cutting, model.run(cutting.windows))))
    return found


def report_probabilities(found: Sequence[Answer]) -> Floats:
    """Calibrated P(report) [N]."""
    return np.array([answer.judgement.relation[0] for answer in found], dtype=np.float64)
