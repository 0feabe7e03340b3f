"""The article's body: a classifier over blocks, checked against two other extractors.

Trafilatura's fast mode drafts the body, and boosted trees decide block by block
with the draft as one of their clues. Where the two disagree (about one page in
nine), trafilatura's full mode and readability are asked too, and the candidate
most like the others wins. Both extractors cost as much as all the rest, so they
are not asked about the pages where nothing is in doubt. `training.body_trees` fits the trees;
`bench.extract` measures all of it side by side with trafilatura.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import trafilatura
from lxml import etree
from lxml.html import HtmlElement
from numpy.typing import NDArray
from trafilatura.readability_lxml import Document as Readability

from service.blocks import Block, blocks, parse
from service.body_features import features

TREES = Path(__file__).with_name("body_trees.json")

# Cross-validated on the development pages: flat between 0.4 and 0.5, and 0.8 and 0.9.
IN_BODY = 0.5
AGREED = 0.85
_SHINGLE = 4
_WORD = re.compile(r"\w+")


def find_body(
    root: HtmlElement, page: list[Block], title: str, description: str, trees: "Trees"
) -> str:
    """The article's text, a paragraph per line; empty where the page has none."""
    drafted = draft(root)
    if not page:
        return drafted
    chances = trees.probability(features(page, drafted, title, description))
    chosen = "\n".join(
        block.text for block, chance in zip(page, chances, strict=True) if chance >= IN_BODY
    )
    if similarity(chosen, drafted) >= AGREED:
        return chosen
    return medoid([chosen, thorough(root), readable(root)])


def draft(root: HtmlElement) -> str:
    """The body as trafilatura reads it without asking other extractors."""
    return trafilatura.extract(root, fast=True, include_comments=False) or ""


def thorough(root: HtmlElement) -> str:
    """The body as trafilatura reads it at its best."""
    return trafilatura.extract(root, include_comments=False) or ""


def readable(root: HtmlElement) -> str:
    """The body as readability finds it: the element richest in running text."""
    # Readability takes the tree it is given apart.
    copy = parse(etree.tostring(root, encoding="unicode", method="html"))
    try:
        found = parse(Readability(copy, min_text_length=25).summary()) if copy is not None else None
    except (ValueError, TypeError, AttributeError, etree.LxmlError):
        return ""  # it stumbles over some broken pages; the vote goes on without it
    return "\n".join(block.text for block in blocks(found)) if found is not None else ""


def medoid(candidates: list[str]) -> str:
    """The candidate most like the others; the longest where none is like another."""
    likeness = [
        sum(similarity(one, other) for other in candidates if other is not one)
        for one in candidates
    ]
    if not any(likeness):
        return max(candidates, key=len)
    return candidates[likeness.index(max(likeness))]


def similarity(one: str, other: str) -> float:
    """F1 of the shared 4-word shingles, 0 to 1."""
    mine, theirs = shingles(one), shingles(other)
    shared = (mine & theirs).total()
    return 2 * shared / (mine.total() + theirs.total()) if shared else 0.0


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """All runs of four words, with how often each occurs."""
    words = _WORD.findall(text)
    return Counter(zip(*(words[start:] for start in range(_SHINGLE)), strict=False))


@dataclass(frozen=True, slots=True)
class Trees:
    """Boosted decision trees as (tree, node) arrays; a leaf points at itself."""

    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float32]
    bias: float
    depth: int

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Trees":
        """From the arrays that `training.body_trees` exports."""
        return cls(
            np.array(stored["feature"], np.int32),
            np.array(stored["threshold"], np.float32),
            np.array(stored["left"], np.int32),
            np.array(stored["right"], np.int32),
            np.array(stored["value"], np.float32),
            stored["bias"],
            stored["depth"],
        )

    def probability(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """P(block belongs to the body) per row."""
        trees, size = self.feature.shape
        root = np.arange(trees, dtype=np.int32) * size  # nodes of all trees in one row
        row = np.arange(len(rows), dtype=np.int32)[:, None] * rows.shape[1]
        node = np.broadcast_to(root, (len(rows), trees))
        for _ in range(self.depth):
            below = rows.take(row + self.feature.take(node)) <= self.threshold.take(node)
            node = root + np.where(below, self.left.take(node), self.right.take(node))
        score = self.value.take(node).sum(axis=1) + self.bias
        return np.asarray(1 / (1 + np.exp(-score)), np.float32)


@cache
def shipped_trees() -> Trees:
    """The trees that came with the service."""
    return Trees.of(json.loads(TREES.read_text()))
