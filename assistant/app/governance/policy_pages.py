"""The rules and the consents, for people who do not program: sentences, examples, consequences."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import get_args

from assistant.app.catalogue import Catalogue
from assistant.app.governance.markup import (
    block,
    bullets,
    english_in,
    heading,
    paragraph,
    status,
)
from assistant.policy import GATE_UNCLEAR, Rule
from assistant.records import Purpose
from assistant.resources import resource_path

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
# Nothing in this version asks for these or rests on them.
UNUSED_PURPOSES: frozenset[Purpose] = frozenset({"record_audio", "billing", "beyond_device"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """The sentences that the case files of one rule promise."""

    allowed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@cache
def read_cases() -> Mapping[str, Cases]:
    """Return the cases by the rule they name; a file's name is its sentence."""
    found: dict[str, dict[str, list[str]]] = {}
    folder = resource_path("policies/cases")
    for answer in ("ALLOW", "DENY"):
        for path in sorted((folder / answer).glob("*.json")):
            rule = str(json.loads(path.read_text("utf-8"))["rule"])
            sentence = path.stem.replace("-", " ").replace("co sign", "co-sign").capitalize() + "."
            found.setdefault(rule, {}).setdefault(answer, []).append(sentence)
    return {
        rule: Cases(allowed=tuple(by.get("ALLOW", ())), refused=tuple(by.get("DENY", ())))
        for rule, by in found.items()
    }


def rules_page(rules: Mapping[str, Rule], *, search: str, say: Catalogue) -> str:
    """Return the rules that hold every word looked for, grouped by their file.

    What was looked for is not repeated: somebody may type a name.
    """
    wanted = _plain(search).split()
    cases = read_cases()
    found = [rule for rule in rules.values() if _is_wanted(rule, cases, wanted)]
    unclear = _unclear(cases.get(GATE_UNCLEAR, Cases()), wanted, say)
    if not found and not unclear:
        return block(status(say("governance.rules_none")))
    n_found = say("governance.rules_found", n=len(found), total=len(rules))
    parts = [status(n_found)]
    if say.language != "en":
        parts.append(paragraph(say("governance.rules_in_english")))
    for file in dict.fromkeys(rule.file for rule in found):
        parts.append(heading(_subject(file, say)))
        parts += [
            _rule(rule, cases.get(rule.rule_id, Cases()), bool(wanted), say)
            for rule in found
            if rule.file == file
        ]
    return block(*parts, unclear)


def _is_wanted(rule: Rule, cases: Mapping[str, Cases], wanted: Iterable[str]) -> bool:
    of_rule = cases.get(rule.rule_id, Cases())
    actions = " ".join(sorted(rule.actions)).replace("_", " ")
    head = f"{rule.sentence} {rule.rule_id} {rule.role} {actions}"
    text = _plain(" ".join((head, *of_rule.allowed, *of_rule.refused)))
    return all(word in text for word in wanted)


def _plain(text: str) -> str:
    return text.lower().replace("-", " ")


def _subject(file: str, say: Catalogue) -> str:
    name = f"governance.subject_{file.removesuffix('.cedar')}"
    return say(name) if name in say.messages else file


def _rule(rule: Rule, cases: Cases, is_open: bool, say: Catalogue) -> str:
    lang = english_in(say)
    actions = ", ".join(sorted(action.replace("_", " ") for action in rule.actions))
    about = say(
        "governance.rule_about",
        role=say(f"governance.role_{rule.role}"), actions=actions, id=rule.rule_id,
    )  # fmt: skip
    return _fold(rule.sentence, paragraph(about, kind="gov-soft"), cases, is_open, lang, say)


def _unclear(cases: Cases, wanted: Iterable[str], say: Catalogue) -> str:
    text = _plain(" ".join(cases.refused))
    if not cases.refused or not all(word in text for word in wanted):
        return ""
    about = paragraph(say("governance.unclear_explained"))
    fold = _fold(
        say("governance.unclear_sentence"), "", cases, bool(wanted), english_in(say), say,
        head_lang="",
    )  # fmt: skip
    return heading(say("governance.subject_unclear")) + about + fold


def _fold(
    sentence: str,
    about: str,
    cases: Cases,
    is_open: bool,
    lang: str,
    say: Catalogue,
    *,
    head_lang: str | None = None,
) -> str:
    head = lang if head_lang is None else head_lang
    mark = f' lang="{head}"' if head else ""
    inner = "".join(
        heading(say(f"governance.{name}"), level=3) + bullets(sentences, lang=lang)
        for name, sentences in (("cases_allowed", cases.allowed), ("cases_refused", cases.refused))
        if sentences
    )
    start = "<details open>" if is_open else "<details>"
    return f"{start}<summary{mark}>{escape(sentence)}</summary>{about}{inner}</details>"


def consents_page(say: Catalogue) -> str:
    """Return what each purpose means, and what follows from taking the yes back."""
    parts = [paragraph(say("governance.consents_intro"))]
    for purpose in PURPOSES:
        parts.append(heading(say(f"governance.purpose_{purpose}")))
        parts.append(paragraph(say(f"governance.purpose_{purpose}_means")))
        if purpose in UNUSED_PURPOSES:
            parts.append(paragraph(say("governance.purpose_unused"), kind="gov-soft"))
        else:
            parts.append(heading(say("governance.taken_back"), level=3))
            parts.append(paragraph(say(f"governance.purpose_{purpose}_taken_back")))
    return block(*parts)
