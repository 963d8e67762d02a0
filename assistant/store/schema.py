"""Which version of the tables a `words.db` has, and how it gets to ours.

Alembic is imported and run only when the versions differ: opening stays quick.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, select
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from assistant.errors import StoreNewer
from assistant.store.database import Database, damaged_file
from assistant.store.tables import SCHEMA

_MIGRATIONS = Path(__file__).resolve().parent / "migrations"
_VERSION = sql_table("alembic_version", sql_column("version_num"))


def ensure_schema(database: Database) -> None:
    """Bring the tables to our version, in one transaction.

    Raises `StoreNewer` if they are beyond it, `StoreCorrupt` if there are none.
    """
    with database.transaction() as connection:
        stored = read_schema(connection, name=database.name)
        if stored != SCHEMA:
            require_not_newer(stored, name=database.name)
            upgrade_tables(connection)


def upgrade_tables(connection: Connection) -> None:
    """Run the migrations that are missing, from an empty database or an older version."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def read_schema(connection: Connection, *, name: str) -> str:
    """Return the stored version. Raises `StoreCorrupt` if the file holds no tables of ours."""
    if not inspect(connection).has_table("alembic_version"):
        raise damaged_file(name)
    stored = connection.execute(select(_VERSION.c.version_num)).scalar()
    if not isinstance(stored, str) or not stored.isdigit():
        raise damaged_file(name)
    return stored


def require_not_newer(stored: str, *, name: str) -> None:
    """Raise `StoreNewer` if a version is beyond ours; versions are numbers."""
    if int(stored) > int(SCHEMA):
        raise StoreNewer(
            f"{name} was written by a newer version (tables {stored}, this version knows "
            f"{SCHEMA}). Update Own Words. Nothing was changed."
        )
