"""Exchange the identifiers of a session for others, so that a recognizer learns context.

Every person, place, agency, number and address gets another surface of the same kind, the same one
throughout the session; dates, ages and OTHER stay. Case follows the surface replaced: speech
recognition stays lower case. The rows are for training in memory: exchanged phone numbers leave
the range kept for fiction.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from models.corpus.rows import IdentifierRow, Mark, Session
from models.corpus.scheme import CORPUS

_DIGIT_WORDS = (
    "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
)  # fmt: skip
_SPELLED = re.compile(r"\w([ -]|, )\w(?:\1\w)+")  # a name letter by letter
_WORD = re.compile(r"[^\W\d_]+|\d|[\W_]")
Invent = Callable[[str], str]
INVENTED = 0.35  # share of names that are made up, where somebody makes them up
_KEPT_TYPES = frozenset({"DATE", "AGE", "OTHER"})  # their shape is what a recognizer reads


@cache
def load_lists(path: Path = CORPUS / "swap.toml") -> Mapping[str, Mapping[str, list[str]]]:
    """The lists of `swap.toml`: given, family, nickname, place, org."""
    with path.open("rb") as file:
        return tomllib.load(file)


class Swapper:
    """Chooses another surface for each one, the same throughout; the same `rng`, the same choices.

    `invent` makes up a name of a kind ("given", "family", "town"); without it all are from lists.
    `kept` is the share of surfaces of a type that stay: the lists of agencies are short.
    """

    def __init__(
        self, *, rng: random.Random, invent: Invent | None = None,
        kept: Mapping[str, float] | None = None,
    ) -> None:  # fmt: skip
        self._rng = rng
        self._invent = invent
        self._kept = kept or {}
        self._chosen: dict[tuple[str, str], str] = {}
        self._names: dict[str, str] = {}

    def other(self, kind: str, surface: str) -> str:
        """Return what stands for a surface, in its case."""
        key = (kind, surface.lower())
        if key not in self._chosen:
            self._chosen[key] = self._other_surface(kind, surface)
        return in_case_of(surface, self._chosen[key])

    def swap(self, text: str, marks: Sequence[Mark]) -> tuple[str, tuple[Mark, ...]]:
        """Return the text with other surfaces, and the marks where they stand now."""
        words, moved, at = "", [], 0
        for mark in marks:
            words += text[at : mark.start]
            surface = self.other(mark.type, mark.surface)
            start = len(words)
            words += surface
            moved.append(Mark(start=start, end=len(words), type=mark.type, surface=surface))
            at = mark.end
        return words + text[at:], tuple(moved)

    def _other_surface(self, kind: str, surface: str) -> str:
        lists, rng = load_lists(), self._rng
        if kind in self._kept and rng.random() < self._kept[kind]:
            return surface
        letters = _SPELLED.fullmatch(surface)
        if kind in ("PERSON", "NICKNAME") and letters:
            return letters[1].join(self._name("given", surface.lower()).upper())
        if kind == "PERSON":
            first, *rest = surface.lower().split()
            given = self._name("given", first)
            return f"{given} {self._name('family', rest[-1])}" if rest else given
        if kind == "NICKNAME":
            return rng.choice(lists["nickname"]["all"])
        if kind == "LOCATION":
            return self._place(surface)
        if kind == "ORG":
            return f"{rng.choice(lists['org']['name'])} {rng.choice(lists['org']['kind'])}"
        if kind in _KEPT_TYPES:
            return surface
        return "".join(_other_character(piece, rng) for piece in _WORD.findall(surface))

    def _name(self, kind: str, word: str) -> str:
        if word not in self._names:
            self._names[word] = self._from_list_or_invented(
                kind, lambda: _any_of(load_lists()[kind], self._rng)
            )
        return self._names[word]

    def _place(self, surface: str) -> str:
        """Corners stay corners, streets streets; the rest becomes a town."""
        places, rng = load_lists()["place"], self._rng
        if any(char.isdigit() for char in surface):
            return "".join(_other_character(piece, rng) for piece in _WORD.findall(surface))
        one, two = rng.sample(places["street"], 2)
        if " and " in surface.lower():
            return f"{one} and {two}"
        if any(surface.lower().split()[-1] == k.lower() for k in places["street_kind"]):
            return f"{one} {rng.choice(places['street_kind'])}"
        return self._from_list_or_invented("town", lambda: rng.choice(places["town"]))

    def _from_list_or_invented(self, kind: str, choose: Callable[[], str]) -> str:
        if self._invent is not None and self._rng.random() < INVENTED:
            return self._invent(kind)
        return choose()


def swap_session(
    session: Session,
    *,
    rng: random.Random,
    invent: Invent | None = None,
    kept: Mapping[str, float] | None = None,
) -> tuple[IdentifierRow, ...]:
    """The session's lines with other identifiers; the same `rng` state gives the same lines."""
    swapper = Swapper(rng=rng, invent=invent, kept=kept)
    rows = []
    for turn in session.turns:
        speaker = swapper.other(turn.speaker_type, turn.speaker)
        plain, marks = swapper.swap(turn.plain, turn.marks)
        rows.append(
            IdentifierRow(
                session=session.id, turn=turn.number, speaker=speaker, plain=plain, marks=marks
            )
        )
    return tuple(rows)


def _any_of(table: Mapping[str, list[str]], rng: random.Random) -> str:
    return rng.choice(table[rng.choice(sorted(table))])


def _other_character(piece: str, rng: random.Random) -> str:
    """Digits change, spoken digits too; letters alone change, words stay (dot, at, dash, names)."""
    if piece.isdigit():
        return str(rng.randrange(10))
    if piece.lower() in _DIGIT_WORDS:
        return rng.choice(_DIGIT_WORDS)
    if len(piece) == 1 and piece.isascii() and piece.isalpha():
        letter = rng.choice("abcdefghjklmnprstuvwxyz")
        return letter.upper() if piece.isupper() else letter
    return piece


def in_case_of(surface: str, words: str) -> str:
    if surface.islower():
        return words.lower()
    if len(surface) > 1 and surface.isupper() and surface.isalpha():
        return words.upper()
    return words
