"""The policy cases: one question a file in `policies/cases`, its folder the answer it must get."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

from assistant.policy import Actor, Gate, Request, Store, Subject
from assistant.resources import resource_path

CASES: tuple[Path, ...] = tuple(sorted((resource_path("policies") / "cases").glob("*/*.json")))


def read_case(path: Path) -> tuple[Request, str]:
    """Return the question of a case file and the rule that must answer it."""
    case = json.loads(path.read_text(encoding="utf-8"))
    sets = {f.name for f in fields(Subject) if "frozenset" in str(f.type)}
    about = {k: frozenset(v) if k in sets else v for k, v in case["subject"].items()}
    asked = {k: v for k, v in case.items() if k in {"recipient", "digest", "names", "part2_notice"}}
    return Request(
        actor=Actor(**case["actor"]),
        action=case["action"],
        subject=Store(**about) if "store_id" in about else Subject(**about),
        **asked,
    ), case["rule"]


def count_kept(gate: Gate) -> int:
    """Return how many cases get the answer and the rule they promise."""
    kept = 0
    for path in CASES:
        request, rule = read_case(path)
        verdict = gate.ask(request)
        kept += verdict.allowed == (path.parent.name == "ALLOW") and verdict.rule == rule
    return kept
