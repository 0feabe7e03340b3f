"""How many rows of one corpus and of one event a run may hold."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from training.examples import Example

# Rows of a corpus beyond this are left out: a source of one class teaches the source,
# and short notes teach the register, not the event.
CORPUS = {
    "prosecutor": 1000,
    "prosecutor_ois": 60,
    "us_general2017": 550,
    "wikinews2019": 300,
    "bbc": 200,
    "killings": 700,
    "pb2020": 500,
    "hrf_ranked": 1400,
    "gva": 1600,
    "crime_headlines": 500,
    "philly_complaints": 300,
    "india2002": 250,
}
# The most told event of the development corpora has 89 rows. An event that is told
# still more often (one city's labels after one killing) would teach its names instead
# of what force is, and outweigh all reports of a corpus.
INCIDENT = 120


def capped(examples: Sequence[Example], seed: int) -> list[Example]:
    """At most CORPUS rows of each source."""
    kept: list[Example] = []
    for source, rows in _by([e.source for e in examples], examples).items():
        kept += _cap(rows, CORPUS.get(source, len(rows)), seed)
    return kept


def incidents_capped(examples: Sequence[Example], seed: int) -> list[Example]:
    """At most INCIDENT rows of each group; the order stays."""
    groups = _by([e.group for e in examples], examples)
    kept = {id(e) for rows in groups.values() for e in _cap(rows, INCIDENT, seed)}
    return [e for e in examples if id(e) in kept]


def _by(keys: Sequence[str], examples: Sequence[Example]) -> dict[str, list[Example]]:
    found: dict[str, list[Example]] = defaultdict(list)
    for key, example in zip(keys, examples, strict=True):
        found[key].append(example)
    return found


def _cap(rows: Sequence[Example], cap: int, seed: int) -> list[Example]:
    """`cap` rows, reports and the rest in equal parts where both suffice.

    Each row is drawn by its own number, so rows that come later push few others out.
    """
    if len(rows) <= cap:
        return list(rows)
    drawn = sorted(rows, key=lambda e: _draw(e, seed))
    reports = [row for row in drawn if row.relation == "report"]
    others = [row for row in drawn if row.relation != "report"]
    taken = max(cap - len(others), min(len(reports), cap // 2))
    return reports[:taken] + others[: cap - taken]


def _draw(example: Example, seed: int) -> bytes:
    key = f"{seed}-{example.source}-{example.id}"
    return hashlib.blake2b(key.encode(), digest_size=8).digest()
