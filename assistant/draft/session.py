"""A session read once: statements of the person and of the peer, with their vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assistant.draft.statements import Statement, preceding_questions, split_statements
from assistant.draft.words import SURROGATE, ReadText, read_texts
from assistant.records import Deidentified, DeidentifiedTurn

if TYPE_CHECKING:
    import spacy

    from assistant.draft.encoder import SentenceEncoder

Vectors = NDArray[np.float32]

# What the encoder reads in place of a surrogate, so that it sees everyday words.
_STAND_IN = {
    "PERSON": "Sam", "NICKNAME": "Sam", "LOCATION": "the town", "ORG": "the centre",
    "DATE": "that day", "AGE": "that age",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSession:
    """Turns and statements in order. Vectors have one row a statement, shape (n, 384)."""

    turns: tuple[DeidentifiedTurn, ...] = field(repr=False)
    by_number: Mapping[int, DeidentifiedTurn] = field(repr=False)
    read: Mapping[int, ReadText] = field(repr=False)  # the person's and the peer's turns
    statements: tuple[Statement, ...] = field(repr=False)  # the person's
    vectors: Vectors = field(repr=False)
    peer_statements: tuple[Statement, ...] = field(repr=False)
    peer_vectors: Vectors = field(repr=False)
    extra: Vectors = field(repr=False)  # rows for the further texts that were asked for


def read_session(
    deidentified: Deidentified,
    *,
    nlp: spacy.Language,
    encoder: SentenceEncoder,
    extra: Sequence[str] = (),
    keep_peer: Callable[[Statement], bool] = lambda _: True,
) -> ReadSession:
    """Parse and encode a session in one batch each; `extra` texts are encoded along with it.

    Only the peer's statements that `keep_peer` wants are taken on: encoding is what takes time.
    """
    spoken = [turn for turn in deidentified.turns if turn.role in {"person", "peer"}]
    parsed = read_texts([turn.text for turn in spoken], nlp=nlp)
    read = {turn.number: words for turn, words in zip(spoken, parsed, strict=True)}
    questions = preceding_questions(deidentified.turns)

    def of_role(role: str) -> tuple[Statement, ...]:
        turns = [turn for turn in spoken if turn.role == role]
        return split_statements(turns, read=read, questions=questions)

    person = of_role("person")
    peer = tuple(statement for statement in of_role("peer") if keep_peer(statement))
    texts = [text_for_meaning(s.text) for s in (*person, *peer)]
    rows = encoder.encode([*texts, *extra]) if texts or extra else np.zeros((0, 384), np.float32)
    n, m = len(person), len(person) + len(peer)
    return ReadSession(
        turns=deidentified.turns,
        by_number={turn.number: turn for turn in deidentified.turns},
        read=read,
        statements=person,
        vectors=rows[:n],
        peer_statements=peer,
        peer_vectors=rows[n:m],
        extra=rows[m:],
    )


def text_for_meaning(text: str) -> str:
    """A text as the encoder reads it: everyday words in place of surrogates."""
    return SURROGATE.sub(lambda m: _STAND_IN.get(m.group()[1:].rsplit("_", 1)[0], "it"), text)
