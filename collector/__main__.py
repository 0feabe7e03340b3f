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

The store is DATABASE_URL, the model MODEL_DIR (see README). Exit status: 0 done, 1 a source
could not be listed, 2 wrong arguments, settings, files or database.
"""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from collector import outward, queue, reviews, stories
from collector.adapters import open_source
from collector.client import Client
from collector.collecting import Collecting
from collector.config import CollectorConfig, ConfigError, SourceConfig, read_config
from collector.migrate import SchemaError, check_schema, migrate
from collector.robots import RobotsManners
from collector.settings import CollectorSettings
from collector.store import Store, StoreBusyError, now
from collector.worker import Rules, Worker, note
from service.errors import ArtefactError, SettingsError
from service.pipeline import Predictor
from service.settings import Settings

_BUSY_WAIT_S = 5.0


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
        command.add_argument("--config", type=Path, required=True, help="the file of sources")
    commands.add_parser("rescore", help="judge kept texts that this model has not judged")
    revive = commands.add_parser("revive", help="try dead letters again at the next run")
    revive.add_argument("--reason", help="only those with this error_type")
    forget = commands.add_parser("forget", help="drop the texts of judged stories")
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
        case "once" | "run":
            config = read_config(arguments.config)
            return asyncio.run(_collect(arguments.command, config, settings, store))
        case "rescore":
            config = CollectorConfig(source=(SourceConfig(name="none", kind="none"),))
            return asyncio.run(_collect("rescore", config, settings, store))
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
    return 0


async def _collect(
    command: str, config: CollectorConfig, settings: CollectorSettings, store: Store
) -> int:
    async with AsyncExitStack() as stack:
        sources = [] if command == "rescore" else [open_source(s) for s in config.source]
        for source in sources:
            stack.push_async_callback(source.aclose)
        await _enter(stack, store, wait=command == "run")
        predictor = await stack.enter_async_context(Predictor.load(Settings.from_environment()))
        rules = Rules(config.retry_base_s, config.attempts, settings.keep_text)
        manners = RobotsManners(Client(), config.host_gap_s)
        stack.push_async_callback(manners.aclose)
        worker = Worker(store, predictor, rules, manners)
        stack.push_async_callback(worker.aclose)
        collecting = Collecting(worker, sources, settings.keep_text_days)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, collecting.stop)
        note("started", command=command, sources=len(sources), model=predictor.model_out.version)
        good = True
        if command == "once":
            good = await collecting.once()
        elif command == "run":
            await collecting.run()
        else:
            await collecting.rescore(predictor.model_out)
        note("ended")
    return 0 if good else 1


async def _enter(stack: AsyncExitStack, store: Store, wait: bool) -> None:
    """Become the one collector of the store; wait for the one before to end, or refuse to."""
    while True:
        try:
            stack.enter_context(store.hold())
            return
        except StoreBusyError:
            if not wait:
                raise
            note("waiting", seconds=_BUSY_WAIT_S)
            await asyncio.sleep(_BUSY_WAIT_S)


if __name__ == "__main__":
    sys.exit(main())
