"""The floors a model must beat: regular expressions, and tf-idf with logistic regression."""

import re
from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from service.text import sentences
from training.examples import NOT_REPORT, Example
from training.metrics import Floats

_POLICE = re.compile(
    r"\b(police|officers?|cops?|deput(?:y|ies)|troopers?|sheriff|detectives?|agents?|marshals?"
    r"|guards?)\b",
    re.I,
)
_FORCE = re.compile(
    r"\b(shot|shoot\w*|fired|opened fire|killed|kill\w*|tased|taser\w*|stun gun|tear gas"
    r"|pepper.spray\w*|beat\w*|punch\w*|kick\w*|struck|tackl\w*|chok\w*|knel\w*|kneel\w*|baton"
    r"|rubber bullets?|brutality|excessive force|use of force|police-involved"
    r"|officer-involved|slamm\w*|tortur\w*)\b",
    re.I,
)


def regex_scores(examples: Sequence[Example]) -> Floats:
    """Share of the story's first sentences, headline counted twice, that name both."""
    return np.array([_regex_score(example) for example in examples])


def _regex_score(example: Example) -> float:
    spans = sentences(example.text)
    pieces = [example.title or ""] * 2 + [example.text[s.start : s.end] for s in spans]
    hits = [bool(_POLICE.search(piece) and _FORCE.search(piece)) for piece in pieces]
    return min(1.0, sum(hits) / 6) * 0.5 + (sum(hits[:6]) / 6) * 0.5


def tfidf_scores(train: Sequence[Example], test: Sequence[Example]) -> Floats:
    """P(report) of a logistic regression on word 1- and 2-grams of title and text."""
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), min_df=2, sublinear_tf=True, max_features=200_000
    )
    known = [e for e in train if e.relation in ("report", "mention", "none", NOT_REPORT)]
    matrix = vectorizer.fit_transform([_words(e) for e in known])
    model = LogisticRegression(C=10.0, class_weight="balanced", max_iter=1000)
    model.fit(matrix, [e.relation == "report" for e in known])
    scores: Floats = model.predict_proba(vectorizer.transform([_words(e) for e in test]))[:, 1]
    return scores


def _words(example: Example) -> str:
    return f"{example.title or ''}\n{example.text}"
