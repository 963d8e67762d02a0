"""How well the language list and the safety topics do, on sentences written for them.

    measure_language(rules)            recall and precision over the list's own sentences
    measure_safety(rules, cases)       recall and false prompts over a file of cases
    stigma_density(texts, ...)         severity-weighted flags per 100 words

The sentences were written beside the list, so a high figure says the list does what its authors
thought of. The `unseen` part of the safety cases was written after tuning and not tuned on: it is
the figure to believe, and it is small (39 positive sentences by one writer).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.records import Deidentified, DeidentifiedTurn, FlagCategory, SafetyPrompt
from assistant.review.masking import quote_spans
from assistant.review.rules import LanguageRules, ReviewVoice, flag_language
from assistant.review.safety import surface_topics
from assistant.review.safety_list import SafetyRules

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Counts of sentences; `recall` and `precision` are 1.0 where there was nothing to find."""

    found: int
    missed: int
    flagged_in_vain: int
    left_alone: int

    @property
    def recall(self) -> float:
        n = self.found + self.missed
        return self.found / n if n else 1.0

    @property
    def precision(self) -> float:
        n = self.found + self.flagged_in_vain
        return self.found / n if n else 1.0


def measure_language(rules: LanguageRules) -> dict[str, Counted]:
    """Sentences that must and must not be flagged: the fixtures, the examples, and by category.

    Keys: "fixtures", "examples", then each of the eight categories (its entries' examples; found
    means the flag of that sentence shows the category).
    """
    fixtures = rules.listed.fixtures
    measured = {
        "fixtures": _add(
            _count(fixtures.must_flag, "peer", rules, wanted=True),
            _count(fixtures.must_flag_model_drafted_first_person, "person", rules, wanted=True),
            _count(fixtures.must_not_flag, "peer", rules, wanted=False),
            _count(fixtures.must_not_flag_with_quote_masking, "peer", rules, wanted=False),
        ),
        "examples": _add(
            *(_count([e.flag], e.voice or "peer", rules, wanted=True) for e in rules.entries),
            *(_count([e.ok], e.voice or "peer", rules, wanted=False) for e in rules.entries),
        ),
    }
    for category in sorted({rules.shows_as(entry) for entry in rules.entries}):
        entries = [entry for entry in rules.entries if rules.shows_as(entry) == category]
        shown = [category in _categories(e.flag, e.voice or "peer", rules) for e in entries]
        vain = [bool(_categories(e.ok, e.voice or "peer", rules)) for e in entries]
        measured[category] = Counted(
            found=sum(shown),
            missed=len(shown) - sum(shown),
            flagged_in_vain=sum(vain),
            left_alone=len(vain) - sum(vain),
        )
    return measured


def measure_safety(
    rules: SafetyRules,
    *,
    positive: Mapping[str, Sequence[str]],
    silent: Sequence[str] = (),
    low: Sequence[str] = (),
) -> dict[str, Counted]:
    """Recall by topic, and "all" with the sentences that should raise no (or no plain) prompt.

    A sentence counts as found when its topic is surfaced at any prominence.
    """
    measured: dict[str, Counted] = {}
    for topic, texts in positive.items():
        found = sum(any(p.topic == topic for p in _surface(text, rules)) for text in texts)
        measured[topic] = Counted(
            found=found, missed=len(texts) - found, flagged_in_vain=0, left_alone=0
        )
    vain = sum(bool(_surface(text, rules)) for text in silent)
    vain += sum(any(p.prominence == "plain" for p in _surface(text, rules)) for text in low)
    measured["all"] = Counted(
        found=sum(item.found for item in measured.values()),
        missed=sum(item.missed for item in measured.values()),
        flagged_in_vain=vain,
        left_alone=len(silent) + len(low) - vain,
    )
    return measured


def measure_safety_file(rules: SafetyRules, path: Path) -> dict[str, dict[str, Counted]]:
    """`measure_safety` for the two parts of a file of cases: "tuned" and "unseen"."""
    from ruamel.yaml import YAML

    cases = YAML(typ="safe").load(path)
    return {
        name: measure_safety(
            rules,
            positive=part["positive"],
            silent=part["negative"].get("silent", ()),
            low=part["negative"].get("low", ()),
        )
        for name, part in (("tuned", cases), ("unseen", cases["unseen"]))
    }


def stigma_density(
    texts: Iterable[str],
    *,
    voice: ReviewVoice,
    own_words: Sequence[str] = (),
    rules: LanguageRules,
) -> float:
    """Severity-weighted flags per 100 words of narrative; 0.0 is best, and 0.0 for no words.

    Words inside quotation marks are not narrative and are not counted. Scope and privacy flags
    weigh like all others.
    """
    weight = n_words = 0
    for text in texts:
        quoted = quote_spans(text)
        n_words += sum(
            not any(start <= word.start() < end for start, end in quoted)
            for word in _WORD.finditer(text)
        )
        flags = flag_language(text, voice=voice, own_words=own_words, rules=rules)
        weight += sum(flag.severity for flag in flags)
    return 100 * weight / n_words if n_words else 0.0


def _categories(text: str, voice: ReviewVoice, rules: LanguageRules) -> set[FlagCategory]:
    return {flag.category for flag in flag_language(text, voice=voice, rules=rules)}


def _count(
    texts: Sequence[str], voice: ReviewVoice, rules: LanguageRules, *, wanted: bool
) -> Counted:
    flagged = sum(bool(flag_language(text, voice=voice, rules=rules)) for text in texts)
    rest = len(texts) - flagged
    if wanted:
        return Counted(found=flagged, missed=rest, flagged_in_vain=0, left_alone=0)
    return Counted(found=0, missed=0, flagged_in_vain=flagged, left_alone=rest)


def _add(*parts: Counted) -> Counted:
    return Counted(
        found=sum(part.found for part in parts),
        missed=sum(part.missed for part in parts),
        flagged_in_vain=sum(part.flagged_in_vain for part in parts),
        left_alone=sum(part.left_alone for part in parts),
    )


def _surface(text: str, rules: SafetyRules) -> tuple[SafetyPrompt, ...]:
    turn = DeidentifiedTurn(
        number=1, speaker="<PERSON_1>", role="person", text=text, n_chars_original=len(text)
    )
    return surface_topics(Deidentified(turns=(turn,)), rules=rules)
