"""Small facts that together point to somebody: how many of the labelled ones are found.

    python -m evals.details [--split test] [--show]

Labels: `models/data/details`, one file a session, `turn | kind | words`. *Found*: a detail of the
report, of any kind, lies in part inside the labelled words. *Right kind*: of these, with the kind
of the label. *Right*: of all details of the report, those that touch a label. Names stay in, as in
the labels: hiding is measured elsewhere.

What it cannot tell: whether anybody would know the person by them. The test split was labelled
twice, the second time without sight of the first: of 186 stretches 173 were touched by the second
labels, 170 of them with the same kind.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from assistant.deidentify import Detail, load_detail_finder, report_details
from assistant.settings import load_settings
from evals.figure import Figure, share
from models.corpus import load_sessions
from models.corpus.rows import Session

LABELS = Path(__file__).resolve().parent.parent / "models" / "data" / "details"


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    turn: int
    start: int
    end: int
    kind: str
    words: str = field(repr=False)


def read_labels(session: Session) -> tuple[Labelled, ...]:
    """Read the labels of a session. Raises `FileNotFoundError`, or `ValueError` naming the line
    whose words do not stand in their turn."""
    found = []
    path = LABELS / f"{session.id}.txt"
    for number, row in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not row or row.startswith("#"):
            continue
        turn, kind, words = row.split(" | ", 2)
        start = session.turns[int(turn) - 1].plain.replace("\n", " ").find(words)
        if start < 0:
            raise ValueError(f"{path.name} line {number}: the words do not stand in the turn")
        found.append(
            Labelled(turn=int(turn), start=start, end=start + len(words), kind=kind, words=words)
        )
    return tuple(found)


def measure_details(split: str, *, show: bool = False) -> Iterator[Figure]:
    counts: Counter[str] = Counter()
    by_kind: Counter[str] = Counter()
    finder = load_detail_finder(settings=load_settings())
    for session in load_sessions(split):  # type: ignore[arg-type]
        turns = [turn for turn in session.turns if turn.role == "person"]
        texts = [turn.plain for turn in turns]
        found = [
            Detail(text=number, start=one.start, end=one.end, kind=one.kind)
            for number, details in enumerate(finder.find(texts))
            for one in details
        ]
        details = report_details(texts, found=found).details
        labels = read_labels(session)
        for label in labels:
            touching = [
                one for one in details
                if turns[one.text].number == label.turn
                and one.start < label.end and label.start < one.end
            ]  # fmt: skip
            counts.update(
                labels=1, found=bool(touching),
                right_kind=any(one.kind == label.kind for one in touching),
            )  # fmt: skip
            by_kind.update({label.kind: 1, f"{label.kind} found": bool(touching)})
            if show and not touching:
                print(f"missed {session.id}:{label.turn} {label.kind}: {label.words}")
        for one in details:
            is_right = any(
                turns[one.text].number == label.turn
                and one.start < label.end and label.start < one.end
                for label in labels
            )  # fmt: skip
            counts.update(reported=1, right=is_right)
            if show and not is_right:
                words = turns[one.text].plain[one.start : one.end]
                print(f"wrong {session.id}:{turns[one.text].number} {one.kind}: {words}")
    yield share(f"details_{split}.found", counts["found"], counts["labels"])
    yield share(f"details_{split}.right_kind", counts["right_kind"], counts["found"])
    yield share(f"details_{split}.right", counts["right"], counts["reported"])
    for kind in sorted(kind for kind in by_kind if not kind.endswith(" found")):
        yield share(f"details_{split}.found_{kind}", by_kind[f"{kind} found"], by_kind[kind])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m evals.details")
    parser.add_argument("--split", default="test", choices=("train", "dev", "test"))
    parser.add_argument("--show", action="store_true", help="print what is missed and wrong")
    options = parser.parse_args()
    for figure in measure_details(options.split, show=options.show):
        interval = f"[{figure.low:.3f}, {figure.high:.3f}]"
        print(f"{figure.name:40} {figure.value:.3f}  n={figure.n}  {interval}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
