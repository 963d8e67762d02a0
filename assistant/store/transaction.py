"""One change to the vault: what can be read and written between `with` and the commit.

Nothing here talks to `keys.db` for good: fresh keys and the keys to destroy are collected, and the
store commits them in the one order that a crash cannot spoil (`store.py`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    exists,
    func,
    select,
    update,
)

from assistant.errors import StoreCorrupt, StoreError, WordsGone
from assistant.records import Consent, Decision, ServiceRecord
from assistant.store import rows, tables
from assistant.store.access import AccessRows
from assistant.store.rows import time_text
from assistant.store.sealing import seal, unseal
from assistant.store.statements import fields_of
from assistant.store.vault import DeadKey, KeyVault, RecordKey, Why


class Transaction(AccessRows):
    """The open change. Every method raises `StoreError` once the change has failed or ended.

    After one failed statement the whole change is lost: SQLite may have rolled it back by itself,
    and what came after would be committed alone.
    """

    def __init__(self, *, vault: KeyVault, clock: Callable[[], datetime]) -> None:
        super().__init__(clock=clock)
        self._vault = vault
        self._fresh: dict[str, RecordKey] = {}
        self._dead: dict[str, DeadKey] = {}

    # ------------------------------------------------------------ people

    def add_person(self, *, person_id: str, created_at: datetime) -> None:
        self._insert(tables.persons, person_id=person_id, created_at=time_text(created_at))

    def persons(self) -> tuple[rows.PersonRow, ...]:
        """Return everyone, oldest first, those whose words were erased too."""
        order = (tables.persons.c.created_at, tables.persons.c.person_id)
        found = self._rows(select(tables.persons).order_by(*order))
        return tuple(rows.person_from(row) for row in found)

    # ------------------------------------------------------------ sessions

    def add_session(self, row: rows.SessionRow) -> None:
        values = fields_of(row, "created_at", "updated_at")
        self._insert(tables.sessions, **values)

    def session(self, session_id: str) -> rows.SessionRow:
        """Return one session. Raises `StoreError` if there is none of this id."""
        found = self._rows(
            select(tables.sessions).where(tables.sessions.c.session_id == session_id)
        )
        if not found:
            raise StoreError(f"There is no session {session_id} here.")
        return rows.session_from(found[0])

    def sessions(
        self,
        *,
        person_id: str | None = None,
        peer_id: str | None = None,
        states: Collection[str] | None = None,
    ) -> tuple[rows.SessionRow, ...]:
        """Return the sessions that fit everything given, oldest first."""
        table = tables.sessions
        query = select(table).order_by(table.c.created_at, table.c.session_id)
        if person_id is not None:
            query = query.where(table.c.person_id == person_id)
        if peer_id is not None:
            query = query.where(table.c.peer_id == peer_id)
        if states is not None:
            query = query.where(table.c.state.in_(states))
        return tuple(rows.session_from(row) for row in self._rows(query))

    def set_state(self, *, session_id: str, state: str, at: datetime) -> None:
        """Move a session to a state; which moves are allowed is for `decide.py` to say."""
        table = tables.sessions
        self._update_one(
            update(table)
            .where(table.c.session_id == session_id)
            .values(state=state, updated_at=time_text(at)),
            f"session {session_id}",
        )

    # ------------------------------------------------------------ words

    def put_words(
        self,
        *,
        record_id: str,
        person_id: str,
        session_id: str | None,
        kind: str,
        payload: bytes,
    ) -> None:
        """Seal and keep words. Words kept under this id before are erased with their key.

        `session_id` is None for what belongs to the person rather than to one meeting.
        Raises `StoreError` if the session is another person's or the person was erased.
        """
        self._require_owner(person_id, session_id)
        old = self._word_row(record_id)
        if old is not None:
            if old["person_id"] != person_id:
                raise StoreError(f"Record {record_id} belongs to another person.")
            self._retire(old["key_id"], record_id, "replaced")
        fresh = self._vault.make_key(record_id=record_id, person_id=person_id)
        self._fresh[fresh.key_id] = fresh
        values = {
            "person_id": person_id,
            "session_id": session_id,
            "kind": kind,
            "key_id": fresh.key_id,
            "sealed": seal(payload, key=fresh.value, context=(record_id, person_id, kind)),
        }
        if old is None:
            self._insert(tables.words, record_id=record_id, **values)
        else:
            table = tables.words
            self._execute(update(table).where(table.c.record_id == record_id).values(**values))

    def words(self, record_id: str) -> bytes:
        """Return the words of a record.

        Raises `WordsGone` if they were erased, `StoreCorrupt` if they do not open, `StoreError`
        if there never were any.
        """
        row = self._word_row(record_id)
        if row is None or row["is_erased"]:
            raise self._missing_words(record_id)
        context = (record_id, row["person_id"], row["kind"])
        try:
            fresh = self._fresh.get(row["key_id"])
            key = fresh.value if fresh else self._vault.read_key(row["key_id"])
            return unseal(row["sealed"], key=key, context=context)
        except StoreCorrupt:
            raise StoreCorrupt(
                f"Record {record_id} does not open: it was changed or moved. "
                "Restore it from a backup."
            ) from None

    def word_ids(self, session_id: str) -> tuple[tuple[str, str], ...]:
        """Return (record id, kind) of everything readable in a session, sorted by record id."""
        table = tables.words
        found = self._rows(
            select(table.c.record_id, table.c.kind)
            .where(table.c.session_id == session_id, ~_is_erased())
            .order_by(table.c.record_id)
        )
        return tuple((row["record_id"], row["kind"]) for row in found)

    def person_word_ids(self, person_id: str) -> tuple[tuple[str, str], ...]:
        """Return (record id, kind) of everything readable of a person, sorted by record id."""
        table = tables.words
        found = self._rows(
            select(table.c.record_id, table.c.kind)
            .where(table.c.person_id == person_id, ~_is_erased())
            .order_by(table.c.record_id)
        )
        return tuple((row["record_id"], row["kind"]) for row in found)

    def erase_words(self, record_ids: Collection[str]) -> tuple[str, ...]:
        """Erase words for good when this change is committed; return the ids that held any.

        Ids without words are passed over, so that erasing can be repeated.
        """
        gone = []
        for record_id in sorted(set(record_ids)):
            row = self._word_row(record_id)
            if row is not None and not row["is_erased"]:
                self._retire(row["key_id"], record_id, "erased")
                gone.append(record_id)
        return tuple(gone)

    def erase_person(self, person_id: str) -> tuple[str, ...]:
        """Destroy the person's key and erase all their words; return the record ids.

        Ids, states, decisions and service records stay: they hold no words. No new words can be
        kept for this person; somebody who comes back gets a new id.
        """
        table = tables.persons
        self._update_one(
            update(table)
            .where(table.c.person_id == person_id)
            .values(erased_at=time_text(self._clock())),
            f"person {person_id}",
        )
        gone = self.erase_words([record for record, _ in self.person_word_ids(person_id)])
        key_id = self._vault.person_key_id(person_id)
        if key_id is not None:
            self._retire(key_id, person_id, "person")
        return gone

    def _require_owner(self, person_id: str, session_id: str | None) -> None:
        table = tables.persons
        found = self._rows(select(table.c.erased_at).where(table.c.person_id == person_id))
        if not found:
            raise StoreError(f"There is no person {person_id} here.")
        if found[0]["erased_at"] is not None:
            raise StoreError(
                f"The words of person {person_id} were erased at their wish. "
                "Nothing can be kept under this id; add the person anew."
            )
        if session_id is not None and self.session(session_id).person_id != person_id:
            raise StoreError(f"Session {session_id} belongs to another person.")

    def _word_row(self, record_id: str) -> RowMapping | None:
        table = tables.words
        query = select(table, _is_erased().label("is_erased"))
        found = self._rows(query.where(table.c.record_id == record_id))
        return found[0] if found else None

    def _missing_words(self, record_id: str) -> StoreError:
        table = tables.erased
        if self._rows(select(table.c.key_id).where(table.c.subject_id == record_id).limit(1)):
            return WordsGone(
                f"The words of record {record_id} were withdrawn or deleted "
                "and cannot be read again."
            )
        return StoreError(f"There are no words under record {record_id}.")

    def _retire(self, key_id: str, subject_id: str, why: Why) -> None:
        if key_id in self._dead:
            return
        dead = DeadKey(
            key_id=key_id, subject_id=subject_id, why=why, erased_at=time_text(self._clock())
        )
        self._insert(tables.erased, **dead.values())
        self._dead[key_id] = dead

    # ------------------------------------------------------------ consents and decisions

    def add_consent(self, consent: Consent) -> None:
        values = fields_of(consent, "signed_at", "expires_at", "withdrawn_at")
        self._insert(
            tables.consents, **{**values, "recipients": json.dumps(list(consent.recipients))}
        )

    def consents(self, person_id: str) -> tuple[Consent, ...]:
        """Return every yes and no of a person, withdrawn ones too, oldest first."""
        table = tables.consents
        found = self._rows(
            select(table)
            .where(table.c.person_id == person_id)
            .order_by(table.c.signed_at, table.c.consent_id)
        )
        return tuple(rows.consent_from(row) for row in found)

    def set_consent_withdrawn(self, *, consent_id: str, at: datetime) -> None:
        """Mark a consent as withdrawn; the first time counts."""
        table = tables.consents
        first = func.coalesce(table.c.withdrawn_at, time_text(at))
        self._update_one(
            update(table).where(table.c.consent_id == consent_id).values(withdrawn_at=first),
            f"consent {consent_id}",
        )

    def add_decision(self, *, session_id: str, decision: Decision) -> None:
        table = tables.decisions
        (last,) = self._rows(
            select(func.max(table.c.position).label("position")).where(
                table.c.session_id == session_id
            )
        )
        self._insert(
            table,
            decision_id=secrets.token_hex(16),
            session_id=session_id,
            position=(last["position"] or 0) + 1,
            **fields_of(decision, "decided_at"),
        )

    def decisions(self, session_id: str) -> tuple[Decision, ...]:
        """Return the decisions about a session in the order they were made."""
        table = tables.decisions
        found = self._rows(
            select(table)
            .where(table.c.session_id == session_id)
            .order_by(table.c.position, table.c.decided_at, table.c.decision_id)
        )
        return tuple(rows.decision_from(row) for row in found)

    # ------------------------------------------------------------ releases, safety, service

    def add_release(self, row: rows.ReleaseRow) -> None:
        values = fields_of(row, "released_at", "recalled_at")
        self._insert(tables.releases, **{**values, "files": json.dumps(row.files)})

    def releases(self, session_id: str) -> tuple[rows.ReleaseRow, ...]:
        table = tables.releases
        found = self._rows(
            select(table)
            .where(table.c.session_id == session_id)
            .order_by(table.c.released_at, table.c.release_id)
        )
        return tuple(rows.release_from(row) for row in found)

    def set_recalled(self, *, release_id: str, at: datetime) -> None:
        """Mark that our copies of a release were taken back; the first time counts."""
        table = tables.releases
        first = func.coalesce(table.c.recalled_at, time_text(at))
        self._update_one(
            update(table).where(table.c.release_id == release_id).values(recalled_at=first),
            f"release {release_id}",
        )

    def set_safety(
        self, *, session_id: str, prompt_no: int, state: str, by: str, at: datetime
    ) -> None:
        """Record what a human did about a safety prompt, in place of what was there."""
        table = tables.safety
        values = {"state": state, "by": by, "at": time_text(at)}
        changed = self._change(
            update(table)
            .where(table.c.session_id == session_id, table.c.prompt_no == prompt_no)
            .values(**values)
        )
        if changed == 0:
            self._insert(table, session_id=session_id, prompt_no=prompt_no, **values)

    def safety(self, session_id: str) -> tuple[rows.SafetyRow, ...]:
        table = tables.safety
        found = self._rows(
            select(table).where(table.c.session_id == session_id).order_by(table.c.prompt_no)
        )
        return tuple(rows.safety_from(row) for row in found)

    def add_service_record(self, record: ServiceRecord) -> None:
        self._insert(tables.service_records, **fields_of(record))

    def service_records(self, *, person_id: str | None = None) -> tuple[ServiceRecord, ...]:
        table = tables.service_records
        query = select(table).order_by(table.c.service_date, table.c.session_id)
        if person_id is not None:
            query = query.where(table.c.person_id == person_id)
        return tuple(rows.service_record_from(row) for row in self._rows(query))

    # ------------------------------------------------------------ audit

    def append_audit(self, entry_json: str) -> int:
        """Keep a sealed audit entry in the same change; return its 1-based position."""
        (last,) = self._rows(select(func.max(tables.audit.c.position).label("position")))
        position = int(last["position"] or 0) + 1
        self._insert(tables.audit, position=position, entry=entry_json)
        return position

    def audit_entries(self, after: int = 0) -> tuple[str, ...]:
        """Return the entries whose position is beyond `after`, in order."""
        table = tables.audit
        found = self._rows(
            select(table.c.entry).where(table.c.position > after).order_by(table.c.position)
        )
        return tuple(row["entry"] for row in found)

    def audit_entries_about(self, some_id: str) -> tuple[str, ...]:
        """Return the entries that name an id anywhere, in order."""
        table = tables.audit
        found = self._rows(
            select(table.c.entry)
            .where(table.c.entry.contains(some_id, autoescape=True))
            .order_by(table.c.position)
        )
        return tuple(row["entry"] for row in found)

    def last_audit_entry(self) -> str | None:
        table = tables.audit
        found = self._rows(select(table.c.entry).order_by(table.c.position.desc()).limit(1))
        return found[0]["entry"] if found else None

    # ------------------------------------------------------------ jobs

    def add_job(self, *, kind: str, subject_id: str, actor_id: str = "", voice: str = "") -> str:
        """Queue something to do about a session or record; return the id of the job."""
        job_id = f"job-{secrets.token_hex(8)}"
        self._insert(
            tables.jobs,
            job_id=job_id,
            kind=kind,
            subject_id=subject_id,
            state="waiting",
            queued_at=time_text(self._clock()),
            actor_id=actor_id,
            voice=voice,
        )
        return job_id

    def next_job(self) -> rows.JobRow | None:
        """Take the oldest waiting job. One that a crash cut off waits again after opening."""
        table = tables.jobs
        found = self._rows(
            select(table)
            .where(table.c.state == "waiting")
            .order_by(table.c.queued_at, table.c.job_id)
            .limit(1)
        )
        if not found:
            return None
        job_id = found[0]["job_id"]
        self._execute(update(table).where(table.c.job_id == job_id).values(state="running"))
        return replace(rows.job_from(found[0]), state="running")

    def finish_job(self, job_id: str) -> None:
        """Drop a job that is done; nothing is kept of it."""
        table = tables.jobs
        self._execute(table.delete().where(table.c.job_id == job_id))

    # ------------------------------------------------------------ for the store

    @contextmanager
    def on(self, connection: Connection) -> Iterator[None]:
        """Make the change usable inside the block.

        Raises `StoreError` at its end if a statement failed and the caller went on regardless.
        """
        self._connection = connection
        try:
            yield
            self._usable()
        finally:
            self._connection = None

    def fresh_keys(self) -> tuple[RecordKey, ...]:
        """Return the keys to commit before the change; one put and erased again needs none."""
        return tuple(key for key in self._fresh.values() if key.key_id not in self._dead)

    def dead_keys(self) -> tuple[DeadKey, ...]:
        """Return the keys to destroy after the change."""
        return tuple(self._dead.values())

    def touched_keys(self) -> bool:
        """Tell whether keys.db and words.db may disagree if this change was cut off."""
        return bool(self._fresh or self._dead)


def _is_erased() -> Any:  # noqa: ANN401 - an SQL expression
    return exists().where(tables.erased.c.key_id == tables.words.c.key_id)
