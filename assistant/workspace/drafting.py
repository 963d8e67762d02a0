"""From the transcript to the draft that is handed over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from assistant import decide
from assistant.audit import AuditEvent
from assistant.canonical import note_digest
from assistant.errors import DecisionError, InputError
from assistant.policy import (
    Actor,
    Request,
)
from assistant.records import (
    SECTION_NAMES,
    Deidentified,
    Draft,
    Evidence,
    FlagAnswer,
    FlagAnswers,
    ModelInfo,
    Note,
    ReviewedDraft,
    Section,
    SectionName,
    Sentence,
    Transcript,
    Voice,
)
from assistant.store import JobRow
from assistant.workspace.agency_words import agency_corrections
from assistant.workspace.desk import SOFTWARE, Act, Desk, new_id
from assistant.workspace.note_facts import count_out_of_role

if TYPE_CHECKING:
    from assistant.deidentify import Correction
    from assistant.pipeline import Prepared

_MAX_REASON_CHARS = 300

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

        transcript, request, corrections = self.begin_draft(actor, session_id)
        prepared = prepare(
            transcript, gate=self.gate, request=request, parts=self.parts(), voice=voice,
            corrections=corrections,
        )  # fmt: skip
        self.keep_draft(actor, session_id, transcript=transcript, prepared=prepared)
        return prepared.reviewed

    def begin_draft(
        self, actor: Actor, session_id: str
    ) -> tuple[Transcript, Request, tuple[Correction, ...]]:
        """Ask the gate, and return what a draft is made from.

        The corrections are the person's own, then what holds for everybody at this agency.
        """
        from assistant.workspace.correcting import corrections_of

        with self._act(actor, "draft", session_id) as act:
            transcript = act.read("transcript", Transcript)
            request = Request(actor=actor, action="draft", subject=act.subject)
            own = corrections_of(act.tx, act.row.person_id)
            return transcript, request, (*own, *agency_corrections(act.tx))

    def keep_draft(
        self,
        actor: Actor,
        session_id: str,
        *,
        transcript: Transcript,
        prepared: Prepared,
        job_id: str = "",
    ) -> None:
        """Ask the gate again, and keep a draft; with `job_id`, only if it was not cancelled."""
        draft = prepared.reviewed.draft
        sentences = [s for section in draft.sections for s in section.sentences]
        with self._act(actor, "draft", session_id) as act:
            if job_id:
                act.tx.require_job(job_id)
                act.tx.finish_job(job_id)
            if act.read("transcript", Transcript) != transcript:
                raise DecisionError(f"{session_id}: the transcript was replaced. Draft again.")
            act.put("deidentified", prepared.deidentified)
            act.put("surrogates", prepared.surrogates)
            act.put("reviewed", prepared.reviewed)
            if act.has("flag_answers"):
                act.erase("flag_answers")
            self._reset_safety(act)
            act.move("draft")
            act.fact("with_ai", 1)
            act.fact("flags_shown", len(prepared.reviewed.flags))
            act.fact("scope_draft", count_out_of_role(prepared.reviewed.flags))
            act.fact("peer_edits", 0)
            if sentences:
                act.fact("own_words_draft", sum(s.own_words for s in sentences) / len(sentences))
            act.log(
                "draft_written",
                counts={
                    "sentences": len(sentences),
                    "held_back": len(draft.held_back),
                    "flags": len(prepared.reviewed.flags),
                    "safety": len(prepared.reviewed.safety),
                },
            )

    # ------------------------------------------------------------ drafting in the background

    def queue_draft(self, actor: Actor, session_id: str, *, voice: Voice = "tidied") -> str:
        """Queue a draft for the worker; return the id of the job. One at a time for a session."""
        with self._act(actor, "draft", session_id) as act:
            for job in act.tx.jobs(subject_id=session_id):
                if job.state != "failed":
                    return job.job_id
                act.tx.finish_job(job.job_id)
            act.read("transcript", Transcript)
            job_id = act.tx.add_job(
                kind="draft", subject_id=session_id, actor_id=actor.actor_id, voice=voice
            )
            act.log("draft_queued", job=job_id)
        return job_id

    def draft_job(self, actor: Actor, session_id: str) -> JobRow | None:
        """Return the job of a session that is queued, running or failed."""
        with self._act(actor, "view_session", session_id) as act:
            jobs = act.tx.jobs(subject_id=session_id)
        return jobs[-1] if jobs else None

    def cancel_draft(self, actor: Actor, session_id: str) -> tuple[str, ...]:
        """Drop the jobs of a session; return their ids, for the worker to let go of."""
        with self._act(actor, "view_session", session_id) as act:
            gone = tuple(job.job_id for job in act.tx.jobs(subject_id=session_id))
            for job_id in gone:
                act.tx.finish_job(job_id)
                act.log("draft_cancelled", job=job_id)
        return gone

    def next_job(self) -> JobRow | None:
        """Take the oldest waiting job, for the worker."""
        with self._reading() as tx:
            return tx.next_job()

    def note_progress(self, job_id: str, *, stage: str) -> bool:
        """Keep how far a job is; False if it was cancelled."""
        with self._reading() as tx:
            return tx.set_job(job_id, state="running", stage=stage)

    def fail_job(self, job: JobRow, *, problem: str) -> None:
        """Keep that a job failed, by the name of the error alone, for the peer to see."""
        with self._change() as (tx, events):
            if tx.set_job(job.job_id, state="failed", problem=problem):
                events.append(
                    AuditEvent(
                        event="draft_failed", actor=SOFTWARE.actor_id,
                        ids={"job": job.job_id, "session": job.subject_id},
                    )
                )  # fmt: skip

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
        if not text.strip():
            raise InputError("There are no words here. Type some, or leave the sentence out.")
        decide.check_typed(text)

        def edit(sentences: tuple[Sentence, ...]) -> tuple[Sentence, ...]:
            if not 0 <= sentence < len(sentences):
                raise DecisionError(f"{session_id} has no such sentence in its draft.")
            written = replace(sentences[sentence], text=text, origin="written")
            return (*sentences[:sentence], written, *sentences[sentence + 1 :])

        return self._edit_section(actor, session_id, section, edit, n_chars=len(text))

    def add_to_draft(
        self,
        actor: Actor,
        session_id: str,
        *,
        section: SectionName,
        text: str,
        evidence: tuple[Evidence, ...] = (),
    ) -> ReviewedDraft:
        """Add a sentence that people wrote, or a passage a human places, at a section's end."""
        if not text.strip():
            raise InputError("There are no words here. Type some first.")
        decide.check_typed(text)
        written = Sentence(text=text, origin="written", evidence=evidence, own_words=0.0)
        return self._edit_section(
            actor, session_id, section, lambda kept: (*kept, written), n_chars=len(text)
        )

    def drop_from_draft(
        self, actor: Actor, session_id: str, *, section: SectionName, sentence: int
    ) -> ReviewedDraft:
        """Take a sentence out of the draft."""

        def edit(sentences: tuple[Sentence, ...]) -> tuple[Sentence, ...]:
            if not 0 <= sentence < len(sentences):
                raise DecisionError(f"{session_id} has no such sentence in its draft.")
            return (*sentences[:sentence], *sentences[sentence + 1 :])

        return self._edit_section(actor, session_id, section, edit, n_chars=0)

    def answer_flag(
        self, actor: Actor, session_id: str, *, sentence: str, rule: str, reason: str = ""
    ) -> None:
        """Keep that the peer leaves a flagged wording as it is, and why if they say so."""
        if len(reason) > _MAX_REASON_CHARS:
            raise InputError(f"A reason has at most {_MAX_REASON_CHARS} characters.")
        with self._act(actor, "edit_draft", session_id) as act:
            before = act.read("flag_answers", FlagAnswers) if act.has("flag_answers") else None
            digest = sha256(sentence.encode("utf-8", "surrogatepass")).hexdigest()
            answer = FlagAnswer(sentence_digest=digest, rule=rule, reason=reason.strip())
            others = tuple(
                one
                for one in (before.answers if before else ())
                if (one.sentence_digest, one.rule) != (digest, rule)
            )
            answers = (*others, answer)
            act.put("flag_answers", FlagAnswers(answers=answers))
            act.fact("flags_kept", len(answers))
            act.fact("flags_kept_with_reason", sum(bool(one.reason) for one in answers))
            act.log("flag_answered", counts={"with_reason": int(bool(reason.strip()))})

    def flag_answers(self, actor: Actor, session_id: str) -> FlagAnswers:
        with self._act(actor, "view_draft", session_id) as act:
            return (
                act.read("flag_answers", FlagAnswers) if act.has("flag_answers") else FlagAnswers()
            )

    def _edit_section(
        self,
        actor: Actor,
        session_id: str,
        section: SectionName,
        edit: Callable[[tuple[Sentence, ...]], tuple[Sentence, ...]],
        *,
        n_chars: int,
    ) -> ReviewedDraft:
        if section not in SECTION_NAMES:
            raise InputError("There is no section of that name.")
        with self._act(actor, "edit_draft", session_id) as act:
            draft = act.read("reviewed", ReviewedDraft).draft
            named = {one.name: one.sentences for one in draft.sections}
            named[section] = edit(named.get(section, ()))
            sections = tuple(
                Section(name=name, sentences=named[name])
                for name in SECTION_NAMES
                if named.get(name)
            )
            n_before = len(act.read("reviewed", ReviewedDraft).flags)
            reviewed = self._flag(act, replace(draft, sections=sections))
            act.put("reviewed", reviewed)
            act.move("edit_draft")
            act.add_fact("peer_edits", 1)
            if len(reviewed.flags) < n_before:
                act.add_fact("flags_changed", n_before - len(reviewed.flags))
            elif len(reviewed.flags) > n_before:
                act.add_fact("flags_shown", len(reviewed.flags) - n_before)
            act.log("draft_edited", counts={"n_chars": n_chars})
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
            reviewed = act.read("reviewed", ReviewedDraft)
            note = decide.build_note(
                note_id=new_id("note"),
                session_id=session_id,
                person_id=act.row.person_id,
                names="out",
                sections=reviewed.draft.sections,
            )
            act.put("note", note)
            act.fact("scope_handed_over", count_out_of_role(reviewed.flags))
            act.fact("sentences", sum(len(section.sentences) for section in note.sections))
            act.move("hand_over")
            act.log("note_handed_over", note=note.note_id, digest=note_digest(note))
        return note

    def _flag(self, act: Act, draft: Draft) -> ReviewedDraft:
        from assistant.review import language_rules_in_use, review_draft

        hidden = (
            act.read("deidentified", Deidentified)
            if act.has("deidentified")
            else Deidentified(turns=())
        )
        safety = act.read("reviewed", ReviewedDraft).safety if act.has("reviewed") else ()
        return review_draft(
            draft, deidentified=hidden, rules=language_rules_in_use(), safety=safety
        )

    def _reset_safety(self, act: Act) -> None:
        """A new draft asks its safety prompts anew."""
        for row in act.tx.safety(act.row.session_id):
            act.tx.set_safety(
                session_id=row.session_id, prompt_no=row.prompt_no, state="surfaced",
                by=act.actor.actor_id, at=act.at,
            )  # fmt: skip
