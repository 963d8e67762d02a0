"""A name and a time, then the words below: text exports of Zoom, Teams, Otter, Rev.

    [Ana Reyes] 14:02:15        Ana Reyes   0:05        Ana Reyes (00:05):
    the words                   the words               the words

A name on one line and its time on the next is read as well. Each block is an utterance; a block of
the same speaker that only finishes the sentence above joins it, as cues do.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from assistant.ingest.clock import START_WITHIN_S, read_offset
from assistant.ingest.labels import fold_name, is_label, is_name_like
from assistant.ingest.lines import BEFORE_FIRST, HEADING, SYSTEM, Collector, Line, Parsed
from assistant.ingest.plain import is_notice

_TIME = r"\d{1,3}:\d{2}(?::\d{2})?(?:[.,]\d{1,6})?(?:[ \u00a0\u202f]?[AaPp]\.?[Mm]\.?)?"
_BRACKET_NAME = re.compile(rf"\[(?P<name>[^\[\]]{{1,80}})\][ \t]{{1,8}}(?P<time>{_TIME})")
_NAME_TIME = re.compile(rf"(?P<name>[^:]{{1,80}}?)(?:[ \t\u00a0]{{1,8}}|[ \t]?[-–—|•·][ \t]?)"
                        rf"(?P<open>[\[(])?(?P<time>{_TIME})[\])]?:?(?P<words>.*)")  # fmt: skip
_TIME_ONLY = re.compile(rf"[\[(]?(?P<time>{_TIME})[\])]?")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    name: str = field(repr=False)
    time: str
    words: str = field(repr=False)
    n_lines: int


def count_blocks(lines: Sequence[Line], *, named: Sequence[str] = ()) -> int:
    """How many lines open a block."""
    return sum(1 for _ in _find_heads(lines, named=named))


def parse_blocks(lines: Sequence[Line], *, out: Collector, named: Sequence[str] = ()) -> Parsed:
    heads = dict(_find_heads(lines, named=named))
    current: _Head | None = None
    words: list[tuple[int, str]] = []
    opened_at = 0
    counts_up = _counts_from_zero(tuple(heads.values()))
    skip_until = 0
    for index, line in enumerate(lines):
        if index < skip_until:
            continue
        head = heads.get(index)
        text = line.text.strip()
        if head is not None:
            _close(out, current, opened_at, words, counts_up=counts_up)
            current, opened_at = head, line.number
            words = [(line.number, head.words)] if head.words else []
            skip_until = index + head.n_lines
        elif not text:
            continue
        elif is_notice(text.strip("#* ")):
            out.skip(line.number, SYSTEM)
        elif current is None:
            out.skip(line.number, BEFORE_FIRST if len(text) > 60 else HEADING)
        else:
            words.append((line.number, text))
    _close(out, current, opened_at, words, counts_up=counts_up)
    return out.close("blocks")


def _close(
    out: Collector,
    head: _Head | None,
    opened_at: int,
    words: Sequence[tuple[int, str]],
    *,
    counts_up: bool,
) -> None:
    if head is None:
        return
    start_s = read_offset(head.time) if counts_up else None
    if not words:
        out.start_turn(opened_at, speaker=head.name, start_s=start_s)
        return
    out.add_cue(opened_at, speaker=head.name, words=words[0][1], start_s=start_s, end_s=start_s)
    for number, text in words[1:]:
        out.add_words(number, text)


def _counts_from_zero(heads: Sequence[_Head]) -> bool:
    """Whether the times count the recording rather than the clock on the wall."""
    first = read_offset(heads[0].time) if heads else None
    return first is not None and first <= START_WITHIN_S


def _find_heads(lines: Sequence[Line], *, named: Sequence[str]) -> Iterator[tuple[int, _Head]]:
    """Yield the index of each line that opens a block, once it is known to be a speaker's."""
    found = [
        (index, head)
        for index in range(len(lines))
        if (head := _read_head(lines, index)) is not None
    ]
    counts = Counter(fold_name(head.name) for _, head in found)
    wanted = {fold_name(name) for name in named}
    for index, head in found:
        key = fold_name(head.name)
        if is_name_like(head.name) or counts[key] >= 2 or key in wanted:
            yield index, head


def _read_head(lines: Sequence[Line], index: int) -> _Head | None:
    text = lines[index].text.strip()
    if not text or len(text) > 20_000:
        return None
    match = _BRACKET_NAME.fullmatch(text)
    if match is not None:
        return _head(match["name"], match["time"], "", n_lines=1)
    match = _NAME_TIME.match(text)
    if match is not None:
        words = match["words"].strip()
        # words on the same line only behind a bracketed time: "Ana (00:05): words"
        if words and match["open"] is None:
            return None
        return _head(match["name"], match["time"], words, n_lines=1)
    if index + 1 < len(lines) and len(text) <= 40 and is_name_like(text):
        below = _TIME_ONLY.fullmatch(lines[index + 1].text.strip())
        if below is not None:
            return _head(text, below["time"], "", n_lines=2)
    return None


def _head(name: str, time: str, words: str, *, n_lines: int) -> _Head | None:
    name = name.strip(" \t*_#-–—|•·")
    if not is_label(name) or name.endswith(","):  # "1 March 2026, 10:30" is a date
        return None
    return _Head(name=name, time=time, words=words, n_lines=n_lines)
