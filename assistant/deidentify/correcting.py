"""What one correction does to a session that is de-identified already, without looking again."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from assistant.deidentify.found import IDENTIFIER_TYPES, SURROGATE, Correction
from assistant.deidentify.rules import fold
from assistant.records import (
    Deidentified,
    DeidentifiedTurn,
    IdentifierSpan,
    IdentifierType,
    Mention,
    SurrogateMap,
    Transcript,
)


def load_correction_types() -> tuple[IdentifierType, ...]:
    """Return the types a peer can name when hiding a word."""
    return IDENTIFIER_TYPES


def apply_corrections(
    transcript: Transcript,
    deidentified: Deidentified,
    surrogates: SurrogateMap,
    correction: Correction,
) -> tuple[Deidentified, SurrogateMap]:
    """Hide or show one surface in every turn; whole words, in any case.

    Hidden words that lie inside a longer hidden stretch stay with it. Speaker labels stay hidden.
    """
    surrogate = _surrogate_for(correction, surrogates)
    turns: list[DeidentifiedTurn] = []
    mentions = [mention for mention in surrogates.mentions if mention.turn == 0]
    for said, turn in zip(transcript.turns, deidentified.turns, strict=True):
        kept = [
            (span.start, span.end, span.type, span.surrogate, span.score)
            for span in turn.spans
            if correction.action == "hide"
            or fold(said.text[span.start : span.end]) != fold(correction.surface)
        ]
        if correction.action == "hide":
            taken = [(start, end) for start, end, *_rest in kept]
            for match in _whole_words(correction.surface).finditer(said.text):
                if all(match.end() <= start or end <= match.start() for start, end in taken):
                    kept.append((*match.span(), correction.type, surrogate, 1.0))
        text, spans = _replace(said.text, sorted(kept))
        mentions += [
            Mention(
                surrogate=span.surrogate, turn=said.number, start=span.start,
                surface=said.text[span.start : span.end],
            )
            for span in spans
        ]  # fmt: skip
        turns.append(replace(turn, text=text, spans=spans))
    return Deidentified(turns=tuple(turns)), SurrogateMap(mentions=tuple(mentions))


def correct_text(
    text: str,
    correction: Correction,
    *,
    before: SurrogateMap,
    turns: Sequence[int],
) -> str:
    """Return a drafted sentence after a correction; `turns` are those it rests on."""
    if correction.action == "hide":
        return _whole_words(correction.surface).sub(_surrogate_for(correction, before), text)
    surfaces: dict[str, list[Mention]] = defaultdict(list)
    for mention in before.mentions:
        surfaces[mention.surrogate].append(mention)

    def shown(match: re.Match[str]) -> str:
        known = surfaces.get(match.group(), [])
        cited = [m for m in known if m.turn in turns] or known
        if cited and all(fold(m.surface) == fold(correction.surface) for m in cited):
            return cited[0].surface
        return match.group()

    return SURROGATE.sub(shown, text)


def _surrogate_for(correction: Correction, surrogates: SurrogateMap) -> str:
    """The stand-in the words had or have elsewhere, else the next free one of their type."""
    numbers = [0]
    for mention in surrogates.mentions:
        if fold(mention.surface) == fold(correction.surface):
            return mention.surrogate
        match = SURROGATE.fullmatch(mention.surrogate)
        if match and match.group(1).upper() == correction.type:
            numbers.append(int(match.group(2)))
    return f"<{correction.type}_{max(numbers) + 1}>"


def _whole_words(surface: str) -> re.Pattern[str]:
    words = r"\s+".join(re.escape(part) for part in surface.split())
    return re.compile(rf"(?<![\w<]){words}(?![\w>])", re.IGNORECASE)


def _replace(
    text: str, found: Sequence[tuple[int, int, IdentifierType, str, float]]
) -> tuple[str, tuple[IdentifierSpan, ...]]:
    parts: list[str] = []
    spans: list[IdentifierSpan] = []
    position = n_out = 0
    for start, end, type_, surrogate, score in found:
        parts += [text[position:start], surrogate]
        out_start = n_out + start - position
        n_out = out_start + len(surrogate)
        spans.append(
            IdentifierSpan(
                start=start, end=end, type=type_, surrogate=surrogate, score=score,
                out_start=out_start, out_end=n_out,
            )
        )  # fmt: skip
        position = end
    return "".join(parts) + text[position:], tuple(spans)
