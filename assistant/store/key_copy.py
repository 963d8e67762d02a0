"""A copy of the keys, sealed with a passphrase, for the day the disk is lost.

A backup of the notes holds no key, so without this copy a lost disk loses every word. The copy
holds the master key, the wrapped keys, and the ids of the keys destroyed until then.

What it cannot do: a key copy made before a withdrawal still holds that record's key. The key is
dropped on restoring if any newer trace of the withdrawal is left (the words.db of the folder, the
ids given from an audit log, a notes backup made after it). If every newer trace is lost together
with the disk, the old copy and an old backup could open the withdrawn words. So make a new copy
after each withdrawal and destroy the old one: `key_copy_is_stale` says when.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from sqlalchemy import insert, select

from assistant.errors import StoreCorrupt, StoreError
from assistant.store import tables
from assistant.store.files import (
    make_private_folder,
    read_sealed,
    remove_scratch,
    require_free,
    write_sealed,
)
from assistant.store.folder import (
    KEYS_FILE,
    WORDS_FILE,
    create_databases,
    lock_folder,
    new_database,
    open_database,
)
from assistant.store.keys import (
    KEY_FILE,
    MasterKey,
    PassphraseCost,
    WrappedKey,
    protect_key,
    require_key,
    unwrap_secret,
    wrap_secret,
)
from assistant.store.rows import time_text, utc_now
from assistant.store.schema import ensure_schema
from assistant.store.sealing import KEY_BYTES, new_key, seal, unseal
from assistant.store.store import Store
from assistant.store.vault import KeyVault

KIND = "OWNWORDS KEY COPY 1"
_TABLES = (tables.person_keys, tables.record_keys, tables.dead_keys)
_COPIED_AT, _COPIED_MADE, _COPIED_GONE = "copied_at", "copied_made", "copied_destroyed"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCopyState:
    """How the newest key copy stands to the keys. `made_at` is empty if there never was one.

    `n_destroyed_since`: keys that it still holds although they were destroyed here.
    `n_made_since`: keys it lacks; their words would be lost with the disk.
    """

    made_at: str
    n_made_since: int
    n_destroyed_since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysReport:
    """What `restore_keys` put back. `n_dropped`: keys that a newer trace said must stay dead."""

    made_at: str
    n_people: int
    n_records: int
    n_dropped: int


def backup_keys(
    store: Store, destination: Path, *, passphrase: SecretStr, cost: PassphraseCost | None = None
) -> None:
    """Write a sealed copy of all keys to a new file; keep it apart from the backups of the notes.

    Raises `StoreError` if the name is taken or the passphrase is empty, `StoreFull`.
    """
    require_free(destination)
    made_at = time_text(store.clock())
    with store.exclusive():
        store.reconcile()  # a copy holds no key that is to be destroyed
        store.vault.settle()
        content = {
            "master": store.key.value.hex(),
            "vault_id": store.vault.vault_id(),
            "made_at": made_at,
            "tables": _export(store.vault),
        }
        copy_key = new_key()
        wrapped = wrap_secret(copy_key, passphrase=passphrase, cost=cost)
        body = seal(json.dumps(content).encode(), key=copy_key, context=(KIND,))
        write_sealed(destination, what=KIND, header=wrapped.model_dump(), body=[body])
        _note_copy(store.vault, made_at)


def key_copy_state(store: Store) -> KeyCopyState:
    """Say how far the keys have moved on since the newest key copy."""
    with store.exclusive():
        about = store.vault.about()
        counts = store.vault.counts()
    return KeyCopyState(
        made_at=about.get(_COPIED_AT, ""),
        n_made_since=counts["made"] - int(about.get(_COPIED_MADE, "0")),
        n_destroyed_since=counts["destroyed"] - int(about.get(_COPIED_GONE, "0")),
    )


def key_copy_is_stale(store: Store) -> bool:
    """Tell whether a key copy exists that holds a destroyed key or lacks a new one."""
    state = key_copy_state(store)
    return bool(state.made_at) and (state.n_made_since > 0 or state.n_destroyed_since > 0)


def restore_keys(
    folder: Path,
    source: Path,
    *,
    passphrase: SecretStr,
    tombstones: Collection[str] = (),
    cost: PassphraseCost | None = None,
) -> KeysReport:
    """Put the keys of a lost or damaged `keys.db` back; `tombstones` must not come back with them.

    `tombstones` are ids of erased records or persons, as an audit log names them. Their keys are
    dropped, and so is every key that the folder's `words.db` knows to be destroyed. A folder
    without `key.json` gets one for the same passphrase, without `words.db` an empty one.
    Raises `StoreError` if the folder has a `keys.db` (move it away first), `WrongKey` if the
    passphrase or the folder is another's, `StoreCorrupt`; nothing is changed then.
    """
    content = _read_copy(source, passphrase)
    key = MasterKey(value=bytes.fromhex(content["master"]))
    make_private_folder(folder)
    lock = lock_folder(folder)
    try:
        if (folder / KEYS_FILE).exists():
            raise StoreError(
                f"This data folder has a {KEYS_FILE}. Move it away first if it is damaged."
            )
        if (folder / KEY_FILE).exists():
            require_key(folder, key=key)
        remove_scratch(folder)
        barred = set(tombstones) | _buried_keys(folder, key)
        with new_database(folder, KEYS_FILE, key=key) as database:
            vault = KeyVault.create(database, key=key, vault_id=content["vault_id"])
            _load(vault, content["tables"])
            _note_copy(vault, content["made_at"])
            n_dropped = vault.destroy_named(barred, erased_at=time_text(utc_now()))
            report = KeysReport(
                made_at=content["made_at"],
                n_people=len(vault.live_person_keys()),
                n_records=len(vault.live()),
                n_dropped=n_dropped,
            )
        if not (folder / KEY_FILE).exists():
            protect_key(folder, key=key, passphrase=passphrase, cost=cost)
        create_databases(folder, key=key)
    finally:
        lock.release()
    return report


def _read_copy(source: Path, passphrase: SecretStr) -> Mapping[str, Any]:
    """Open a key copy. Raises `StoreCorrupt`, or `WrongKey` for another passphrase."""
    sealed = read_sealed(source, what=KIND)
    strange = StoreCorrupt(f"{source.name} is not a whole key copy. Use another one.")
    try:
        wrapped = WrappedKey.model_validate(dict(sealed.header))
    except ValidationError:
        raise strange from None
    copy_key = unwrap_secret(wrapped, passphrase=passphrase)
    content = json.loads(unseal(b"".join(sealed.body()), key=copy_key, context=(KIND,)))
    texts = ("master", "vault_id", "made_at")
    if not all(isinstance(content.get(name), str) for name in texts):
        raise strange
    with suppress(ValueError):
        if len(bytes.fromhex(content["master"])) == KEY_BYTES:
            return {**content}
    raise strange


def _buried_keys(folder: Path, key: MasterKey) -> set[str]:
    """Return the ids of keys that the words.db of the folder knows to be destroyed."""
    if not (folder / WORDS_FILE).exists():
        return set()
    words = open_database(folder, WORDS_FILE, key=key)
    try:
        ensure_schema(words)
        with words.transaction() as connection:
            return set(connection.execute(select(tables.erased.c.key_id)).scalars())
    finally:
        words.close()


def _note_copy(vault: KeyVault, made_at: str) -> None:
    counts = vault.counts()
    vault.set_about(
        {
            _COPIED_AT: made_at,
            _COPIED_MADE: str(counts["made"]),
            _COPIED_GONE: str(counts["destroyed"]),
        }
    )


def _export(vault: KeyVault) -> dict[str, list[dict[str, Any]]]:
    """Return every row of keys.db, keys still wrapped, bytes as hex."""
    with vault.database.transaction() as connection:
        return {
            table.name: [
                {
                    name: value.hex() if isinstance(value, bytes) else value
                    for name, value in row.items()
                }
                for row in connection.execute(select(table)).mappings()
            ]
            for table in _TABLES
        }


def _load(vault: KeyVault, exported: Mapping[str, Any]) -> None:
    """Fill an empty vault. Raises `StoreCorrupt` if the rows are not what `_export` makes."""
    with vault.database.transaction() as connection:
        for table in _TABLES:
            try:
                rows = [
                    {
                        column.name: bytes.fromhex(row[column.name])
                        if column.name == "wrapped"
                        else row[column.name]
                        for column in table.columns
                    }
                    for row in exported[table.name]
                ]
            except (KeyError, TypeError, ValueError):
                raise StoreCorrupt("The key copy lacks rows. Use another copy.") from None
            if rows:
                connection.execute(insert(table), rows)
