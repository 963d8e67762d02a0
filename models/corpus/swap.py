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
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from models.corpus.rows import IdentifierRow, Mark, Session
from models.corpus.scheme import CORPUS

_DIGIT_WORDS = (
    "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
)  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+|\d|[\W_]")
_KEPT_TYPES = frozenset({"DATE", "AGE", "OTHER"})  # their shape is what a recognizer reads


@cache
def load_lists(path: Path = CORPUS / "swap.toml") -> Mapping[str, Mapping[str, list[str]]]:
    """The lists of `swap.toml`: given, family, nickname, place, org."""
    with path.open("rb") as file:
        return tomllib.load(file)


def swap_session(session: Session, *, rng: random.Random) -> tuple[IdentifierRow, ...]:
    """The session's lines with other identifiers; the same `rng` state gives the same lines."""
    chosen: dict[tuple[str, str], str] = {}
    first_names: dict[str, str] = {}

    def other(kind: str, surface: str) -> str:
        key = (kind, surface.lower())
        if key not in chosen:
            chosen[key] = _other_surface(kind, surface, first_names, rng)
        return _in_case_of(surface, chosen[key])

    rows = []
    for turn in session.turns:
        speaker = other(turn.speaker_type, turn.speaker)
        words, marks, at = "", [], 0
        for mark in turn.marks:
            words += turn.plain[at : mark.start]
            surface = other(mark.type, mark.surface)
            start = len(words)
            words += surface
            marks.append(Mark(start=start, end=len(words), type=mark.type, surface=surface))
            at = mark.end
        words += turn.plain[at:]
        rows.append(
            IdentifierRow(
                session=session.id,
                turn=turn.number,
                speaker=speaker,
                plain=words,
                marks=tuple(marks),
            )
        )
    return tuple(rows)


def _other_surface(kind: str, surface: str, first_names: dict[str, str], rng: random.Random) -> str:
    lists = load_lists()
    if kind == "PERSON":
        parts = surface.lower().split()
        given = first_names.get(parts[0])
        if given is None:
            given = first_names[parts[0]] = rng.choice(lists["given"][_any(lists["given"], rng)])
        if len(parts) == 1:
            return given
        last = first_names.get(parts[-1])
        if last is None:
            last = rng.choice(lists["family"][_any(lists["family"], rng)])
            first_names[parts[-1]] = last
        return f"{given} {last}"
    if kind == "NICKNAME":
        return rng.choice(lists["nickname"]["all"])
    if kind == "LOCATION":
        return _place(surface, rng)
    if kind == "ORG":
        return f"{rng.choice(lists['org']['name'])} {rng.choice(lists['org']['kind'])}"
    if kind in _KEPT_TYPES:
        return surface
    return "".join(_other_character(piece, rng) for piece in _WORD.findall(surface))


def _any(table: Mapping[str, list[str]], rng: random.Random) -> str:
    return rng.choice(sorted(table))


def _place(surface: str, rng: random.Random) -> str:
    """Corners stay corners, streets streets; the rest becomes a town."""
    places = load_lists()["place"]
    one, two = rng.sample(places["street"], 2)
    if " and " in surface.lower():
        return f"{one} and {two}"
    if any(surface.lower().split()[-1] == k.lower() for k in places["street_kind"]):
        return f"{one} {rng.choice(places['street_kind'])}"
    return rng.choice(places["town"])


def _other_character(piece: str, rng: random.Random) -> str:
    """Digits change, spoken digits too; letters alone change, words stay (dot, at, dash, names)."""
    if piece.isdigit():
        return str(rng.randrange(10))
    if piece.lower() in _DIGIT_WORDS:
        return rng.choice(_DIGIT_WORDS)
    if len(piece) == 1 and piece.isascii() and piece.isalpha():
        return rng.choice("abcdefghjklmnprstuvwxyz")
    return piece


def _in_case_of(surface: str, words: str) -> str:
    if surface.islower():
        return words.lower()
    if len(surface) > 1 and surface.isupper() and surface.isalpha():
        return words.upper()
    return words
