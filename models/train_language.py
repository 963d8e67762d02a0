"""Learn which phrases make a person small: `python -m models.train_language [--second]`.

Learned from the train files of `models/data/language`, the entries of the language list, and what
the corpus's train sessions hold: marked phrases of peers, and ordinary sentences of both without
any. In a second, short cycle and a third the sentences of the list come several times: its verdicts
on them are a promise. `--begun FILE --from N` learns only cycle N and on. `--second` learns the
second net, over the language model, in one cycle and from the `later` files too. Seeded, on the
CPU; dev is for choosing, test is not read.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assistant.encoder_net import TagNet, pad, score_rows
from assistant.review import load_language_rules
from assistant.review.language_reader import ADAPTER as NAME
from assistant.review.language_reader import (
    CATEGORIES,
    N_CLASSES,
    N_MARKS,
    lay_out,
)
from assistant.review.language_reader import SECOND_ADAPTER as SECOND_NAME
from assistant.signs import OF_ENCODER, OF_LANGUAGE_MODEL
from models.corpus import load_sessions
from models.cycle import (
    begin_deep_net,
    begin_net,
    group_by_length,
    keep_learned,
    read_options,
    run_cycle,
)
from models.sentences import MarkedSentence, read_sentences

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

    from assistant.decoder_net import DecoderNet

_ROOT = Path(__file__).resolve().parents[1]
ADAPTER, SECOND_ADAPTER = _ROOT / NAME, _ROOT / SECOND_NAME
SEED = 24
# passes, rate, how often the list's own sentences
CYCLES = ((5, 1e-3, 1), (1, 4e-4, 6), (4, 6e-4, 3), (6, 8e-4, 3))
SECOND_PASSES, SECOND_RATE, SECOND_TIMES = 4, 6e-4, 3
PIECES_PER_BATCH = 1_000
SMOOTHING = 0.03
N_ORDINARY = 500  # sentences of each of the two, without any mark
_IGNORED = -100
_SENTENCE = re.compile(r"[^.?!]+[.?!]*\s*")


def of_list() -> Iterator[MarkedSentence]:
    """What each entry of the list must flag, and what it must not."""
    for entry in load_language_rules().entries:
        for voice in (entry.voice,) if entry.voice else ("peer", "person"):
            found = entry.pattern.search(entry.flag)
            category = load_language_rules().shows_as(entry)
            if found:
                yield MarkedSentence(
                    voice=voice, text=entry.flag, spans=((*found.span(), category),)
                )
            yield MarkedSentence(voice=voice, text=entry.ok)
    fixtures = load_language_rules().listed.fixtures
    for text in fixtures.must_not_flag:
        yield MarkedSentence(voice="peer", text=text)


def of_corpus(rng: random.Random) -> Iterator[MarkedSentence]:
    """Sentences of peers with a labelled phrase, and ordinary ones of both."""
    peers, persons = [], []
    for session in load_sessions("train"):
        labels: dict[int, list[tuple[int, int, str, bool]]] = {}
        for one in session.gold["language"]:
            labels.setdefault(one["turn"], []).append(
                (one["start"], one["end"], one["category"], one["flagged"])
            )
        for turn in session.turns:
            if turn.role != "peer":
                continue
            for match in _SENTENCE.finditer(turn.plain):
                inside = [o for o in labels.get(turn.number, ()) if _lies_in(o, match.span())]
                one = MarkedSentence(
                    voice="peer", text=match.group(),
                    spans=tuple((s - match.start(), e - match.start(), c)
                                for s, e, c, flagged in inside if flagged),
                )  # fmt: skip
                if inside:
                    yield one
                else:
                    peers.append(one)
        persons += [
            MarkedSentence(voice="person", text=session.hide(one["tidied"]))
            for one in session.gold["statements"]
            if one.get("tidied")
        ]
    yield from rng.sample(peers, N_ORDINARY)
    yield from rng.sample(persons, N_ORDINARY)


def _lies_in(label: tuple[int, int, str, bool], place: tuple[int, int]) -> bool:
    return place[0] <= label[0] and label[1] <= place[1]


Laid = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def learn(
    sentences: Sequence[MarkedSentence],
    promised: Sequence[MarkedSentence],
    begun: Path | None = None,
    first: int = 0,
) -> TagNet:
    """Learn in three cycles, or from cycle `first` (0-based) on with what `begun` holds."""
    net, tokenizer = begin_net(seed=SEED, n_marks=N_MARKS, n_classes=N_CLASSES, begun=begun)

    lay = partial(_lay, tokenizer=tokenizer, cls=OF_ENCODER.cls)
    laid, kept = [*map(lay, sentences)], [*map(lay, promised)]
    for cycle, (n_passes, rate, n_times) in enumerate(CYCLES):
        if cycle < first:
            continue
        rng = random.Random(SEED + cycle)  # noqa: S311 - to mix, not to hide
        known = [*laid, *kept * n_times]
        run_cycle(
            net, _passes(known, n_passes, rng), partial(_loss, net), n_passes=n_passes, rate=rate,
            kept=ADAPTER.with_suffix(".partial"),
        )  # fmt: skip
    return net


def learn_second(
    sentences: Sequence[MarkedSentence], promised: Sequence[MarkedSentence]
) -> DecoderNet:
    """Learn the net over the language model, in one cycle."""
    net, tokenizer = begin_deep_net(seed=SEED, n_marks=N_MARKS, n_classes=N_CLASSES)
    lay = partial(_lay, tokenizer=tokenizer, cls=OF_LANGUAGE_MODEL.cls)
    known = [*map(lay, sentences), *[*map(lay, promised)] * SECOND_TIMES]
    rng = random.Random(SEED)  # noqa: S311 - to mix, not to hide
    run_cycle(
        net, _passes(known, SECOND_PASSES, rng), partial(_loss, net), n_passes=SECOND_PASSES,
        rate=SECOND_RATE, kept=SECOND_ADAPTER.with_suffix(".partial"),
    )  # fmt: skip
    return net


def _lay(one: MarkedSentence, *, tokenizer: Tokenizer, cls: int) -> Laid:
    ids, marks, offsets = lay_out(one.text, one.voice, tokenizer, cls=cls)
    return ids, marks, np.array([_IGNORED, *map(partial(_class_of, one), offsets)])


def _passes(known: Sequence[Laid], n: int, rng: random.Random) -> Iterator[list[list[Laid]]]:
    for _ in range(n):
        yield group_by_length(known, lambda row: len(row[0]), rng, most=PIECES_PER_BATCH)


def _class_of(sentence: MarkedSentence, place: tuple[int, int]) -> int:
    for start, end, category in sentence.spans:
        if start < place[1] and place[0] < end:
            return 1 + CATEGORIES.index(category)  # type: ignore[arg-type]
    return 0


def _loss(net: TagNet | DecoderNet, group: Sequence[Laid]) -> Tensor:
    import torch
    from torch.nn.functional import cross_entropy

    scores = score_rows(net, [row[0] for row in group], [row[1] for row in group])
    wanted = torch.from_numpy(pad([row[2] for row in group], filler=_IGNORED))
    loss: Tensor = cross_entropy(
        scores.flatten(0, 1), wanted.flatten(), ignore_index=_IGNORED, label_smoothing=SMOOTHING
    )  # fmt: skip
    return loss


def main(arguments: Sequence[str]) -> int:
    is_second = "--second" in arguments
    begun, first = read_options("train_language", [one for one in arguments if one != "--second"])
    if is_second and begun:
        raise SystemExit("--second has one cycle only: it goes with no other option")
    rng = random.Random(SEED)  # noqa: S311 - examples, not secrets
    later = read_sentences("later") if is_second else ()
    sentences = [*read_sentences("train"), *later, *of_corpus(rng)]
    promised = list(of_list())
    n_marked = sum(bool(one.spans) for one in (*sentences, *promised))
    print(f"{len(sentences) + len(promised)} sentences, {n_marked} marked", file=sys.stderr)
    if is_second:
        keep_learned(learn_second(sentences, promised), SECOND_ADAPTER)
    else:
        keep_learned(learn(sentences, promised, begun, first), ADAPTER)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
