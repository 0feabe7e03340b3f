"""The promotion gate: a new model ships only if no pinned floor falls by more than its noise.

    python -m training.gate check --model runs/mine/serving    table; exit 2 if a floor fell
    python -m training.gate promote runs/mine                  check, then replace model/
    python -m training.gate pin [--lower REASON]               pin what model/ reaches now

Floors are measured on the project's own stories that training holds out for
tests, and stand in tests/floors.json beside a hash of those rows. `pin` raises
floors freely and lowers one only for a reason, which it records.
"""

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from service.artefact import load_config
from service.cpus import available_cpus
from service.model import Model
from training.data import read_stories
from training.evaluation import evidence_hits, force_f1
from training.examples import Example
from training.metrics import Figures, figures
from training.predict import answers, report_probabilities
from training.split import parts

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "model"
FLOORS = ROOT / "tests" / "floors.json"
# The parts of an `--out` folder that make up a model.
PARTS = ("serving", "checkpoint")
# What the project's own stories test; a letter is a file of training/stories or training/checks.
SETS = {
    "breaking, courts and city hall": "ABGKP",
    "crime and other news": "CEHNQU",
    "protest and national news": "DS",
    "who did what": "FJMRT",
    "bare headlines": "VW",
}
# A figure on few rows moves by chance: by one standard error, and by no less than one report of
# the set counts, nor than this. (A perfect figure has no bootstrap error at all.)
LEAST_NOISE = 0.01
FORCE_NOISE = 0.03
# A 95 % interval is as wide as this many standard errors.
INTERVAL_ERRORS = 3.92


def set_of(example: Example) -> str:
    """The set of an own story; for any other, its source."""
    return next(
        (name for name, letters in SETS.items() if example.source in letters), example.source
    )


@dataclass(frozen=True)
class Floor:
    """`figure` of `set` must not fall below `floor - noise`."""

    set: str
    figure: str
    floor: float
    noise: float


@dataclass(frozen=True)
class Check:
    """A floor and what a model reaches."""

    floor: Floor
    value: float

    @property
    def holds(self) -> bool:
        """Whether the value is no more than noise below the floor."""
        return self.value >= self.floor.floor - self.floor.noise


@dataclass(frozen=True)
class Gold:
    """The rows on which floors are measured and the hash of all that is judged of them."""

    examples: list[Example]
    sha256: str


class GateError(Exception):
    """The gate cannot judge: gold rows changed, or a floor would be lowered without a reason."""


def gold() -> Gold:
    """The project's own stories of the test part."""
    rows = sorted(parts(read_stories()).test, key=lambda e: (e.source, e.id))
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps([row.id, row.title, row.text, row.relation, row.force]).encode())
    return Gold(rows, digest.hexdigest())


def measure(model: Model, rows: Sequence[Example]) -> list[Floor]:
    """Every gated figure of a model with its noise, as floors to pin. All: higher is better."""
    found = answers(model, rows)
    thresholds = model.config.thresholds
    truth = np.array([row.relation == "report" for row in rows])
    p = report_probabilities(found)
    floors = _floors("all", figures(truth, p, thresholds.report))
    for name in SETS:
        chosen = np.array([set_of(row) == name for row in rows])
        floors += _floors(name, figures(truth[chosen], p[chosen], thresholds.report))
    hits, reports = evidence_hits(rows, found)
    share = hits / reports
    return [
        *floors,
        _floor("all", "evidence", share, (share * (1 - share) / reports) ** 0.5),
        _floor("all", "force F1", force_f1(rows, found, thresholds.force), FORCE_NOISE),
    ]


def _floors(name: str, found: Figures) -> list[Floor]:
    """The figures of one set; noise is the standard error that its bootstrap interval implies."""
    values = {
        "F1": (found.f1, found.f1_interval),
        "AP": (found.ap, found.ap_interval),
        "precision": (found.precision, found.precision_interval),
        "recall": (found.recall, found.recall_interval),
        "1 - ECE": (1 - found.ece, found.ece_interval),
    }
    one_report = 1 / found.positives
    return [
        _floor(name, figure, value, max((interval[1] - interval[0]) / INTERVAL_ERRORS, one_report))
        for figure, (value, interval) in values.items()
        if value is not None and interval is not None
    ]


def _floor(name: str, figure: str, value: float, error: float) -> Floor:
    return Floor(name, figure, round(value, 4), max(round(error, 4), LEAST_NOISE))


def read_floors(path: Path, rows: Gold) -> list[Floor]:
    """The pinned floors. Raises GateError if they were measured on other rows."""
    record = json.loads(path.read_text())
    if record["gold"]["sha256"] != rows.sha256:
        raise GateError(
            f"{path.name} was pinned on other stories than training/stories holds out now; "
            "run python -m training.gate pin"
        )
    return [Floor(**floor) for floor in record["floors"]]


def check(model: Model, rows: Gold, floors: Sequence[Floor]) -> list[Check]:
    """Each floor beside what `model` reaches."""
    reached = {(f.set, f.figure): f.floor for f in measure(model, rows.examples)}
    return [Check(floor, reached[floor.set, floor.figure]) for floor in floors]


def table(checks: Sequence[Check]) -> str:
    """The checks as aligned text; what fell is marked."""
    lines = [f"{'set':32} {'figure':10} {'floor':>6} {'noise':>6} {'now':>6}"]
    for c in checks:
        f = c.floor
        mark = "" if c.holds else "  FELL"
        lines.append(f"{f.set:32} {f.figure:10} {f.floor:6.3f} {f.noise:6.3f} {c.value:6.3f}{mark}")
    return "\n".join(lines)


def promote(source: Path, target: Path = MODEL, floors: Path = FLOORS) -> bool:
    """Replace `target` by the model of `source` if every floor holds; prints the table.

    Raises GateError, ArtefactError. An interruption leaves either the old model
    or the new one under each name, never a mixture of files.
    """
    rows = gold()
    model = Model.load(source / "serving", available_cpus())
    checks = check(model, rows, read_floors(floors, rows))
    print(table(checks))
    fallen = [c for c in checks if not c.holds]
    if fallen:
        print(f"not promoted: {len(fallen)} of {len(checks)} floors fell")
        return False
    for part in PARTS:
        _swap(source / part, target / part)
    print(f"promoted to {target}; `make docs` puts its figures into README and model card")
    return True


def _swap(source: Path, target: Path) -> None:
    fresh, old = target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(source, fresh)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def pin(model: Path, path: Path, reason: str | None) -> list[Floor]:
    """Pin what the model reaches. Raises GateError if it lowers a floor without a reason."""
    rows = gold()
    reached = measure(Model.load(model, available_cpus()), rows.examples)
    record = json.loads(path.read_text()) if path.is_file() else {"floors": [], "lowered": []}
    before = {(f["set"], f["figure"]): f["floor"] for f in record["floors"]}
    lower = [f for f in reached if f.floor < before.get((f.set, f.figure), 0.0)]
    now = datetime.now(UTC).date().isoformat()
    if lower and reason is None:
        names = ", ".join(f"{f.set} {f.figure}" for f in lower)
        raise GateError(f"this would lower {names}; say why with --lower REASON")
    lowered = [
        {"date": now, "reason": reason, **asdict(replace(f, floor=before[f.set, f.figure]))}
        for f in lower
    ]
    written = {
        "gold": {
            "rows": len(rows.examples),
            "reports": sum(e.relation == "report" for e in rows.examples),
            "sha256": rows.sha256,
        },
        "pinned": {"model": load_config(model).version, "date": now},
        "floors": [asdict(f) for f in reached],
        "lowered": [*record["lowered"], *lowered],
    }
    path.write_text(json.dumps(written, indent=1) + "\n")
    return reached


def main() -> int:
    """Check, promote or pin."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check", help="print the table; exit 2 if a floor fell")
    checking.add_argument("--model", type=Path, default=MODEL / "serving", help="artefact folder")
    promoting = commands.add_parser("promote", help="replace model/ if every floor holds")
    promoting.add_argument("run", type=Path, help="the --out folder of a training run")
    pinning = commands.add_parser("pin", help="pin what model/serving reaches")
    pinning.add_argument("--lower", metavar="REASON", help="lower floors, too, and record why")
    arguments = parser.parse_args()
    try:
        match arguments.command:
            case "check":
                rows = gold()
                model = Model.load(arguments.model, available_cpus())
                checks = check(model, rows, read_floors(FLOORS, rows))
                print(table(checks))
                return 0 if all(c.holds for c in checks) else 2
            case "promote":
                return 0 if promote(arguments.run) else 2
            case _:
                pin(MODEL / "serving", FLOORS, arguments.lower)
                return 0
    except GateError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
