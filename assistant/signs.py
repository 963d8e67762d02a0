"""Pieces that stand in no text: what begins a row of pieces, and what stands between turns.

One pair for each tokenizer. The sentence encoder has them for this; of the language model they are
the marks of a chat's turns.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    cls: int
    sep: int


CLS, SEP = 101, 102
OF_ENCODER, OF_LANGUAGE_MODEL = Signs(cls=CLS, sep=SEP), Signs(cls=1, sep=2)
