"""A learned finder of identifiers: how likely each word is to point at somebody, and how.

    tagger = load_tagger(settings=settings)
    (tagged,) = tagger.tag(["my sister alana works there"], has_case=[False])

It reads the turns of a session together, each with what was said before it. What it learned from,
and what it misses, stands in `models/cards/identifiers.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assistant.bundled import locate_model
from assistant.deidentify.found import Found
from assistant.deidentify.pieces import Pieces, cut_text, make_windows
from assistant.records import IdentifierType
from assistant.resources import resource_path
from assistant.settings import Settings

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from assistant.encoder_net import TagNet

ADAPTER = "models/heads/identifiers.safetensors"
TYPES: tuple[IdentifierType, ...] = (
    "PERSON", "NICKNAME", "LOCATION", "ORG", "DATE", "AGE", "PHONE", "EMAIL", "ID", "URL", "HANDLE",
    "OTHER",
)  # fmt: skip
N_CLASSES = 1 + 2 * len(TYPES)  # outside; then beginning and inside of each type
N_SHAPES = 6  # unknown, small, Capitalised, CAPITALS, mIxed, no letters
# How sure a word must be, by type; chosen on the dev split (models/cards/identifiers.md). Numbers
# have patterns beside them, and a count hidden for nothing may be somebody's milestone.
SURE_ENOUGH: Mapping[IdentifierType, float] = {
    "PERSON": 0.1, "NICKNAME": 0.1, "LOCATION": 0.1, "ORG": 0.1, "OTHER": 0.1, "HANDLE": 0.4,
    "EMAIL": 0.4, "URL": 0.4, "ID": 0.5, "PHONE": 0.6, "DATE": 0.6, "AGE": 0.6,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word (pieces not parted by a blank or a sign). `sure` is the probability that it is part
    of an identifier, `type` the likeliest kind if it is, `begins` whether it opens one."""

    start: int
    end: int
    sure: float
    type: IdentifierType
    begins: bool


@dataclass(frozen=True, kw_only=True)
class Tagged:
    """One text as the tagger sees it."""

    text: str = field(repr=False)
    words: tuple[Word, ...] = field(repr=False)

    def spans(self, *, at_least: float | Mapping[IdentifierType, float]) -> list[Found]:
        """Join neighbouring words of one type that are sure enough; `score` is the surest's."""
        found: list[Found] = []
        for word in self.words:
            if word.sure < (at_least if isinstance(at_least, float) else at_least[word.type]):
                continue
            last = found[-1] if found else None
            gap = self.text[last.end : word.start] if last else ""
            joining = _JOINING if word.type in _NAMES else _JOINING_NUMBERS
            if last and not word.begins and last.type == word.type and not gap.strip(joining):
                found[-1] = Found(
                    start=last.start, end=word.end, type=last.type,
                    score=max(last.score, word.sure), rule="tagger",
                )  # fmt: skip
            else:
                found.append(
                    Found(start=word.start, end=word.end, type=word.type, score=word.sure,
                          rule="tagger")
                )  # fmt: skip
        return found

    def surest(self, start: int, end: int) -> float:
        """Return the largest probability of a word that lies in part between two offsets."""
        return max((w.sure for w in self.words if w.start < end and start < w.end), default=0.0)


_NAMES = frozenset({"PERSON", "NICKNAME", "ORG"})
_JOINING = " .-'’&"
_JOINING_NUMBERS = " .-'’&,/#+()@_:\n\t"


class Tagger:
    def __init__(self, net: TagNet, tokenizer: Tokenizer) -> None:
        self._net = net
        self._tokenizer = tokenizer

    def tag(
        self, texts: Sequence[str], *, has_case: Sequence[bool], together: bool = True
    ) -> tuple[Tagged, ...]:
        """Tag texts; `together`: they are the turns of one session, in order."""
        cut = [
            cut_text(text, self._tokenizer, has_case=case)
            for text, case in zip(texts, has_case, strict=True)
        ]
        chances = run_windows(self._net, cut, together=together, n_classes=N_CLASSES)
        return tuple(
            Tagged(text=text, words=tuple(_words(text, one, rows)))
            for text, one, rows in zip(texts, cut, chances, strict=True)
        )


def run_windows(
    net: TagNet, cut: Sequence[Pieces], *, together: bool, n_classes: int
) -> list[NDArray[np.float32]]:
    """Return for every text the class probabilities of its pieces, shape (pieces, n_classes)."""
    from assistant.encoder_net import run_rows, softmax

    chances = [np.zeros((len(one.ids), n_classes), dtype=np.float32) for one in cut]
    windows = list(make_windows(cut, together=together))
    scored = run_rows(net, [(np.array(one.ids), np.array(one.shapes)) for one in windows])
    for one, scores in zip(windows, scored, strict=True):
        for own, row in zip(one.owners, softmax(scores), strict=True):
            if own is not None:
                chances[own[0]][own[1]] = row
    return chances


def _words(text: str, pieces: Pieces, chances: NDArray[np.float32]) -> list[Word]:
    """Put the pieces of a word together: its first piece says how sure it is (on dev better than
    the surest or the mean), all of them which kind."""
    words: list[Word] = []
    rows: list[int] = []

    def close() -> None:
        if not rows:
            return
        sure = chances[rows]
        by_type = sure[:, 1::2].sum(axis=0) + sure[:, 2::2].sum(axis=0)
        kind = int(by_type.argmax())
        words.append(
            Word(
                start=pieces.offsets[rows[0]][0], end=pieces.offsets[rows[-1]][1],
                sure=float(1 - sure[0, 0]), type=TYPES[kind],
                begins=bool(sure[0, 1 + 2 * kind] > sure[0, 2 + 2 * kind]),
            )
        )  # fmt: skip
        rows.clear()

    for i, (start, end) in enumerate(pieces.offsets):
        is_sign = not text[start:end].isalnum()
        if rows and (is_sign or pieces.offsets[rows[-1]][1] != start):
            close()
        if is_sign:
            continue
        rows.append(i)
    close()
    return words


def load_tagger(*, settings: Settings) -> Tagger:
    """Load the encoder with what was learned. Raises `ModelUnavailable`."""
    return read_tagger(locate_model("encoder", settings=settings), adapter=resource_path(ADAPTER))


def read_tagger(folder: Path, *, adapter: Path) -> Tagger:
    """Load from files. Raises `ModelUnavailable` if they are missing, broken or do not fit."""
    from assistant.encoder_net import load_net, load_tokenizer

    net = load_net(folder, adapter, n_marks=N_SHAPES, n_classes=N_CLASSES)
    return Tagger(net, load_tokenizer(folder))
