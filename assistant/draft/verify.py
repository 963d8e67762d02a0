"""Checks a rewritten sentence against the words it came from, by exact rules.

Tidying may only leave words out: each rule compares word forms (lowercase, without apostrophes).
Dialect is never a fault: what was said that way is kept that way. Claims that people type are
checked in `claims.py`; `check_claim` is offered from here as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.draft.claims import check_claim
from assistant.draft.numerals import find_numbers
from assistant.draft.words import FILLERS, NEGATIONS, SURROGATE, split_forms, word_set

__all__ = ["broken", "check_claim", "find_faults"]

MIN_COVERAGE = 0.6  # share of the statement's content that a rewriting must keep
MIN_OWN_WORDS = 0.8

# Words that say who, how sure, when, or how much: none may come or go.
_PRONOUNS = word_set(
    "i me my mine myself we us our ours ourselves you your yours yourself he him his himself "
    "she her hers herself they them their theirs themselves yall im ive id ill ima imma youre "
    "youve youd youll hes shes theyre theyve theyd theyll weve we'll we're we'd he'll she'll"
)
_FORCE = word_set(
    "might may maybe perhaps probably could can would will shall should must want wants "
    "wanted wanna need needs needed gonna finna gotta going tryna trying try tried hope "
    "hoping wish used supposed think thinking guess thought if unless until till when "
    "whenever before after since still yet already again anymore now then today tomorrow "
    "tonight yesterday last next week month year day monday tuesday wednesday thursday friday "
    "saturday sunday ago almost nearly only except some most few sometimes always often "
    "rarely every all less more least enough too about im ima imma ill id we'd theyd hed shed "
    "theyll youll he'll she'll we'll"
)
_DANGLING = word_set(
    "a an the my your his her our their to of with and or but because cos if at in on for from as "
    "that than so by into this these those is are was were am be been i we he she they im"
)
# A sentence that ends on one of these broke off.
_CUT_OFF = word_set(
    "a an the my your our their and or but because cos cause if as than into im just gonna wanna "
    "ill ive he she they it's its"
)
_BEFORE_LAST_OF = word_set("sort kind think care hold proud afraid scared out made fond tired")
_BEFORE_LAST_I = word_set("and am do did have than can will would so neither was")
_LEADING_FILLERS = word_set("well so okay ok yeah yes yep right like see look and but")
_PHRASE_FILLERS = (
    ("you", "know"),
    ("i", "mean"),
    ("know", "what", "i", "mean"),
    ("how", "to", "say"),
)
_QUOTED = re.compile(r"[\"“]([^\"”]+)[\"”]")
_STRANGE = re.compile(
    r"[\n\r\t]|<\||\|>|\[/?INST\]|^\s*(?:assistant|user|system|note)\s*:|https?://", re.I
)


def find_faults(proposal: str, *, source: str) -> tuple[str, ...]:
    """Name every rule that `proposal` breaks against `source`; empty means it may stand."""
    if not proposal.strip():
        return ("empty",)
    said, told = split_forms(source), split_forms(proposal)
    meant = without_fillers(said)
    rules = {
        "malformed": _STRANGE.search(proposal.strip()) is not None and not _STRANGE.search(source),
        "surrogate": set(SURROGATE.findall(proposal)) != set(SURROGATE.findall(source))
        or "<" in SURROGATE.sub("", proposal),
        "added_word": not set(told) <= set(said),
        "order": not _is_within(told, said),
        "number": find_numbers(told) != find_numbers(said),
        "negation": negated(without_fillers(told)) != negated(meant),
        "actor": _pronouns(told) != _pronouns(meant),
        "force": said_with_force(without_fillers(told)) != said_with_force(meant),
        "quote": not all(quote in source for quote in _QUOTED.findall(proposal)),
        "question": ("?" in proposal) != ("?" in source) and _punctuated(source),
        "too_little": coverage(told, meant) < MIN_COVERAGE,
        "unfinished": broken(proposal),
    }
    return tuple(name for name, is_broken in rules.items() if is_broken)


def without_fillers(forms: Sequence[str]) -> tuple[str, ...]:
    """Drop filler phrases anywhere and filler words at the front, and words said twice in a row."""
    kept: list[str] = []
    at = 0
    while at < len(forms):
        phrase = next((p for p in _PHRASE_FILLERS if tuple(forms[at : at + len(p)]) == p), None)
        if phrase:
            at += len(phrase)
            continue
        if (kept or forms[at] not in _LEADING_FILLERS) and forms[at] not in _SOUNDS:
            kept.append(forms[at])
        at += 1
    return tuple(kept)


_SOUNDS = word_set("um uh uhm umm erm er eh hm hmm mm mhm")


def negated(forms: Sequence[str]) -> frozenset[tuple[str, str]]:
    """Each negation with the next word that carries content, so that it cannot move or go."""
    pairs = set()
    for at, form in enumerate(forms):
        if form in NEGATIONS:
            after = (f for f in forms[at + 1 :] if f not in _DANGLING and f not in FILLERS)
            pairs.add((form, next(after, "")))
    return frozenset(pairs)


def said_with_force(forms: Sequence[str]) -> frozenset[str]:
    """The words that say how sure, when and how much."""
    return frozenset(form for form in forms if form in _FORCE)


def coverage(told: Sequence[str], meant: Sequence[str]) -> float:
    """Share of the source's content that was kept; repeats count once, fillers not at all."""
    content = {f for f in meant if f not in FILLERS and f not in _DANGLING}
    if not content:
        return 1.0
    return len(content & set(told)) / len(content)


def broken(text: str) -> bool:
    """Whether a sentence breaks off, or is mostly fillers."""
    forms = split_forms(text)
    if not forms or forms[-1] in _CUT_OFF:
        return True
    if forms[-1] == "of" and forms[-2:-1] and forms[-2] not in _BEFORE_LAST_OF:
        return True
    if forms[-1] in {"i", "we"} and (len(forms) == 1 or forms[-2] not in _BEFORE_LAST_I):
        return True
    return sum(form in FILLERS for form in forms) > 0.5 * len(forms)


def _pronouns(forms: Sequence[str]) -> frozenset[str]:
    return frozenset(form for form in without_fillers(forms) if form in _PRONOUNS)


def _is_within(told: Sequence[str], said: Sequence[str]) -> bool:
    """Whether `told` is what is left of `said` after leaving words out."""
    rest = iter(said)
    return all(form in rest for form in told)


def _punctuated(text: str) -> bool:
    return any(mark in text for mark in ".?!")
