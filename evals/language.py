"""How well the language list, the reader beside it and the safety topics do.

    python -m evals.language [--split dev] [--show]     sentences the reader did not learn from

    measure_language(rules)            recall and precision over the list's own sentences
    measure_sentences(rules, cases)    the same by category over marked sentences
    measure_safety(rules, cases)       recall and false prompts over a file of cases
    stigma_density(texts, ...)         severity-weighted flags per 100 words

The sentences were written beside the list, so a high figure says the list does what its authors
thought of. On marked sentences (`models/data/language`) a marked phrase is *found* if a flag
overlaps it, *in its category* if that flag shows the category the writer gave it, and a flag is
*right* if it overlaps a marked phrase. The `unseen` part of the safety cases was written after
tuning and not tuned on: it is the figure to believe, and it is small (39 positive sentences by one
writer).
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.records import Deidentified, DeidentifiedTurn, FlagCategory, SafetyPrompt
from assistant.review import load_language_review, load_language_rules
from assistant.review.masking import quote_spans
from assistant.review.rules import LanguageRules, ReviewVoice, flag_language
from assistant.review.safety import surface_topics
from assistant.review.safety_list import SafetyRules
from assistant.settings import load_settings
from evals.figure import share

if TYPE_CHECKING:
    from models.sentences import MarkedSentence, Split

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(slots=True)
class Phrases:
    """Counts of marked phrases and flags, by category."""

    marked: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    in_category: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    n_fine: int = 0  # sentences without a mark
    n_fine_flagged: int = 0


def measure_sentences(rules: LanguageRules, cases: Iterable[MarkedSentence]) -> Phrases:
    """Count over marked sentences what is flagged, as the product flags it."""
    counted = Phrases()
    for case in cases:
        flags = flag_language(case.text, voice=case.voice, rules=rules)  # type: ignore[arg-type]
        for start, end, category in case.spans:
            over = [flag for flag in flags if flag.start < end and start < flag.end]
            counted.marked[category] += 1
            counted.found[category] += bool(over)
            counted.in_category[category] += any(f.category == category for f in over)
        for flag in flags:
            is_right = any(flag.start < end and start < flag.end for start, end, _ in case.spans)
            counted.flags[flag.category] += 1
            counted.right[flag.category] += is_right
        counted.n_fine += not case.spans
        counted.n_fine_flagged += bool(flags) and not case.spans
    return counted


def count_own_words_flagged(rules: LanguageRules, split: str) -> tuple[int, int]:
    """Statements of people that are flagged though known as theirs, and all that were tried.

    Each stands as it would in a note: alone, and in a sentence of the peer's.
    """
    from models.corpus import load_sessions

    flagged = n = 0
    for session in load_sessions(split):  # type: ignore[arg-type]
        for entry in session.gold["statements"]:
            if entry["salience"] < 2:
                continue
            own = entry["text"].strip()
            for text in (own, f'She said, "{own}"'):
                n += 1
                flagged += bool(flag_language(text, voice="peer", own_words=(own,), rules=rules))
    return flagged, n


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


def _print(title: str, counted: Phrases) -> None:
    print(title)
    for name in (*sorted(counted.marked), "all"):
        rows = [
            sum(count.values()) if name == "all" else count[name]
            for count in (
                counted.found, counted.in_category, counted.marked, counted.right, counted.flags,
            )
        ]  # fmt: skip
        found, in_category, marked, right, flags = rows
        recall, precision = share("", found, marked), share("", right, flags)
        print(
            f"  {name:8} found {found:3}/{marked:3} = {recall.value:.3f} ({recall.low:.3f} to "
            f"{recall.high:.3f}), in its category {in_category:3}; flags right {right:3}/{flags:3}"
            f" = {precision.value:.3f} ({precision.low:.3f} to {precision.high:.3f})"
        )
    print(f"  sentences without a mark that are flagged: {counted.n_fine_flagged}/{counted.n_fine}")


def main(arguments: Sequence[str]) -> int:
    from models.sentences import read_sentences

    parser = argparse.ArgumentParser(prog="evals.language")
    parser.add_argument("--split", choices=["dev", "test"], default="dev")
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args(arguments)
    split: Split = options.split
    cases = list(read_sentences(split))
    _print(f"list alone, {len(cases)} sentences", measure_sentences(load_language_rules(), cases))
    rules = load_language_review(settings=load_settings())
    began = time.perf_counter()
    counted = measure_sentences(rules, cases)
    took = (time.perf_counter() - began) / len(cases)
    _print(f"list and reader, {1000 * took:.1f} ms a sentence", counted)
    for case in cases if options.show else ():
        flags = flag_language(case.text, voice=case.voice, rules=rules)  # type: ignore[arg-type]
        marked = {(case.text[a:b], kind) for a, b, kind in case.spans}
        shown = {(flag.text, flag.category) for flag in flags}
        if marked != shown:
            print(f"{case.voice}: {case.text}\n    marked {marked or ''} flagged {shown or ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
