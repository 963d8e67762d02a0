"""What the person decides: the verbs, the service record, and taking a note back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from assistant import decide
from assistant.canonical import note_digest
from assistant.errors import DecisionError, StoreError, StoreFull
from assistant.known_names import hide_known_names
from assistant.policy import (
    Actor,
)
from assistant.records import (
    ApprovedNote,
    Decision,
    Names,
    Note,
    NoteSection,
    SectionName,
    ServiceRecord,
    SurrogateMap,
    Verb,
)
from assistant.sealed import WordsKind
from assistant.store import ReleaseRow
from assistant.workspace.desk import OWN_COPY, Act, Desk, service_record_of

if TYPE_CHECKING:
    pass

# The working words of a session: gone with the decision, unless the agency keeps transcripts.
_WORKING: tuple[WordsKind, ...] = ("transcript", "deidentified", "surrogates", "reviewed")


class Deciding(Desk):
    """What the person does, and nobody for them."""

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
            record = service_record_of(act.row)
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
