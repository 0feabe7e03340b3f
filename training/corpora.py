"""Reads the development corpora (third-party texts, kept outside the repository).

The folder holds `corpora/`, `labels/` and `pages/` as its README describes.
Each reader turns one corpus into Examples; what a corpus does not say stays None.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from service.story import Span
from training.caps import CORPUS, capped
from training.errors import DataError
from training.examples import NOT_REPORT, Example
from training.label_files import read_rows
from training.near_copies import Distinct

Row = Mapping[str, Any]

# 2020PB/police-brutality tags -> force codes of the codebook.
_PB_TAGS = {
    "shove": "soft_hands",
    "push": "soft_hands",
    "grab": "soft_hands",
    "tackle": "hard_hands",
    "punch": "hard_hands",
    "kick": "hard_hands",
    "throw": "hard_hands",
    "strike": "hard_hands",
    "beat": "hard_hands",
    "knee-on-neck": "hard_hands",
    "choke-hold": "hard_hands",
    "baton": "impact",
    "rubber-bullet": "impact",
    "bean-bag": "impact",
    "projectile": "impact",
    "foam-bullet": "impact",
    "tear-gas": "chemical",
    "pepper-spray": "chemical",
    "pepper-ball": "chemical",
    "spray": "chemical",
    "mace": "chemical",
    "gas": "chemical",
    "tear-gas-canister": "chemical",
    "taser": "electric",
    "tase": "electric",
    "shoot": "firearm",
    "live-round": "firearm",
    "vehicle": "vehicle",
    "dog": "dog",
}

_POLICE = re.compile(
    r"\b(polic\w+|officers?|cops?|deput(?:y|ies)|troopers?|sheriff\w*|leos?|leo|pd|swat|agents?"
    r"|marshals?|ois|detectives?|guards?)\b",
    re.I,
)


# The sources of all rows that come from the development corpora.
SOURCES = frozenset({*CORPUS, "news2020", "louisville2020"})

# What stands where a killed person's name is not known: no key of an event.
_NAMELESS = re.compile(r"\b(unknown|withheld|unidentified|unreleased|not released)\b", re.I)


def read_folder(folder: Path, seed: int = 1) -> list[Example]:
    """The development corpora alone, each text once, capped per source."""
    return capped(Distinct().take(read_corpora(folder)), seed)


def read_corpora(folder: Path) -> list[Example]:
    """Every usable row of the development corpora. Raises DataError for a file that is missing."""
    for path in input_files(folder):
        if not path.is_file():
            raise DataError(f"{folder} is no folder of development corpora: no {path.name} there")
    labels = _labels(folder)
    return [*_articles(folder, labels), *_india(folder), *_snippets(folder)]


def input_files(folder: Path) -> list[Path]:
    """The files that read_corpora reads, labels first."""
    return [
        *_label_files(folder),
        folder / "labels" / "evidence.jsonl",
        folder / "corpora" / "articles.jsonl.gz",
        folder / "corpora" / "india_police_events.jsonl.gz",
        folder / "corpora" / "snippets.jsonl.gz",
    ]


def _label_files(folder: Path) -> list[Path]:
    here = Path(__file__).parent / "labels"
    return [folder / "labels" / "articles.jsonl", *sorted(here.glob("*.jsonl"))]


def _labels(folder: Path) -> dict[str, Row]:
    labels: dict[str, dict[str, Any]] = {}
    for path in _label_files(folder):
        for _, row in read_rows(path):
            labels.setdefault(str(row["id"]), dict(row))
    for _, row in read_rows(folder / "labels" / "evidence.jsonl"):
        labels[str(row["id"])]["spans"] = row["evidence"]
    return dict(labels)


def _rows(path: Path) -> Iterator[Row]:
    for _, row in read_rows(path):
        yield row


def _articles(folder: Path, labels: Mapping[str, Row]) -> Iterator[Example]:
    for row in _rows(folder / "corpora" / "articles.jsonl.gz"):
        label = labels.get(row["id"])
        if label is not None:
            yield _labelled(row, label)
        elif row["corpus"] == "prosecutor":
            yield from _prosecutor(row)
        elif row["corpus"] in ("us_general2017", "wikinews2019", "bbc"):
            yield _example(row, row["corpus"], "none")


def _labelled(row: Row, label: Row) -> Example:
    text = row["text"]
    relation = label["relation"]
    evidence: tuple[Span, ...] | None = () if relation == "none" else None
    if label.get("spans"):
        evidence = tuple(Span(start, end) for start, end in label["spans"])
    elif label.get("evidence"):
        found = [(text.find(s), len(s)) for s in label["evidence"]]
        evidence = tuple(Span(at, at + size) for at, size in found if at >= 0) or None
    return Example(
        id=row["id"],
        source=row["corpus"],
        group=str(label.get("incident") or row["id"]),
        title=row.get("title"),
        text=text,
        relation=relation,
        force=tuple(label["force"]) if label.get("force") else None,
        fatal=label.get("fatal"),
        evidence=evidence,
        outlet=row.get("outlet"),
        date=row.get("date"),
    )


def _prosecutor(row: Row) -> Iterator[Example]:
    """Releases on civilians' crimes; notices of officer-involved shootings are reports.

    Custodial-death notices state no force and are left out.
    """
    if not row.get("ois_notice"):
        yield _example(row, "prosecutor", "none")
    elif re.search(r"officer.involved.shooting", row["text"], re.I):
        yield _example(row, "prosecutor_ois", "report")


def _example(row: Row, source: str, relation: str) -> Example:
    incident = str(row.get("incident") or "")
    return Example(
        id=row["id"],
        source=source,
        group=row["id"] if not incident or _NAMELESS.search(incident) else incident,
        title=row.get("title"),
        text=row["text"],
        relation=relation,
        evidence=() if relation == "none" else None,
        outlet=row.get("outlet"),
        date=row.get("date"),
    )


def _india(folder: Path) -> Iterator[Example]:
    """Police events sentence by sentence; headline share decides report against mention.

    The corpus has no such label: a quarter of the sentences, or one of the
    first three, as in the codebook, makes a report.
    """
    for row in _rows(folder / "corpora" / "india_police_events.jsonl.gz"):
        spans, flags, at, parts = [], [], 0, []
        for sentence in row["sentences"]:
            size = len(sentence["text"])
            stated = bool({"FORCE", "KILL"} & set(sentence["labels"]))
            flags.append(stated)
            if stated:
                spans.append(Span(at, at + size))
            parts.append(sentence["text"])
            at += size + 1
        main = any(flags[:4]) or sum(flags) * 4 >= len(flags)
        relation = "report" if spans and main else "mention" if spans else NOT_REPORT
        yield Example(
            id=row["id"],
            source="india2002",
            group=row["id"],
            title=None,
            text="\n".join(parts),
            relation=relation,
            evidence=tuple(spans),
        )


def _snippets(folder: Path) -> Iterator[Example]:
    for row in _rows(folder / "corpora" / "snippets.jsonl.gz"):
        example = _snippet(row)
        if example is not None:
            yield example


def _snippet(row: Row) -> Example | None:
    corpus, text = row["corpus"], row["text"]
    police = _POLICE.search(text) is not None
    match corpus, row.get("label"):
        case (("killings_mpv2016" | "killings_mpv2020" | "killings_deadspin2014"), 1):
            return _example(row, "killings", "report") if police else None
        case "pb2020", 1:
            return _protest(row)
        case "hrf_ranked", 1:
            return _example(row, corpus, "report")
        case "hrf_ranked", 0:
            return _example(row, corpus, NOT_REPORT)
        case "gva", 1:
            shot = police and not row.get("officer_shot") and "suicide" not in text.lower()
            return _example(row, "gva", "report") if shot else None
        case "gva", 0:
            return _example(row, "gva", NOT_REPORT)
        case "crime_headlines", _:
            return None if police else _example(row, corpus, "none")
        case "philly_complaints", _:
            return _complaint(row)
    return None


def _protest(row: Row) -> Example:
    codes = tuple(sorted({_PB_TAGS[tag] for tag in row.get("tags", ()) if tag in _PB_TAGS}))
    example = _example(row, "pb2020", "report")
    return Example(**{**vars(example), "force": codes or None, "fatal": False})


def _complaint(row: Row) -> Example | None:
    """Complaints of physical abuse that say so; the quieter classes state no force."""
    stated = re.search(
        r"physical(?:ly)? abus|struck|punch|push|slam|kick|hit|chok|drag", row["text"]
    )
    if row["classification"] == "PHYSICAL ABUSE":
        return _example(row, "philly_complaints", "report") if stated else None
    if row["classification"] in ("LACK OF SERVICE", "DEPARTMENTAL VIOLATIONS"):
        return None if stated else _example(row, "philly_complaints", "none")
    return None
