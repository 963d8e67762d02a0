"""What lies in a data folder, who may work in it, and how its database files come to be.

key.json   how the master key is protected            words.db   rows, words sealed one by one
outbox/    files released to people                   keys.db    wrapped keys, in no notes backup
lock       held by the one process that works here    reserve    room to erase on a full disk
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import insert, select

from assistant.errors import StoreBusy, StoreCorrupt, StoreError
from assistant.store import tables
from assistant.store.database import PAGE_BYTES, Database, damaged_file
from assistant.store.files import (
    PRIVATE_FILE,
    file_errors,
    make_private_file,
    publish,
    remove_scratch,
    scratch_path,
    write_private,
)
from assistant.store.keys import MasterKey
from assistant.store.schema import upgrade_tables
from assistant.store.vault import KeyVault

WORDS_FILE = "words.db"
KEYS_FILE = "keys.db"
OUTBOX = "outbox"
_LOCK_FILE = "lock"
_RESERVE_FILE = "reserve"
_RESERVE_BYTES = 1 << 20  # what erasing some twenty records writes to both journals, and more


def lock_folder(folder: Path) -> FileLock:
    """Take the lock of a data folder at once. Raises `StoreBusy` if another holder has it.

    SQLite's own locks do not see a second connection of the same process; this one does.
    """
    lock = FileLock(folder / _LOCK_FILE, timeout=0, mode=PRIVATE_FILE, thread_local=False)
    with file_errors(_LOCK_FILE):
        try:
            lock.acquire()
        except Timeout:
            raise StoreBusy(
                "This data folder is open in another window or program. "
                "Close it there and try again."
            ) from None
    return lock


def keep_reserve(folder: Path) -> None:
    """Set room aside, so that somebody can take words back even when the disk is full."""
    if not (folder / _RESERVE_FILE).exists():
        # Random bytes: a file system that compresses would set nothing aside for zeros.
        with suppress(StoreError):
            write_private(folder / _RESERVE_FILE, [os.urandom(_RESERVE_BYTES)])


def free_reserve(folder: Path) -> bool:
    """Give the room that was set aside to the disk; return whether there was any."""
    try:
        (folder / _RESERVE_FILE).unlink()
    except OSError:
        return False
    return True


def open_database(folder: Path, name: str, *, key: MasterKey) -> Database:
    """Open `words.db` or `keys.db` of a folder.

    Raises `StoreCorrupt` if it is missing, empty or damaged: SQLite takes a file without a whole
    page for a new one and would write over it.
    """
    path = folder / name
    with file_errors(name):
        n_bytes = path.stat().st_size if path.is_file() else -1
    if n_bytes < 0:
        remedy = "Restore the copy of the keys" if name == KEYS_FILE else "Restore a backup"
        raise StoreCorrupt(f"{name} is missing from this data folder. {remedy}.")
    if n_bytes < PAGE_BYTES:
        raise damaged_file(name)
    return Database(path, key=_file_key(key, name))


@contextmanager
def new_database(folder: Path, name: str, *, key: MasterKey) -> Iterator[Database]:
    """Build `words.db` or `keys.db`; it appears under its name whole or not at all."""
    scratch = scratch_path(folder)
    make_private_file(scratch)
    database = Database(scratch, key=_file_key(key, name), name=name)
    try:
        yield database
        database.empty_journal()
        database.close()
        publish(scratch, folder / name)
    finally:
        database.close()
        remove_scratch(folder, path=scratch)


def create_databases(folder: Path, *, key: MasterKey) -> None:
    """Build what is missing of `keys.db` and `words.db`; the keys come first and name the vault."""
    if (folder / KEYS_FILE).exists():
        database = open_database(folder, KEYS_FILE, key=key)
        try:
            vault_id = KeyVault(database, key=key).vault_id()
        finally:
            database.close()
    else:
        vault_id = f"vault-{secrets.token_hex(8)}"
        with new_database(folder, KEYS_FILE, key=key) as database:
            KeyVault.create(database, key=key, vault_id=vault_id)
    if not (folder / WORDS_FILE).exists():
        with new_database(folder, WORDS_FILE, key=key) as database:
            with database.transaction() as connection:
                upgrade_tables(connection)
            with database.transaction() as connection:
                row = {"name": "vault_id", "value": vault_id}
                connection.execute(insert(tables.about).values(**row))


def require_same_vault(words: Database, vault: KeyVault) -> None:
    """Raise `StoreCorrupt` if `keys.db` came from another vault: its keys would open nothing."""
    with words.transaction() as connection:
        query = select(tables.about.c.value).where(tables.about.c.name == "vault_id")
        vault_id = connection.execute(query).scalar_one_or_none()
    if vault_id is None:
        raise damaged_file(WORDS_FILE)
    if vault_id != vault.vault_id():
        raise StoreCorrupt(
            f"{KEYS_FILE} and {WORDS_FILE} belong to different vaults. Put back the right file."
        )


def _file_key(key: MasterKey, name: str) -> bytes:
    return key.derive(f"file {name}")
