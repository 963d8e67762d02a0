"""What the language list misses: phrases that make a person small in ordinary words.

Two nets read a sentence with the one before it ("Again." is harmless after some and not after
others) and say of every word how likely it belongs to a phrase of each category: one over the
sentence encoder (`encoder_net`), and where that finds anything at all, one over the small language
model (`decoder_net`), which is slower and misses other things. The mean of both counts.
`models/train_language.py` learns them; `models/cards/language.md` holds what was measured. They
find phrases; reasons and alternatives are the list's, by category.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import NDArray

from assistant.bundled import locate_model
from assistant.records import FlagCategory
from assistant.resources import resource_path
from assistant.signs import OF_ENCODER, OF_LANGUAGE_MODEL, Signs

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from assistant.decoder_net import DecoderNet
    from assistant.encoder_net import TagNet
    from assistant.settings import Settings

ADAPTER = "models/heads/language.safetensors"
SECOND_ADAPTER = "models/heads/language_deep.safetensors"
CATEGORIES: tuple[FlagCategory, ...] = get_args(FlagCategory)
N_CLASSES = 1 + len(CATEGORIES)  # nothing, then the categories
MARK_OF_VOICE = {"peer": 1, "person": 2}
N_MARKS = 3
MAX_PIECES = 200  # read at once; a longer sentence is cut
# Chosen on dev: how likely the likeliest word of a phrase is one of the categories, for it to be
# shown; how likely its others; how many words between two of them belong to it; and how likely the
# first net holds the likeliest word of a sentence, for the second to read it too: where the first
# is surer than that of nothing, or of something, the second would change little and cost time.
SURE = 0.52
EDGE = 0.2
GAP = 2
IN_DOUBT = (0.2, 0.97)
INNOCENT = 0.1  # a phrase of the list that is less likely than this is not shown
_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A phrase, half-open offsets into the text, and how likely its likeliest word is."""

    start: int
    end: int
    category: FlagCategory
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One text: where its words stand, and `shares`, how likely each class is, shape (words,
    classes)."""

    offsets: tuple[tuple[int, int], ...]
    shares: NDArray[np.float32]

    def phrases(self, *, within: tuple[int, int], sure: float = SURE) -> tuple[Found, ...]:
        """Runs of words that are likely something, each with its likeliest category.

        `within` are the offsets of a sentence: no phrase reaches over its ends.
        """
        first, last = self._inside(*within)
        chances = self.shares[first:last, 1:].sum(axis=1)
        found: list[Found] = []
        for at, stop in _runs(chances >= EDGE):
            if chances[at:stop].max() < sure:
                continue
            mean = self.shares[first + at : first + stop, 1:].mean(axis=0)
            found.append(
                Found(
                    start=self.offsets[first + at][0], end=self.offsets[first + stop - 1][1],
                    category=CATEGORIES[int(mean.argmax())], score=float(chances[at:stop].max()),
                )
            )  # fmt: skip
        return tuple(found)

    def likelihood(self, start: int, end: int) -> float:
        """How likely the likeliest word between two offsets is something; 1.0 if none was read."""
        first, last = self._inside(start, end)
        return float(self.shares[first:last, 1:].sum(axis=1).max()) if first < last else 1.0

    def _inside(self, start: int, end: int) -> tuple[int, int]:
        """The words that stand between two offsets, in part at least; first and past the last."""
        first = bisect_right(self.offsets, start, key=itemgetter(1))
        return first, bisect_left(self.offsets, end, lo=first, key=itemgetter(0))


def _runs(flagged: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches of what is flagged, those at most `GAP` apart as one."""
    runs: list[tuple[int, int]] = []
    for at in np.flatnonzero(flagged).tolist():
        if runs and at - runs[-1][1] <= GAP:
            runs[-1] = (runs[-1][0], at + 1)
        else:
            runs.append((at, at + 1))
    return runs


def lay_out(
    text: str, voice: str, tokenizer: Tokenizer, *, cls: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[tuple[int, int], ...]]:
    """Return pieces and marks, the first being `cls`, and the offsets of the others."""
    encoded = tokenizer.encode(text, add_special_tokens=False)
    ids = [cls, *encoded.ids]
    marks = [0, *[MARK_OF_VOICE[voice]] * (len(ids) - 1)]
    return np.array(ids), np.array(marks), tuple(_without_space(text, *o) for o in encoded.offsets)


def _without_space(text: str, start: int, end: int) -> tuple[int, int]:
    """A piece's place without the space that it may begin with."""
    return end - len(text[start:end].lstrip()), end


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A sentence of a text: it is read from `low`, judged from `start` to `end`."""

    low: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """One of the two nets, with its tokenizer and signs."""

    net: TagNet | DecoderNet
    tokenizer: Tokenizer
    signs: Signs

    def score(
        self, text: str, parts: Sequence[Part], *, words: Sequence[tuple[int, int]], voice: str
    ) -> NDArray[np.float32]:
        """How likely each class is for each word, by its likeliest piece, shape (words, classes);
        nothing for words that are not judged in any part."""
        from assistant.encoder_net import run_rows, softmax

        shares = np.zeros((len(words), N_CLASSES), dtype=np.float32)
        shares[:, 0] = 1
        laid = [
            lay_out(text[part.low : part.end], voice, self.tokenizer, cls=self.signs.cls)
            for part in parts
        ]
        rows = run_rows(self.net, [(ids, marks) for ids, marks, _ in laid])
        starts = [start for start, _ in words]
        for part, (_, _, offsets), scores in zip(parts, laid, rows, strict=True):
            for (start, end), share in zip(offsets, softmax(scores[1:]), strict=True):
                at = bisect_right(starts, part.low + start) - 1
                is_judged = at >= 0 and part.low + start >= part.start and start < end
                if is_judged and share[0] < shares[at, 0]:
                    shares[at] = share
        return shares


class LanguageReader:
    def __init__(self, first: Net, second: Net | None = None) -> None:
        self._first = first
        self._second = second

    def read(self, text: str, *, sentences: Sequence[tuple[int, int]], voice: str) -> Scored:
        """Score a text, whose sentences stand at these offsets. `voice` is "peer" or "person"."""
        words = [match.span() for match in _WORD.finditer(text)]
        encoded = self._first.tokenizer.encode(text, add_special_tokens=False)
        parts = [
            Part(low=encoded.offsets[low][0], start=encoded.offsets[at][0],
                 end=encoded.offsets[stop - 1][1])
            for low, at, stop in _parts(encoded.offsets, [end for _, end in sentences])
        ]  # fmt: skip
        shares = self._first.score(text, parts, words=words, voice=voice)
        if self._second is not None:
            judged = [
                slice(bisect_left(words, (part.start,)), bisect_left(words, (part.end,)))
                for part in parts
            ]
            doubtful = [
                k for k, own in enumerate(judged)
                if IN_DOUBT[0] <= 1 - shares[own, 0].min(initial=1.0) <= IN_DOUBT[1]
            ]  # fmt: skip
            again = self._second.score(text, [parts[k] for k in doubtful], words=words, voice=voice)
            for k in doubtful:
                shares[judged[k]] = (shares[judged[k]] + again[judged[k]]) / 2
        return Scored(offsets=tuple(words), shares=shares)


def _parts(offsets: Sequence[tuple[int, int]], ends: Sequence[int]) -> list[tuple[int, int, int]]:
    """Cut pieces into sentences, those longer than `MAX_PIECES` again: (from where it is read, the
    first piece that is judged, the end). Each is read with the one before, if there is room.

    `ends` are offsets in order."""
    parts: list[tuple[int, int, int]] = []
    low = at = 0
    for stop in range(1, len(offsets) + 1):
        following = bisect_left(ends, offsets[stop - 1][1])
        is_end = stop == len(offsets) or (
            following < len(ends) and ends[following] <= offsets[stop][0]
        )
        if is_end or stop - at == MAX_PIECES:
            parts.append((low if stop - low <= MAX_PIECES else at, at, stop))
            low, at = at, stop
    return parts


def load_language_reader(*, settings: Settings) -> LanguageReader:
    """Load both nets. Raises `ModelUnavailable`."""
    from assistant import decoder_net, encoder_net

    folder = locate_model("encoder", settings=settings)
    first = encoder_net.load_net(
        folder, resource_path(ADAPTER), n_marks=N_MARKS, n_classes=N_CLASSES
    )
    deep = locate_model("drafter", settings=settings)
    second = decoder_net.load_net(
        deep, resource_path(SECOND_ADAPTER), n_marks=N_MARKS, n_classes=N_CLASSES
    )
    load_tokenizer = encoder_net.load_tokenizer
    return LanguageReader(
        Net(net=first, tokenizer=load_tokenizer(folder), signs=OF_ENCODER),
        Net(net=second, tokenizer=load_tokenizer(deep), signs=OF_LANGUAGE_MODEL),
    )
