"""Reads a conversation as a whole: for each statement, where it belongs, how much it weighs, and
whether it is something the person asked to keep out.

A joke shows by the laughter after it, a plan by the question before it. The reader sees some of
what both said before and after, and who says what. It is two nets, one over the sentence encoder
(`encoder_net`) and one over the small language model (`decoder_net`), and says the mean of both;
what was asked to stay out, the first alone.
`models/train_reader.py` learns them; `models/cards/selector.md` holds what was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assistant.bundled import locate_model
from assistant.draft.heads import HEAD_REASONS, HEAD_SECTIONS, N_CLASSES, N_SALIENCE, Judged
from assistant.draft.session import text_for_meaning
from assistant.draft.statements import Statement
from assistant.records import DeidentifiedTurn
from assistant.resources import resource_path
from assistant.signs import OF_ENCODER, OF_LANGUAGE_MODEL, Signs

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from assistant.decoder_net import DecoderNet
    from assistant.encoder_net import TagNet
    from assistant.settings import Settings

ADAPTER = "models/heads/reader.safetensors"
SECOND_ADAPTER = "models/heads/reader_deep.safetensors"
MARK_OF_ROLE = {"person": 1, "peer": 2, "other": 3}
N_MARKS = 4
CORE, BEFORE, AFTER = 140, 90, 40  # pieces of a window that are judged, and around them
# Classes: the sections, the reasons the heads know, and two that are decided elsewhere.
CLASSES: tuple[str, ...] = (*HEAD_SECTIONS, *HEAD_REASONS, "asked_not_to_record", "safety")
_SECOND_SAY = 0.5  # what the second net counts; chosen on the dev split
PEER_HEAD, PEER_TAIL = 24, 40  # of a long turn of somebody else, its first and last pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`judged` as the heads say it; `asked` is how likely each statement was asked to stay out."""

    judged: Judged
    asked: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flat:
    """A conversation as one row of pieces. `owners` holds statement positions, -1 elsewhere."""

    ids: NDArray[np.int64]
    marks: NDArray[np.int64]
    owners: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderWindow:
    """Pieces for one pass; `owners` is -1 for what is only there to be read."""

    ids: NDArray[np.int64]
    marks: NDArray[np.int64]
    owners: NDArray[np.int64]


def flatten(
    turns: Sequence[tuple[str, Sequence[tuple[int, str]]]], tokenizer: Tokenizer, signs: Signs
) -> Flat:
    """Lay turns out as pieces. A turn is (role, parts), a part (statement position or -1, text)."""
    ids: list[int] = []
    marks: list[int] = []
    owners: list[int] = []
    for role, parts in turns:
        for position, text in parts:
            pieces = tokenizer.encode(" " + text_for_meaning(text), add_special_tokens=False).ids
            if position < 0 and len(pieces) > PEER_HEAD + PEER_TAIL:
                pieces = [*pieces[:PEER_HEAD], *pieces[-PEER_TAIL:]]
            ids += pieces
            marks += [MARK_OF_ROLE[role]] * len(pieces)
            owners += [position] * len(pieces)
        ids.append(signs.sep)
        marks.append(0)
        owners.append(-1)
    return Flat(ids=np.array(ids), marks=np.array(marks), owners=np.array(owners))


def turns_of(
    turns: Sequence[DeidentifiedTurn], statements: Sequence[Statement]
) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """The person's turns as their statements, everybody else's as they are."""
    by_turn: dict[int, list[tuple[int, str]]] = {}
    for position, statement in enumerate(statements):
        by_turn.setdefault(statement.turn, []).append((position, statement.text))
    for turn in turns:
        if turn.role == "person":
            yield "person", by_turn.get(turn.number, [])
        else:
            yield turn.role, [(-1, turn.text)]


def make_windows(
    flat: Flat, signs: Signs, *, core: int = CORE, before: int = BEFORE, after: int = AFTER
) -> Iterator[ReaderWindow]:
    """Cut into windows that judge every statement once, whole unless it is longer than `core`."""
    n = len(flat.ids)
    opens = [*np.flatnonzero(np.diff(flat.owners, prepend=-2)).tolist(), n]
    at = 0
    while at < n:
        end = max((o for o in opens if at < o <= at + core), default=min(at + core, n))
        if (flat.owners[at:end] >= 0).any():
            low, high = max(0, at - before), min(n, end + after)
            owners = np.full(high - low, -1)
            owners[at - low : end - low] = flat.owners[at:end]
            yield ReaderWindow(
                ids=np.concatenate([[signs.cls], flat.ids[low:high]]),
                marks=np.concatenate([[0], flat.marks[low:high]]),
                owners=np.concatenate([[-1], owners]),
            )
        at = end


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderNet:
    """One of the two nets, with its tokenizer and signs."""

    net: TagNet | DecoderNet
    tokenizer: Tokenizer
    signs: Signs

    def score(
        self, turns: Sequence[tuple[str, Sequence[tuple[int, str]]]], n: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the shares of the classes and of the weights for each of `n` statements."""
        from assistant.encoder_net import run_rows, softmax

        flat = flatten(turns, self.tokenizer, self.signs)
        sums = np.zeros((n, len(CLASSES) + N_SALIENCE), dtype=np.float32)
        counts = np.zeros((n, 1), dtype=np.float32)
        windows = list(make_windows(flat, self.signs))
        scored = run_rows(self.net, [(window.ids, window.marks) for window in windows])
        for window, rows in zip(windows, scored, strict=True):
            own = np.flatnonzero(window.owners >= 0)
            np.add.at(sums, window.owners[own], rows[own])
            np.add.at(counts, window.owners[own], 1)
        mean = np.asarray(sums / np.maximum(counts, 1), dtype=np.float32)
        return softmax(mean[:, : len(CLASSES)]), softmax(mean[:, len(CLASSES) :])


class Reader:
    def __init__(self, first: ReaderNet, second: ReaderNet) -> None:
        self._nets = (first, second)

    def read(self, turns: Sequence[DeidentifiedTurn], statements: Sequence[Statement]) -> Reading:
        """Judge every statement of a session, in order."""
        laid = list(turns_of(turns, statements))
        (first, weights), (second, weights2) = (
            net.score(laid, len(statements)) for net in self._nets
        )
        classes = (1 - _SECOND_SAY) * first + _SECOND_SAY * second
        # What may be about safety, or asked out, has so much less of a section.
        return Reading(
            judged=Judged(
                classes=classes[:, :N_CLASSES],
                salience=(1 - _SECOND_SAY) * weights + _SECOND_SAY * weights2,
            ),
            asked=first[:, CLASSES.index("asked_not_to_record")],
        )


def load_reader(*, settings: Settings) -> Reader:
    """Load both nets. Raises `ModelUnavailable`."""
    return read_reader(
        locate_model("encoder", settings=settings), locate_model("drafter", settings=settings),
        adapter=resource_path(ADAPTER), second=resource_path(SECOND_ADAPTER),
    )  # fmt: skip


def read_reader(encoder: Path, model: Path, *, adapter: Path, second: Path) -> Reader:
    """Load from files. Raises `ModelUnavailable` if they are missing, broken or do not fit."""
    from assistant import decoder_net, encoder_net

    n_classes = len(CLASSES) + N_SALIENCE
    load_tokenizer = encoder_net.load_tokenizer
    first = encoder_net.load_net(encoder, adapter, n_marks=N_MARKS, n_classes=n_classes)
    deep = decoder_net.load_net(model, second, n_marks=N_MARKS, n_classes=n_classes)
    return Reader(
        ReaderNet(net=first, tokenizer=load_tokenizer(encoder), signs=OF_ENCODER),
        ReaderNet(net=deep, tokenizer=load_tokenizer(model), signs=OF_LANGUAGE_MODEL),
    )
