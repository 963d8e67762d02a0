"""Commands that show and store nothing: identities, drafts, checks, language, models."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Literal

from assistant.errors import ModelUnavailable, SettingError
from assistant.known_names import hide_known_names
from assistant.records import (
    Deidentified,
    Evidence,
    Flag,
    IdentifierSpan,
    ReviewedDraft,
    Voice,
)
from assistant.resources import resource_path
from assistant.settings import Settings
from assistant.wording import HOLD_REASONS, SECTION_TITLES

if TYPE_CHECKING:
    from assistant.pipeline import Prepared

Row = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRow:
    """A line of `deidentify --format jsonl` and of `check --claims`."""

    id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRow:
    """A line of `review`."""

    id: str
    text: str
    voice: Literal["peer", "person"]
    own_words: tuple[str, ...] = ()


def deidentify_rows(rows: Sequence[TextRow], *, settings: Settings) -> tuple[Row, ...]:
    """Hide identities line by line, each on its own."""
    from assistant.deidentify import hide_identifiers, load_detector

    detector = load_detector(settings=settings)
    result: list[Row] = []
    for row in rows:
        text, spans = hide_identifiers(row.text, detector=detector)
        result.append({"id": row.id, "text": text, "spans": [_span_row(span) for span in spans]})
    return tuple(result)


def deidentify_session(content: bytes, *, name: str, settings: Settings) -> Deidentified:
    """Hide identities in a whole session, one decision per conversation."""
    from assistant.deidentify import load_detector, remove_identifiers
    from assistant.ingest import parse_transcript

    transcript = parse_transcript(content, name=name, settings=settings)
    hidden, _map = remove_identifiers(transcript, detector=load_detector(settings=settings))
    return hidden


def format_session(hidden: Deidentified, *, as_json: bool) -> str:
    """Return the session as text, or as the JSON of interfaces (spans into the original)."""
    if not as_json:
        return "".join(f"{turn.speaker}: {turn.text}\n" for turn in hidden.turns)
    turns = [
        {
            "turn": turn.number,
            "speaker": turn.speaker,
            "text": turn.text,
            "spans": [_span_row(span) for span in turn.spans],
        }
        for turn in hidden.turns
    ]
    return json.dumps({"turns": turns}, ensure_ascii=False) + "\n"


def draft_session(
    content: bytes, *, name: str, person: str, peer: str, voice: Voice, settings: Settings
) -> Prepared:
    """Draft from a transcript that its reader holds, and keep nothing."""
    from assistant.ingest import parse_transcript
    from assistant.pipeline import load_parts, prepare
    from assistant.policy import load_gate, preview_request

    started = perf_counter()
    transcript = parse_transcript(content, name=name, settings=settings, person=person, peer=peer)
    parts = load_parts(settings, with_model=voice == "tidied", with_details=False)
    loaded = perf_counter() - started
    prepared = prepare(
        transcript, gate=load_gate(), request=preview_request(), parts=parts, voice=voice
    )
    return replace(prepared, timings_s={"load": loaded, **prepared.timings_s})


def format_draft(prepared: Prepared, *, as_json: bool) -> str:
    """Return a draft as the JSON of interfaces, or as text for reading."""
    if as_json:
        return json.dumps(draft_row(prepared), ensure_ascii=False) + "\n"
    return format_reviewed(prepared.reviewed)


def format_reviewed(reviewed: ReviewedDraft) -> str:
    """Return a reviewed draft as text: sentences with their turns, what was left out, prompts."""
    lines: list[str] = []
    for section in reviewed.draft.sections:
        lines.append(SECTION_TITLES[section.name])
        lines += [
            f"  - {sentence.text}  [turn {', '.join(str(e.turn) for e in sentence.evidence)}]"
            for sentence in section.sentences
        ]
        lines.append("")
    for found in reviewed.flags:
        place = f"{SECTION_TITLES[found.section]}, sentence {found.sentence + 1}"
        instead = " / ".join(found.flag.alternatives[:3])
        lines.append(f"Worth a second look ({place}): {found.flag.why} Instead: {instead}")
    counts = Counter(held.reason for held in reviewed.draft.held_back)
    left_out = ", ".join(f"{n} {HOLD_REASONS[reason]}" for reason, n in counts.items())
    lines.append(f"Left out: {left_out or 'nothing'}")
    if reviewed.safety:
        lines.append(f"To look at yourself first: {len(reviewed.safety)} passages.")
    return "\n".join(lines) + "\n"


def draft_row(prepared: Prepared) -> Row:
    """Return what `draft --json` prints."""
    draft = prepared.reviewed.draft
    return {
        "sections": [
            {
                "name": section.name,
                "sentences": [
                    {
                        "text": sentence.text,
                        "origin": sentence.origin,
                        "evidence": [_evidence_row(place) for place in sentence.evidence],
                        "own_words": round(sentence.own_words, 4),
                        **_activity_rows(sentence.activities),
                    }
                    for sentence in section.sentences
                ],
            }
            for section in draft.sections
        ],
        "held_back": [{"turn": held.turn, "reason": held.reason} for held in draft.held_back],
        "flags": [
            {"section": found.section, "sentence": found.sentence, **_flag_row(found.flag)}
            for found in prepared.reviewed.flags
        ],
        "safety": [
            {"turn": p.turn, "start": p.start, "end": p.end, "topic": p.topic, "said_by": p.said_by}
            for p in prepared.reviewed.safety
        ],
        "model": asdict(draft.model),
        "timings_s": {stage: round(s, 3) for stage, s in prepared.timings_s.items()},
    }


def check_rows(
    content: bytes,
    claims: Sequence[TextRow],
    *,
    name: str,
    person: str,
    peer: str,
    settings: Settings,
) -> tuple[Row, ...]:
    """Check each claim against the session; names in claims are hidden the same way first."""
    from assistant.deidentify import load_detector, load_pipeline, remove_identifiers
    from assistant.draft.claim_reader import load_claim_reader
    from assistant.draft.claims import check_claims
    from assistant.draft.encoder import load_encoder
    from assistant.ingest import parse_transcript

    transcript = parse_transcript(content, name=name, settings=settings, person=person, peer=peer)
    detector = load_detector(settings=settings, nlp=load_pipeline())
    hidden, surrogates = remove_identifiers(transcript, detector=detector)
    encoder = load_encoder(settings=settings)
    texts = [hide_known_names(claim.text, surrogates=surrogates) for claim in claims]
    reader = load_claim_reader(settings=settings)
    found = check_claims(texts, hidden, encoder=encoder, nlp=detector.nlp, reader=reader)
    return tuple(
        {
            "id": claim.id,
            "supported": checked.supported,
            "score": round(checked.score, 4),
            "evidence": [_evidence_row(place) for place in checked.evidence],
            "why": checked.why,
        }
        for claim, checked in zip(claims, found, strict=True)
    )


def review_rows(rows: Sequence[ReviewRow], *, settings: Settings) -> tuple[Row, ...]:
    """Flag language in each text; where the models were not fetched, by the list alone."""
    from assistant.review import flag_language, load_language_review, load_language_rules

    try:
        rules = load_language_review(settings=settings)
    except ModelUnavailable:
        rules = load_language_rules()
    return tuple(
        {
            "id": row.id,
            "flags": [
                _flag_row(flag)
                for flag in flag_language(
                    row.text, voice=row.voice, own_words=row.own_words, rules=rules
                )
            ],
        }
        for row in rows
    )


def fetch_models(*, settings: Settings) -> None:
    """Run `models/fetch.py`, the one file that uses the network, as a process of its own."""
    script = resource_path("models/fetch.py")
    command = [sys.executable, str(script), "--into", str(settings.models_dir)]
    if subprocess.run(command, check=False).returncode:
        raise ModelUnavailable("The models were not fetched; the lines above say why.")


def describe_models(*, settings: Settings) -> tuple[str, ...]:
    """Return one line a model: is it there, is it the right one."""
    from assistant.bundled import model_status

    return tuple(
        f"{status.id}: {status.state} ({status.purpose}, {status.licence})"
        for status in model_status(settings=settings)
    )


def list_models(*, settings: Settings) -> tuple[str, ...]:
    """Return one line for each model that can tidy; the one in use is marked."""
    from assistant.bundled import model_status
    from assistant.draft.model import TIDIER, chosen_model

    wanted = settings.model.strip()
    in_use = chosen_model(settings=settings) if wanted == "default" else wanted
    rows = {TIDIER: "shipped with Own Words, leaves words out and sets marks"}
    for status in model_status(settings=settings):
        if status.purpose == "drafter":
            rows[status.id] = f"{status.state}, a small causal language model"
    rows.setdefault(in_use, "your own")
    return tuple(
        f"{'*' if name == in_use else ' '} {name}: {about}" for name, about in rows.items()
    )


def use_model(name: str, *, settings: Settings) -> str:
    """Choose the model that tidies from now on. Raises `ModelUnavailable`."""
    from assistant.draft.model import choose_model

    info = choose_model(name, settings=settings)
    late = (
        ""
        if settings.model.strip() == "default"
        else (" The setting OWNWORDS_MODEL names another and still decides; take it away.")
    )
    return f"{info.name} ({info.backend}) tidies from the next draft on.{late}"


def compare_models(names: Sequence[str], *, n_statements: int) -> int:
    """Run the comparison in a process of its own; return its exit status.

    Raises `SettingError` in an installation without the practice corpus.
    """
    try:
        resource_path("models/data/corpus/splits.json")
    except SettingError:
        raise SettingError(
            "Models are compared on the practice corpus, which this installation does not hold. "
            "Run this from a checkout."
        ) from None
    folder = resource_path("evals").parent
    command = [sys.executable, "-m", "evals.tidying", "--first", str(n_statements)]
    for name in names:
        command += ["--model", name]
    return subprocess.run(command, check=False, cwd=folder).returncode


def run_evals(
    suites: tuple[str, ...], *, out: Path, quick: bool = False, against: Path | None = None
) -> int:
    """Run the evals in a process of their own; return its exit status."""
    folder = resource_path("evals").parent
    command = [sys.executable, "-m", "evals.report", *suites, "--out", str(out.resolve())]
    command += ["--quick"] if quick else []
    command += ["--against", str(against.resolve())] if against else []
    return subprocess.run(command, check=False, cwd=folder).returncode


def _span_row(span: IdentifierSpan) -> Row:
    return {
        "start": span.start,
        "end": span.end,
        "type": span.type,
        "surrogate": span.surrogate,
        "score": round(span.score, 4),
    }


def _evidence_row(place: Evidence) -> Row:
    return {"turn": place.turn, "start": place.start, "end": place.end}


def _activity_rows(numbers: Sequence[int]) -> Row:
    from assistant.draft.activities import load_activities

    rows = [asdict(load_activities()[number]) for number in numbers]
    return {"may_be": rows} if rows else {}


def _flag_row(flag: Flag) -> Row:
    return {
        "start": flag.start,
        "end": flag.end,
        "text": flag.text,
        "category": flag.category,
        "rule": flag.rule,
        "why": flag.why,
        "alternatives": list(flag.alternatives),
        "source": flag.source,
        "severity": flag.severity,
        "detail": flag.detail,
    }
