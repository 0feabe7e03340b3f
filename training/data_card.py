"""What a collection of training data holds, and what was left out of it and why."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from training.examples import Example

_LARGEST = 10
_SHOWN = 10


@dataclass(frozen=True)
class InputFile:
    """One file that was read: its name without folders, and what it said."""

    name: str
    sha256: str


@dataclass(frozen=True)
class SourceRows:
    """Rows of one source: read, left out for three reasons, and kept by relation."""

    source: str
    read: int
    copies: int
    over_corpus_cap: int
    over_incident_cap: int
    report: int
    mention: int
    none: int
    not_report: int

    @property
    def kept(self) -> int:
        """Rows that remain."""
        return self.report + self.mention + self.none + self.not_report


@dataclass(frozen=True)
class Group:
    """Stories of one event or text."""

    name: str
    rows: int
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Contradiction:
    """Two rows of the same title and text with labels that cannot both be right."""

    kept: str
    kept_relation: str
    dropped: str
    dropped_relation: str


@dataclass(frozen=True)
class Card:
    """A collection in figures. `joined` groups went into others as (near) copies of them."""

    seed: int
    data_hash: str
    rows: int
    groups: int
    joined: int
    files: tuple[InputFile, ...]
    sources: tuple[SourceRows, ...]
    largest: tuple[Group, ...]
    contradictions: tuple[Contradiction, ...]


def data_hash(examples: Sequence[Example]) -> str:
    """A hash that changes with any text or label of the data."""
    digest = hashlib.sha256()
    for example in sorted(examples, key=lambda e: (e.source, e.id)):
        digest.update(json.dumps([example.id, example.text, example.relation]).encode())
    return digest.hexdigest()


def counts(examples: Sequence[Example]) -> dict[str, dict[str, int]]:
    """Stories per source and relation."""
    found: dict[str, dict[str, int]] = {}
    for example in sorted(examples, key=lambda e: e.source):
        row = found.setdefault(example.source, {})
        row[example.relation] = row.get(example.relation, 0) + 1
    return found


def input_file(path: Path) -> InputFile:
    """The file's name and sha256. Raises OSError."""
    return InputFile(path.name, hashlib.sha256(path.read_bytes()).hexdigest())


def source_rows(
    read: Sequence[Example],
    distinct: Sequence[Example],
    capped: Sequence[Example],
    kept: Sequence[Example],
) -> tuple[SourceRows, ...]:
    """What each step left of each source."""
    steps = [Counter(e.source for e in rows) for rows in (read, distinct, capped, kept)]
    relations = counts(kept)
    found = []
    for source in sorted(steps[0]):
        left = [step[source] for step in steps]
        lost = [before - after for before, after in pairwise(left)]
        by = relations.get(source, {})
        names = ("report", "mention", "none", "not_report")
        found.append(SourceRows(source, left[0], *lost, *(by.get(name, 0) for name in names)))
    return tuple(found)


def largest_groups(examples: Sequence[Example]) -> tuple[Group, ...]:
    """The groups with the most rows, largest first."""
    sizes = Counter(e.group for e in examples).most_common(_LARGEST)
    sources: dict[str, set[str]] = {name: set() for name, _ in sizes}
    for example in examples:
        if example.group in sources:
            sources[example.group].add(example.source)
    return tuple(Group(name, rows, tuple(sorted(sources[name]))) for name, rows in sizes)


def table(card: Card) -> str:
    """The card as aligned text."""
    names = ("read", "copies", "corpus", "incident", "report", "mention", "none", "not rep.")
    lines = [f"{'':16}{'':9}    ---- left out -----    ---------- kept -----------"]
    lines.append(f"{'source':16}" + "".join(f"{name:>9}" for name in names))
    rows = [tuple(vars(s).values())[1:] for s in card.sources]
    for name, row in [
        *((s.source, row) for s, row in zip(card.sources, rows, strict=True)),
        ("all", tuple(map(sum, zip(*rows, strict=True)))),
    ]:
        lines.append(f"{name:16}" + "".join(f"{number:9}" for number in row))
    lines.append(f"\n{card.rows} rows in {card.groups} groups; {card.joined} joined as copies")
    lines.append("largest groups:")
    lines += [f"  {g.rows:4} {g.name} ({', '.join(g.sources)})" for g in card.largest]
    lines.append(f"{len(card.contradictions)} copies with contradicting labels")
    for c in card.contradictions[:_SHOWN]:
        lines.append(f"  {c.kept} {c.kept_relation}, not {c.dropped} {c.dropped_relation}")
    lines += [f"sha256 {file.sha256} {file.name}" for file in card.files]
    return "\n".join([*lines, f"data hash {card.data_hash}"])
