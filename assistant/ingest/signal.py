"""Message blocks with header fields, as exporters of Signal Desktop write them.

    From: Ana Reyes (+15550100)
    Type: incoming
    Sent: Tue, 3 Mar 2026 14:02:33 +0000

    the words

Only `From`, `Sent` and the body are taken. Attachments, reactions, quoted messages (`>`) and
earlier versions of an edited message (`|`) are counted as unread.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime

from assistant.ingest.lines import HEADING, MEDIA, SYSTEM, Collector, Line, Parsed

QUOTED = "a quoted or earlier message"

_FIELD = re.compile(
    r"(?P<name>From|Type|Sent|Received|Attachment|Reaction|Edited|Conversation): ?(?P<value>.*)"
)
_VERSION_FIELD = re.compile(r"(?:Version: \d|Sent: |Attachment: )")
_NUMBER = re.compile(r" \((?:\+?\d[\d ]{4,20}|[0-9a-fA-F-]{36})\)$")


def count_signal(lines: Sequence[Line]) -> int:
    """How many message blocks there are: `From:` with `Type:` or `Sent:` on the next line."""
    return sum(_opens_message(lines, index) for index in range(len(lines)))


def parse_signal(lines: Sequence[Line], *, out: Collector) -> Parsed:
    index = 0
    while index < len(lines):
        if _opens_message(lines, index):
            index = _read_message(lines, index, out=out)
        else:
            if lines[index].text.strip():
                out.skip(lines[index].number, HEADING)
            index += 1
    return out.close("signal")


def _read_message(lines: Sequence[Line], index: int, *, out: Collector) -> int:
    """Take one block; returns the index behind it."""
    opened = lines[index]
    speaker = _NUMBER.sub("", opened.text.strip()[len("From:") :].strip())
    said_at: datetime | None = None
    index += 1
    # 1. header fields
    while index < len(lines) and (field := _FIELD.fullmatch(lines[index].text.strip())):
        if field["name"] == "From":
            break
        if field["name"] == "Sent":
            said_at = _read_date(field["value"])
        elif field["name"] in ("Attachment", "Reaction", "Edited"):
            out.skip(lines[index].number, MEDIA if field["name"] == "Attachment" else SYSTEM)
        index += 1
    # 2. the body, up to the next block
    body: list[Line] = []
    n_versions = 0
    while index < len(lines) and not _opens_message(lines, index):
        line = lines[index]
        text = line.text.strip()
        if text.startswith("|"):  # versions of an edited message, the newest first
            inner = text[1:].strip()
            n_versions += inner.startswith("Version: ")
            is_words = bool(inner) and _VERSION_FIELD.match(inner) is None
            if is_words and n_versions == 1 and not inner.startswith(">"):
                body.append(Line(number=line.number, text=inner))
            elif is_words:
                out.skip(line.number, QUOTED)
        elif text.startswith(">"):
            out.skip(line.number, QUOTED)
        elif text:
            body.append(line)
        index += 1
    if body:
        out.start_turn(opened.number, speaker=speaker, said_at=said_at)
        for line in body:
            out.add_words(line.number, line.text)
    return index


def _opens_message(lines: Sequence[Line], index: int) -> bool:
    if not lines[index].text.startswith("From: ") or index + 1 >= len(lines):
        return False
    return lines[index + 1].text.startswith(("Type: ", "Sent: "))


def _read_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text.strip()[:60])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
