"""The states a session passes through; a move that is not in the table does not happen."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

from assistant.errors import DecisionError

SessionState = Literal[
    "new", "transcribed", "drafted", "handed_over", "approved", "released", "amending", "amended",
    "refused", "withdrawing", "withdrawn", "service_record_only",
]  # fmt: skip
Event = Literal[
    "import_transcript", "delete_transcript", "draft", "write_by_hand", "edit_draft", "hand_over",
    "approve", "change", "leave_out", "disagree", "decide_later", "refuse", "release", "no_note",
    "undecided_too_long", "withdraw", "withdrawal_confirmed", "drop_draft", "drop_all",
]  # fmt: skip


_Table = Mapping[tuple[SessionState, Event], SessionState]


def next_state(state: SessionState, event: Event) -> SessionState:
    """Return the state a session is in after `event`; raises `DecisionError` for any other move.

        new           import_transcript > transcribed, write_by_hand > drafted,
                      no_note > service_record_only
        transcribed   import_transcript > transcribed, delete_transcript > new,
                      draft > drafted, write_by_hand > drafted,
                      no_note > service_record_only, withdraw > withdrawing
        drafted       draft > drafted, write_by_hand > drafted, edit_draft > drafted,
                      hand_over > handed_over, no_note > service_record_only,
                      drop_draft > transcribed, drop_all > new, withdraw > withdrawing
        handed_over   change > handed_over, leave_out > handed_over, disagree > handed_over,
                      decide_later > handed_over, approve > approved, refuse > refused,
                      no_note > service_record_only,
                      undecided_too_long > service_record_only, withdraw > withdrawing
        approved      approve > approved, release > released, change > handed_over,
                      leave_out > handed_over, disagree > handed_over, refuse > refused,
                      withdraw > withdrawing
        released      release > released, change > amending, leave_out > amending,
                      disagree > amending, withdraw > withdrawing
        amending      change > amending, leave_out > amending, disagree > amending,
                      decide_later > amending, approve > amended,
                      undecided_too_long > released, withdraw > withdrawing
        amended       approve > amended, release > released, change > amending,
                      leave_out > amending, disagree > amending, withdraw > withdrawing
        withdrawing   withdraw > withdrawing, withdrawal_confirmed > withdrawn

    `refused`, `withdrawn` and `service_record_only` are ends: words come back only with a new
    session. `drop_draft` and `drop_all` follow a yes taken back: to AI drafting, to the transcript.
    Elsewhere `delete_transcript` changes nothing. An edit voids an approval. While a
    released note is being amended its released text stands, and returns if the new one is left
    undecided; in `handed_over` a note left undecided is dropped, and only the service record kept.
    """
    if state not in get_args(SessionState) or event not in get_args(Event):
        raise DecisionError("The session cannot move: its state or the step is not a known one.")
    after = TRANSITIONS.get((state, event))
    if after is None:
        raise DecisionError(f"The step '{event}' cannot follow the state '{state}'.")
    return after


def _read_table(rows: Mapping[SessionState, Mapping[Event, SessionState]]) -> _Table:
    loops: dict[tuple[SessionState, Event], SessionState] = {
        (state, "delete_transcript"): state for state in get_args(SessionState)
    }
    moves = {(state, event): to for state, row in rows.items() for event, to in row.items()}
    return MappingProxyType(loops | moves)


TRANSITIONS: _Table = _read_table(
    {
        "new": {
            "import_transcript": "transcribed",
            "write_by_hand": "drafted",
            "no_note": "service_record_only",
        },
        "transcribed": {
            "import_transcript": "transcribed",
            "delete_transcript": "new",
            "draft": "drafted",
            "write_by_hand": "drafted",
            "no_note": "service_record_only",
            "withdraw": "withdrawing",
        },
        "drafted": {
            "draft": "drafted",
            "write_by_hand": "drafted",
            "edit_draft": "drafted",
            "hand_over": "handed_over",
            "no_note": "service_record_only",
            "drop_draft": "transcribed",
            "drop_all": "new",
            "withdraw": "withdrawing",
        },
        "handed_over": {
            "change": "handed_over",
            "leave_out": "handed_over",
            "disagree": "handed_over",
            "decide_later": "handed_over",
            "approve": "approved",
            "refuse": "refused",
            "no_note": "service_record_only",
            "undecided_too_long": "service_record_only",
            "withdraw": "withdrawing",
        },
        "approved": {
            "approve": "approved",
            "release": "released",
            "change": "handed_over",
            "leave_out": "handed_over",
            "disagree": "handed_over",
            "refuse": "refused",
            "withdraw": "withdrawing",
        },
        "released": {
            "release": "released",
            "change": "amending",
            "leave_out": "amending",
            "disagree": "amending",
            "withdraw": "withdrawing",
        },
        "amending": {
            "change": "amending",
            "leave_out": "amending",
            "disagree": "amending",
            "decide_later": "amending",
            "approve": "amended",
            "undecided_too_long": "released",
            "withdraw": "withdrawing",
        },
        "amended": {
            "approve": "amended",
            "release": "released",
            "change": "amending",
            "leave_out": "amending",
            "disagree": "amending",
            "withdraw": "withdrawing",
        },
        "withdrawing": {"withdraw": "withdrawing", "withdrawal_confirmed": "withdrawn"},
    }
)
