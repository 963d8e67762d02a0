"""Learn what people ask to keep out of a note: `python -m models.train_requests`.

Learned from talk in which every statement says whether it was asked to stay out, and every place
where somebody asks or lifts is marked: the sessions of `models/data/asked` and
`models/data/requests`, the excerpts, and the train sessions of the corpus. It begins with what the
reader of the selection learned. `HELD_OUT` is for choosing. Seeded, on the CPU.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from assistant.deidentify import load_pipeline
from assistant.draft.request_reader import ADAPTER as NAME
from assistant.draft.request_reader import (
    KINDS,
    N_CLASSES,
    N_MARKS,
    N_PIECE_CLASSES,
    Place,
    Said,
    cut_stretches,
    lay_out,
    said_turns,
)
from assistant.draft.statements import cite
from assistant.encoder_net import TagNet, pad, score_rows
from assistant.records import DeidentifiedTurn
from models.corpus import load_sessions
from models.cycle import begin_net, group_by_length, keep_learned, run_cycle
from models.excerpts import (
    ASKED,
    EXCERPTS,
    HELD_OUT,
    REQUESTS,
    Excerpt,
    Marked,
    read_asked,
    read_excerpts,
)
from models.train_reader import ADAPTER as READER
from models.train_selector import NONE, cut_session, hide_session, label_of

if TYPE_CHECKING:
    import spacy
    from tokenizers import Tokenizer
    from torch import Tensor

ADAPTER = Path(__file__).resolve().parents[1] / NAME
PLACES = REQUESTS / "places.psv"
SEED = 26
N_PASSES = 4
RATE = 8e-4
SMOOTHING = 0.02
PIECES_PER_BATCH = 3_600
PLACE_WEIGHT = 3.0  # of a piece that asks or lifts, beside 1 of the others
OUT_WEIGHT = 1.5
STRAY = 0.4  # share of readings with a place that asks for nothing laid among the others
STRAY_ALONE = 0.3  # share of talks without a request that are read with such a place
WITHOUT = 0.35  # share of the talks without any request that a pass reads
BARE = 0.25  # share of talks written without punctuation
_OUT = "asked_not_to_record"
_IGNORED = -100
_SIGN = re.compile(r"[^\w\s<>'’]")
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """`out` says of each statement whether it stays out; -100 where nobody labelled it."""

    turns: tuple[Said, ...]
    out: Ints
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A stretch with what its pieces are (first reading) or whose and in or out (second)."""

    ids: Ints
    marks: Ints
    kinds: Ints
    owners: Ints
    out: Ints


# ---------------------------------------------------------------- talks


def read_talks(part: Literal["train", "held_out"], *, nlp: spacy.Language) -> Iterator[Talk]:
    """The talks of one part, those with a request and those without."""
    places = read_places()
    for number, (file, talk) in enumerate(read_excerpts_by_file(REQUESTS)):
        if (file in HELD_OUT) == (part == "held_out"):
            yield of_excerpt(talk, places[f"r{number}"])
    if part == "held_out":
        return
    for number, (_, talk) in enumerate(read_excerpts_by_file(EXCERPTS)):
        yield of_excerpt(talk, places[f"e{number}"])
    for talk, found in read_asked(ASKED, only="[a-e]"):
        yield of_excerpt(talk, found)
    yield from of_corpus(places, nlp=nlp)


def read_excerpts_by_file(folder: Path) -> Iterator[tuple[str, Excerpt]]:
    for path in sorted(folder.glob("*.txt")):
        for talk in read_excerpts(folder, only=path.stem):
            yield path.stem, talk


def read_places(path: Path = PLACES) -> Mapping[str, Sequence[Marked]]:
    """Rows `talk | line | ask or lift | words`. Raises `ValueError` naming what does not fit."""
    found: dict[str, list[Marked]] = defaultdict(list)
    for number, row in enumerate(path.read_text("utf-8").splitlines(), 1):
        parts = row.split(" | ", 3)
        if len(parts) != 4 or not parts[1].isdigit() or parts[2] not in KINDS:
            raise ValueError(f"{path.name} line {number} is not: talk | line | ask or lift | words")
        found[parts[0]].append((int(parts[1]), parts[2], parts[3]))
    return found


def of_excerpt(talk: Excerpt, places: Sequence[Marked]) -> Talk:
    turns: list[Said] = []
    out: list[int] = []
    for line in talk.lines:
        parts, at = [], 0
        for label, _, text in line.statements:
            parts.append((len(out), at, at + len(text)))
            out.append(int(label == _OUT))
            at += len(text) + 1
        turns.append(Said(role=line.role, text=line.text, parts=tuple(parts)))
    return Talk(
        turns=tuple(turns), out=np.array(out, dtype=np.int64),
        places=tuple(_place(turns, line - 1, kind, words) for line, kind, words in places),
    )  # fmt: skip


def of_corpus(places: Mapping[str, Sequence[Marked]], *, nlp: spacy.Language) -> Iterator[Talk]:
    classes = ("else", _OUT)
    for session in load_sessions("train"):
        hidden = hide_session(session)
        statements = cut_session(hidden, nlp=nlp)
        by_number = {turn.number: turn for turn in hidden.turns}
        labels = [label_of(cite(s, by_number), session, classes)[0] for s in statements]
        turns = said_turns(hidden.turns, statements)
        at_of = {turn.number: at for at, turn in enumerate(hidden.turns)}
        yield Talk(
            turns=turns,
            out=np.array([_IGNORED if one == NONE else one for one in labels], dtype=np.int64),
            places=tuple(
                _place_hidden(
                    session.turns[number - 1].plain, by_number[number], at_of[number], kind, words
                )
                for number, kind, words in places[f"c{session.id}"]
            ),
        )  # fmt: skip


def _place(turns: Sequence[Said], at: int, kind: str, words: str) -> Place:
    start = turns[at].text.find(words)
    if start < 0:
        raise ValueError(f"the words of a place do not stand in line {at + 1} of its talk")
    return Place(at=at, start=start, end=start + len(words), kind=KINDS[KINDS.index(kind)])  # type: ignore[arg-type]


def _place_hidden(plain: str, turn: DeidentifiedTurn, at: int, kind: str, words: str) -> Place:
    """The place in the turn as it stands with its identifiers hidden."""
    place = _place((Said(role=turn.role, text=plain),), 0, kind, words)
    shift = {"start": 0, "end": 0}
    for span in turn.spans:
        if span.end <= place.start:
            shift["start"] = span.out_end - span.end
        if span.start < place.end:
            shift["end"] = span.out_end - span.end
    return replace(place, at=at, start=place.start + shift["start"], end=place.end + shift["end"])


# ---------------------------------------------------------------- passes


def make_pass(talks: Sequence[Talk], rng: random.Random, tokenizer: Tokenizer) -> list[Example]:
    """Read every talk anew, some without punctuation, stretches of varying size."""
    examples: list[Example] = []
    for talk in talks:
        turns, places = talk.turns, talk.places
        if not places and rng.random() > WITHOUT:
            continue
        if rng.random() < BARE:
            turns = tuple(_without_marks(turn) for turn in turns)
        pieces = lay_out(turns, tokenizer)
        kinds = np.where(pieces.roles == 1, 0, _IGNORED)
        for place in places:
            start, end = pieces.spans.T
            inside = (pieces.ats == place.at) & (start < place.end) & (place.start < end)
            kinds[inside & (pieces.roles == 1)] = 1 + KINDS.index(place.kind)
        out = np.append(talk.out, _IGNORED)[pieces.owners]
        sizes = {"core": rng.choice((80, 110, 130)), "before": rng.choice((30, 60)),
                 "after": rng.choice((10, 30))}  # fmt: skip
        nobody = np.full(len(pieces.ids), -1)
        for stretch in cut_stretches(pieces, **sizes):
            examples.append(
                Example(
                    ids=stretch.ids, marks=stretch.marks, kinds=_of_rows(kinds, stretch.rows),
                    owners=_of_rows(nobody, stretch.rows, filler=-1),
                    out=_of_rows(out, stretch.rows),
                )
            )  # fmt: skip
        laid = list(places)
        if rng.random() < (STRAY if places else STRAY_ALONE):
            laid += _stray(talk, rng)
        if not laid or (not places and rng.random() < 0.5):
            continue
        examples += [
            Example(
                ids=stretch.ids, marks=stretch.marks, kinds=np.full(len(stretch.ids), _IGNORED),
                owners=_of_rows(pieces.owners, stretch.rows, filler=-1),
                out=_of_rows(out, stretch.rows),
            )
            for stretch in cut_stretches(pieces, laid, **sizes)
        ]  # fmt: skip
    return examples


def _of_rows(values: Ints, rows: Ints, *, filler: int = _IGNORED) -> Ints:
    found: Ints = np.where(rows >= 0, values[rows], filler)
    return found


def _without_marks(turn: Said) -> Said:
    """The turn without punctuation; blanks stand in, so that every place stays where it was."""
    return Said(role=turn.role, text=_SIGN.sub(" ", turn.text), parts=turn.parts)


def _stray(talk: Talk, rng: random.Random) -> list[Place]:
    """Turns of the person that ask for nothing, taken for a request."""
    taken = {place.at for place in talk.places}
    free = [
        at for at, turn in enumerate(talk.turns)
        if turn.role == "person" and turn.parts and at not in taken
    ]  # fmt: skip
    chosen = rng.sample(free, min(rng.choice((1, 1, 2)), len(free)))
    strays = []
    for at in chosen:
        _, start, end = rng.choice(talk.turns[at].parts)
        strays.append(Place(at=at, start=start, end=end, kind="ask"))
    return strays


# ---------------------------------------------------------------- learning


def learn(talks: Sequence[Talk], *, begun: Path = READER, kept: Path = ADAPTER) -> TagNet:
    rng = random.Random(SEED)  # noqa: S311 - to mix, not to hide
    net, tokenizer = begin_net(seed=SEED, n_marks=N_MARKS, n_classes=N_CLASSES)
    _take_over(net, begun)
    passes = (
        group_by_length(
            make_pass(talks, rng, tokenizer), lambda one: len(one.ids), rng, most=PIECES_PER_BATCH
        )
        for _ in range(N_PASSES)
    )  # fmt: skip
    run_cycle(
        net, passes, partial(_loss, net), n_passes=N_PASSES, rate=RATE,
        kept=kept.with_suffix(".partial"),
    )  # fmt: skip
    return net


def _take_over(net: TagNet, begun: Path) -> None:
    """Begin with what another reader learned, but for its classes; its marks where they agree."""
    import torch
    from safetensors.torch import load_file

    learned = {name: weight.float() for name, weight in load_file(begun).items()}
    marks = learned.pop("shapes.weight")
    net.load_state_dict(
        {n: w for n, w in learned.items() if not n.startswith("out.")}, strict=False
    )
    with torch.no_grad():
        net.shapes.weight[: len(marks)] = marks


def _loss(net: TagNet, group: Sequence[Example]) -> Tensor:
    import torch
    from torch.nn.functional import cross_entropy

    scores = score_rows(net, [one.ids for one in group], [one.marks for one in group])
    kinds = torch.from_numpy(pad([one.kinds for one in group], filler=_IGNORED)).flatten()
    flat = scores.flatten(0, 1)
    total = flat.sum() * 0.0
    if (kinds >= 0).any():
        weight = torch.tensor([1.0, *[PLACE_WEIGHT] * len(KINDS)])
        total = total + cross_entropy(
            flat[:, :N_PIECE_CLASSES], kinds, weight, ignore_index=_IGNORED,
            label_smoothing=SMOOTHING,
        )  # fmt: skip
    place = np.full(scores.shape[:2], -1)
    labels: list[int] = []
    for row, one in enumerate(group):
        for owner in np.unique(one.owners[(one.owners >= 0) & (one.out >= 0)]):
            inside = one.owners == owner
            place[row, : len(one.owners)][inside] = len(labels)
            labels.append(int(one.out[inside][0]))
    if labels:
        where = torch.from_numpy(place.ravel())
        own = where >= 0
        sums = torch.zeros(len(labels), 2).index_add(0, where[own], flat[own][:, N_PIECE_CLASSES:])
        mean = sums / torch.bincount(where[own], minlength=len(labels))[:, None]
        total = total + cross_entropy(
            mean, torch.tensor(labels), torch.tensor([1.0, OUT_WEIGHT]), label_smoothing=SMOOTHING
        )
    return total


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m models.train_requests")
    parser.parse_args(arguments)
    talks = list(read_talks("train", nlp=load_pipeline()))
    n_places = sum(len(talk.places) for talk in talks)
    n_out = sum(int((talk.out == 1).sum()) for talk in talks)
    print(f"{len(talks)} talks, {n_places} places, {n_out} out", file=sys.stderr, flush=True)
    keep_learned(learn(talks), ADAPTER)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
