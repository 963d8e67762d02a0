"""Offsets back from de-identified text to the original words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import SpanError
from assistant.records import DeidentifiedTurn, IdentifierSpan
from assistant.spans import original_offsets


def replaced(pieces: list[tuple[str, bool]]) -> tuple[str, DeidentifiedTurn]:
    """Build a turn from pieces of original text, of which some are hidden."""
    original, out = "", ""
    spans = []
    for piece, is_hidden in pieces:
        surrogate = f"<PERSON_{len(spans) + 1}>" if is_hidden else piece
        if is_hidden:
            spans.append(
                IdentifierSpan(
                    start=len(original),
                    end=len(original) + len(piece),
                    type="PERSON",
                    surrogate=surrogate,
                    score=1.0,
                    out_start=len(out),
                    out_end=len(out) + len(surrogate),
                )
            )
        original += piece
        out += surrogate
    turn = DeidentifiedTurn(
        number=1,
        speaker="<PERSON_9>",
        role="person",
        text=out,
        spans=tuple(spans),
        n_chars_original=len(original),
    )
    return original, turn


PIECES = st.lists(st.tuples(st.text(min_size=1, max_size=8), st.booleans()), max_size=8)


@given(pieces=PIECES, data=st.data())
def test_offsets_outside_surrogates_point_at_the_same_words(pieces, data):
    original, turn = replaced(pieces)
    start = data.draw(st.integers(0, len(turn.text)))
    end = data.draw(st.integers(start, len(turn.text)))
    low, high = original_offsets(turn, start, end)
    assert 0 <= low <= len(original)
    assert low <= high <= len(original) or start == end
    inside = [span for span in turn.spans if span.out_start < end and start < span.out_end]
    if not inside:
        assert original[low:high] == turn.text[start:end]
    for span in inside:
        assert low <= span.start
        assert span.end <= high


def test_a_boundary_inside_a_surrogate_takes_the_whole_identifier():
    original, turn = replaced([("I told ", False), ("Zdenka", True), (" so", False)])
    low, high = original_offsets(turn, 9, 12)
    assert original[low:high] == "Zdenka"


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (3, 2), (0, 99)])
def test_offsets_outside_the_text_are_refused(start, end):
    _, turn = replaced([("abc", False)])
    with pytest.raises(SpanError):
        original_offsets(turn, start, end)
