"""Words of the agency: what holds in every session here, behind what was decided for the person.

Hiding more is the safe direction, so a word hidden for everybody is hidden like one the peer hid.
Showing is not: a word that is shown for everybody stays hidden in a session where anything but a
guess speaks for a name, because there it may be somebody's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.deidentify.detector import DetectedText
from assistant.deidentify.found import Correction, Found
from assistant.deidentify.places import build_place_patterns, find_organisations
from assistant.deidentify.roster import label_names
from assistant.deidentify.rules import Lexicon, fold
from assistant.records import IdentifierType

# The tagger, capitals, and finding again what one of them found; every other rule is a reason.
_GUESSES = frozenset({"tagger", "capital", "again"})
_WORD = re.compile(r"[\w'’]+")


def hidden_surfaces(corrections: Sequence[Correction]) -> dict[str, IdentifierType]:
    """Return the folded surfaces to hide, with their types; the person's decisions win."""
    own = {fold(rule.surface): rule for rule in corrections if rule.by == "person"}
    hidden = {
        fold(rule.surface): rule.type
        for rule in corrections
        if rule.by == "agency" and rule.action == "hide" and fold(rule.surface) not in own
    }
    return hidden | {key: rule.type for key, rule in own.items() if rule.action == "hide"}


def shown_by_agency(
    turns: Sequence[DetectedText],
    found: Sequence[Sequence[Found]],
    *,
    labels: Sequence[str],
    corrections: Sequence[Correction],
    lexicon: Lexicon,
) -> frozenset[str]:
    """Return the folded surfaces shown for everybody that only guesses speak against here.

    `found`: everything found in each turn, before overlaps are settled. One reason anywhere in the
    session is enough: "my sister Grace" in one turn keeps every Grace hidden.
    """
    wanted = {
        fold(rule.surface) for rule in corrections if rule.by == "agency" and rule.action == "show"
    }
    wanted -= {fold(rule.surface) for rule in corrections if rule.action == "hide"}
    if not wanted:
        return frozenset()
    reasons = set(label_names(labels, lexicon))
    patterns = build_place_patterns(lexicon)
    for turn, items in zip(turns, found, strict=True):
        # Presidio drops a finding inside a surer one of its type, and the tagger is surer than a
        # house written small: so those are looked for once more.
        houses = find_organisations(turn.text, patterns, lower=not turn.has_case)
        for item in (*(one for one in items if one.rule not in _GUESSES), *houses):
            reasons |= _words(turn.text[item.start : item.end]) - _general(lexicon)
    return frozenset(surface for surface in wanted if not _words(surface) & reasons)


def _words(surface: str) -> set[str]:
    return {fold(word).removesuffix("'s") for word in _WORD.findall(surface)}


def _general(lexicon: Lexicon) -> frozenset[str]:
    """Words that say nothing when two names share them ("of")."""
    return lexicon.stop - lexicon.rules.names.also_words
