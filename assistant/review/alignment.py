"""Which words of a sentence the person said: alignment of a tidied sentence with its source."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def shared_runs(sentence: str, said: str, *, fillers: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Stretches of `sentence` whose words stand in `said` in the same order, side by side.

    Fillers and immediate repetitions of `said` are skipped, as tidying drops them. Offsets into
    `sentence`. This is alignment, not meaning: it says whose words they are.
    """
    single = {filler for filler in fillers if " " not in filler}
    words = [
        (match.group().lower(), match.span())
        for match in _WORD.finditer(_straight(sentence))
        if match.group().lower() not in single
    ]
    source = _spoken_words(said, fillers)
    places: dict[str, list[int]] = {}
    for index, word in enumerate(source):
        places.setdefault(word, []).append(index)
    runs: list[tuple[int, int]] = []
    index = 0
    while index < len(words):
        length = _longest_run(words, index, source, places)
        if length:
            runs.append((words[index][1][0], words[index + length - 1][1][1]))
        index += max(length, 1)
    return tuple(runs)


def is_covered(span: tuple[int, int], runs: Sequence[tuple[int, int]]) -> bool:
    """Whether one run holds the whole span."""
    position = bisect_right([start for start, _ in runs], span[0]) - 1
    return position >= 0 and span[1] <= runs[position][1]


def _straight(text: str) -> str:
    return text.replace("’", "'").replace("‘", "'").replace("ʼ", "'")


def _spoken_words(said: str, fillers: Sequence[str]) -> list[str]:
    lowered = _straight(said).lower()
    words = _WORD.findall(lowered)
    for filler in sorted(fillers, key=len, reverse=True):
        parts = filler.split()
        if len(parts) > 1:
            words = _drop_phrase(words, parts)
    singles = {filler for filler in fillers if " " not in filler}
    kept: list[str] = []
    for word in words:
        if word in singles or (kept and kept[-1] == word):
            continue
        kept.append(word)
    return kept


def _drop_phrase(words: list[str], phrase: list[str]) -> list[str]:
    kept: list[str] = []
    index = 0
    while index < len(words):
        if words[index : index + len(phrase)] == phrase:
            index += len(phrase)
        else:
            kept.append(words[index])
            index += 1
    return kept


def _longest_run(
    words: Sequence[tuple[str, tuple[int, int]]],
    index: int,
    source: Sequence[str],
    places: dict[str, list[int]],
) -> int:
    best = 0
    for place in places.get(words[index][0], ()):
        length = 0
        while (
            index + length < len(words)
            and place + length < len(source)
            and words[index + length][0] == source[place + length]
        ):
            length += 1
        best = max(best, length)
    return best
