"""The person's five verbs, the text an approval binds, the states a session passes through.

Everything here is a pure function over `records.Note`. `policy` says who may do something; this
package says what it does to the words.

Not covered: storing a decision, deleting words after a refusal or withdrawal (`store`), and
whether a typed sentence was said (`draft.verify`).
"""

from __future__ import annotations

from assistant.canonical import canonical_form, note_digest
from assistant.decide.approval import REASONS, check_decision, record_decision
from assistant.decide.edits import (
    MAX_SENTENCE_CHARS,
    MAX_STATEMENT_CHARS,
    MAX_STATEMENTS,
    add_sentence,
    add_statement,
    build_note,
    change_sentence,
    check_typed,
    leave_out_sentence,
    leave_out_words,
)
from assistant.decide.states import TRANSITIONS, Event, SessionState, next_state

__all__ = [
    "MAX_SENTENCE_CHARS",
    "MAX_STATEMENTS",
    "MAX_STATEMENT_CHARS",
    "REASONS",
    "TRANSITIONS",
    "Event",
    "SessionState",
    "add_sentence",
    "add_statement",
    "build_note",
    "canonical_form",
    "change_sentence",
    "check_decision",
    "check_typed",
    "leave_out_sentence",
    "leave_out_words",
    "next_state",
    "note_digest",
    "record_decision",
]
