"""What the person decides: the verbs, the service record, and taking a note back."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import perf_counter
from typing import Literal

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
    Deidentified,
    DeidentifiedTurn,
    Evidence,
    Names,
    Note,
    NoteHistory,
    NoteSection,
    Purpose,
    ReviewedDraft,
    SectionName,
    ServiceRecord,
    SurrogateMap,
    Transcript,
    Verb,
)
from assistant.sealed import WordsKind
from assistant.store import ReleaseRow
from assistant.workspace.agency_words import waiting_words_of
from assistant.workspace.desk import OWN_COPY, Act, service_record_of
from assistant.workspace.meeting import Meeting
from assistant.workspace.note_facts import facts_of

# The working words of a session: gone with the decision, unless the agency keeps transcripts.
_WORKING: tuple[WordsKind, ...] = (
    "transcript", "deidentified", "surrogates", "reviewed", "note_history", "flag_answers",
)  # fmt: skip
_UNDOS = 20
_FACT_OF = {"change": "changes", "leave_out": "left_out", "disagree": "statements"}
_NEVER_OFFERED = frozenset({"asked_not_to_record", "safety", "third_party", "instruction"})
_NOT_ON_TRAILS = frozenset({"words_deleted", "access_refused", "link_used"})
_SENTENCE = re.compile(r"[^.!?\n]+[.!?…]*['\"”’)]*")
_MIN_SENTENCE_WORDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWords:
    """A sentence of the person, with stand-ins, and where it was said."""

    turn: int
    text: str = field(repr=False)
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailEvent:
    at: datetime
    event: str
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """What a person sees of who did what, and who holds a copy."""

    state: str
    releases: tuple[ReleaseRow, ...]
    events: tuple[TrailEvent, ...]
    approved_at: datetime | None


class Deciding(Meeting):
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

    def undo_change(self, actor: Actor, session_id: str) -> Note:
        """Take the person's last change back; the names choice is a change too."""
        with self._act(actor, "change", session_id) as act:
            history = act.read("note_history", NoteHistory) if act.has("note_history") else None
            if history is None or not history.earlier:
                raise DecisionError("There is no change to take back.")
            note = history.earlier[-1]
            act.put("note", note)
            act.put("note_history", replace(history, earlier=history.earlier[:-1]))
            act.move("change")
            act.log("change_undone", note=note.note_id, digest=note_digest(note))
        return note

    def can_undo(self, actor: Actor, session_id: str) -> bool:
        with self._act(actor, "view_note_for_decision", session_id) as act:
            if not act.has("note_history"):
                return False
            return bool(act.read("note_history", NoteHistory).earlier)

    def add_sentence(
        self, actor: Actor, session_id: str, *, section: SectionName, text: str
    ) -> Note:
        """Add a sentence the person wrote."""
        return self._edit_note(
            actor, "change", session_id, "note_changed",
            lambda note: decide.add_sentence(note, section=section, text=text),
        )  # fmt: skip

    def view_said(self, actor: Actor, session_id: str) -> Mapping[int, DeidentifiedTurn]:
        """Return what was said, by turn, with stand-ins; empty once it is deleted."""
        with self._act(actor, "view_transcript", session_id) as act:
            if not act.has("deidentified"):
                return {}
            return {turn.number: turn for turn in act.read("deidentified", Deidentified).turns}

    def own_words(self, actor: Actor, session_id: str) -> tuple[OwnWords, ...]:
        """Return whole sentences the person said that are not in the note, for them to pick from.

        What they asked not to write down and what touches safety is left out here too.
        """
        with self._act(actor, "view_transcript", session_id) as act:
            if not act.has("deidentified") or not act.has("reviewed"):
                return ()
            note = act.read("note", Note)
            draft = act.read("reviewed", ReviewedDraft).draft
            hidden = act.read("deidentified", Deidentified)
        private = {h.turn for h in draft.held_back if h.reason in _NEVER_OFFERED}
        inside = {s.text for section in note.sections for s in section.sentences}
        return tuple(
            words
            for turn in hidden.turns
            if turn.role == "person" and turn.number not in private
            for words in _whole_sentences(turn)
            if words.text not in inside
        )

    def add_own_words(
        self, actor: Actor, session_id: str, *, section: SectionName, turn: int, start: int
    ) -> Note:
        """Add a sentence exactly as it was said; `turn` and `start` as `own_words` gave them."""
        found = [
            words
            for words in self.own_words(actor, session_id)
            if (words.turn, words.evidence.start) == (turn, start)
        ]
        if not found:
            raise DecisionError("These words are in the note already, or are gone. Load it again.")

        def edit(note: Note) -> Note:
            added = decide.add_sentence(note, section=section, text=found[0].text)
            return replace(
                added,
                sections=tuple(
                    replace(
                        one,
                        sentences=(
                            *one.sentences[:-1],
                            replace(
                                one.sentences[-1], origin="verbatim",
                                evidence=(found[0].evidence,),
                            ),
                        ),
                    )
                    if one.name == section
                    else one
                    for one in added.sections
                ),
            )  # fmt: skip

        return self._edit_note(actor, "change", session_id, "note_changed", edit)

    def decide_later(self, actor: Actor, session_id: str) -> None:
        """Leave the decision for later; nothing goes out meanwhile."""
        with self._act(actor, "decide_later", session_id) as act:
            act.move("decide_later")
            act.log("decision_put_off")

    def set_recipients(
        self,
        actor: Actor,
        session_id: str,
        *,
        record: tuple[str, ...],
        share: tuple[str, ...],
        discloser: str,
        text_version: str,
    ) -> None:
        """Say anew who may have the note: a yes for each list that names somebody, else a no."""
        lists: tuple[tuple[Purpose, tuple[str, ...]], ...] = (
            ("save_note", record), ("share", share),
        )  # fmt: skip
        for purpose, recipients in lists:
            self.record_consent(
                actor, session_id, purpose=purpose, given=bool(recipients), recipients=recipients,
                information="notes of my peer support", discloser=discloser, mode="electronic",
                text_version=text_version,
            )  # fmt: skip

    def recipients(self, actor: Actor, session_id: str) -> tuple[frozenset[str], frozenset[str]]:
        """Return whom the yes to the record and the yes to sharing name now."""
        with self._act(actor, "view_session", session_id) as act:
            return act.subject.record_recipients, act.subject.share_recipients

    def own_trail(self, actor: Actor, session_id: str) -> Trail:
        """Return who received the note, and what was done with the session and when."""
        with self._act(actor, "view_own_trail", session_id) as act:
            events = tuple(
                TrailEvent(at=datetime.fromisoformat(entry["at"]), event=entry["event"],
                           actor=entry["actor"])
                for entry in map(json.loads, act.tx.audit_entries_about(session_id))
                if entry["ids"].get("session") == session_id
                and entry["event"] not in _NOT_ON_TRAILS
            )  # fmt: skip
            approvals = [d for d in act.tx.decisions(session_id) if d.verb == "approve"]
            return Trail(
                state=act.row.state,
                releases=act.tx.releases(session_id),
                events=events,
                approved_at=approvals[-1].decided_at if approvals else None,
            )

    def approve(
        self, actor: Actor, session_id: str, *, digest: str, viewed_s: float | None = None
    ) -> ApprovedNote:
        """Bind the person's yes to the exact text whose digest they saw.

        The transcript and what was made from it are then deleted, unless the agency's settings
        keep transcripts. `viewed_s`: how long they had the note open, for figures only.
        """
        with self._act(actor, "approve", session_id, digest=digest) as act:
            note = act.read("note", Note)
            decision = self._decision(act, "approve", note=note, digest=digest)
            approved = decide.record_decision(note, decision)
            act.tx.add_decision(session_id=session_id, decision=decision)
            act.move("approve")
            act.log("note_approved", note=note.note_id, digest=digest)
            self._keep_facts(act, note, viewed_s=viewed_s)
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
            for name in _FACT_OF.values():
                act.add_fact(name, 0)
            act.log("note_refused", note=note.note_id, counts={"erased": act.erase()})
            self._forget_corrections(act)
            act.tx.drop_links(session_id, kind="hand_over")

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
        if note_digest(before := act.read("note", Note)) != note_digest(note):
            history = (
                act.read("note_history", NoteHistory)
                if act.has("note_history")
                else NoteHistory(first=before)
            )
            act.put("note_history", replace(history, earlier=(*history.earlier, before)[-_UNDOS:]))
            act.add_fact(_FACT_OF[event], 1)
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

    def _keep_facts(self, act: Act, note: Note, *, viewed_s: float | None) -> None:
        for name in _FACT_OF.values():
            act.add_fact(name, 0)  # a zero is known; a missing number would mean not counted
        if viewed_s is not None:
            act.fact("viewed_s", viewed_s)
        facts = facts_of(
            note,
            before=act.read("note_history", NoteHistory).first if act.has("note_history") else note,
            hidden=act.read("deidentified", Deidentified) if act.has("deidentified") else None,
            transcript=act.read("transcript", Transcript) if act.has("transcript") else None,
        )
        for name, value in facts.items():
            act.fact(name, value)

    def _forget_corrections(self, act: Act) -> None:
        """Corrections hold names that were said; they go with the words."""
        kept = act.tx.person_word_ids(act.row.person_id)
        gone = act.tx.erase_words([i for i, kind in kept if kind == "corrections"])
        for record_id in gone:
            act.log("words_deleted", words=record_id)

    def _complete_withdrawal(self, session_id: str, *, actor: Actor) -> tuple[str, ...]:
        """Destroy, read back, and only then say that it is done."""
        started = perf_counter()
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
            act.fact("withdraw_s", perf_counter() - started)
            act.log("note_withdrawn", counts={"copies_deleted": len(releases)})
        return tuple(release.recipient for release in releases if release.recipient != OWN_COPY)

    def _erase_session(
        self, session_id: str, *, actor: Actor
    ) -> tuple[tuple[ReleaseRow, ...], tuple[str, ...]]:
        with self._within(session_id, actor=actor) as act:
            releases = act.tx.releases(session_id)
            record_ids = (
                *(record_id for record_id, _kind in act.tx.word_ids(session_id)),
                *waiting_words_of(act.tx, act.row.person_id),
            )
            act.erase()
            self._forget_corrections(act)
            act.tx.drop_links(session_id, kind="hand_over")
            act.tx.drop_links(session_id, kind="together")
        return releases, record_ids


def _whole_sentences(turn: DeidentifiedTurn) -> Iterator[OwnWords]:
    for match in _SENTENCE.finditer(turn.text):
        text = match.group().strip()
        if len(text.split()) >= _MIN_SENTENCE_WORDS and len(text) <= decide.MAX_SENTENCE_CHARS:
            start = match.start() + len(match.group()) - len(match.group().lstrip())
            yield OwnWords(
                turn=turn.number,
                text=text,
                evidence=Evidence(
                    turn=turn.number,
                    start=_said_at(turn, start),
                    end=_said_at(turn, start + len(text)),
                ),
            )


def _said_at(turn: DeidentifiedTurn, position: int) -> int:
    """Turn an offset into the de-identified text into one into the original words."""
    shift = 0
    for span in turn.spans:
        if span.out_end <= position:
            shift = span.end - span.out_end
        elif span.out_start <= position:
            return span.start
    return position + shift
