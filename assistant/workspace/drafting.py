"""From the transcript to the draft that is handed over."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from assistant import decide
from assistant.canonical import note_digest
from assistant.errors import DecisionError, InputError
from assistant.policy import (
    Actor,
    Request,
)
from assistant.records import (
    Deidentified,
    Draft,
    ModelInfo,
    Note,
    ReviewedDraft,
    Section,
    SectionName,
    Sentence,
    Transcript,
    Voice,
)
from assistant.workspace.desk import Act, Desk, new_id

if TYPE_CHECKING:
    pass

SafetyAnswer = Literal["handled_before_draft", "passed_to_supervisor", "not_applicable"]


class Drafting(Desk):
    """What the peer does."""

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
