"""Learn the weights of the finder by meaning: `python -m models.train_safety`.

    python -m models.train_safety            learn, choose the thresholds, write the weights
    python -m models.train_safety --compare  cross-validate the settings and write nothing

A support vector machine with a Gaussian kernel over the vectors of the sentence encoder tells talk
that touches a topic from talk that does not; least squares over the positives says which topic.
Both have one solution, found without chance: the same files give the same weights on one machine,
and on another the same to rounding. Thresholds come from five-fold cross-validation (whole sessions
of ordinary talk stay together), so that no sentence is judged by weights that were learned on it.

Everything learned from is fictional and lies in the project: `policies/safety_prototypes.yaml`,
`models/data/safety/`. The held-out sentences in `tests/` are not read here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from assistant.draft.encoder import load_encoder
from assistant.records import SafetyTopic
from assistant.review.safety_meaning import Encoder, SafetyHead, kernel
from assistant.settings import load_settings

ROOT = Path(__file__).resolve().parent.parent
PROTOTYPES = ROOT / "policies" / "safety_prototypes.yaml"
DATA = ROOT / "models" / "data" / "safety"
HEAD = ROOT / "models" / "heads" / "safety.safetensors"

N_BACKGROUND = 2500  # of the ordinary pieces, those nearest to a topic: the others teach little
SESSION_PIECES = 150  # a session of about an hour
FALSE_PER_SESSION = 2.0  # what a peer can be asked to look at in vain
NEAR_FALSE_PER_SESSION = 0.5
SECOND_WITHIN = 0.05  # a second topic for one passage doubles what a peer must answer
RIDGE = 1.0
N_FOLDS = 5
TOPICS: tuple[SafetyTopic, ...] = get_args(SafetyTopic)

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
NONE = -1  # the label of ordinary talk


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """`labels` are places in TOPICS or NONE; `folds` say when a row is judged (NONE: never)."""

    vectors: Floats
    labels: Ints
    folds: Ints
    is_session: NDArray[np.bool_]

    def take(self, rows: NDArray[np.bool_]) -> Examples:
        return Examples(
            vectors=self.vectors[rows],
            labels=self.labels[rows],
            folds=self.folds[rows],
            is_session=self.is_session[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    sharpness: float
    cost: float


CHOSEN = Choice(sharpness=1.5, cost=3.0)
COMPARED = tuple(
    Choice(sharpness=s, cost=c)
    for s, c in ((0.8, 3.0), (1.5, 1.0), (1.5, 3.0), (1.5, 10.0), (2.5, 3.0))
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Learn the weights of the finder by meaning.")
    parser.add_argument("--compare", action="store_true", help="compare settings; write nothing")
    options = parser.parse_args(argv)
    examples = read_examples(load_encoder(settings=load_settings()))
    for choice in COMPARED if options.compare else (CHOSEN,):
        judged = cross_validate(examples, choice)
        surface_at, near_at = choose_thresholds(examples, judged)
        print(f"{choice}: {describe(examples, judged, surface_at)}")
    if not options.compare:
        head = learn(examples, CHOSEN, surface_at=surface_at, near_at=near_at)
        write_head(head, HEAD)
        print(f"{HEAD.name}: {len(head.examples)} examples kept", file=sys.stderr)
    return 0


def read_examples(encoder: Encoder) -> Examples:
    prototypes = _read(PROTOTYPES)
    development = _read(DATA / "development.yaml")
    background = _read(DATA / "background.yaml")
    texts: list[str] = []
    labels: list[int] = []
    folds: list[int] = []
    groups = (
        (prototypes["topics"], prototypes["ordinary"], False),
        (development["positive"], development["negative"], True),
    )
    for positive, negative, judged in groups:
        for name, sentences in (*positive.items(), *negative.items()):
            texts += sentences
            labels += [TOPICS.index(name) if name in positive else NONE] * len(sentences)
            folds += [i % N_FOLDS if judged else NONE for i in range(len(sentences))]
    n_written = len(texts)
    for at, sentences in enumerate(background["sessions"].values()):
        texts += sentences
        labels += [NONE] * len(sentences)
        folds += [at % N_FOLDS] * len(sentences)
    return Examples(
        vectors=encoder.encode(texts),
        labels=np.array(labels, dtype=np.int64),
        folds=np.array(folds, dtype=np.int64),
        is_session=np.arange(len(texts)) >= n_written,
    )


def _read(path: Path) -> Mapping[str, Mapping[str, list[str]]]:
    from ruamel.yaml import YAML

    loaded: Mapping[str, Mapping[str, list[str]]] = YAML(typ="safe").load(path)
    return loaded


def learn(examples: Examples, choice: Choice, *, surface_at: float, near_at: float) -> SafetyHead:
    positive = examples.labels != NONE
    closest = (examples.vectors @ examples.vectors[positive].T).max(axis=1)
    session = np.flatnonzero(examples.is_session)
    hardest = session[np.argsort(-closest[session], kind="stable")[:N_BACKGROUND]]
    rows = ~examples.is_session
    rows[hardest] = True
    used = examples.take(rows)
    weights, bias = solve(
        kernel(used.vectors, used.vectors, sharpness=choice.sharpness),
        np.where(used.labels == NONE, -1.0, 1.0),
        cost=choice.cost,
    )
    kept = weights != 0
    return SafetyHead(
        examples=used.vectors[kept].astype(np.float16).astype(np.float32),
        weights=weights[kept].astype(np.float32),
        topic_weights=fit_topics(examples.take(positive)),
        sharpness=choice.sharpness,
        bias=bias,
        surface_at=surface_at,
        near_at=near_at,
        second_within=SECOND_WITHIN,
    )


def solve(
    kernel_matrix: Floats, signs: NDArray[np.float64], *, cost: float
) -> tuple[NDArray[np.float64], float]:
    """Newton's method for the machine with squared hinge loss (Chapelle 2007, section 2).

    Returns a weight for each example, zero for those outside the margin, and the bias.
    """
    active = np.ones(len(signs), dtype=bool)
    weights = np.zeros(len(signs))
    bias = 0.0
    for _ in range(50):
        rows = np.flatnonzero(active)
        system = np.ones((len(rows) + 1, len(rows) + 1))
        system[1:, 1:] = kernel_matrix[np.ix_(rows, rows)]
        system[1:, 1:][np.diag_indices(len(rows))] += 1 / (2 * cost)
        system[0, 0] = 0.0
        solution = np.linalg.solve(system, np.concatenate([[0.0], signs[rows]]))
        weights = np.zeros(len(signs))
        weights[rows], bias = solution[1:], float(solution[0])
        inside = signs * (kernel_matrix @ weights.astype(np.float32) + bias) < 1
        if (inside == active).all():
            break
        active = inside
    return weights, bias


def fit_topics(positives: Examples) -> Floats:
    """One against the rest by ridge regression: (385, 9), the last row is the bias."""
    rows = np.hstack([positives.vectors, np.ones((len(positives.labels), 1))]).astype(np.float64)
    wanted = (positives.labels[:, None] == np.arange(len(TOPICS))).astype(np.float64)
    penalty = np.diag([RIDGE] * positives.vectors.shape[1] + [0.0])
    solved = np.linalg.solve(rows.T @ rows + penalty, rows.T @ wanted)
    return np.asarray(solved, dtype=np.float32)


def cross_validate(examples: Examples, choice: Choice) -> NDArray[np.float64]:
    """Nearness of every judged row under weights learned without its fold; NaN elsewhere."""
    judged = np.full(len(examples.labels), np.nan)
    for fold in range(N_FOLDS):
        out = examples.folds == fold
        head = learn(examples.take(~out), choice, surface_at=0.0, near_at=0.0)
        judged[out] = head.nearness(examples.vectors[out])
    return judged


def choose_thresholds(examples: Examples, judged: NDArray[np.float64]) -> tuple[float, float]:
    """The lowest thresholds that keep false prompts in sessions within the two limits."""
    falling = np.sort(judged[examples.is_session])[::-1]
    n_sessions = len(falling) / SESSION_PIECES
    return (
        float(falling[int(FALSE_PER_SESSION * n_sessions)]),
        float(falling[int(NEAR_FALSE_PER_SESSION * n_sessions)]),
    )


def describe(examples: Examples, judged: NDArray[np.float64], surface_at: float) -> str:
    over = judged >= surface_at
    positive = (examples.labels != NONE) & (examples.folds != NONE)
    negative = (examples.labels == NONE) & (examples.folds != NONE) & ~examples.is_session
    per_session = over[examples.is_session].mean() * SESSION_PIECES
    return (
        f"of {positive.sum()} development positives {over[positive].mean():.3f} surfaced, "
        f"of {negative.sum()} negatives {over[negative].mean():.3f}, "
        f"{per_session:.2f} pieces a session, from {surface_at:.3f}"
    )


def write_head(head: SafetyHead, path: Path) -> None:
    from safetensors.numpy import save_file

    numbers = [head.sharpness, head.bias, head.surface_at, head.near_at, head.second_within]
    numbers = [round(number, 6) for number in numbers]  # their last digits vary with the threads
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(
        {
            "examples": head.examples.astype(np.float16),
            "weights": head.weights,
            "topic_weights": head.topic_weights,
            "numbers": np.array(numbers, dtype=np.float64),
        },
        path,
    )
    path.chmod(0o644)  # written owner-only; it is shipped for everyone


if __name__ == "__main__":
    sys.exit(main())
