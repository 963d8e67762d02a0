"""Talk written for training: excerpts with labelled statements, and short talks with claims.

    == setting, place, dialect, form
    A: what the peer says
    B: [label salience] a statement [label salience] another
    + 2,6 | a sentence that lines 2 and 6 carry
    - kind 2 | a sentence that they do not

In `models/data/excerpts` every statement of the person is labelled; in `models/data/requests` too,
and people ask for much to stay out. In `models/data/claims` and `models/data/denials` talk is short
and bare, and claims are many. In `models/data/asked` the label `out` says what was asked to stay
out, and `{ask|words}` and `{lift|words}` stand around the words that ask for it and take it back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_DATA = Path(__file__).resolve().parent / "data"
EXCERPTS = _DATA / "excerpts"
CLAIMS = _DATA / "claims"
DENIALS = _DATA / "denials"
REQUESTS = _DATA / "requests"
ASKED = _DATA / "asked"
HELD_OUT = ("p", "q", "r")  # files of REQUESTS that nothing learns from
_TAG = re.compile(r"\[([a-z_]+|-) ([012])\] ?")
_PLACE = re.compile(r"\{(ask|lift)\|([^{}]+)\}")
_LABEL_OF = {"out": "asked_not_to_record", "-": "small_talk"}
_CLAIM = re.compile(r"(?:\+|- ([a-z_]+)) ([\d,]+) \| (.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidLine:
    """One line of talk. `statements` are (label, salience, text); empty for the peer and in short
    talks."""

    role: str  # "person" or "peer"
    text: str = field(repr=False)
    statements: tuple[tuple[str, int, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcerptClaim:
    """`kind` is empty for a claim that lines `lines` (1-based) support."""

    kind: str
    lines: tuple[int, ...]
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    about: str
    lines: tuple[SaidLine, ...]
    claims: tuple[ExcerptClaim, ...]


def read_excerpts(folder: Path = EXCERPTS, *, only: str = "*") -> Iterator[Excerpt]:
    """Read all files in order, or only one. Raises `ValueError` naming file and line that do not
    fit."""
    for path in sorted(folder.glob(f"{only}.txt")):
        about = ""
        lines: list[SaidLine] = []
        claims: list[ExcerptClaim] = []
        for number, row in enumerate(path.read_text("utf-8").splitlines(), 1):
            if not row or row.startswith("#"):
                continue
            if row.startswith("== "):
                if lines:
                    yield Excerpt(about=about, lines=tuple(lines), claims=tuple(claims))
                about, lines, claims = row[3:], [], []
            elif row.startswith("A: "):
                lines.append(SaidLine(role="peer", text=row[3:]))
            elif row.startswith("B: ") and _TAG.match(row[3:]):
                lines.append(_said(row[3:]))
            elif row.startswith("B: ") and folder in (CLAIMS, DENIALS):
                lines.append(SaidLine(role="person", text=row[3:]))
            elif match := _CLAIM.fullmatch(row):
                where = tuple(int(one) for one in match[2].split(","))
                claims.append(ExcerptClaim(kind=match[1] or "", lines=where, text=match[3]))
            else:
                raise ValueError(f"{path.name} line {number} is not a line of an excerpt")
        if lines:
            yield Excerpt(about=about, lines=tuple(lines), claims=tuple(claims))


def _said(marked: str) -> SaidLine:
    parts = _TAG.split(marked)[1:]
    statements = tuple(
        (label, int(salience), text.strip())
        for label, salience, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    )
    return SaidLine(
        role="person", text=" ".join(text for _, _, text in statements), statements=statements
    )


Marked = tuple[int, str, str]


def read_asked(
    folder: Path = ASKED, *, only: str = "*"
) -> Iterator[tuple[Excerpt, tuple[Marked, ...]]]:
    """Talks with the places where somebody asks or lifts: line (1-based), kind, words."""
    for talk in read_excerpts(folder, only=only):
        lines, places = [], []
        for number, line in enumerate(talk.lines, 1):
            statements = []
            for label, salience, text in line.statements:
                places += [(number, match[1], match[2]) for match in _PLACE.finditer(text)]
                statements.append((_LABEL_OF.get(label, label), salience, _PLACE.sub(r"\2", text)))
            text = " ".join(text for _, _, text in statements) if statements else line.text
            lines.append(SaidLine(role=line.role, text=text, statements=tuple(statements)))
        yield Excerpt(about=talk.about, lines=tuple(lines), claims=()), tuple(places)
