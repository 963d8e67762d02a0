"""Sessions and training rows for each learned part, read from the session files.

Every row carries its session's id, so that results can be broken down by setting or group, and
every loader takes a split, so that nothing is tuned on test by accident. Words stand in two ways:
fields named `plain` hold the fictional names, the others surrogates such as `<PERSON_1>`, numbered
by first appearance in the session.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from models.corpus.files import read_pair, read_splits, session_ids
from models.corpus.lint import LINE
from models.corpus.scheme import CORPUS
from models.corpus.source import MARK, strip_marks

Split = Literal["train", "dev", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An identifier of a turn; offsets into the unmarked words."""

    start: int
    end: int
    type: str
    surface: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusTurn:
    """One line of a session. `marked` holds `{{TYPE|surface}}`, `plain` does not."""

    number: int
    speaker: str = field(repr=False)
    speaker_type: str
    role: Literal["person", "peer", "other"]
    marked: str = field(repr=False)
    plain: str = field(repr=False)
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Session:
    """One session with its gold (`models/data/corpus/README.md` names the keys)."""

    id: str
    split: str
    turns: tuple[CorpusTurn, ...] = field(repr=False)
    gold: dict[str, Any] = field(repr=False)

    @cached_property
    def surrogates(self) -> dict[tuple[str, str], str]:
        """(type, lower-case surface) to surrogate; a first name and its full name are one."""
        table: dict[tuple[str, str], str] = {}
        counts: dict[str, int] = {}
        for turn in self.turns:
            spoken = ((mark.type, mark.surface) for mark in turn.marks)
            for kind, surface in ((turn.speaker_type, turn.speaker), *spoken):
                key = (kind, surface.lower())
                if key not in table:
                    known = _same_person(key, table)
                    if known is None:
                        counts[kind] = counts.get(kind, 0) + 1
                        known = f"<{kind}_{counts[kind]}>"
                    table[key] = known
        return table

    def hide(self, marked: str) -> str:
        """`marked` with a surrogate in place of every identifier."""
        return MARK.sub(lambda m: self.surrogates.get((m[1], m[2].lower()), f"<{m[1]}>"), marked)

    def marked_slice(self, turn: int, start: int, end: int) -> str:
        """The marked words at offsets of the unmarked ones."""
        here = self.turns[turn - 1]
        out, at = [], start
        for mark in here.marks:
            if mark.start >= end or mark.end <= start:
                continue
            out.append(here.plain[at : mark.start])
            out.append(f"{{{{{mark.type}|{mark.surface}}}}}")
            at = mark.end
        out.append(here.plain[at:end])
        return "".join(out)

    def question_before(self, turn: int) -> CorpusTurn | None:
        """The nearest earlier turn that is not the person's."""
        return next((t for t in reversed(self.turns[: turn - 1]) if t.role != "person"), None)


def _same_person(key: tuple[str, str], table: dict[tuple[str, str], str]) -> str | None:
    kind, surface = key
    if kind != "PERSON":
        return None
    for (other_kind, other), surrogate in table.items():
        shorter, longer = sorted((surface, other), key=len)
        if other_kind == kind and longer.startswith(shorter + " "):
            return surrogate
    return None


def marks_of(marked: str) -> tuple[Mark, ...]:
    """The identifier marks of a marked line, with offsets into the unmarked line."""
    marks = []
    shift = 0
    for found in MARK.finditer(marked):
        start = found.start() - shift
        marks.append(Mark(start=start, end=start + len(found[2]), type=found[1], surface=found[2]))
        shift += len(found[0]) - len(found[2])
    return tuple(marks)


def load_session(session_id: str, *, folder: Path = CORPUS, split: str = "") -> Session:
    """One session, whatever its split."""
    return build_session(*read_pair(session_id, folder), split=split)


def build_session(text: str, gold: dict[str, Any], *, split: str = "") -> Session:
    """A session from the contents of its two files."""
    turns = []
    for number, line in enumerate(text.splitlines(), 1):
        found = LINE.fullmatch(line)
        if not found:
            raise ValueError(f"session {gold['id']} line {number}: not a marked utterance")
        kind, speaker, marked = found.groups()
        role: Literal["person", "peer", "other"] = "other"
        if speaker == gold["person"]:
            role = "person"
        elif speaker == gold["peer"]:
            role = "peer"
        turns.append(
            CorpusTurn(
                number=number,
                speaker=speaker,
                speaker_type=kind,
                role=role,
                marked=marked,
                plain=strip_marks(marked),
                marks=marks_of(marked),
            )
        )
    return Session(id=gold["id"], split=split, turns=tuple(turns), gold=gold)


def load_sessions(split: Split | None = None, *, folder: Path = CORPUS) -> tuple[Session, ...]:
    """The sessions of one split, or of all three when `split` is None."""
    split_of = {i: name for name, ids in read_splits(folder).items() for i in ids}
    return tuple(
        load_session(session_id, folder=folder, split=split_of[session_id])
        for session_id in session_ids(folder)
        if session_id in split_of and split in (None, split_of[session_id])
    )


# ---------------------------------------------------------------- rows


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifierRow:
    """A line with its identifiers; lines without any are rows too."""

    session: str
    turn: int
    speaker: str = field(repr=False)
    plain: str = field(repr=False)
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """A statement of the person, what came before it, and where it belongs."""

    session: str
    turn: int
    start: int
    end: int
    text: str = field(repr=False)
    plain: str = field(repr=False)
    question: str = field(repr=False)  # the turn it answers
    before: str = field(repr=False)  # the person's previous statement
    after: str = field(repr=False)  # the person's next statement
    section: str  # none, or a section name
    reason: str  # why it is left out; empty for a section
    salience: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TidyRow:
    """A statement, the question before it, and its lightly tidied form."""

    session: str
    turn: int
    statement: str = field(repr=False)
    question: str = field(repr=False)
    tidied: str = field(repr=False)
    statement_plain: str = field(repr=False)
    tidied_plain: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """A first-person sentence, the turns it rests on or distorts, and whether they carry it."""

    session: str
    claim_id: str
    turns: tuple[int, ...]
    claim: str = field(repr=False)
    evidence: tuple[str, ...] = field(repr=False)
    question: str = field(repr=False)
    claim_plain: str = field(repr=False)
    evidence_plain: tuple[str, ...] = field(repr=False)
    supported: bool
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageSpan:
    """A phrase to flag, or a tempting one that is fine; offsets into the row's text."""

    start: int
    end: int
    category: str
    flagged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageRow:
    """Words in the peer's voice: a turn of the session or a sentence typed after it."""

    session: str
    turn: int  # 0 for a sentence typed after the session
    plain: str = field(repr=False)
    spans: tuple[LanguageSpan, ...] = ()


def identifier_rows(
    split: Split | None = None, *, folder: Path = CORPUS
) -> Iterator[IdentifierRow]:
    """Every line with its marks, lines without any included."""
    for session in load_sessions(split, folder=folder):
        for turn in session.turns:
            yield IdentifierRow(
                session=session.id,
                turn=turn.number,
                speaker=turn.speaker,
                plain=turn.plain,
                marks=turn.marks,
            )


def statement_rows(split: Split | None = None, *, folder: Path = CORPUS) -> Iterator[StatementRow]:
    """Every labelled statement with its surroundings."""
    for session in load_sessions(split, folder=folder):
        entries = session.gold["statements"]
        texts = [
            session.hide(session.marked_slice(e["turn"], e["start"], e["end"])) for e in entries
        ]
        for i, entry in enumerate(entries):
            question = session.question_before(entry["turn"])
            yield StatementRow(
                session=session.id,
                turn=entry["turn"],
                start=entry["start"],
                end=entry["end"],
                text=texts[i],
                plain=entry["text"],
                question=session.hide(question.marked) if question else "",
                before=texts[i - 1] if i else "",
                after=texts[i + 1] if i + 1 < len(texts) else "",
                section=entry["section"],
                reason=entry.get("reason", ""),
                salience=entry["salience"],
            )


def tidy_rows(split: Split | None = None, *, folder: Path = CORPUS) -> Iterator[TidyRow]:
    """Every statement with a tidied form."""
    for session in load_sessions(split, folder=folder):
        for entry in session.gold["statements"]:
            if "tidied" not in entry:
                continue
            question = session.question_before(entry["turn"])
            marked = session.marked_slice(entry["turn"], entry["start"], entry["end"])
            yield TidyRow(
                session=session.id,
                turn=entry["turn"],
                statement=session.hide(marked),
                question=session.hide(question.marked) if question else "",
                tidied=session.hide(entry["tidied"]),
                statement_plain=entry["text"],
                tidied_plain=strip_marks(entry["tidied"]),
            )


def claim_rows(split: Split | None = None, *, folder: Path = CORPUS) -> Iterator[ClaimRow]:
    """Every claim with the turns it rests on."""
    for session in load_sessions(split, folder=folder):
        for claim in session.gold["claims"]:
            turns = [session.turns[n - 1] for n in claim["turns"]]
            question = session.question_before(turns[0].number)
            yield ClaimRow(
                session=session.id,
                claim_id=claim["id"],
                turns=tuple(claim["turns"]),
                claim=session.hide(claim["text"]),
                evidence=tuple(session.hide(t.marked) for t in turns),
                question=session.hide(question.marked) if question else "",
                claim_plain=strip_marks(claim["text"]),
                evidence_plain=tuple(t.plain for t in turns),
                supported=claim["supported"],
                kind=claim["kind"],
            )


def language_rows(split: Split | None = None, *, folder: Path = CORPUS) -> Iterator[LanguageRow]:
    """The peer's turns and notes; a row without spans holds nothing to flag."""
    for session in load_sessions(split, folder=folder):
        by_turn: dict[int, list[dict[str, Any]]] = {}
        for entry in session.gold["language"]:
            by_turn.setdefault(entry["turn"], []).append(entry)
        for turn in session.turns:
            if turn.role == "peer":
                spans = _language_spans(by_turn.get(turn.number, []))
                yield LanguageRow(
                    session=session.id, turn=turn.number, plain=turn.plain, spans=spans
                )
        for note in session.gold["peer_notes"]:
            yield LanguageRow(
                session=session.id,
                turn=0,
                plain=strip_marks(note["text"]),
                spans=_language_spans(note["language"]),
            )


def _language_spans(entries: list[dict[str, Any]]) -> tuple[LanguageSpan, ...]:
    return tuple(
        LanguageSpan(start=e["start"], end=e["end"], category=e["category"], flagged=e["flagged"])
        for e in entries
    )
