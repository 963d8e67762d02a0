"""A learned finder of small facts that few people share: a trade, an age, where somebody is from.

Which words tell such a fact is learned (`models/train_details.py`, `models/cards/details.md`); what
follows from several together is `details.report_details`'s part. It reads what one person said, in
order, and nothing of what others said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import NDArray

from assistant.bundled import locate_model
from assistant.deidentify.pieces import Pieces, cut_text
from assistant.deidentify.tagger import run_windows
from assistant.records import Deidentified, DetailKind, Transcript, TurnDetail
from assistant.resources import resource_path
from assistant.settings import Settings

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from assistant.encoder_net import TagNet

ADAPTER = "models/heads/details.safetensors"
KINDS: tuple[DetailKind, ...] = get_args(DetailKind)
N_CLASSES = 1 + 2 * len(KINDS)  # outside; then beginning and inside of each kind
N_MARKS = 1  # capitals say nothing here
# Chosen on the dev split, and high: a milestone that is wrongly called telling does more harm than
# a fact that is not pointed at.
SURE_ENOUGH = 0.9


class DetailFinder:
    def __init__(self, net: TagNet, tokenizer: Tokenizer) -> None:
        self._net = net
        self._tokenizer = tokenizer

    def find(
        self, texts: Sequence[str], *, at_least: float = SURE_ENOUGH
    ) -> tuple[tuple[TurnDetail, ...], ...]:
        """Return the facts of each text; `texts` are what one person said, in order."""
        cut = [cut_text(text, self._tokenizer, has_case=False) for text in texts]
        chances = run_windows(self._net, cut, together=True, n_classes=N_CLASSES)
        return tuple(
            tuple(_spans(text, pieces, rows, at_least))
            for text, pieces, rows in zip(texts, cut, chances, strict=True)
        )


def _spans(
    text: str, pieces: Pieces, chances: NDArray[np.float32], at_least: float
) -> list[TurnDetail]:
    """Join neighbouring pieces that are sure enough; the likeliest kind of all of them counts."""
    found: list[TurnDetail] = []
    rows: list[int] = []

    def close() -> None:
        if rows:
            sums = chances[rows].sum(axis=0)
            kind = KINDS[int((sums[1::2] + sums[2::2]).argmax())]
            start, end = pieces.offsets[rows[0]][0], pieces.offsets[rows[-1]][1]
            found.append(TurnDetail(start=start, end=_to_word_end(text, end), kind=kind))
            rows.clear()

    for i, chance in enumerate(chances):
        if 1 - chance[0] < at_least:
            close()
        else:
            rows.append(i)
    close()
    return found


def _to_word_end(text: str, end: int) -> int:
    while end < len(text) and text[end].isalnum():
        end += 1
    return end


def mark_details(
    transcript: Transcript, deidentified: Deidentified, *, finder: DetailFinder
) -> Deidentified:
    """Add the small facts of the person's own turns; hidden names stay hidden."""
    own = [turn for turn in transcript.turns if turn.role == "person"]
    found = finder.find([turn.text for turn in own])
    by_number = {turn.number: details for turn, details in zip(own, found, strict=True)}
    return Deidentified(
        turns=tuple(
            replace(turn, details=by_number.get(turn.number, ())) for turn in deidentified.turns
        )
    )


def load_detail_finder(*, settings: Settings) -> DetailFinder:
    """Load the encoder with what was learned. Raises `ModelUnavailable`."""
    return read_detail_finder(
        locate_model("encoder", settings=settings), adapter=resource_path(ADAPTER)
    )


def read_detail_finder(folder: Path, *, adapter: Path) -> DetailFinder:
    """Load from files. Raises `ModelUnavailable` if they are missing, broken or do not fit."""
    from assistant.encoder_net import load_net, load_tokenizer

    net = load_net(folder, adapter, n_marks=N_MARKS, n_classes=N_CLASSES)
    return DetailFinder(net, load_tokenizer(folder))
