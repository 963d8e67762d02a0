"""What one stage hands to the next.

    Transcript -> Deidentified -> Draft -> ReviewedDraft -> Note -> ApprovedNote -> Released

A type says what was done to the words. Offsets are Unicode code points, half-open, and point into
the **original** words of a turn unless a field says otherwise. Fields that hold anybody's words are
left out of `repr`, so that a traceback or a log line cannot carry them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

IdentifierType = Literal[
    "PERSON", "NICKNAME", "LOCATION", "ORG", "DATE", "AGE", "PHONE", "EMAIL", "ID", "URL",
    "HANDLE", "OTHER",
]  # fmt: skip
Role = Literal["person", "peer", "other"]
SectionName = Literal[
    "matters", "strength", "hard", "helps", "next_step", "support", "ask", "together"
]
SECTION_NAMES: tuple[SectionName, ...] = (
    "matters", "strength", "hard", "helps", "next_step", "support", "ask", "together",
)  # fmt: skip
Voice = Literal["exact", "tidied"]
Origin = Literal["verbatim", "rewritten", "written"]  # written: typed by a human
Names = Literal["in", "out"]
Verb = Literal["approve", "change", "leave_out", "disagree", "refuse", "withdraw"]
HoldReason = Literal[
    "asked_not_to_record",  # the person asked for it to stay out, before or after saying it
    "safety",  # a safety topic: a human places it, with the person's knowledge
    "third_party",  # another person's business
    "small_talk",
    "joke",
    "hypothetical",
    "reported_speech",
    "social_reply",  # yes, thanks, bye
    "past_only",
    "unclear",  # too short or too broken to stand alone
    "length",  # the note is full
    "check_failed",  # nothing passed the checks, not even the verbatim words
    "other_language",
    "instruction",  # text addressed to the software
]


# ---------------------------------------------------------------- ingest


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One utterance. `number` is 1-based, in the order of the file."""

    number: int
    speaker: str = field(repr=False)
    text: str = field(repr=False)
    role: Role = "other"
    start_s: float | None = None  # seconds since the start of the recording
    end_s: float | None = None
    said_at: datetime | None = None  # chat exports carry clock times


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A line that held something and was not taken over. `line` is 1-based."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """A session as it was said; the only record that holds real names."""

    turns: tuple[Turn, ...] = field(repr=False)
    source_format: str
    encoding: str = "utf-8"
    unread: tuple[Unread, ...] = ()


# ---------------------------------------------------------------- deidentify


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifierSpan:
    """One hidden identifier. `start`/`end` into the original words of the turn;
    `out_start`/`out_end` into the de-identified text of the turn."""

    start: int
    end: int
    type: IdentifierType
    surrogate: str
    score: float
    out_start: int
    out_end: int


# What a small fact is about; the screens have a word for each in every language.
DetailKind = Literal["age", "work", "service", "origin", "family", "health", "event"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnDetail:
    """A small fact that names nobody and few people share; offsets into the original words."""

    start: int
    end: int
    kind: DetailKind


@dataclass(frozen=True, slots=True, kw_only=True)
class DeidentifiedTurn:
    """A turn with every found identifier replaced, the speaker label too."""

    number: int
    speaker: str  # a surrogate such as <PERSON_1>
    role: Role
    text: str = field(repr=False)
    spans: tuple[IdentifierSpan, ...] = ()
    n_chars_original: int = 0
    details: tuple[TurnDetail, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deidentified:
    """A session with identities hidden: risk reduction, not anonymity."""

    turns: tuple[DeidentifiedTurn, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """Where a surrogate stands for which words. `turn` 0 is a speaker label."""

    surrogate: str
    turn: int
    start: int
    surface: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurrogateMap:
    """The way back to real words: a vault entry, never exported."""

    mentions: tuple[Mention, ...] = field(repr=False)


# ---------------------------------------------------------------- draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The words a sentence rests on; offsets into the original words of the turn."""

    turn: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of a draft, de-identified. `own_words` is in 0..1: the share of its content
    tokens whose lemma occurs in the cited turns of the person. `activities` are suggestions for
    what the two did together: numbers of `policies/activities.toml`, likeliest first."""

    text: str = field(repr=False)
    origin: Origin
    evidence: tuple[Evidence, ...]
    own_words: float
    activities: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    name: SectionName
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """Something that was said and is not in the draft."""

    turn: int
    reason: HoldReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """Which model wrote. `digest` is the SHA-256 of the weights, or empty for a local server."""

    name: str
    backend: Literal["tagger", "transformers", "openai_compatible", "scripted", "none"]
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A proposed note, each sentence with its evidence."""

    sections: tuple[Section, ...]
    held_back: tuple[HeldBack, ...]
    model: ModelInfo
    voice: Voice
    timings_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Whether what a sentence says was said. `score` in 0..1, higher is better supported."""

    supported: bool
    score: float
    evidence: tuple[Evidence, ...]
    why: str


# ---------------------------------------------------------------- review


FlagCategory = Literal["label", "blame", "deficit", "control", "doubt", "scope", "detail", "pity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A phrase worth a second look; a prompt, never an edit."""

    start: int
    end: int
    text: str = field(repr=False)
    category: FlagCategory
    rule: str
    why: str
    alternatives: tuple[str, ...]
    source: str
    severity: int  # 1 gentle nudge, 2 suggest, 3 strong suggest
    detail: str  # the finer category of the list, e.g. "retraumatising_detail"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceFlag:
    """A flag and the sentence it lies in (section name and 0-based position)."""

    section: SectionName
    sentence: int
    flag: Flag


SafetyTopic = Literal[
    "self_harm_suicide", "harm_to_others", "abuse_neglect_child", "abuse_vulnerable_adult",
    "intimate_partner_violence", "overdose_medical", "trafficking_exploitation",
    "grave_disability_basic_needs", "staff_misconduct",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyPrompt:
    """A passage a human should look at; a topic, never a level of risk.

    `prominence` is lowered by context (idiom, negation, past, hypothetical), never to silence.
    """

    turn: int
    start: int
    end: int
    topic: SafetyTopic
    said_by: Role
    prominence: Literal["plain", "low"]
    context: tuple[str, ...] = ()  # of: negated, past, hypothetical, idiom, quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedDraft:
    draft: Draft
    flags: tuple[SentenceFlag, ...]
    safety: tuple[SafetyPrompt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagAnswer:
    """What a peer did about a flag. `sentence_digest` is the SHA-256 (hex) of the sentence."""

    sentence_digest: str
    rule: str
    reason: str = field(default="", repr=False)  # why they keep the wording; may be empty


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagAnswers:
    answers: tuple[FlagAnswer, ...] = ()


# ---------------------------------------------------------------- consent, decision, release


Purpose = Literal[
    "record_audio", "transcribe", "ai_draft", "save_note", "share", "billing", "evaluation",
    "beyond_device",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One yes or no to one purpose (elements of 42 CFR 2.31(a)). Only an active yes permits."""

    consent_id: str
    person_id: str
    purpose: Purpose
    given: bool  # False: the person was asked and said no
    recipients: tuple[str, ...]
    information: str
    discloser: str
    mode: Literal["written", "electronic", "spoken"]
    signed_at: datetime
    expires_at: datetime | None  # None: until withdrawn
    text_version: str
    revocation_explained: bool
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSentence:
    """One sentence as the person sees it (real names only if they chose them in)."""

    text: str = field(repr=False)
    origin: Origin
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSection:
    name: SectionName
    sentences: tuple[NoteSentence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """The exact text put before the person. Its canonical form is what an approval binds."""

    note_id: str
    session_id: str
    person_id: str
    names: Names
    sections: tuple[NoteSection, ...]
    statements: tuple[str, ...] = field(default=(), repr=False)  # disagreements that travel along


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteHistory:
    """What a note was before the person's changes, so that each can be undone.

    `first` is the text as it was put before them; `earlier` the versions since, oldest first.
    """

    first: Note
    earlier: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the person decided about one exact text.

    `digest` is the SHA-256 (hex) of the canonical form of the note they saw. `reason` is one of
    the chips (wrong, not_my_words, too_private, too_much, not_needed, other), never free text.
    """

    verb: Verb
    note_id: str
    digest: str
    decided_by: str
    decided_at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedNote:
    """A note whose exact text the person approved. `release_note` compares the digest again."""

    note: Note
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRecord:
    """The minimal record of a session: no narrative, so refusing a note costs nothing."""

    session_id: str
    person_id: str
    peer_id: str
    service_date: str  # ISO 8601 date
    start: str = ""  # ISO 8601 time with offset, or empty where not recorded
    end: str = ""
    place: str = ""
    modality: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditAnchor:
    """The head of the audit chain, to be printed or kept elsewhere."""

    position: int
    head: str  # hex
    signature: str  # hex, Ed25519 over position and head
    public_key: str  # hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """Files made for one recipient; `digests` maps file name to SHA-256 (hex)."""

    note_id: str
    recipient: str
    names: Names
    files: tuple[str, ...]
    digests: Mapping[str, str]
    released_at: datetime
