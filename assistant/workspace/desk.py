"""What every action shares: the gate is asked first, the log written last, in one transaction."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from assistant import decide
from assistant.audit import AuditEvent, AuditKeys, LogFiles, seal_entry
from assistant.canonical import note_digest
from assistant.errors import DecisionError, Refused
from assistant.policy import (
    Action,
    Actor,
    Gate,
    Request,
    Subject,
    active_purposes,
    record_recipients,
    share_recipients,
)
from assistant.policy import Store as StoreSubject
from assistant.records import (
    Note,
    ReviewedDraft,
    ServiceRecord,
)
from assistant.sealed import WordsKind, pack_record, unpack_record
from assistant.settings import Settings
from assistant.store import SessionRow, Store, Transaction
from assistant.workspace.agency_words import waiting_words_of

if TYPE_CHECKING:
    from assistant.pipeline import Parts

Record = TypeVar("Record")
SOFTWARE = Actor(actor_id="software", role="software")
OWN_COPY = "the person"  # the recipient of a person's own copy


def new_id(kind: str) -> str:
    """Return a random id such as `session-0f3a...`; it is derived from nothing."""
    return f"{kind}-{secrets.token_hex(8)}"


class SessionWords:
    """The words of one session within one change; each is opened once."""

    def __init__(self, tx: Transaction, session_id: str) -> None:
        self._tx = tx
        self._session_id = session_id
        self._opened: dict[str, object] = {}
        self.ids: Mapping[str, str] = {}  # kind to record id
        self.look_again()

    def look_again(self) -> None:
        """Something was put or erased: forget what was opened."""
        self._opened.clear()
        self.ids = {kind: record_id for record_id, kind in self._tx.word_ids(self._session_id)}

    def has(self, kind: WordsKind) -> bool:
        return kind in self.ids

    def read(self, kind: WordsKind, record: type[Record]) -> Record:
        known = self._opened.get(kind)
        if not isinstance(known, record):
            known = unpack_record(self._tx.words(self.ids[kind]), record)
            self._opened[kind] = known
        return known


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One allowed action under way: the session as it stands, and what the action leaves behind."""

    tx: Transaction
    row: SessionRow
    subject: Subject
    actor: Actor
    at: datetime
    events: list[AuditEvent]
    words: SessionWords

    def read(self, kind: WordsKind, record: type[Record]) -> Record:
        """Return the words of one kind. Raises `DecisionError` if the session holds none."""
        if not self.words.has(kind):
            raise DecisionError(f"{self.row.session_id} holds no {kind} now. Start it again.")
        return self.words.read(kind, record)

    def has(self, kind: WordsKind) -> bool:
        return self.words.has(kind)

    def put(self, kind: WordsKind, record: object) -> None:
        """Keep words in place of what there was of their kind."""
        self.tx.put_words(
            record_id=self.words.ids.get(kind, new_id("words")),
            person_id=self.row.person_id,
            session_id=self.row.session_id,
            kind=kind,
            payload=pack_record(record),
        )
        self.words.look_again()

    def erase(self, *kinds: WordsKind) -> int:
        """Destroy the words of these kinds (all kinds if none is named); return how many.

        The log names each record, so that a copy of the keys made earlier cannot bring it back.
        """
        doomed = [
            record_id
            for record_id, found in self.tx.word_ids(self.row.session_id)
            if not kinds or found in kinds
        ]
        if not kinds:  # a word that waits to be shown for everybody is still one of theirs
            doomed += waiting_words_of(self.tx, self.row.person_id)
        gone = self.tx.erase_words(doomed)
        self.words.look_again()
        for record_id in gone:
            self.log("words_deleted", words=record_id)
        return len(gone)

    def move(self, event: decide.Event) -> None:
        """Move the session on. Raises `DecisionError` for a move that does not exist."""
        state = decide.next_state(self.row.state, event)  # type: ignore[arg-type]
        self.tx.set_state(session_id=self.row.session_id, state=state, at=self.at)

    def fact(self, name: str, value: float) -> None:
        """Keep a number about the session for figures; never words."""
        self.tx.set_fact(session_id=self.row.session_id, name=name, value=float(value))

    def add_fact(self, name: str, more: float) -> None:
        known = self.tx.facts(self.row.session_id)
        self.fact(name, known.get(name, 0.0) + more)

    def log(self, event: str, *, counts: Mapping[str, int] | None = None, **ids: str) -> None:
        self.events.append(
            AuditEvent(
                event=event,
                actor=self.actor.actor_id,
                ids={"session": self.row.session_id, **ids},
                counts=counts or {},
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at the vault that several reads share; see `Desk.one_look`."""

    tx: Transaction
    events: list[AuditEvent]
    sessions: dict[str, tuple[SessionRow, datetime, SessionWords, Subject]]


class Desk:
    """An open data folder. Threads may share it: actions wait for one another."""

    def __init__(
        self,
        store: Store,
        *,
        settings: Settings,
        gate: Gate,
        clock: Callable[[], datetime],
        make_parts: Callable[[], Parts],
    ) -> None:
        """Use `open_workspace`."""
        self.store = store
        self.settings = settings
        self.gate = gate
        self._clock = clock
        self._make_parts = make_parts
        self._parts: Parts | None = None
        self._lock = threading.RLock()
        self._local = threading.local()  # the look of this thread, if one is open
        folder = store.folder
        self.log_files = LogFiles(
            log=folder / "audit.jsonl", anchors=settings.anchor_file or folder / "anchors.txt"
        )
        self._audit_keys = AuditKeys(
            chain=store.key.derive("audit chain"), signing_seed=store.key.derive("audit signing")
        )

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
        """Close the vault. Closing twice is harmless."""
        self.store.close()

    def parts(self) -> Parts:
        """Return detector, encoder, model and rules, loaded at the first call."""
        if self._parts is None:
            self._parts = self._make_parts()
        return self._parts

    def sessions(self) -> tuple[SessionRow, ...]:
        """Return every session: ids, states and dates, no words."""
        with self._reading() as tx:
            return tx.sessions()

    def session(self, session_id: str) -> SessionRow:
        """Return one session: ids, state and dates. Raises `StoreError` if there is none."""
        with self._reading() as tx:
            return tx.session(session_id)

    def _outbox(self, release_id: str) -> Path:
        return self.store.folder / "outbox" / release_id

    @contextmanager
    def _act(
        self,
        actor: Actor,
        action: Action,
        session_id: str,
        *,
        recipient: str = "",
        digest: str = "",
        part2_notice: bool = False,
        as_note: bool = False,
        about: Callable[[Act], Subject] | None = None,
    ) -> Iterator[Act]:
        """Ask the gate, then run one change and keep its audit entries with it.

        `as_note` asks with names as the note has them (what would leave). `about` adds facts to
        the session that only some actions are about. Raises `Refused`, which is logged too.
        """
        with self._within(session_id, actor=actor, action=action) as act:
            request = Request(
                actor=actor,
                action=action,
                subject=about(act) if about is not None else act.subject,
                recipient=recipient,
                digest=digest,
                names=act.subject.names if as_note else "out",
                part2_notice=part2_notice,
            )
            verdict = self.gate.ask(request)
            if verdict.allowed:
                yield act
                return
            act.log("access_refused", rule=verdict.rule)
        self.gate.require(request)
        raise Refused(rule=verdict.rule, action=action, reason=verdict.reason)

    @contextmanager
    def _within(
        self, session_id: str, *, actor: Actor, action: Action | None = None
    ) -> Iterator[Act]:
        """Run one change to a session without asking the gate; for `_act` and recovery."""
        with self._change() as (tx, events):
            known = self._look.sessions if self._look is not None else {}
            if session_id not in known:
                row = tx.session(session_id)
                at = self._clock()
                words = SessionWords(tx, session_id)
                # Only handing over asks about safety prompts; their draft is large to open.
                with_safety = action == "hand_over"
                subject = describe_session(tx, row, at, words=words, with_safety=with_safety)
                known[session_id] = (row, at, words, subject)
            row, at, words, subject = known[session_id]
            yield Act(
                tx=tx, row=row, subject=subject, actor=actor, at=at, events=events, words=words
            )

    @contextmanager
    def one_look(self) -> Iterator[None]:
        """Let everything read inside, by this thread, share one look at the vault.

        A page asks five questions about one session; each would wait for the vault and open the
        same records again. The gate is asked for each all the same. For reading only: what is known
        of a session is not looked up again. What was refused inside is logged whatever ends the
        block (a page that turns somebody away raises too). Looks do not nest deeper than one.
        """
        if self._look is not None:
            yield
            return
        ended_by: Exception | None = None
        with self._change() as (tx, events):
            self._local.look = Look(tx=tx, events=events, sessions={})
            try:
                yield
            except Exception as error:
                ended_by = error
            finally:
                self._local.look = None
        if ended_by is not None:
            raise ended_by

    @property
    def _look(self) -> Look | None:
        look: Look | None = getattr(self._local, "look", None)
        return look

    @contextmanager
    def _reading(self) -> Iterator[Transaction]:
        """Read without asking the gate; for what no rule is about."""
        if self._look is not None:
            yield self._look.tx
            return
        with self._lock, self.store.transaction() as tx:
            yield tx

    @contextmanager
    def _change(self) -> Iterator[tuple[Transaction, list[AuditEvent]]]:
        if self._look is not None:
            yield self._look.tx, self._look.events
            return
        with self._lock:
            events: list[AuditEvent] = []
            lines: list[str] = []
            with self.store.transaction() as tx:
                yield tx, events
                last = tx.last_audit_entry() if events else None
                for event in events:
                    last = seal_entry(event, last=last, keys=self._audit_keys, at=self._clock())
                    tx.append_audit(last)
                    lines.append(last)
            self.log_files.append(lines, keys=self._audit_keys)

    def _log(self, event: AuditEvent) -> None:
        with self._change() as (_tx, events):
            events.append(event)

    def _ask(self, actor: Actor, action: Action) -> None:
        request = Request(actor=actor, action=action, subject=StoreSubject())
        verdict = self.gate.ask(request)
        if not verdict.allowed:
            self._log(
                AuditEvent(event="access_refused", actor=actor.actor_id, ids={"rule": verdict.rule})
            )
            self.gate.require(request)


def describe_session(
    tx: Transaction,
    row: SessionRow,
    at: datetime,
    *,
    words: SessionWords | None = None,
    with_safety: bool = False,
) -> Subject:
    """Return a session as the gate sees it; what is not known meets no rule.

    Without `with_safety` the number of open safety prompts stays unknown.
    """
    consents = tx.consents(row.person_id)
    words = words or SessionWords(tx, row.session_id)
    note = words.read("note", Note) if words.has("note") else None
    approvals = [d for d in tx.decisions(row.session_id) if d.verb == "approve"]
    safety_open: int | None = None
    if with_safety and words.has("reviewed"):
        n_prompts = len(words.read("reviewed", ReviewedDraft).safety)
        answered = {s.prompt_no for s in tx.safety(row.session_id) if s.state != "surfaced"}
        safety_open = sum(number not in answered for number in range(n_prompts))
    return Subject(
        session_id=row.session_id,
        person_id=row.person_id,
        peer_id=row.peer_id,
        state=row.state,
        # Nobody supervises themselves, and nobody the person of the session.
        supervisor_ids=tx.supervisors_of(row.peer_id) - {row.peer_id, row.person_id},
        active_purposes=active_purposes(consents, now=at),
        record_recipients=record_recipients(consents, now=at),
        share_recipients=share_recipients(consents, now=at),
        safety_open=safety_open,
        digest=note_digest(note) if note is not None else "",
        approved_digest=approvals[-1].digest if approvals else "",
        approved_by=approvals[-1].decided_by if approvals else "",
        names=note.names if note is not None else "out",
    )


def service_record_of(row: SessionRow) -> ServiceRecord:
    return ServiceRecord(
        session_id=row.session_id,
        person_id=row.person_id,
        peer_id=row.peer_id,
        service_date=row.service_date,
        start=row.start,
        end=row.end,
        place=row.place,
        modality=row.modality,
    )
