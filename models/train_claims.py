"""Learn to tell what a person said from what they did not: `python -m models.train_claims`.

Learned from the claims of the corpus's train sessions and of the excerpts, each with the evidence
that the product's own search finds for it; beside them a few claims of other conversations. Seeded,
on the CPU; dev is for choosing, test is not read.
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

from assistant.deidentify import load_pipeline
from assistant.draft.claim_reader import KINDS, N_MARKS, Pair, lay_out
from assistant.draft.claims import pair_claims
from assistant.draft.encoder import SentenceEncoder, load_encoder
from assistant.encoder_net import TagNet, pad, score_rows
from assistant.records import Deidentified, DeidentifiedTurn
from assistant.settings import load_settings
from models.corpus import load_sessions
from models.corpus.rows import Session
from models.cycle import begin_net, group_by_length, keep_learned, run_cycle
from models.excerpts import CLAIMS, EXCERPTS, Excerpt, read_excerpts
from models.train_selector import hide_session

if TYPE_CHECKING:
    import spacy
    from torch import Tensor

ADAPTER = Path(__file__).resolve().parent / "heads" / "checker.safetensors"

SEED = 20
N_PASSES = 2
RATE = 8e-4
SMOOTHING = 0.05
PIECES_PER_BATCH = 2_600
ELSEWHERE_WEIGHT = 0.4  # of a claim of another conversation, beside a written one's 1
ALSO_ELSEWHERE = 1  # claims of another conversation, for each


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A sentence before its evidence is looked for. `kind` is one of `KINDS`."""

    text: str = field(repr=False)
    kind: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    pair: Pair
    kind: int
    weight: float


def read_examples(nlp: spacy.Language, encoder: SentenceEncoder) -> list[Example]:
    """Every sentence of the train split and the excerpts with the evidence found for it."""
    rng = random.Random(SEED)  # noqa: S311 - examples, not secrets
    talks: list[tuple[Deidentified, list[Row]]] = [
        (hide_session(session), list(_rows_of(session))) for session in load_sessions("train")
    ]
    for folder in (EXCERPTS, CLAIMS):
        talks += [(_as_session(talk), list(_claims_of(talk))) for talk in read_excerpts(folder)]
    examples: list[Example] = []
    for at, (hidden, rows) in enumerate(talks):
        others = [r for r in talks[(at + 1) % len(talks)][1] if r.kind == "supported"]
        more = [
            Row(text=row.text, kind="not_said", weight=ELSEWHERE_WEIGHT)
            for row in rng.sample(others, min(ALSO_ELSEWHERE, len(others)))
        ]
        wanted = [*rows, *more]
        pairs = pair_claims([r.text for r in wanted], hidden, encoder=encoder, nlp=nlp)
        examples += [
            Example(pair=pair, kind=KINDS.index(row.kind), weight=row.weight)
            for row, pair in zip(wanted, pairs, strict=True)
            if pair is not None
        ]
    return examples


def _rows_of(session: Session) -> Iterator[Row]:
    for claim in session.gold["claims"]:
        kind = "supported" if claim["supported"] else claim["kind"]
        yield Row(text=session.hide(claim["text"]), kind=kind)


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


def learn(examples: Sequence[Example]) -> TagNet:
    rng = random.Random(SEED)  # noqa: S311 - to mix, not to hide
    net, tokenizer = begin_net(seed=SEED, n_marks=N_MARKS, n_classes=len(KINDS))
    laid = [(one, lay_out(one.pair, tokenizer)) for one in examples]
    passes = (
        group_by_length(laid, lambda one: len(one[1][0]), rng, most=PIECES_PER_BATCH)
        for _ in range(N_PASSES)
    )
    run_cycle(
        net, passes, partial(_loss, net), n_passes=N_PASSES, rate=RATE,
        kept=ADAPTER.with_suffix(".partial"),
    )  # fmt: skip
    return net


def _loss(net: TagNet, group: Sequence[tuple[Example, tuple[np.ndarray, ...]]]) -> Tensor:
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


def main() -> int:
    nlp, encoder = load_pipeline(), load_encoder(settings=load_settings())
    examples = read_examples(nlp, encoder)
    print(f"{len(examples)} sentences", file=sys.stderr, flush=True)
    keep_learned(learn(examples), ADAPTER)
    return 0


if __name__ == "__main__":
    sys.exit(main())
