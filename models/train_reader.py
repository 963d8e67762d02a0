"""Learn the reader of the selection: `python -m models.train_reader`.

    python -m models.train_reader             learn on train and the excerpts, write the weights
    python -m models.train_reader --second    the net over the language model, from more talks

It learns, from statements with what was said around them, which section each belongs to (or why it
stays out) and how much it weighs. The drafter cuts the sessions of the corpus in its own way: each
piece takes the label of the gold statement it shares most letters with. The second net learns from
the sessions with requests too. The talks of `models/data/asked` say of what is not of note only
that, and hold more of note than talk does: nothing is learned from them about weight. Seeded, on
the CPU; dev is for choosing, test is not read.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assistant.deidentify import load_pipeline
from assistant.draft.heads import HEAD_SECTIONS, N_SALIENCE
from assistant.draft.reader import (
    CLASSES,
    N_MARKS,
    ReaderWindow,
    flatten,
    make_windows,
    turns_of,
)
from assistant.draft.statements import cite
from assistant.encoder_net import score_rows
from assistant.signs import OF_ENCODER, OF_LANGUAGE_MODEL, Signs
from models.corpus import load_sessions
from models.cycle import begin_deep_net, begin_net, group_by_length, keep_learned, run_cycle
from models.excerpts import HELD_OUT, REQUESTS, Excerpt, read_asked, read_excerpts
from models.train_selector import NONE, cut_session, hide_session, label_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

    from assistant.decoder_net import DecoderNet
    from assistant.encoder_net import TagNet

_HEADS = Path(__file__).resolve().parent / "heads"
ADAPTER, SECOND_ADAPTER = _HEADS / "reader.safetensors", _HEADS / "reader_deep.safetensors"

SEED = 20
N_PASSES = 4
RATE, SECOND_RATE = 8e-4, 5e-4
SMOOTHING = 0.05
BARE = 0.25  # share of conversations written without punctuation
PIECES_PER_BATCH = 2_400
KEPT_OUT = frozenset({"asked_not_to_record", "safety"})
KEPT_OUT_WEIGHT = 2.0  # they are few
OF_NOTE, OTHER = len(HEAD_SECTIONS), NONE - 1  # OTHER: not of note, nobody said why
_OTHER_REASONS = [at for at, name in enumerate(CLASSES) if at >= OF_NOTE and name not in KEPT_OUT]
_SIGNS = re.compile(r"[^\w\s<>'’]+")
Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Turns = tuple[tuple[str, tuple[tuple[int, str], ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A conversation with the label of each statement; NONE where nothing is learned."""

    turns: Turns
    labels: Ints
    salience: Ints
    weights: Floats


def read_talks(*, is_second: bool = False) -> list[Talk]:
    """The train sessions as the drafter cuts them, and the excerpts as they were written; for the
    second net the sessions with requests, and the talks about what is asked out, too."""
    nlp = load_pipeline()
    talks = []
    for session in load_sessions("train"):
        hidden = hide_session(session)
        statements = cut_session(hidden, nlp=nlp)
        by_number = {turn.number: turn for turn in hidden.turns}
        found = [label_of(cite(s, by_number), session, CLASSES) for s in statements]
        turns = tuple((role, tuple(parts)) for role, parts in turns_of(hidden.turns, statements))
        talks.append(_talk(turns, found))
    talks += [of_excerpt(excerpt) for excerpt in read_excerpts()]
    if not is_second:
        return talks
    for path in sorted(REQUESTS.glob("*.txt")):
        if path.stem not in HELD_OUT:
            talks += [of_excerpt(one) for one in read_excerpts(REQUESTS, only=path.stem)]
    talks += [of_excerpt(talk, is_weighed=False) for talk, _ in read_asked()]
    return talks


def of_excerpt(excerpt: Excerpt, *, is_weighed: bool = True) -> Talk:
    """A talk with the labels of its writer; with `is_weighed` false it teaches nothing of weight,
    and of what is not of note only that."""
    turns: list[tuple[str, tuple[tuple[int, str], ...]]] = []
    found: list[tuple[int, int, float]] = []
    for line in excerpt.lines:
        if line.role == "peer":
            turns.append(("peer", ((-1, line.text),)))
            continue
        row = []
        for label, salience, text in line.statements:
            row.append((len(found), text))
            at = CLASSES.index(label)
            is_other = not is_weighed and at in _OTHER_REASONS
            found.append((OTHER if is_other else at, salience if is_weighed else NONE, 1.0))
        turns.append(("person", tuple(row)))
    return _talk(tuple(turns), found)


def _talk(turns: Turns, found: Sequence[tuple[int, int, float]]) -> Talk:
    return Talk(
        turns=turns,
        labels=np.array([label for label, _, _ in found], dtype=np.int64),
        salience=np.array([salience for _, salience, _ in found], dtype=np.int64),
        weights=np.array([weight for _, _, weight in found], dtype=np.float32),
    )


Example = tuple[ReaderWindow, Talk]


def make_pass(
    talks: Sequence[Talk], rng: random.Random, tokenizer: Tokenizer, signs: Signs
) -> list[Example]:
    """Cut every conversation anew, some without punctuation, windows of varying size."""
    examples: list[Example] = []
    for talk in talks:
        turns = talk.turns
        if rng.random() < BARE:
            turns = tuple(
                (role, tuple((at, _SIGNS.sub("", text)) for at, text in parts))
                for role, parts in turns
            )
        flat = flatten(turns, tokenizer, signs)
        sizes = {"core": rng.choice((90, 120, 140)), "before": rng.choice((40, 90)),
                 "after": rng.choice((20, 40))}  # fmt: skip
        examples += [(window, talk) for window in make_windows(flat, signs, **sizes)]
    return examples


def learn(
    talks: Sequence[Talk], *, seed: int = SEED, is_second: bool = False, kept: Path = ADAPTER
) -> TagNet | DecoderNet:
    rng = random.Random(seed)  # noqa: S311 - to mix, not to hide
    begin = begin_deep_net if is_second else begin_net
    net, tokenizer = begin(seed=seed, n_marks=N_MARKS, n_classes=len(CLASSES) + N_SALIENCE)
    signs = OF_LANGUAGE_MODEL if is_second else OF_ENCODER
    passes = (
        group_by_length(
            make_pass(talks, rng, tokenizer, signs), lambda one: len(one[0].ids), rng,
            most=PIECES_PER_BATCH,
        )
        for _ in range(N_PASSES)
    )  # fmt: skip
    run_cycle(
        net, passes, partial(_loss, net), n_passes=N_PASSES,
        rate=SECOND_RATE if is_second else RATE, kept=kept.with_suffix(".partial"),
    )  # fmt: skip
    return net


def _loss(net: TagNet | DecoderNet, group: Sequence[Example]) -> Tensor:
    import torch
    from torch.nn.functional import cross_entropy

    scores = score_rows(net, [w.ids for w, _ in group], [w.marks for w, _ in group])
    place = np.full(scores.shape[:2], -1)  # which statement of the batch a piece belongs to
    labels: list[int] = []
    salience: list[int] = []
    weights: list[float] = []
    for row, (window, talk) in enumerate(group):
        for owner in np.unique(window.owners[window.owners >= 0]):
            if talk.labels[owner] == NONE:
                continue
            place[row, : len(window.owners)][window.owners == owner] = len(labels)
            labels.append(int(talk.labels[owner]))
            salience.append(int(talk.salience[owner]))
            weights.append(float(talk.weights[owner]))
    flat = torch.from_numpy(place.ravel())
    own = flat >= 0
    sums = torch.zeros(len(labels), scores.shape[-1]).index_add(
        0, flat[own], scores.flatten(0, 1)[own]
    )
    mean = sums / torch.bincount(flat[own], minlength=len(labels))[:, None]
    say, wanted, weighed = (torch.tensor(x) for x in (weights, labels, salience))
    by_class = cross_entropy(
        mean[:, : len(CLASSES)], wanted, reduction="none", label_smoothing=SMOOTHING,
        ignore_index=OTHER,
    )  # fmt: skip
    shares = mean[:, : len(CLASSES)].log_softmax(dim=1)
    for_any_reason = -shares[:, _OTHER_REASONS].logsumexp(dim=1)
    by_class = torch.where(wanted == OTHER, for_any_reason, by_class)
    by_weight = cross_entropy(
        mean[:, len(CLASSES) :], weighed, reduction="none", label_smoothing=SMOOTHING,
        ignore_index=NONE,
    )  # fmt: skip
    is_kept_out = torch.tensor([label >= 0 and CLASSES[label] in KEPT_OUT for label in labels])
    by_class = torch.where(is_kept_out, KEPT_OUT_WEIGHT * by_class, by_class)
    by_weight = torch.where(is_kept_out, torch.zeros(()), by_weight)  # nobody weighed them
    return ((by_class + by_weight) * say).mean()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Learn the reader of the selection.")
    parser.add_argument("--second", action="store_true", help="the net over the language model")
    is_second = parser.parse_args(argv).second
    kept = SECOND_ADAPTER if is_second else ADAPTER
    talks = read_talks(is_second=is_second)
    keep_learned(learn(talks, is_second=is_second, kept=kept), kept)
    return 0


if __name__ == "__main__":
    sys.exit(main())
