"""The stories an artefact gets most wrong, to be read by a person."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.gold import Gold
from training.metrics import Floats
from training.predict import Answer

_LEAST_PROBABILITY = 1e-12
_SHOWN_CHARACTERS = 200


@dataclass(frozen=True)
class Mistake:
    """A story on the wrong side of the threshold.

    `loss` is -log of the probability given to the truth; `evidence` the sentence
    scored highest; `opening` the first 200 characters of the text.
    """

    id: str
    source: str
    relation: str
    probability: float
    loss: float
    title: str | None
    evidence: str | None
    opening: str


def worst(
    gold: Sequence[Gold],
    found: Sequence[Answer],
    probability: Floats,
    threshold: float,
    count: int = 20,
) -> list[Mistake]:
    """At most `count` mistakes, highest loss first."""
    truth = np.array([g.is_report for g in gold])
    loss = -np.log(np.maximum(np.where(truth, probability, 1 - probability), _LEAST_PROBABILITY))
    wrong = np.flatnonzero(truth != (probability >= threshold))
    chosen = wrong[np.argsort(-loss[wrong], kind="stable")][:count]
    return [_mistake(gold[i], found[i], float(probability[i]), float(loss[i])) for i in chosen]


def _mistake(gold: Gold, answer: Answer, probability: float, loss: float) -> Mistake:
    example = gold.example
    return Mistake(
        id=example.id,
        source=example.source,
        relation=example.relation,
        probability=probability,
        loss=loss,
        title=example.title,
        evidence=_top_sentence(example.text, answer),
        opening=" ".join(example.text[:_SHOWN_CHARACTERS].split()),
    )


def _top_sentence(text: str, answer: Answer) -> str | None:
    scores, spans = answer.judgement.sentences, answer.cut.spans
    if not spans:
        return None
    top = spans[scores.index(max(scores))]
    return " ".join(text[top.start : top.end].split())
