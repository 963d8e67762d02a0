"""Correcting what was hidden: one click hides or shows a word everywhere, another undoes it.

A correction changes the de-identified session, the way back to real words, and the draft, in one
step and without drafting again: what people edited meanwhile stays. The corrections are kept for
the person, sealed like their words, so that the next session begins with them. A peer may give a
word for everybody's sessions here as well (`agency_words`); theirs is then the last to be undone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assistant.deidentify import (
    Correction,
    apply_corrections,
    correct_text,
    load_correction_types,
)
from assistant.errors import DecisionError, InputError
from assistant.policy import Action, Actor, Request, Subject
from assistant.records import (
    Deidentified,
    IdentifierType,
    ReviewedDraft,
    SurrogateMap,
    Transcript,
)
from assistant.sealed import pack_record, unpack_record
from assistant.workspace.agency_words import (
    MAX_AGENCY_WORDS,
    AgencyWord,
    agency_words,
    put_agency_word,
)
from assistant.workspace.desk import Act, new_id
from assistant.workspace.drafting import Drafting

if TYPE_CHECKING:
    from assistant.store import Transaction

_MAX_SURFACE_CHARS = 100
_MAX_CORRECTIONS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrections:
    """What a peer decided for one person, oldest first."""

    items: tuple[Correction, ...] = ()


class Correcting(Drafting):
    """Hide and show."""

    def view_deidentified(self, actor: Actor, session_id: str) -> Deidentified:
        with self._act(actor, "view_draft", session_id) as act:
            return act.read("deidentified", Deidentified)

    def view_hidden_words(self, actor: Actor, session_id: str) -> SurrogateMap:
        """Return the real words behind the stand-ins, for the two people of the session."""
        with self._act(actor, "reveal_names", session_id) as act:
            return act.read("surrogates", SurrogateMap)

    def corrections(self, actor: Actor, session_id: str) -> tuple[Correction, ...]:
        with self._act(actor, "correct_identifiers", session_id) as act:
            return corrections_of(act.tx, act.row.person_id)

    def correct_identifiers(
        self,
        actor: Actor,
        session_id: str,
        *,
        surface: str,
        action: str,
        type_: str = "OTHER",
        for_everybody: bool = False,
    ) -> ReviewedDraft:
        """Hide or show `surface` everywhere in the session, and in the person's next ones.

        `for_everybody`: also in every session here that is hidden from now on; showing waits for
        a supervisor. Raises `InputError` if the words cannot be hidden or are not in the session,
        `DecisionError` if the agency's list is full.
        """
        words = " ".join(surface.split())
        if not 1 <= len(words) <= _MAX_SURFACE_CHARS or not any(c.isalnum() for c in words):
            raise InputError(f"Choose a word, or a few: at most {_MAX_SURFACE_CHARS} characters.")
        if action not in ("hide", "show") or type_ not in load_correction_types():
            raise InputError("A word can be hidden or shown; choose one of the two.")
        kind: IdentifierType = type_
        correction = Correction(surface=words, action=action, type=kind)  # type: ignore[arg-type]

        def about(act: Act) -> Subject:
            asked = kind if action == "hide" else _asked_type(words, act)
            return replace(act.subject, word_type=asked)

        if not for_everybody:
            opened = self._act(actor, "correct_identifiers", session_id)
        else:  # each of these rules asks for all that `correct_identifiers` does, and more
            wider: Action = "hide_for_everybody" if action == "hide" else "propose_showing"
            opened = self._act(actor, wider, session_id, about=about)
        with opened as act:
            if action == "show":  # undoing it hides the words again as what they were
                correction = replace(correction, type=_type_of(words, act))
            kept = corrections_of(act.tx, act.row.person_id)
            others = tuple(c for c in kept if not _is_same(c, correction))
            reviewed = self._correct(act, correction, (*others, correction)[-_MAX_CORRECTIONS:])
            if for_everybody:
                self._give_to_agency(act, correction)
            return reviewed

    def undo_correction(self, actor: Actor, session_id: str) -> ReviewedDraft:
        """Take the last correction back, for everybody too if it was given for them just then."""
        with self._act(actor, "correct_identifiers", session_id) as act:
            kept = corrections_of(act.tx, act.row.person_id)
            if not kept:
                raise DecisionError("There is no correction to take back.")
            last = kept[-1]
            opposite = replace(last, action="show" if last.action == "hide" else "hide")
            reviewed = self._correct(act, opposite, kept[:-1])
            given = _last_given(act)
            if given is not None and given[1].correction == last:
                subject = _about_last_given(act)
                verdict = self.gate.ask(
                    Request(actor=actor, action="take_word_back", subject=subject)
                )
                if verdict.allowed:
                    _drop_given(act, given[0])
                else:
                    act.log("access_refused", rule=verdict.rule)
            return reviewed

    def take_word_back(self, actor: Actor, session_id: str) -> None:
        """Take the last word that this session gave for everybody off the agency's list.

        In the session itself it stays hidden or shown. Raises `DecisionError` if there is none.
        """
        with self._act(actor, "take_word_back", session_id, about=_about_last_given) as act:
            given = _last_given(act)
            if given is None:
                raise DecisionError("No word of this session is on the list for everybody.")
            _drop_given(act, given[0])

    def _give_to_agency(self, act: Act, correction: Correction) -> None:
        """Put a word on the agency's list, unless it is there already."""
        known = [word.correction for _word_id, word in agency_words(act.tx)]
        if any(one.action == correction.action and _is_same(one, correction) for one in known):
            return
        if len(known) >= MAX_AGENCY_WORDS:
            raise DecisionError(
                f"The list for everybody is full: it holds {MAX_AGENCY_WORDS} words. "
                "Nothing was changed. A supervisor can remove words from it."
            )
        word = AgencyWord(
            correction=correction, person_id=act.row.person_id, session_id=act.row.session_id,
            added_by=act.actor.actor_id, added_at=act.at,
        )  # fmt: skip
        put_agency_word(act.tx, new_id("word"), word, at=act.at)
        # Without the id of the word: with it the log would tie a word on the list to a session.
        event = "agency_word_proposed" if word.is_waiting else "agency_word_hidden"
        act.log(event, counts={"kept": len(known) + 1})

    def _correct(
        self, act: Act, correction: Correction, kept: tuple[Correction, ...]
    ) -> ReviewedDraft:
        transcript = act.read("transcript", Transcript)
        before = act.read("surrogates", SurrogateMap)
        hidden, surrogates = apply_corrections(
            transcript, act.read("deidentified", Deidentified), before, correction
        )
        reviewed = act.read("reviewed", ReviewedDraft)
        sections = tuple(
            replace(
                section,
                sentences=tuple(
                    replace(
                        s,
                        text=correct_text(
                            s.text, correction, before=before,
                            turns=tuple(place.turn for place in s.evidence),
                        ),
                    )
                    for s in section.sentences
                ),
            )
            for section in reviewed.draft.sections
        )  # fmt: skip
        act.put("deidentified", hidden)
        act.put("surrogates", surrogates)
        reviewed = self._flag(act, replace(reviewed.draft, sections=sections))
        act.put("reviewed", reviewed)
        put_corrections(act.tx, act.row.person_id, kept)
        act.log("identifiers_corrected", counts={"kept": len(kept)})
        return reviewed


def _type_of(words: str, act: Act) -> IdentifierType:
    """Return what kind of identifier the words were hidden as."""
    for turn, said in zip(
        act.read("deidentified", Deidentified).turns,
        act.read("transcript", Transcript).turns,
        strict=True,
    ):
        for span in turn.spans:
            if said.text[span.start : span.end].casefold() == words.casefold():
                return span.type
    return "OTHER"


def _asked_type(words: str, act: Act) -> str:
    """Return what a word to be shown for everybody is for the gate: never one who speaks here."""
    if not act.has("deidentified") or not act.has("surrogates"):
        return "OTHER"
    labels = [m.surface for m in act.read("surrogates", SurrogateMap).mentions if m.turn == 0]
    speakers = {name for label in labels for name in label.casefold().split()}
    return "SPEAKER" if speakers & set(words.casefold().split()) else _type_of(words, act)


def _is_same(one: Correction, other: Correction) -> bool:
    return one.surface.casefold() == other.surface.casefold()


def _last_given(act: Act) -> tuple[str, AgencyWord] | None:
    """Return the last word on the agency's list that this session gave, with its id."""
    own = [(i, word) for i, word in agency_words(act.tx) if word.session_id == act.row.session_id]
    return own[-1] if own else None


def _about_last_given(act: Act) -> Subject:
    given = _last_given(act)
    # With none there is nothing of anybody else's.
    return replace(act.subject, word_added_by=given[1].added_by if given else act.actor.actor_id)


def _drop_given(act: Act, word_id: str) -> None:
    act.tx.erase_words([word_id])
    act.log("agency_word_taken_back")
    act.log("words_deleted", words=word_id)


def corrections_of(tx: Transaction, person_id: str) -> tuple[Correction, ...]:
    """Return the corrections kept for a person."""
    ids = correction_records(tx, person_id)
    return unpack_record(tx.words(ids[0]), Corrections).items if ids else ()


def put_corrections(tx: Transaction, person_id: str, items: tuple[Correction, ...]) -> None:
    record_id = next(iter(correction_records(tx, person_id)), new_id("words"))
    tx.put_words(
        record_id=record_id, person_id=person_id, session_id=None, kind="corrections",
        payload=pack_record(Corrections(items=items)),
    )  # fmt: skip


def correction_records(tx: Transaction, person_id: str) -> tuple[str, ...]:
    return tuple(i for i, kind in tx.person_word_ids(person_id) if kind == "corrections")
