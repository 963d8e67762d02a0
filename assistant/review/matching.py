"""From a text to hits of the list: make plain, mask, match sentence by sentence, map offsets back.

The list's regular expressions run on each sentence as they are. There is no filter by cue words in
front of them: all of them together take one to two milliseconds a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from assistant.review.masking import MASK, Masking, mask_spans, mask_text
from assistant.review.plaintext import Sentences, normalise


class Rule(Protocol):
    """What matching needs of an entry."""

    @property
    def pattern(self) -> re.Pattern[str]: ...
    @property
    def unless(self) -> tuple[re.Pattern[str], ...]: ...
    @property
    def severity(self) -> int: ...


R = TypeVar("R", bound=Rule)
Place = tuple[int, int]  # half-open offsets
Settle = Callable[[str, Sequence[Place], list[tuple[R, Place]]], list[tuple[R, Place]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit(Generic[R]):
    """One match; offsets into the text as given."""

    start: int
    end: int
    entry: R


def find_hits(
    text: str,
    *,
    entries: Sequence[R],
    own_words: Sequence[str],
    writer_is_person: bool,
    masking: Masking,
    sentences: Sentences,
    settle: Settle[R] | None = None,
) -> tuple[Hit[R], ...]:
    """Every hit of every entry outside the masks, overlapping ones included, in text order.

    `settle` is shown the text, its sentences and the hits, and says which hits there are; what
    touches a mask goes all the same.
    """
    plain = normalise(text)
    if not plain.text.strip():
        return ()
    parsed = sentences.parse(plain.text)
    masks = mask_spans(
        plain.text, parsed, own_words=own_words, writer_is_person=writer_is_person, masking=masking
    )
    masked = mask_text(plain.text, masks)
    found = [
        (entry, (start + low, start + high))
        for start, end in parsed.sentences
        for entry, (low, high) in _match_sentence(masked[start:end], plain.text[start:end], entries)
    ]
    if settle is not None and masked.replace(MASK, "").strip():
        found = settle(plain.text, parsed.sentences, found)
    hits = [
        Hit(start=given[0], end=given[1], entry=entry)
        for entry, place in found
        if MASK not in masked[place[0] : place[1]]
        for given in (_whole_words(text, *plain.given(*place)),)
    ]
    return tuple(sorted(hits, key=lambda hit: (hit.start, hit.end)))


def _match_sentence(masked: str, unmasked: str, entries: Sequence[R]) -> Iterable[tuple[R, Place]]:
    for entry in entries:
        for match in entry.pattern.finditer(masked):
            if any(exception.search(unmasked) for exception in entry.unless):
                break  # the exception holds for the whole sentence
            if match.end() > match.start():
                yield entry, match.span()


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """A word that is hit in part is shown whole, "she's" too; no space at either end."""
    if text[start : start + 1] in ("'", "’", "ʼ", "‘"):
        while start > 0 and text[start - 1].isalnum():
            start -= 1
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while start > 0 and text[start - 1 : start + 1].isalnum():
        start -= 1
    while end < len(text) and text[end - 1 : end + 1].isalnum():
        end += 1
    return start, end


def keep_strongest(hits: Sequence[Hit[R]]) -> tuple[Hit[R], ...]:
    """Of overlapping hits keep the most severe, then the longest, then the earliest."""
    kept: list[Hit[R]] = []
    for hit in sorted(hits, key=lambda h: (-h.entry.severity, h.start - h.end, h.start)):
        if all(hit.end <= other.start or other.end <= hit.start for other in kept):
            kept.append(hit)
    return tuple(sorted(kept, key=lambda hit: (hit.start, hit.end)))
