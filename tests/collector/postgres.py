"""A PostgreSQL server of the tests' own, on a socket in a temporary folder."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg

_DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Server:
    """A running server. `folder` holds its socket."""

    folder: Path
    numbers: Iterator[int]

    def new_database(self) -> str:
        """The URL, as Heroku spells it, of a new and empty database."""
        name = f"test{next(self.numbers)}"
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgres://tester@/{name}?host={self.folder}"

    def connect_new(self) -> psycopg.Connection:
        """A connection to a new and empty database."""
        return psycopg.connect(self.new_database())

    def _dsn(self, database: str) -> str:
        return f"host={self.folder} user=tester dbname={database}"


def find_programs() -> Path | None:
    """The folder with `initdb` and `pg_ctl`, or None where PostgreSQL is not installed."""
    found = shutil.which("pg_ctl")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(_DEBIAN.glob("*/bin"), reverse=True)
    return next((f for f in folders if (f / "initdb").exists() and (f / "pg_ctl").exists()), None)


@contextmanager
def running(programs: Path) -> Iterator[Server]:
    """Make a cluster, start it, and stop and remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        user = None
        if os.getuid() == 0:  # which PostgreSQL refuses to run as
            user = "nobody"
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        data = str(folder / "data")
        # No durability: the tests kill collectors, not the server.
        options = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=40"
        _call(user, folder, programs / "initdb", "-D", data, "-U", "tester", "-A", "trust", "-N")
        log = str(folder / "log")
        _call(
            user, folder, programs / "pg_ctl", "-D", data, "-o", options, "-l", log, "-w", "start"
        )
        try:
            yield Server(folder, count())
        finally:
            _call(user, folder, programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


def _call(user: str | None, folder: Path, program: Path, *arguments: str) -> None:
    subprocess.run(
        [str(program), *arguments],
        check=True,
        user=user,
        extra_groups=None if user is None else [],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
