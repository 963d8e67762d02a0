"""The learned heads of the selection: for each statement, where it belongs and how much it weighs.

Small networks over the vectors of the sentence encoder, a few countable cues and the words
themselves. `models/train_selector.py` learns them; `models/cards/selector.md` holds what was
measured. They propose; what a person asked to keep out never reaches them.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.draft.statements import Statement
from assistant.draft.words import split_forms
from assistant.errors import SettingError
from assistant.records import HoldReason, SectionName
from assistant.resources import resource_path

Vectors = NDArray[np.float32]

HEADS_FILE = "models/heads/selector.safetensors"
# Encoded with every session: weights learned on one encoder mean nothing on another.
ANCHOR = "I rang the clinic on Monday and asked for a later bus."
_SAME_ENCODER = 0.99

HEAD_SECTIONS: tuple[SectionName, ...] = (
    "matters", "strength", "hard", "helps", "next_step", "support", "ask",
)  # fmt: skip
HEAD_REASONS: tuple[HoldReason, ...] = (
    "small_talk", "joke", "hypothetical", "third_party", "reported_speech", "past_only",
    "social_reply", "unclear", "other_language",
)  # fmt: skip
N_CLASSES = len(HEAD_SECTIONS) + len(HEAD_REASONS)
N_SALIENCE = 3

_OWN_BUCKETS = 512
_PEER_BUCKETS = 256
_N_COUNTS = 14
N_WORD_FEATURES = _OWN_BUCKETS + 2 * _PEER_BUCKETS  # the last columns of the features


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Probabilities, one row a statement. `classes` follows HEAD_SECTIONS, then HEAD_REASONS."""

    classes: Vectors = field(repr=False)  # (n, 16), rows sum to 1, or less if it may be neither
    salience: Vectors = field(repr=False)  # (n, 3): of no note, worth a line, missed if left out

    def reason(self, position: int) -> HoldReason:
        """The reason to leave it out, if one is likelier than all else together: nobody's words are
        called a joke on a guess."""
        row = self.classes[position]
        likeliest = int(row[len(HEAD_SECTIONS) :].argmax())
        if float(row[len(HEAD_SECTIONS) + likeliest]) <= 0.5 * float(row.sum()):
            return "unclear"
        return HEAD_REASONS[likeliest]

    def belongs(self, position: int) -> float:
        """How likely it is of note at all: the two heads' say, averaged."""
        has_section = float(self.classes[position, : len(HEAD_SECTIONS)].sum())
        return 0.5 * (has_section + 1.0 - float(self.salience[position, 0]))


def blend(first: Judged, second: Judged, *, say: float) -> Judged:
    """Average two judgements; `say` is what the second counts, 0 to 1."""
    return Judged(
        classes=(1 - say) * first.classes + say * second.classes,
        salience=(1 - say) * first.salience + say * second.salience,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectorHeads:
    """m networks with one hidden layer over d features; their probabilities are averaged."""

    anchor: Vectors = field(repr=False)  # (384,)
    centre: Vectors = field(repr=False)  # (d,)
    scale: Vectors = field(repr=False)  # (d,)
    hidden: Vectors = field(repr=False)  # (m, d, h)
    hidden_bias: Vectors = field(repr=False)  # (m, h)
    out: Vectors = field(repr=False)  # (m, h, 19): classes, then salience
    out_bias: Vectors = field(repr=False)  # (m, 19)

    def knows(self, anchor: Vectors) -> bool:
        """Whether these weights were learned on the encoder that gave this anchor."""
        if anchor.shape != self.anchor.shape:
            return False
        return float(anchor @ self.anchor) >= _SAME_ENCODER

    def fits(self, features: Vectors) -> bool:
        """Whether these weights were learned on rows of this width."""
        return bool(features.shape[1] == len(self.centre))

    def judge(self, features: Vectors) -> Judged:
        rows = (features - self.centre) * self.scale
        classes = np.zeros((len(rows), N_CLASSES), dtype=np.float32)
        salience = np.zeros((len(rows), N_SALIENCE), dtype=np.float32)
        for weights, bias, out, out_bias in zip(
            self.hidden, self.hidden_bias, self.out, self.out_bias, strict=True
        ):
            values = np.maximum(rows @ weights + bias, 0) @ out + out_bias
            classes += _softmax(values[:, :N_CLASSES]) / len(self.hidden)
            salience += _softmax(values[:, N_CLASSES:]) / len(self.hidden)
        return Judged(classes=classes, salience=salience)


@cache
def load_selector_heads(path: Path | None = None) -> SelectorHeads | None:
    """Read the weights once per path; None if there are none, so that rules alone select.

    Raises `SettingError` if the file is there but cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        source = path or resource_path(HEADS_FILE)
    except SettingError:
        return None
    if not source.exists():
        return None
    try:
        stored = {name: rows.astype(np.float32) for name, rows in load_file(source).items()}
        return SelectorHeads(**stored)
    except (OSError, SafetensorError, TypeError, ValueError):
        raise SettingError(
            f"{source.name} cannot be read. Install Own Words again; nothing was started."
        ) from None


def describe_statements(
    statements: Sequence[Statement], *, vectors: Vectors, rule_rows: Vectors
) -> Vectors:
    """The features of the heads, shape (n, d). `rule_rows` is what the rules say, shape (n, k)."""
    if not statements:
        return np.zeros((0, 0), dtype=np.float32)
    nothing = np.zeros_like(vectors[:1])
    blocks = [
        vectors,
        np.concatenate([nothing, vectors[:-1]]),
        np.concatenate([vectors[1:], nothing]),
        _count_rows(statements, vectors),
        rule_rows,
        _word_rows([s.text for s in statements], _OWN_BUCKETS),
        _word_rows([s.question for s in statements], _PEER_BUCKETS),
        _word_rows(_answers(statements), _PEER_BUCKETS),
    ]
    return np.concatenate(blocks, axis=1, dtype=np.float32)


def _answers(statements: Sequence[Statement]) -> list[str]:
    """What the peer said after the turn of each statement: laughter tells a joke."""
    answers: dict[int, str] = {}
    for now, after in pairwise(statements):
        if after.turn != now.turn:
            answers[now.turn] = after.question
    return [answers.get(statement.turn, "") for statement in statements]


def _count_rows(statements: Sequence[Statement], vectors: Vectors) -> Vectors:
    """Lengths, places and repeats: what can be counted without knowing what is said."""
    centre = vectors.mean(axis=0)
    centre = centre / max(float(np.linalg.norm(centre)), 1e-6)
    before, after = _nearest_repeats(vectors)
    firsts: dict[int, int] = {}
    sizes: dict[int, int] = {}
    for position, statement in enumerate(statements):
        firsts.setdefault(statement.turn, position)
        sizes[statement.turn] = sizes.get(statement.turn, 0) + 1
    rows = np.zeros((len(statements), _N_COUNTS), dtype=np.float32)
    for position, statement in enumerate(statements):
        words = [w for w in statement.words if w.kind != "mark"]
        n_specific = sum(w.is_specific for w in words)
        asked = statement.question.rstrip()
        place = position / len(statements)
        rows[position] = (
            np.log1p(len(words)), np.log1p(n_specific), n_specific / max(len(words), 1),
            place, place < 0.08, place > 0.92,
            position - firsts[statement.turn], sizes[statement.turn],
            statement.text.rstrip().endswith("?"), asked.endswith("?"),
            np.log1p(len(asked.split())),
            float(vectors[position] @ centre), before[position], after[position],
        )  # fmt: skip
    return rows


def _nearest_repeats(vectors: Vectors) -> tuple[Vectors, Vectors]:
    """For each statement, how near the nearest one within the 64 before it (and after) lies."""
    before = np.zeros(len(vectors), dtype=np.float32)
    after = np.zeros(len(vectors), dtype=np.float32)
    for at in range(1, len(vectors)):
        low = max(0, at - 64)
        alike = vectors[low:at] @ vectors[at]
        before[at] = alike.max()
        after[low:at] = np.maximum(after[low:at], alike)
    return before, after


def _word_rows(texts: Sequence[str], n_buckets: int) -> Vectors:
    """Which words stand in each text, hashed into buckets."""
    rows = np.zeros((len(texts), n_buckets), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for form in set(split_forms(text)):
            name = form.split("_")[0] if form.startswith("<") else form
            row[zlib.crc32(name.encode()) % n_buckets] = 1.0
    return rows


def _softmax(values: Vectors) -> Vectors:
    lifted = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(lifted / lifted.sum(axis=1, keepdims=True), dtype=np.float32)
