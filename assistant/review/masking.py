"""What the patterns of the list may not see: own words, the person's quotes, proper names.

Own words are found by text search rather than by a matcher, so that nobody's words become part of
a vocabulary. Who a quote belongs to is read off the words beside it: good enough to keep "the nurse
said" apart from "she said", and no more than that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pydantic import Field

from assistant.review.plaintext import Parsed, normalise
from assistant.review.policyfile import PolicyRecord

MASK = "\x00"  # no pattern of the list matches it
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_QUOTED = re.compile(r'"([^"\n]+)"|“([^”\n]+)”|«([^»\n]+)»')
_TAIL = re.compile(r"[\s.,;:!?…]+$")
MIN_PART_WORDS = 3  # a sentence of the text may be a part of a longer own clause, from 3 words on


class Masking(PolicyRecord):
    """The word lists behind the masks (`masking` in language.yaml)."""

    min_quote_words: int = Field(ge=1)
    attributions: tuple[str, ...] = Field(strict=False)
    other_speakers: frozenset[str] = Field(strict=False)
    protected_names: tuple[str, ...] = Field(strict=False)
    fillers: tuple[str, ...] = Field(strict=False)


def mask_text(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Replace the spans by a character that no pattern matches; the length stays."""
    for start, end in spans:
        text = text[:start] + MASK * (end - start) + text[end:]
    return text


def mask_spans(
    text: str,
    parsed: Parsed,
    *,
    own_words: Sequence[str],
    writer_is_person: bool,
    masking: Masking,
) -> list[tuple[int, int]]:
    clauses = [_bare(normalise(clause).text) for clause in own_words]
    clauses = [clause for clause in clauses if clause]
    spans = list(parsed.names)
    for clause in clauses:
        spans += _find_clause(text, clause)
    for start, end in parsed.sentences:
        if _is_part_of(text[start:end], clauses, min_words=MIN_PART_WORDS):
            spans.append((start, end))
    for start, end in quote_spans(text):
        words = _WORD.findall(text[start:end])
        if len(words) < masking.min_quote_words:
            continue
        if _is_part_of(text[start:end], clauses, min_words=masking.min_quote_words) or (
            _is_given_to_person(text, parsed, (start, end), writer_is_person, masking)
        ):
            spans.append((start, end))
    return spans


def quote_spans(text: str) -> list[tuple[int, int]]:
    """The insides of quotation marks."""
    found = []
    for match in _QUOTED.finditer(text):
        group = next(index for index in (1, 2, 3) if match.group(index) is not None)
        found.append(match.span(group))
    return found


def _bare(clause: str) -> str:
    return _TAIL.sub("", clause.replace("\n", " ")).strip(' "“”')


def _clause_pattern(clause: str) -> str:
    """The clause as a pattern: any quotation mark for any other, whole words at both ends."""
    escaped = re.sub(r'["“”]', '["“”]', re.escape(clause))
    return rf"(?<!\w){escaped}(?!\w)"


def _find_clause(text: str, clause: str) -> list[tuple[int, int]]:
    return [m.span() for m in re.finditer(_clause_pattern(clause), text, re.IGNORECASE)]


def _is_part_of(words: str, clauses: Sequence[str], *, min_words: int) -> bool:
    part = _bare(words)
    if len(_WORD.findall(part)) < min_words:
        return False
    pattern = re.compile(_clause_pattern(part), re.IGNORECASE)
    return any(pattern.search(clause) for clause in clauses)


def _is_given_to_person(
    text: str,
    parsed: Parsed,
    quote: tuple[int, int],
    writer_is_person: bool,
    masking: Masking,
) -> bool:
    """Whether a speech verb beside the quote has the person as its speaker.

    Before the quote the last verb of the sentence counts, after it the first one. A speaker from
    `other_speakers` is not the person; "I" and "we" are the person only in the person's voice.
    """
    start, end = quote
    opened = text.rfind("\n", 0, start) + 1
    before = [
        span
        for span in parsed.attributions
        if opened <= span[0] and span[1] <= start and not _ends_between(text[span[1] : start - 1])
    ]
    if before:
        return _speaker_is_person(text[opened : before[-1][0]], writer_is_person, masking)
    after = [
        span
        for span in parsed.attributions
        if end <= span[0] <= end + 40 and not _ends_between(text[end + 1 : span[0]])
    ]
    if after and text[end - 1] in ",?!-—":
        follows = text[after[0][1] : after[0][1] + 25]
        inverted = re.match(r" (?:the )?(\w+)", follows)  # "...," said the nurse
        lead = text[end + 1 : after[0][0]]
        if not lead.strip() and inverted:
            lead = inverted.group(1)
        return _speaker_is_person(lead, writer_is_person, masking)
    return False


def _ends_between(between: str) -> bool:
    return bool(re.search(r"[.!?](?:\s|$)", between))


def _speaker_is_person(lead: str, writer_is_person: bool, masking: Masking) -> bool:
    """Read the speaker off the few words before the verb; nobody named means the person."""
    clause = re.split(r"[.!?;\x00]\s|[\"”]\s", lead)[-1]
    for word in reversed(_WORD.findall(clause)[-5:]):
        lowered = word.lower().removesuffix("'s")
        if lowered in ("i", "we"):
            return writer_is_person
        if lowered in masking.other_speakers:
            return False
        if lowered in ("he", "she", "they"):
            return not writer_is_person
        if lowered.startswith("person_"):
            return not writer_is_person
    return True
