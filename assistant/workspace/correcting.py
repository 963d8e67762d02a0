"""Correcting what was hidden: one click hides or shows a word everywhere, another undoes it.

A correction changes the de-identified session, the way back to real words, and the draft, in one
step and without drafting again: what people edited meanwhile stays. The corrections are kept for
the person, sealed like their words, so that the next session begins with them.
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
from assistant.policy import Actor
from assistant.records import (
    Deidentified,
    IdentifierType,
    ReviewedDraft,
    SurrogateMap,
    Transcript,
)
from assistant.sealed import pack_record, unpack_record
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
        self, actor: Actor, session_id: str, *, surface: str, action: str, type_: str = "OTHER"
    ) -> ReviewedDraft:
        """Hide or show `surface` everywhere in the session, and in the person's next ones.

        Raises `InputError` if the words cannot be hidden or are not in the session.
        """
        words = " ".join(surface.split())
        if not 1 <= len(words) <= _MAX_SURFACE_CHARS or not any(c.isalnum() for c in words):
            raise InputError(f"Choose a word, or a few: at most {_MAX_SURFACE_CHARS} characters.")
        if action not in ("hide", "show") or type_ not in load_correction_types():
            raise InputError("A word can be hidden or shown; choose one of the two.")
        kind: IdentifierType = type_
        correction = Correction(surface=words, action=action, type=kind)  # type: ignore[arg-type]
        with self._act(actor, "correct_identifiers", session_id) as act:
            if action == "show":  # undoing it hides the words again as what they were
                correction = replace(correction, type=_type_of(words, act))
            kept = corrections_of(act.tx, act.row.person_id)
            others = tuple(c for c in kept if c.surface.casefold() != words.casefold())
            return self._correct(act, correction, (*others, correction)[-_MAX_CORRECTIONS:])

    def undo_correction(self, actor: Actor, session_id: str) -> ReviewedDraft:
        """Take the last correction back."""
        with self._act(actor, "correct_identifiers", session_id) as act:
            kept = corrections_of(act.tx, act.row.person_id)
            if not kept:
                raise DecisionError("There is no correction to take back.")
            last = kept[-1]
            opposite = replace(last, action="show" if last.action == "hide" else "hide")
            return self._correct(act, opposite, kept[:-1])

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
