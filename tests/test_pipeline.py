"""assistant/pipeline.py: the gate comes first, and surfaced passages stay out of the draft."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from assistant.errors import Refused
from assistant.pipeline import is_held, prepare
from assistant.policy import Actor, Request, Subject
from assistant.records import SafetyPrompt
from tests.scenery import GATE, PEER, make_transcript

PROMPT = SafetyPrompt(
    turn=3, start=0, end=9, topic="overdose_medical", said_by="person", prominence="plain"
)


@pytest.mark.parametrize(
    ("changes", "held"),
    [
        ({}, True),  # said plainly
        ({"prominence": "low", "context": ("past",)}, True),  # a cue, lowered by its context
        ({"prominence": "low"}, False),  # a faint likeness: shown, and holds nothing back
        ({"prominence": "low", "topic": "self_harm_suicide"}, True),  # a miss could cost most
        ({"prominence": "low", "topic": "abuse_neglect_child"}, True),
    ],
)
def test_surfaced_passages_are_held_out_of_the_draft(changes: dict[str, Any], held: bool) -> None:
    assert is_held(replace(PROMPT, **changes)) is held


def test_nothing_is_read_before_the_gate_has_said_yes() -> None:
    subject = Subject(
        session_id="session-1", person_id="person-1", peer_id=PEER.actor_id, state="transcribed"
    )
    for actor in (PEER, Actor(actor_id="software", role="software")):
        request = Request(actor=actor, action="draft", subject=subject)  # no consent to AI
        with pytest.raises(Refused):
            prepare(make_transcript("x"), gate=GATE, request=request, parts=None)  # type: ignore[arg-type]
