"""Whether what people ask to keep out stays out: `python -m evals.requests [--of dev]`.

    --of requests   27 sessions of `models/data/requests`, with requests in unusual words (default)
    --of dev        the corpus's dev split, on which the rules were written

Each session is drafted with the reader of requests and without it, word for word, safety topics
held back as in the app. Counted by statement as labelled:

- *Kept out*: statements asked out whose turn is held back for a request.
- *Cited*: statements asked out of which a sentence cites over 0.3.
- *Held for nothing*: statements of salience 2, in turns in which nothing was asked out, whose turn
  is held back for a request.

Nothing that is shipped learned from these sessions; the cut of the reader was chosen on them.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assistant.deidentify import remove_identifiers
from assistant.draft import write_draft
from assistant.pipeline import Parts, is_held, load_parts
from assistant.records import Deidentified, DeidentifiedTurn, Draft, HoldReason
from assistant.review import surface_topics
from assistant.settings import load_settings
from evals.corpus import read_session
from evals.figure import share
from models.corpus import load_sessions
from models.excerpts import HELD_OUT, REQUESTS, Excerpt, read_excerpts

_OUT = "asked_not_to_record"
_CITED = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A statement as its writer labelled it: characters `start` to `end` of a turn."""

    turn: int
    start: int
    end: int
    is_out: bool
    is_missed: bool  # a note should not lack it


Session = tuple[Deidentified, Sequence[Labelled]]


def read_requests() -> Iterator[Session]:
    """The sessions kept for choosing, which hold no identifiers."""
    for file in HELD_OUT:
        for talk in read_excerpts(REQUESTS, only=file):
            yield of_talk(talk)


def of_talk(talk: Excerpt) -> Session:
    turns, labelled = [], []
    for number, line in enumerate(talk.lines, 1):
        turns.append(
            DeidentifiedTurn(
                number=number, speaker="<PERSON_1>", role=line.role, text=line.text,  # type: ignore[arg-type]
                n_chars_original=len(line.text),
            )
        )  # fmt: skip
        at = 0
        for label, salience, text in line.statements:
            labelled.append(
                Labelled(
                    turn=number, start=at, end=at + len(text), is_out=label == _OUT,
                    is_missed=salience == 2,
                )
            )  # fmt: skip
            at += len(text) + 1
    return Deidentified(turns=tuple(turns)), labelled


def read_corpus(split: str, parts: Parts) -> Iterator[Session]:
    for session in load_sessions(split):  # type: ignore[arg-type]
        hidden, _ = remove_identifiers(read_session(session), detector=parts.detector)
        yield hidden, [
            Labelled(
                turn=one["turn"], start=one["start"], end=one["end"],
                is_out=one.get("reason") == _OUT,
                is_missed=one["section"] != "none" and one["salience"] == 2,
            )
            for one in session.gold["statements"]
        ]  # fmt: skip


def count(draft: Draft, labelled: Sequence[Labelled]) -> Counter[str]:
    held = {one.turn for one in draft.held_back if one.reason == _OUT}
    asked = {one.turn for one in labelled if one.is_out}
    cited = [
        place for section in draft.sections if section.name != "together"
        for sentence in section.sentences for place in sentence.evidence
    ]  # fmt: skip
    counts: Counter[str] = Counter()
    for one in labelled:
        if one.is_out:
            overlap = sum(
                max(0, min(place.end, one.end) - max(place.start, one.start))
                for place in cited
                if place.turn == one.turn
            )
            counts["out"] += 1
            counts["kept"] += one.turn in held
            counts["cited"] += overlap > _CITED * (one.end - one.start)
        elif one.is_missed and one.turn not in asked:
            counts["note"] += 1
            counts["for_nothing"] += one.turn in held
    return counts


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Count what was asked out and what stays out.")
    parser.add_argument("--of", choices=("requests", "dev", "test"), default="requests")
    options = parser.parse_args(arguments)
    parts = load_parts(load_settings(), with_model=False, with_details=False)
    sessions = read_requests() if options.of == "requests" else read_corpus(options.of, parts)
    counts: dict[str, Counter[str]] = {"with the reader": Counter(), "without it": Counter()}
    for hidden, labelled in sessions:
        topics = surface_topics(hidden, rules=parts.safety, encoder=parts.encoder)
        held: dict[int, HoldReason] = {one.turn: "safety" for one in topics if is_held(one)}
        for name, requests in zip(counts, (parts.requests, None), strict=True):
            draft = write_draft(
                hidden, model=None, encoder=parts.encoder, nlp=parts.detector.nlp, held=held,
                max_words=parts.max_words, reader=parts.reader, requests=requests,
            )  # fmt: skip
            counts[name] += count(draft, labelled)
    for name, found in counts.items():
        print(name)
        for label, hits, n in (
            ("kept out", "kept", "out"), ("cited", "cited", "out"),
            ("held for nothing", "for_nothing", "note"),
        ):  # fmt: skip
            figure = share(label, found[hits], found[n])
            print(f"  {label:18} {found[hits]:4d}/{found[n]:<4d} {figure.value:.3f}  "
                  f"({figure.low:.3f} to {figure.high:.3f})")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
