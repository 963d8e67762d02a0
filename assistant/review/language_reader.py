"""What the language list misses: phrases that make a person small in ordinary words.

The sentence encoder with a learned change (`encoder_net`) reads a sentence and says of every word
piece how likely it belongs to a phrase of each category. `models/train_language.py` learns it;
`models/cards/language.md` holds what was measured. It finds phrases; reasons and alternatives are
the list's, by category.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
MAX_PIECES = 200  # of one sentence; what comes after is not read
SURE = 0.6  # how likely a phrase is one of the categories, to be shown; both chosen on dev
INNOCENT = 0.1  # a phrase of the list that is less likely than this is not shown
_CLS = 101


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A phrase, half-open offsets into the sentence, and how likely it is of that category."""

    start: int
    end: int
    category: FlagCategory
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One sentence: where its pieces stand, and `shares`, how likely each class is, shape (pieces,
    classes)."""

    offsets: tuple[tuple[int, int], ...]
    shares: NDArray[np.float32]

    def phrases(self, *, sure: float = SURE) -> tuple[Found, ...]:
        """Runs of pieces likelier something than `sure`, each with its likeliest category."""
        flagged = self.shares[:, 1:].sum(axis=1) >= sure
        found: list[Found] = []
        at = 0
        while at < len(flagged):
            if not flagged[at]:
                at += 1
                continue
            stop = at
            while stop < len(flagged) and flagged[stop]:
                stop += 1
            mean = self.shares[at:stop, 1:].mean(axis=0)
            found.append(
                Found(
                    start=self.offsets[at][0], end=self.offsets[stop - 1][1],
                    category=CATEGORIES[int(mean.argmax())],
                    score=float(self.shares[at:stop, 1:].sum(axis=1).max()),
                )
            )  # fmt: skip
            at = stop
        return tuple(found)

    def likelihood(self, start: int, end: int) -> float:
        """How likely the likeliest piece between two offsets is something; 1.0 if none was read."""
        inside = [i for i, (low, high) in enumerate(self.offsets) if low < end and start < high]
        return float(self.shares[inside, 1:].sum(axis=1).max()) if inside else 1.0


def lay_out(
    text: str, voice: str, tokenizer: Tokenizer
) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[tuple[int, int], ...]]:
    """Return pieces and marks, the first being CLS, and the offsets of the others."""
    encoded = tokenizer.encode(text, add_special_tokens=False)
    ids = [_CLS, *encoded.ids[:MAX_PIECES]]
    marks = [0, *[MARK_OF_VOICE[voice]] * (len(ids) - 1)]
    return np.array(ids), np.array(marks), tuple(encoded.offsets[:MAX_PIECES])


class LanguageReader:
    def __init__(self, net: TagNet, tokenizer: Tokenizer) -> None:
        self._net = net
        self._tokenizer = tokenizer

    def read(self, sentences: Sequence[str], *, voice: str) -> tuple[Scored, ...]:
        """Score each sentence. `voice` is "peer" or "person"."""
        from assistant.encoder_net import run_rows, softmax

        laid = [lay_out(text, voice, self._tokenizer) for text in sentences]
        scored = run_rows(self._net, [(pieces, marks) for pieces, marks, _ in laid])
        return tuple(
            Scored(offsets=offsets, shares=softmax(scores[1:]))
            for scores, (_, _, offsets) in zip(scored, laid, strict=True)
        )


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
