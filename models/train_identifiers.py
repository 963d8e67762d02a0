"""Learn the adapter of the identifier tagger: `python -m models.train_identifiers`.

    python -m models.train_identifiers              learn (two runs of 7 passes), write it

Learned from the train split of the practice corpus and the marked lines in
`models/data/identifiers/`, all fictional and all in the repository. Every pass over them exchanges
names, places and numbers for others (`models/corpus/swap.py`, and names invented letter by letter
from its lists), and writes some as speech recognition does, without case and punctuation, or in
capitals. Nothing else is read: the public sets of the evals stay unseen, and so do dev and test.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.bundled import locate_model
from assistant.deidentify.detector import judge_case
from assistant.deidentify.pieces import PAD, Pieces, Window, cut_text, make_windows
from assistant.settings import load_settings
from models.corpus.rows import Mark, Session, load_sessions, marks_of
from models.corpus.source import strip_marks
from models.corpus.swap import Swapper, load_lists, swap_session
from models.cycle import group_by_length, run_cycle, write_weights

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

    from assistant.encoder_net import TagNet

ROOT = Path(__file__).resolve().parent.parent
LINES = ROOT / "models" / "data" / "identifiers"
ADAPTER = ROOT / "models" / "heads" / "identifiers.safetensors"

SEEDS = (20, 21)  # two runs; what is written is their mean
N_PASSES = 7
RATE = 1.2e-3
PIECES_PER_BATCH = 2_600
SMALL = 0.30  # share of texts written without capitals
BARE = 0.5  # of those, without punctuation too
LOUD = 0.03
KEEP = 0.12  # share of texts that keep their own names
# Of these types the lists of other surfaces are short, and what is written is varied.
KEPT = {"ORG": 0.5, "LOCATION": 0.4, "NICKNAME": 0.4}
IGNORED = -100


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A text with its marks, offsets into it."""

    text: str
    marks: tuple[Mark, ...]


Piece = tuple[Marked, ...]  # what was said in one go, or a few turns of one conversation


def read_pieces(folder: Path = LINES) -> dict[str, tuple[Piece, ...]]:
    """Read the marked lines, by file. In a file with empty lines these part conversations; in
    others each line stands alone. Lines that open with `#` are comments."""
    found: dict[str, tuple[Piece, ...]] = {}
    for path in sorted(folder.glob("*.txt")):
        rows = [row for row in path.read_text("utf-8").splitlines() if not row.startswith("#")]
        groups = "\n".join(rows).strip().split("\n\n")
        if len(groups) == 1:
            groups = rows
        found[path.stem] = tuple(
            tuple(
                Marked(text=strip_marks(row), marks=marks_of(row))
                for row in group.splitlines()
                if row.strip()
            )
            for group in groups
            if group.strip()
        )
    return found


# ---------------------------------------------------------------- other names, other spellings


class Inventor:
    """Makes up names in the manner of a list, letter by letter (order 2), so that none is learned
    by heart."""

    def __init__(self, names: Iterable[str]) -> None:
        self._next: dict[str, list[str]] = defaultdict(list)
        for name in names:
            padded = f"^^{name.lower()}$"
            for i in range(2, len(padded)):
                self._next[padded[i - 2 : i]].append(padded[i])

    def invent(self, rng: random.Random) -> str:
        while True:
            name = "^^"
            while not name.endswith("$") and len(name) < 14:
                name += rng.choice(self._next[name[-2:]])
            letters = name.strip("^$")
            if 3 <= len(letters) <= 11:
                return letters.title()


def write_otherwise(texts: Sequence[Marked], rng: random.Random) -> list[Marked]:
    """Write texts as speech recognition does, or as somebody who shouts, or leave them."""
    chance = rng.random()
    if chance < LOUD:
        return [_with_text(one, one.text.upper()) for one in texts]
    if chance > LOUD + SMALL:
        return list(texts)
    small = [_with_text(one, one.text.lower()) for one in texts]
    return [_without_punctuation(one) for one in small] if rng.random() < BARE else small


def _with_text(marked: Marked, text: str) -> Marked:
    return Marked(text=text, marks=marked.marks) if len(text) == len(marked.text) else marked


_PUNCTUATION = re.compile(r"[.,;:!?…\"“”()]+(?=\s|$)|(?<=\s)[—–-]+(?=\s)|[\"“”(]")


def _without_punctuation(marked: Marked) -> Marked:
    inside = [False] * (len(marked.text) + 1)
    for mark in marked.marks:
        if mark.type in ("EMAIL", "URL", "HANDLE", "PHONE", "ID"):
            inside[mark.start : mark.end] = [True] * (mark.end - mark.start)
    gone = {
        i
        for match in _PUNCTUATION.finditer(marked.text)
        for i in range(match.start(), match.end())
        if not inside[i]
    }
    at, place = 0, []
    for i in range(len(marked.text) + 1):
        place.append(at)
        at += i not in gone
    text = "".join(char for i, char in enumerate(marked.text) if i not in gone)
    marks = tuple(
        Mark(start=place[m.start], end=place[m.end], type=m.type, surface="")
        for m in marked.marks
        if place[m.end] > place[m.start]
    )
    return Marked(text=text, marks=marks)


# ---------------------------------------------------------------- from texts to batches


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    window: Window
    classes: list[int]


def make_examples(
    texts: Sequence[Marked], tokenizer: Tokenizer, *, together: bool
) -> Iterator[Example]:
    """Cut texts into windows with the class of every piece."""
    from assistant.deidentify.tagger import TYPES

    with_case = judge_case([one.text for one in texts]) if together else None
    cut = [
        cut_text(
            one.text, tokenizer,
            has_case=with_case[i] if with_case else judge_case([one.text])[0],
        )
        for i, one in enumerate(texts)
    ]  # fmt: skip
    yield from label_windows(texts, cut, kinds=TYPES, together=together)


def label_windows(
    texts: Sequence[Marked], cut: Sequence[Pieces], *, kinds: Sequence[str], together: bool
) -> Iterator[Example]:
    """Pack texts that were cut into windows, each piece with its class: 0 outside, then beginning
    and inside of each kind of mark; what is only there to be read is ignored."""
    classes = []
    for one, pieces in zip(texts, cut, strict=True):
        row = [0] * len(pieces.ids)
        for mark in one.marks:
            is_first = True
            for i, (start, end) in enumerate(pieces.offsets):
                if start < mark.end and mark.start < end:
                    row[i] = 1 + 2 * kinds.index(mark.type) + (not is_first)
                    is_first = False
        classes.append(row)
    for window in make_windows(cut, together=together):
        yield Example(
            window=window,
            classes=[IGNORED if own is None else classes[own[0]][own[1]] for own in window.owners],
        )


def make_pass(
    sessions: Sequence[Session], pieces: Sequence[Piece], rng: random.Random, tokenizer: Tokenizer
) -> list[Example]:
    """One pass over everything, each text with other names and written in its own way."""
    inventors = {
        kind: [Inventor(names) for names in table.values()]
        for kind, table in load_lists().items()
        if kind in ("given", "family")
    }
    inventors["town"] = [Inventor(load_lists()["place"]["town"])]

    def invent(kind: str) -> str:
        return rng.choice(inventors[kind]).invent(rng)

    examples: list[Example] = []
    for session in sessions:
        if rng.random() < KEEP:
            rows = [Marked(text=turn.plain, marks=turn.marks) for turn in session.turns]
        else:
            swapped = swap_session(session, rng=rng, invent=invent, kept=KEPT)
            rows = [Marked(text=row.plain, marks=row.marks) for row in swapped]
        rows = write_otherwise(rows, rng)
        start = 0
        while start < len(rows):  # in stretches, so that windows begin anywhere
            n = rng.choice((1, 4, 10, 30))
            examples += make_examples(rows[start : start + n], tokenizer, together=True)
            start += n
    for piece in pieces:
        rows = list(piece)
        if rng.random() >= KEEP:
            swapper = Swapper(rng=rng, invent=invent, kept=KEPT)
            swapped_rows = [swapper.swap(row.text, row.marks) for row in rows]
            rows = [Marked(text=text, marks=marks) for text, marks in swapped_rows]
        examples += make_examples(write_otherwise(rows, rng), tokenizer, together=len(rows) > 1)
    return examples


def stack(group: Sequence[Example]) -> tuple[Tensor, Tensor, Tensor]:
    """Return pieces, shapes and classes, each (group, longest)."""
    import torch

    shape = (len(group), max(len(one.classes) for one in group))
    pieces = torch.full(shape, PAD)
    shapes = torch.zeros(shape, dtype=torch.long)
    classes = torch.full(shape, IGNORED)
    for row, one in enumerate(group):
        n = len(one.classes)
        pieces[row, :n] = torch.tensor(one.window.ids)
        shapes[row, :n] = torch.tensor(one.window.shapes)
        classes[row, :n] = torch.tensor(one.classes)
    return pieces, shapes, classes


def n_pieces(example: Example) -> int:
    return len(example.classes)


def learn(folder: Path, *, seed: int) -> TagNet:
    """Learn from the train split at a rate that falls to nothing; prints the loss of every pass."""
    import torch

    from assistant.deidentify.tagger import N_CLASSES, N_SHAPES
    from assistant.encoder_net import build_net, load_tokenizer

    # The runs begin alike, so that their mean means something; what they read differs.
    torch.manual_seed(SEEDS[0])
    rng = random.Random(seed)  # noqa: S311 - to mix, not to hide
    tokenizer = load_tokenizer(folder)
    sessions = load_sessions("train")
    pieces_read = [piece for pieces in read_pieces().values() for piece in pieces]
    net = build_net(folder, n_marks=N_SHAPES, n_classes=N_CLASSES)
    net.train()
    passes = (
        group_by_length(
            make_pass(sessions, pieces_read, rng, tokenizer), n_pieces, rng, most=PIECES_PER_BATCH
        )
        for _ in range(N_PASSES)
    )
    run_cycle(
        net, passes, partial(loss_of, net), n_passes=N_PASSES, rate=RATE,
        kept=ADAPTER.with_suffix(f".{seed}.partial"),
    )  # fmt: skip
    return net


def loss_of(net: TagNet, group: Sequence[Example]) -> Tensor:
    """The mean loss over the pieces that are learned from."""
    from torch.nn import functional

    pieces, shapes, classes = stack(group)
    scores = net(pieces, shapes, pieces != PAD)
    return functional.cross_entropy(scores.flatten(0, 1), classes.flatten(), ignore_index=IGNORED)


def average(changes: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of what several runs learned, each change cut to the rank of one (truncated
    SVD).

    The mean of networks that began alike is often better than each (Wortsman et al. 2022).
    """
    import torch

    from assistant.encoder_net import RANK

    mean: dict[str, Tensor] = {}
    for name in changes[0]:
        if name.endswith(".down"):
            continue
        if not name.endswith(".up"):
            mean[name] = torch.stack([one[name].float() for one in changes]).mean(0).half()
            continue
        down = name.removesuffix("up") + "down"
        whole = torch.stack([one[name].float() @ one[down].float() for one in changes]).mean(0)
        left, weight, right = torch.linalg.svd(whole, full_matrices=False)
        root = weight[:RANK].sqrt()
        mean[name] = (left[:, :RANK] * root).half().contiguous()
        mean[down] = (root[:, None] * right[:RANK]).half().contiguous()
    return mean


def main(argv: Sequence[str] | None = None) -> int:
    from assistant.encoder_net import learned_weights

    argparse.ArgumentParser(description="Learn the adapter of the identifier tagger.").parse_args(
        argv
    )
    folder = locate_model("encoder", settings=load_settings())
    write_weights(average([learned_weights(learn(folder, seed=seed)) for seed in SEEDS]), ADAPTER)
    for seed in SEEDS:
        ADAPTER.with_suffix(f".{seed}.partial").unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
