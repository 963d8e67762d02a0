"""The one gate in front of `policies/*.cedar`: who may do what, and which rule says so.

    gate = load_gate()
    gate.require(Request(actor=..., action="release", subject=...))   # or Refused, naming the rule

`consents` works out which of a person's yeses hold now, `questions` states what is asked, `rules`
reads and checks the policy files, `gate` answers. Every answer is no unless one permit says yes.

Not covered: whether a digest is the right one for a text (`decide`), and whether actors are who
they say they are (sign-in).
"""

from __future__ import annotations

from assistant.policy.consents import active_purposes, record_recipients, share_recipients
from assistant.policy.gate import Gate, load_gate
from assistant.policy.questions import (
    ACTIONS,
    Action,
    Actor,
    ActorRole,
    Request,
    Store,
    Subject,
    Verdict,
    preview_request,
)
from assistant.policy.rules import GATE_UNCLEAR, Rule

__all__ = [
    "ACTIONS",
    "GATE_UNCLEAR",
    "Action",
    "Actor",
    "ActorRole",
    "Gate",
    "Request",
    "Rule",
    "Store",
    "Subject",
    "Verdict",
    "active_purposes",
    "load_gate",
    "preview_request",
    "record_recipients",
    "share_recipients",
]
