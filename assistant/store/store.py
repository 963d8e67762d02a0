"""The vault: two encrypted files and one order of commits.

A change is committed in this order, so that a crash at any moment leaves either all of it or none:

1. keys.db: the fresh record keys (a crash here leaves keys that open nothing; dropped at opening)
2. words.db: everything, with the ids of the keys that must die. This is the moment of the change,
   and from here on the words those keys open can no longer be asked for
3. keys.db: those keys are destroyed and the journal is emptied
4. words.db: the rows they opened go, and its journal is emptied

Opening repeats 3 and 4 if they were cut off. A change that erases returns only after step 4.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import BaseFileLock
from sqlalchemy import Connection, delete, select, update

from assistant.errors import StoreError, StoreFull
from assistant.store import tables
from assistant.store.database import Database
from assistant.store.files import make_private_folder, remove_scratch
from assistant.store.folder import (
    KEYS_FILE,
    OUTBOX,
    WORDS_FILE,
    create_databases,
    free_reserve,
    keep_reserve,
    lock_folder,
    open_database,
    require_same_vault,
)
from assistant.store.keys import KEY_FILE, MasterKey, protect_key, require_key
from assistant.store.rows import time_text, utc_now
from assistant.store.schema import ensure_schema
from assistant.store.transaction import Transaction
from assistant.store.vault import DeadKey, KeyVault


class Store:
    """An open vault. Threads may share it: changes wait for one another.

    `words_db` and `vault` are for this package alone; everybody else goes through `transaction`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        key: MasterKey,
        lock: BaseFileLock,
        words: Database,
        vault: KeyVault,
        clock: Callable[[], datetime],
    ) -> None:
        """Use `create` or `open`."""
        self.folder = folder
        self.key = key
        self.clock = clock
        self.words_db = words
        self.vault = vault
        self._file_lock = lock
        self._one_change = threading.Lock()
        self._changing_thread = 0
        self._is_behind = True  # something may be left of steps 3 and 4
        self._recovered: tuple[str, ...] = ()

    @classmethod
    def create(
        cls, folder: Path, *, key: MasterKey, clock: Callable[[], datetime] = utc_now
    ) -> Self:
        """Lay out a data folder and open it.

        Without a `key.json` one is written that holds only the key's fingerprint. A folder that
        kept `keys.db` but lost `words.db` gets an empty `words.db`, for `restore` to fill.
        Raises `StoreError` if there is a `words.db`, `WrongKey` if the folder is another key's.
        """
        make_private_folder(folder)
        lock = lock_folder(folder)
        try:
            if (folder / WORDS_FILE).exists():
                raise StoreError(f"This data folder holds a {WORDS_FILE} already. Open it instead.")
            if not (folder / KEY_FILE).exists():
                protect_key(folder, key=key)
            require_key(folder, key=key)
            remove_scratch(folder)
            create_databases(folder, key=key)
        finally:
            lock.release()
        return cls.open(folder, key=key, clock=clock)

    @classmethod
    def open(cls, folder: Path, *, key: MasterKey, clock: Callable[[], datetime] = utc_now) -> Self:
        """Open a data folder and finish what a crash cut off (`recovered` names what went).

        Raises `WrongKey`, `StoreCorrupt`, `StoreNewer`, `StoreBusy` or `StoreFull`.
        """
        require_key(folder, key=key)
        lock = lock_folder(folder)
        opened: list[Database] = []
        try:
            remove_scratch(folder)
            make_private_folder(folder / OUTBOX)
            keep_reserve(folder)
            opened.append(open_database(folder, KEYS_FILE, key=key))
            opened.append(open_database(folder, WORDS_FILE, key=key))
            keys_file, words = opened
            vault = KeyVault(keys_file, key=key)
            vault.require_known_schema()
            ensure_schema(words)
            require_same_vault(words, vault)
            store = cls(folder, key=key, lock=lock, words=words, vault=vault, clock=clock)
            with store.exclusive():
                store._requeue_jobs()
        except BaseException:
            for database in opened:
                database.close()
            lock.release()
            raise
        return store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close both files and let go of the folder. Closing twice is harmless."""
        with self._one_change:
            if not self._file_lock.is_locked:
                return
            if not self._is_behind:
                with suppress(StoreError):
                    self.vault.settle()
            self.words_db.close()
            self.vault.database.close()
            self._file_lock.release()

    def recovered(self) -> tuple[str, ...]:
        """Return the ids of records that opening removed: their key was destroyed or is missing."""
        return self._recovered

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Run one change: all of it is kept, or nothing. Changes do not nest.

        Raises `StoreFull` with nothing changed. If the change was to erase, the room set aside for
        that is free now and a second attempt goes through. Only where the change was kept and room
        ran out while erasing does the message say so; later changes try again, and
        `confirm_erased` tells when it is done.
        """
        with self.exclusive():
            change = Transaction(vault=self.vault, clock=self.clock)
            try:
                with self.words_db.transaction() as connection:
                    with change.on(connection):
                        yield change
                    self.vault.add(change.fresh_keys())  # 1
                self._finish_erasing(change.dead_keys())  # 2 happened as the block was left
            except BaseException as error:
                if isinstance(error, StoreFull) and change.dead_keys():
                    free_reserve(self.folder)
                # An interrupt may arrive just after the commit, so nothing is undone here: the
                # next change looks at what both files hold before it does anything else.
                self._is_behind = self._is_behind or change.touched_keys()
                raise

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the vault: no other change runs meanwhile. Raises `StoreError` if it is closed."""
        if self._changing_thread == threading.get_ident():
            raise StoreError("A change is open already; finish it before beginning another.")
        with self._one_change:
            if not self._file_lock.is_locked:
                raise StoreError("The vault is closed. Open it again.")
            self._changing_thread = threading.get_ident()
            try:
                if self._is_behind:
                    # On a full disk reading goes on: what is to be erased is closed already.
                    with suppress(StoreFull):
                        self.reconcile()
                yield
            finally:
                self._changing_thread = 0

    @contextmanager
    def merging(self) -> Iterator[Connection]:
        """Run a change that brings rows and dead keys from elsewhere, then reconcile."""
        with self.exclusive():
            self._is_behind = True
            with self.words_db.transaction() as connection:
                yield connection
            self.reconcile()

    def confirm_erased(self, record_ids: Collection[str]) -> None:
        """Read back that neither row nor key of these records is left, in file or journal.

        Raises `StoreError` naming the ids that are still there.
        """
        wanted = sorted(set(record_ids))
        table = tables.words
        with self.exclusive():
            self._empty_journals()
            with self.words_db.transaction() as connection:
                found = connection.execute(
                    select(table.c.record_id).where(table.c.record_id.in_(wanted))
                )
                left = set(found.scalars()) | self.vault.live_records(wanted)
        if left:
            raise StoreError(f"Still there after erasing: {', '.join(sorted(left))}. Erase again.")

    def check_pages(self) -> None:
        """Read every page of both files. Raises `StoreCorrupt`; takes seconds on a large vault."""
        with self.exclusive():
            self.words_db.check_pages()
            self.vault.database.check_pages()

    # ------------------------------------------------------------ steps 3 and 4

    def reconcile(self) -> None:
        """Bring both files to agree: finish erasing, drop orphaned keys and unreadable rows.

        For use within `exclusive`. What goes is added to `recovered`.
        """
        self._is_behind = True
        with self.words_db.transaction() as connection:
            pairs = select(tables.words.c.key_id, tables.words.c.record_id)
            rows = {row.key_id: row.record_id for row in connection.execute(pairs)}
            found = connection.execute(select(tables.erased)).mappings()
            condemned = {row["key_id"]: DeadKey(**row) for row in found}
        # A key that must be dead and lives: erasing was cut off, or an old keys.db was put back.
        living = self.vault.live() | self.vault.live_person_keys()
        doomed = [dead for key_id, dead in condemned.items() if key_id in living]
        now = time_text(self.clock())
        unsettled = self.vault.unsettled()
        doomed += [
            DeadKey(key_id=key_id, subject_id=record_id, why="orphan", erased_at=now)
            for key_id, record_id in unsettled.items()
            if key_id not in rows and key_id not in condemned
        ]
        self.vault.destroy(doomed)
        if unsettled:
            self.vault.settle()
        openable = self.vault.live() - condemned.keys()
        gone = {key_id: record_id for key_id, record_id in rows.items() if key_id not in openable}
        self._drop_rows(tuple(gone))
        self._recovered += tuple(sorted(gone.values()))
        self._is_behind = False

    def _finish_erasing(self, dead: Sequence[DeadKey]) -> None:
        if not dead:
            return
        try:
            self._erase(dead)
        except StoreError as error:
            raise type(error)(
                "The change is kept and the erased words are closed to everybody, but their keys "
                "could not be destroyed yet. Make room on the disk; the next change or opening "
                f"finishes it. ({error})"
            ) from None

    def _erase(self, dead: Sequence[DeadKey]) -> None:
        try:
            self.vault.destroy(dead)  # 3
            self._drop_rows([one.key_id for one in dead])  # 4
        except StoreFull:
            if not free_reserve(self.folder):
                raise
            self._erase(dead)

    def _drop_rows(self, key_ids: Collection[str]) -> None:
        if not key_ids:
            return
        with self.words_db.transaction() as connection:
            connection.execute(delete(tables.words).where(tables.words.c.key_id.in_(key_ids)))
        self.words_db.empty_journal()

    def _empty_journals(self) -> None:
        self.words_db.empty_journal()
        self.vault.database.empty_journal()

    def _requeue_jobs(self) -> None:
        table = tables.jobs
        with self.words_db.transaction() as connection:
            running = update(table).where(table.c.state == "running")
            connection.execute(running.values(state="waiting"))
