"""Whatever a file holds, reading it gives a `Transcript` or a `TranscriptError`."""

from __future__ import annotations

import io
import random
import unicodedata
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import TranscriptError
from assistant.ingest import parse_transcript
from assistant.records import Transcript
from assistant.settings import Settings

DATA = Path(__file__).parent / "data"
N_MUTANTS = 10_000
SETTINGS = Settings(max_bytes=200_000, max_turns=200, max_line_chars=2_000)
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252", "cp1251", "shift_jis"]
TOKENS = [
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"\r", b"\n\n", b"-->", b"<v ", b"</v>",
    b"WEBVTT\n\n", b"NOTE ", b": ", b":" * 50, b"[" * 300, b"{" * 300, b'"', b"NaN", b"1e999",
    b"-" * 90, b"9" * 5000, b"\xed\xa0\x80", b"&#xD800;", b"&lt;" * 40, b"00:00:00,000 --> ",
    b"[13/03/2026, 14:02:05] ", b"From: ", b"Type: ", b"a" * 2500, b" " * 500, b"<" * 200,
    b"\xe2\x80\x8e", b"PK\x03\x04", b"Ana:", "é".encode(), "👋".encode(), b"99:99:99", b"(" * 99,
]  # fmt: skip


def word_seed() -> bytes:
    document = docx.Document()
    document.add_paragraph("Ana: how did it go?")
    document.add_paragraph("Theo: I spoke twice.")
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Ana", "Good."
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def flip_bytes(data: bytearray, dice: random.Random) -> bytearray:
    for _ in range(dice.randint(1, 12)):
        if data:
            data[dice.randrange(len(data))] = dice.randrange(256)
    return data


def cut_out(data: bytearray, dice: random.Random) -> bytearray:
    start = dice.randrange(len(data) + 1)
    del data[start : start + dice.randint(1, 200)]
    return data


def truncate(data: bytearray, dice: random.Random) -> bytearray:
    return data[: dice.randrange(len(data) + 1)]


def insert_token(data: bytearray, dice: random.Random) -> bytearray:
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(data) + 1)
        data[at:at] = dice.choice(TOKENS)
    return data


def shuffle_lines(data: bytearray, dice: random.Random) -> bytearray:
    lines = bytes(data).split(b"\n")
    for _ in range(dice.randint(1, 6)):
        lines.insert(dice.randrange(len(lines) + 1), dice.choice(lines))
        del lines[dice.randrange(len(lines))]
    return bytearray(b"\n".join(lines))


def swap_encoding(data: bytearray, dice: random.Random) -> bytearray:
    text = bytes(data).decode("utf-8", errors="replace")
    return bytearray(text.encode(dice.choice(ENCODINGS), errors="replace"))


def splice(data: bytearray, dice: random.Random) -> bytearray:
    other = SEEDS[dice.randrange(len(SEEDS))]
    start = dice.randrange(len(other) + 1)
    at = dice.randrange(len(data) + 1)
    return data[:at] + other[start : start + dice.randint(1, 400)] + data[at:]


SEEDS = [path.read_bytes() for path in sorted(DATA.iterdir())] + [word_seed()]
MUTATIONS: list[Callable[[bytearray, random.Random], bytearray]] = [
    flip_bytes, cut_out, truncate, insert_token, shuffle_lines, swap_encoding, splice,
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(300)  # a pattern that backtracks would show here
def test_ten_thousand_damaged_files_are_read_or_refused() -> None:
    dice = random.Random(20260313)
    n_read = 0
    for number in range(N_MUTANTS):
        data = bytearray(SEEDS[number % len(SEEDS)])
        for _ in range(dice.randint(1, 3)):
            data = dice.choice(MUTATIONS)(data, dice)
        person = dice.choice(["", "Theo", "Theo Lindqvist"])
        outcome = read_or_refuse(bytes(data), person=person)
        if isinstance(outcome, Transcript):
            n_read += 1
            check_transcript(outcome)
        else:
            assert outcome.file == "mutant"
            assert "\n" not in str(outcome)
    assert n_read > N_MUTANTS / 4  # most damage is small, and is read around


def read_or_refuse(data: bytes, *, person: str = "") -> Transcript | TranscriptError:
    try:
        return parse_transcript(data, name="mutant", settings=SETTINGS, person=person)
    except TranscriptError as error:
        return error


def check_transcript(transcript: Transcript) -> None:
    """What every stage behind ingest relies on."""
    assert transcript.turns
    assert len(transcript.turns) <= SETTINGS.max_turns
    for number, turn in enumerate(transcript.turns, start=1):
        assert turn.number == number
        assert turn.speaker.strip()
        assert turn.text == turn.text.strip() != ""
        assert turn.text.isprintable() or not set(turn.text) & set("\n\r\0\u202e\u200b")
        assert unicodedata.is_normalized("NFC", turn.text)
        turn.text.encode("utf-8")
        turn.speaker.encode("utf-8")
        for time_s in (turn.start_s, turn.end_s):
            assert time_s is None or 0 <= time_s < float("inf")
        assert turn.start_s is None or turn.end_s is None or turn.start_s <= turn.end_s
    assert all(item.line >= 0 and item.reason for item in transcript.unread)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    outcome = read_or_refuse(data)
    if isinstance(outcome, Transcript):
        check_transcript(outcome)


FRAGMENTS = st.sampled_from(
    [
        "Ana", "ana", ":", ": ", "：", " ", "\n", "\r\n", "\t", "10:30", "[", "]", "(", ")", "-->",
        "<v ", ">", "00:00:01.000", " --> ", "WEBVTT", "{", "}", '"segments"', "From: ", "Type: ",
        "14:02 ", "[2026-03-01 14:02] ", "**", "-", "~", "é", "e\u0301", "\u202e", "\u200e",
        "a" * 50, "李雷", "&amp;",
    ]
)  # fmt: skip


@given(st.lists(FRAGMENTS, max_size=60))
def test_any_mixture_of_markup_is_read_or_refused(fragments: list[str]) -> None:
    outcome = read_or_refuse("".join(fragments).encode())
    if isinstance(outcome, Transcript):
        check_transcript(outcome)


WORDS = st.text(st.characters(categories=["L", "M", "N", "P", "S"]), min_size=1, max_size=12)
SPEECH = st.lists(WORDS, min_size=1, max_size=8).map(" ".join)
LINES = st.lists(
    st.tuples(st.sampled_from(["Ana: ", "Theo: ", "Dr. Okoro: ", "", ""]), SPEECH),
    min_size=1,
    max_size=12,
)


@given(LINES)
def test_plain_transcripts_keep_every_word(lines: list[tuple[str, str]]) -> None:
    """Each line's words stand in the turns, in order, unless the line is counted as unread."""
    text = "Ana: begin\nTheo: begin\nAna: begin\n" + "".join(f"{a}{b}\n" for a, b in lines)
    transcript = parse_transcript(text.encode(), name="x", settings=Settings())
    if transcript.source_format != "plain":
        return  # the drawn words happen to be another format's time lines
    unread = {item.line for item in transcript.unread}
    kept = " ".join(f"{turn.speaker}: {turn.text}" for turn in transcript.turns)
    squeezed = "".join(kept.split())
    position = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if number in unread:
            continue
        for word in unicodedata.normalize("NFC", line).split():
            found = squeezed.find(word, position)
            assert found >= 0
            position = found + len(word)


@given(st.lists(st.tuples(st.sampled_from(["Ana", "Theo"]), SPEECH), min_size=2, max_size=12))
def test_one_utterance_a_line_gives_one_turn_a_line(lines: list[tuple[str, str]]) -> None:
    rows = [(name, unicodedata.normalize("NFC", words)) for name, words in lines]
    text = "".join(f"{name}: {words}\n" for name, words in rows)
    transcript = parse_transcript(text.encode(), name="x", settings=Settings())
    clean = [item for item in transcript.unread if "hidden" in item.reason]
    if transcript.source_format == "plain" and not clean:
        assert [(turn.speaker, turn.text) for turn in transcript.turns] == rows
