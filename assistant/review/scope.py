"""Scope of practice: wording that steps out of the peer role.

Diagnoses, mental-status wording, advice on medicine, statements and denials of risk, invented
negatives and clinical work are entries of `policies/language.yaml` like all others (category
scope_drift, with the kind in `scope`), so that agencies can read and correct them in one place.
This module only asks for them alone: a scope entry is never hidden behind a stronger neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence

from assistant.records import Flag
from assistant.review.matching import find_hits, keep_strongest
from assistant.review.rules import (
    LanguageRules,
    ReviewVoice,
    ScopeKind,
    entries_for,
    make_flag,
)


def flag_scope(
    text: str, *, voice: ReviewVoice, own_words: Sequence[str] = (), rules: LanguageRules
) -> tuple[Flag, ...]:
    """Flag only what is outside the peer role, in text order; offsets into `text` as given."""
    hits = find_hits(
        text,
        entries=tuple(entry for entry in entries_for(rules, voice) if entry.scope is not None),
        own_words=own_words,
        writer_is_person=voice == "person",
        masking=rules.listed.masking,
        sentences=rules.sentences,
    )
    return tuple(make_flag(text, hit, rules) for hit in keep_strongest(hits))


def scope_kind(flag: Flag, *, rules: LanguageRules) -> ScopeKind | None:
    """Say how a flag's wording is out of role, or None where it is a matter of wording alone."""
    return rules.entry(flag.rule).scope


def needs_safety_workflow(flag: Flag, *, rules: LanguageRules) -> bool:
    """Whether the wording also belongs in front of a human as a safety matter.

    Such a phrase (a risk rating, a method, "no safety concerns") is never edited away by itself.
    """
    return rules.entry(flag.rule).safety_workflow
