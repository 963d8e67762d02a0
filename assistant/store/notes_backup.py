"""Backups of the notes: every row, no key, in one sealed file.

A backup opens only with the master key, and its words only with the record keys that still live in
`keys.db`. So restoring one cannot bring back what was withdrawn or deleted, however old it is.
`restore` merges: what is here stays as it is, with three exceptions that only ever take away (a
consent withdrawn, a release recalled, words or a person erased according to the backup).
SQLite only: the copy is made by `sqlcipher_export`. Sign-ins, links and jobs do not come
back: whoever was signed in signs in again, and a link is made anew.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Table, delete, insert, select, update

from assistant.errors import StoreCorrupt, WordsGone, WrongKey
from assistant.store import tables
from assistant.store.database import Database
from assistant.store.files import (
    SealedFile,
    file_errors,
    make_private_file,
    read_chunks,
    read_sealed,
    remove_scratch,
    require_free,
    scratch_path,
    write_sealed,
)
from assistant.store.keys import MasterKey
from assistant.store.rows import time_text
from assistant.store.schema import ensure_schema, require_not_newer
from assistant.store.sealing import derive_key, unseal
from assistant.store.store import Store
from assistant.store.tables import SCHEMA

KIND = "OWNWORDS NOTES BACKUP 1"
# Nothing may be added to a session that somebody refused or took back.
_CLOSED_STATES = frozenset({"withdrawing", "withdrawn", "refused"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """What a restore added, and what it left out.

    `n_words_gone`: records whose key was destroyed, or whose session is withdrawn or refused here.
    `n_erased`: records here that the backup knew to be erased. `n_audit_skipped`: entries of a log
    that does not continue the one here.
    """

    made_at: str
    n_persons: int
    n_sessions: int
    n_words: int
    n_words_gone: int
    n_consents: int
    n_decisions: int
    n_releases: int
    n_service_records: int
    n_withdrawn_consents: int
    n_erased: int
    n_audit: int
    n_audit_skipped: int


def backup(store: Store, destination: Path) -> None:
    """Write a backup of the notes to a new file; it appears whole or not at all.

    Raises `StoreError` if the name is taken, `StoreCorrupt` if a page here is damaged, `StoreFull`.
    """
    require_free(destination)
    key = _backup_key(store.key)
    scratch = scratch_path(store.folder)
    try:
        with store.exclusive():
            store.reconcile()  # a backup holds no row that is to be erased
            store.words_db.check_pages()
            store.vault.settle()
            make_private_file(scratch)
            store.words_db.copy_into(scratch, key=key)
            vault_id = store.vault.vault_id()
        header = {
            "schema": SCHEMA,
            "vault_id": vault_id,
            "key": _fingerprint(key),
            "made_at": time_text(store.clock()),
        }
        write_sealed(destination, what=KIND, header=header, body=read_chunks(scratch))
    finally:
        remove_scratch(store.folder, path=scratch)


def restore(store: Store, source: Path) -> RestoreReport:
    """Merge a backup into the vault in one change: add what is missing, overwrite nothing.

    Raises `StoreCorrupt` (damaged file), `WrongKey` (another vault's), `StoreNewer`, `StoreFull`;
    nothing is changed then.
    """
    sealed = read_sealed(source, what=KIND)
    header = _checked_header(sealed, store.key)
    with (
        _opened(store, sealed) as copy,
        copy.transaction() as old,
        # At its end everything is erased that the backup knew of and this vault did not.
        store.merging() as here,
    ):
        return _merge(here, old, store=store, made_at=header["made_at"])


def _backup_key(key: MasterKey) -> bytes:
    return key.derive("notes backup")


def _fingerprint(key: bytes) -> str:
    return derive_key(key, purpose="fingerprint")[:16].hex()


def _checked_header(sealed: SealedFile, key: MasterKey) -> Mapping[str, str]:
    header = sealed.header
    name = sealed.path.name
    wanted = {"schema", "vault_id", "key", "made_at"}
    if set(header) != wanted or not all(isinstance(value, str) for value in header.values()):
        raise StoreCorrupt(f"{name} has a header of another kind. Use another backup.")
    if not hmac.compare_digest(header["key"], _fingerprint(_backup_key(key))):
        raise WrongKey(
            f"{name} is the backup of another vault; the key of this one cannot open it."
        )
    if not header["schema"].isdigit():
        raise StoreCorrupt(f"{name} has a header of another kind. Use another backup.")
    require_not_newer(header["schema"], name=name)
    return header


@contextmanager
def _opened(store: Store, sealed: SealedFile) -> Iterator[Database]:
    scratch = scratch_path(store.folder)
    name = sealed.path.name
    database = None
    try:
        make_private_file(scratch)
        with file_errors(name), scratch.open("wb") as file:
            for chunk in sealed.body():
                file.write(chunk)
        database = Database(scratch, key=_backup_key(store.key), name=name)
        ensure_schema(database)
        yield database
    finally:
        if database is not None:
            database.close()
        remove_scratch(store.folder, path=scratch)


# ---------------------------------------------------------------- merging


def _merge(here: Connection, old: Connection, *, store: Store, made_at: str) -> RestoreReport:
    erased = _add_missing(here, _rows(old, tables.erased), tables.erased)
    living = store.vault.live()
    n_erased = sum(1 for row in erased if row["why"] == "erased" and row["key_id"] in living)
    # Parents before children, as the foreign keys want it.
    persons = _add_missing(here, _rows(old, tables.persons), tables.persons)
    sessions = _add_missing(here, _rows(old, tables.sessions), tables.sessions)
    consents = _add_missing(here, _rows(old, tables.consents), tables.consents)
    decisions = _add_missing(here, _rows(old, tables.decisions), tables.decisions)
    releases = _add_missing(here, _rows(old, tables.releases), tables.releases)
    _add_missing(here, _rows(old, tables.safety), tables.safety)
    service = _add_missing(here, _rows(old, tables.service_records), tables.service_records)
    _add_accounts(here, old)
    for table in (
        tables.supervisions, tables.cosigns, tables.facts, tables.groups, tables.agency,
    ):  # fmt: skip
        _add_missing(here, _rows(old, table), table)
    n_words, n_gone = _add_words(here, old, store=store)
    n_audit, n_skipped = _continue_audit(here, old)
    _carry_over(here, old, tables.persons.c.person_id, tables.persons.c.erased_at)
    _carry_over(here, old, tables.releases.c.release_id, tables.releases.c.recalled_at)
    n_withdrawn = _carry_over(
        here, old, tables.consents.c.consent_id, tables.consents.c.withdrawn_at
    )
    return RestoreReport(
        made_at=made_at,
        n_persons=len(persons),
        n_sessions=len(sessions),
        n_words=n_words,
        n_words_gone=n_gone,
        n_consents=len(consents),
        n_decisions=len(decisions),
        n_releases=len(releases),
        n_service_records=len(service),
        n_withdrawn_consents=n_withdrawn,
        n_erased=n_erased,
        n_audit=n_audit,
        n_audit_skipped=n_skipped,
    )


def _rows(connection: Connection, table: Table) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(select(table)).mappings()]


def _add_missing(
    here: Connection, candidates: Sequence[dict[str, Any]], table: Table
) -> list[dict[str, Any]]:
    """Insert the rows whose primary key is not here; return them."""
    names = [column.name for column in table.primary_key]
    present = {tuple(row) for row in here.execute(select(*table.primary_key))}
    missing = [row for row in candidates if tuple(row[name] for name in names) not in present]
    if missing:
        here.execute(insert(table), missing)
    return missing


def _add_accounts(here: Connection, old: Connection) -> None:
    """Add the accounts whose sign-in name is free here, and their passkeys."""
    taken = set(here.execute(select(tables.accounts.c.login)).scalars())
    candidates = [row for row in _rows(old, tables.accounts) if row["login"] not in taken]
    added = {row["account_id"] for row in _add_missing(here, candidates, tables.accounts)}
    keys = [row for row in _rows(old, tables.passkeys) if row["account_id"] in added]
    _add_missing(here, keys, tables.passkeys)


def _add_words(here: Connection, old: Connection, *, store: Store) -> tuple[int, int]:
    """Add the records that are missing here and still open; return (added, left out as gone)."""
    table = tables.words
    buried = set(here.execute(select(tables.erased.c.key_id)).scalars())
    # An older version here of what the backup has replaced or erased makes room for it.
    here.execute(delete(table).where(table.c.key_id.in_(select(tables.erased.c.key_id))))
    present = set(here.execute(select(table.c.record_id)).scalars())
    states = {
        row.session_id: row.state
        for row in here.execute(select(tables.sessions.c.session_id, tables.sessions.c.state))
    }
    n_added = n_gone = 0
    for found in old.execute(select(table)).mappings():
        row = dict(found)
        if row["record_id"] in present:
            continue
        is_closed = states.get(row["session_id"]) in _CLOSED_STATES
        if is_closed or row["key_id"] in buried or not _opens(row, store):
            n_gone += 1
        else:
            here.execute(insert(table).values(**row))
            n_added += 1
    return n_added, n_gone


def _opens(row: Mapping[str, Any], store: Store) -> bool:
    context = (row["record_id"], row["person_id"], row["kind"])
    try:
        unseal(row["sealed"], key=store.vault.read_key(row["key_id"]), context=context)
    except (WordsGone, StoreCorrupt):
        return False
    return True


def _continue_audit(here: Connection, old: Connection) -> tuple[int, int]:
    """Add the entries beyond ours if the log here is a beginning of the one there.

    A chain cannot be merged: where the two differ, ours stays and theirs is left out.
    """
    table = tables.audit
    query = select(table).order_by(table.c.position)
    ours = {row["position"]: row["entry"] for row in here.execute(query).mappings()}
    theirs = {row["position"]: row["entry"] for row in old.execute(query).mappings()}
    shared = ours.keys() & theirs.keys()
    beyond = [position for position in theirs if position not in ours]
    if any(ours[position] != theirs[position] for position in shared):
        return 0, len(theirs)
    if beyond:
        rows = [{"position": position, "entry": theirs[position]} for position in beyond]
        here.execute(insert(table), rows)
    return len(beyond), 0


def _carry_over(here: Connection, old: Connection, key: Column[Any], time: Column[Any]) -> int:
    """Take over times of withdrawal, recall or erasure that are not known here."""
    n_changed = 0
    for row in old.execute(select(key, time).where(time.is_not(None))):
        change = update(key.table).where(key == row[0], time.is_(None)).values({time: row[1]})
        n_changed += here.execute(change).rowcount
    return n_changed
