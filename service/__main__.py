"""Brutality Watch on the command line.

    python -m service serve                        answer HTTP requests on $PORT
    python -m service predict --url U              judge one page
    python -m service predict --file story.txt     judge one text
    python -m service score stories.jsonl out.jsonl    judge a file of stories
    python -m service extract pages.jsonl out.jsonl    read a file of pages

Settings come from the environment (see README). Exit status: 0 done, 1 this
story got no answer, 2 wrong arguments, settings, files or model, 130 interrupted.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from tqdm import tqdm

from service.errors import ArtefactError, ServiceError, SettingsError
from service.extract_rows import extract_rows
from service.pipeline import Predictor
from service.reader import PageReader
from service.row_run import RunError, Tally
from service.rows import RowsError, count_rows
from service.schemas import PredictionOut, StoryIn, prediction_out
from service.score import score, score_once
from service.server import serve
from service.settings import Settings

Judge = Callable[[Path, Path, Predictor, Callable[[int], object]], Awaitable[Tally]]


def build_parser() -> argparse.ArgumentParser:
    """The command line, whose help texts are the manual."""
    parser = argparse.ArgumentParser(
        prog="python -m service",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="answer HTTP requests on $PORT (default 8000)")

    one = commands.add_parser("predict", help="judge one story: JSON on stdout, summary on stderr")
    source = one.add_mutually_exclusive_group(required=True)
    source.add_argument("--url", help="page to fetch and judge")
    source.add_argument("--file", type=Path, help="file with the story's text")
    source.add_argument("stdin", nargs="?", choices=["-"], help="read the text from stdin")
    one.add_argument("--title", help="headline of a text")
    one.add_argument("--date", help="publication date of a text, YYYY-MM-DD")

    many = commands.add_parser(
        "score",
        help="judge a file of stories",
        description="Rows {id, text?, url?, title?, date?} in, one answer row per input row out, "
        "with the same id. Where text is given it is used. A row that cannot be answered becomes "
        "{id, error, error_type}. Files are JSONL, JSONL.gz or Parquet by their names. Cut off, "
        "the same command goes on where it stopped.",
    )
    many.add_argument("source", type=Path, metavar="IN", help="rows to judge")
    many.add_argument("out", type=Path, metavar="OUT", help="answer rows")
    many.add_argument(
        "--dedupe",
        action="store_true",
        help="give near-copies of an earlier row that row's answer, with duplicate_of; offsets "
        "are then into the text of the earlier row",
    )
    many.add_argument(
        "--engine",
        choices=["local", "ray"],
        default="local",
        help="local: this process; ray: Ray Data, on the cluster at $RAY_ADDRESS or on this "
        "machine alone (default local)",
    )

    pages = commands.add_parser(
        "extract",
        help="read a file of pages",
        description="Rows {id, url, html, html_encoding} in; rows {id, title, text, date, authors, "
        "site, canonical_url, language} or {id, error, error_type} out. html_encoding is utf8 "
        "(html is decoded text) or latin-1 (html stands for the original bytes).",
    )
    pages.add_argument("source", type=Path, metavar="IN", help="pages to read")
    pages.add_argument("out", type=Path, metavar="OUT", help="text rows")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    arguments = build_parser().parse_args(argv)
    try:
        settings = Settings.from_environment()
        match arguments.command:
            case "serve":
                serve(settings)
            case "predict":
                return _predict(arguments, settings)
            case "score" if arguments.engine == "ray":
                _score_on_ray(arguments, settings)
            case "score":
                judge = score_once if arguments.dedupe else score
                asyncio.run(_score(judge, arguments.source, arguments.out, settings))
            case "extract":
                asyncio.run(_extract(arguments.source, arguments.out))
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
    except (ArtefactError, SettingsError, RowsError, RunError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _predict(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.url:
        request = StoryIn(url=arguments.url)
    else:
        text = sys.stdin.read() if arguments.stdin else arguments.file.read_text(encoding="utf-8")
        request = StoryIn(text=text, title=arguments.title, date=arguments.date)
    try:
        answer = asyncio.run(_predict_one(request, settings))
    except ServiceError as error:
        print(json.dumps({"error": error.message, "error_type": error.error_type.value}))
        print(f"no answer: {error.message}", file=sys.stderr)
        return 1
    print(answer.model_dump_json(indent=2))
    print(summary(answer), file=sys.stderr)
    return 0


async def _predict_one(request: StoryIn, settings: Settings) -> PredictionOut:
    async with Predictor.load(settings) as predictor:
        return prediction_out(await predictor.predict(request), predictor.model_out)


def summary(answer: PredictionOut) -> str:
    """The answer for a person, in a few lines."""
    place = ", ".join(p for p in (answer.city, answer.county, answer.state) if p) or "no place"
    lines = [f"{answer.label} ({answer.confidence:.0%} sure), {place}"]
    if answer.force_rank:
        fatal = ", fatal" if answer.fatal else ""
        lines.append(f"{answer.force_rank}: {', '.join(answer.force)}{fatal}")
    lines += [f"  {item.score:.2f}  {item.text}" for item in answer.evidence]
    if answer.needs_review:
        lines.append("close call: a person should look first")
    return "\n".join(lines)


async def _score(judge: Judge, source: Path, out: Path, settings: Settings) -> None:
    total = count_rows(source)
    with tqdm(total=total, unit="story", disable=None) as bar:
        async with Predictor.load(settings) as predictor:
            _report(await judge(source, out, predictor, bar.update), out)


def _score_on_ray(arguments: argparse.Namespace, settings: Settings) -> None:
    if arguments.dedupe:
        raise RunError("--dedupe compares each row with all earlier ones: use --engine local")
    try:
        from service.ray_score import score_on_ray
    except ImportError as error:
        raise RunError(
            f"--engine ray needs more packages ({error}): pip install -r requirements-ray.txt"
        ) from error
    total = count_rows(arguments.source)
    with tqdm(total=total, unit="story", disable=None) as bar:
        _report(score_on_ray(arguments.source, arguments.out, settings, bar.update), arguments.out)


async def _extract(source: Path, out: Path) -> None:
    total = count_rows(source)
    reader = PageReader()
    with tqdm(total=total, unit="page", disable=None) as bar:
        try:
            _report(await extract_rows(source, out, reader, bar.update), out)
        finally:
            await reader.aclose()


def _report(tally: Tally, out: Path) -> None:
    resumed = f", {tally.resumed} from an earlier run" if tally.resumed else ""
    print(
        f"{out}: {tally.answered} answered, {tally.failed} failed{resumed}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    sys.exit(main())
