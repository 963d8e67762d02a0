"""People, sessions, consents, and the code with which a person decides."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from assistant.audit import AuditEvent
from assistant.errors import DecisionError, InputError, StoreError
from assistant.policy import (
    Actor,
    Request,
    Subject,
)
from assistant.records import (
    Consent,
    Purpose,
)
from assistant.store import ReleaseRow, SessionRow, Transaction
from assistant.workspace.desk import OWN_COPY, Desk, new_id
from assistant.workspace.hashing import hash_code, matches

_MIN_CODE_CHARS = 4  # beside the peer; a link sent elsewhere will ask for more
_MAX_NAME_CHARS = 60


class Meeting(Desk):
    """Everything before there are words."""

    def add_person(self) -> str:
        """Return the id of a new person. Their name is kept nowhere but in their own words."""
        person_id = new_id("person")
        with self._change() as (tx, events):
            tx.add_person(person_id=person_id, created_at=self._clock())
            events.append(
                AuditEvent(event="person_added", actor="software", ids={"person": person_id})
            )
        return person_id

    def name_person(self, actor: Actor, session_id: str, *, name: str) -> None:
        """Keep, sealed, what the peer calls this person in their list."""
        line = " ".join(name.split())
        if not 1 <= len(line) <= _MAX_NAME_CHARS or not line.isprintable():
            raise InputError(f"The name for your list needs 1 to {_MAX_NAME_CHARS} letters.")
        with self._act(actor, "view_session", session_id) as act:
            person_id = act.row.person_id
            act.tx.put_words(
                record_id=_label_id(person_id), person_id=person_id, session_id=None, kind="label",
                payload=line.encode(),
            )  # fmt: skip

    def own_session(self, actor: Actor, session_id: str) -> SessionRow:
        """Return a session of the peer who asks. Raises `Refused`, or `StoreError` for none."""
        with self._act(actor, "view_session", session_id) as act:
            return act.row

    def own_sessions(self, actor: Actor) -> tuple[SessionRow, ...]:
        """Return the sessions of the peer who asks, the newest first."""
        self._ask(actor, "open_peer_screens")
        with self._reading() as tx:
            own = tx.sessions(peer_id=actor.actor_id)
        return tuple(sorted(own, key=lambda row: (row.service_date, row.created_at), reverse=True))

    def person_name(self, actor: Actor, session_id: str) -> str:
        """Return what the peer calls the person of a session, or an empty string."""
        with self._act(actor, "view_session", session_id) as act:
            return _label_of(act.tx, act.row.person_id)

    def known_people(self, actor: Actor) -> tuple[tuple[str, str], ...]:
        """Return (id, name) of the people this peer met and named, the last one met first."""
        self._ask(actor, "open_peer_screens")
        with self._reading() as tx:
            met = dict.fromkeys(row.person_id for row in tx.sessions(peer_id=actor.actor_id)[::-1])
            named = ((person_id, _label_of(tx, person_id)) for person_id in met)
            return tuple((person_id, name) for person_id, name in named if name)

    def consents_now(self, actor: Actor, session_id: str) -> dict[Purpose, Consent]:
        """Return the latest yes or no to each purpose; a yes taken back carries when."""
        with self._act(actor, "view_session", session_id) as act:
            return {one.purpose: one for one in act.tx.consents(act.row.person_id)}

    def safety_answers(self, actor: Actor, session_id: str) -> dict[int, str]:
        """Return what was done about each safety prompt (0-based) that has an answer."""
        with self._act(actor, "view_session", session_id) as act:
            rows = act.tx.safety(session_id)
        return {row.prompt_no: row.state for row in rows if row.state != "surfaced"}

    def copies_sent(self, actor: Actor, session_id: str) -> tuple[ReleaseRow, ...]:
        """Return to whom the note went, without the person's own copies."""
        with self._act(actor, "view_session", session_id) as act:
            return tuple(r for r in act.tx.releases(session_id) if r.recipient != OWN_COPY)

    def fetch_file(self, actor: Actor, session_id: str, *, release_id: str, name: str) -> Path:
        """Return a file of a release, and log that it was fetched.

        Raises `StoreError` for a file that is not one of that release, or was taken back.
        """
        with self._act(actor, "view_released_note", session_id) as act:
            found = [
                row
                for row in act.tx.releases(session_id)
                if row.release_id == release_id and row.recipient != OWN_COPY
                if row.recalled_at is None and name in dict(row.files)
            ]
            path = self._outbox(release_id) / name if found else None
            if path is None or not path.is_file():
                raise StoreError("This file is no longer here.")
            act.log("file_fetched", release=release_id)
        return path

    def start_session(
        self,
        actor: Actor,
        *,
        person_id: str,
        modality: str = "",
        place: str = "",
        service_date: str = "",
        start: str = "",
        end: str = "",
    ) -> str:
        """Return the id of a new session between a person and the peer who acts."""
        now = self._clock()
        session_id = new_id("session")
        subject = Subject(
            session_id=session_id, person_id=person_id, peer_id=actor.actor_id, state="new"
        )
        self.gate.require(Request(actor=actor, action="start_session", subject=subject))
        row = SessionRow(
            session_id=session_id,
            person_id=person_id,
            peer_id=actor.actor_id,
            state="new",
            modality=modality,
            place=place,
            service_date=service_date or now.date().isoformat(),
            start=start,
            end=end,
            created_at=now,
            updated_at=now,
        )
        with self._change() as (tx, events):
            tx.add_session(row)
            events.append(
                AuditEvent(
                    event="session_started",
                    actor=actor.actor_id,
                    ids={"session": session_id, "person": person_id},
                )
            )
        return session_id

    def set_code(self, actor: Actor, session_id: str, *, code: SecretStr) -> None:
        """Keep the person's own code, slowly hashed; they need it to decide."""
        hashed = hash_code(code, min_chars=_MIN_CODE_CHARS)
        with self._act(actor, "record_consent", session_id) as act:
            if actor.role != "person":
                raise DecisionError("Only the person can choose their code.")
            record_id = f"code-{act.row.person_id}"
            act.tx.put_words(
                record_id=record_id, person_id=act.row.person_id, session_id=None, kind="code",
                payload=hashed.encode(),
            )  # fmt: skip

    def sign_in_person(self, session_id: str, *, code: SecretStr) -> Actor | None:
        """Return the person of a session if the code is theirs, else None; both are slow."""
        with self._reading() as tx:
            person_id = tx.session(session_id).person_id
            hashed = tx.words(f"code-{person_id}").decode()
        if not matches(hashed, SecretStr(code.get_secret_value().strip())):
            refused = AuditEvent(event="access_refused", actor="software", ids={"rule": "code"})
            self._log(refused)
            return None
        return Actor(actor_id=person_id, role="person")

    def record_consent(
        self,
        actor: Actor,
        session_id: str,
        *,
        purpose: Purpose,
        given: bool,
        information: str,
        discloser: str,
        mode: Literal["written", "electronic", "spoken"],
        text_version: str,
        recipients: tuple[str, ...] = (),
        expires_at: datetime | None = None,
        revocation_explained: bool = True,
    ) -> str:
        """Keep one yes or no to one purpose, as the person gave it; return its id."""
        with self._act(actor, "record_consent", session_id) as act:
            consent = Consent(
                consent_id=new_id("consent"),
                person_id=act.row.person_id,
                purpose=purpose,
                given=given,
                recipients=recipients,
                information=information,
                discloser=discloser,
                mode=mode,
                signed_at=act.at,
                expires_at=expires_at,
                text_version=text_version,
                revocation_explained=revocation_explained,
            )
            act.tx.add_consent(consent)
            act.log(
                "consent_recorded",
                consent=consent.consent_id,
                purpose=purpose,
                counts={"given": int(given), "recipients": len(recipients)},
            )
            return consent.consent_id

    def withdraw_consent(self, actor: Actor, session_id: str, *, purpose: Purpose) -> None:
        """Take back every yes to a purpose.

        What rested on it and was not yet put before the person goes at once: an AI draft, or the
        transcript with everything made from it. A note already before them is theirs to decide.
        """
        with self._act(actor, "withdraw_consent", session_id) as act:
            for consent in act.tx.consents(act.row.person_id):
                if consent.purpose == purpose and consent.withdrawn_at is None:
                    act.tx.set_consent_withdrawn(consent_id=consent.consent_id, at=act.at)
            n_erased = 0
            if purpose == "evaluation":
                for axis in act.tx.groups(act.row.person_id):
                    act.tx.set_group(person_id=act.row.person_id, axis=axis, value="")
            if purpose == "ai_draft" and act.row.state == "drafted" and act.has("deidentified"):
                n_erased = act.erase("reviewed", "deidentified", "surrogates")
                act.move("drop_draft")
            elif purpose == "transcribe" and act.row.state == "transcribed":
                n_erased = act.erase()
                act.move("delete_transcript")
            elif purpose == "transcribe" and act.row.state == "drafted":
                n_erased = act.erase()
                act.move("drop_all")
            act.log("consent_withdrawn", purpose=purpose, counts={"erased": n_erased})


def _label_id(person_id: str) -> str:
    return f"label-{person_id}"


def _label_of(tx: Transaction, person_id: str) -> str:
    has_label = any(kind == "label" for _id, kind in tx.person_word_ids(person_id))
    return tx.words(_label_id(person_id)).decode() if has_label else ""
