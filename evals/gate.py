"""The policy cases: one question a file in `policies/cases`, its folder the answer it must get.

And whether they would notice: every condition of every rule is taken out, one at a time, and at
least one case must get another answer. In its place stands one that is always met and reads both
sides, since a rule that reads only one is refused when it is read and would prove nothing.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from assistant.policy import Actor, Gate, Request, Store, Subject, load_gate
from assistant.resources import resource_path

CASES: tuple[Path, ...] = tuple(sorted((resource_path("policies") / "cases").glob("*/*.json")))
_RULE = re.compile(r'@id\("([^"]+)"\).*?\bwhen \{\n(.*?)\n\};', re.DOTALL)
_AND = "\n  && "
_ID_IS_THERE = r'(?:principal\.actor_id|resource\.(?:session|store)_id) != ""'
_ALWAYS_MET = re.compile(rf"{_ID_IS_THERE}(?: && {_ID_IS_THERE})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingCheck:
    """One file of the policies with one condition taken out. `place` is `rule-id/number from 1`."""

    file: str
    place: str
    text: str


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
    return sum(_is_kept(gate, path) for path in CASES)


def _is_kept(gate: Gate, path: Path) -> bool:
    request, rule = read_case(path)
    verdict = gate.ask(request)
    return verdict.allowed == (path.parent.name == "ALLOW") and verdict.rule == rule


def weaken(folder: Path) -> Iterator[MissingCheck]:
    """Each condition of each rule of a folder of policies, left out alone.

    Conditions that only read an id, so that a missing entity is noticed, are met by everybody: they
    are no checks.
    """
    for path in sorted(folder.glob("*.cedar")):
        text = path.read_text(encoding="utf-8")
        for rule in _RULE.finditer(text):
            about = "store_id" if "resource is Store" in rule[0] else "session_id"
            always = f'principal.actor_id != "" && resource.{about} != ""'
            checks = rule[2].strip().split(_AND)
            for number, check in enumerate(checks):
                if _ALWAYS_MET.fullmatch(check):
                    continue
                left = [*checks[:number], always, *checks[number + 1 :]]
                yield MissingCheck(
                    file=path.name, place=f"{rule[1]}/{number + 1}",
                    text=text[: rule.start(2)] + "  " + _AND.join(left) + text[rule.end(2) :],
                )  # fmt: skip


def find_unseen() -> tuple[int, list[str]]:
    """Return how many conditions there are, and the places of those that no case would miss."""
    policies, unseen, n = resource_path("policies"), [], 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in [*policies.glob("*.cedar"), *policies.glob("*.cedarschema")]:
            shutil.copy(path, folder)
        for fault in weaken(policies):
            n += 1
            whole = (folder / fault.file).read_bytes()
            (folder / fault.file).write_text(fault.text, encoding="utf-8")
            weak = load_gate(folder=folder)
            if all(_is_kept(weak, path) for path in CASES):
                unseen.append(fault.place)
            (folder / fault.file).write_bytes(whole)
    return n, unseen
