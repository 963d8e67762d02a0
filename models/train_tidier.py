"""Learn which words of speech writing leaves out, and where marks go.

    python -m models.train_tidier

Learned from the tidied forms of the corpus's train sessions and from `models/data/tidied`. Each
pair is learned as it stands, without marks and capitals as speech recognition writes it, and its
tidied form once more with stumbles put in by chance. Seeded, on the CPU; dev is for choosing, test
is not read.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assistant.draft.disfluency import find_disfluencies, looks_transcribed
from assistant.draft.speech import Word, split_words
from assistant.draft.tidier import ADAPTER as NAME
from assistant.draft.tidier import MARKS, N_CLASSES, N_MARKS, lay_out
from assistant.encoder_net import TagNet, score_rows
from models.corpus import load_sessions
from models.cycle import begin_net, group_by_length, keep_learned, run_cycle

if TYPE_CHECKING:
    from torch import Tensor

DATA = Path(__file__).resolve().parent / "data" / "tidied"
ADAPTER = Path(__file__).resolve().parents[1] / NAME

SEED = 23
N_PASSES = 8
RATE = 8e-4
PIECES_PER_BATCH = 1_500
SMOOTHING = 0.05
_IGNORED = -100
_PAIR = re.compile(r"(?:spoken|raw|chat) \| (.+) => (.+)")
_SOUNDS = ("like", "you know", "I mean", "so", "yeah", "well", "and", "but", "no", "right", "okay")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Words as said; which are left out (1), and the number of the mark behind those that stay."""

    words: tuple[Word, ...] = field(repr=False)
    left_out: tuple[int, ...]
    marks: tuple[int, ...]


def read_pairs() -> Iterator[tuple[str, str]]:
    """What was said and its tidied form. Raises `ValueError` naming file and line."""
    for session in load_sessions("train"):
        for statement in session.gold["statements"]:
            if statement.get("tidied"):
                yield session.hide(statement["text"]), session.hide(statement["tidied"])
    for path in sorted(DATA.glob("*.txt")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            match = _PAIR.fullmatch(line)
            if match is None:
                raise ValueError(f"{path.name} line {number} is not: form | said => tidied")
            yield match[1], match[2]


def align(said: str, tidied: str) -> Example:
    words, kept = find_disfluencies(said).words, split_words(tidied)
    blocks = SequenceMatcher(
        None, [w.key for w in words], [w.key for w in kept], autojunk=False
    ).get_matching_blocks()
    left_out, marks = [1] * len(words), [_IGNORED] * len(words)
    for block in blocks:
        for step in range(block.size):
            left_out[block.a + step] = 0
            marks[block.a + step] = _mark_of(kept[block.b + step].after)
    return Example(words=tuple(words), left_out=tuple(left_out), marks=tuple(marks))


def _mark_of(after: str) -> int:
    for mark in "?.,":
        if mark in after.replace("!", ".").replace(";", ".").replace(":", ",").replace("—", ","):
            return MARKS.index(mark)
    return 0


def bare(text: str) -> str:
    """As speech recognition writes it: no marks, no capitals, surrogates apart."""
    words = (w.text if w.text.startswith("<") else w.text.lower() for w in split_words(text))
    return " ".join(re.sub(r"[\"“”().,!?]", "", word) for word in words)


def stumble(text: str, rng: random.Random) -> str:
    """Put a filler or a word said twice into it, by chance."""
    words = text.split()
    for _ in range(rng.choice([1, 1, 2, 3])):
        at = rng.randrange(len(words))
        filler = rng.choice(_SOUNDS)
        if rng.random() < 0.5:
            again = re.sub(r"[^\w<>'’]", "", words[at])
            words.insert(at, rng.choice([f"{again} —", again, f"{again},"]))
        elif at == 0:
            words.insert(0, filler[:1].upper() + filler[1:] + rng.choice([",", ""]))
        elif words[at - 1][-1] not in ".?!":
            words.insert(at, filler + rng.choice([",", "", ""]))
    return " ".join(words)


def make_examples(rng: random.Random) -> list[Example]:
    examples: list[Example] = []
    for said, tidied in read_pairs():
        versions = [said]
        if not looks_transcribed(split_words(said)):
            versions.append(bare(said))
        slipped = stumble(tidied, rng)
        versions.append(rng.choice([slipped, bare(slipped)]))
        if rng.random() < 0.3:
            versions.append(rng.choice([tidied, bare(tidied)]))
        examples += [align(version, tidied) for version in versions if version.strip()]
    return [one for one in examples if one.words]


Laid = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def learn(examples: Sequence[Example]) -> TagNet:
    rng = random.Random(SEED)  # noqa: S311 - to mix, not to hide
    net, tokenizer = begin_net(seed=SEED, n_marks=N_MARKS, n_classes=N_CLASSES)
    laid = [(one, lay_out(one.words, tokenizer)) for one in examples]
    passes = (
        group_by_length(laid, lambda one: len(one[1][0]), rng, most=PIECES_PER_BATCH)
        for _ in range(N_PASSES)
    )
    run_cycle(
        net, passes, partial(_loss, net), n_passes=N_PASSES, rate=RATE,
        kept=ADAPTER.with_suffix(".partial"),
    )  # fmt: skip
    return net


def _loss(net: TagNet, group: Sequence[tuple[Example, Laid]]) -> Tensor:
    import torch
    from torch.nn.functional import cross_entropy

    scores = score_rows(net, [laid[0] for _, laid in group], [laid[1] for _, laid in group])
    rows = np.concatenate([[i] * len(laid[2]) for i, (_, laid) in enumerate(group)])
    starts = np.concatenate([laid[2] for _, laid in group])
    of_words = scores[torch.from_numpy(rows), torch.from_numpy(starts)]
    left_out = [v for one, laid in group for v in one.left_out[: len(laid[2])]]
    wanted = [v for one, laid in group for v in one.marks[: len(laid[2])]]
    loss: Tensor = cross_entropy(
        of_words[:, :2], torch.tensor(left_out), label_smoothing=SMOOTHING
    ) + 0.5 * cross_entropy(of_words[:, 2:], torch.tensor(wanted), ignore_index=_IGNORED)
    return loss


def main() -> int:
    examples = make_examples(random.Random(SEED))  # noqa: S311 - stumbles, not secrets
    print(f"{len(examples)} statements", file=sys.stderr, flush=True)
    keep_learned(learn(examples), ADAPTER)
    return 0


if __name__ == "__main__":
    sys.exit(main())
