"""Read a file, tell its format by its content, and hand back a `Transcript`.

Steps, each of which can end in a `TranscriptError` that names the file and what to do:

1. the file exists, is a file, can be read, and is not larger than the limit;
2. it is text or a Word document, not a sound, a picture, a PDF;
3. its bytes become lines of NFC text without hidden characters;
4. the format is told: WebVTT by its first line, JSON by its first characters, cues by their time
   lines, else the form that most lines fit (Signal blocks, a time before each message, a name and a
   time above the words, `Name: words`);
5. somebody is named as a speaker, and the given names fit.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from assistant.errors import TranscriptError
from assistant.ingest.blocks import count_blocks, parse_blocks
from assistant.ingest.characters import clean_text, decode_bytes
from assistant.ingest.cues import is_cue_time, parse_cues
from assistant.ingest.lines import HIDDEN, UNKNOWN_SPEAKER, UNREADABLE, Collector, Line, Parsed
from assistant.ingest.plain import count_plain, parse_plain
from assistant.ingest.roles import assign_roles
from assistant.ingest.signal import count_signal, parse_signal
from assistant.ingest.stamped import count_stamped, parse_stamped
from assistant.ingest.whisper import looks_like_json, parse_whisper
from assistant.ingest.word import read_word_lines
from assistant.records import Transcript, Unread
from assistant.settings import Settings

_NEWLINE = re.compile(r"\r\n|\n|\r")
_AS_TEXT = "Save its text as plain text or DOCX and give that."
_LISTEN = "Transcribe it first, then give the transcript."
_SIGNATURES: tuple[tuple[bytes, int, str, str], ...] = (
    (b"%PDF", 0, "this is a PDF", _AS_TEXT),
    (b"{\\rtf", 0, "this is an RTF document", _AS_TEXT),
    (b"<!DOCTYPE", 0, "this is a web page", _AS_TEXT),
    (b"<html", 0, "this is a web page", _AS_TEXT),
    (
        b"\xd0\xcf\x11\xe0", 0, "this is an old or password-protected Office document",
        "Open it, take the password off, save it as DOCX, and give that.",
    ),
    (b"RIFF", 0, "this is a sound or video file", _LISTEN),
    (b"OggS", 0, "this is a sound or video file", _LISTEN),
    (b"fLaC", 0, "this is a sound or video file", _LISTEN),
    (b"ID3", 0, "this is a sound or video file", _LISTEN),
    (b"ftyp", 4, "this is a sound or video file", _LISTEN),
    (b"\x1aE\xdf\xa3", 0, "this is a sound or video file", _LISTEN),
    (b"\x89PNG", 0, "this is a picture", _AS_TEXT),
    (b"\xff\xd8\xff", 0, "this is a picture", _AS_TEXT),
    (b"GIF8", 0, "this is a picture", _AS_TEXT),
    (b"\x1f\x8b", 0, "this is a compressed file", "Unpack it and give the text file inside."),
    (b"7z\xbc\xaf", 0, "this is a compressed file", "Unpack it and give the text file inside."),
)  # fmt: skip
_LINES_PER_TURN = 20  # a cue takes four lines; wrapped speech seldom more than twenty
_SAMPLE_LINES = 2000  # enough to tell a format
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


def read_transcript(
    path: Path, *, settings: Settings, person: str = "", peer: str = ""
) -> Transcript:
    """Read the transcript at `path`; raises `TranscriptError` if it cannot be used."""
    name = path.name or str(path)
    try:
        status = path.stat()
    except FileNotFoundError:
        raise _file_error(name, "there is no such file", "Check the name and the folder.") from None
    except (OSError, ValueError):
        raise _file_error(
            name, "this file cannot be reached", "Check the name and the folder."
        ) from None
    if stat.S_ISDIR(status.st_mode):
        raise _file_error(name, "this is a folder", "Give one transcript file.")
    if not stat.S_ISREG(status.st_mode):
        raise _file_error(name, "this is not an ordinary file", "Copy it to a file and give that.")
    _check_size(status.st_size, file=name, settings=settings)
    try:
        with path.open("rb") as file:
            data = file.read(settings.max_bytes + 1)
    except OSError:
        raise _file_error(
            name, "this file cannot be opened", "Check that you may read it, then try again."
        ) from None
    return parse_transcript(data, name=name, settings=settings, person=person, peer=peer)


def parse_transcript(
    data: bytes, *, name: str, settings: Settings, person: str = "", peer: str = ""
) -> Transcript:
    """Read a transcript from bytes; `name` stands for the file in messages.

    `person` and `peer` are speaker labels or first names. Raises `TranscriptError`.
    """
    _check_size(len(data), file=name, settings=settings)
    if not data.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
        raise _file_error(name, "this file is empty", "Check that the export worked.")
    _check_signature(data, file=name)
    named = (person, peer)
    encoding = "utf-8"
    unread: tuple[Unread, ...]
    if data.startswith(_ZIP):
        rows, unread = read_word_lines(data, file=name, max_bytes=settings.max_bytes)
        _check_line_count(len(rows), file=name, settings=settings)
        lines, hidden = _clean_lines(rows)
        parsed = _parse_lines(lines, file=name, settings=settings, named=named)
        parsed = replace(parsed, source_format=f"docx/{parsed.source_format}")
    else:
        text, encoding = decode_bytes(data, file=name)
        if looks_like_json(text):
            unread = hidden = ()
            out = Collector(file=name, settings=settings)
            parsed = parse_whisper(
                text, file=name, out=out, max_chars=settings.max_line_chars, named=named
            )
        else:
            parts = _NEWLINE.split(text)
            _check_line_count(len(parts), file=name, settings=settings)
            rows = tuple(Line(number=number, text=row) for number, row in enumerate(parts, start=1))
            unread = _count_unreadable(rows)
            lines, hidden = _clean_lines(rows)
            parsed = _parse_lines(lines, file=name, settings=settings, named=named)
    _check_speakers(parsed, file=name)
    unread = tuple(sorted((*unread, *hidden, *parsed.unread), key=lambda item: item.line))
    return Transcript(
        turns=assign_roles(parsed.utterances, file=name, person=person, peer=peer),
        source_format=parsed.source_format,
        encoding=encoding,
        unread=unread,
    )


def _parse_lines(
    lines: Sequence[Line], *, file: str, settings: Settings, named: Sequence[str]
) -> Parsed:
    for line in lines:
        if len(line.text) > settings.max_line_chars:
            raise TranscriptError(
                file=file,
                line=line.number,
                problem=f"this line is longer than {settings.max_line_chars} characters",
                remedy="Break it into turns, or raise OWNWORDS_MAX_LINE_CHARS.",
            )
    out = Collector(file=file, settings=settings)
    first = next((line.text.strip() for line in lines if line.text.strip()), "")
    if first.split()[:1] == ["WEBVTT"]:
        return parse_cues(lines, out=out, source_format="vtt", named=named)
    sample = lines[:_SAMPLE_LINES]
    if count_signal(sample):
        return parse_signal(lines, out=out)
    if any(is_cue_time(line.text.strip()) for line in sample):
        return parse_cues(lines, out=out, source_format="srt", named=named)
    forms: tuple[tuple[int, Callable[..., Parsed]], ...] = (
        (count_stamped(sample, named=named), parse_stamped),
        (count_blocks(sample, named=named), parse_blocks),
        (count_plain(sample, named=named), parse_plain),
    )
    best = max(count for count, _ in forms)
    parse = next(parse for count, parse in forms if count == best)
    return parse(lines, out=out, named=named)


def _clean_lines(rows: Sequence[Line]) -> tuple[tuple[Line, ...], tuple[Unread, ...]]:
    lines: list[Line] = []
    unread: list[Unread] = []
    for row in rows:
        # marks at the start of a message tell the program's own texts apart; kept until then
        text, n_hidden = clean_text(row.text, keep_marks=True)
        lines.append(Line(number=row.number, text=text))
        if n_hidden:
            unread.append(Unread(line=row.number, reason=HIDDEN))
    return tuple(lines), tuple(unread)


def _count_unreadable(rows: Sequence[Line]) -> tuple[Unread, ...]:
    return tuple(Unread(line=row.number, reason=UNREADABLE) for row in rows if "\ufffd" in row.text)


def _check_speakers(parsed: Parsed, *, file: str) -> None:
    if any(item.speaker != UNKNOWN_SPEAKER for item in parsed.utterances):
        return
    n_turns = len(parsed.utterances)
    problem = f"none of its {n_turns} turns names a speaker" if n_turns else "no speaker was found"
    raise TranscriptError(
        file=file,
        line=0,
        problem=problem,
        remedy="Write 'Name: words' for each turn, or export the session with speaker names.",
    )


def _check_size(n_bytes: int, *, file: str, settings: Settings) -> None:
    if n_bytes > settings.max_bytes:
        raise _file_error(
            file,
            f"this file is larger than {settings.max_bytes} bytes",
            "Split it, or raise OWNWORDS_MAX_BYTES.",
        )


def _check_line_count(n_lines: int, *, file: str, settings: Settings) -> None:
    max_lines = settings.max_turns * _LINES_PER_TURN
    if n_lines > max_lines:
        raise TranscriptError(
            file=file,
            line=max_lines + 1,
            problem=f"there are more than {max_lines} lines",
            remedy="Split the file, or raise OWNWORDS_MAX_TURNS.",
        )


def _check_signature(data: bytes, *, file: str) -> None:
    head = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n") if data[:1] != b"\xff" else data[:64]
    for signature, offset, problem, remedy in _SIGNATURES:
        start = head if offset == 0 else data
        if start[offset : offset + len(signature)].lower() == signature.lower():
            raise _file_error(file, problem, remedy)


def _file_error(file: str, problem: str, remedy: str) -> TranscriptError:
    return TranscriptError(file=file, line=0, problem=problem, remedy=remedy)
