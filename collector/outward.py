"""The commands by which incidents leave the store: `serve` and `push`."""

import argparse
import signal
import sys

from collector.feed.server import serve
from collector.outbox import revive
from collector.push import BackendError, Outcome, Pusher, PushSettings
from collector.schema import Status
from collector.store import Store, now
from service.settings import Settings

COMMANDS = ("serve", "push")


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds both to a command line."""
    commands.add_parser("serve", help="answer HTTP: the service and the incidents, on $PORT")
    push = commands.add_parser("push", help="POST incidents to BACKEND_URL as they change")
    push.add_argument("--follow", action="store_true", help="go on until a signal")
    push.add_argument("--pending", action="store_true", help="also what nobody has approved yet")
    push.add_argument("--revive", action="store_true", help="first make what it refused due again")


def run_command(arguments: argparse.Namespace, store: Store) -> int:
    """Run one of COMMANDS; its exit status. Raises ArtefactError, SettingsError."""
    if arguments.command == "serve":
        serve(Settings.from_environment(), store)
        return 0
    settings = PushSettings.from_environment()
    if arguments.revive:
        with store.write() as session:
            print(f"{revive(session, settings.backend, now())} incidents are due again")
    statuses = (Status.APPROVED, Status.PENDING) if arguments.pending else (Status.APPROVED,)
    pusher = Pusher(store, settings, statuses)
    try:
        return _follow(pusher) if arguments.follow else _push(pusher)
    except BackendError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        pusher.close()


def _push(pusher: Pusher) -> int:
    tally = pusher.once()
    print(", ".join(f"{tally[outcome]} {outcome.value}" for outcome in Outcome))
    if waiting := pusher.without_rank():
        needed = "which back ends require: not pushed until it has one"
        print(f"{waiting} without a force_rank, {needed}")
    return 0 if tally[Outcome.TAKEN] == tally.total() else 1


def _follow(pusher: Pusher) -> int:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: pusher.stop())
    pusher.follow()
    return 0
