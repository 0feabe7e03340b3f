"""The data of a training run: gathered, grouped, freed of copies, capped, and described.

    python -m training.data check mine.jsonl more.csv
    python -m training.data card --labels mine.jsonl --corpora ../shared --out card.json
    python -m training.data export-reviews --database $DATABASE_URL --out reviews.jsonl

`check` only reads label files (training.label_files tells of their formats) and
says what is in them. `card` gathers them as a training run does and prints the
data card. `export-reviews` writes what people said of the collector's stories as
labels or, into a .json file, as tasks for Label Studio. Wrong input: exit status 2
and a sentence that names file, row and field.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from training.caps import capped, incidents_capped
from training.corpora import input_files, read_corpora
from training.data_card import (
    Card,
    Contradiction,
    input_file,
    largest_groups,
    source_rows,
    table,
)
from training.data_card import counts as counts
from training.data_card import data_hash as data_hash
from training.errors import DataError as DataError
from training.examples import Example, read_labels
from training.near_copies import Distinct, grouped
from training.review_export import export_reviews

STORIES = Path(__file__).parent / "stories"
# Stories that only ever test (`training.split.ONLY_TESTED`), with no places marked.
CHECKS = Path(__file__).parent / "checks"


@dataclass(frozen=True)
class Gathered:
    """The stories of a run and what is to be told of them."""

    examples: tuple[Example, ...]
    card: Card


def story_files() -> list[Path]:
    """The project's own stories, by letter."""
    return sorted([*STORIES.glob("*.jsonl"), *CHECKS.glob("*.jsonl")], key=lambda path: path.stem)


def read_stories() -> list[Example]:
    """The project's own stories, in the groups that `gather` puts them in."""
    return grouped(_read(story_files()))


def gather(labels: Sequence[Path], corpora: Path | None, seed: int) -> Gathered:
    """All stories of a run: the project's own, the corpora if given, and new labels.

    Groups are joined before anything is left out, in the order own stories, corpora,
    new labels, so that new labels do not move what was there from one side of a split
    to the other. Of rows with the same title and text a new label is kept before an
    own story, and that before a corpus row: labelling anew corrects. Corpus caps bind
    only the corpora, the incident cap binds all. Raises LabelError, DataError, OSError.
    """
    own = _read(story_files())
    known = read_corpora(corpora) if corpora else []
    new = _read(labels)
    read = [*own, *known, *new]
    tied = grouped(read)
    rows = iter(tied)
    own, known, new = (list(islice(rows, len(part))) for part in (own, known, new))
    distinct = Distinct()
    new, own, known = (distinct.take(part) for part in (new, own, known))
    within = [*own, *capped(known, seed), *new]
    kept = incidents_capped(within, seed)
    files = [*story_files(), *(input_files(corpora) if corpora else []), *labels]
    card = Card(
        seed=seed,
        data_hash=data_hash(kept),
        rows=len(kept),
        groups=_groups(kept),
        joined=_groups(read) - _groups(tied),
        files=tuple(map(input_file, files)),
        sources=source_rows(read, [*own, *known, *new], within, kept),
        largest=largest_groups(kept),
        contradictions=_contradictions(distinct),
    )
    return Gathered(tuple(kept), card)


def _read(paths: Sequence[Path]) -> list[Example]:
    return [example for path in paths for example in read_labels(path)]


def _groups(examples: Sequence[Example]) -> int:
    return len({example.group for example in examples})


def _contradictions(distinct: Distinct) -> tuple[Contradiction, ...]:
    return tuple(
        Contradiction(
            f"{copy.kept.source}/{copy.kept.id}",
            copy.kept.relation,
            f"{copy.dropped.source}/{copy.dropped.id}",
            copy.dropped.relation,
        )
        for copy in distinct.copies
        if copy.contradicts
    )


def described(path: Path, examples: Sequence[Example]) -> str:
    """What a label file holds, in one line."""
    relations = Counter(e.relation for e in examples)
    by = ", ".join(f"{count} {name}" for name, count in relations.most_common())
    marked = sum(bool(e.evidence) for e in examples)
    coded = sum(e.force is not None for e in examples)
    events = _groups(grouped(examples))
    return (
        f"{path}: {len(examples)} stories ({by}), {marked} with evidence, "
        f"{coded} with force codes, {events} events"
    )


def _check(arguments: argparse.Namespace) -> None:
    for path in arguments.files:
        print(described(path, read_labels(path)))


def _card(arguments: argparse.Namespace) -> None:
    card = gather(arguments.labels, arguments.corpora, arguments.seed).card
    print(table(card))
    if arguments.out:
        arguments.out.write_text(json.dumps(asdict(card), indent=2) + "\n")


def _export_reviews(arguments: argparse.Namespace) -> None:
    written, without = export_reviews(arguments.database, arguments.out)
    print(f"{arguments.out}: {written} reviewed stories; {without} more have no text any more")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.data",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True)
    check = commands.add_parser("check", help="validate label files")
    check.add_argument("files", type=Path, nargs="+", metavar="FILE", help="label files")
    check.set_defaults(command=_check)
    card = commands.add_parser("card", help="gather the data of a run and describe it")
    card.add_argument("--labels", type=Path, nargs="*", default=[], help="label files")
    card.add_argument("--corpora", type=Path, help="folder of development corpora")
    card.add_argument("--seed", type=int, default=1, help="of the choice within the caps")
    card.add_argument("--out", type=Path, help="write the card here as JSON")
    card.set_defaults(command=_card)
    export = commands.add_parser("export-reviews", help="write the collector's reviews as labels")
    export.add_argument("--database", metavar="URL", required=True, help="as DATABASE_URL")
    export.add_argument("--out", type=Path, required=True, help=".jsonl, or .json for Label Studio")
    export.set_defaults(command=_export_reviews)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the arguments and run the command; the exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        parsed.command(parsed)
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
