"""The language list: `policies/language.yaml` as frozen records.

    load_language_rules()        -> LanguageRules, read once
    load_language_review(...)    -> the same, with the reader for what the list misses
    flag_language(text, ...)     -> the flags of one text, in text order
    visible_flags(flags)         -> the few a screen shows at once

The list holds the judgement and this module none: which words, why, what instead, and whose
guidance says so are data. The reader points at phrases in ordinary words; what is said of them is
the list's too. Irony and a true sentence in the wrong mouth escape both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, ValidationInfo, field_validator, model_validator

from assistant.records import Flag, FlagCategory
from assistant.resources import resource_path
from assistant.review.language_reader import INNOCENT, LanguageReader, load_language_reader
from assistant.review.masking import Masking
from assistant.review.matching import Hit, Place, Settle, find_hits, keep_strongest
from assistant.review.plaintext import Sentences, load_sentences
from assistant.review.policyfile import PolicyRecord, compile_pattern, read_policy
from assistant.settings import Settings

ReviewVoice = Literal["peer", "person"]
FinerCategory = Literal[
    "label", "substance", "judgement", "deficit", "pity", "carceral", "power", "doubt",
    "status_stereotype", "scope_drift", "retraumatising_detail", "sensitive_detail",
]  # fmt: skip
ScopeKind = Literal[
    "diagnosis", "mental_status", "medication", "risk_statement", "risk_denial",
    "invented_negative", "clinical_work",
]  # fmt: skip
VISIBLE_FLAGS = 7  # a longer list shames the writer; the rest stays one step away


class Category(PolicyRecord):
    shows_as: FlagCategory
    offer: str


class Source(PolicyRecord):
    cite: str
    url: str = ""
    checked: str  # retrieved, partial, recalled, background or project


class Entry(PolicyRecord):
    """One entry of the list. `flag` must be flagged and `ok` must not: both are tests."""

    id: str = Field(pattern=r"^[a-z]{3}-\d{3}$")
    case_sensitive: bool = False  # before `pattern`: its validator reads it
    pattern: re.Pattern[str]
    voice: ReviewVoice | None = None  # None: both
    category: FinerCategory
    shows_as: FlagCategory | None = None
    scope: ScopeKind | None = None
    safety_workflow: bool = False
    severity: int = Field(ge=1, le=3)
    why: str
    alternatives: tuple[str, ...] = Field(min_length=1, strict=False)
    unless: tuple[re.Pattern[str], ...] = Field(default=(), strict=False)
    note: str = ""
    source: tuple[str, ...] = Field(min_length=1, strict=False)
    flag: str
    ok: str

    @field_validator("pattern", mode="before")
    @classmethod
    def _compile(cls, value: object, info: ValidationInfo) -> re.Pattern[str]:
        return compile_pattern(value, case_sensitive=bool(info.data.get("case_sensitive")))

    @field_validator("unless", mode="before")
    @classmethod
    def _compile_each(cls, value: object) -> tuple[re.Pattern[str], ...]:
        if not isinstance(value, list):
            raise ValueError("unless must be a list of patterns")
        return tuple(compile_pattern(pattern) for pattern in value)


class LearnedEntry(Entry):
    """What is said where the language reader finds a phrase of a category; no pattern finds it."""

    pattern: re.Pattern[str] = re.compile(r"(?!)")


class Fixtures(PolicyRecord):
    """Sentences the whole list is tested with."""

    must_not_flag: tuple[str, ...] = Field(strict=False)
    must_not_flag_with_quote_masking: tuple[str, ...] = Field(strict=False)
    must_flag: tuple[str, ...] = Field(strict=False)
    must_flag_model_drafted_first_person: tuple[str, ...] = Field(strict=False)


class LanguageList(PolicyRecord):
    """The file as it stands."""

    schema_version: Literal[1]
    language: str
    title: str
    categories: dict[FinerCategory, Category]
    masking: Masking
    sources: dict[str, Source]
    fixtures: Fixtures
    learned: tuple[LearnedEntry, ...] = Field(min_length=1, strict=False)
    entries: tuple[Entry, ...] = Field(min_length=1, strict=False)

    @model_validator(mode="after")
    def _agree(self) -> LanguageList:
        ids = [entry.id for entry in (*self.entries, *self.learned)]
        twice = sorted({entry_id for entry_id in ids if ids.count(entry_id) > 1})
        if twice:
            raise ValueError(f"entry {twice[0]} occurs twice")
        shown = {entry.shows_as or self.categories[entry.category].shows_as
                 for entry in self.learned}  # fmt: skip
        if len(self.learned) != len(shown) or shown != set(get_args(FlagCategory)):
            raise ValueError("`learned` must have one entry for each category that is shown")
        for entry in self.entries:
            unknown = sorted(set(entry.source) - set(self.sources))
            if unknown:
                raise ValueError(f"entry {entry.id} names the unknown source {unknown[0]}")
            if entry.category not in self.categories:
                raise ValueError(f"entry {entry.id}: its category is not in `categories`")
            if (entry.scope is not None) != (entry.category == "scope_drift"):
                raise ValueError(f"entry {entry.id}: `scope` belongs to scope_drift entries")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageRules:
    """The list with its sentence splitter, and the reader that looks for what the list misses."""

    listed: LanguageList
    sentences: Sentences
    reader: LanguageReader | None = None

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self.listed.entries

    def entry(self, rule: str) -> Entry:
        """Return the entry of a flag's rule; raises `KeyError` for an id not in the list."""
        for entry in (*self.entries, *self.listed.learned):
            if entry.id == rule:
                return entry
        raise KeyError(rule)

    def learned(self, category: FlagCategory) -> Entry:
        """The entry that speaks for the reader about a category."""
        return next(e for e in self.listed.learned if self.shows_as(e) == category)

    def shows_as(self, entry: Entry) -> FlagCategory:
        return entry.shows_as or self.listed.categories[entry.category].shows_as

    def cite(self, entry: Entry) -> str:
        return "; ".join(self.listed.sources[key].cite for key in entry.source)


_in_use: list[LanguageRules] = []


def load_language_review(*, settings: Settings) -> LanguageRules:
    """The list with the reader, loaded once for this process; `language_rules_in_use` has it too.

    Raises `ModelUnavailable`, and `SettingError` like `load_language_rules`.
    """
    if not _in_use:
        reader = load_language_reader(settings=settings)
        _in_use.append(replace(load_language_rules(), reader=reader))
    return _in_use[0]


def language_rules_in_use() -> LanguageRules:
    """The list with the reader if this process has loaded it, else the list alone."""
    return _in_use[0] if _in_use else load_language_rules()


@cache
def load_language_rules(path: Path | None = None) -> LanguageRules:
    """Read the list, once per path; raises `SettingError` naming the entry that is wrong."""
    listed = read_policy(path or resource_path("policies/language.yaml"), LanguageList)
    masking = listed.masking
    return LanguageRules(
        listed=listed,
        sentences=load_sentences(names=masking.protected_names, attributions=masking.attributions),
    )


def flag_language(
    text: str, *, voice: ReviewVoice, own_words: Sequence[str] = (), rules: LanguageRules
) -> tuple[Flag, ...]:
    """Flag wording worth a second look, in text order; offsets point into `text` as given.

    `own_words` are whole clauses known to be the person's: wherever they stand they are never
    flagged. In the person's voice the entries about the peer ("I instructed him") are skipped.
    """
    hits = find_hits(
        text,
        entries=entries_for(rules, voice),
        own_words=own_words,
        writer_is_person=voice == "person",
        masking=rules.listed.masking,
        sentences=rules.sentences,
        settle=settle_by_reader(rules, voice),
    )
    return tuple(make_flag(text, hit, rules) for hit in keep_strongest(hits))


def settle_by_reader(rules: LanguageRules, voice: ReviewVoice) -> Settle[Entry] | None:
    """Let the reader add phrases to a text's hits, and drop hits it holds for innocent.

    What belongs into the safety workflow is never dropped. None without a reader.
    """
    reader = rules.reader
    if reader is None:
        return None

    def settle(
        text: str, sentences: Sequence[Place], hits: list[tuple[Entry, Place]]
    ) -> list[tuple[Entry, Place]]:
        scored = reader.read(text, sentences=sentences, voice=voice)
        kept = [
            (entry, place) for entry, place in hits
            if entry.safety_workflow or scored.likelihood(*place) >= INNOCENT
        ]  # fmt: skip
        taken = [place for _, place in kept]
        for found in (one for place in sentences for one in scored.phrases(within=place)):
            if not any(map(str.isalnum, text[found.start : found.end])):
                continue  # a mark alone, such as the end of what was quoted, is no phrase
            if all(found.end <= start or end <= found.start for start, end in taken):
                kept.append((rules.learned(found.category), (found.start, found.end)))
        return kept

    return settle


def entries_for(rules: LanguageRules, voice: ReviewVoice) -> tuple[Entry, ...]:
    """The entries that apply to one voice."""
    return tuple(entry for entry in rules.entries if entry.voice in (None, voice))


def make_flag(text: str, hit: Hit[Entry], rules: LanguageRules) -> Flag:
    """Turn a hit into the flag people read."""
    entry = hit.entry
    return Flag(
        start=hit.start,
        end=hit.end,
        text=text[hit.start : hit.end],
        category=rules.shows_as(entry),
        rule=entry.id,
        why=entry.why,
        alternatives=entry.alternatives,
        source=rules.cite(entry),
        severity=entry.severity,
        detail=entry.category,
    )


def visible_flags(flags: Sequence[Flag], *, limit: int = VISIBLE_FLAGS) -> tuple[Flag, ...]:
    """Choose the flags to show first: the most severe, then the earliest; in text order."""
    chosen = sorted(flags, key=lambda flag: (-flag.severity, flag.start))[:limit]
    return tuple(sorted(chosen, key=lambda flag: (flag.start, flag.end)))
