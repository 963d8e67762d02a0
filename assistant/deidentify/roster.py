"""The names of a conversation, and finding them again however they are written.

Other case, first name or surname alone, possessive, one letter wrong, spelled out. Doubtful names,
which are everyday words too (Will, Hope), count only where capitals or context speak for a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import regex

from assistant.deidentify.detector import DetectedText
from assistant.deidentify.found import Found
from assistant.deidentify.rules import Lexicon, fold
from assistant.records import IdentifierType

WORD = regex.compile(r"\p{L}[\p{L}\p{M}]*(?:['’]\p{L}[\p{L}\p{M}]*)*")
_SPELLED = regex.compile(r"(?<![\w'’])\p{L}(?:(?:\s*[,.\-–]\s*|\s+)\p{L}(?![\p{L}'’])){2,}")
_SPELLS = regex.compile(
    r"\b(?:spell(?:s|ed|ing)?|that['’]?s|it['’]?s|letters?|as in)\b[^.?!]{0,20}$", regex.I
)
NAME_TYPES: frozenset[IdentifierType] = frozenset({"PERSON", "NICKNAME", "LOCATION", "ORG"})
_NOT_A_NAME_BEFORE = {
    "you",
    "i",
    "we",
    "he",
    "she",
    "they",
    "it",
    "that",
    "this",
    "the",
    "to",
    "so",
    "not",
    "be",
    "there",
    "a",
    "an",
    "of",
    "my",
    "your",
    "these",
    "those",
    "all",
    "any",
    "for",
    "in",
    "on",
    "up",
    "and",
    "or",
    "by",
}
_GREETINGS = {"hi", "hey", "hello", "thanks", "morning", "bye", "night", "okay", "sorry", "welcome"}
_TIME_BEFORE = {
    "in",
    "last",
    "next",
    "this",
    "since",
    "by",
    "until",
    "till",
    "of",
    "every",
    "late",
    "early",
    "mid",
    "through",
    "from",
}
_SURE_RULES = (
    "label",
    "name_title",
    "name_name_is",
    "name_relation",
    "name_nickname",
    "agency",
    "correction",
    "name_initial",
)
MIN_LETTERS_MISSPELLED = 5  # shorter names are one letter away from too many words


@dataclass(frozen=True, slots=True)
class Roster:
    """The names of a conversation. `sure` holds those a label or an introduction gave."""

    tokens: frozenset[str]  # folded words of names of people
    phrases: Mapping[str, IdentifierType]  # folded surfaces of everything else
    sure: frozenset[str]
    nicknames: frozenset[str]  # folded surfaces brought up as what somebody is called


def name_tokens(surface: str, lexicon: Lexicon) -> tuple[str, ...]:
    """Return the folded words of a name that can stand for it alone (no titles, no initials)."""
    words = (fold(word) for word in WORD.findall(surface))
    bare = (word.removesuffix("'s") for word in words)
    titles = lexicon.rules.names.titles
    return tuple(
        word for word in bare if len(word) > 1 and word not in titles and word not in _PARTICLES
    )


_PARTICLES = {
    "de",
    "la",
    "del",
    "los",
    "van",
    "von",
    "der",
    "den",
    "bin",
    "binti",
    "ibn",
    "dos",
    "da",
    "di",
    "of",
    "the",
    "and",
    "jr",
    "sr",
}


def label_names(labels: Iterable[str], lexicon: Lexicon) -> frozenset[str]:
    """Return the words of speaker labels that name somebody; "Speaker 2" or "Peer" name nobody."""
    return frozenset(
        token
        for label in labels
        for token in name_tokens(label, lexicon)
        if fold(token) not in lexicon.rules.kept.roles and fold(token) not in lexicon.rules.kept.kin
    )


def build_roster(
    turns: Sequence[DetectedText],
    found: Sequence[Sequence[Found]],
    *,
    labels: Sequence[str],
    lexicon: Lexicon,
) -> Roster:
    """Collect the names of a conversation from its labels and its findings."""
    given = label_names(labels, lexicon)
    tokens: set[str] = set(given)
    sure: set[str] = set(given)
    nicknames: set[str] = set()
    phrases: dict[str, IdentifierType] = {}
    for turn, findings in zip(turns, found, strict=True):
        for item in findings:
            surface = turn.text[item.start : item.end]
            if item.type == "NICKNAME" and fold(surface) not in given:
                nicknames.add(phrase_key(surface))
            if item.type in ("PERSON", "NICKNAME"):
                words = [
                    word for word in name_tokens(surface, lexicon) if not lexicon.is_kept(word)
                ]
                tokens.update(words)
                if item.rule.startswith(_SURE_RULES):
                    sure.update(words)
            elif _tells_again(item, surface, lexicon):
                phrases.setdefault(phrase_key(surface), item.type)
    return Roster(frozenset(tokens), phrases, frozenset(sure), frozenset(nicknames))


def _tells_again(item: Found, surface: str, lexicon: Lexicon) -> bool:
    """Whether the words, wherever they stand, are what they were taken for here.

    A weekday or "the" that the tagger took into a date is not; "the fourteenth" is no date in "the
    fourteenth time", so that dates need a digit or two words.
    """
    if len(surface) < 3 or item.type == "AGE":
        return False
    words = [fold(word) for word in WORD.findall(surface)]
    has_digit = any(char.isdigit() for char in surface)
    if item.type == "DATE" and not has_digit and len(words) < 2:
        return False
    return has_digit or any(
        len(word) > 1 and word not in lexicon.stop and not lexicon.is_kept(word) for word in words
    )


def phrase_key(surface: str) -> str:
    folded = " ".join(fold(surface).split())
    return folded.removeprefix("the ")


def find_people_again(
    turn: DetectedText, roster: Roster, near: Mapping[str, str], lexicon: Lexicon
) -> Iterator[Found]:
    """Find the names of the roster wherever they occur in a turn, spelled-out ones too."""
    words = list(WORD.finditer(turn.text))
    for position, match in enumerate(words):
        word = match.group()
        end = match.end() - (2 if word.endswith(("'s", "’s")) else 0)
        folded = fold(turn.text[match.start() : end])
        if folded in near:
            yield Found(start=match.start(), end=end, type="PERSON", score=0.7, rule="misspelled")
        elif folded in roster.tokens and _is_meant(turn, words, position, folded, lexicon, roster):
            yield Found(start=match.start(), end=end, type="PERSON", score=0.8, rule="again")
    yield from _find_spelled(turn, roster)


def _is_meant(
    turn: DetectedText,
    words: Sequence[regex.Match[str]],
    position: int,
    folded: str,
    lexicon: Lexicon,
    roster: Roster,
) -> bool:
    """Whether this occurrence of a word is the name and not the everyday word."""
    doubtful = lexicon.is_doubtful(folded) or len(folded) < 3
    if not doubtful:
        return True
    match = words[position]
    before = fold(words[position - 1].group()) if position else ""
    after = fold(words[position + 1].group()) if position + 1 < len(words) else ""
    rules = lexicon.rules.names
    joined = turn.text[words[position - 1].end() : match.start()] == " " if position else False
    if joined and (before in rules.titles or before in rules.relations):
        return True
    if not turn.has_case:
        telling = (joined and before in _GREETINGS) or after in rules.says - lexicon.stop
        return telling and folded in roster.sure
    if not match.group()[0].isupper():
        return False
    if folded in lexicon.rules.kept.calendar:
        return before not in _TIME_BEFORE and after not in _NOT_A_NAME_BEFORE
    if _opens(turn.text, match.start()):
        return folded in roster.sure and after not in _NOT_A_NAME_BEFORE
    return not match.group().isupper() or len(folded) > 3


def _opens(text: str, start: int) -> bool:
    before = text[max(0, start - 20) : start].rstrip(" \t\n\"“”'‘’([*)]")
    return not before or before[-1] in ".?!:…—–-"


def _find_spelled(turn: DetectedText, roster: Roster) -> Iterator[Found]:
    for match in _SPELLED.finditer(turn.text):
        letters = fold("".join(char for char in match.group() if char.isalpha()))
        known = any(token.startswith(letters) or is_near(letters, token) for token in roster.tokens)
        asked = len(letters) > 3 and _SPELLS.search(
            turn.text[max(0, match.start() - 40) : match.start()]
        )
        begins = any(letters.startswith(token) for token in roster.tokens if len(token) > 3)
        if known or asked or begins:
            yield Found(
                start=match.start(), end=match.end(), type="PERSON", score=0.7, rule="spelled"
            )


# ---------------------------------------------------------------- misspellings


def find_misspellings(
    turns: Sequence[DetectedText], roster: Roster, lexicon: Lexicon
) -> dict[str, str]:
    """Map words of the session that are one letter away from a name to that name."""
    targets = [
        token
        for token in roster.tokens
        if len(token) >= MIN_LETTERS_MISSPELLED and not lexicon.is_doubtful(token)
    ]
    near: dict[str, str] = {}
    seen: set[str] = set()
    for turn in turns:
        for word in WORD.findall(turn.text):
            folded = fold(word).removesuffix("'s")
            if folded in seen or len(folded) < MIN_LETTERS_MISSPELLED - 1:
                continue
            seen.add(folded)
            if (
                folded in roster.tokens
                or lexicon.is_everyday(folded)
                or lexicon.is_filler(folded)
                or lexicon.is_kept(folded)
            ):
                continue
            close = next((target for target in targets if is_near(folded, target)), None)
            if close:
                near[folded] = close
    return near


def is_near(word: str, name: str) -> bool:
    """Whether one letter added, dropped, changed or swapped with its neighbour makes `name`.

    Only for names of at least `MIN_LETTERS_MISSPELLED` letters.
    """
    if len(name) < MIN_LETTERS_MISSPELLED or abs(len(word) - len(name)) > 1:
        return False
    if word == name:
        return True
    head = next(
        (i for i, (a, b) in enumerate(zip(word, name, strict=False)) if a != b),
        min(len(word), len(name)),
    )
    if len(word) == len(name):
        swapped = (
            word[head : head + 2] == name[head : head + 2][::-1]
            and word[head + 2 :] == name[head + 2 :]
        )
        return swapped or word[head + 1 :] == name[head + 1 :]
    longer, shorter = (word, name) if len(word) > len(name) else (name, word)
    return longer[head + 1 :] == shorter[head:]
