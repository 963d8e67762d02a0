"""Reads `policies/sections.toml`: prototypes, cues, and the ways people ask for silence."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import cast

from pydantic import BaseModel, ConfigDict, ValidationError

from assistant.errors import SettingError
from assistant.records import HoldReason, SectionName
from assistant.resources import resource_path

RULES_FILE = "policies/sections.toml"
DRAFTED_SECTIONS: tuple[SectionName, ...] = (
    "matters", "strength", "hard", "helps", "next_step", "support", "ask",
)  # fmt: skip
LEAVE_OUT_REASONS: tuple[HoldReason, ...] = (
    "small_talk", "joke", "hypothetical", "third_party", "reported_speech", "past_only",
    "social_reply",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Cues:
    """What points to one section, or to one reason to leave out."""

    prototypes: tuple[str, ...] = field(repr=False)
    strong: re.Pattern[str] | None
    weak: re.Pattern[str] | None
    questions: re.Pattern[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRules:
    """Ways of asking that something is not written down, and of lifting that again."""

    person: re.Pattern[str]
    ahead_only: re.Pattern[str]
    ahead: re.Pattern[str]
    earlier: re.Pattern[str]
    topic: tuple[re.Pattern[str], ...]
    not_topic: frozenset[str]
    release: re.Pattern[str]
    allow: re.Pattern[str]
    peer_offers_out: re.Pattern[str]
    peer_asks_in: re.Pattern[str]
    peer_promises: re.Pattern[str]
    yes: re.Pattern[str]
    no: re.Pattern[str]
    moves_on: re.Pattern[str]
    shifts: re.Pattern[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TogetherRules:
    done: re.Pattern[str]
    doing: re.Pattern[str]
    offers: re.Pattern[str]
    rehearsal: re.Pattern[str]
    rehearsal_over: re.Pattern[str]
    own_story: re.Pattern[str]
    not_note: re.Pattern[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRules:
    """Word lists for checking a typed sentence. `feelings` maps a word to all words of its row."""

    feelings: Mapping[str, frozenset[str]]
    feelings_only_after_feel: frozenset[str]
    alike: Mapping[str, str]  # a word to the word that stands for its row
    diagnoses: frozenset[str]
    denials: re.Pattern[str]
    overstatements: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """Weights and thresholds; what each means stands beside it in the file."""

    strong: float
    weak: float
    question: float
    leave_out_margin: float
    min_salience: float
    duplicate: float
    share_of_words: float
    long_session_turns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRules:
    scoring: Scoring
    sections: Mapping[SectionName, Cues]
    leave_out: Mapping[HoldReason, Cues]
    instruction: re.Pattern[str]
    requests: RequestRules
    together: TogetherRules
    claims: ClaimRules


@cache
def load_draft_rules() -> DraftRules:
    """Read and compile the rules once. Raises `SettingError` naming the field that is wrong."""
    path = resource_path(RULES_FILE)
    try:
        read = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        return _compile(read)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise SettingError(f"{RULES_FILE}: {where} is wrong or missing. Correct it.") from None
    except (tomllib.TOMLDecodeError, re.error) as error:
        raise SettingError(f"{RULES_FILE} cannot be read: {error}. Correct it.") from None


def plain(text: str) -> str:
    """The form that the cues are written for: lowercase, straight apostrophes."""
    return text.lower().replace("’", "'").replace("‘", "'")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Cues(_Strict):
    prototypes: list[str]
    strong: list[str] = []
    weak: list[str] = []
    questions: list[str] = []


class _Instruction(_Strict):
    patterns: list[str]


class _Requests(_Strict):
    person: list[str]
    ahead_only: list[str]
    ahead: list[str]
    earlier: list[str]
    topic: list[str]
    not_topic: list[str]
    release: list[str]
    allow: list[str]
    peer_offers_out: list[str]
    peer_asks_in: list[str]
    peer_promises: list[str]
    yes: str
    no: str
    moves_on: str
    shifts: str


class _Together(_Strict):
    done: list[str]
    doing: list[str]
    offers: list[str]
    rehearsal: list[str]
    rehearsal_over: list[str]
    own_story: list[str]
    not_note: list[str]


class _Claims(_Strict):
    feelings: list[list[str]]
    feelings_only_after_feel: list[str]
    alike: list[list[str]]
    diagnoses: list[str]
    denials: list[str]
    overstatements: list[str]


class _Scoring(_Strict):
    strong: float
    weak: float
    question: float
    leave_out_margin: float
    min_salience: float
    duplicate: float
    share_of_words: float
    long_session_turns: int


class _File(_Strict):
    scoring: _Scoring
    sections: dict[str, _Cues]
    leave_out: dict[str, _Cues]
    instruction: _Instruction
    requests: _Requests
    together: _Together
    claims: _Claims


def _compile(read: _File) -> DraftRules:
    _check_names(read.sections, DRAFTED_SECTIONS, table="sections")
    _check_names(read.leave_out, LEAVE_OUT_REASONS, table="leave_out")
    asked, together = read.requests, read.together
    return DraftRules(
        scoring=Scoring(**read.scoring.model_dump()),
        sections={cast(SectionName, name): _cues(cues) for name, cues in read.sections.items()},
        leave_out={cast(HoldReason, name): _cues(cues) for name, cues in read.leave_out.items()},
        instruction=_any_of(read.instruction.patterns),
        requests=RequestRules(
            person=_any_of(asked.person),
            ahead_only=_any_of(asked.ahead_only),
            ahead=_any_of(asked.ahead),
            earlier=_any_of(asked.earlier),
            topic=tuple(re.compile(_lenient(pattern)) for pattern in asked.topic),
            not_topic=frozenset(asked.not_topic),
            release=_any_of(asked.release),
            allow=_any_of(asked.allow),
            peer_offers_out=_any_of(asked.peer_offers_out),
            peer_asks_in=_any_of(asked.peer_asks_in),
            peer_promises=_any_of(asked.peer_promises),
            yes=_any_of([asked.yes]),
            no=_any_of([asked.no]),
            moves_on=_any_of([asked.moves_on]),
            shifts=_any_of([asked.shifts]),
        ),
        together=TogetherRules(
            done=_any_of(together.done),
            doing=_any_of(together.doing),
            offers=_any_of(together.offers),
            rehearsal=_any_of(together.rehearsal),
            rehearsal_over=_any_of(together.rehearsal_over),
            own_story=_any_of(together.own_story),
            not_note=_any_of(together.not_note),
        ),
        claims=ClaimRules(
            feelings={word: frozenset(row) for row in read.claims.feelings for word in row},
            feelings_only_after_feel=frozenset(read.claims.feelings_only_after_feel),
            alike={word: row[0] for row in read.claims.alike for word in row},
            diagnoses=frozenset(read.claims.diagnoses),
            denials=_any_of(read.claims.denials),
            overstatements=frozenset(read.claims.overstatements),
        ),
    )


def _check_names(found: Iterable[str], wanted: Iterable[str], *, table: str) -> None:
    odd = set(found) ^ set(wanted)
    if odd:
        raise SettingError(
            f"{RULES_FILE}: [{table}] must name each of its entries once; look at {sorted(odd)}."
        )


def _cues(cues: _Cues) -> Cues:
    return Cues(
        prototypes=tuple(cues.prototypes),
        strong=_any_of(cues.strong) if cues.strong else None,
        weak=_any_of(cues.weak) if cues.weak else None,
        questions=_any_of(cues.questions) if cues.questions else None,
    )


def _any_of(patterns: list[str]) -> re.Pattern[str]:
    # Named groups may stand in one pattern only; these patterns have none but the topic ones.
    return re.compile("|".join(f"(?:{_lenient(pattern)})" for pattern in patterns))


def _lenient(pattern: str) -> str:
    """Make a negation's apostrophe optional where a pattern forgot it: people type "dont"."""
    return re.sub(r"n't\b", "n'?t", pattern)
