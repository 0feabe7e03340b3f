"""Fit the small models of `service.places`: `python -m training.places all`.

Reads the development data, prints cross-validated figures and writes plain numbers
into `service/places/` (or `--out`): first which spans are names, then which place each
means, then where the event was. Each part learns from what the one before it answers.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression

from service.places.candidates import Candidate, Finder, StateNames
from service.places.gazetteer import Gazetteer, Kind
from service.places.hashed import bucket
from service.places.locator import MODELS, Locator
from service.places.recogniser import (
    BUCKETS,
    Context,
    choose,
    document_features,
    features,
    first_names,
)
from service.places.tokens import tokenise
from training.places_data import TOPONYMS, Document, invented, ner, stories, toponyms
from training.places_focus import fit_focus
from training.places_focus_data import all_inputs
from training.places_resolver import fit_resolver

FOLDS = 5
# How much one candidate of each set counts. The convention aimed at is trnews':
# names within names count. The others agree on less.
SET_WEIGHT = {
    "trnews": 1.0,
    "gwn": 0.6,
    "geovirus": 0.4,
    "stories": 0.3,
    "ner": 0.3,
    "invented": 0.3,
}
REGULARISATION = 0.5
INVENTED = 2500
# Places that many people are named after: a fourth as many again as all towns.
NAMESAKES = [
    "Paris", "London", "Sydney", "Florence", "Milan", "Israel", "Chad", "Jordan", "Georgia",
    "Virginia", "Dakota", "Savannah", "Charlotte", "Austin", "Dallas", "Houston", "Madison",
    "Jackson", "Lincoln", "Washington", "Cleveland", "Brooklyn", "Phoenix", "Denver",
]  # fmt: skip
# log10 of the population of the towns whose names invented people bear.
MIN_TOWN = 4.3


@dataclass(frozen=True, slots=True)
class Example:
    """A document's candidates with hashed features; label -1 where unsure."""

    document: Document
    candidates: list[Candidate]
    hashed: list[list[int]]
    labels: list[int]


def real_documents() -> list[Document]:
    """The toponym sets and the own stories."""
    return [*(d for name in TOPONYMS for d in toponyms(name)), *stories()]


def documents(gazetteer: Gazetteer) -> list[Document]:
    """All development documents."""
    towns = [
        gazetteer.names[row]
        for row in range(len(gazetteer))
        if gazetteer.kind[row] == Kind.CITY
        and gazetteer.countries[gazetteer.country[row]] == "US"
        and gazetteer.prominence[row] > MIN_TOWN
        and " " not in gazetteer.names[row]
    ]
    towns += NAMESAKES * (len(towns) // (4 * len(NAMESAKES)))
    return [*real_documents(), *ner(), *invented(towns, sorted(first_names()), INVENTED)]


def recased(document: Document, number: int) -> list[Document]:
    """The document, and now and then a copy without capitals or all in capitals."""
    copies = [document]
    if document.source in ("ner", "invented"):
        return copies
    for turn, change in ((0, str.lower), (1, str.upper)):
        changed = change(document.text)
        if number % 6 == turn and len(changed) == len(document.text):
            copies.append(
                Document(
                    document.id + change.__name__, "recased", changed, document.gold,
                    document.unsure, group=document.group or document.id,
                )
            )  # fmt: skip
    return copies


def example(finder: Finder, document: Document) -> Example:
    """Candidates of a document with their labels."""
    tokens = tokenise(document.text)
    candidates = finder.candidates(tokens)
    context = Context(tokens, candidates)
    gold = {(g.start, g.end) for g in document.gold}
    labels = []
    for c in candidates:
        if (c.start, c.end) in gold:
            labels.append(1)
        elif any(c.start < e and c.end > s for s, e in document.unsure):
            labels.append(-1)
        elif document.source == "geovirus" and (
            context.run_first[c.first] < c.first or context.run_last[c.last] > c.last
        ):
            labels.append(-1)  # names within names are left out of that set
        else:
            labels.append(0)
    hashed = [
        sorted({bucket(f, BUCKETS) for f in features(context, c, finder.gazetteer)})
        for c in candidates
    ]
    return Example(document, candidates, hashed, labels)


def matrix(hashed: Sequence[Sequence[int]]) -> csr_matrix:
    """Rows of hashed features as a sparse matrix of ones."""
    ends = np.cumsum([0, *(len(row) for row in hashed)])
    columns = np.fromiter((b for row in hashed for b in row), np.int32, ends[-1])
    return csr_matrix((np.ones(len(columns), np.float32), columns, ends), (len(hashed), BUCKETS))


def fit_first(examples: Sequence[Example]) -> LogisticRegression:
    """The hashed regression on all sure candidates."""
    hashed, labels, weights = [], [], []
    for e in examples:
        weight = SET_WEIGHT.get(e.document.source, 0.3)
        for row, label in zip(e.hashed, e.labels, strict=True):
            if label >= 0:
                hashed.append(row)
                labels.append(label)
                weights.append(weight)
    model = LogisticRegression(C=REGULARISATION, max_iter=200)
    model.fit(matrix(hashed), labels, sample_weight=weights)
    return model


def score(model: LogisticRegression, e: Example) -> npt.NDArray[np.float64]:
    """Log-odds of a document's candidates."""
    if not e.hashed:
        return np.zeros(0)
    result: npt.NDArray[np.float64] = model.decision_function(matrix(e.hashed))
    return result


def fit_document(
    examples: Sequence[Example], odds: Sequence[npt.NDArray[np.float64]]
) -> list[float]:
    """The second, tiny regression, on held-out log-odds of the first."""
    rows, labels = [], []
    for e, values in zip(examples, odds, strict=True):
        if e.document.source in ("trnews", "gwn", "stories"):
            for row, label in zip(
                document_features(e.candidates, list(values)), e.labels, strict=True
            ):
                if label >= 0:
                    rows.append(row)
                    labels.append(label)
    model = LogisticRegression(C=10.0, fit_intercept=False).fit(rows, labels)
    return [float(w) for w in model.coef_[0]]


def counts(
    e: Example, odds: npt.NDArray[np.float64], document: list[float], threshold: float
) -> tuple[int, int, int]:
    """Right, found and gold names of a document, exact spans, unsure ones left out."""
    rows = np.array(document_features(e.candidates, list(odds))).reshape(-1, len(document))
    chances = 1 / (1 + np.exp(-(rows @ np.array(document))))
    found = {
        (f.candidate.start, f.candidate.end) for f in choose(e.candidates, list(chances), threshold)
    }
    found = {(s, t) for s, t in found if not any(s < b and t > a for a, b in e.document.unsure)}
    gold = {(g.start, g.end) for g in e.document.gold}
    return len(found & gold), len(found), len(gold)


def report(
    examples: Sequence[Example], odds: Sequence[npt.NDArray[np.float64]], document: list[float]
) -> float:
    """Print held-out scores per set; answers the threshold best on trnews and stories."""
    best = (0.0, 0.5)
    for threshold in (0.3, 0.4, 0.5, 0.6):
        line = []
        for source in ("trnews", "gwn", "geovirus", "stories", "recased", "ner", "invented"):
            right, found, gold = np.sum(
                [
                    counts(e, o, document, threshold)
                    for e, o in zip(examples, odds, strict=True)
                    if e.document.source == source
                ],
                axis=0,
            )
            f1 = 2 * right / max(found + gold, 1)
            line.append(
                f"{source} P {right / max(found, 1):.3f} R {right / max(gold, 1):.3f} F1 {f1:.3f}"
            )
            if source == "trnews":
                best = max(best, (float(f1), threshold))
        print(threshold, " | ".join(line))
    return best[1]


def examples_of(gazetteer: Gazetteer) -> list[Example]:
    """Every document, some also recased, with hashed features: what all folds share."""
    finder = Finder(gazetteer, StateNames())
    return [
        example(finder, copy)
        for number, document in enumerate(documents(gazetteer))
        for copy in recased(document, number)
    ]


def fit_recogniser(examples: Sequence[Example], out: Path, folds: int = FOLDS) -> None:
    """Fit, cross-validate and write the recogniser into `out`."""
    odds: list[npt.NDArray[np.float64]] = [np.zeros(0)] * len(examples)
    fold_of = [e.document.fold(folds) for e in examples]
    for fold in range(folds):
        model = fit_first([e for e, f in zip(examples, fold_of, strict=True) if f != fold])
        for number, e in enumerate(examples):
            if fold_of[number] == fold:
                odds[number] = score(model, e)
    document = fit_document(examples, odds)
    threshold = report(examples, odds, document)
    final = fit_first(examples)
    np.savez_compressed(
        out / "recogniser.npz",
        weights=final.coef_[0].astype(np.float16),
        bias=np.float32(final.intercept_[0]),
        document=np.array(document, np.float32),
        threshold=np.float32(threshold),
    )


def main() -> None:
    """Parse the arguments and fit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", choices=["recogniser", "resolver", "focus", "all"])
    parser.add_argument("--out", type=Path, default=MODELS, help="where the numbers are written")
    arguments = parser.parse_args()
    model, out = arguments.model, arguments.out
    gazetteer = Gazetteer()
    if model in ("recogniser", "all"):
        fit_recogniser(examples_of(gazetteer), out)
    if model in ("resolver", "all"):
        fit_resolver(Locator(gazetteer, models=out), real_documents(), out)
    if model in ("focus", "all"):
        fit_focus(Locator(gazetteer, models=out), all_inputs(gazetteer, FOLDS), out)


if __name__ == "__main__":
    main()
