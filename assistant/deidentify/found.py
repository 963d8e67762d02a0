"""What a recognizer reports: a stretch of words that may point to somebody."""

from __future__ import annotations

import re
from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from assistant.records import IdentifierType

IDENTIFIER_TYPES: tuple[IdentifierType, ...] = get_args(IdentifierType)
SURROGATE = re.compile(rf"<({'|'.join(IDENTIFIER_TYPES)})_([0-9]+)>", re.IGNORECASE)

# Where two findings overlap the more telling form wins; within a form, the longer one.
_RANK: dict[IdentifierType, int] = {
    "EMAIL": 0,
    "URL": 1,
    "ID": 2,
    "PHONE": 3,
    "HANDLE": 4,
    "DATE": 5,
    "AGE": 6,
    "OTHER": 7,
    "LOCATION": 8,
    "ORG": 8,
    "NICKNAME": 8,
    "PERSON": 8,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One finding. Offsets into the text given; `score` in 0..1; `rule` names what found it."""

    start: int
    end: int
    type: IdentifierType
    score: float
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What a peer decided about one surface: hide it from now on, or show it.

    `by`: for one person, or for everybody at this agency (`agency.py` says how the two meet).
    """

    surface: str = field(repr=False)
    action: Literal["hide", "show"]
    type: IdentifierType = "OTHER"
    by: Literal["person", "agency"] = "person"


def resolve_overlaps(findings: Iterable[Found]) -> tuple[Found, ...]:
    """Return sorted findings that do not overlap; what only a loser covered stays covered.

    The part of a losing finding outside the winner is kept as a finding of its own, so that
    resolving never uncovers a character that some recognizer wanted hidden.
    """
    kept: list[Found] = []  # always in the order of the text
    for found in sorted(findings, key=_precedence):
        for piece in _uncovered(found, kept):
            insort(kept, piece, key=_start)
    return tuple(kept)


def _start(found: Found) -> int:
    return found.start


def _precedence(found: Found) -> tuple[int, float, int, int]:
    return _RANK[found.type], -round(found.score, 1), found.start - found.end, found.start


def _uncovered(found: Found, kept: Sequence[Found]) -> list[Found]:
    """Return the parts of a finding that none of `kept` (sorted, not overlapping) covers."""
    pieces: list[tuple[int, int]] = []
    position = found.start
    index = max(0, bisect_right(kept, found.start, key=_start) - 1)
    while index < len(kept) and kept[index].start < found.end:
        if position < kept[index].start:
            pieces.append((position, kept[index].start))
        position = max(position, kept[index].end)
        index += 1
    if position < found.end:
        pieces.append((position, found.end))
    return [
        Found(start=start, end=end, type=found.type, score=found.score, rule=found.rule)
        for start, end in pieces
    ]


def trim_found(text: str, found: Found) -> Found | None:
    """Move both ends inwards to a letter or digit; a sign that opens a handle or number stays."""
    start, end = found.start, found.end
    while start < end and not (text[start].isalnum() or text[start] in "@#+(<"):
        start += 1
    while end > start and not (text[end - 1].isalnum() or text[end - 1] in ")>"):
        end -= 1
    if not any(char.isalnum() for char in text[start:end]):
        return None
    # A bracket without its partner is punctuation of the sentence.
    if text[start] == "(" and ")" not in text[start:end]:
        start += 1
    if text[end - 1] == ")" and "(" not in text[start:end]:
        end -= 1
    return Found(start=start, end=end, type=found.type, score=found.score, rule=found.rule)
