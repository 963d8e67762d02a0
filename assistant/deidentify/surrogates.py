"""Surrogates: which stand-in each identifier gets, putting them in, and the way back.

`<PERSON_1>` stands for one person in the whole conversation, numbered by first appearance, the
speaker labels included. A nickname has a surrogate of its own (`<NICKNAME_1>`): whose it is would
be a guess, and a wrong name in somebody's note is worse than a second stand-in. Numbers start
above any surrogate-like word that the text already holds, so nobody can type one in.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assistant.deidentify.found import SURROGATE, Found
from assistant.deidentify.roster import is_near, label_names, name_tokens
from assistant.deidentify.rules import Lexicon, fold
from assistant.deidentify.spoken import read_runs
from assistant.records import IdentifierSpan, IdentifierType, Mention, SurrogateMap


@dataclass(slots=True)
class Numbering:
    """Hands out surrogates in the order things appear. Lives for one conversation."""

    lexicon: Lexicon
    taken: Mapping[IdentifierType, int]  # highest number already in the text
    _known: dict[tuple[IdentifierType, str], str] = field(default_factory=dict, repr=False)
    _people: list[tuple[frozenset[str], str]] = field(default_factory=list, repr=False)
    _counts: dict[IdentifierType, int] = field(default_factory=lambda: defaultdict(int))

    def for_label(self, label: str) -> str:
        """Return the surrogate of a speaker; every label has exactly one."""
        key: tuple[IdentifierType, str] = ("PERSON", f"label:{label}")
        if key not in self._known:
            self._known[key] = self._new("PERSON")
            tokens = label_names([label], self.lexicon)
            if tokens:
                self._people.append((tokens, self._known[key]))
        return self._known[key]

    def for_finding(self, type_: IdentifierType, surface: str) -> str:
        """Return the surrogate of an identifier: the same for every way it is written."""
        if type_ == "PERSON":
            return self._for_person(surface)
        key = (type_, entity_key(type_, surface))
        if key not in self._known:
            self._known[key] = self._new(type_)
        return self._known[key]

    def _for_person(self, surface: str) -> str:
        tokens = frozenset(name_tokens(surface, self.lexicon)) or frozenset({_spelled(surface)})
        for position, (known, surrogate) in enumerate(self._people):
            if tokens <= known or known <= tokens:
                self._people[position] = (known | tokens, surrogate)
                return surrogate
        if len(tokens) == 1:
            (token,) = tokens
            for known, surrogate in self._people:
                if any(
                    is_near(token, name)
                    or (
                        len(token) > 2
                        and " " not in surface
                        and "," in surface
                        and name.startswith(token)
                    )
                    for name in known
                ):
                    return surrogate
        surrogate = self._new("PERSON")
        self._people.append((tokens, surrogate))
        return surrogate

    def _new(self, type_: IdentifierType) -> str:
        self._counts[type_] += 1
        return f"<{type_}_{self.taken.get(type_, 0) + self._counts[type_]}>"


def _spelled(surface: str) -> str:
    return fold("".join(char for char in surface if char.isalnum()))


def entity_key(type_: IdentifierType, surface: str) -> str:
    """Return what all spellings of one identifier share.

    Numbers compare by their digits, so "555 0142" and "five five five, oh one four two" are one.
    """
    folded = " ".join(fold(surface).split()).removeprefix("the ")
    if type_ in ("PHONE", "ID"):
        runs = tuple(read_runs(surface, letters=True))
        if any(run.n_spoken for run in runs):
            return fold("".join(run.value for run in runs))
        return "".join(char for char in folded if char.isalnum())
    return folded.removesuffix("'s")


def taken_numbers(texts: Sequence[str]) -> dict[IdentifierType, int]:
    """Return the highest number of every surrogate-like word the texts hold before hiding."""
    taken: dict[IdentifierType, int] = {}
    for text in texts:
        for match in SURROGATE.finditer(text):
            type_: IdentifierType = match.group(1).upper()  # type: ignore[assignment]
            taken[type_] = max(taken.get(type_, 0), int(match.group(2)))
    return taken


def replace_findings(
    text: str, findings: Sequence[Found], numbering: Numbering
) -> tuple[str, tuple[IdentifierSpan, ...]]:
    """Put surrogates in. `findings` are sorted and do not overlap."""
    parts: list[str] = []
    spans: list[IdentifierSpan] = []
    position = n_out = 0
    for found in findings:
        surrogate = numbering.for_finding(found.type, text[found.start : found.end])
        parts += [text[position : found.start], surrogate]
        out_start = n_out + found.start - position
        n_out = out_start + len(surrogate)
        spans.append(
            IdentifierSpan(
                start=found.start,
                end=found.end,
                type=found.type,
                surrogate=surrogate,
                score=round(found.score, 3),
                out_start=out_start,
                out_end=n_out,
            )
        )
        position = found.end
    return "".join(parts) + text[position:], tuple(spans)


def restore_names(text: str, *, surrogates: SurrogateMap, turns: Sequence[int]) -> str:
    """Put real words back for the person's own view.

    Each surrogate becomes what was said in the cited `turns` (the first of them that has it),
    else its fullest mention. A surrogate the map does not know stays as it is.
    """
    mentions: dict[str, list[Mention]] = defaultdict(list)
    for mention in surrogates.mentions:
        mentions[mention.surrogate].append(mention)

    def surface(match: re.Match[str]) -> str:
        known = mentions.get(match.group())
        if not known:
            return match.group()
        cited = [mention for turn in turns for mention in known if mention.turn == turn]
        return (
            cited[0].surface
            if cited
            else max(known, key=lambda mention: len(mention.surface)).surface
        )

    return SURROGATE.sub(surface, text)
