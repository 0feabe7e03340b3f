"""The rows an artefact is judged on, with what the reports tell them apart by."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.data import read_stories, story_files
from training.examples import Example, read_labels
from training.label_files import read_rows
from training.split import parts


@dataclass(frozen=True)
class Gold:
    """A labelled story; `kind` and `state` are the file's own words, or None."""

    example: Example
    kind: str | None
    state: str | None

    @property
    def is_report(self) -> bool:
        """Whether it is a report; `not_report` counts as none."""
        return self.example.relation == "report"


def read_gold(paths: Sequence[Path]) -> list[Gold]:
    """All rows of label files. Raises LabelError at the first bad row, OSError."""
    return [gold for path in paths for gold in _read(path)]


def held_out() -> list[Gold]:
    """The project's own stories that training neither learns from nor calibrates on."""
    held = {(e.source, e.id) for e in parts(read_stories()).test}
    return [g for g in read_gold(story_files()) if (g.example.source, g.example.id) in held]


def practice(gold: Sequence[Gold]) -> list[Example]:
    """The project's own stories that tell nothing of the gold rows: what a baseline may learn.

    Neither held out, nor a gold row, nor of the group of one.
    """
    own = read_stories()
    ids = {g.example.id for g in gold}
    groups = {g.example.group for g in gold} | {e.group for e in own if e.id in ids}
    known = parts(own)
    return [e for e in known.train + known.calibration if e.id not in ids and e.group not in groups]


def _read(path: Path) -> list[Gold]:
    rows = {str(row.get("id")): row for _, row in read_rows(path)}
    return [
        Gold(e, _word(rows[e.id].get("kind")), _word(rows[e.id].get("state")))
        for e in read_labels(path)
    ]


def _word(value: object) -> str | None:
    return str(value) if value not in (None, "") else None
