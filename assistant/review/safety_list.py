"""The cue list of the safety topics: `policies/safety.yaml`, compiled."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, field_validator, model_validator

from assistant.records import SafetyTopic
from assistant.resources import resource_path
from assistant.review.policyfile import PolicyRecord, compile_pattern, read_policy
from assistant.review.safety_state import SafetyAction

ContextName = Literal["negated", "past", "hypothetical", "quoted", "idiom"]


class Action(PolicyRecord):
    id: SafetyAction
    label: str


class Prompt(PolicyRecord):
    """What the peer reads. No action is chosen beforehand; one is needed to go on."""

    text: str
    actions: tuple[Action, ...] = Field(min_length=1, strict=False)


class Topic(PolicyRecord):
    id: SafetyTopic
    title: str
    cues: tuple[str, ...] = Field(min_length=1, strict=False)
    cues_es: tuple[str, ...] = Field(min_length=1, strict=False)


class Idiom(PolicyRecord):
    phrase: str
    silent: bool  # true only where nothing else can be meant


class Context(PolicyRecord):
    """Patterns that name a context. `before` must end where the cue begins; the others may stand
    up to `words_before` words before the cue or `words_after` after it, in the same sentence."""

    before: tuple[str, ...] = Field(default=(), strict=False)
    near: tuple[str, ...] = Field(default=(), strict=False)
    cancelled_by: tuple[str, ...] = Field(default=(), strict=False)
    reads_cue: bool = False
    words_before: int = Field(default=0, ge=0)
    words_after: int = Field(default=0, ge=0)


class SafetyList(PolicyRecord):
    """The file as it stands."""

    schema_version: Literal[1]
    prompt: Prompt
    gap_words: int = Field(ge=1)
    skipped: tuple[str, ...] = Field(strict=False)
    words: dict[str, str]
    topics: tuple[Topic, ...] = Field(strict=False)
    idioms: tuple[Idiom, ...] = Field(strict=False)
    meant: tuple[str, ...] = Field(min_length=1, strict=False)
    contexts: dict[Literal["negated", "past", "hypothetical", "quoted"], Context]

    @field_validator("topics")
    @classmethod
    def _all_topics(cls, topics: tuple[Topic, ...]) -> tuple[Topic, ...]:
        listed = [topic.id for topic in topics]
        if sorted(listed) != sorted(get_args(SafetyTopic)):
            raise ValueError("each of the nine topics must stand here exactly once")
        return topics

    @model_validator(mode="after")
    def _compiles(self) -> SafetyList:
        _compile_list(self)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextRule:
    before: re.Pattern[str] | None
    near: re.Pattern[str] | None
    cancelled_by: re.Pattern[str] | None
    reads_cue: bool
    words_before: int
    words_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyRules:
    """The compiled list; made once by `load_safety_rules`."""

    prompt: Prompt
    cues: tuple[tuple[SafetyTopic, tuple[re.Pattern[str], ...]], ...]
    silent_idioms: re.Pattern[str]
    open_idioms: re.Pattern[str]
    meant: re.Pattern[str]
    contexts: tuple[tuple[ContextName, ContextRule], ...]
    skipped: re.Pattern[str]


@cache
def load_safety_rules(path: Path | None = None) -> SafetyRules:
    """Read the list, once per path; raises `SettingError` naming the entry that is wrong."""
    return _compile_list(read_policy(path or resource_path("policies/safety.yaml"), SafetyList))


def _compile_list(listed: SafetyList) -> SafetyRules:
    def one(phrases: Iterable[str]) -> re.Pattern[str]:
        return _compile_phrases(tuple(phrases), listed)

    return SafetyRules(
        prompt=listed.prompt,
        cues=tuple(
            (topic.id, tuple(_compile_cue(topic.id, cue, listed) for cue in _all_cues(topic)))
            for topic in listed.topics
        ),
        silent_idioms=one(idiom.phrase for idiom in listed.idioms if idiom.silent),
        open_idioms=one(idiom.phrase for idiom in listed.idioms if not idiom.silent),
        meant=one(listed.meant),
        contexts=tuple(
            (
                name,
                ContextRule(
                    before=_compile_before(context.before, listed),
                    near=one(context.near) if context.near else None,
                    cancelled_by=one(context.cancelled_by) if context.cancelled_by else None,
                    reads_cue=context.reads_cue,
                    words_before=context.words_before,
                    words_after=context.words_after,
                ),
            )
            for name, context in listed.contexts.items()
        ),
        skipped=one(listed.skipped),
    )


def _all_cues(topic: Topic) -> tuple[str, ...]:
    return (*topic.cues, *topic.cues_es)


def _compile_cue(topic: SafetyTopic, cue: str, listed: SafetyList) -> re.Pattern[str]:
    try:
        return _compile_phrases((cue,), listed)
    except ValueError as error:
        raise ValueError(f"a cue of {topic}: {error}") from None


def _compile_phrases(phrases: Sequence[str], listed: SafetyList) -> re.Pattern[str]:
    """Cue notation to a pattern: `{name}` is a word class, `...` up to `gap_words` words."""
    return compile_pattern(r"\b(?:" + "|".join(_expand(p, listed) for p in phrases) + r")\b")


def _compile_before(phrases: Sequence[str], listed: SafetyList) -> re.Pattern[str] | None:
    if not phrases:
        return None
    return compile_pattern(r"\b(?:" + "|".join(_expand(p, listed) for p in phrases) + r") $")


def _expand(phrase: str, listed: SafetyList) -> str:
    for _ in range(3):  # a word class may name another one
        for name in re.findall(r"\{([a-z_]+)\}", phrase):
            if name not in listed.words:
                raise ValueError(f"the word class {name} is not listed under `words`")
            phrase = phrase.replace("{" + name + "}", f"(?:{listed.words[name]})")
    return phrase.replace(" ... ", rf" (?:[^\s.]+ ){{0,{listed.gap_words}}}")
