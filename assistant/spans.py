"""Offsets: from the de-identified text of a turn back to its original words."""

from __future__ import annotations

from assistant.errors import SpanError
from assistant.records import DeidentifiedTurn


def original_offsets(turn: DeidentifiedTurn, out_start: int, out_end: int) -> tuple[int, int]:
    """Map [out_start, out_end) of `turn.text` to offsets into the original words of the turn.

    A boundary inside a surrogate moves outwards to the whole identifier it stands for.
    Raises `SpanError` if the offsets lie outside `turn.text` or are the wrong way round.
    """
    if not 0 <= out_start <= out_end <= len(turn.text):
        raise SpanError(f"offsets {out_start}-{out_end} lie outside turn {turn.number}")
    return _original(turn, out_start, at_end=False), _original(turn, out_end, at_end=True)


def _original(turn: DeidentifiedTurn, offset: int, *, at_end: bool) -> int:
    shift = 0
    for span in turn.spans:
        if offset <= span.out_start:
            break
        if offset < span.out_end:
            return span.end if at_end else span.start
        shift = span.end - span.out_end
    return offset + shift
