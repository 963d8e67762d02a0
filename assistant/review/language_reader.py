"""What the language list misses: phrases that make a person small in ordinary words.

The sentence encoder with a learned change (`encoder_net`) reads a sentence with the one
before it ("Again." is harmless after some and not after others) and says of every word piece how
likely it belongs to a phrase of each category. `models/train_language.py` learns it;
`models/cards/language.md` holds what was measured. It finds phrases; reasons and alternatives are
the list's, by category.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import NDArray

from assistant.bundled import locate_model
from assistant.records import FlagCategory
from assistant.resources import resource_path

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from assistant.encoder_net import TagNet
    from assistant.settings import Settings

ADAPTER = "models/heads/language.safetensors"
CATEGORIES: tuple[FlagCategory, ...] = get_args(FlagCategory)
N_CLASSES = 1 + len(CATEGORIES)  # nothing, then the categories
MARK_OF_VOICE = {"peer": 1, "person": 2}
N_MARKS = 3
MAX_PIECES = 200  # read at once; a longer sentence is cut
# Chosen on dev: how likely the likeliest piece of a phrase is one of the categories, for it to be
# shown; how likely its others; and how many pieces between two of them belong to it.
SURE = 0.7
EDGE = 0.3
GAP = 2
INNOCENT = 0.1  # a phrase of the list that is less likely than this is not shown
_CLS = 101


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A phrase, half-open offsets into the text, and how likely its likeliest piece is."""

    start: int
    end: int
    category: FlagCategory
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One text: where its pieces stand, and `shares`, how likely each class is, shape (pieces,
    classes)."""

    offsets: tuple[tuple[int, int], ...]
    shares: NDArray[np.float32]

    def phrases(self, *, within: tuple[int, int], sure: float = SURE) -> tuple[Found, ...]:
        """Runs of pieces that are likely something, each with its likeliest category.

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
        """How likely the likeliest piece between two offsets is something; 1.0 if none was read."""
        first, last = self._inside(start, end)
        return float(self.shares[first:last, 1:].sum(axis=1).max()) if first < last else 1.0

    def _inside(self, start: int, end: int) -> tuple[int, int]:
        """The pieces that stand between two offsets, in part at least; first and past the last."""
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
    text: str, voice: str, tokenizer: Tokenizer
) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[tuple[int, int], ...]]:
    """Return pieces and marks, the first being CLS, and the offsets of the others."""
    encoded = tokenizer.encode(text, add_special_tokens=False)
    ids = [_CLS, *encoded.ids]
    marks = [0, *[MARK_OF_VOICE[voice]] * (len(ids) - 1)]
    return np.array(ids), np.array(marks), tuple(encoded.offsets)


class LanguageReader:
    def __init__(self, net: TagNet, tokenizer: Tokenizer) -> None:
        self._net = net
        self._tokenizer = tokenizer

    def read(self, text: str, *, sentences: Sequence[tuple[int, int]], voice: str) -> Scored:
        """Score a text, whose sentences stand at these offsets. `voice` is "peer" or "person"."""
        from assistant.encoder_net import run_rows, softmax

        pieces, marks, offsets = lay_out(text, voice, self._tokenizer)
        parts = _parts(offsets, [end for _, end in sentences])
        rows = [
            (
                np.concatenate([pieces[:1], pieces[1 + low : 1 + stop]]),
                np.concatenate([marks[:1], marks[1 + low : 1 + stop]]),
            )
            for low, _, stop in parts
        ]
        scored = [
            scores[1 + at - low :]
            for scores, (low, at, _) in zip(run_rows(self._net, rows), parts, strict=True)
        ]
        nothing = np.zeros((0, N_CLASSES), dtype=np.float32)
        return Scored(offsets=offsets, shares=softmax(np.concatenate([nothing, *scored])))


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
    """Load the encoder with what was learned. Raises `ModelUnavailable`."""
    return read_language_reader(
        locate_model("encoder", settings=settings), adapter=resource_path(ADAPTER)
    )


def read_language_reader(folder: Path, *, adapter: Path) -> LanguageReader:
    """Load from files. Raises `ModelUnavailable` if they are missing, broken or do not fit."""
    from assistant.encoder_net import load_net, load_tokenizer

    net = load_net(folder, adapter, n_marks=N_MARKS, n_classes=N_CLASSES)
    return LanguageReader(net, load_tokenizer(folder))
