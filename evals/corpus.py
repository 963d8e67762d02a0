"""Hide, draft and check the sessions of a split of the practice corpus.

    python -m evals.corpus [--split dev] [--show]

Definitions. *Found*: a statement of salience 2 that a sentence of the draft cites (over 30 % of
its characters). *Right section*: found under its gold section. *Belongs*: of all cited statements,
those with a section and a salience above 0. *Left out*: cited although the gold leaves them out,
by reason; `asked_not_to_record` must be 0. *Caught* and *kept*: unsupported claims refused,
supported ones accepted. Recall of identifiers as in `evals/deidentification.py`.

What it cannot tell: the sessions are fiction; a person may find another note right. Use `dev` while
building; `test` is for the figures of a finished part.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

from assistant.deidentify import remove_identifiers
from assistant.draft import write_draft
from assistant.draft.claims import check_claims
from assistant.known_names import hide_known_names
from assistant.pipeline import Parts, is_held, load_parts
from assistant.records import Deidentified, Draft, HoldReason, SurrogateMap, Transcript, Turn
from assistant.review import surface_topics
from assistant.settings import load_settings
from evals.report import Figure, share
from models.corpus import load_sessions
from models.corpus.rows import MARK, Session

_CITED_SHARE = 0.3  # statement boundaries of the drafter and of the gold differ


def measure_split(split: str, *, show: bool = False) -> tuple[Figure, ...]:
    """Measure every session of a split; minutes."""
    parts = load_parts(load_settings(), with_model=False, with_details=False)
    counts: Counter[str] = Counter()
    kinds: dict[str, Counter[bool]] = {}
    for session in load_sessions(split):
        hidden, surrogates = remove_identifiers(read_session(session), detector=parts.detector)
        counts.update(_count_draft(session, draft_words(hidden, parts), show=show))
        for kind, is_accepted in _check(session, hidden, surrogates, parts):
            kinds.setdefault(kind, Counter())[is_accepted] += 1
    return tuple(_figures(counts, kinds))


def read_session(session: Session) -> Transcript:
    """Return a corpus session as the transcript a peer would bring."""
    return Transcript(
        turns=tuple(
            Turn(number=turn.number, speaker=turn.speaker, text=turn.plain, role=turn.role)
            for turn in session.turns
        ),
        source_format="corpus",
    )


def draft_words(hidden: Deidentified, parts: Parts) -> Draft:
    """Draft word for word, safety topics held back as in the app."""
    topics = surface_topics(hidden, rules=parts.safety, encoder=parts.encoder)
    held: dict[int, HoldReason] = {topic.turn: "safety" for topic in topics if is_held(topic)}
    return write_draft(
        hidden, model=None, encoder=parts.encoder, nlp=parts.detector.nlp, held=held,
        max_words=parts.max_words,
    )  # fmt: skip


def _count_draft(session: Session, draft: Draft, *, show: bool) -> Counter[str]:
    cited = [
        (section.name, place)
        for section in draft.sections
        if section.name != "together"
        for sentence in section.sentences
        for place in sentence.evidence
    ]
    counts: Counter[str] = Counter()
    for gold in session.gold["statements"]:
        least = _CITED_SHARE * (gold["end"] - gold["start"])
        sections = {
            name
            for name, place in cited
            if place.turn == gold["turn"]
            and min(place.end, gold["end"]) - max(place.start, gold["start"]) > least
        }
        is_note = gold["section"] != "none" and gold["salience"] > 0
        if is_note and gold["salience"] == 2:
            counts["must"] += 1
            counts["found"] += bool(sections)
            counts["right_section"] += gold["section"] in sections
        if sections:
            counts["cited"] += 1
            counts["belongs"] += is_note
            if gold["section"] == "none":
                counts[f"left_out_{gold['reason']}"] += 1
                if show:
                    print(f"  {session.id} turn {gold['turn']}: {gold['reason']}")
    return counts


def _check(
    session: Session, hidden: Deidentified, surrogates: SurrogateMap, parts: Parts
) -> Iterable[tuple[str, bool]]:
    claims: list[dict[str, Any]] = session.gold["claims"]
    texts = [
        hide_known_names(MARK.sub(r"\2", claim["text"]), surrogates=surrogates) for claim in claims
    ]
    checked = check_claims(texts, hidden, encoder=parts.encoder, nlp=parts.detector.nlp)
    for claim, verdict in zip(claims, checked, strict=True):
        yield ("supported" if claim["supported"] else claim["kind"]), verdict.supported


def _figures(counts: Counter[str], kinds: dict[str, Counter[bool]]) -> Iterable[Figure]:
    yield share("corpus.found", counts["found"], counts["must"])
    yield share("corpus.right_section", counts["right_section"], counts["found"])
    yield share("corpus.belongs", counts["belongs"], counts["cited"])
    for name in sorted(counts):
        if name.startswith("left_out_"):
            yield share(f"corpus.{name}", counts[name], counts["cited"])
    kept = kinds.pop("supported", Counter())
    yield share("corpus.claims_kept", kept[True], kept.total())
    caught = sum(count[False] for count in kinds.values())
    yield share("corpus.claims_caught", caught, sum(count.total() for count in kinds.values()))
    for kind, count in sorted(kinds.items()):
        yield share(f"corpus.caught_{kind}", count[False], count.total())


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Draft and check a split of the corpus.")
    parser.add_argument("--split", choices=("train", "dev", "test"), default="dev")
    parser.add_argument("--show", action="store_true", help="name turns that do not belong")
    options = parser.parse_args(arguments)
    for figure in measure_split(options.split, show=options.show):
        interval = f"{figure.low:.3f} to {figure.high:.3f}"
        print(f"{figure.name:40} {figure.value:.3f}  n={figure.n:4d}  {interval}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
