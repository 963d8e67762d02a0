"""A time before each message: WhatsApp, Signal's short form, Zoom chat, any `[time] Name: words`.

    [2026-03-01 14:02] Ana: words          01/03/2026, 14:02 - Ana: words
    14:02 Ana: words                       14:02:15 From Ana to Everyone: words

A line without a time belongs to the message above. Messages are never joined: each is a turn. Lines
of the program, and pictures, sounds and files that the export left out, are counted as unread.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from assistant.ingest.clock import (
    START_WITHIN_S,
    DateOrder,
    Stamp,
    find_date_order,
    plausible_s,
    split_stamp,
    stamp_datetime,
    stamp_seconds,
)
from assistant.ingest.labels import fold_name, is_label, is_name_like
from assistant.ingest.lines import MEDIA, SYSTEM, Collector, Line, Parsed

EDITED = "a mark that a message was edited"

_MAX_SENDER_CHARS = 80
_PHONE = re.compile(r"[~ \u00a0]{0,3}\+?[\d() \u00a0.-]{6,24}")
_ZOOM = re.compile(
    r"From[ \t]{1,4}(?P<name>[^:]{1,80}?)(?:[ \t]{1,4}to[ \t]{1,4}(?P<to>[^:]{1,100}))?[ \t]{0,4}:",
    re.IGNORECASE,
)
_MEDIA = re.compile(
    r"<media omitted>|<attached: .{1,200}>"
    r"|(?:image|video|audio|gif|sticker|document|contact card|voice message|video note) omitted"
    r"|.{1,150} \(file attached\)|<\u200e?attached: .{1,200}>|null"
    r"|.{0,150}\.(?:pdf|vcf|docx?|jpe?g|png|webp|mp4|opus|m4a) .{0,20}omitted"
    r"|\[\d{1,3} attachments?\]|\[.{1,20} message\]",
    re.IGNORECASE,
)
_SYSTEM = re.compile(
    r"(?:this message was deleted|you deleted this message|missed (?:group )?(?:voice|video) call"
    r"|(?:voice|video) call(?:, .{1,40})?|waiting for this message.{0,80}"
    r"|messages and calls are end-to-end encrypted.{0,200}"
    r"|messages to this (?:chat|group).{0,200}|live location shared|poll:)\.?",
    re.IGNORECASE,
)
_EDITED = re.compile(r"[ \t]{0,4}<this message was edited>$", re.IGNORECASE)
_SIGNAL_DETAIL = re.compile(
    r"\[(?:(?:reply to [^\[\]]{1,80} on [\d: -]{10,16}|edited|\d{1,3} attachments?)(?:, )?){1,3}\]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    stamp: Stamp
    sender: str | None = field(repr=False)
    words: str = field(repr=False)


def count_stamped(lines: Sequence[Line], *, named: Sequence[str] = ()) -> int:
    """How many lines open a message that somebody sent."""
    messages = _read_messages(lines, named=named)
    return sum(1 for message in messages.values() if message.sender is not None)


def parse_stamped(lines: Sequence[Line], *, out: Collector, named: Sequence[str] = ()) -> Parsed:
    messages = _read_messages(lines, named=named)
    stamps = [message.stamp for message in messages.values()]
    order = find_date_order(stamps)
    counts_up = _counts_from_zero(stamps)
    is_open = True
    for index, line in enumerate(lines):
        message = messages.get(index)
        text = line.text.strip()
        if message is None:
            if not text:
                continue
            if is_open:
                out.add_words(line.number, text)
            else:
                out.skip(line.number, SYSTEM)
            continue
        words = message.words
        reason = None if message.sender is not None else SYSTEM
        reason = reason or _left_out(words)
        if reason is not None:
            if words:
                out.skip(line.number, reason)
            is_open = reason == MEDIA and _opens_caption(lines, index, messages)
            if is_open:
                _start(out, line.number, message, "", order=order, counts_up=counts_up)
            continue
        edited = _EDITED.search(words[-40:])
        if edited is not None:
            words = words[: len(words) - (edited.end() - edited.start())]
            out.skip(line.number, EDITED)
        detail = _SIGNAL_DETAIL.match(words)
        if detail is not None:
            words = words[detail.end() :].lstrip()
            out.skip(line.number, MEDIA if "attachment" in detail.group() else SYSTEM)
        _start(out, line.number, message, words, order=order, counts_up=counts_up)
        is_open = True
    has_dates = any(stamp.date is not None for stamp in stamps)
    return out.close("chat" if has_dates else "stamped")


def _start(
    out: Collector,
    number: int,
    message: _Message,
    words: str,
    *,
    order: DateOrder,
    counts_up: bool,
) -> None:
    is_offset = counts_up and message.stamp.date is None
    out.start_turn(
        number,
        speaker=message.sender or "",
        words=words,
        start_s=plausible_s(stamp_seconds(message.stamp)) if is_offset else None,
        said_at=stamp_datetime(message.stamp, order),
    )


def _left_out(words: str) -> str | None:
    """Why a message holds nobody's words, or None if it does."""
    is_marked = words.startswith("\u200e")  # WhatsApp on iOS marks its own texts with this
    bare = words.strip("\u200e\u200f \t")
    if len(bare) <= 250:
        if _MEDIA.fullmatch(bare):
            return MEDIA
        if _SYSTEM.fullmatch(bare):
            return SYSTEM
    return SYSTEM if is_marked else None


def _opens_caption(lines: Sequence[Line], index: int, messages: Mapping[int, _Message]) -> bool:
    below = index + 1
    return below < len(lines) and below not in messages and bool(lines[below].text.strip())


def _read_messages(lines: Sequence[Line], *, named: Sequence[str]) -> dict[int, _Message]:
    """Map the index of each line with a time in front to its message.

    What stands before the first colon is the sender if it has one or two words, is written like a
    name, is a telephone number, or comes back; else the program wrote the line.
    """
    found: dict[int, tuple[Stamp, str, str | None]] = {}
    for index, line in enumerate(lines):
        split = split_stamp(line.text.strip().lstrip("\u200e\u200f"))
        if split is not None:
            stamp, rest = split
            found[index] = (stamp, rest, _split_sender(rest))
    counts = Counter(fold_name(sender) for _, _, sender in found.values() if sender)
    wanted = {fold_name(name) for name in named}
    messages = {}
    for index, (stamp, rest, sender) in found.items():
        is_dated = stamp.date is not None
        if sender is None or not _is_sender(sender, counts, wanted, is_dated=is_dated):
            if is_dated:
                messages[index] = _Message(stamp=stamp, sender=None, words=rest)
            continue  # "10:30 is fine" goes on with the message above
        name, words = _take_sender(rest)
        messages[index] = _Message(stamp=stamp, sender=name, words=words)
    return messages


def _split_sender(rest: str) -> str | None:
    name, _ = _take_sender(rest)
    return name or None


def _take_sender(rest: str) -> tuple[str, str]:
    """Split `Ana: words` or `From Ana to Everyone: words`; an empty name if there is none."""
    zoom = _ZOOM.match(rest)
    if zoom is not None:
        return zoom["name"].strip(), rest[zoom.end() :].strip(" \t")
    colon = rest.find(":", 0, _MAX_SENDER_CHARS + 1)
    if colon < 1 or rest[colon + 1 : colon + 3] == "//":
        return "", rest
    name = rest[:colon].strip(" \t*_\u200e\u200f")
    if not (is_label(name) or _PHONE.fullmatch(name)):
        return "", rest
    return name, rest[colon + 1 :].strip(" \t")


def _is_sender(sender: str, counts: Counter[str], wanted: set[str], *, is_dated: bool) -> bool:
    key = fold_name(sender)
    if key in wanted or counts[key] >= 2 or is_name_like(sender):
        return True
    return is_dated and (len(sender.split()) <= 2 or _PHONE.fullmatch(sender) is not None)


def _counts_from_zero(stamps: Sequence[Stamp]) -> bool:
    """Whether clocks without a date count the recording: no am or pm, a start in the first ten
    minutes, and never backwards."""
    clocks = [stamp for stamp in stamps if stamp.date is None]
    if not clocks or any(stamp.meridiem for stamp in clocks):
        return False
    seconds = [stamp_seconds(stamp) for stamp in clocks]
    return seconds[0] <= START_WITHIN_S and all(
        before <= after for before, after in pairwise(seconds)
    )
