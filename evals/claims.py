"""How well the checker tells what a person said from what they did not.

    python -m evals.claims [--split dev] [--rules]
    python -m evals.claims --mts ../shared/data/mts_dialog

*Caught*: unsupported claims of the corpus that are refused; *kept*: supported ones accepted; both
by kind and dialect with 95 % Wilson intervals. *Calibration*: the mean squared distance of the
score from the label (Brier), and the mean distance of score and share of supported claims over ten
equal bands, weighted by their size. Baseline in the same run: the share of a claim's longer words
that the session holds, with the cut that is best for it on the same claims. `--rules` leaves out
what was learned.

`--mts`: on MTS-Dialog's 400 automatic summaries with human scores, the rank correlation (Spearman)
of the score with the human hallucination and omission rates, beside ROUGE-L's F1 against the
reference (Lin 2004). For hallucination the mean score of the summary's sentences against the
dialogue; for omission the mean score of the reference's sentences against the summary. Sentences
are put into the first person by rule ("The patient" is "I").

What it cannot tell: claims were written to be near misses, so the mix of kinds is not that of real
notes; MTS-Dialog is doctors' talk, in the third person.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rapidfuzz.distance import LCSseq

from assistant.deidentify import load_detector, load_pipeline, remove_identifiers
from assistant.draft.claim_reader import load_claim_reader
from assistant.draft.claims import check_claims
from assistant.draft.encoder import load_encoder
from assistant.draft.words import split_forms
from assistant.known_names import hide_known_names
from assistant.records import Deidentified, DeidentifiedTurn
from assistant.settings import load_settings
from evals.corpus import read_session
from evals.figure import Figure, share
from models.corpus import load_sessions
from models.corpus.rows import MARK

_BANDS = 10
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_SPEAKER = re.compile(r"^\s*(Doctor|Patient|Guest[\w ]*)\s*:\s*", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    kind: str  # "supported" or what is wrong with it
    dialect: str
    is_accepted: bool
    score: float
    overlap: float


def judge_split(split: str, *, with_reader: bool = True) -> list[Judged]:
    """Check every claim of a split against its session, names hidden by the product."""
    settings = load_settings()
    nlp, encoder = load_pipeline(), load_encoder(settings=settings)
    detector = load_detector(settings=settings, nlp=nlp)
    reader = load_claim_reader(settings=settings) if with_reader else None
    judged: list[Judged] = []
    for session in load_sessions(split):  # type: ignore[arg-type]
        hidden, surrogates = remove_identifiers(read_session(session), detector=detector)
        said = {form for t in hidden.turns if t.role == "person" for form in split_forms(t.text)}
        claims = session.gold["claims"]
        texts = [
            hide_known_names(MARK.sub(r"\2", claim["text"]), surrogates=surrogates)
            for claim in claims
        ]
        checked = check_claims(texts, hidden, encoder=encoder, nlp=nlp, reader=reader)
        for claim, text, one in zip(claims, texts, checked, strict=True):
            forms = [form for form in split_forms(text) if len(form) > 3]
            judged.append(
                Judged(
                    kind="supported" if claim["supported"] else claim["kind"],
                    dialect=session.gold["groups"]["dialect"],
                    is_accepted=one.supported, score=one.score,
                    overlap=sum(form in said for form in forms) / max(len(forms), 1),
                )
            )  # fmt: skip
    return judged


def measure_checker(split: str) -> Iterator[Figure]:
    """The figures of a report."""
    judged = judge_split(split)
    right = [one for one in judged if one.kind == "supported"]
    wrong = [one for one in judged if one.kind != "supported"]
    yield share("checker.kept", sum(one.is_accepted for one in right), len(right))
    yield share("checker.caught", sum(not one.is_accepted for one in wrong), len(wrong))
    for kind in sorted({one.kind for one in wrong}):
        own = [one for one in wrong if one.kind == kind]
        yield share(f"checker.caught_{kind}", sum(not one.is_accepted for one in own), len(own))
    score = np.array([one.score for one in judged])
    is_right = np.array([one.kind == "supported" for one in judged])
    brier = float(np.mean((score - is_right) ** 2))
    yield Figure(name="checker.brier", value=brier, n=len(judged))
    yield Figure(
        name="checker.calibration_error", value=_calibration(score, is_right), n=len(judged)
    )


def print_judged(judged: Sequence[Judged]) -> None:
    right = [one for one in judged if one.kind == "supported"]
    wrong = [one for one in judged if one.kind != "supported"]
    _print_share("kept", [one.is_accepted for one in right])
    _print_share("caught", [not one.is_accepted for one in wrong])
    for kind in sorted({one.kind for one in wrong}):
        _print_share(f"  {kind}", [not one.is_accepted for one in wrong if one.kind == kind])
    for dialect in sorted({one.dialect for one in judged}):
        own = [one for one in judged if one.dialect == dialect]
        n_right = sum(one.is_accepted == (one.kind == "supported") for one in own)
        _print_share(f"  right, {dialect}", [True] * n_right + [False] * (len(own) - n_right))
    score = np.array([one.score for one in judged])
    is_right = np.array([one.kind == "supported" for one in judged])
    print(f"Brier {np.mean((score - is_right) ** 2):.3f}, "
          f"calibration error {_calibration(score, is_right):.3f}")  # fmt: skip
    overlap = np.array([one.overlap for one in judged])
    cut = max(np.unique(overlap), key=lambda c: _balance(overlap >= c, is_right))
    caught = float(np.mean(overlap[~is_right] < cut))
    print(f"baseline, words shared: kept {np.mean(overlap[is_right] >= cut):.3f}, "
          f"caught {caught:.3f}")  # fmt: skip


def _print_share(name: str, hits: Sequence[bool]) -> None:
    found = share(name, sum(hits), len(hits))
    print(f"{name:46} {sum(hits):4d}/{len(hits):<4d} {found.value:.3f}  "
          f"({found.low:.3f} to {found.high:.3f})")  # fmt: skip


def _balance(accepted: np.ndarray, is_right: np.ndarray) -> float:
    return float(np.mean(accepted[is_right])) + float(np.mean(~accepted[~is_right]))


def _calibration(score: np.ndarray, is_right: np.ndarray) -> float:
    band = np.minimum((score * _BANDS).astype(int), _BANDS - 1)
    gaps = [
        np.mean(band == b) * abs(score[band == b].mean() - is_right[band == b].mean())
        for b in range(_BANDS)
        if (band == b).any()
    ]
    return float(sum(gaps))


# ---------------------------------------------------------------- MTS-Dialog


def measure_mts(folder: Path) -> None:
    """Print the rank correlations. Raises `OSError` if a file is not there."""
    summaries = _rows(folder / "MTS-Dialog-Automatic-Summaries-ValidationSet.csv")
    scores = _rows(folder / "MTS-Dialog-Manual-Scores4CorrelationStudy.csv")
    settings = load_settings()
    nlp, encoder = load_pipeline(), load_encoder(settings=settings)
    reader = load_claim_reader(settings=settings)

    def mean_score(text: str, talk: Deidentified) -> float:
        sentences = [_first_person(s) for s in _SENTENCE_END.split(text) if s.strip()]
        checked = check_claims(sentences, talk, encoder=encoder, nlp=nlp, reader=reader)
        return sum(one.score for one in checked) / max(len(checked), 1)

    columns: dict[str, list[float]] = defaultdict(list)
    for row, human in zip(summaries, scores, strict=True):
        summary, reference = row["Automatic Summary"], row["Reference Summary"]
        columns["faithful"].append(mean_score(summary, _as_talk(row["Dialogue"])))
        columns["complete"].append(mean_score(reference, _as_statement(summary)))
        columns["rouge"].append(rouge_l(summary, reference))
        columns["hallucination"].append(float(human["HallucinationRate"]))
        columns["omission"].append(float(human["OmissionRate"]))
    for ours, theirs in (("faithful", "hallucination"), ("complete", "omission")):
        print(f"{theirs}: score {_spearman(columns[ours], columns[theirs]):+.3f}, "
              f"ROUGE-L {_spearman(columns['rouge'], columns[theirs]):+.3f} "
              f"(n={len(columns[theirs])}; below zero is right)")  # fmt: skip


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _as_talk(dialogue: str) -> Deidentified:
    turns = []
    for line in dialogue.splitlines():
        match = _SPEAKER.match(line)
        if not match or not line[match.end() :].strip():
            continue
        role = "peer" if match[1].lower() == "doctor" else "person"
        turns.append(_turn(len(turns) + 1, role, line[match.end() :].strip()))
    return Deidentified(turns=tuple(turns))


def _as_statement(text: str) -> Deidentified:
    return Deidentified(turns=(_turn(1, "person", _first_person(text) or "-"),))


def _turn(number: int, role: str, text: str) -> DeidentifiedTurn:
    return DeidentifiedTurn(
        number=number, speaker="<PERSON_1>" if role == "person" else "<PERSON_2>",
        role=role, text=text, n_chars_original=len(text),  # type: ignore[arg-type]
    )  # fmt: skip


def _first_person(text: str) -> str:
    text = re.sub(r"\b(?:the|this) (?:patient|pt)\b(?: is\b)?", _as_i, text, flags=re.I)
    return re.sub(r"^(?:he|she)\b(?: is\b)?", _as_i, text.strip(), flags=re.I)


def _as_i(match: re.Match[str]) -> str:
    return "I am" if match[0].endswith(" is") else "I"


def rouge_l(text: str, reference: str) -> float:
    """F1 of the longest common subsequence of words, in 0..1."""
    ours, theirs = _words(text), _words(reference)
    if not ours or not theirs:
        return 0.0
    return 2 * LCSseq.similarity(ours, theirs) / (len(ours) + len(theirs))


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _spearman(first: Sequence[float], second: Sequence[float]) -> float:
    ranks = [_ranks(np.array(values)) for values in (first, second)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, the mean of them where values are equal."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = counts.cumsum()
    return (ends - (counts - 1) / 2)[group]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measure the checker.")
    parser.add_argument("--split", choices=("train", "dev", "test"), default="dev")
    parser.add_argument("--rules", action="store_true", help="rules alone")
    parser.add_argument("--mts", type=Path, help="folder of MTS-Dialog")
    options = parser.parse_args(arguments)
    if options.mts is not None:
        measure_mts(options.mts)
        return 0
    print_judged(judge_split(options.split, with_reader=not options.rules))
    return 0


if __name__ == "__main__":
    sys.exit(main())
