"""Reading `policies/*.cedar`, and refusing rule sets that could fail open.

Cedar skips a policy that errors. A skipped `permit` is a no, a skipped `forbid` is a yes, so only
`permit ... when` is accepted; and every permit has to read an attribute of both sides, so that a
missing entity is an error, and so a no.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cedarpy

from assistant.errors import SettingError
from assistant.policy.questions import ACTIONS, ENTITY_TYPES, ActorRole, is_filled

GATE_UNCLEAR = "gate-unclear"  # the rule named when the question itself cannot be decided
SCHEMA_FILE = "schema.cedarschema"
_ROLES: Mapping[str, ActorRole] = {cedar: role for role, cedar in ENTITY_TYPES.items()}
_RULE_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One permit of the policy files."""

    rule_id: str
    sentence: str
    role: ActorRole
    actions: frozenset[str]
    file: str


def read_rules(folder: Path) -> tuple[Mapping[str, Rule], Any, Any]:
    """Return the rules of a folder by id, with Cedar's policy set and schema.

    Raises `SettingError`, naming the file and the rule, if there is no rule, if a rule has no
    `@id` or `@sentence`, if it is not a `permit ... when` for one role and named actions, if it
    could be met without its entities, or if the rules do not fit the schema.
    """
    texts = {file.name: _read_text(file) for file in sorted(folder.glob("*.cedar"))}
    rules: dict[str, Rule] = {}
    permits: dict[str, Any] = {}
    for name, text in texts.items():
        for policy in _parse_policies(text, file=name):
            rule = _read_rule(policy, file=name)
            if rule.rule_id in rules:
                raise SettingError(f"policies/{name}: the id '{rule.rule_id}' is used twice.")
            rules[rule.rule_id], permits[rule.rule_id] = rule, policy
    if not rules:
        raise SettingError(
            "policies/ holds no rule. Restore its .cedar files; nothing was started."
        )
    schema = _load_schema(folder / SCHEMA_FILE)
    _check_fit("\n".join(texts.values()), schema=schema)
    # Keyed by @id: parsed from text, Cedar would call them policy0, policy1, ...
    keyed = {"staticPolicies": permits, "templates": {}, "templateLinks": []}
    return rules, cedarpy.PolicySet.from_json_str(json.dumps(keyed)), schema


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise SettingError(f"policies/{file.name} cannot be read. Restore the file.") from None


def _load_schema(file: Path) -> Any:  # noqa: ANN401 (cedarpy handle)
    text = _read_text(file)
    try:
        return cedarpy.Schema.from_str(text)
    except ValueError as error:
        raise SettingError(f"policies/{file.name} is not a Cedar schema: {error}.") from error


def _parse_policies(text: str, *, file: str) -> list[dict[str, Any]]:
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError as error:
        raise SettingError(f"policies/{file} is not Cedar: {error}.") from error
    if parsed["templates"] or parsed["templateLinks"]:
        raise SettingError(f"policies/{file} holds a template. Write each permit out.")
    # Cedar names them policy0, policy1, ... in the order of the text, and lists policy10 before 2.
    by_number = sorted(parsed["staticPolicies"].items(), key=lambda item: int(item[0][6:]))
    return [policy for _, policy in by_number]


def _check_fit(text: str, *, schema: Any) -> None:  # noqa: ANN401 (cedarpy handle)
    result = cedarpy.validate_policies(text, schema)
    if not result.validation_passed:
        ids = result.id_annotations_by_policy_id
        problems = "; ".join(
            f"rule '{ids.get(item.policy_id, item.policy_id)}': {item.error}"
            for item in result.errors
        )
        raise SettingError(f"The rules do not fit policies/{SCHEMA_FILE}: {problems}.")


def _read_rule(policy: Mapping[str, Any], *, file: str) -> Rule:
    """Check the form of one policy and return what a verdict needs to know of it."""
    notes = policy.get("annotations", {})
    rule_id, sentence = notes.get("id") or "", notes.get("sentence") or ""

    def wrong(problem: str) -> SettingError:
        return SettingError(f"policies/{file}, rule '{rule_id}': {problem}.")

    if not _RULE_ID.fullmatch(rule_id) or rule_id == GATE_UNCLEAR:
        raise wrong("every rule needs an @id of lowercase words joined by hyphens")
    if not is_filled(sentence):
        raise wrong("every rule needs a @sentence that says it in plain words")
    if policy["effect"] != "permit":
        raise wrong("a forbid that errors is skipped; put the condition inside a permit")
    clauses = policy["conditions"]
    if not clauses or any(clause["kind"] != "when" for clause in clauses):
        raise wrong("a permit needs conditions, each of them a 'when'")
    principal = policy["principal"]
    if principal["op"] != "is" or "in" in principal or principal["entity_type"] not in _ROLES:
        raise wrong("a permit is for one role, written 'principal is ...'")
    actions = _read_actions(policy["action"])
    if not actions or not actions <= ACTIONS:
        raise wrong("a permit names its actions, each one that the gate knows")
    reads = set(_find_reads(clauses))
    if not {"principal", "resource"} <= reads:
        raise wrong("a permit reads an attribute of the principal and of the resource")
    return Rule(
        rule_id=rule_id,
        sentence=sentence,
        role=_ROLES[principal["entity_type"]],
        actions=actions,
        file=file,
    )


def _read_actions(scope: Mapping[str, Any]) -> frozenset[str]:
    entities = scope.get("entities") or ([scope["entity"]] if "entity" in scope else [])
    return frozenset(entity["id"] for entity in entities)


def _find_reads(node: object) -> Iterator[str]:
    """Yield the variables whose attributes an expression reads (not `has`: that never errors)."""
    if isinstance(node, dict):
        target = node.get(".")
        if isinstance(target, dict) and "Var" in target.get("left", {}):
            yield target["left"]["Var"]
        for child in node.values():
            yield from _find_reads(child)
    elif isinstance(node, list):
        for child in node:
            yield from _find_reads(child)
