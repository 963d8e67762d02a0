"""The second finder of the safety topics: by meaning, for what nobody wrote a cue for.

Each statement-sized piece of a turn becomes a vector of the sentence encoder and is compared with
weighted example sentences: those of a topic pull up, ordinary talk pulls down. The weights are
learned by `models/train_safety.py` from `policies/safety_prototypes.yaml` and measured in
`models/cards/safety.md`; the number they sum to picks passages to show, is never shown itself,
and says nothing about how likely or how grave anything is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from assistant.errors import SettingError
from assistant.records import SafetyTopic
from assistant.resources import resource_path

MIN_WORDS = 3  # "yeah, okay" means nothing by itself
MAX_WORDS = 20  # a longer sentence (or unpunctuated speech) is read through a sliding window
WINDOW_WORDS = 14
STEP_WORDS = 7

_SENTENCE = re.compile(r"[^.!?;\n]+")
_SURROGATE = re.compile(r"<([A-Z_]+?)_\d+>")
_STAND_INS = {"PERSON": "Sam", "LOCATION": "that place", "DATE": "that day"}


class Encoder(Protocol):
    """What this finder needs of `assistant.draft.encoder`, which a stage may not import."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return shape (n, 384), rows of length 1, in the order given."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MeantPassage:
    """A piece of a text that comes near a topic. `start`/`end` are offsets into that text."""

    start: int
    end: int
    topics: tuple[SafetyTopic, ...]  # nearest first; a second one only if it is almost as near
    is_near: bool  # false: it only just counts


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyHead:
    """The learned weights. n examples, 9 topics in the order of `SafetyTopic`."""

    examples: NDArray[np.float32] = field(repr=False)  # (n, 384), rows of length 1
    weights: NDArray[np.float32] = field(repr=False)  # (n,)
    topic_weights: NDArray[np.float32] = field(repr=False)  # (385, 9), the last row is the bias
    sharpness: float  # how quickly an example stops counting with distance
    bias: float
    surface_at: float
    near_at: float
    second_within: float

    def nearness(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return shape (n_vectors,): how far on the side of the topics each vector lies."""
        weighed = kernel(vectors, self.examples, sharpness=self.sharpness) @ self.weights
        return np.asarray(weighed + self.bias, dtype=np.float64)

    def topics_of(self, vector: NDArray[np.float32]) -> tuple[SafetyTopic, ...]:
        values = vector @ self.topic_weights[:-1] + self.topic_weights[-1]
        order = np.argsort(-values, kind="stable")
        names: tuple[SafetyTopic, ...] = get_args(SafetyTopic)
        close = [i for i in order[:2] if values[i] >= values[order[0]] - self.second_within]
        return tuple(names[int(i)] for i in close)


def kernel(
    vectors: NDArray[np.float32], examples: NDArray[np.float32], *, sharpness: float
) -> NDArray[np.float32]:
    """1.0 where two unit vectors are the same, falling to 0 with their squared distance."""
    return np.asarray(np.exp(sharpness * (2 * (vectors @ examples.T) - 2)), dtype=np.float32)


@cache
def load_safety_head(path: Path | None = None) -> SafetyHead:
    """Read the learned weights, once per path; raises `SettingError` if they cannot be read."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    source = path or resource_path("models/heads/safety.safetensors")
    try:
        stored = load_file(source)
        numbers = [float(number) for number in stored["numbers"]]
        sharpness, bias, surface_at, near_at, second_within = numbers
        return SafetyHead(
            examples=stored["examples"].astype(np.float32),
            weights=stored["weights"],
            topic_weights=stored["topic_weights"],
            sharpness=sharpness,
            bias=bias,
            surface_at=surface_at,
            near_at=near_at,
            second_within=second_within,
        )
    except (OSError, SafetensorError, KeyError, ValueError):
        raise SettingError(
            f"{source.name} cannot be read. Install Own Words again; nothing was started."
        ) from None


def find_by_meaning(
    texts: Sequence[str], *, encoder: Encoder, head: SafetyHead
) -> tuple[tuple[MeantPassage, ...], ...]:
    """For each text, the pieces of it that come near a topic, in text order."""
    pieces = [(at, *span) for at, text in enumerate(texts) for span in split_pieces(text)]
    found: list[list[MeantPassage]] = [[] for _ in texts]
    if not pieces:
        return tuple(tuple(passages) for passages in found)
    vectors = encoder.encode([_readable(texts[at][start:end]) for at, start, end in pieces])
    for (at, start, end), vector, near in zip(pieces, vectors, head.nearness(vectors), strict=True):
        if near >= head.surface_at:
            found[at].append(
                MeantPassage(
                    start=start,
                    end=end,
                    topics=head.topics_of(vector),
                    is_near=bool(near >= head.near_at),
                )
            )
    return tuple(tuple(passages) for passages in found)


def split_pieces(text: str) -> list[tuple[int, int]]:
    """Offsets of sentences, and of overlapping windows over the long ones, in text order."""
    spans: list[tuple[int, int]] = []
    for sentence in _SENTENCE.finditer(text):
        words = [
            (sentence.start() + w.start(), sentence.start() + w.end())
            for w in re.finditer(r"\S+", sentence.group())
        ]
        n = len(words)
        if n < MIN_WORDS:
            continue
        whole = n <= MAX_WORDS
        starts = (0,) if whole else range(0, n - WINDOW_WORDS + STEP_WORDS, STEP_WORDS)
        for first in starts:
            last = n if whole else min(first + WINDOW_WORDS, n)
            spans.append((words[first][0], words[last - 1][1]))
    return spans


def _readable(piece: str) -> str:
    """Put ordinary words where identifiers were hidden: the encoder never met `<PERSON_3>`."""
    return _SURROGATE.sub(lambda found: _STAND_INS.get(found[1], "that"), piece)
