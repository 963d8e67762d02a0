"""Learn the finder of small facts: `python -m models.train_details`.

Learned from the facts labelled in the train split (`models/data/details`); only what the person
says is read. Seeded, on the CPU. Dev chose the number of passes and the threshold; test is not
read.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.deidentify.detail_finder import KINDS, N_CLASSES, N_MARKS
from assistant.deidentify.pieces import cut_text
from assistant.encoder_net import TagNet
from models.corpus import load_sessions
from models.corpus.rows import Mark, Session
from models.cycle import begin_net, group_by_length, keep_learned, run_cycle
from models.train_identifiers import ADAPTER as IDENTIFIERS
from models.train_identifiers import (
    Example,
    Marked,
    label_windows,
    loss_of,
    n_pieces,
    write_otherwise,
)

if TYPE_CHECKING:
    from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parent.parent
LABELS = ROOT / "models" / "data" / "details"
ADAPTER = ROOT / "models" / "heads" / "details.safetensors"

SEED = 20
N_PASSES = 8
RATE = 6e-4
PIECES_PER_BATCH = 800
STRETCHES = (2, 6, 20)  # turns that stand together, so that windows begin anywhere


def read_labelled(session: Session) -> list[Marked]:
    """Return the person's turns with the labelled words as marks of their kind."""
    rows = [
        row.split(" | ", 2)
        for row in (LABELS / f"{session.id}.txt").read_text("utf-8").splitlines()
        if row and not row.startswith("#")
    ]
    texts = []
    for turn in session.turns:
        if turn.role != "person":
            continue
        text = turn.plain.replace("\n", " ")
        marks = sorted(
            (
                Mark(start=text.index(words), end=text.index(words) + len(words), type=kind,
                     surface=words)
                for number, kind, words in rows
                if int(number) == turn.number
            ),
            key=lambda mark: (mark.start, mark.end),
        )  # fmt: skip
        texts.append(Marked(text=text, marks=tuple(marks)))
    return texts


def make_pass(
    sessions: Sequence[Sequence[Marked]], rng: random.Random, tokenizer: Tokenizer
) -> list[Example]:
    """One pass over all sessions, some written as speech recognition does."""
    examples: list[Example] = []
    for texts in sessions:
        rows = write_otherwise(texts, rng)
        at = 0
        while at < len(rows):
            n = rng.choice(STRETCHES)
            stretch = rows[at : at + n]
            cut = [cut_text(one.text, tokenizer, has_case=False) for one in stretch]
            examples += label_windows(stretch, cut, kinds=KINDS, together=True)
            at += n
    return examples


def learn() -> TagNet:
    from safetensors.torch import load_file

    rng = random.Random(SEED)  # noqa: S311 - to mix, not to hide
    sessions = [read_labelled(session) for session in load_sessions("train")]
    net, tokenizer = begin_net(seed=SEED, n_marks=N_MARKS, n_classes=N_CLASSES)
    # It begins with what the identifier tagger learned: 655 stretches alone are too few to begin
    # from the bare encoder (the loss stayed where it was).
    begun = {
        name: weight.float()
        for name, weight in load_file(IDENTIFIERS).items()
        if not name.startswith(("out.", "shapes."))
    }
    net.load_state_dict(begun, strict=False)
    passes = (
        group_by_length(make_pass(sessions, rng, tokenizer), n_pieces, rng, most=PIECES_PER_BATCH)
        for _ in range(N_PASSES)
    )
    run_cycle(
        net, passes, partial(loss_of, net), n_passes=N_PASSES, rate=RATE,
        kept=ADAPTER.with_suffix(".partial"),
    )  # fmt: skip
    return net


def main() -> int:
    keep_learned(learn(), ADAPTER)
    return 0


if __name__ == "__main__":
    sys.exit(main())
