"""The whole path on one screen.

    ingest -> deidentify -> draft -> review            prepare(): ends at the reviewed draft
    decide -> release                                  finish(): begins with the person's decision

Days may lie between the two; nothing waits in memory. Each half asks the policy first, and the
stages know nothing of one another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Literal

from assistant.decide import record_decision
from assistant.deidentify import (
    Correction,
    DetailFinder,
    Detector,
    load_detail_finder,
    load_detector,
    load_pipeline,
    mark_details,
    remove_identifiers,
)
from assistant.draft import write_draft
from assistant.draft.activities import ActivityHead, load_activity_head
from assistant.draft.encoder import SentenceEncoder, load_encoder
from assistant.draft.model import LanguageModel, load_language_model
from assistant.draft.reader import Reader, load_reader
from assistant.draft.request_reader import RequestReader, load_request_reader
from assistant.policy import Gate, Request
from assistant.records import (
    ApprovedNote,
    AuditAnchor,
    Consent,
    Decision,
    Deidentified,
    HoldReason,
    Note,
    Released,
    ReviewedDraft,
    SafetyPrompt,
    SafetyTopic,
    ServiceRecord,
    SurrogateMap,
    Transcript,
    Voice,
)
from assistant.release import ReleaseFormat, release_note
from assistant.review import (
    LanguageRules,
    SafetyRules,
    load_language_review,
    load_safety_rules,
    review_draft,
    surface_topics,
)

if TYPE_CHECKING:
    from assistant.settings import Settings


Stage = Literal["load", "deidentify", "safety", "draft", "review"]

# The topics on which context may lower a prompt and never silence it (domain rules of safety.yaml).
_ALWAYS_HELD: frozenset[SafetyTopic] = frozenset(
    {"self_harm_suicide", "harm_to_others", "abuse_neglect_child", "abuse_vulnerable_adult"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the first half needs, loaded once. `model` None: every sentence stays verbatim;
    `details` None: small facts are not looked for, since nobody will be shown them."""

    detector: Detector
    details: DetailFinder | None
    encoder: SentenceEncoder
    reader: Reader
    requests: RequestReader
    activities: ActivityHead
    model: LanguageModel | None
    language: LanguageRules
    safety: SafetyRules
    max_words: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What the first half leaves behind; each field goes into the vault on its own."""

    deidentified: Deidentified
    surrogates: SurrogateMap
    reviewed: ReviewedDraft
    timings_s: Mapping[str, float]


def load_parts(settings: Settings, *, with_model: bool = True, with_details: bool = True) -> Parts:
    """Load detector, encoder, model and rules; seconds, not milliseconds.

    Raises `ModelUnavailable` if the models were not fetched, `SettingError` if a policy file is
    broken.
    """
    return Parts(
        detector=load_detector(settings=settings, nlp=load_pipeline()),
        details=load_detail_finder(settings=settings) if with_details else None,
        encoder=load_encoder(settings=settings),
        reader=load_reader(settings=settings),
        requests=load_request_reader(settings=settings),
        activities=load_activity_head(),
        model=load_language_model(settings=settings) if with_model else None,
        language=load_language_review(settings=settings),
        safety=load_safety_rules(),
        max_words=settings.max_note_words,
    )


def prepare(
    transcript: Transcript,
    *,
    gate: Gate,
    request: Request,
    parts: Parts,
    voice: Voice = "tidied",
    corrections: tuple[Correction, ...] = (),
    progress: Callable[[Stage], None] = lambda _stage: None,
) -> Prepared:
    """Hide identities, draft, review. Raises `Refused` before a word is read.

    `progress` hears of each stage as it begins; what it raises ends the work.
    """
    gate.require(request)
    progress("deidentify")
    started = perf_counter()
    deidentified, surrogates = remove_identifiers(
        transcript, detector=parts.detector, corrections=corrections
    )
    if parts.details is not None:
        deidentified = mark_details(transcript, deidentified, finder=parts.details)
    deidentified_at = perf_counter()
    progress("safety")
    topics = surface_topics(deidentified, rules=parts.safety, encoder=parts.encoder)
    held: dict[int, HoldReason] = {p.turn: "safety" for p in topics if is_held(p)}
    surfaced_at = perf_counter()
    progress("draft")
    draft = write_draft(
        deidentified,
        model=parts.model,
        encoder=parts.encoder,
        nlp=parts.detector.nlp,
        voice=voice,
        held=held,
        max_words=parts.max_words,
        reader=parts.reader,
        requests=parts.requests,
        activities=parts.activities,
    )
    drafted_at = perf_counter()
    progress("review")
    reviewed = review_draft(draft, deidentified=deidentified, rules=parts.language, safety=topics)
    timings = {
        "deidentify": deidentified_at - started,
        "safety": surfaced_at - deidentified_at,
        **draft.timings_s,
        "review": perf_counter() - drafted_at,
    }
    return Prepared(
        deidentified=deidentified, surrogates=surrogates, reviewed=reviewed, timings_s=timings
    )


def is_held(prompt: SafetyPrompt) -> bool:
    """Whether a surfaced passage stays out of the draft until a human places it.

    Every prompt is shown and has to be answered. One that was found by a faint likeness alone (low,
    with no context that lowered it) holds nothing back, except on the topics where a miss could
    cost most; otherwise two or three ordinary turns a session would be lost from the note.
    """
    is_faint = prompt.prominence == "low" and not prompt.context
    return not is_faint or prompt.topic in _ALWAYS_HELD


def finish(
    note: Note,
    decision: Decision,
    *,
    gate: Gate,
    request: Request,
    consent: Consent,
    service: ServiceRecord,
    anchor: AuditAnchor,
    to: str,
    formats: tuple[ReleaseFormat, ...],
    folder: Path,
    now: datetime,
    called: str = "",
) -> tuple[ApprovedNote, Released]:
    """Check the decision against the exact text, then release it to one recipient."""
    gate.require(request)
    approved = record_decision(note, decision)
    released = release_note(
        approved,
        consent=consent,
        to=to,
        formats=formats,
        folder=folder,
        service=service,
        anchor=anchor,
        now=now,
        called=called,
    )
    return approved, released
