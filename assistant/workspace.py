"""One installation at work: every public action, asked of the gate first and logged last.

An action is one transaction: the change and its audit entry are kept together or not at all. Words
go into the vault only. What a crash leaves half done (a withdrawal begun, a file without its
release, a log line not yet written out) is finished when the workspace is opened again.

The state of a session and what may follow is `decide.next_state`; who may do it is `policies/`.
"""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, TypeVar

from pydantic import SecretStr

from assistant import decide
from assistant.audit import AuditEvent, AuditKeys, LogFiles, anchor_of, seal_entry
from assistant.canonical import note_digest
from assistant.errors import DecisionError, InputError, Refused, StoreError, StoreFull
from assistant.known_names import hide_known_names
from assistant.policy import (
    Action,
    Actor,
    Gate,
    Request,
    Subject,
    active_purposes,
    load_gate,
    record_recipients,
    share_recipients,
)
from assistant.policy import Store as StoreSubject
from assistant.records import (
    ApprovedNote,
    AuditAnchor,
    Consent,
    Decision,
    Deidentified,
    Draft,
    ModelInfo,
    Names,
    Note,
    NoteSection,
    Purpose,
    Released,
    ReviewedDraft,
    Section,
    SectionName,
    Sentence,
    ServiceRecord,
    SurrogateMap,
    Transcript,
    Verb,
    Voice,
)
from assistant.sealed import WordsKind, pack_record, unpack_record
from assistant.settings import Settings
from assistant.store import MasterKey, ReleaseRow, SessionRow, Store, Transaction

if TYPE_CHECKING:
    from assistant.pipeline import Parts
    from assistant.release import ReleaseFormat

Record = TypeVar("Record")
SafetyAnswer = Literal["handled_before_draft", "passed_to_supervisor", "not_applicable"]
SOFTWARE = Actor(actor_id="software", role="software")
_MIN_CODE_CHARS = 4  # beside the peer; a link sent elsewhere will ask for more
OWN_COPY = "the person"  # the recipient of a person's own copy
# The working words of a session: gone with the decision, unless the agency keeps transcripts.
_WORKING: tuple[WordsKind, ...] = ("transcript", "deidentified", "surrogates", "reviewed")


def new_id(kind: str) -> str:
    """Return a random id such as `session-0f3a...`; it is derived from nothing."""
    return f"{kind}-{secrets.token_hex(8)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One allowed action under way: the session as it stands, and what the action leaves behind."""

    tx: Transaction
    row: SessionRow
    subject: Subject
    actor: Actor
    at: datetime
    events: list[AuditEvent]

    def read(self, kind: WordsKind, record: type[Record]) -> Record:
        """Return the words of one kind. Raises `DecisionError` if the session holds none."""
        for record_id, found in self.tx.word_ids(self.row.session_id):
            if found == kind:
                return unpack_record(self.tx.words(record_id), record)
        raise DecisionError(f"{self.row.session_id} holds no {kind} now. Start it again.")

    def has(self, kind: WordsKind) -> bool:
        return any(found == kind for _id, found in self.tx.word_ids(self.row.session_id))

    def put(self, kind: WordsKind, record: object) -> None:
        """Keep words in place of what there was of their kind."""
        known = {found: record_id for record_id, found in self.tx.word_ids(self.row.session_id)}
        self.tx.put_words(
            record_id=known.get(kind, new_id("words")),
            person_id=self.row.person_id,
            session_id=self.row.session_id,
            kind=kind,
            payload=pack_record(record),
        )

    def erase(self, *kinds: WordsKind) -> int:
        """Destroy the words of these kinds (all kinds if none is named); return how many.

        The log names each record, so that a copy of the keys made earlier cannot bring it back.
        """
        gone = self.tx.erase_words(
            [
                record_id
                for record_id, found in self.tx.word_ids(self.row.session_id)
                if not kinds or found in kinds
            ]
        )
        for record_id in gone:
            self.log("words_deleted", words=record_id)
        return len(gone)

    def move(self, event: decide.Event) -> None:
        """Move the session on. Raises `DecisionError` for a move that does not exist."""
        state = decide.next_state(self.row.state, event)  # type: ignore[arg-type]
        self.tx.set_state(session_id=self.row.session_id, state=state, at=self.at)

    def log(self, event: str, *, counts: Mapping[str, int] | None = None, **ids: str) -> None:
        self.events.append(
            AuditEvent(
                event=event,
                actor=self.actor.actor_id,
                ids={"session": self.row.session_id, **ids},
                counts=counts or {},
            )
        )


class Workspace:
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
        folder = store.folder
        self.log_files = LogFiles(
            log=folder / "audit.jsonl", anchors=settings.anchor_file or folder / "anchors.txt"
        )
        self._audit_keys = AuditKeys(
            chain=store.key.derive("audit chain"), signing_seed=store.key.derive("audit signing")
        )
        self._recover()

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

    # ------------------------------------------------------------ people, sessions, consents

    def add_person(self) -> str:
        """Return the id of a new person. Their name is kept nowhere but in their own words."""
        person_id = new_id("person")
        with self._change() as (tx, events):
            tx.add_person(person_id=person_id, created_at=self._clock())
            events.append(
                AuditEvent(event="person_added", actor="software", ids={"person": person_id})
            )
        return person_id

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
        from argon2 import PasswordHasher

        if len(code.get_secret_value().strip()) < _MIN_CODE_CHARS:
            raise InputError(f"Choose a code of at least {_MIN_CODE_CHARS} letters or digits.")
        with self._act(actor, "record_consent", session_id) as act:
            if actor.role != "person":
                raise DecisionError("Only the person can choose their code.")
            hashed = PasswordHasher().hash(code.get_secret_value())
            record_id = f"code-{act.row.person_id}"
            act.tx.put_words(
                record_id=record_id, person_id=act.row.person_id, session_id=None, kind="code",
                payload=hashed.encode(),
            )  # fmt: skip

    def sign_in_person(self, session_id: str, *, code: SecretStr) -> Actor | None:
        """Return the person of a session if the code is theirs, else None; both are slow."""
        from argon2 import PasswordHasher
        from argon2.exceptions import VerifyMismatchError

        with self._lock, self.store.transaction() as tx:
            person_id = tx.session(session_id).person_id
            hashed = tx.words(f"code-{person_id}").decode()
        try:
            PasswordHasher().verify(hashed, code.get_secret_value())
        except VerifyMismatchError:
            refused = AuditEvent(event="access_refused", actor="software", ids={"rule": "code"})
            self._log(refused)
            return None
        return Actor(actor_id=person_id, role="person")

    def sessions(self) -> tuple[SessionRow, ...]:
        """Return every session: ids, states and dates, no words."""
        with self._lock, self.store.transaction() as tx:
            return tx.sessions()

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

    # ------------------------------------------------------------ from transcript to draft

    def import_transcript(self, actor: Actor, session_id: str, transcript: Transcript) -> None:
        """Keep a transcript that `ingest` read."""
        with self._act(actor, "import_transcript", session_id) as act:
            act.put("transcript", transcript)
            act.move("import_transcript")
            act.log(
                "transcript_imported",
                counts={"turns": len(transcript.turns), "unread": len(transcript.unread)},
            )

    def draft(self, actor: Actor, session_id: str, *, voice: Voice = "tidied") -> ReviewedDraft:
        """Hide identities, draft and review; the gate is asked before and again before keeping.

        The vault stays free for others while the model works.
        """
        from assistant.pipeline import prepare

        with self._act(actor, "draft", session_id) as act:
            transcript = act.read("transcript", Transcript)
            request = Request(actor=actor, action="draft", subject=act.subject)
        prepared = prepare(
            transcript, gate=self.gate, request=request, parts=self.parts(), voice=voice
        )
        draft = prepared.reviewed.draft
        with self._act(actor, "draft", session_id) as act:
            if act.read("transcript", Transcript) != transcript:
                raise DecisionError(f"{session_id}: the transcript was replaced. Draft again.")
            act.put("deidentified", prepared.deidentified)
            act.put("surrogates", prepared.surrogates)
            act.put("reviewed", prepared.reviewed)
            self._reset_safety(act)
            act.move("draft")
            act.log(
                "draft_written",
                counts={
                    "sentences": sum(len(section.sentences) for section in draft.sections),
                    "held_back": len(draft.held_back),
                    "flags": len(prepared.reviewed.flags),
                    "safety": len(prepared.reviewed.safety),
                },
            )
        return prepared.reviewed

    def write_by_hand(
        self, actor: Actor, session_id: str, *, sentences: tuple[tuple[SectionName, str], ...]
    ) -> ReviewedDraft:
        """Put sentences that people wrote in the place of a draft; no AI and no consent to it."""
        named: dict[SectionName, list[Sentence]] = {}
        for name, text in sentences:
            written = Sentence(text=text, origin="written", evidence=(), own_words=0.0)
            named.setdefault(name, []).append(written)
        draft = Draft(
            sections=tuple(Section(name=name, sentences=tuple(s)) for name, s in named.items()),
            held_back=(),
            model=ModelInfo(name="none", backend="none"),
            voice="exact",
        )
        with self._act(actor, "write_by_hand", session_id) as act:
            reviewed = self._flag(act, draft)
            act.put("reviewed", reviewed)
            self._reset_safety(act)
            act.move("write_by_hand")
            act.log("draft_written", voice="by_hand", counts={"sentences": len(sentences)})
        return reviewed

    def edit_draft(
        self, actor: Actor, session_id: str, *, section: SectionName, sentence: int, text: str
    ) -> ReviewedDraft:
        """Put the peer's words in the place of a drafted sentence and check their language."""
        with self._act(actor, "edit_draft", session_id) as act:
            draft = act.read("reviewed", ReviewedDraft).draft
            old = [one for one in draft.sections if one.name == section]
            if not old or not 0 <= sentence < len(old[0].sentences):
                raise DecisionError(f"{session_id} has no such sentence in its draft.")
            if not text.strip():
                raise InputError("There are no words here. Type some, or leave the sentence out.")
            written = replace(old[0].sentences[sentence], text=text, origin="written")
            kept = old[0].sentences
            changed = replace(old[0], sentences=(*kept[:sentence], written, *kept[sentence + 1 :]))
            sections = tuple(changed if one.name == section else one for one in draft.sections)
            reviewed = self._flag(act, replace(draft, sections=sections))
            act.put("reviewed", reviewed)
            act.move("edit_draft")
            act.log("draft_edited", counts={"n_chars": len(text)})
        return reviewed

    def acknowledge_safety(
        self, actor: Actor, session_id: str, *, prompt_no: int, answer: SafetyAnswer
    ) -> None:
        """Record what the peer did about one safety prompt (0-based); the software does nothing."""
        with self._act(actor, "acknowledge_safety", session_id) as act:
            n_prompts = len(act.read("reviewed", ReviewedDraft).safety)
            if not 0 <= prompt_no < n_prompts:
                raise InputError(f"{session_id} has {n_prompts} safety prompts, counted from 0.")
            act.tx.set_safety(
                session_id=session_id, prompt_no=prompt_no, state=answer,
                by=actor.actor_id, at=act.at,
            )  # fmt: skip
            act.log("safety_acknowledged", answer=answer, counts={"prompt": prompt_no})

    def view_draft(self, actor: Actor, session_id: str) -> ReviewedDraft:
        with self._act(actor, "view_draft", session_id) as act:
            return act.read("reviewed", ReviewedDraft)

    def view_transcript(self, actor: Actor, session_id: str) -> Transcript:
        with self._act(actor, "view_transcript", session_id) as act:
            return act.read("transcript", Transcript)

    def hand_over(self, actor: Actor, session_id: str) -> Note:
        """Put the draft before the person, with names out until they choose otherwise."""
        with self._act(actor, "hand_over", session_id) as act:
            note = decide.build_note(
                note_id=new_id("note"),
                session_id=session_id,
                person_id=act.row.person_id,
                names="out",
                sections=act.read("reviewed", ReviewedDraft).draft.sections,
            )
            act.put("note", note)
            act.move("hand_over")
            act.log("note_handed_over", note=note.note_id, digest=note_digest(note))
        return note

    # ------------------------------------------------------------ the person decides

    def view_note(self, actor: Actor, session_id: str) -> Note:
        """Return the note as it stands, for the person to decide on."""
        with self._act(actor, "view_note_for_decision", session_id) as act:
            return act.read("note", Note)

    def change(
        self, actor: Actor, session_id: str, *, section: SectionName, sentence: int, text: str
    ) -> Note:
        """Put the person's words in the place of a sentence."""
        return self._edit_note(
            actor,
            "change",
            session_id,
            "note_changed",
            lambda note: decide.change_sentence(
                note, section=section, sentence=sentence, text=text
            ),
        )

    def leave_out(
        self,
        actor: Actor,
        session_id: str,
        *,
        section: SectionName,
        sentence: int,
        words: tuple[int, int] | None = None,
    ) -> Note:
        """Take a sentence out, or only the characters [start, end) of it."""

        def edit(note: Note) -> Note:
            if words is None:
                return decide.leave_out_sentence(note, section=section, sentence=sentence)
            start, end = words
            return decide.leave_out_words(
                note, section=section, sentence=sentence, start=start, end=end
            )

        return self._edit_note(actor, "leave_out", session_id, "part_left_out", edit)

    def disagree(self, actor: Actor, session_id: str, *, statement: str) -> Note:
        """Add the person's own statement; it travels with the note."""
        return self._edit_note(
            actor,
            "disagree",
            session_id,
            "statement_added",
            lambda note: decide.add_statement(note, statement),
        )

    def choose_names(self, actor: Actor, session_id: str, *, names: Names) -> Note:
        """Show real names in the note, or stand-ins; either way the person sees the exact text."""
        from assistant.deidentify import restore_names

        with self._act(actor, "change", session_id) as act:
            surrogates = act.read("surrogates", SurrogateMap) if act.has("surrogates") else None
            if surrogates is None:
                raise DecisionError(
                    f"{session_id}: the list of names was deleted with the transcript."
                )

            def convert(text: str, turns: tuple[int, ...]) -> str:
                if names == "in":
                    return restore_names(text, surrogates=surrogates, turns=turns)
                return hide_known_names(text, surrogates=surrogates)

            note = act.read("note", Note)
            sections = tuple(
                replace(
                    section,
                    sentences=tuple(
                        replace(s, text=convert(s.text, tuple(place.turn for place in s.evidence)))
                        for s in section.sentences
                    ),
                )
                for section in note.sections
            )
            statements = tuple(convert(statement, ()) for statement in note.statements)
            chosen = replace(note, names=names, sections=sections, statements=statements)
            self._keep_edited(act, chosen, event="change")
            act.log("note_changed", note=note.note_id, names=names, digest=note_digest(chosen))
        return chosen

    def approve(self, actor: Actor, session_id: str, *, digest: str) -> ApprovedNote:
        """Bind the person's yes to the exact text whose digest they saw.

        The transcript and what was made from it are then deleted, unless the agency's settings
        keep transcripts.
        """
        with self._act(actor, "approve", session_id, digest=digest) as act:
            note = act.read("note", Note)
            decision = self._decision(act, "approve", note=note, digest=digest)
            approved = decide.record_decision(note, decision)
            act.tx.add_decision(session_id=session_id, decision=decision)
            act.move("approve")
            act.log("note_approved", note=note.note_id, digest=digest)
            if act.has("released_note"):
                act.erase("released_note")
            self._delete_working_words(act)
        return approved

    def refuse(self, actor: Actor, session_id: str, *, reason: str = "") -> None:
        """Record the person's no; every word of the session is destroyed."""
        with self._act(actor, "refuse", session_id) as act:
            note = act.read("note", Note)
            decision = self._decision(
                act, "refuse", note=note, digest=note_digest(note), reason=reason
            )
            decide.check_decision(note, decision)
            act.tx.add_decision(session_id=session_id, decision=decision)
            act.move("refuse")
            act.log("note_refused", note=note.note_id, counts={"erased": act.erase()})

    def end_without_note(self, actor: Actor, session_id: str) -> None:
        """End the session without a note; every word of it is destroyed."""
        with self._act(actor, "no_note", session_id) as act:
            act.move("no_note")
            act.log("session_closed", counts={"erased": act.erase()})

    def file_service_record(self, actor: Actor, session_id: str) -> ServiceRecord:
        """File the minimal record: date, times, place, modality, no story."""
        with self._act(actor, "file_service_record", session_id) as act:
            record = _service_record(act.row)
            if record not in act.tx.service_records(person_id=act.row.person_id):
                act.tx.add_service_record(record)
            act.log("service_record_filed")
        return record

    def withdraw(self, actor: Actor, session_id: str) -> tuple[str, ...]:
        """Take a note back: destroy every word of the session and every copy within reach.

        Returns the recipients who already hold a copy, which nobody can pull back. The withdrawal
        is recorded before the first word goes, so that a crash ends in a finished withdrawal.
        """
        with self._act(actor, "withdraw", session_id) as act:
            if act.has("note"):
                note = act.read("note", Note)
                decision = self._decision(act, "withdraw", note=note, digest=note_digest(note))
                decide.check_decision(note, decision)
                act.tx.add_decision(session_id=session_id, decision=decision)
            act.move("withdraw")
            act.log("note_withdrawal_begun")
        return self._complete_withdrawal(session_id, actor=actor)

    # ------------------------------------------------------------ release

    def release(
        self, actor: Actor, session_id: str, *, to: str, formats: tuple[ReleaseFormat, ...]
    ) -> Released:
        """Release the approved text to one recipient the person said yes to; files in `outbox`."""
        from assistant.pipeline import finish

        with self._act(
            actor, "release", session_id, recipient=to, part2_notice=True, as_note=True
        ) as act:
            note = act.read("note", Note)
            release_id = new_id("release")
            _approved, released = finish(
                note,
                self._last_approval(act),
                gate=self.gate,
                request=Request(
                    actor=actor, action="release", subject=act.subject, recipient=to,
                    names=note.names, part2_notice=True,
                ),
                consent=self._consent_for(act, to),
                service=_service_record(act.row),
                anchor=self._anchor(act),
                to=to,
                formats=formats,
                folder=self._outbox(release_id),
                now=act.at,
            )  # fmt: skip
            self._keep_release(act, released, release_id=release_id, digest=note_digest(note))
            act.move("release")
            act.log("note_released", release=release_id, note=note.note_id, names=note.names)
        return released

    def export_own_copy(
        self, actor: Actor, session_id: str, *, formats: tuple[ReleaseFormat, ...] = ("markdown",)
    ) -> Released:
        """Give the person their own copy of what they approved; they need nobody's consent."""
        from assistant.release import release_own_copy

        with self._act(actor, "export_own_copy", session_id) as act:
            note = act.read("note", Note)
            release_id = new_id("release")
            released = release_own_copy(
                decide.record_decision(note, self._last_approval(act)),
                to=OWN_COPY,
                formats=formats,
                folder=self._outbox(release_id),
                service=_service_record(act.row),
                anchor=self._anchor(act),
                now=act.at,
            )
            self._keep_release(act, released, release_id=release_id, digest=note_digest(note))
            act.log("copy_exported", release=release_id, note=note.note_id)
        return released

    def released_folder(self, released: Released) -> Path:
        """Return the folder in the outbox that holds these files."""
        for folder in (self.store.folder / "outbox").iterdir():
            if all((folder / name).exists() for name in released.files):
                return folder
        raise StoreError(f"The files of {released.note_id} are no longer in the outbox.")

    def view_released_note(self, actor: Actor, session_id: str) -> Note:
        """Return the text that was released (while it is amended, the released one stands)."""
        with self._act(actor, "view_released_note", session_id) as act:
            kind: WordsKind = "released_note" if act.has("released_note") else "note"
            return act.read(kind, Note)

    # ------------------------------------------------------------ upkeep

    def run_retention(self, actor: Actor = SOFTWARE) -> int:
        """Delete what is past its time; return how many records went.

        A note left undecided past the limit is dropped, never approved: silence is not a yes.
        """
        self._ask(actor, "run_retention")
        now = self._clock()
        n_erased = 0
        for row in self.sessions():
            age_days = (now - row.updated_at).days
            is_old = age_days >= self.settings.undecided_days
            with self._within(row.session_id, actor=SOFTWARE) as act:
                if row.state in ("transcribed", "drafted", "handed_over") and is_old:
                    # The table has one way out for each: without a note.
                    event: decide.Event = (
                        "undecided_too_long" if row.state == "handed_over" else "no_note"
                    )
                    n_now = act.erase()
                    act.move(event)
                    act.log("session_closed", counts={"erased": n_now})
                elif row.state == "amending" and is_old:
                    released = act.read("released_note", Note)
                    act.put("note", released)
                    n_now = act.erase("released_note")
                    act.move("undecided_too_long")
                elif row.state in ("approved", "released", "amended"):
                    n_now = self._delete_working_words(act)
                else:
                    n_now = 0
                n_erased += n_now
        return n_erased

    def back_up(self, actor: Actor, destination: Path) -> None:
        """Write every row, and no key, into one sealed file."""
        from assistant.store import backup

        self._ask(actor, "backup")
        with self._lock:
            backup(self.store, destination)
            self._log(AuditEvent(event="backup_made", actor=actor.actor_id))

    def copy_keys(self, actor: Actor, destination: Path, *, passphrase: SecretStr) -> None:
        """Write a sealed copy of the keys, to be kept apart from the backups."""
        from assistant.store import backup_keys

        self._ask(actor, "backup")
        with self._lock:
            backup_keys(self.store, destination, passphrase=passphrase)
            self._log(AuditEvent(event="key_copy_made", actor=actor.actor_id))

    def restore(self, actor: Actor, source: Path) -> int:
        """Add the rows of a backup that are missing here; withdrawn words stay gone.

        Returns how many records of words came back.
        """
        from assistant.store import restore

        self._ask(actor, "restore")
        with self._lock:
            report = restore(self.store, source)
            self._log(
                AuditEvent(
                    event="backup_restored",
                    actor=actor.actor_id,
                    counts={"words": report.n_words, "left_gone": report.n_words_gone},
                )
            )
            self._recover()
        return report.n_words

    # ------------------------------------------------------------ inside

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
    ) -> Iterator[Act]:
        """Ask the gate, then run one change and keep its audit entries with it.

        `as_note` asks with names as the note has them (what would leave). Raises `Refused`, which
        is logged too.
        """
        with self._within(session_id, actor=actor) as act:
            request = Request(
                actor=actor,
                action=action,
                subject=act.subject,
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
    def _within(self, session_id: str, *, actor: Actor) -> Iterator[Act]:
        """Run one change to a session without asking the gate; for `_act` and recovery."""
        with self._change() as (tx, events):
            row = tx.session(session_id)
            at = self._clock()
            yield Act(
                tx=tx, row=row, subject=_describe(tx, row, at), actor=actor, at=at, events=events
            )

    @contextmanager
    def _change(self) -> Iterator[tuple[Transaction, list[AuditEvent]]]:
        with self._lock:
            events: list[AuditEvent] = []
            lines: list[str] = []
            with self.store.transaction() as tx:
                yield tx, events
                last = tx.last_audit_entry()
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

    def _flag(self, act: Act, draft: Draft) -> ReviewedDraft:
        from assistant.review import load_language_rules, review_draft

        hidden = (
            act.read("deidentified", Deidentified)
            if act.has("deidentified")
            else Deidentified(turns=())
        )
        safety = act.read("reviewed", ReviewedDraft).safety if act.has("reviewed") else ()
        return review_draft(draft, deidentified=hidden, rules=load_language_rules(), safety=safety)

    def _reset_safety(self, act: Act) -> None:
        """A new draft asks its safety prompts anew."""
        for row in act.tx.safety(act.row.session_id):
            act.tx.set_safety(
                session_id=row.session_id, prompt_no=row.prompt_no, state="surfaced",
                by=act.actor.actor_id, at=act.at,
            )  # fmt: skip

    def _edit_note(
        self,
        actor: Actor,
        action: Literal["change", "leave_out", "disagree"],
        session_id: str,
        event: str,
        edit: Callable[[Note], Note],
    ) -> Note:
        with self._act(actor, action, session_id) as act:
            edited = self._hide_again(act, edit(act.read("note", Note)))
            self._keep_edited(act, edited, event=action)
            act.log(event, note=edited.note_id, digest=note_digest(edited))
        return edited

    def _hide_again(self, act: Act, note: Note) -> Note:
        """Put stand-ins for known names that were typed into a note whose names are out."""
        if note.names == "in" or not act.has("surrogates"):
            return note
        surrogates = act.read("surrogates", SurrogateMap)

        def hidden(section: NoteSection) -> NoteSection:
            sentences = tuple(
                replace(s, text=hide_known_names(s.text, surrogates=surrogates))
                if s.origin == "written"
                else s
                for s in section.sentences
            )
            return replace(section, sentences=sentences)

        return replace(
            note,
            sections=tuple(hidden(section) for section in note.sections),
            statements=tuple(
                hide_known_names(statement, surrogates=surrogates) for statement in note.statements
            ),
        )

    def _keep_edited(
        self, act: Act, note: Note, *, event: Literal["change", "leave_out", "disagree"]
    ) -> None:
        if act.row.state == "released":  # the released text stands until the new one is approved
            act.put("released_note", act.read("note", Note))
        act.put("note", note)
        act.move(event)

    def _delete_working_words(self, act: Act) -> int:
        return 0 if self.settings.keep_transcript else act.erase(*_WORKING)

    def _decision(
        self, act: Act, verb: Verb, *, note: Note, digest: str, reason: str = ""
    ) -> Decision:
        return Decision(
            verb=verb,
            note_id=note.note_id,
            digest=digest,
            decided_by=act.actor.actor_id,
            decided_at=act.at,
            reason=reason,
        )

    def _last_approval(self, act: Act) -> Decision:
        approvals = [d for d in act.tx.decisions(act.row.session_id) if d.verb == "approve"]
        if not approvals:
            raise DecisionError(f"{act.row.session_id} has no approval.")
        return approvals[-1]

    def _consent_for(self, act: Act, to: str) -> Consent:
        """Return the consent that covers this recipient now."""
        purposes: tuple[Purpose, ...] = ("share", "save_note")
        for purpose in purposes:
            held = [c for c in act.tx.consents(act.row.person_id) if c.purpose == purpose]
            if purpose in act.subject.active_purposes and to in held[-1].recipients:
                return held[-1]
        raise Refused(
            rule="release-needs-consent-for-recipient",
            action="release",
            reason="no consent of the person names this recipient",
        )

    def _anchor(self, act: Act) -> AuditAnchor:
        last = act.tx.last_audit_entry()
        if last is None:
            raise StoreError("The audit log is empty. Restore it before releasing anything.")
        return anchor_of(last, keys=self._audit_keys)

    def _outbox(self, release_id: str) -> Path:
        return self.store.folder / "outbox" / release_id

    def _keep_release(self, act: Act, released: Released, *, release_id: str, digest: str) -> None:
        act.tx.add_release(
            ReleaseRow(
                release_id=release_id,
                session_id=act.row.session_id,
                note_id=released.note_id,
                recipient=released.recipient,
                names=released.names,
                digest=digest,
                files=tuple(released.digests.items()),
                released_at=released.released_at,
            )
        )

    def _complete_withdrawal(self, session_id: str, *, actor: Actor) -> tuple[str, ...]:
        """Destroy, read back, and only then say that it is done."""
        try:
            releases, record_ids = self._erase_session(session_id, actor=actor)
        except StoreFull:  # erasing may use the space that the vault keeps in reserve
            releases, record_ids = self._erase_session(session_id, actor=actor)
        for release in releases:
            shutil.rmtree(self._outbox(release.release_id), ignore_errors=True)
        self.store.confirm_erased(record_ids)
        left = sum(self._outbox(release.release_id).exists() for release in releases)
        if left:
            raise StoreError(f"{left} released files could not be deleted. Try again.")
        with self._within(session_id, actor=actor) as act:
            for release in releases:
                act.tx.set_recalled(release_id=release.release_id, at=act.at)
            act.move("withdrawal_confirmed")
            act.log("note_withdrawn", counts={"copies_deleted": len(releases)})
        return tuple(release.recipient for release in releases if release.recipient != OWN_COPY)

    def _erase_session(
        self, session_id: str, *, actor: Actor
    ) -> tuple[tuple[ReleaseRow, ...], tuple[str, ...]]:
        with self._within(session_id, actor=actor) as act:
            releases = act.tx.releases(session_id)
            record_ids = tuple(record_id for record_id, _kind in act.tx.word_ids(session_id))
            act.erase()
        return releases, record_ids

    def _recover(self) -> None:
        """Finish what a crash cut off: log lines, orphaned files, begun withdrawals."""
        with self._lock:
            with self.store.transaction() as tx:
                entries = tx.audit_entries()
                sessions = tx.sessions()
                known = {row.release_id for s in sessions for row in tx.releases(s.session_id)}
            if not entries:
                self._log(AuditEvent(event="log_opened", actor="software"))
            else:
                written = len(self.log_files.entries())
                self.log_files.append(entries[written:], keys=self._audit_keys)
            outbox = self.store.folder / "outbox"
            for folder in outbox.iterdir() if outbox.is_dir() else ():
                if folder.name not in known:
                    shutil.rmtree(folder, ignore_errors=True)
            if self.store.recovered():
                self._log(
                    AuditEvent(
                        event="recovered",
                        actor="software",
                        counts={"records": len(self.store.recovered())},
                    )
                )
            for row in sessions:
                if row.state == "withdrawing":
                    self._complete_withdrawal(row.session_id, actor=SOFTWARE)


def open_workspace(
    settings: Settings,
    *,
    key: MasterKey,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    make_parts: Callable[[], Parts] | None = None,
    gate: Gate | None = None,
) -> Workspace:
    """Open the data folder of the settings, laying it out at the first time.

    Raises the errors of `Store.open`, and `SettingError` if the policies could fail open.
    """

    def load() -> Parts:
        from assistant.pipeline import load_parts

        return load_parts(settings)

    folder = settings.data_dir
    is_new = not (folder / "words.db").exists()
    gate = gate or load_gate()
    store = (Store.create if is_new else Store.open)(folder, key=key, clock=clock)
    try:
        return Workspace(
            store, settings=settings, gate=gate, clock=clock, make_parts=make_parts or load
        )
    except BaseException:
        store.close()
        raise


def _describe(tx: Transaction, row: SessionRow, at: datetime) -> Subject:
    """Return a session as the gate sees it; what is not known meets no rule."""
    consents = tx.consents(row.person_id)
    words = {kind: record_id for record_id, kind in tx.word_ids(row.session_id)}
    note = unpack_record(tx.words(words["note"]), Note) if "note" in words else None
    approvals = [d for d in tx.decisions(row.session_id) if d.verb == "approve"]
    safety_open: int | None = None
    if "reviewed" in words:
        n_prompts = len(unpack_record(tx.words(words["reviewed"]), ReviewedDraft).safety)
        answered = {s.prompt_no for s in tx.safety(row.session_id) if s.state != "surfaced"}
        safety_open = sum(number not in answered for number in range(n_prompts))
    return Subject(
        session_id=row.session_id,
        person_id=row.person_id,
        peer_id=row.peer_id,
        state=row.state,
        active_purposes=active_purposes(consents, now=at),
        record_recipients=record_recipients(consents, now=at),
        share_recipients=share_recipients(consents, now=at),
        safety_open=safety_open,
        digest=note_digest(note) if note is not None else "",
        approved_digest=approvals[-1].digest if approvals else "",
        approved_by=approvals[-1].decided_by if approvals else "",
        names=note.names if note is not None else "out",
    )


def _service_record(row: SessionRow) -> ServiceRecord:
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
