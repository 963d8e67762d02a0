"""JSON of speech recognisers: openai-whisper, whisperX, faster-whisper, whisper.cpp.

`segments` hold `start` and `end` in seconds, `text` and, after diarization, `speaker`;
`transcription` (whisper.cpp) holds `offsets` in milliseconds. A list of segments alone is read too.
Line numbers are segment numbers. Segments join as cues do; one without a speaker belongs to nobody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from assistant.errors import TranscriptError
from assistant.ingest.clock import ordered_end, plausible_s, read_offset
from assistant.ingest.labels import Speakers, find_speakers
from assistant.ingest.lines import UNKNOWN_SPEAKER, UNREADABLE, Collector, Parsed

NOT_A_SEGMENT = "an entry without words"

_LISTS = ("segments", "transcription", "utterances", "chunks")


def looks_like_json(text: str) -> bool:
    """Whether the text can only be JSON: `{`, or a list of objects, texts or lists."""
    head = text[:2000].lstrip("\ufeff \t\r\n")
    if head.startswith("{"):
        return head[1:].lstrip(" \t\r\n")[:1] in ('"', "}", "")
    return head.startswith("[") and head[1:].lstrip(" \t\r\n[")[:1] in ("{", '"', "]", "")


def parse_whisper(
    text: str, *, file: str, out: Collector, max_chars: int, named: Sequence[str] = ()
) -> Parsed:
    """Read the segments of one JSON text; raises `TranscriptError` if it holds none."""
    segments = _find_segments(_load(text, file=file))
    if segments is None:
        raise TranscriptError(
            file=file,
            line=0,
            problem="this JSON holds no list of segments",
            remedy="Export it as Whisper JSON with 'segments', or as WebVTT.",
        )
    has_speakers = any(_read_speaker(segment) for segment in segments)
    labels = Speakers(known=frozenset())
    if not has_speakers:
        labels = find_speakers((_read_text(segment) for segment in segments), named=named)
    for number, segment in enumerate(segments, start=1):
        words = _read_text(segment)
        if len(words) > max_chars:
            raise TranscriptError(
                file=file,
                line=number,
                problem=f"this segment is longer than {max_chars} characters",
                remedy="Export shorter segments, or raise OWNWORDS_MAX_LINE_CHARS.",
            )
        if not words:
            out.skip(number, NOT_A_SEGMENT)
            continue
        if "\ufffd" in words:
            out.skip(number, UNREADABLE)
        speaker = _read_speaker(segment)
        label = labels.split(words)
        if label is not None:
            speaker, words = label.name, label.words
        start_s, end_s = _read_times(segment)
        out.add_cue(
            number,
            speaker=speaker or UNKNOWN_SPEAKER,
            words=words,
            start_s=start_s,
            end_s=ordered_end(start_s, end_s),
        )
    return out.close("whisper-json")


def _load(text: str, *, file: str) -> object:
    remedy = "Export it again and give the whole file."
    try:
        return json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        raise TranscriptError(
            file=file, line=error.lineno, problem="this JSON is damaged or cut short", remedy=remedy
        ) from None
    except RecursionError:
        raise TranscriptError(
            file=file, line=0, problem="this JSON is nested too deeply", remedy=remedy
        ) from None
    except ValueError:  # a number of thousands of digits
        raise TranscriptError(
            file=file, line=0, problem="this JSON holds a number that is too long", remedy=remedy
        ) from None


def _find_segments(document: object) -> Sequence[object] | None:
    if isinstance(document, list):
        return document if any(isinstance(item, dict) for item in document) else None
    if not isinstance(document, dict):
        return None
    for name in _LISTS:
        found = document.get(name)
        if isinstance(found, list):
            return found
    # whisperX and some servers wrap the result once more
    result = document.get("result")
    if isinstance(result, dict) and isinstance(result.get("segments"), list):
        return list(result["segments"])
    return None


def _read_text(segment: object) -> str:
    if not isinstance(segment, Mapping):
        return ""
    text = segment.get("text")
    return text.strip() if isinstance(text, str) else ""


def _read_speaker(segment: object) -> str:
    if not isinstance(segment, Mapping):
        return ""
    speaker = segment.get("speaker")
    if isinstance(speaker, Mapping):
        speaker = speaker.get("name")
    if isinstance(speaker, bool) or not isinstance(speaker, str | int):
        return _word_speaker(segment.get("words"))
    if isinstance(speaker, int):
        return f"Speaker {speaker}" if 0 <= speaker < 1000 else ""
    name = speaker.strip()
    if name == "?":  # whisper.cpp could not tell the channels apart
        return ""
    return f"Speaker {name}" if name.isdigit() and len(name) <= 3 else name


def _word_speaker(words: object) -> str:
    """The one speaker of all words of a segment, where only words carry it (whisperX)."""
    if not isinstance(words, list):
        return ""
    names = {
        word["speaker"]
        for word in words
        if isinstance(word, Mapping) and isinstance(word.get("speaker"), str)
    }
    return names.pop().strip() if len(names) == 1 else ""


def _read_times(segment: object) -> tuple[float | None, float | None]:
    if not isinstance(segment, Mapping):
        return None, None
    offsets = segment.get("offsets")
    if isinstance(offsets, Mapping):
        return (
            plausible_s(offsets.get("from"), scale=0.001),
            plausible_s(offsets.get("to"), scale=0.001),
        )
    stamps = segment.get("timestamps") or segment.get("timestamp")
    if isinstance(stamps, Mapping):
        return _clock(stamps.get("from")), _clock(stamps.get("to"))
    if isinstance(stamps, list) and len(stamps) == 2:
        return plausible_s(stamps[0]), plausible_s(stamps[1])
    return _clock(segment.get("start")), _clock(segment.get("end"))


def _clock(value: object) -> float | None:
    return read_offset(value[:40]) if isinstance(value, str) else plausible_s(value)
