"""Brings a database to the tables of this version of the code, and says whether it is there."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from collector.store import Store

_MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaError(Exception):
    """The database does not have the tables of this version."""


def migrate(store: Store) -> str:
    """Upgrade to the newest revision, all in one transaction; that revision's name."""
    config = _config()
    with store.write() as session:
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "head")
    return _head()


def draft(store: Store, message: str) -> None:
    """Write a migration from the database's tables to those of `schema.py`, to be edited."""
    config = _config()
    with store.write() as session:
        config.attributes["connection"] = session.connection()
        command.revision(config, message, autogenerate=True)


def check_schema(store: Store) -> None:
    """Raises SchemaError unless the database is at the newest revision."""
    with store.engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != _head():
        raise SchemaError(
            f"the database is at revision {found or 'none'}, this version needs {_head()}: "
            "run `python -m collector migrate`"
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _head() -> str:
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head
