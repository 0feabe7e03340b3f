"""Collects stories, judges them and groups them into incidents.

    python -m collector migrate                        make or upgrade the tables
    python -m collector once --config sources.toml     list every source, settle every item, end
    python -m collector run --config sources.toml      the same for ever
    python -m collector rescore                        judge kept texts with a new model
    python -m collector revive [--reason R]            try dead letters again
    python -m collector forget --days N                drop texts older than that
    python -m collector withdraw INCIDENT              take an incident back for good
    python -m collector serve                          answer HTTP: service, incidents, reviews
    python -m collector push [--follow]                POST incidents to BACKEND_URL

The store is DATABASE_URL, the model MODEL_DIR (see README). Without --config the sources are
the text of the environment's SOURCES. Exit status: 0 done, 1 a source could not be listed, 2 wrong
arguments, settings, files or database.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from collector import outward, queue, reviews, stories
from collector.config import ConfigError
from collector.migrate import SchemaError, check_schema, migrate
from collector.settings import CollectorSettings
from collector.store import Store, StoreBusyError, now
from service.errors import ArtefactError, SettingsError


def build_parser() -> argparse.ArgumentParser:
    """The command line, whose help texts are the manual."""
    parser = argparse.ArgumentParser(
        prog="python -m collector",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="make or upgrade the tables")
    once = commands.add_parser("once", help="list every source, settle every item, end")
    run = commands.add_parser("run", help="collect until a signal")
    for command in (once, run):
        command.add_argument("--config", type=Path, help="the file of sources (else $SOURCES)")
    commands.add_parser("rescore", help="judge kept texts that this model has not judged")
    revive = commands.add_parser("revive", help="try dead letters again at the next run")
    revive.add_argument("--reason", help="only those with this error_type")
    forget = commands.add_parser("forget", help="drop the texts of judged stories and dead letters")
    forget.add_argument("--days", type=int, required=True, help="older than this many days")
    withdraw = commands.add_parser("withdraw", help="take an incident back for good")
    withdraw.add_argument("incident", help="its id in the feed")
    outward.add_commands(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    arguments = build_parser().parse_args(argv)
    # force: a library that logged while being imported has set up its own.
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s", force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        settings = CollectorSettings.from_environment()
        store = Store.open(settings.database_url)
        try:
            return _dispatch(arguments, settings, store)
        finally:
            store.close()
    except (ArtefactError, SettingsError, ConfigError, SchemaError, StoreBusyError) as error:
        print(f"error: {error}", file=sys.stderr)
    except SQLAlchemyError as error:
        # Its own words may hold the rows of a failed statement.
        print(f"error: {settings.database_host}: {type(error).__name__}", file=sys.stderr)
        logging.getLogger("collector").debug("database", exc_info=error)
    except reviews.UnknownError as error:
        print(f"error: {error}", file=sys.stderr)
    return 2


def _dispatch(arguments: argparse.Namespace, settings: CollectorSettings, store: Store) -> int:
    if arguments.command == "migrate":
        print(f"{settings.database_host}: revision {migrate(store)}")
        return 0
    check_schema(store)
    if arguments.command in outward.COMMANDS:
        return outward.run_command(arguments, store)
    match arguments.command:
        case "once" | "run" | "rescore":
            # Here, for the other commands have no use for adapters and their libraries.
            from collector import inward

            return inward.run_command(arguments, settings, store)
        case "revive":
            with store.write() as session:
                print(f"{queue.revive(session, arguments.reason, now())} items are pending again")
        case "forget":
            with store.write() as session:
                dropped = stories.drop_texts(session, arguments.days, now())
            print(f"{dropped} texts dropped")
        case "withdraw":
            with store.write() as session:
                reviews.withdraw(session, arguments.incident, now())
            print(f"{arguments.incident} is withdrawn; `push` tells the back end")
    return 0


if __name__ == "__main__":
    sys.exit(main())
