"""The commands by which stories come into the store: `once`, `run` and `rescore`."""

import argparse
import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path

from collector.adapters import open_sources
from collector.client import Client
from collector.collecting import Collecting
from collector.config import CollectorConfig, ConfigError, SourceConfig, parse_config, read_config
from collector.robots import RobotsManners
from collector.settings import CollectorSettings
from collector.store import Store, StoreBusyError
from collector.worker import Rules, Worker, note
from service.fetch import Fetcher
from service.pipeline import Predictor
from service.settings import Settings

_BUSY_WAIT_S = 5.0
# Rescoring lists nothing; it goes by the usual rules.
_NO_SOURCES = CollectorConfig(source=(SourceConfig(name="none", kind="none"),))


def run_command(arguments: argparse.Namespace, settings: CollectorSettings, store: Store) -> int:
    """Run one of the three; its exit status. Raises ArtefactError, ConfigError, SettingsError."""
    config = _NO_SOURCES
    if arguments.command != "rescore":
        config = _sources(arguments.config, settings.sources)
    return asyncio.run(_collect(arguments.command, config, settings, store))


def _sources(path: Path | None, text: str | None) -> CollectorConfig:
    """The sources that a file names, or the environment. Raises ConfigError."""
    if path is not None:
        return read_config(path)
    if text is None:
        raise ConfigError("no sources: name a file by --config, or set SOURCES to its text")
    return parse_config(text, "SOURCES")


async def _collect(
    command: str, config: CollectorConfig, settings: CollectorSettings, store: Store
) -> int:
    async with AsyncExitStack() as stack:
        sources = [] if command == "rescore" else open_sources(config.source)
        for source in sources:
            stack.push_async_callback(source.aclose)
        await _enter(stack, store, wait=command == "run")
        manners = RobotsManners(Client(), config.host_gap_s)
        stack.push_async_callback(manners.aclose)
        fetcher = Fetcher(before_redirect=manners.before_redirect)
        loaded = Predictor.load(Settings.from_environment(), fetcher)
        predictor = await stack.enter_async_context(loaded)
        rules = Rules(config.retry_base_s, config.attempts, settings.keep_text)
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
