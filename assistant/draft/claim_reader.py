"""The learned part of checking a sentence: the sentence and its evidence, read together.

The sentence encoder with a learned change (`encoder_net`) reads the sentence, then the question and
the words of each statement that may carry it, and the nearest thing the peer said. It says how
likely the sentence is supported, and if not, what is the likeliest fault. `models/train_claims.py`
learns it; `models/cards/checker.md` holds what was measured.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assistant.bundled import locate_model
from assistant.draft.statements import Statement
from assistant.draft.words import SURROGATE
from assistant.resources import resource_path
from assistant.signs import CLS, SEP

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from assistant.encoder_net import TagNet
    from assistant.settings import Settings

ADAPTER = "models/heads/checker.safetensors"
# What is wrong with a sentence, as the corpus names it; the first is nothing.
KINDS = (
    "supported", "negation_flip", "wrong_actor", "wrong_number", "wrong_time", "overstated",
    "invented_feeling", "invented_risk_denial", "diagnosis", "invented_quote", "not_said",
)  # fmt: skip
N_MARKS = 5  # nothing, the sentence, a question, the person's words, the peer's words
_SENTENCE, _QUESTION, _SAID, _PEER = 1, 2, 3, 4
_MAX_SENTENCE, _MAX_QUESTION, _MAX_STATEMENT, _MAX_PEER, _MAX_ALL = 48, 12, 44, 22, 180
# Everyday words in place of surrogates; several names, so that two people stay two people.
_NAMES = ("Sam", "Alex", "Robin", "Chris", "Kim", "Pat", "Lee", "Max", "Jo", "Ash")
_STAND_IN = {"LOCATION": "the town", "ORG": "the centre", "DATE": "that day", "AGE": "that age"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A sentence and what may carry it: (question, statement in its turn), best first."""

    sentence: str = field(repr=False)
    evidence: tuple[tuple[str, str], ...] = field(repr=False)
    peer: str = field(repr=False)  # the nearest thing the peer said; empty if nothing


def make_pair(
    sentence: str,
    statements: Sequence[Statement],
    *,
    around: Sequence[str],
    peer: Statement | None,
) -> Pair:
    """`around` holds, for each statement, its words with some of its turn's before and after."""
    return Pair(
        sentence=_readable(sentence),
        evidence=tuple(
            (_readable(one.question), _readable(words))
            for one, words in zip(statements, around, strict=True)
        ),
        peer=_readable(peer.text) if peer is not None else "",
    )


def _readable(text: str) -> str:
    def stand_in(match: re.Match[str]) -> str:
        kind, number = match.group()[1:-1].rsplit("_", 1)
        if kind in {"PERSON", "NICKNAME"}:
            return _NAMES[(int(number) - 1) % len(_NAMES)]
        return _STAND_IN.get(kind, "it")

    return SURROGATE.sub(stand_in, text)


def lay_out(
    pair: Pair, tokenizer: Tokenizer
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return pieces, marks, and which pieces are the sentence's own."""
    ids, marks = [CLS], [0]

    def add(text: str, mark: int, most: int, *, keep_end: bool = False) -> None:
        pieces = tokenizer.encode(text, add_special_tokens=False).ids
        ids.extend(pieces[-most:] if keep_end else pieces[:most])
        marks.extend([mark] * min(most, len(pieces)))

    add(pair.sentence, _SENTENCE, _MAX_SENTENCE)
    own = np.zeros(_MAX_ALL, dtype=bool)
    own[1 : len(ids)] = True
    for question, words in pair.evidence:
        ids.append(SEP)
        marks.append(0)
        if question:
            add(question, _QUESTION, _MAX_QUESTION, keep_end=True)
        add(words, _SAID, _MAX_STATEMENT)
    if pair.peer:
        del ids[_MAX_ALL - _MAX_PEER - 1 :], marks[_MAX_ALL - _MAX_PEER - 1 :]
        ids.append(SEP)
        marks.append(0)
        add(pair.peer, _PEER, _MAX_PEER)
    n = min(len(ids), _MAX_ALL)
    return np.array(ids[:n]), np.array(marks[:n]), own[:n]


class ClaimReader:
    def __init__(self, net: TagNet, tokenizer: Tokenizer) -> None:
        self._net = net
        self._tokenizer = tokenizer

    def read(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """Return how likely each kind is, shape (pairs, kinds), rows sum to 1."""
        from assistant.encoder_net import run_rows, softmax

        laid = [lay_out(pair, self._tokenizer) for pair in pairs]
        scored = run_rows(self._net, [(pieces, marks) for pieces, marks, _ in laid])
        means = [
            rows[own].mean(axis=0) if own.any() else rows[0]
            for rows, (_, _, own) in zip(scored, laid, strict=True)
        ]
        return softmax(np.array(means, dtype=np.float32).reshape(-1, len(KINDS)))


def load_claim_reader(*, settings: Settings) -> ClaimReader:
    """Load the encoder with what was learned. Raises `ModelUnavailable`."""
    return read_claim_reader(
        locate_model("encoder", settings=settings), adapter=resource_path(ADAPTER)
    )


def read_claim_reader(folder: Path, *, adapter: Path) -> ClaimReader:
    """Load from files. Raises `ModelUnavailable` if they are missing, broken or do not fit."""
    from assistant.encoder_net import load_net, load_tokenizer

    net = load_net(folder, adapter, n_marks=N_MARKS, n_classes=len(KINDS))
    return ClaimReader(net, load_tokenizer(folder))
