"""Learn to tell what a person said from what they did not: `python -m models.train_claims`.

Learned from the claims of the corpus's train sessions and of the excerpts, each with the evidence
that the product's own search finds for it; beside them a few claims of other conversations. A
second cycle adds what people said, tidied, and twins: the same sentence with its verb denied, or
with another number or time. `--begun FILE --from 2` learns only the second, from what the first
learned. Seeded, on the CPU; dev is for choosing, test is not read.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assistant.deidentify import load_pipeline
from assistant.draft.claim_reader import KINDS, N_MARKS, Pair, lay_out
from assistant.draft.claims import pair_claims
from assistant.draft.encoder import SentenceEncoder, load_encoder
from assistant.encoder_net import TagNet, pad, score_rows
from assistant.records import Deidentified, DeidentifiedTurn
from assistant.settings import load_settings
from models.corpus import load_sessions
from models.corpus.rows import Session
from models.cycle import begin_net, group_by_length, keep_learned, read_options, run_cycle
from models.excerpts import CLAIMS, EXCERPTS, Excerpt, read_excerpts
from models.train_selector import hide_session
from models.twist import move, turn_round

if TYPE_CHECKING:
    import spacy
    from torch import Tensor

ADAPTER = Path(__file__).resolve().parent / "heads" / "checker.safetensors"

SEED = 20
N_PASSES = 2  # of each cycle
RATES = (8e-4, 6e-4)
SMOOTHING = 0.05
PIECES_PER_BATCH = 2_600
ELSEWHERE_WEIGHT = 0.4  # of a claim of another conversation, beside a written one's 1
ALSO_ELSEWHERE = 1  # claims of another conversation, for each
TIDIED_WEIGHT = 0.7
TWIN_WEIGHT = 0.6
SHARE_TURNED, SHARE_MOVED = 0.4, 0.2  # of what is supported


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A sentence before its evidence is looked for. `kind` is one of `KINDS`."""

    text: str = field(repr=False)
    kind: str
    weight: float = 1.0
    cycle: int = 0  # from which it is learned


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    pair: Pair
    kind: int
    weight: float
    cycle: int


Laid = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]


def read_examples(nlp: spacy.Language, encoder: SentenceEncoder) -> list[Example]:
    """Every sentence of the train split and the excerpts with the evidence found for it."""
    rng, twin_rng = random.Random(SEED), random.Random(SEED + 1)  # noqa: S311 - examples, not secrets
    talks: list[tuple[Deidentified, list[Row]]] = [
        (hide_session(session), [*_rows_of(session), *_tidied_of(session)])
        for session in load_sessions("train")
    ]
    for folder in (EXCERPTS, CLAIMS):
        talks += [(_as_session(talk), list(_claims_of(talk))) for talk in read_excerpts(folder)]
    examples: list[Example] = []
    for at, (hidden, rows) in enumerate(talks):
        others = [
            row for row in talks[(at + 1) % len(talks)][1]
            if row.kind == "supported" and not row.cycle
        ]  # fmt: skip
        more = [
            Row(text=row.text, kind="not_said", weight=ELSEWHERE_WEIGHT)
            for row in rng.sample(others, min(ALSO_ELSEWHERE, len(others)))
        ]
        wanted = [*rows, *more, *_twins_of(rows, nlp, twin_rng)]
        pairs = pair_claims([r.text for r in wanted], hidden, encoder=encoder, nlp=nlp)
        examples += [
            Example(pair=pair, kind=KINDS.index(row.kind), weight=row.weight, cycle=row.cycle)
            for row, pair in zip(wanted, pairs, strict=True)
            if pair is not None
        ]
    return examples


def _rows_of(session: Session) -> Iterator[Row]:
    for claim in session.gold["claims"]:
        kind = "supported" if claim["supported"] else claim["kind"]
        yield Row(text=session.hide(claim["text"]), kind=kind)


def _tidied_of(session: Session) -> Iterator[Row]:
    for statement in session.gold["statements"]:
        if statement.get("tidied"):
            text = session.hide(statement["tidied"])
            yield Row(text=text, kind="supported", weight=TIDIED_WEIGHT, cycle=1)


def _twins_of(rows: Sequence[Row], nlp: spacy.Language, rng: random.Random) -> Iterator[Row]:
    """The opposite of some supported sentences, and of every one that turns a yes into a no."""
    with nlp.select_pipes(enable=[*nlp.pipe_names, "parser"]):
        docs = list(nlp.pipe([row.text for row in rows]))
    for row, doc in zip(rows, docs, strict=True):
        is_said = row.kind == "supported"
        if row.kind == "negation_flip" or (is_said and rng.random() < SHARE_TURNED):
            turned = turn_round(doc)
            kind = "negation_flip" if is_said else "supported"
            if turned is not None:
                yield Row(text=turned, kind=kind, weight=TWIN_WEIGHT, cycle=1)
        if is_said and rng.random() < SHARE_MOVED and (moved := move(row.text, rng)) is not None:
            yield Row(text=moved[0], kind=moved[1], weight=TWIN_WEIGHT, cycle=1)


def _as_session(excerpt: Excerpt) -> Deidentified:
    return Deidentified(
        turns=tuple(
            DeidentifiedTurn(
                number=n, speaker="<PERSON_1>", role=line.role, text=line.text,  # type: ignore[arg-type]
                n_chars_original=len(line.text),
            )
            for n, line in enumerate(excerpt.lines, 1)
        )
    )  # fmt: skip


def _claims_of(excerpt: Excerpt) -> Iterator[Row]:
    for claim in excerpt.claims:
        yield Row(text=claim.text, kind=claim.kind or "supported")


def learn(examples: Sequence[Example], begun: Path | None = None, first: int = 0) -> TagNet:
    """Learn in two cycles, or from cycle `first` (0-based) on with what `begun` holds."""
    net, tokenizer = begin_net(seed=SEED, n_marks=N_MARKS, n_classes=len(KINDS), begun=begun)
    laid = [(one, lay_out(one.pair, tokenizer)) for one in examples]
    for cycle, rate in enumerate(RATES):
        if cycle < first:
            continue
        rng = random.Random(SEED + cycle)  # noqa: S311 - to mix, not to hide
        known = [one for one in laid if one[0].cycle <= cycle]
        print(f"cycle {cycle + 1}: {len(known)} sentences", file=sys.stderr, flush=True)
        run_cycle(
            net, _passes(known, rng), partial(_loss, net), n_passes=N_PASSES, rate=rate,
            kept=ADAPTER.with_suffix(".partial"),
        )  # fmt: skip
    return net


def _passes(
    known: Sequence[tuple[Example, Laid]], rng: random.Random
) -> Iterator[list[list[tuple[Example, Laid]]]]:
    for _ in range(N_PASSES):
        yield group_by_length(known, lambda one: len(one[1][0]), rng, most=PIECES_PER_BATCH)


def _loss(net: TagNet, group: Sequence[tuple[Example, Laid]]) -> Tensor:
    import torch
    from torch.nn.functional import cross_entropy

    scores = score_rows(net, [laid[0] for _, laid in group], [laid[1] for _, laid in group])
    own = torch.from_numpy(pad([laid[2].astype(np.int64) for _, laid in group])).float()
    mean = (scores * own[..., None]).sum(1) / own.sum(1, keepdim=True).clamp(min=1)
    kinds = torch.tensor([example.kind for example, _ in group])
    say = torch.tensor([example.weight for example, _ in group])
    loss = cross_entropy(mean, kinds, reduction="none", label_smoothing=SMOOTHING)
    # Whether it is supported matters more than what is wrong with it.
    likely = mean.log_softmax(-1)[:, 0]
    is_supported = (kinds == 0).float()
    rest = torch.log1p(-likely.exp().clamp(max=1 - 1e-6))
    binary = -(is_supported * likely + (1 - is_supported) * rest)
    return ((0.5 * loss + binary) * say).mean()


def main(arguments: Sequence[str] = ()) -> int:
    begun, first = read_options("train_claims", arguments)
    nlp, encoder = load_pipeline(), load_encoder(settings=load_settings())
    examples = read_examples(nlp, encoder)
    print(f"{len(examples)} sentences", file=sys.stderr, flush=True)
    keep_learned(learn(examples, begun, first), ADAPTER)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
