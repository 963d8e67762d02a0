"""What becomes of a safety prompt: only a person moves it on, and only by a listed move.

none -> surfaced -> acknowledged -> handled_before_draft | passed_to_supervisor
                                    | not_applicable -> cleared
"""

from __future__ import annotations

from typing import Literal, get_args

from assistant.errors import DecisionError

SafetyState = Literal[
    "none", "surfaced", "acknowledged", "handled_before_draft", "passed_to_supervisor",
    "not_applicable", "cleared",
]  # fmt: skip
SafetyAction = Literal[
    "surface", "acknowledge", "open_passage", "show_protocol", "already_handled",
    "call_supervisor", "not_what_it_looks_like", "clear",
]  # fmt: skip
_MOVES: dict[tuple[SafetyState, SafetyAction], SafetyState] = {
    ("none", "surface"): "surfaced",
    # Someone saw the prompt; who and when is kept by the caller. Opening it is seeing it.
    ("surfaced", "acknowledge"): "acknowledged",
    ("surfaced", "open_passage"): "acknowledged",
    ("surfaced", "show_protocol"): "acknowledged",
    ("acknowledged", "open_passage"): "acknowledged",
    ("acknowledged", "show_protocol"): "acknowledged",
    # Only what was seen can be settled, and each way of settling is a person's choice.
    ("acknowledged", "already_handled"): "handled_before_draft",
    ("acknowledged", "call_supervisor"): "passed_to_supervisor",
    ("acknowledged", "not_what_it_looks_like"): "not_applicable",
    ("handled_before_draft", "clear"): "cleared",
    ("passed_to_supervisor", "clear"): "cleared",
    ("not_applicable", "clear"): "cleared",
}
_SETTLED: frozenset[SafetyState] = frozenset(
    ("handled_before_draft", "passed_to_supervisor", "not_applicable", "cleared")
)


def next_safety_state(state: SafetyState, action: SafetyAction) -> SafetyState:
    """Return the state after `action`; raises `DecisionError` for a move that does not exist."""
    moved = _MOVES.get((state, action))
    if moved is None:
        known = state in get_args(SafetyState) and action in get_args(SafetyAction)
        named = f"'{action}' after '{state}'" if known else "an unknown state or action"
        raise DecisionError(
            f"A safety prompt cannot take {named}. Open the prompt and choose again."
        )
    return moved


def is_settled(state: SafetyState) -> bool:
    """Whether a human has dealt with the prompt, so that the passage may be placed."""
    return state in _SETTLED
