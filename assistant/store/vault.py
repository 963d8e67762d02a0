"""The keys of `keys.db`: one for each person, one for each record, wrapped, and the dead ones' ids.

    master key -> key-encryption key -> person key -> record key -> the words

Destroying a record key makes one record unreadable wherever copies of it lie; destroying a person
key makes all of that person's records unreadable. Ids of destroyed keys stay, so that no copy can
bring a key back. `secure_delete` and an emptied journal take the bytes out of the files; blocks
that a disk keeps aside on its own are beyond any program's reach, and so is a copy of the whole
data folder made before: put back with the passphrase of its day, it is that day again.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import Connection, delete, func, insert, inspect, or_, select, update

from assistant.errors import StoreNewer, WordsGone
from assistant.store.database import Database, damaged_file
from assistant.store.keys import MasterKey
from assistant.store.sealing import new_key, seal, unseal
from assistant.store.tables import (
    KEYS_SCHEMA,
    dead_keys,
    keys,
    keys_about,
    person_keys,
    record_keys,
)

Why = Literal["erased", "replaced", "person", "orphan", "dropped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKey:
    """A fresh key for one record, not yet in `keys.db`."""

    key_id: str
    record_id: str
    person_id: str
    value: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadKey:
    """A key that must not exist. `subject_id` is its record, or its person where `why` is person.

    `erased_at` is UTC text (`rows.time_text`).
    """

    key_id: str
    subject_id: str
    why: Why
    erased_at: str

    def values(self) -> dict[str, str]:
        return {
            "key_id": self.key_id,
            "subject_id": self.subject_id,
            "why": self.why,
            "erased_at": self.erased_at,
        }


class KeyVault:
    """`keys.db`, open. Not thread-safe: the store's lock is held around every call."""

    def __init__(self, database: Database, *, key: MasterKey) -> None:
        self.database = database
        self._wrapping_key = key.derive("key encryption")

    @classmethod
    def create(cls, database: Database, *, key: MasterKey, vault_id: str) -> KeyVault:
        """Lay out an empty `keys.db`."""
        with database.transaction() as connection:
            keys.create_all(connection)
            about = {"schema": KEYS_SCHEMA, "vault_id": vault_id}
            rows = [{"name": name, "value": value} for name, value in about.items()]
            connection.execute(insert(keys_about), rows)
        return cls(database, key=key)

    def require_known_schema(self) -> None:
        """Raise `StoreNewer` for tables beyond ours, `StoreCorrupt` if there are none."""
        with self.database.transaction() as connection:
            if not inspect(connection).has_table(keys_about.name):
                raise damaged_file(self.database.name)
        schema = self.about().get("schema", "")
        if not schema.isdigit():
            raise damaged_file(self.database.name)
        if int(schema) > int(KEYS_SCHEMA):
            raise StoreNewer("keys.db was written by a newer version. Update Own Words.")

    def vault_id(self) -> str:
        """Return the vault these keys belong to."""
        return self.about()["vault_id"]

    def about(self) -> dict[str, str]:
        with self.database.transaction() as connection:
            rows = connection.execute(select(keys_about.c.name, keys_about.c.value)).all()
        return {str(row.name): str(row.value) for row in rows}

    def set_about(self, values: Mapping[str, str]) -> None:
        with self.database.transaction() as connection:
            names = list(values)
            connection.execute(delete(keys_about).where(keys_about.c.name.in_(names)))
            rows = [{"name": name, "value": value} for name, value in values.items()]
            connection.execute(insert(keys_about), rows)

    # ------------------------------------------------------------ making and reading keys

    def make_key(self, *, record_id: str, person_id: str) -> RecordKey:
        """Return a fresh key for a record; a person without a key gets one at once."""
        key_id, value = _new_id(), new_key()
        wrapped = seal(
            value,
            key=self._person_key(person_id),
            context=("record key", key_id, record_id, person_id),
        )
        return RecordKey(
            key_id=key_id, record_id=record_id, person_id=person_id, value=value, wrapped=wrapped
        )

    def add(self, fresh: Sequence[RecordKey]) -> None:
        """Commit fresh keys; unsettled until `settle` hears that words.db refers to them."""
        if not fresh:
            return
        rows = [
            {
                "key_id": key.key_id,
                "record_id": key.record_id,
                "person_id": key.person_id,
                "wrapped": key.wrapped,
                "is_settled": False,
            }
            for key in fresh
        ]
        with self.database.transaction() as connection:
            connection.execute(insert(record_keys), rows)

    def read_key(self, key_id: str) -> bytes:
        """Return the key of a record. Raises `WordsGone` if it was destroyed."""
        with self.database.transaction() as connection:
            row = connection.execute(
                select(record_keys, person_keys.c.wrapped.label("person_wrapped"))
                .add_columns(person_keys.c.key_id.label("person_key_id"))
                .join(person_keys, person_keys.c.person_id == record_keys.c.person_id)
                .where(record_keys.c.key_id == key_id)
            ).one_or_none()
        if row is None:
            raise WordsGone("These words were withdrawn or deleted and cannot be read again.")
        person_key = unseal(
            row.person_wrapped,
            key=self._wrapping_key,
            context=("person key", row.person_key_id, row.person_id),
        )
        context = ("record key", row.key_id, row.record_id, row.person_id)
        return unseal(row.wrapped, key=person_key, context=context)

    def person_key_id(self, person_id: str) -> str | None:
        with self.database.transaction() as connection:
            return connection.execute(
                select(person_keys.c.key_id).where(person_keys.c.person_id == person_id)
            ).scalar_one_or_none()

    def live(self) -> frozenset[str]:
        """Return the id of every living record key."""
        with self.database.transaction() as connection:
            return frozenset(connection.execute(select(record_keys.c.key_id)).scalars())

    def unsettled(self) -> dict[str, str]:
        """Map every record key that words.db was not yet seen to use to its record."""
        with self.database.transaction() as connection:
            rows = connection.execute(
                select(record_keys.c.key_id, record_keys.c.record_id).where(
                    record_keys.c.is_settled.is_(False)
                )
            ).all()
        return {row.key_id: row.record_id for row in rows}

    def live_person_keys(self) -> frozenset[str]:
        with self.database.transaction() as connection:
            return frozenset(connection.execute(select(person_keys.c.key_id)).scalars())

    def live_records(self, record_ids: Collection[str]) -> frozenset[str]:
        """Return those of `record_ids` that still have a key."""
        with self.database.transaction() as connection:
            return frozenset(
                connection.execute(
                    select(record_keys.c.record_id).where(record_keys.c.record_id.in_(record_ids))
                ).scalars()
            )

    def settle(self) -> None:
        """Note that words.db refers to every key that is left."""
        with self.database.transaction() as connection:
            pending = record_keys.c.is_settled.is_(False)
            connection.execute(update(record_keys).where(pending).values(is_settled=True))

    # ------------------------------------------------------------ destroying keys

    def destroy(self, dead: Sequence[DeadKey]) -> None:
        """Destroy keys for good: the rows, their pages, the journal; only their ids stay."""
        if not dead:
            return
        with self.database.transaction() as connection:
            for person in (one for one in dead if one.why == "person"):
                _destroy_person(connection, person)
            _bury(connection, dead)
        self.database.empty_journal()

    def destroy_named(self, names: Collection[str], *, erased_at: str) -> int:
        """Destroy the keys that ids of records, persons or keys name; return how many went."""
        with self.database.transaction() as connection:
            people = connection.execute(
                select(person_keys.c.key_id, person_keys.c.person_id).where(
                    or_(person_keys.c.key_id.in_(names), person_keys.c.person_id.in_(names))
                )
            ).all()
            records = connection.execute(
                select(record_keys.c.key_id, record_keys.c.record_id).where(
                    or_(
                        record_keys.c.key_id.in_(names),
                        record_keys.c.record_id.in_(names),
                        record_keys.c.person_id.in_([row.person_id for row in people]),
                    )
                )
            ).all()
        dead = [
            DeadKey(key_id=row.key_id, subject_id=row.record_id, why="dropped", erased_at=erased_at)
            for row in records
        ] + [
            DeadKey(key_id=row.key_id, subject_id=row.person_id, why="person", erased_at=erased_at)
            for row in people
        ]
        self.destroy(dead)
        return len(dead)

    def counts(self) -> dict[str, int]:
        """Return how many keys were ever made here and how many were destroyed."""
        with self.database.transaction() as connection:
            n_live = connection.execute(select(func.count()).select_from(record_keys)).scalar_one()
            n_dead = connection.execute(select(func.count()).select_from(dead_keys)).scalar_one()
        return {"made": n_live + n_dead, "destroyed": n_dead}

    def _person_key(self, person_id: str) -> bytes:
        with self.database.transaction() as connection:
            row = connection.execute(
                select(person_keys).where(person_keys.c.person_id == person_id)
            ).one_or_none()
        if row is not None:
            context = ("person key", row.key_id, person_id)
            return unseal(row.wrapped, key=self._wrapping_key, context=context)
        key_id, value = _new_id(), new_key()
        wrapped = seal(value, key=self._wrapping_key, context=("person key", key_id, person_id))
        with self.database.transaction() as connection:
            connection.execute(
                insert(person_keys).values(person_id=person_id, key_id=key_id, wrapped=wrapped)
            )
        return value


def _destroy_person(connection: Connection, person: DeadKey) -> None:
    owned = record_keys.c.person_id == person.subject_id
    rows = connection.execute(select(record_keys.c.key_id, record_keys.c.record_id).where(owned))
    _bury(
        connection,
        [
            DeadKey(
                key_id=row.key_id,
                subject_id=row.record_id,
                why="erased",
                erased_at=person.erased_at,
            )
            for row in rows.all()
        ],
    )
    connection.execute(delete(person_keys).where(person_keys.c.key_id == person.key_id))


def _bury(connection: Connection, dead: Sequence[DeadKey]) -> None:
    by_id = {one.key_id: one for one in dead}
    known = connection.execute(select(dead_keys.c.key_id).where(dead_keys.c.key_id.in_(by_id)))
    for key_id in known.scalars().all():
        del by_id[key_id]
    if by_id:
        connection.execute(insert(dead_keys), [one.values() for one in by_id.values()])
    ids = [one.key_id for one in dead]
    connection.execute(delete(record_keys).where(record_keys.c.key_id.in_(ids)))


def _new_id() -> str:
    return secrets.token_hex(16)
