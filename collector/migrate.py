"""Brings a database to the tables of this version of the code, and says whether it is there."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from collector.store import Store

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaError(Exception):
    """The database does not have the tables of this version."""


def migrate(store: Store) -> str:
    """Upgrade to the newest revision, all in one transaction; that revision's name."""
    from alembic import command

    config = _config()
    with store.write() as session:
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "head")
    return newest()


def draft(store: Store, message: str) -> None:
    """Write a migration from the database's tables to those of `schema.py`, to be edited."""
    from alembic import command

    config = _config()
    with store.write() as session:
        config.attributes["connection"] = session.connection()
        command.revision(config, message, autogenerate=True)


def check_schema(store: Store) -> None:
    """Raises SchemaError unless the database is at the newest revision.

    Without Alembic, which every process would otherwise hold in memory for this one look.
    """
    with store.engine.connect() as connection:
        found = None
        if inspect(connection).has_table("alembic_version"):
            found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if found != newest():
        raise SchemaError(
            f"the database is at revision {found or 'none'}, this version needs {newest()}: "
            "run `python -m collector migrate`"
        )


def newest() -> str:
    """The newest revision: migrations are files named `NNNN_what.py` by their revision."""
    files = (_MIGRATIONS / "versions").glob("[0-9]*_*.py")
    return max(file.name.partition("_")[0] for file in files)


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
