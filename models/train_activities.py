"""Learn which service activity a peer's words may be.

    python -m models.train_activities [--split dev]

Learned from what peers say in the corpus's train sessions and from `models/data/activities`. Then
measures: of the sentences of a split, for how many one of the three likeliest is right.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from assistant.draft.activities import ADAPTER as NAME
from assistant.draft.activities import N_ACTIVITIES, ActivityHead
from assistant.draft.encoder import load_encoder
from assistant.draft.session import text_for_meaning
from assistant.settings import load_settings
from evals.figure import share
from models.corpus import load_sessions
from models.corpus.rows import Split
from models.cycle import write_weights

DATA = Path(__file__).resolve().parent / "data" / "activities"
ADAPTER = Path(__file__).resolve().parents[1] / NAME
RIDGE = 3e-4  # chosen on dev from 1e-4, 3e-4, 1e-3
_LINE = re.compile(r"(\d+(?:,\d+){0,2}) \| (.+)")


def read_corpus(split: Split) -> Iterator[tuple[str, list[int]]]:
    for session in load_sessions(split):
        for one in session.gold["together"]:
            yield session.hide(one["text"]), list(one["domains"])


def read_written() -> Iterator[tuple[str, list[int]]]:
    """Raises `ValueError` naming file and line."""
    for path in sorted(DATA.glob("*.txt")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            match = _LINE.fullmatch(line)
            if match is None:
                raise ValueError(f"{path.name} line {number} is not: numbers | words")
            yield match[2], [int(one) for one in match[1].split(",")]


def learn(vectors: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logistic regression of each activity, with a ridge; weights and bias."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    x, y = torch.from_numpy(vectors), torch.from_numpy(wanted)
    weights = torch.zeros((N_ACTIVITIES, x.shape[1]), requires_grad=True)
    bias = torch.zeros(N_ACTIVITIES, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=300)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = binary_cross_entropy_with_logits(x @ weights.T + bias, y)
        loss = loss + RIDGE * (weights**2).sum() / N_ACTIVITIES
        loss.backward()
        return loss

    optimizer.step(closure)
    return weights.detach().numpy(), bias.detach().numpy()


def measure(head: ActivityHead, vectors: np.ndarray, gold: Sequence[Sequence[int]]) -> None:
    suggested = head.suggest(vectors)
    pairs = list(zip(suggested, gold, strict=True))
    for title, hits, n in (
        ("one of those suggested is right", sum(bool({*s} & {*g}) for s, g in pairs), len(pairs)),
        ("the first is right", sum(s[:1] != () and s[0] in g for s, g in pairs), len(pairs)),
        ("suggested rightly", sum(len({*s} & {*g}) for s, g in pairs),
         sum(len(s) for s, _ in pairs)),
        ("always the three commonest: one is right",
         sum(bool({13, 14, 16} & {*g}) for _, g in pairs), len(pairs)),
    ):  # fmt: skip
        one = share(title, hits, n)
        print(f"{title:44} {hits}/{n} = {one.value:.3f} ({one.low:.3f} to {one.high:.3f})")


def main(arguments: Sequence[str]) -> int:
    import torch

    parser = argparse.ArgumentParser(prog="models.train_activities")
    parser.add_argument("--split", choices=["dev", "test"], default="dev")
    split: Split = parser.parse_args(arguments).split
    encoder = load_encoder(settings=load_settings())

    def encode(rows: Sequence[tuple[str, list[int]]]) -> np.ndarray:
        return np.asarray(encoder.encode([text_for_meaning(text) for text, _ in rows]))

    rows = [*read_corpus("train"), *read_written()]
    wanted = np.zeros((len(rows), N_ACTIVITIES), dtype=np.float32)
    for at, (_, numbers) in enumerate(rows):
        wanted[at, [n - 1 for n in numbers]] = 1
    weights, bias = learn(encode(rows), wanted)
    kept = {"weights": torch.from_numpy(weights).half(), "bias": torch.from_numpy(bias).half()}
    write_weights(kept, ADAPTER)
    held = list(read_corpus(split))
    print(f"{len(rows)} sentences learned from; {split}, {len(held)} sentences:")
    head = ActivityHead(*(kept[k].float().numpy() for k in ("weights", "bias")))
    measure(head, encode(held), [numbers for _, numbers in held])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
