"""Compare ways to recognise place names: `python -m training.place_head [--data ../shared]`.

Three on the same held-out documents: (a) the gazetteer and context recogniser, (b) a linear
head on the shipped encoder's frozen states with case features, (c) the recogniser with the
head's log-odds as one more feature of its second stage. All are refitted in each fold on the
same documents. Prints exact-span F1 per set; writes nothing. A few minutes on one core.
"""

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer
from torch.nn import functional

from service.places.candidates import Finder, StateNames
from service.places.gazetteer import Gazetteer
from service.places.recogniser import Context, PlaceTags, choose, document_features
from service.places.tokens import Tokens, tokenise
from service.text import cut, normalise
from training import places_data
from training.features import window_config
from training.network import StoryClassifier
from training.places import FOLDS, SET_WEIGHT, Example, example, fit_first, recased, score

CHECKPOINT = Path(__file__).resolve().parents[1] / "model" / "checkpoint"
DEMONYM_LIKE = {"oman", "sudan", "afghanistan", "iran", "japan", "pakistan", "jordan", "lebanon"}
SHAPES = ("lower", "capital", "upper", "digit", "mark", "edge")
WINDOWS_AT_ONCE = 16
OUTSIDE, BEGIN, INSIDE = range(3)
# The head has one linear map for each: a small word, a capitalised one, a text without case.
MAPS = 3
EPOCHS = 8
BATCH = 2048
# Half: all three methods are compared at the same, untuned threshold.
THRESHOLD = 0.5

Floats = npt.NDArray[np.float32]
Spans = set[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one document as the head sees them, N of them.

    `states` [N, 384]; `case` [N, C] zeros and ones; `group` [N] which of the MAPS applies;
    `labels` [N] OUTSIDE, BEGIN or INSIDE, -1 where unsure.
    """

    tokens: Tokens
    states: Floats
    case: Floats
    group: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Row:
    """One document of one fold, for the recogniser (`example`) and for the head (`words`)."""

    fold: int
    example: Example
    words: Words


class Encoder:
    """The shipped encoder, frozen."""

    def __init__(self) -> None:
        self.model = StoryClassifier.from_pretrained(CHECKPOINT).float().eval().distilbert
        self.tokenizer = Tokenizer.from_file(str(CHECKPOINT / "tokenizer.json"))
        self.spec = window_config(self.tokenizer).spec

    def word_states(self, document: places_data.Document, tokens: Tokens) -> Floats:
        """[N, 384]: for each word the mean state of the word pieces that touch it."""
        cutting = cut(document.title, document.text, self.tokenizer, self.spec)
        states = self._states([window.ids for window in cutting.windows])
        plain = normalise(document.text)
        offsets = [
            self.tokenizer.encode(plain[s.start : s.end], add_special_tokens=False).offsets
            for s in cutting.spans
        ]
        used = [0] * len(offsets)
        letters = np.full(len(plain), -1, np.int64)  # the piece that each character belongs to
        pieces: list[Floats] = []
        for window, state in zip(cutting.windows, states, strict=True):
            for piece in window.pieces:
                base = cutting.spans[piece.sentence].start
                for at in range(piece.start, piece.end):
                    start, end = offsets[piece.sentence][used[piece.sentence]]
                    used[piece.sentence] += 1
                    letters[base + start : base + end] = len(pieces)
                    pieces.append(state[at])
        return _means(np.stack(pieces), letters, tokens)

    def _states(self, windows: Sequence[Sequence[int]]) -> list[Floats]:
        found: list[Floats] = []
        for at in range(0, len(windows), WINDOWS_AT_ONCE):
            batch = [torch.tensor(ids) for ids in windows[at : at + WINDOWS_AT_ONCE]]
            ids = torch.nn.utils.rnn.pad_sequence(batch, batch_first=True)
            mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(b) for b in batch], True)
            with torch.inference_mode():
                found.extend(self.model(ids, attention_mask=mask).last_hidden_state.numpy())
        return found


def _means(pieces: Floats, letters: npt.NDArray[np.int64], tokens: Tokens) -> Floats:
    rows = np.zeros((len(tokens), pieces.shape[1]), np.float32)
    for number, (start, end) in enumerate(zip(tokens.starts, tokens.ends, strict=True)):
        touching = np.unique(letters[start:end])
        touching = touching[touching >= 0]
        if len(touching):
            rows[number] = pieces[touching].mean(0)
    return rows


def words(document: places_data.Document, states: Floats) -> Words:
    """A document's words with case features and labels."""
    tokens = tokenise(document.text)
    context = Context(tokens, [])
    case, group = [], []
    for at in range(Context.PAD, Context.PAD + len(tokens)):
        near = context.shapes[at - 1 : at + 2]
        row = [float(shape == s) for shape in near for s in SHAPES]
        row += [float(context.line_after[at - 1]), float(context.line_after[at])]
        case.append([*row, *(float(tokens.case == c) for c in ("mixed", "lower", "upper"))])
        group.append(2 if tokens.case != "mixed" else int(near[1] in ("capital", "upper")))
    labels = np.zeros(len(tokens), np.int64)
    starts, ends = np.array(tokens.starts), np.array(tokens.ends)
    for start, end in document.unsure:
        labels[(starts < end) & (ends > start)] = -1
    for gold in document.gold:
        inside = np.flatnonzero((starts < gold.end) & (ends > gold.start))
        labels[inside] = INSIDE
        labels[inside[:1]] = BEGIN
    return Words(tokens, states, np.array(case, np.float32), np.array(group), labels)


class Head(torch.nn.Module):
    """Logits [N, 3] of OUTSIDE, BEGIN and INSIDE from states and case features."""

    def __init__(self, width: int, case: int) -> None:
        super().__init__()
        self.maps = torch.nn.Linear(width, MAPS * 3)
        self.case = torch.nn.Linear(case, 3)

    def forward(
        self, states: torch.Tensor, case: torch.Tensor, group: torch.Tensor
    ) -> torch.Tensor:
        every = self.maps(states).view(-1, MAPS, 3)
        chosen: torch.Tensor = every[torch.arange(len(group)), group] + self.case(case)
        return chosen


def fit_head(rows: Sequence[Row]) -> Head:
    """Logistic regression on all sure words, weighted by set as the recogniser's."""
    torch.manual_seed(5)
    states = torch.from_numpy(np.concatenate([r.words.states for r in rows]))
    case = torch.from_numpy(np.concatenate([r.words.case for r in rows]))
    group = torch.from_numpy(np.concatenate([r.words.group for r in rows]))
    labels = torch.from_numpy(np.concatenate([r.words.labels for r in rows]))
    sources = [SET_WEIGHT.get(r.example.document.source, 0.3) for r in rows]
    weight = torch.tensor(np.repeat(sources, [len(r.words.labels) for r in rows])).float()
    sure = (labels >= 0).nonzero().squeeze(1)
    head = Head(states.shape[1], case.shape[1])
    steps = EPOCHS * (len(sure) // BATCH + 1)
    optimiser = torch.optim.AdamW(head.parameters(), lr=5e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.02, steps)
    for _ in range(EPOCHS):
        for b in torch.split(sure[torch.randperm(len(sure))], BATCH):
            loss = functional.cross_entropy(
                head(states[b], case[b], group[b]), labels[b], reduction="none"
            )
            optimiser.zero_grad()
            (loss * weight[b]).mean().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    return head


def head_chances(head: Head, found: Words) -> Floats:
    """Probabilities [N, 3] of a document's words."""
    with torch.inference_mode():
        logits = head(
            torch.from_numpy(found.states),
            torch.from_numpy(found.case),
            torch.from_numpy(found.group),
        )
        result: Floats = logits.softmax(-1).numpy()
    return result


def head_spans(found: Words, chances: Floats) -> Spans:
    """(b): runs of words more likely inside a name than not.

    Cutting a run where BEGIN beats INSIDE halves "St. Louis" and "Cook County" more often
    than it parts two names.
    """
    spans: Spans = set()
    start: int | None = None
    end = 0
    for number, row in enumerate(chances):
        if 1 - row[OUTSIDE] >= THRESHOLD:
            start = found.tokens.starts[number] if start is None else start
            end = found.tokens.ends[number]
        elif start is not None:
            spans.add((start, end))
            start = None
    if start is not None:
        spans.add((start, end))
    return spans


def second_stage(
    row: Row, odds: npt.NDArray[np.float64], tags: PlaceTags | None
) -> npt.NDArray[np.float64]:
    """The second stage's features of a document's candidates; with `tags` one more."""
    own = document_features(row.example.candidates, list(odds))
    if tags is None:
        return np.array(own).reshape(-1, 5)
    logits = [tags.logit(c.start, c.end) for c in row.example.candidates]
    joined = [(*o, t) for o, t in zip(own, logits, strict=True)]
    return np.array(joined).reshape(-1, 6)


def candidate_spans(
    rows: Sequence[Row], features: Sequence[npt.NDArray[np.float64]]
) -> list[Spans]:
    """(a) and (c): the second stage fitted on the other folds, then the best candidates."""
    spans: list[Spans] = [set() for _ in rows]
    for fold in range(FOLDS):
        taught = [n for n, r in enumerate(rows) if r.fold != fold]
        labels = np.concatenate([rows[n].example.labels for n in taught])
        inputs = np.concatenate([features[n] for n in taught])
        model = LogisticRegression(C=10.0, fit_intercept=False)
        model.fit(inputs[labels >= 0], labels[labels >= 0])
        for n, row in enumerate(rows):
            if row.fold == fold and len(features[n]):
                chances = model.predict_proba(features[n])[:, 1]
                chosen = choose(row.example.candidates, list(chances), THRESHOLD)
                spans[n] = {(f.candidate.start, f.candidate.end) for f in chosen}
    return spans


def f1(rows: Sequence[Row], spans: Sequence[Spans], source: str) -> float:
    """Exact-span F1 over a set's documents, unsure spans counting neither way."""
    right = total = 0
    for row, found in zip(rows, spans, strict=True):
        document = row.example.document
        if document.source == source:
            gold = {(g.start, g.end) for g in document.gold}
            kept = {
                (s, e) for s, e in found if not any(s < b and e > a for a, b in document.unsure)
            }
            right += len(kept & gold)
            total += len(kept) + len(gold)
    return 2 * right / max(total, 1)


def load(stories: int) -> list[Row]:
    """The toponym sets and `stories` stories, with recased copies in their original's fold.

    Copies share the original's states: the encoder is uncased, though without capitals the
    service would cut windows elsewhere.
    """
    finder, encoder = Finder(Gazetteer(), StateNames()), Encoder()
    base = [
        d
        for name in ("trnews", "gwn", "geovirus")
        for d in places_data.toponyms(name, DEMONYM_LIKE)
    ]
    own = list(places_data.stories())
    base += random.Random(5).sample(own, min(stories, len(own)))
    rows = []
    for number, document in enumerate(base):
        states = encoder.word_states(document, tokenise(document.text))
        for copy in recased(document, number):
            if len(tokenise(copy.text)) == len(states):
                rows.append(Row(number % FOLDS, example(finder, copy), words(copy, states)))
    return rows


def compare(rows: Sequence[Row]) -> None:
    """Fit all three in each fold and print their F1 on what was held out."""
    odds: list[npt.NDArray[np.float64]] = [np.zeros(0)] * len(rows)
    chances: list[Floats] = [np.zeros((0, 3), np.float32)] * len(rows)
    for fold in range(FOLDS):
        taught = [r for r in rows if r.fold != fold]
        first, head = fit_first([r.example for r in taught]), fit_head(taught)
        for n, row in enumerate(rows):
            if row.fold == fold:
                odds[n] = score(first, row.example)
                chances[n] = head_chances(head, row.words)
    tags = [
        PlaceTags(r.words.tokens.starts, r.words.tokens.ends, [float(1 - c[OUTSIDE]) for c in p])
        for r, p in zip(rows, chances, strict=True)
    ]
    alone = [second_stage(r, o, None) for r, o in zip(rows, odds, strict=True)]
    both = [second_stage(r, o, t) for r, o, t in zip(rows, odds, tags, strict=True)]
    results = [
        candidate_spans(rows, alone),
        [head_spans(r.words, p) for r, p in zip(rows, chances, strict=True)],
        candidate_spans(rows, both),
    ]
    print("| set | documents | names | a | b | c |\n|---|---|---|---|---|---|")
    for source in ("trnews", "gwn", "geovirus", "stories", "recased"):
        of = [r.example.document for r in rows if r.example.document.source == source]
        scores = " | ".join(f"{f1(rows, spans, source):.3f}" for spans in results)
        print(f"| {source} | {len(of)} | {sum(len(d.gold) for d in of)} | {scores} |")


def main() -> None:
    """Parse the arguments, encode and compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=places_data.DATA, help="development data")
    parser.add_argument("--stories", type=int, default=400, help="how many stories to take")
    arguments = parser.parse_args()
    places_data.DATA = arguments.data
    compare(load(arguments.stories))


if __name__ == "__main__":
    main()
