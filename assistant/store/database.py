"""One SQLCipher file behind SQLAlchemy: how it is opened, and what its errors mean.

Only this module, the checkpoint calls and `backup.py` know that the database is SQLite. Everything
else is plain SQL on the tables. One connection holds the file (`locking_mode=EXCLUSIVE`), so there
is no shared-memory file and no second reader.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool
from sqlcipher3 import dbapi2

from assistant.errors import StoreBusy, StoreCorrupt, StoreError, StoreFull

PAGE_BYTES = 4096  # SQLCipher 4's page

# SQLite result codes, https://www.sqlite.org/rescode.html
_BUSY, _LOCKED, _READONLY, _CORRUPT, _FULL = 5, 6, 8, 11, 13
_CONSTRAINT, _IOERR, _NOTADB = 19, 10, 26
_IOERR_SHORT_READ = 522

# sqlcipher_export reports every failure as code 1; SQLite's fixed message tells which it was.
_BY_MESSAGE = {
    "disk I/O error": _IOERR,
    "database or disk is full": _FULL,
    "database disk image is malformed": _CORRUPT,
    "file is not a database": _NOTADB,
}

_PRAGMAS = (
    "cipher_memory_security = OFF",
    "temp_store = MEMORY",  # a temporary file would not be encrypted
    "locking_mode = EXCLUSIVE",
    "journal_mode = WAL",
    "synchronous = FULL",  # keys.db must be on the disk before words.db refers to it
    "secure_delete = ON",
    "foreign_keys = ON",
)


class Database:
    """An open SQLCipher file. `key` is 32 raw bytes; nothing is stretched, so opening is quick.

    `name` stands in messages, where the file has a passing name.
    """

    def __init__(self, path: Path, *, key: bytes, name: str = "") -> None:
        self.name = name or path.name
        with database_errors(self.name):
            self._raw = _connect(path, key)
        engine = sqlalchemy.create_engine(
            "sqlite://",
            creator=lambda: self._raw,
            module=dbapi2,
            poolclass=StaticPool,
            hide_parameters=True,  # error messages never quote what was being stored
        )
        # The driver would open a transaction only before a change, and never before DDL.
        sqlalchemy.event.listen(engine, "begin", _begin)
        self._engine = engine
        with database_errors(self.name):
            self._connection = engine.connect()

    @contextmanager
    def transaction(self) -> Iterator[sqlalchemy.Connection]:
        """Run one transaction: committed at the end, rolled back on any error."""
        with database_errors(self.name):
            change = self._connection.begin()
            try:
                yield self._connection
                change.commit()
            except BaseException:
                with suppress(DBAPIError):
                    change.rollback()
                raise

    def empty_journal(self) -> None:
        """Move the write-ahead log into the file and cut it to nothing.

        Overwritten pages would otherwise stay readable in the log. Raises `StoreError`.
        """
        with database_errors(self.name):
            busy = self._raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise StoreBusy(f"{self.name} is in use, so its journal cannot be emptied.")

    def check_pages(self) -> None:
        """Read every page and compare its checksum. Raises `StoreCorrupt`."""
        with database_errors(self.name):
            damaged = self._raw.execute("PRAGMA cipher_integrity_check").fetchall()
            (verdict,) = self._raw.execute("PRAGMA quick_check").fetchone()
        if damaged or verdict != "ok":
            raise damaged_file(self.name)

    def copy_into(self, path: Path, *, key: bytes) -> None:
        """Copy every row into a new SQLCipher file with another key."""
        with database_errors(self.name):
            self._raw.execute("ATTACH DATABASE ? AS copy KEY ?", (str(path), _key_literal(key)))
            try:
                # The copy is synced whole before it gets its name, not statement by statement.
                self._raw.execute("PRAGMA copy.synchronous = OFF")
                self._raw.execute("SELECT sqlcipher_export('copy')").fetchall()
            finally:
                self._raw.rollback()
                with suppress(dbapi2.Error):
                    self._raw.execute("DETACH DATABASE copy")

    def close(self) -> None:
        """Close the file; its journal goes with the last connection."""
        with suppress(DBAPIError, dbapi2.Error):
            self._connection.close()
        with suppress(DBAPIError, dbapi2.Error):
            self._engine.dispose()
        with suppress(dbapi2.Error):
            self._raw.close()


@contextmanager
def database_errors(name: str) -> Iterator[None]:
    """Turn the errors of SQLite and SQLAlchemy into ours, without their text."""
    try:
        yield
    except DBAPIError as error:
        raise _store_error(error.orig, name) from None
    except dbapi2.Error as error:
        raise _store_error(error, name) from None


def damaged_file(name: str) -> StoreCorrupt:
    """Return the error for a file of the vault that is damaged."""
    remedy = (
        "Restore the copy of the keys." if name.startswith("keys") else "Restore it from a backup."
    )
    return StoreCorrupt(f"{name} is damaged. {remedy} The damaged file was left as it is.")


def _connect(path: Path, key: bytes) -> Any:  # noqa: ANN401 - the driver has no types
    raw = dbapi2.connect(str(path), isolation_level=None, check_same_thread=False, timeout=0)
    try:
        raw.execute("PRAGMA cipher_log_level = NONE")  # else it writes to standard error
        raw.execute(f'PRAGMA key = "{_key_literal(key)}"')
        for pragma in _PRAGMAS:
            raw.execute(f"PRAGMA {pragma}")
        raw.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        raw.close()
        raise
    return raw


def _key_literal(key: bytes) -> str:
    return f"x'{key.hex()}'"


def _begin(connection: sqlalchemy.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _store_error(error: BaseException | None, name: str) -> StoreError:
    code = int(getattr(error, "sqlite_errorcode", 0) or 0)
    primary = _BY_MESSAGE.get(str(error), code & 0xFF)
    if primary in (_BUSY, _LOCKED):
        return StoreBusy(f"{name} is held by another program. Close it and try again.")
    if primary in (_CORRUPT, _NOTADB) or code == _IOERR_SHORT_READ:
        return damaged_file(name)
    # A quota or a limit on file sizes shows as an input/output error rather than as SQLITE_FULL.
    if primary in (_FULL, _IOERR):
        return StoreFull(
            f"{name} cannot be written: no room is left for it, or the disk fails. The change was "
            "not made. Make room and try again."
        )
    if primary == _CONSTRAINT:
        return StoreError(
            f"{name} refuses the change: an id is taken already, or a record it refers to is "
            "missing."
        )
    if primary == _READONLY:
        return StoreError(f"{name} may only be read. Check the permissions of the data folder.")
    return StoreError(f"{name} cannot be used (SQLite code {code}). Nothing was changed.")
