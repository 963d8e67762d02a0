"""What drafts of a split of the practice corpus hold, leave out and make up.

    python -m evals.notes [--split dev] [--voice tidied] [--baselines model] [--show]

Completeness and faithfulness stand apart, and no figure sums them up. Hiding and the safety topics
are the product's own. Definitions, all but `together` apart:

- An *item* is a gold statement of salience 2. It is *found* if a sentence cites its turn, and
  *found in its words* if a sentence cites over 0.3 of its characters.
- *Right section*: of the items found in their words, those that such a sentence gives the gold
  section.
- A sentence *belongs* if the gold statement it cites most of has a section and a salience above 0.
- *Kept out*: gold statements asked not to be recorded, or about safety, of which a sentence cites
  over 0.3.
- *Own words* as in `assistant.draft.ownwords`. A sentence word for word is *exact* if the evidence
  holds it, surrogates aside. *Identifiers*: marked ones that a sentence still holds.
- A group is *below* if its figure is more than 5 points under that of all; with few cases the
  interval says how little that tells.

Baselines, on the same sessions: every statement, the first statements up to the same length, and
(`--baselines model`) one prompt of the whole transcript to the same small model, each of its
sentences taken as citing the turn that shares most of its words, if that is half of them.

What it cannot tell: the sessions are fiction, and a person may find another note right. Use `dev`
while building; `test` is for the figures of a finished part.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from assistant.deidentify import remove_identifiers
from assistant.draft.words import SURROGATE, count_words, split_forms
from assistant.pipeline import load_parts
from assistant.records import Deidentified, Draft, Evidence, HeldBack
from assistant.settings import load_settings
from evals.corpus import draft_session, read_session
from evals.figure import Figure, share
from models.corpus import load_sessions
from models.corpus.rows import Session

CITED = 0.3  # boundaries of statements differ between the drafter and the gold
GROUPS = ("dialect", "gender", "form")
_BELOW = 0.05
# Of a turn's reasons to stay out, the one that is named first.
_GRAVEST = ("asked_not_to_record", "safety", "instruction", "length")
_LONG_TURNS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A sentence of a note, whoever wrote it. `section` is empty where there are none."""

    section: str
    places: tuple[Evidence, ...]
    text: str = field(repr=False)
    own_words: float
    is_verbatim: bool


@dataclass(slots=True)
class Tally:
    """Counts of some sessions, by name."""

    counts: Counter[str] = field(default_factory=Counter)
    own_words: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.counts.update(other.counts)
        self.own_words += other.own_words
        self.shares += other.shares
        self.lengths += other.lengths


def sentences_of(draft: Draft) -> list[Told]:
    return [
        Told(
            section=section.name, places=tuple(sentence.evidence), text=sentence.text,
            own_words=sentence.own_words, is_verbatim=sentence.origin == "verbatim",
        )
        for section in draft.sections
        if section.name != "together"
        for sentence in section.sentences
    ]  # fmt: skip


def count_session(
    session: Session,
    told: Sequence[Told],
    hidden: Deidentified,
    *,
    n_more: int = 0,
    held_back: Sequence[HeldBack] = (),
    show: bool = False,
) -> Tally:
    """Compare the sentences of one note with the session's gold; `n_more` words stand beside."""
    reasons: dict[int, set[str]] = defaultdict(set)
    for held in held_back:
        reasons[held.turn].add(held.reason)
    tally = Tally(own_words=[one.own_words for one in told])
    counts = tally.counts
    gold = session.gold["statements"]
    for entry in gold:
        least = CITED * (entry["end"] - entry["start"])
        by_words = {one.section for one in told if _overlap(one.places, entry) > least}
        if entry["section"] != "none" and entry["salience"] == 2:
            by_turn = any(p.turn == entry["turn"] for one in told for p in one.places)
            counts["items"] += 1
            counts["found"] += by_turn
            counts["in_words"] += bool(by_words)
            counts["section"] += entry["section"] in by_words
            if held_back and not by_turn:
                counts[f"lost {_gravest(reasons[entry['turn']])}"] += 1
            if show and not by_turn:
                print(f"  {session.id} turn {entry['turn']}: not found")
        if entry.get("reason") == "asked_not_to_record":
            counts["asked"] += 1
            counts["asked_known"] += "asked_not_to_record" in reasons[entry["turn"]]
        if by_words and entry.get("reason") in {"asked_not_to_record", "safety"}:
            counts[entry["reason"]] += 1
            if show:
                print(f"  {session.id} turn {entry['turn']}: {entry['reason']}")
    for one in told:
        best = max(gold, key=lambda entry: _overlap(one.places, entry), default=None)
        reached = best is not None and _overlap(one.places, best) > 0
        belongs = bool(best and reached and best["section"] != "none" and best["salience"] > 0)
        counts["sentences"] += 1
        counts["belongs"] += belongs
        counts["without_evidence"] += not one.places
        if show and best and not belongs:
            why = best.get("reason") or "no weight"
            print(f"  {session.id} turn {best['turn']}: does not belong, {why}")
    _count_faults(session, told, hidden, counts)
    said = sum(count_words(turn.text) for turn in hidden.turns if turn.role == "person")
    length = n_more + sum(count_words(one.text) for one in told)
    tally.lengths.append(length)
    if len(hidden.turns) > _LONG_TURNS:
        tally.shares.append(length / max(said, 1))
    return tally


def _gravest(reasons: Set[str]) -> str:
    """The first of `_GRAVEST` among them, else the first by name."""
    order = sorted(reasons, key=lambda one: (one not in _GRAVEST, one))
    return next((one for one in _GRAVEST if one in reasons), order[0] if order else "unknown")


def _count_faults(
    session: Session, told: Sequence[Told], hidden: Deidentified, counts: Counter[str]
) -> None:
    by_number = {turn.number: turn for turn in hidden.turns}
    marks = {mark.surface.lower() for turn in session.turns for mark in turn.marks}
    for one in told:
        turns = [by_number[place.turn] for place in one.places]
        counts["from_others"] += any(turn.role != "person" for turn in turns)
        if one.is_verbatim:
            counts["verbatim"] += 1
            counts["exact"] += any(one.text in " ".join(turn.text.split()) for turn in turns)
        plain = f" {' '.join(split_forms(SURROGATE.sub(' ', one.text)))} "
        counts["identifiers"] += sum(f" {' '.join(split_forms(mark))} " in plain for mark in marks)


def _overlap(places: Iterable[Evidence], entry: Mapping[str, int]) -> int:
    return sum(
        max(0, min(place.end, entry["end"]) - max(place.start, entry["start"]))
        for place in places
        if place.turn == entry["turn"]
    )


# ---------------------------------------------------------------- baselines


def every_statement(session: Session, hidden: Deidentified) -> list[Told]:
    """All that the person said, turn by turn."""
    return [
        Told(
            section="", places=(_whole(turn.number, session),), text=turn.text, own_words=1.0,
            is_verbatim=True,
        )
        for turn in hidden.turns
        if turn.role == "person" and turn.text.strip()
    ]  # fmt: skip


def lead(session: Session, hidden: Deidentified, *, max_words: int) -> list[Told]:
    """The person's first turns, up to the length a note may have."""
    said = sum(count_words(turn.text) for turn in hidden.turns if turn.role == "person")
    left = min(max_words, int(0.35 * said)) if len(hidden.turns) > _LONG_TURNS else max_words
    kept = []
    for one in every_statement(session, hidden):
        left -= count_words(one.text)
        if left < 0:
            break
        kept.append(one)
    return kept


def by_prompt(session: Session, hidden: Deidentified) -> list[Told]:
    """What the small model writes from one prompt of the whole transcript."""
    from evals.whole_prompt import write_note

    turns = [turn for turn in hidden.turns if turn.role == "person"]
    forms = [set(split_forms(turn.text)) for turn in turns]
    told = []
    for section, text in write_note(hidden, settings=load_settings()):
        own = set(split_forms(text))
        shared = [len(own & one) / max(len(own), 1) for one in forms]
        best = max(range(len(turns)), key=shared.__getitem__, default=None)
        near = best is not None and shared[best] >= 0.5
        told.append(
            Told(
                section=section, text=text, is_verbatim=False,
                places=(_whole(turns[best].number, session),) if near and best is not None else (),
                own_words=max(shared, default=0.0),
            )
        )  # fmt: skip
    return told


def _whole(number: int, session: Session) -> Evidence:
    text = session.turns[number - 1].plain
    return Evidence(turn=number, start=0, end=len(text))


# ---------------------------------------------------------------- report


def print_tally(title: str, tally: Tally) -> None:
    counts = tally.counts
    rows = (
        ("items found (their turn is cited)", "found", "items"),
        ("items found in their words", "in_words", "items"),
        ("right section, of those", "section", "in_words"),
        ("sentences that belong", "belongs", "sentences"),
        ("word for word and exact", "exact", "verbatim"),
    )
    print(title)
    for label, hits, n in rows:
        figure = share(label, counts[hits], counts[n])
        print(f"  {label:36} {counts[hits]:4d}/{counts[n]:<4d} {figure.value:.3f}  "
              f"({figure.low:.3f} to {figure.high:.3f})")  # fmt: skip
    mean = sum(tally.own_words) / max(len(tally.own_words), 1)
    print(f"  own words {mean:.3f}, worst {min(tally.own_words, default=1.0):.3f}; "
          f"words {max(tally.lengths, default=0)} at most, "
          f"share of what was said {max(tally.shares, default=0.0):.3f} at most")  # fmt: skip
    lost = {name[5:]: n for name, n in counts.most_common() if name.startswith("lost ")}
    if lost:
        print("  items not found, by why their turn stays out: "
              + ", ".join(f"{name} {n}" for name, n in lost.items()))  # fmt: skip
        print(f"  turns of statements asked out that are held back for it: "
              f"{counts['asked_known']}/{counts['asked']}")  # fmt: skip
    faults = ("asked_not_to_record", "safety", "identifiers", "from_others", "without_evidence")
    print("  " + ", ".join(f"{name} {counts[name]}" for name in faults), flush=True)


def print_groups(by_group: Mapping[tuple[str, str], Tally], all_of: Tally) -> None:
    pairs = (("found", "items"), ("section", "in_words"), ("belongs", "sentences"))
    for (kind, name), tally in sorted(by_group.items()):
        cells = []
        for hits, n in pairs:
            figure = share(hits, tally.counts[hits], tally.counts[n])
            whole = all_of.counts[hits] / max(all_of.counts[n], 1)
            mark = " below" if figure.n and figure.value < whole - _BELOW else ""
            cells.append(f"{hits} {figure.value:.2f} of {figure.n} "
                         f"({figure.low:.2f} to {figure.high:.2f}){mark}")  # fmt: skip
        print(f"  {kind:8} {name:36} " + "; ".join(cells))


def measure_drafts(split: str) -> Iterator[Figure]:
    """The figures of a report: ours and two baselines on the same sessions."""
    parts = load_parts(load_settings(), with_details=False)
    tallies: dict[str, Tally] = defaultdict(Tally)
    for session in load_sessions(split):  # type: ignore[arg-type]
        hidden, _ = remove_identifiers(read_session(session), detector=parts.detector)
        draft = draft_session(hidden, parts, voice="tidied")
        told = {
            "": sentences_of(draft), "every_statement.": every_statement(session, hidden),
            "first_statements.": lead(session, hidden, max_words=parts.max_words),
        }  # fmt: skip
        for name, sentences in told.items():
            tallies[name].add(
                count_session(
                    session, sentences, hidden, n_more=0 if name else _together(draft),
                    held_back=() if name else draft.held_back,
                )
            )  # fmt: skip
    for name, tally in tallies.items():
        for measure, hits, n in _SHARES:
            yield share(f"drafting.{name}{measure}", tally.counts[hits], tally.counts[n])
    ours = tallies[""]
    for fault in ("asked_not_to_record", "safety", "identifiers", "from_others"):
        yield Figure(
            name=f"drafting.{fault}_cited", value=ours.counts[fault], n=ours.counts["sentences"]
        )
    yield Figure(name="drafting.own_words_min", value=min(ours.own_words), n=len(ours.own_words))
    yield Figure(name="drafting.most_words", value=max(ours.lengths), n=len(ours.lengths))


_SHARES = (
    ("items_found", "found", "items"), ("items_in_their_words", "in_words", "items"),
    ("right_section", "section", "in_words"), ("sentences_that_belong", "belongs", "sentences"),
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Draft the sessions of a split and count.")
    parser.add_argument("--split", choices=("train", "dev", "test"), default="dev")
    parser.add_argument("--voice", choices=("tidied", "exact"), default="tidied")
    parser.add_argument("--baselines", choices=("none", "plain", "model"), default="plain")
    parser.add_argument("--show", action="store_true", help="name turns, never words")
    options = parser.parse_args(arguments)
    parts = load_parts(load_settings(), with_model=options.voice == "tidied", with_details=False)
    ours, groups = Tally(), defaultdict(Tally)
    others: dict[str, Tally] = defaultdict(Tally)
    for session in load_sessions(options.split):
        hidden, _ = remove_identifiers(read_session(session), detector=parts.detector)
        draft = draft_session(hidden, parts, voice=options.voice)
        counted = count_session(
            session, sentences_of(draft), hidden, n_more=_together(draft),
            held_back=draft.held_back, show=options.show,
        )  # fmt: skip
        ours.add(counted)
        for kind in GROUPS:
            groups[kind, _group(session, kind)].add(counted)
        if options.baselines != "none":
            every = every_statement(session, hidden)
            others["every statement"].add(count_session(session, every, hidden))
            first = lead(session, hidden, max_words=parts.max_words)
            others["the first statements"].add(count_session(session, first, hidden))
        if options.baselines == "model":
            written = by_prompt(session, hidden)
            others["one prompt to the model"].add(count_session(session, written, hidden))
    print_tally(f"drafts, {options.split}, {options.voice}", ours)
    for name, tally in others.items():
        print_tally(f"baseline: {name}", tally)
    print_groups(groups, ours)
    return 0


def _together(draft: Draft) -> int:
    """Words of what the two did together."""
    return sum(
        count_words(sentence.text)
        for section in draft.sections
        if section.name == "together"
        for sentence in section.sentences
    )


def _group(session: Session, kind: str) -> str:
    value = session.gold["form"] if kind == "form" else session.gold["groups"].get(kind, "not said")
    return str(value)


if __name__ == "__main__":
    sys.exit(main())
