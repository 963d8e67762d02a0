"""What somebody can still work out about a person once names are hidden: three attacks.

    python -m evals.reidentification [--split test] [--only remains,groups,relinking] [--out FILE]

`remains`: every word of a name, place or organisation that is marked in a session is looked for in
the hidden session, whole or one slip away (rapidfuzz ratio of at least 85; words of five letters
and more that no dictionary holds). A word found there tells who it was. Stock Presidio beside it.

`groups`: an attacker who has sessions of people whose gender, dialect and age are known (the train
split) guesses those of the others from what they said: the mean of the encoder's vectors of their
turns, nearest centroid. Before and after hiding. The better of this and of always guessing the
commonest is what an attacker has.

`relinking`: the sessions of a split are cut in two halves, each is hidden and drafted by itself,
and an attacker who holds the notes of the first halves guesses which note of the second halves is
the same person's, by rare words (tf-idf, cosine) and by meaning. And an acquaintance who knows the
small facts labelled in `models/data/details` looks for the note they belong to. Chance is one in
the number of sessions.

What it cannot tell: an attacker who knows more than these do. All sessions are fiction.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz

from assistant.deidentify import remove_identifiers
from assistant.pipeline import Parts, load_parts
from assistant.records import Deidentified, Draft
from assistant.settings import load_settings
from evals.corpus import draft_session, read_session
from evals.deidentification import lines_of, spans_of
from evals.figure import Figure, share
from evals.marked import Line, Spans, load_stock
from models.corpus import load_sessions
from models.corpus.rows import Session

DETAILS = Path(__file__).resolve().parent.parent / "models" / "data" / "details"
ALIKE = 85
MIN_LETTERS = 5
_NAMED = frozenset({"PERSON", "NICKNAME", "LOCATION", "ORG"})
_WORD = re.compile(r"[^\W\d_]+")  # a possessive's "s" is a word of its own
_STAND_IN = re.compile(r"<[A-Z]+_\d+>")
Vectors = NDArray[np.float32]


# ---------------------------------------------------------------- what is left of a name


def measure_remains(split: str, parts: Parts) -> Iterator[Figure]:
    stock = load_stock()
    counts: dict[str, Counter[str]] = {"ours": Counter(), "stock": Counter()}
    for session in load_sessions(split):  # type: ignore[arg-type]
        lines = lines_of(session)
        hidden, _ = remove_identifiers(read_session(session), detector=parts.detector)
        for name, spans in (("ours", spans_of(hidden)), ("stock", stock(lines))):
            counts[name].update(count_remains(lines, spans, parts))
    for name, found in counts.items():
        yield share(f"{name}.remains_{split}.names_still_told", found["told"], found["words"])


def count_remains(lines: Sequence[Line], spans: Spans, parts: Parts) -> Counter[str]:
    """Count the different words of names, and those that the hidden session still holds."""
    lexicon = parts.detector.lexicon
    wanted = {
        word.casefold()
        for line in lines
        for mark in line.marked
        if mark.type in _NAMED
        for word in _WORD.findall(line.text[mark.start : mark.end])
        if len(word) >= MIN_LETTERS and not lexicon.is_everyday(word.casefold())
    }
    bare = {
        word.group().casefold()
        for line, row in zip(lines, spans, strict=True)
        for word in _WORD.finditer(line.text)
        if len(word.group()) >= MIN_LETTERS - 1
        and not any(start < word.end() and word.start() < end for start, end in row)
        and not lexicon.is_everyday(word.group().casefold())
    }
    told = {name for name in wanted if any(fuzz.ratio(name, word) >= ALIKE for word in bare)}
    return Counter(words=len(wanted), told=len(told))


# ---------------------------------------------------------------- groups


def measure_groups(split: str, parts: Parts) -> Iterator[Figure]:
    known, others = load_sessions("train"), load_sessions(split)  # type: ignore[arg-type]
    ways: dict[str, Callable[[Session], list[str]]] = {
        "before_hiding": _said,
        "after_hiding": lambda session: _said_hidden(session, parts),
    }
    for way, words_of in ways.items():
        vectors = {s.id: _mean_vector(words_of(s), parts) for s in (*known, *others)}
        for trait, read in _TRAITS.items():
            centres = {
                label: np.mean([vectors[s.id] for s in known if read(s) == label], axis=0)
                for label in {read(s) for s in known}
            }
            n_right = sum(
                max(centres, key=lambda label: float(centres[label] @ vectors[s.id])) == read(s)
                for s in others
            )
            yield share(f"groups_{split}.{trait}_{way}", n_right, len(others))
    for trait, read in _TRAITS.items():
        (commonest, _), *_rest = Counter(read(s) for s in known).most_common(1)
        n_right = sum(read(s) == commonest for s in others)
        yield share(f"groups_{split}.{trait}_commonest", n_right, len(others))


def _age(session: Session) -> str:
    return "older" if session.gold["groups"]["age_band"][:2] >= "45" else "younger"


_TRAITS: dict[str, Callable[[Session], str]] = {
    "gender": lambda s: "woman" if "woman" in s.gold["groups"]["gender"] else "other",
    "african_american_english": lambda s: str(
        s.gold["groups"]["dialect"] == "African American English"
    ),
    "age": _age,
}


def _said(session: Session) -> list[str]:
    return [turn.plain for turn in session.turns if turn.role == "person"]


def _said_hidden(session: Session, parts: Parts) -> list[str]:
    hidden, _ = remove_identifiers(read_session(session), detector=parts.detector)
    return [turn.text for turn in hidden.turns if turn.role == "person"]


def _mean_vector(texts: Sequence[str], parts: Parts) -> Vectors:
    mean: Vectors = parts.encoder.encode(texts).mean(axis=0)
    return mean / np.linalg.norm(mean)


# ---------------------------------------------------------------- linking notes again


def measure_relinking(split: str, parts: Parts) -> Iterator[Figure]:
    sessions = load_sessions(split)  # type: ignore[arg-type]
    halves = [[_note(half, parts) for half in _halves(session, parts)] for session in sessions]
    first, second = [pair[0] for pair in halves], [pair[1] for pair in halves]
    yield linked(f"relinking_{split}.by_rare_words", alike_by_words(first, second))
    yield linked(f"relinking_{split}.by_meaning", _alike_by_meaning(first, second, parts))
    notes = [_note(_hide(session, parts), parts) for session in sessions]
    facts = [read_facts(session.id) for session in sessions]
    if not any(facts):
        return
    known = [" ".join(one) for one in facts]
    found = alike_by_words(known, notes)
    rows = [i for i, one in enumerate(facts) if one]
    yield share(
        f"relinking_{split}.by_an_acquaintance", sum(int(found[i].argmax()) == i for i in rows),
        len(rows),
    )  # fmt: skip
    n_told = sum(fact in note for one, note in zip(facts, notes, strict=True) for fact in one)
    yield share(f"relinking_{split}.facts_in_notes", n_told, sum(map(len, facts)))
    yield Figure(name=f"relinking_{split}.chance", value=1 / len(sessions), n=len(sessions))


def _hide(session: Session, parts: Parts) -> Deidentified:
    return remove_identifiers(read_session(session), detector=parts.detector)[0]


def _halves(session: Session, parts: Parts) -> Iterator[Deidentified]:
    """Each half hidden by itself, as two meetings with the same person would be."""
    transcript = read_session(session)
    middle = len(transcript.turns) // 2
    for turns in (transcript.turns[:middle], transcript.turns[middle:]):
        again = tuple(replace(turn, number=n) for n, turn in enumerate(turns, 1))
        yield remove_identifiers(replace(transcript, turns=again), detector=parts.detector)[0]


def _note(hidden: Deidentified, parts: Parts) -> str:
    return note_text(draft_session(hidden, parts))


def note_text(draft: Draft) -> str:
    """The words of a note as it would be released, stand-ins left out."""
    text = " ".join(s.text for section in draft.sections for s in section.sentences)
    return " ".join(_STAND_IN.sub(" ", text).split())


def linked(name: str, alike: Vectors) -> Figure:
    return share(name, int((alike.argmax(axis=1) == np.arange(len(alike))).sum()), len(alike))


def alike_by_words(left: Sequence[str], right: Sequence[str]) -> Vectors:
    """Cosine of tf-idf vectors over the words of both sides, shape (left, right)."""
    bags = [Counter(word.casefold() for word in _WORD.findall(text)) for text in (*left, *right)]
    n_with = Counter(word for bag in bags for word in bag)
    place = {word: i for i, word in enumerate(n_with)}
    table = np.zeros((len(bags), len(place)), dtype=np.float32)
    for row, bag in enumerate(bags):
        for word, n in bag.items():
            table[row, place[word]] = (1 + math.log(n)) * math.log(len(bags) / n_with[word])
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    alike: Vectors = table[: len(left)] @ table[len(left) :].T
    return alike


def _alike_by_meaning(left: Sequence[str], right: Sequence[str], parts: Parts) -> Vectors:
    alike: Vectors = parts.encoder.encode(left) @ parts.encoder.encode(right).T
    return alike


def read_facts(session_id: str) -> list[str]:
    """Return the small facts labelled in a session, the words alone; none without a file."""
    path = DETAILS / f"{session_id}.txt"
    if not path.exists():
        return []
    rows = path.read_text("utf-8").splitlines()
    return [row.split(" | ", 2)[2] for row in rows if row and not row.startswith("#")]


PARTS = {
    "remains": measure_remains, "groups": measure_groups, "relinking": measure_relinking,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m evals.reidentification")
    parser.add_argument("--split", default="test", choices=("dev", "test"))
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    chosen = options.only.split(",")
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; parts are {', '.join(PARTS)}")
    parts = load_parts(load_settings(), with_model=False, with_details=False)
    figures: list[Figure] = []
    for part in chosen:
        for figure in PARTS[part](options.split, parts):
            interval = "" if figure.low is None else f"  [{figure.low:.3f}, {figure.high:.3f}]"
            print(f"{figure.name:58} {figure.value:9.4f}  n={figure.n}{interval}", flush=True)
            figures.append(figure)
    if options.out is not None:
        rows: Iterable[object] = [asdict(figure) for figure in figures]
        options.out.write_text(json.dumps(list(rows), indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
