"""Whatever is said: offsets are exact, nothing is lost, the way back is complete."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.deidentify import hide_identifiers, remove_identifiers
from assistant.deidentify.found import Found, resolve_overlaps
from assistant.records import Transcript, Turn
from assistant.spans import original_offsets

PIECES = [
    "Zdenka",
    "zdenka's",
    "Odalys Ferreira",
    "Dr. Brandt",
    "555-0142",
    "five five five, oh one four two",
    "<PERSON_2>",
    "<PERSON_",
    "_3>",
    "quill@post.test",
    "March 14th",
    "ninety-four days",
    "Fifth and Alder",
    "é",
    "İ",
    "ß",
    "🦆",
    "\u200b",
    "\n",
    "'",
    "I'm",
    "@lamp",
    "u/lamp",
    "case number 22-CR-0457",
    "hope",
    "Hope",
    "I",
    "the",
    ",",
    ".",
    "?",
    "(",
    "“",
]
said = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=12).map(" ".join)
sessions = st.lists(
    st.tuples(
        st.sampled_from(["Zdenka Rill", "zdenka", "Peer", "Hope", "<PERSON_1>", "Ζωή"]), said
    ),
    max_size=5,
)


@settings(max_examples=150)
@given(lines=sessions)
def test_spans_and_map_restore_the_original_exactly(detector, lines):
    transcript = Transcript(
        turns=tuple(
            Turn(number=number, speaker=speaker, text=text)
            for number, (speaker, text) in enumerate(lines, 1)
        ),
        source_format="plain",
    )
    hidden, surrogates = remove_identifiers(transcript, detector=detector)
    surfaces = {(item.turn, item.start): item for item in surrogates.mentions if item.turn}
    labels = {item.surrogate: item.surface for item in surrogates.mentions if item.turn == 0}
    for turn, out in zip(transcript.turns, hidden.turns, strict=True):
        assert labels[out.speaker] == turn.speaker
        rebuilt, position, last_end = "", 0, 0
        for span in out.spans:
            assert last_end <= span.start < span.end <= len(turn.text)
            assert out.text[span.out_start : span.out_end] == span.surrogate
            mention = surfaces[turn.number, span.start]
            assert (mention.surrogate, mention.surface) == (
                span.surrogate,
                turn.text[span.start : span.end],
            )
            rebuilt += out.text[position : span.out_start] + mention.surface
            position, last_end = span.out_end, span.end
            assert original_offsets(out, span.out_start, span.out_end) == (span.start, span.end)
        assert rebuilt + out.text[position:] == turn.text
        assert original_offsets(out, 0, len(out.text)) == (0, len(turn.text))


@settings(max_examples=100)
@given(text=said)
def test_a_single_line_keeps_every_other_character(detector, text):
    out, spans = hide_identifiers(text, detector=detector)
    kept = "".join(
        text[start:end]
        for start, end in zip(
            [0, *(span.end for span in spans)],
            [*(span.start for span in spans), len(text)],
            strict=True,
        )
    )
    assert kept == "".join(
        out[start:end]
        for start, end in zip(
            [0, *(span.out_end for span in spans)],
            [*(span.out_start for span in spans), len(out)],
            strict=True,
        )
    )


@given(
    items=st.lists(
        st.tuples(
            st.integers(0, 30), st.integers(1, 10), st.sampled_from(["PERSON", "EMAIL", "DATE"])
        )
    )
)
def test_resolving_overlaps_never_uncovers_a_character(items):
    findings = [
        Found(start=start, end=start + length, type=type_, score=0.5, rule="test")
        for start, length, type_ in items
    ]
    resolved = resolve_overlaps(findings)
    assert all(a.end <= b.start for a, b in pairwise(resolved))
    assert {i for item in resolved for i in range(item.start, item.end)} == {
        i for item in findings for i in range(item.start, item.end)
    }
