"""Fits the trees that tell an article's body from the rest of its page.

    python -m training.body_trees PAGES_DIR

PAGES_DIR holds `*.jsonl.gz` of rows `{id, url, html, html_encoding, text}`, `text`
being the body. Fits on all pages and writes `service/body_trees.json` (numbers only).
How good such trees are on sites they have not seen: `python -m bench.extract --held-out`.
"""

import argparse
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold

from bench.pages import page_bytes, page_files, read_pages, set_name
from service import encoding
from service.blocks import blocks, parse
from service.body import TREES, Trees, draft
from service.body_features import features
from service.page_head import read_head

ROUNDS = 100
FOLDS = 5
DEPTH = 6


@dataclass(frozen=True)
class LabelledPage:
    """One page's blocks as rows [B, F], with targets [B] and weights [B]."""

    corpus: str
    name: str
    site: str
    rows: NDArray[np.float32]
    in_body: NDArray[np.bool_]
    weights: NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", type=Path, help="folder of *.jsonl.gz with gold bodies")
    pages = list(label_pages(parser.parse_args().pages))
    TREES.write_text(json.dumps(export(fit(pages))) + "\n")
    print(f"wrote {TREES}, fitted on {len(pages)} pages")


def label_pages(folder: Path) -> Iterator[LabelledPage]:
    """All pages that have any text."""
    for path in page_files(folder):
        for row in read_pages(path):
            page = label(row, set_name(path))
            if page is not None:
                yield page


def label(row: dict[str, Any], corpus: str) -> LabelledPage | None:
    """A page's blocks, each labelled by whether the gold body has it."""
    root = parse(encoding.decode(page_bytes(row)))
    found = blocks(root) if root is not None else []
    if not found:
        return None
    head = read_head(root)
    in_body = np.array([_coverage(block.text, row["text"]) >= 0.5 for block in found], bool)
    words = np.array([block.words for block in found], float)
    # F1 counts words, each page alike, but a long block is still one decision.
    weights = np.minimum(words + 2, 60) / (words[in_body].sum() + 100) ** 0.75
    host = urlsplit(row["url"]).hostname or ""
    return LabelledPage(
        corpus,
        row["id"],
        ".".join(host.split(".")[-2:]),
        features(found, draft(root), head.first("og:title") or head.title, head.description),
        in_body,
        weights,
    )


def _coverage(text: str, gold: str) -> float:
    """Share of a block that stands in the gold body, by 4-word shingles; short ones whole."""
    words, body = _spaced(text), _spaced(gold)
    if words.strip() and words in body:
        return 1.0
    parts = words.split()
    if len(parts) < 6:
        return 0.0
    shingles = [" ".join(parts[i : i + 4]) for i in range(len(parts) - 3)]
    return sum(f" {shingle} " in body for shingle in shingles) / len(shingles)


def _spaced(text: str) -> str:
    return " " + " ".join(re.findall(r"\w+", text.lower())) + " "


def fit(pages: list[LabelledPage]) -> HistGradientBoostingClassifier:
    model = HistGradientBoostingClassifier(
        max_iter=ROUNDS,
        learning_rate=0.1,
        max_leaf_nodes=16,
        max_depth=DEPTH,
        min_samples_leaf=30,
        l2_regularization=5.0,
        max_features=0.3,
        early_stopping=False,
        random_state=0,
    )
    weights = np.concatenate([page.weights for page in pages])
    return model.fit(
        np.concatenate([page.rows for page in pages]),
        np.concatenate([page.in_body for page in pages]),
        sample_weight=weights / weights.mean(),
    )


def folds(pages: list[LabelledPage]) -> Iterator[tuple[Trees, list[LabelledPage]]]:
    """For each fifth of the sites: trees fitted on all other sites, and its pages."""
    sites = [page.site for page in pages]
    for seen, unseen in GroupKFold(FOLDS).split(pages, groups=sites):
        model = fit([pages[i] for i in seen])
        yield Trees.of(export(model)), [pages[i] for i in unseen]


def export(model: HistGradientBoostingClassifier) -> dict[str, Any]:
    """The trees as rows of equal length; a leaf points at itself on both sides."""
    trees = [stage[0].nodes for stage in model._predictors]
    size = max(map(len, trees))
    columns: dict[str, list[list[float]]] = {
        name: [] for name in ("feature", "threshold", "left", "right", "value")
    }
    for nodes in trees:
        leaf = nodes["is_leaf"].astype(bool)
        index = np.arange(len(nodes))
        arrays = {
            "feature": np.where(leaf, 0, nodes["feature_idx"]),
            "threshold": np.where(leaf, 0, nodes["num_threshold"]),
            "left": np.where(leaf, index, nodes["left"]),
            "right": np.where(leaf, index, nodes["right"]),
            "value": np.where(leaf, nodes["value"], 0),
        }
        for name, array in arrays.items():
            padded = np.pad(array.astype(float), (0, size - len(nodes)))
            columns[name].append([float(f"{x:.7g}") for x in padded])
    for name in ("feature", "left", "right"):
        columns[name] = [[int(x) for x in row] for row in columns[name]]
    bias = float(np.ravel(model._baseline_prediction)[0])
    return {**columns, "bias": bias, "depth": DEPTH}


if __name__ == "__main__":
    main()
