"""Sentences with marked phrases, written to train and test the language reader.

    voice | topic | a sentence with a {{category|phrase}}

`models/data/language` holds them, one file a writer and setting; which file is for what is fixed
here, so that no sentence is ever both learned from and measured on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

DATA = Path(__file__).resolve().parent / "data" / "language"
Split = Literal["train", "dev", "test", "later"]
DEV, TEST = ("e", "an", "bh"), ("f", "g")
LATER = (  # only the second net learned from these
    "bk", "bl", "bm", "bn", "bo", "bp", "bq", "br", "bs", "bt", "bu", "bv", "bw", "bx", "by", "bz",
    "ca", "cb", "cc", "cd", "ce",
)  # fmt: skip
_MARK = re.compile(r"\{\{([a-z]+)\|([^{}|]+)\}\}")
_LINE = re.compile(r"(peer|person) \| ([^|]+) \| (.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedSentence:
    """`spans` are (start, end, category), half-open offsets into `text`."""

    voice: str  # "peer" or "person"
    text: str = field(repr=False)
    spans: tuple[tuple[int, int, str], ...] = ()


def parse(text: str, *, voice: str) -> MarkedSentence:
    plain, spans, at = "", [], 0
    for match in _MARK.finditer(text):
        plain += text[at : match.start()]
        spans.append((len(plain), len(plain) + len(match[2]), match[1]))
        plain += match[2]
        at = match.end()
    return MarkedSentence(voice=voice, text=plain + text[at:], spans=tuple(spans))


def split_of(path: Path) -> Split:
    if path.stem in LATER:
        return "later"
    return "dev" if path.stem in DEV else "test" if path.stem in TEST else "train"


def read_sentences(split: Split, *, folder: Path = DATA) -> Iterator[MarkedSentence]:
    """Read a split in order. Raises `ValueError` naming file and line that do not fit."""
    for path in sorted(folder.glob("*.txt")):
        if split_of(path) != split:
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            match = _LINE.fullmatch(line)
            if match is None:
                raise ValueError(f"{path.name} line {number} is not: voice | topic | sentence")
            yield parse(match[3], voice=match[1])
