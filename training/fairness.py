"""Fairness audit: does an answer move when only names, race, gender or place change?

    python -m training.fairness --model model/serving
    python -m training.fairness --model model/serving --gold articles.jsonl --out runs/fairness

Each story is compared with copies that differ in one thing (training.swap_pairs);
what it reports stays, so P(report) should. Targets: mean |Δp| <= .02 and at most
1 % of the labels flipped, per swap. Without `--gold`: a sample of the project's own
stories, and apart from it all those held out of training. Prints Markdown tables;
`--out` gets them as fairness.md, and everything, with the stories that moved most,
as fairness.json. A measurement, so the exit status is 0, but 1 with `--strict` where
a swap misses its target, and 2 for input that cannot be read.
"""

import argparse
import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from service.cpus import available_cpus
from service.errors import ArtefactError
from service.model import Model
from service.places import Locator
from training.data import story_files
from training.examples import Example, LabelError
from training.gold import Gold, held_out, read_gold
from training.metrics import Floats
from training.predict import answers, report_probabilities
from training.story_places import Setting, setting_of, states
from training.swap_figures import (
    FLIPS,
    MEAN_MOVE,
    Moved,
    Subgroup,
    SwapRow,
    subgroup_table,
    subgroups,
    swap_rows,
    swap_table,
)
from training.swap_pairs import Pair, located_setting, pairs

STORIES = 600
# Of each swap, the stories whose answer moved most.
WORST = 8

SettingOf = Callable[[Example], Setting | None]
Text = tuple[str | None, str]


@dataclass(frozen=True)
class Worst:
    """A story whose answer a swap moved far."""

    swap: str
    direction: str
    id: str
    relation: str
    before: float
    after: float


@dataclass(frozen=True)
class Audit:
    """The figures of one set of stories."""

    name: str
    stories: int
    swaps: list[SwapRow]
    subgroups: list[Subgroup]
    worst: list[Worst]


class Reader:
    """P(report) of texts, each read only once."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._known: dict[Text, float] = {}

    def probabilities(self, examples: Sequence[Example]) -> Floats:
        """Calibrated P(report) [N]."""
        new = {_text(e): e for e in examples if _text(e) not in self._known}
        shown = tqdm(list(new.values()), unit=" texts", desc="reading", disable=None)
        values = report_probabilities(answers(self._model, list(shown)))
        self._known.update(zip(new, values.tolist(), strict=True))
        return np.array([self._known[_text(e)] for e in examples])


def _text(example: Example) -> Text:
    return example.title, example.text


def audit(
    name: str, gold: Sequence[Gold], reader: Reader, place: SettingOf, threshold: float, seed: int
) -> Audit:
    """All figures of `gold`; `place` says where a story plays."""
    settings = [place(row.example) for row in gold]
    found: list[tuple[int, Pair]] = []
    for number, (row, setting) in enumerate(zip(gold, settings, strict=True)):
        found.extend((number, pair) for pair in pairs(row.example, setting, seed))
    before = reader.probabilities([pair.before for _, pair in found])
    after = reader.probabilities([pair.after for _, pair in found])
    moved = [
        Moved(pair.swap, pair.direction, number, b, a)
        for (number, pair), b, a in zip(found, before.tolist(), after.tolist(), strict=True)
    ]
    truth = np.array([row.is_report for row in gold])
    probability = reader.probabilities([row.example for row in gold])
    where = [
        row.state or (states()[setting.state].name if setting else None)
        for row, setting in zip(gold, settings, strict=True)
    ]
    return Audit(
        name=name,
        stories=len(gold),
        swaps=swap_rows(moved, threshold, seed),
        subgroups=[
            *subgroups("state", where, truth, probability),
            *subgroups("outlet", [row.example.outlet for row in gold], truth, probability),
        ],
        worst=list(_worst(gold, moved)),
    )


def _worst(gold: Sequence[Gold], moved: Sequence[Moved]) -> Iterator[Worst]:
    for swap in dict.fromkeys(m.swap for m in moved):
        rows = sorted((m for m in moved if m.swap == swap), key=lambda m: -abs(m.after - m.before))
        for m in rows[:WORST]:
            example = gold[m.story].example
            name = f"{example.source}/{example.id}"
            yield Worst(swap, m.direction, name, example.relation, m.before, m.after)


def audits(model: Model, files: Sequence[Path], stories: int, seed: int) -> list[Audit]:
    """Of the given files, or of the own stories: a sample, and all that are held out."""
    reader = Reader(model)
    threshold = model.config.thresholds.report
    rows = read_gold(files or story_files())
    sample = random.Random(seed).sample(rows, min(stories, len(rows)))
    if files:
        locator = Locator.load()

        def place(example: Example) -> Setting | None:
            return located_setting(locator, example)

        return [audit("given", sample, reader, place, threshold, seed)]
    return [
        audit("own stories", sample, reader, setting_of, threshold, seed),
        audit("own stories held out", held_out(), reader, setting_of, threshold, seed),
    ]


def report(found: Sequence[Audit]) -> str:
    """Markdown tables of all audits."""
    parts = [
        "Targets for each swap: mean |Δp| of the calibrated P(report) at most "
        f"{MEAN_MOVE}, labels flipped at most {FLIPS:.0%}. 95 % bootstrap intervals."
    ]
    for one in found:
        parts.append(f"## {one.name}: {one.stories} stories\n\n{swap_table(one.swaps)}")
        if one.subgroups:
            parts.append(subgroup_table(one.subgroups))
    return "\n\n".join(parts) + "\n"


def run(arguments: argparse.Namespace) -> int:
    """Audit, print and write. Raises LabelError, ArtefactError, OSError."""
    model = Model.load(arguments.model, available_cpus())
    found = audits(model, arguments.gold, arguments.stories, arguments.seed)
    print(report(found))
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "fairness.md").write_text(report(found), encoding="utf-8")
        record = {
            "model": model.config.name,
            "version": model.config.version,
            "data_hash": model.config.data_hash,
            "seed": arguments.seed,
            "targets": {"mean": MEAN_MOVE, "flips": FLIPS},
            "audits": [asdict(one) for one in found],
        }
        text = json.dumps(record, indent=1, ensure_ascii=False)
        (arguments.out / "fairness.json").write_text(text + "\n", encoding="utf-8")
    missed = any(not row.passes for one in found for row in one.swaps if row.direction == "all")
    return int(arguments.strict and missed)


def main(words: Sequence[str] | None = None) -> int:
    """Audit one artefact. `words` default to the command line's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="artefact folder")
    parser.add_argument("--gold", type=Path, nargs="+", default=[], help="labelled stories")
    parser.add_argument("--stories", type=int, default=STORIES, help="sample at most so many")
    parser.add_argument("--seed", type=int, default=1, help="of the sample and every swap")
    parser.add_argument("--out", type=Path, help="folder for fairness.md and fairness.json")
    parser.add_argument("--strict", action="store_true", help="exit 1 where a target is missed")
    try:
        return run(parser.parse_args(words))
    except (LabelError, ArtefactError, OSError) as error:
        print(f"cannot audit: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
