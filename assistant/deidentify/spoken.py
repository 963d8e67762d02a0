"""Numbers and spellings as they are said: "five five five, oh one four two", "double four".

A run is a stretch of such words; `read_runs` gives its digits and letters. What the run is
(a telephone number, a docket) is decided by the recognizers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import regex

_DIGITS = {
    "zero": "0",
    "oh": "0",
    "o": "0",
    "nought": "0",
    "naught": "0",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "niner": "9",
}
_TEENS = {
    "ten": "10",
    "eleven": "11",
    "twelve": "12",
    "thirteen": "13",
    "fourteen": "14",
    "fifteen": "15",
    "sixteen": "16",
    "seventeen": "17",
    "eighteen": "18",
    "nineteen": "19",
}
_TENS = {
    "twenty": "2",
    "thirty": "3",
    "forty": "4",
    "fifty": "5",
    "sixty": "6",
    "seventy": "7",
    "eighty": "8",
    "ninety": "9",
}
_REPEAT = {"double": 2, "triple": 3, "treble": 3}
_ROUND = {"hundred": "00", "thousand": "000"}
_JOIN = {
    "dash",
    "hyphen",
    "dot",
    "point",
    "slash",
    "area",
    "code",
    "then",
    "um",
    "uh",
    "space",
    "and",
    "extension",
    "ext",
}
_TOKEN = regex.compile(r"\p{L}+(?:['’]\p{L}+)?|\d+|[^\s]")
_PUNCTUATION = set(",.-–—/()+#·")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A stretch of said digits and letters. `value` holds them joined, e.g. "24TR03817"."""

    start: int
    end: int
    value: str
    n_spoken: int  # tokens that were number words
    n_tokens: int  # tokens that carry a digit or a letter
    n_letters: int
    n_small: int  # number words for one digit


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int
    value: str
    kind: str  # digit, teen, tens, numeral, letter, join, repeat, round


def read_runs(text: str, *, letters: bool = False) -> Iterator[Run]:
    """Yield every maximal run of digit words, numerals and, if asked, single letters."""
    run: list[_Piece] = []
    for piece in _pieces(text, letters=letters):
        if piece is None:
            yield from _close(run)
            run = []
        else:
            run.append(piece)
    yield from _close(run)


def _pieces(text: str, *, letters: bool) -> Iterator[_Piece | None]:
    for match in _TOKEN.finditer(text):
        word = match.group().casefold()
        kind, value = _kind(word, letters=letters, raw=match.group())
        yield _Piece(match.start(), match.end(), value, kind) if kind else None


def _kind(word: str, *, letters: bool, raw: str) -> tuple[str, str]:
    if word.isascii() and word.isdigit():
        return "numeral", word
    for table, kind in ((_DIGITS, "digit"), (_TEENS, "teen"), (_TENS, "tens"), (_ROUND, "round")):
        if word in table and not (letters and raw == "O"):
            return kind, table[word]
    if word in _REPEAT:
        return "repeat", str(_REPEAT[word])
    if word in _JOIN or word in _PUNCTUATION:
        return "join", word
    if letters and len(word) == 1 and word.isalpha():
        return "letter", word.upper()
    return "", ""


def _close(pieces: list[_Piece]) -> Iterator[Run]:
    carrying = [
        i for i, piece in enumerate(pieces) if piece.kind not in ("join", "repeat", "round")
    ]
    while carrying and pieces[carrying[0]].value in ("A", "I"):
        carrying = carrying[1:]  # "a five", "I four": words before a number
    if not carrying:
        return
    first, last = carrying[0], carrying[-1]
    if first and pieces[first - 1].kind == "repeat":
        first -= 1
    if last + 1 < len(pieces) and pieces[last + 1].kind == "round":
        last += 1
    inside = pieces[first : last + 1]
    yield Run(
        start=inside[0].start,
        end=inside[-1].end,
        value=_value(inside),
        n_spoken=sum(piece.kind in ("digit", "teen", "tens", "round") for piece in inside),
        n_tokens=sum(piece.kind not in ("join", "repeat") for piece in inside),
        n_letters=sum(piece.kind == "letter" for piece in inside),
        n_small=sum(piece.kind == "digit" for piece in inside),
    )


def _value(pieces: list[_Piece]) -> str:
    out: list[str] = []
    repeat = 1
    open_tens = False  # "forty" waits for "two"; alone it is 40
    for piece in pieces:
        if piece.kind == "join":
            open_tens = open_tens if piece.value == "-" else _settle(out, open_tens)
        elif piece.kind == "repeat":
            repeat = int(piece.value)
        elif piece.kind == "tens":
            open_tens = _settle(out, open_tens)
            out.append(piece.value)
            open_tens = True
        elif piece.kind == "digit" and open_tens and piece.value != "0":
            out.append(piece.value)
            open_tens = False
        else:
            open_tens = _settle(out, open_tens)
            out.append(piece.value * repeat)
            repeat = 1
    _settle(out, open_tens)
    return "".join(out)


def _settle(out: list[str], open_tens: bool) -> bool:
    if open_tens:
        out.append("0")
    return False
