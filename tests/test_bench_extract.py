"""The measurement of the extractor: on sites that its trees have not seen, and fairly counted."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from bench.extract import compare, held_out_trees
from bench.pages import body_f1, data_hash, page_files
from service.body import Trees, shipped_trees

PAGES = Path(__file__).parent / "pages"
NAMES = ["article", "paywall_soft", "first_of_two", "planted_canonical"]
TEXT = "A sheriff's deputy shocked a man. He was released on Tuesday."


def row(name: str, site: int) -> dict[str, Any]:
    return {
        "id": f"{name}-{site}",
        "url": f"https://www.paper{site}.example/2024/03/14/deputy-taser",
        "html": (PAGES / f"{name}.html").read_text(encoding="utf-8"),
        "html_encoding": "utf8",
        "text": TEXT,
        "title": "Deputy Used Taser on Shopper, Report Says",
        "date": "2024-03-14",
        "authors": "Tom Abara, Rosa Lindqvist",
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files of pages from six sites."""
    for number in range(2):
        rows = [row(name, 3 * number + site) for name in NAMES for site in range(3)]
        data = "\n".join(map(json.dumps, rows)).encode()
        (tmp_path / f"set{number}.jsonl.gz").write_bytes(gzip.compress(data, mtime=0))
    return tmp_path


def test_every_page_has_trees_and_its_site_shares_them(folder: Path) -> None:
    trees = held_out_trees(folder)
    assert len(trees) == 2 * 3 * len(NAMES)
    per_site: dict[str, set[int]] = {}
    for (_, page), fitted in trees.items():
        assert isinstance(fitted, Trees)
        per_site.setdefault(page.rpartition("-")[2], set()).add(id(fitted))
    assert all(len(fitted) == 1 for fitted in per_site.values())
    assert len({next(iter(fitted)) for fitted in per_site.values()}) == 5  # folds


def test_both_are_scored_on_the_same_pages(folder: Path) -> None:
    found = compare(page_files(folder)[0], {("set0", "article-0"): shipped_trees()})
    ours, theirs = found["ours"], found["trafilatura"]
    assert isinstance(ours, dict) and isinstance(theirs, dict)
    assert ours["pages"] == theirs["pages"] == 3 * len(NAMES)
    assert ours["title_exact"] == 0.0  # capitals differ
    assert ours["title_words"] == ours["date_exact"] == ours["authors_exact"] == 1.0
    assert 0 < ours["body_f1"] < 1
    assert ours["errors"] == {}


def test_a_measurement_names_its_data(folder: Path, tmp_path: Path) -> None:
    before = data_hash(folder)
    (folder / "set0.jsonl.gz").write_bytes(gzip.compress(b"{}", mtime=0))
    assert data_hash(folder) != before
    with pytest.raises(FileNotFoundError):
        data_hash(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("gold", "found", "f1"),
    [
        ("a b c d e", "a b c d e", 1.0),
        ("a b c d e", "A, B", 0.0),
        ("a b c d", "a b c d a b c d", 2 / 6),
        ("a b", "a b", 1.0),
        ("a b c d", "", 0.0),
    ],
)
def test_body_f1_counts_runs_of_four_words(gold: str, found: str, f1: float) -> None:
    assert body_f1(gold, found) == pytest.approx(f1)
