"""The plain form: one utterance a line, `Name: words`.

A line without a speaker goes on with the turn above. Time lines (`00:05:00`, as Google Meet writes
them) give the next turn its start. Headings and notices that a meeting program writes, and remarks
in brackets on a line of their own, are nobody's words and are counted as unread.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.ingest.clock import read_offset
from assistant.ingest.labels import Speakers, find_speakers, is_heading
from assistant.ingest.lines import BRACKETED, HEADING, SYSTEM, Collector, Line, Parsed

_MARKDOWN = "#*_ \t"
_NOTICE = re.compile(
    r"(?:transcription ended after .{0,40}|meeting ended after .{0,40}"
    r"|this editable transcript was computer generated.{0,200}"
    r"|.{1,80} (?:started|stopped) (?:transcription|recording)\.?"
    r"|\[?(?:recording|transcription) (?:started|stopped|ended)\]?\.?)",
    re.IGNORECASE,
)


def count_plain(lines: Sequence[Line], *, named: Sequence[str] = ()) -> int:
    """How many lines begin with a speaker."""
    speakers = find_speakers((line.text for line in lines), named=named)
    return sum(1 for line in lines if speakers.split(line.text) is not None)


def parse_plain(lines: Sequence[Line], *, out: Collector, named: Sequence[str] = ()) -> Parsed:
    speakers = find_speakers((line.text for line in lines), named=named)
    start_s: float | None = None
    has_begun = False
    for line in lines:
        text = line.text.strip()
        bare = text.strip(_MARKDOWN)
        if not bare:
            if text:
                out.skip(line.number, HEADING)
            continue
        # A bare "10:30" may be the end of what was said; "00:10:30" or "[10:30]" is a time line.
        is_marked = bare.count(":") == 2 or bare[0] in "[(" or text[0] == "#"
        time_s = read_offset(bare.strip("[]()")) if is_marked else None
        label = speakers.split(text)
        if label is not None:
            out.start_turn(line.number, speaker=label.name, words=label.words, start_s=start_s)
            start_s, has_begun = None, True
        elif time_s is not None:
            start_s = time_s
        elif is_notice(bare):
            out.skip(line.number, SYSTEM)
        elif not has_begun and is_heading(text):
            out.skip(line.number, HEADING)
        elif is_bracketed(bare):
            out.skip(line.number, BRACKETED)
        else:
            out.add_words(line.number, text)
    return out.close("plain")


def is_notice(text: str) -> bool:
    """Whether a meeting program wrote this line."""
    return len(text) <= 250 and _NOTICE.fullmatch(text) is not None


def is_bracketed(text: str) -> bool:
    """Whether a whole line is one remark in brackets, such as `[door closes]`."""
    if len(text) < 3 or (text[0], text[-1]) not in (("[", "]"), ("(", ")")):
        return False
    inner = text[1:-1]
    return not any(mark in inner for mark in "[]()")


def split_payload(
    payload: Sequence[Line], speakers: Speakers
) -> tuple[tuple[int, str | None, str], ...]:
    """Cut the lines of one cue into (line, speaker or None, words)."""
    pieces: list[tuple[int, str | None, list[str]]] = []
    for line in payload:
        label = speakers.split(line.text)
        if label is not None:
            pieces.append((line.number, label.name, [label.words]))
        elif pieces:
            pieces[-1][2].append(line.text.strip())
        else:
            pieces.append((line.number, None, [line.text.strip()]))
    return tuple((number, name, " ".join(filter(None, words))) for number, name, words in pieces)
