"""The gate: one question in, one verdict out, and no unless a permit says yes.

Cedar leaves an Allow standing in places where something went wrong, so the schema goes with every
question and any diagnostic is a no. Nothing here logs, waits or uses the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cedarpy

from assistant.errors import Refused
from assistant.policy.questions import (
    ACTIONS,
    Request,
    Verdict,
    cedar_entities,
    cedar_request,
    find_gap,
)
from assistant.policy.rules import GATE_UNCLEAR, Rule, read_rules
from assistant.resources import resource_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The parsed policies. Safe to share between threads: nothing in it changes."""

    rules: Mapping[str, Rule]  # by id, in the order of the files
    policies: Any = field(repr=False)  # cedarpy.PolicySet
    schema: Any = field(repr=False)  # cedarpy.Schema

    def require(self, request: Request) -> str:
        """Return the id of the permit that allows the request; raises `Refused` if none does."""
        verdict = self.ask(request)
        if not verdict.allowed:
            known = isinstance(request.action, str) and request.action in ACTIONS
            action = request.action if known else "an unknown action"
            raise Refused(rule=verdict.rule, action=action, reason=verdict.reason)
        return verdict.rule

    def ask(self, request: Request) -> Verdict:
        """Answer a request. Raises nothing; whatever goes wrong is a no by `GATE_UNCLEAR`.

        1. The question must be whole: known action, known role, ids that are filled in.
        2. Some permit must name this action for this role.
        3. Cedar must answer Allow, without a single diagnostic, by such a permit.
        """
        try:
            return self._decide(request)
        except Exception:  # a question that cannot be put, or an engine that trips, is a no
            return _unclear("it could not be put to the policy engine")

    def _decide(self, request: Request) -> Verdict:
        # 1.
        gap = find_gap(request)
        about_action = [rule for rule in self.rules.values() if request.action in rule.actions]
        if gap or not about_action:
            return _unclear(gap or "no rule is about this action")
        # 2.
        for_role = [rule for rule in about_action if rule.role == request.actor.role]
        if not for_role:
            who_may = " ".join(rule.sentence for rule in about_action)
            return Verdict(allowed=False, rule=about_action[0].rule_id, reason=who_may)
        # 3. Without a schema Cedar lets a request through that lacks facts.
        if not isinstance(self.schema, cedarpy.Schema):
            return _unclear("the schema is missing")
        answer = cedarpy.is_authorized(
            cedar_request(request), self.policies, cedar_entities(request), self.schema
        )
        n_errors = len(answer.diagnostics.errors)
        if n_errors:  # counted, never quoted: they repeat ids and recipients
            return _unclear(f"the policy engine reported {n_errors} problem(s)")
        if answer.decision is cedarpy.Decision.Deny:
            return _verdict(for_role[0], allowed=False)
        met = [rule for rule in for_role if rule.rule_id in answer.diagnostics.reasons]
        if answer.decision is not cedarpy.Decision.Allow or not met:
            return _unclear("the policy engine gave no decision by a rule about this action")
        return _verdict(met[0], allowed=True)


def load_gate(*, folder: Path | None = None) -> Gate:
    """Parse and check the policies once; `folder` is `policies/` unless given.

    Raises `SettingError` for any rule set that could fail open; see `rules.read_rules`.
    """
    rules, policies, schema = read_rules(folder or resource_path("policies"))
    return Gate(rules=rules, policies=policies, schema=schema)


def _verdict(rule: Rule, *, allowed: bool) -> Verdict:
    return Verdict(allowed=allowed, rule=rule.rule_id, reason=rule.sentence)


def _unclear(problem: str) -> Verdict:
    reason = f"The question could not be decided, so the answer is no: {problem}."
    return Verdict(allowed=False, rule=GATE_UNCLEAR, reason=reason)
