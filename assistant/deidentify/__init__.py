"""Hide identities in a session: risk reduction, not anonymity.

    detector = load_detector(settings=settings)
    deidentified, surrogates = remove_identifiers(transcript, detector=detector)

Presidio's engine with our recognizers finds names, places, organisations, numbers, addresses
and dates in each turn; `linking` makes one decision per conversation; `surrogates` puts stable
stand-ins and keeps the way back. Recovery milestones ("94 days"), weekdays, durations, ages
under 90, general programmes, medicines and diagnoses stay.
"""

from __future__ import annotations

from collections.abc import Sequence

from assistant.deidentify.correcting import (
    apply_corrections,
    correct_text,
    load_correction_types,
)
from assistant.deidentify.detail_finder import DetailFinder, load_detail_finder, mark_details
from assistant.deidentify.details import Detail, DetailReport, report_details
from assistant.deidentify.detector import Detector, load_detector, load_pipeline
from assistant.deidentify.found import Correction
from assistant.deidentify.linking import link_findings
from assistant.deidentify.surrogates import (
    Numbering,
    replace_findings,
    restore_names,
    taken_numbers,
)
from assistant.records import (
    Deidentified,
    DeidentifiedTurn,
    IdentifierSpan,
    Mention,
    SurrogateMap,
    Transcript,
)

__all__ = [
    "Correction",
    "Detail",
    "DetailFinder",
    "DetailReport",
    "Detector",
    "apply_corrections",
    "correct_text",
    "hide_identifiers",
    "load_correction_types",
    "load_detail_finder",
    "load_detector",
    "load_pipeline",
    "mark_details",
    "remove_identifiers",
    "report_details",
    "restore_names",
]


def remove_identifiers(
    transcript: Transcript, *, detector: Detector, corrections: Sequence[Correction] = ()
) -> tuple[Deidentified, SurrogateMap]:
    """Replace every found identifier of a session, speaker labels too, and keep the way back.

    `corrections` are what the peer decided for this person, which wins over every recognizer, and
    what holds for everybody at this agency, which does not (`agency`).
    """
    texts = [turn.text for turn in transcript.turns]
    labels = tuple(dict.fromkeys(turn.speaker for turn in transcript.turns))
    findings = link_findings(
        detector.detect(texts), labels=labels, corrections=corrections, lexicon=detector.lexicon
    )
    numbering = Numbering(detector.lexicon, taken_numbers([*labels, *texts]))
    turns: list[DeidentifiedTurn] = []
    mentions: list[Mention] = []
    named: set[str] = set()  # speakers whose label is in the map already
    for turn, found in zip(transcript.turns, findings, strict=True):
        speaker = numbering.for_label(turn.speaker)
        if speaker not in named:
            named.add(speaker)
            mentions.append(Mention(surrogate=speaker, turn=0, start=0, surface=turn.speaker))
        text, spans = replace_findings(turn.text, found, numbering)
        mentions += [
            Mention(
                surrogate=span.surrogate,
                turn=turn.number,
                start=span.start,
                surface=turn.text[span.start : span.end],
            )
            for span in spans
        ]
        turns.append(
            DeidentifiedTurn(
                number=turn.number,
                speaker=speaker,
                role=turn.role,
                text=text,
                spans=spans,
                n_chars_original=len(turn.text),
            )
        )
    return Deidentified(turns=tuple(turns)), SurrogateMap(mentions=tuple(mentions))


def hide_identifiers(text: str, *, detector: Detector) -> tuple[str, tuple[IdentifierSpan, ...]]:
    """Hide the identifiers of one line that stands alone; returns the new text and the spans."""
    (findings,) = link_findings(
        detector.detect([text], together=False), labels=(), corrections=(), lexicon=detector.lexicon
    )
    return replace_findings(text, findings, Numbering(detector.lexicon, taken_numbers([text])))
