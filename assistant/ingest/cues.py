"""Timed cues: WebVTT, SRT, SBV, the arrow form of Teams documents and of whisper.cpp.

A cue is a time line and the lines below it. The speaker is told by a voice tag (`<v Name>`), a
label (`Name: words`), or, in Teams documents, the first line of every cue. Identifiers and settings
are structure; comments, styling and headers are counted as unread.

Recognisers cut sentences into cues, so a cue of the same speaker joins the turn above if that
sentence was not finished and the pause is at most `JOIN_GAP_S`; a finished sentence starts a new
turn. A cue without a speaker goes on with the one above when the file names speakers only where
they change; when it names them at every cue, or by voice tags, nobody knows who spoke, and nobody
is named.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from assistant.ingest.clock import ordered_end, read_offset
from assistant.ingest.labels import Speakers, find_speakers, is_label, is_name_like
from assistant.ingest.lines import (
    HEADING,
    NO_WORDS,
    SYSTEM,
    UNKNOWN_SPEAKER,
    Collector,
    Line,
    Parsed,
)
from assistant.ingest.plain import is_notice, split_payload

COMMENT = "a comment in the file"
STYLE = "styling of the file"
NO_TIME = "no time line above it"

_TIME = r"-?[\d:.,]{4,20}"
_ARROW = re.compile(
    rf"(?P<lead>[^<>\[(]{{0,60}}?)(?P<open>[\[(]?)[ \t]{{0,4}}(?P<start>{_TIME})[ \t]{{0,4}}"
    rf"-{{1,2}}>[ \t]{{0,4}}(?P<end>{_TIME})[ \t]{{0,4}}[\])]?(?P<rest>.*)"
)
_SBV = re.compile(r"(?P<start>\d{1,3}:\d\d:\d\d\.\d{3}),(?P<end>\d{1,3}:\d\d:\d\d\.\d{3})")
_VOICE = re.compile(r"<v(?:\.[^\s<>]{0,100})?[ \t]{1,4}(?P<name>[^<>]{1,200})>|</v>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:c|i|b|u|s|em|strong|rt|ruby|lang|font|span)(?:[. \t][^<>]{0,200})?>"
    r"|<\d{1,3}:\d\d(?::\d\d)?\.\d{3}>|\{\\[^{}]{0,60}\}",
    re.IGNORECASE,
)
_NAME_END = (".", "?", "!", ",", ";", ":")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    line: int
    start_s: float | None
    end_s: float | None
    lead: str = field(repr=False)  # a speaker in front of the time
    payload: tuple[Line, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    line: int
    cue: int  # the line of its time
    speaker: str | None = field(repr=False)
    words: str = field(repr=False)
    start_s: float | None
    end_s: float | None


def is_cue_time(text: str) -> bool:
    """Whether a line is the time line of a cue."""
    return _read_times(text) is not None


def parse_cues(
    lines: Sequence[Line], *, out: Collector, source_format: str, named: Sequence[str] = ()
) -> Parsed:
    """Read WebVTT (`source_format` `vtt`) or one of its relatives (`srt`)."""
    cues = tuple(_walk_cues(lines, out=out, is_vtt=source_format == "vtt"))
    is_voiced = any(_VOICE.search(line.text) for cue in cues for line in cue.payload)
    pieces = tuple(_voiced_pieces(cues) if is_voiced else _labelled_pieces(cues, named=named))
    carries = not is_voiced and not _names_every_cue(pieces)
    speaker: str | None = None
    above: tuple[int, str | None] | None = None  # cue and speaker of the words before
    for piece in pieces:
        if piece.speaker is not None:
            speaker = piece.speaker
        elif not carries:
            speaker = None
        if not piece.words:
            if piece.speaker is not None and not is_voiced:
                out.skip(piece.line, NO_WORDS)
            continue
        if piece.speaker is None and is_notice(piece.words):
            out.skip(piece.line, SYSTEM)
        elif above == (piece.cue, speaker):
            out.add_words(piece.line, piece.words)
        else:
            above = (piece.cue, speaker)
            out.add_cue(
                piece.line,
                speaker=speaker or UNKNOWN_SPEAKER,
                words=piece.words,
                start_s=piece.start_s,
                end_s=piece.end_s,
            )
    return out.close(source_format)


def _walk_cues(lines: Sequence[Line], *, out: Collector, is_vtt: bool) -> Iterator[Cue]:
    """Split a file at its time lines; what belongs to no cue goes to `out` as unread."""
    cue: Cue | None = None
    payload: list[Line] = []
    block = "header" if is_vtt else ""
    after_blank, has_begun = True, False
    for index, line in enumerate(lines):
        text = line.text.strip()
        times = _read_times(text)
        if times is not None:
            if cue is not None:
                yield _close_cue(cue, payload)
            lead, start_s, end_s, rest = times
            cue = Cue(line=line.number, start_s=start_s, end_s=end_s, lead=lead, payload=())
            payload = [Line(number=line.number, text=rest)] if rest else []
            block = ""
        elif not text:
            block = "" if block != "header" or has_begun else block
        elif after_blank and is_vtt and text.split()[0] in ("NOTE", "STYLE", "REGION"):
            block = text.split()[0]
            if text != block or block == "NOTE":
                out.skip(line.number, COMMENT if block == "NOTE" else STYLE)
        elif block == "header":
            if text != "WEBVTT":
                out.skip(line.number, HEADING)
        elif block:
            out.skip(line.number, COMMENT if block == "NOTE" else STYLE)
        elif _is_identifier(lines, index, after_blank=after_blank):
            pass
        elif cue is None:
            out.skip(line.number, NO_TIME)
        else:
            payload.append(line)
        after_blank = not text
        has_begun = has_begun or bool(text)
    if cue is not None:
        yield _close_cue(cue, payload)


def _close_cue(cue: Cue, payload: list[Line]) -> Cue:
    return Cue(
        line=cue.line,
        start_s=cue.start_s,
        end_s=cue.end_s,
        lead=cue.lead,
        payload=tuple(payload),
    )


def _is_identifier(lines: Sequence[Line], index: int, *, after_blank: bool) -> bool:
    """Whether the time line follows at once: a cue number, or any line that opens a block."""
    if index + 1 >= len(lines) or _read_times(lines[index + 1].text.strip()) is None:
        return False
    text = lines[index].text.strip()
    return after_blank or text.isdigit()


def _read_times(text: str) -> tuple[str, float | None, float | None, str] | None:
    """Read a time line: the speaker before it, start, end, and words behind a bracketed one."""
    if "->" in text:
        match = _ARROW.match(text[:400])
        if match is None:
            # a damaged time line is still nobody's words
            return ("", None, None, "") if "-->" in text and text[0].isdigit() else None
        start_s, end_s = read_offset(match["start"]), read_offset(match["end"])
        if start_s is None and end_s is None and not match["start"].strip("-")[0].isdigit():
            return None
        rest = text[match.start("rest") :].strip() if match["open"] else ""
        return match["lead"].strip(), start_s, ordered_end(start_s, end_s), rest
    match = _SBV.fullmatch(text)
    if match is None:
        return None
    start_s = read_offset(match["start"])
    return "", start_s, ordered_end(start_s, read_offset(match["end"])), ""


def _voiced_pieces(cues: Sequence[Cue]) -> Iterator[_Piece]:
    for cue in cues:
        speaker: str | None = None
        for line in cue.payload:
            position = 0
            for tag in _VOICE.finditer(line.text):
                yield _piece(cue, line.number, speaker, line.text[position : tag.start()])
                speaker = html.unescape(tag["name"]).strip() if tag["name"] else None
                position = tag.end()
            yield _piece(cue, line.number, speaker, line.text[position:])


def _labelled_pieces(cues: Sequence[Cue], *, named: Sequence[str]) -> Iterator[_Piece]:
    if _has_name_lines(cues):
        for cue in cues:
            for line in cue.payload[1:]:
                yield _piece(cue, line.number, cue.payload[0].text.strip(), line.text)
        return
    stripped = [
        [Line(number=line.number, text=_plain_words(line.text)) for line in cue.payload]
        for cue in cues
    ]
    speakers: Speakers = find_speakers(
        (line.text for payload in stripped for line in payload), named=named
    )
    for cue, payload in zip(cues, stripped, strict=True):
        for number, name, words in split_payload(payload, speakers):
            lead = cue.lead if is_label(cue.lead) else None
            yield _piece(cue, number, name or lead, words)


def _has_name_lines(cues: Sequence[Cue]) -> bool:
    """Whether every cue opens with a line that is a name, as in documents exported from Teams."""
    filled = [cue for cue in cues if cue.payload]
    if not filled or any(len(cue.payload) < 2 for cue in filled):
        return False
    names = [cue.payload[0].text.strip() for cue in filled]
    return all(
        len(name) <= 60 and len(name.split()) <= 5 and is_name_like(name) for name in names
    ) and not any(name.endswith(_NAME_END) or ":" in name for name in names)


def _names_every_cue(pieces: Sequence[_Piece]) -> bool:
    """Whether the same label comes twice running: such a file labels every cue."""
    labelled = [piece.speaker for piece in pieces if piece.speaker is not None]
    return any(one == two for one, two in pairwise(labelled))


def _piece(cue: Cue, line: int, speaker: str | None, words: str) -> _Piece:
    return _Piece(
        line=line,
        cue=cue.line,
        speaker=speaker,
        words=_plain_words(words),
        start_s=cue.start_s,
        end_s=cue.end_s,
    )


def _plain_words(text: str) -> str:
    """Take tags and entities out of a payload; any other `<` or `&` stays as it is."""
    if "<" in text or "{" in text:
        text = _TAG.sub("", text)
    if "&" in text:
        text = html.unescape(text)
    return text.strip()
