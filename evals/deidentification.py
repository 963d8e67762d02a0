"""What of the identifiers is hidden, by type and group, beside stock Presidio in the same run.

    python -m evals.deidentification [--split test] [--only corpus,names,...] [--out FILE] [--show]

Parts: `corpus` (sessions of a split, each as one conversation), `names` (the same sessions with the
people renamed, group by group, from a list nobody learned from), `asq_phi`, `deidgate_seed`,
`presidio_research`, `wnut17` (public sets, line by line), `speed`. A set that is not there is named
as skipped.

Definitions. A marked identifier is *found* if every letter and digit of it is hidden, whatever
type it is taken for, titles aside. *Leaked characters*: letters and digits of marks left bare.
*Character precision*: of all letters and digits hidden, those inside a mark. A session is *clean*
if nothing marked in it is left bare. *Consistent*: of the people named more than once in a session,
those who have one stand-in throughout. *Touched*: lines with nothing marked in which something is
hidden. Shares have 95 % Wilson intervals. F1 is over words: hidden or not.

What it cannot tell: the corpus is fiction by one set of hands; real speech will leak more.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from assistant.deidentify import Detector, load_detector, remove_identifiers
from assistant.records import Deidentified, Transcript, Turn
from assistant.settings import load_settings
from evals.figure import Figure, share
from evals.marked import (
    PUBLIC,
    Hider,
    Line,
    Marked,
    Spans,
    hide_lines,
    load_stock,
    needed_characters,
    read_asq,
    read_research,
    read_seed,
    read_wnut,
)
from models.corpus import load_sessions
from models.corpus.rows import Session
from models.corpus.swap import in_case_of

MUST_995 = ("PERSON", "NICKNAME", "PHONE", "EMAIL", "ID", "HANDLE", "URL")
MUST_98 = ("LOCATION", "ORG", "DATE", "AGE")
_WORD = re.compile(r"[^\W_]+(?:['’.@_-][^\W_]+)*")
# What presidio_research marks and nobody is told apart by here (`GUIDELINE.md`): titles, countries
# and nationalities, ages under 90, years and weekdays.
_BARE_IN_RESEARCH = frozenset({"TITLE", "NRP", "GPE", "AGE", "DATE_TIME"})


@dataclass
class Tally:
    """Counts over lines. `people` is (found, marked) by what the caller groups by."""

    marked: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    n_right: int = 0
    n_hidden: int = 0
    n_leaked: int = 0
    n_clean_lines: int = 0
    n_touched: int = 0
    n_sessions: int = 0
    n_leaky: int = 0
    leaks: list[tuple[str, int, str]] = field(default_factory=list)

    def add(self, name: str, lines: Sequence[Line], spans: Spans) -> None:
        """Count one session or set."""
        n_before = len(self.leaks)
        for number, (line, hidden) in enumerate(zip(lines, spans, strict=True), 1):
            covered = {i for start, end in hidden for i in range(start, end)}
            letters = {i for i in covered if line.text[i].isalnum()}
            inside = {i for mark in line.marked for i in range(mark.start, mark.end)}
            self.n_hidden += len(letters)
            self.n_right += len(letters & inside)
            for mark in line.marked:
                bare = needed_characters(line.text, mark) - covered
                self.marked[mark.type] += 1
                self.found[mark.type] += not bare
                self.n_leaked += len(bare)
                if bare:
                    self.leaks.append((name, number, line.text[mark.start : mark.end]))
            self.n_clean_lines += not line.marked
            self.n_touched += bool(not line.marked and hidden)
        self.n_sessions += 1
        self.n_leaky += len(self.leaks) > n_before

    def figures(self, prefix: str) -> Iterator[Figure]:
        yield share(f"{prefix}.recall", sum(self.found.values()), sum(self.marked.values()))
        for group, types in (("names_and_numbers", MUST_995), ("places_and_dates", MUST_98)):
            n = sum(self.marked[kind] for kind in types)
            yield share(f"{prefix}.recall_{group}", sum(self.found[kind] for kind in types), n)
        for kind in sorted(self.marked):
            yield share(f"{prefix}.recall_{kind.lower()}", self.found[kind], self.marked[kind])
        yield share(f"{prefix}.character_precision", self.n_right, self.n_hidden)
        yield Figure(name=f"{prefix}.leaked_characters", value=self.n_leaked, n=self.n_sessions)
        yield share(f"{prefix}.clean_lines_touched", self.n_touched, self.n_clean_lines)


# ---------------------------------------------------------------- the corpus


def lines_of(session: Session) -> tuple[Line, ...]:
    return tuple(
        Line(
            text=turn.plain, speaker=turn.speaker,
            marked=tuple(Marked(start=m.start, end=m.end, type=m.type) for m in turn.marks),
        )
        for turn in session.turns
    )  # fmt: skip


def hide_conversation(lines: Sequence[Line], detector: Detector) -> Deidentified:
    turns = tuple(
        Turn(number=n, speaker=line.speaker, text=line.text) for n, line in enumerate(lines, 1)
    )
    return remove_identifiers(Transcript(turns=turns, source_format="plain"), detector=detector)[0]


def spans_of(hidden: Deidentified) -> Spans:
    return [[(span.start, span.end) for span in turn.spans] for turn in hidden.turns]


def measure_corpus(split: str, detector: Detector, stock: Hider, *, show: bool) -> Iterator[Figure]:
    """Whole sessions of a split, ours and stock."""
    ours, theirs = Tally(), Tally()
    n_people = n_consistent = 0
    for session in load_sessions(split):  # type: ignore[arg-type]
        lines = lines_of(session)
        hidden = hide_conversation(lines, detector)
        ours.add(session.id, lines, spans_of(hidden))
        theirs.add(session.id, lines, stock(lines))
        for stand_ins in _stand_ins(lines, hidden).values():
            n_people += 1
            n_consistent += len(stand_ins) == 1
    for prefix, tally in (("ours", ours), ("stock", theirs)):
        yield from tally.figures(f"{prefix}.corpus_{split}")
        n = tally.n_sessions
        yield share(f"{prefix}.corpus_{split}.sessions_with_a_leak", tally.n_leaky, n)
    yield share(f"ours.corpus_{split}.people_with_one_stand_in", n_consistent, n_people)
    if show:
        for name, number, surface in ours.leaks:  # fictional words
            sys.stderr.write(f"leak {name}:{number} {surface!r}\n")


def _stand_ins(lines: Sequence[Line], hidden: Deidentified) -> Mapping[str, set[str]]:
    """Return the stand-ins of each person named more than once, by the name as marked."""
    seen: dict[str, list[str]] = defaultdict(list)
    for line, turn in zip(lines, hidden.turns, strict=True):
        for mark in line.marked:
            if mark.type != "PERSON":
                continue
            for span in turn.spans:
                if span.start <= mark.start and mark.end <= span.end:
                    seen[line.text[mark.start : mark.end].casefold()].append(span.surrogate)
    return {name: set(found) for name, found in seen.items() if len(found) > 1}


# ---------------------------------------------------------------- names by group


def measure_names(split: str, detector: Detector, stock: Hider) -> Iterator[Figure]:
    """The people of the sessions renamed from one group's names: is one group missed more often?

    Names: BBQ's list (first and last names of five groups, data/bbq_names), not learned from.
    """
    table: dict[tuple[str, str], list[str]] = defaultdict(list)
    with (PUBLIC / "bbq_names" / "names.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["ethnicity"]:
                table[row["First_last"], row["ethnicity"]].append(row["Name"])
    lowest: dict[str, list[float]] = {"ours": [], "stock": []}
    for group in sorted({ethnicity for _, ethnicity in table}):
        ours, theirs = Tally(), Tally()
        for session in load_sessions(split):  # type: ignore[arg-type]
            lines = renamed(session, table["first", group], table["last", group])
            ours.add(session.id, lines, spans_of(hide_conversation(lines, detector)))
            theirs.add(session.id, lines, stock(lines))
        for prefix, tally in (("ours", ours), ("stock", theirs)):
            figure = share(
                f"{prefix}.names_{split}.{group.lower()}", tally.found["PERSON"],
                tally.marked["PERSON"],
            )  # fmt: skip
            lowest[prefix].append(figure.value)
            yield figure
    for prefix, values in lowest.items():
        yield Figure(
            name=f"{prefix}.names_{split}.gap", value=max(values) - min(values), n=len(values)
        )


def renamed(session: Session, first: Sequence[str], last: Sequence[str]) -> tuple[Line, ...]:
    """Give every first name and every surname of a session another, in the order of appearance."""
    given: dict[str, str] = {}

    def other(surface: str) -> str:
        words = surface.split()
        renamed = []
        for place, word in enumerate(words):
            names = last if place and place == len(words) - 1 else first
            if word.casefold() not in given:
                given[word.casefold()] = names[len(given) % len(names)]
            renamed.append(in_case_of(word, given[word.casefold()]))
        return " ".join(renamed)

    lines = []
    for turn in session.turns:
        text, marked, at = "", [], 0
        for mark in turn.marks:
            text += turn.plain[at : mark.start]
            is_name = mark.type == "PERSON" and all(w.isalpha() for w in mark.surface.split())
            surface = other(mark.surface) if is_name else mark.surface
            marked.append(Marked(start=len(text), end=len(text) + len(surface), type=mark.type))
            text += surface
            at = mark.end
        speaker = other(turn.speaker) if turn.speaker_type == "PERSON" else turn.speaker
        lines.append(Line(text=text + turn.plain[at:], marked=tuple(marked), speaker=speaker))
    return tuple(lines)


# ---------------------------------------------------------------- public sets


def measure_public(name: str, detector: Detector, stock: Hider) -> Iterator[Figure]:
    """A public set, line by line. Raises `FileNotFoundError` if it is not there."""
    lines = PUBLIC_SETS[name]()
    for prefix, spans in (("ours", hide_lines(lines, detector)), ("stock", stock(lines))):
        tally = Tally()
        tally.add(name, lines, spans)
        if name == "wnut17":  # only people: its places and groups are marked by other rules
            found, marked = tally.found["PERSON"], tally.marked["PERSON"]
            yield share(f"{prefix}.{name}.recall_person", found, marked)
            continue
        yield from tally.figures(f"{prefix}.{name}")
        n_leaky = len({number for _, number, _ in tally.leaks})
        n_marked = sum(bool(line.marked) for line in lines)
        yield share(f"{prefix}.{name}.texts_with_a_leak", n_leaky, n_marked)
        if name == "presidio_research":
            yield word_f1(f"{prefix}.{name}.f1", lines, spans)
            ours = read_research(without=_BARE_IN_RESEARCH)
            yield word_f1(f"{prefix}.{name}.f1_of_our_types", ours, spans)


def _covered(row: Iterable[tuple[int, int]]) -> set[int]:
    return {i for start, end in row for i in range(start, end)}


def word_f1(name: str, lines: Sequence[Line], spans: Spans) -> Figure:
    """F1 over words: hidden (touched by a span) against marked (touched by a mark)."""
    both = hidden = marked = 0
    for line, row in zip(lines, spans, strict=True):
        is_hidden, is_marked = _covered(row), _covered((m.start, m.end) for m in line.marked)
        for word in _WORD.finditer(line.text):
            places = set(range(word.start(), word.end()))
            h, m = bool(places & is_hidden), bool(places & is_marked)
            both, hidden, marked = both + (h and m), hidden + h, marked + m
    return Figure(name=name, value=2 * both / max(1, hidden + marked), n=marked)


# ---------------------------------------------------------------- speed


def measure_speed(split: str, detector: Detector, stock: Hider) -> Iterator[Figure]:
    """Seconds for all sessions of a split, warm, one process, medians of three, ours then stock."""
    sessions = [lines_of(session) for session in load_sessions(split)]  # type: ignore[arg-type]
    n_words = sum(len(line.text.split()) for lines in sessions for line in lines)
    ways: dict[str, Callable[[Sequence[Line]], object]] = {
        "ours": lambda lines: hide_conversation(lines, detector),
        "stock": stock,
    }
    for prefix, hide in ways.items():
        times = []
        for _ in range(3):
            began = time.perf_counter()
            for lines in sessions:
                hide(lines)
            times.append(time.perf_counter() - began)
        yield Figure(
            name=f"{prefix}.speed.seconds_for_7500_words", n=n_words,
            value=sorted(times)[1] * 7_500 / n_words,
        )  # fmt: skip


PUBLIC_SETS: Mapping[str, Callable[[], tuple[Line, ...]]] = {
    "asq_phi": read_asq, "deidgate_seed": read_seed, "presidio_research": read_research,
    "wnut17": read_wnut,
}  # fmt: skip
PARTS = ("corpus", "names", *PUBLIC_SETS, "speed")


def measure(
    part: str, *, split: str, detector: Detector, stock: Hider, show: bool = False
) -> Iterator[Figure]:
    """Measure one part. Raises `FileNotFoundError` if its data is not there."""
    if part == "corpus":
        yield from measure_corpus(split, detector, stock, show=show)
    elif part == "names":
        yield from measure_names(split, detector, stock)
    elif part == "speed":
        yield from measure_speed(split, detector, stock)
    else:
        yield from measure_public(part, detector, stock)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m evals.deidentification")
    parser.add_argument("--split", default="test", choices=("train", "dev", "test"))
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--show", action="store_true", help="print leaked (fictional) surfaces")
    options = parser.parse_args()
    parts = options.only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; parts are {', '.join(PARTS)}")
    detector = load_detector(settings=load_settings())
    stock = load_stock()
    figures: list[Figure] = []
    for part in parts:
        try:
            for figure in measure(
                part, split=options.split, detector=detector, stock=stock, show=options.show
            ):
                interval = "" if figure.low is None else f"  [{figure.low:.3f}, {figure.high:.3f}]"
                print(f"{figure.name:58} {figure.value:9.4f}  n={figure.n}{interval}", flush=True)
                figures.append(figure)
        except FileNotFoundError:
            print(f"{part}: skipped, its data is not there", flush=True)
    if options.out is not None:
        rows = [asdict(figure) for figure in figures]
        options.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
