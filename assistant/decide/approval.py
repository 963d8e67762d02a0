"""What the person decided, and the one decision that makes an approved note."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import get_args

from assistant.canonical import note_digest
from assistant.errors import DecisionError
from assistant.records import ApprovedNote, Decision, Note, Verb

REASONS: frozenset[str] = frozenset(
    {"wrong", "not_my_words", "too_private", "too_much", "not_needed", "other"}
)


def check_decision(note: Note, decision: Decision) -> None:
    """Check what holds for every verb; raises `DecisionError` naming what does not fit.

    The digest is not compared here: a person can refuse or withdraw whatever they last saw.
    """
    if decision.verb not in get_args(Verb):
        raise DecisionError(f"Note {note.note_id}: this is not one of the decisions one can take.")
    if decision.note_id != note.note_id:
        raise DecisionError(f"The decision is about another note than {note.note_id}.")
    if not note.person_id or decision.decided_by != note.person_id:
        raise DecisionError(
            f"Note {note.note_id} can be decided by the person it is about, and by nobody else."
        )
    if decision.decided_at.utcoffset() is None:
        raise DecisionError(
            f"Note {note.note_id}: the time of the decision has no time zone. Give it with one."
        )
    if decision.reason and decision.reason not in REASONS:
        raise DecisionError(
            f"Note {note.note_id}: a reason is one of {', '.join(sorted(REASONS))}, or none."
        )


def record_decision(note: Note, decision: Decision) -> ApprovedNote:
    """Bind the person's approval to the exact text of a note.

    All of these must hold, in this order, or `DecisionError` says which does not:

    1. The decision names this note, was taken by the person it is about, at a time with a zone,
       with a known reason or none.
    2. The verb is `approve`. Silence, time and the other verbs are never an approval.
    3. The note holds at least one sentence with words in it, and no broken characters: half of a
       surrogate pair has no bytes of its own, so two texts could share one digest.
    4. The digest the person saw is the digest of the note as it stands.

    Two more are owed by the caller: `Gate.require` for the actor, and `next_state` for the session.
    """
    # 1.
    check_decision(note, decision)
    # 2.
    if decision.verb != "approve":
        raise DecisionError(
            f"Note {note.note_id}: only an approval makes an approved note; this is another verb."
        )
    # 3.
    if not any(s.text.strip() for section in note.sections for s in section.sentences):
        raise DecisionError(f"Note {note.note_id} is empty. Choose no note instead.")
    if not all(_is_encodable(text) for text in _find_texts(note)):
        raise DecisionError(
            f"Note {note.note_id} holds a broken character. Type that sentence again."
        )
    # 4.
    if not hmac.compare_digest(note_digest(note).encode(), decision.digest.encode()):
        raise DecisionError(
            f"Note {note.note_id} has changed since the person saw it. Show it to them again."
        )
    return ApprovedNote(note=note, decision=decision)


def _find_texts(note: Note) -> Iterator[str]:
    for section in note.sections:
        yield from (sentence.text for sentence in section.sentences)
    yield from note.statements


def _is_encodable(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)
