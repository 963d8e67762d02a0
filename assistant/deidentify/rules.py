"""The word lists of `policies/identifiers.toml`, and what a word is taken for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from assistant.errors import SettingError
from assistant.resources import resource_path

_FILE = "policies/identifiers.toml"


def _folded(words: frozenset[str]) -> frozenset[str]:
    return frozenset(fold(word) for word in words)


def fold(word: str) -> str:
    """Lower case with straight apostrophes: the form in which words are compared."""
    return word.casefold().replace("’", "'")


# TOML holds a list; the validator makes it a set of folded words.
Words = Annotated[frozenset[str], AfterValidator(_folded)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Agency(_Table):
    programmes: tuple[str, ...]
    sites: tuple[str, ...]
    people: tuple[str, ...]


class _Limits(_Table):
    oldest_age_kept: int
    states_and_countries: Literal["kept", "hidden"]


class _Kept(_Table):
    programmes: Words
    drugs: Words
    drug_endings: tuple[str, ...]
    eponym_nouns: Words
    conditions: Words
    kin: Words
    roles: Words
    calendar: Words
    peoples: Words
    brands: Words
    words: Words
    states_and_countries: Words


class _Speech(_Table):
    fillers: Words
    informal: Words


class _Names(_Table):
    titles: Words
    relations: Words
    says: Words
    also_words: Words
    given: Words


class _Places(_Table):
    street_words: tuple[str, ...]
    place_words: tuple[str, ...]
    org_words: tuple[str, ...]
    general: Words


class IdentifierRules(_Table):
    """`policies/identifiers.toml`, checked; every set holds folded words."""

    agency: _Agency
    limits: _Limits
    kept: _Kept
    speech: _Speech
    names: _Names
    places: _Places

    @cached_property
    def kept_phrases(self) -> frozenset[str]:
        """Everything that is never an identifier, in one set."""
        kept = self.kept
        phrases: tuple[frozenset[str], ...] = (
            kept.programmes,
            kept.drugs,
            kept.conditions,
            kept.kin,
            kept.roles,
            kept.calendar,
            kept.peoples,
            kept.brands,
            kept.words,
        )
        if self.limits.states_and_countries == "kept":
            phrases = (*phrases, self.kept.states_and_countries)
        return frozenset(phrase for words in phrases for phrase in words)

    @cached_property
    def general_words(self) -> frozenset[str]:
        """Words that do not make a name of a place by themselves, endings included."""
        places = self.places
        endings = (*places.org_words, *places.place_words, *places.street_words)
        return places.general | {fold(part) for ending in endings for part in ending.split()}


def load_rules(path: Path | None = None) -> IdentifierRules:
    """Read the word lists; raises `SettingError` naming the file and the key that is wrong."""
    file = path or resource_path(_FILE)
    try:
        return IdentifierRules.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError:
        raise SettingError(f"{file.name} is not valid TOML. Correct it and start again.") from None
    except ValidationError as error:
        keys = sorted({".".join(str(part) for part in item["loc"][:2]) for item in error.errors()})
        raise SettingError(
            f"{file.name}: {', '.join(keys)} is missing, unknown or of the wrong kind. "
            "Correct it and start again."
        ) from None


_ENDINGS = (
    ("'s", ""),
    ("s'", "s"),
    ("ies", "y"),
    ("ied", "y"),
    ("es", ""),
    ("es", "e"),
    ("s", ""),
    ("ed", ""),
    ("ed", "e"),
    ("ing", ""),
    ("ing", "e"),
    ("in'", ""),
    ("in'", "e"),
    ("in", "ing"),
    ("er", ""),
    ("er", "e"),
    ("est", ""),
    ("est", "e"),
    ("ly", ""),
    ("ily", "y"),
    ("ness", ""),
    ("y", ""),
    ("y", "e"),
    ("ish", ""),
    ("less", ""),
    ("ful", ""),
    ("able", ""),
    ("able", "e"),
    ("n't", ""),
    ("'d", ""),
    ("'ll", ""),
    ("'ve", ""),
    ("'re", ""),
)
_PREFIXES = ("un", "re", "over", "pre", "non", "anti", "mis", "out", "under", "super")
_STRETCHED = re.compile(r"(.)\1{2,}")


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What a single word can be: everyday, a filler, a likely name.

    `nouns` and `others` (verbs, adjectives, adverbs, function words) come from the lemmatizer of
    the spaCy pipeline, i.e. WordNet; its nouns include some names.
    """

    rules: IdentifierRules
    nouns: frozenset[str]
    others: frozenset[str]
    stop: frozenset[str]

    def is_kept(self, phrase: str) -> bool:
        """Whether the lists say that this phrase is never an identifier."""
        folded = fold(phrase).rstrip(".")
        kept = self.rules.kept_phrases
        return (
            folded in kept or folded.removesuffix("'s") in kept or folded.removesuffix("s") in kept
        )

    def is_general(self, words: Iterable[str]) -> bool:
        """Whether words that could name a place or a house name none ("the Recovery Center")."""
        return all(
            fold(word) in self.rules.general_words or fold(word) in self.stop for word in words
        )

    def is_filler(self, word: str) -> bool:
        folded = fold(word)
        squeezed = _STRETCHED.sub(r"\1", re.sub(r"(.)\1+$", r"\1", folded))
        fillers = self.rules.speech.fillers
        return (
            folded in fillers or squeezed in fillers or _STRETCHED.sub(r"\1\1", folded) in fillers
        )

    def is_everyday(self, word: str) -> bool:
        """Whether the dictionary, stop words or the informal list know the word or its root."""
        folded = fold(word)
        if self._known(folded) or self._known(_STRETCHED.sub(r"\1", folded)):
            return True
        if len(folded) > 6 and folded.endswith(self.rules.kept.drug_endings):
            return True
        if "-" in folded:
            return all(self.is_everyday(part) for part in folded.split("-") if part)
        for ending, instead in _ENDINGS:
            if folded.endswith(ending) and len(folded) > len(ending) + 1:
                root = folded[: -len(ending)] + instead
                if self._known(root) or (
                    len(root) > 3 and root[-1] == root[-2] and self._known(root[:-1])
                ):
                    return True
        return any(
            folded.startswith(prefix)
            and len(folded) > len(prefix) + 3
            and self._known(folded[len(prefix) :])
            for prefix in _PREFIXES
        )

    def _known(self, folded: str) -> bool:
        return (
            folded in self.others
            or folded in self.nouns
            or folded in self.stop
            or folded in self.rules.speech.informal
        )

    def is_given(self, word: str) -> bool:
        """Whether the word is on the list of given names and not an everyday word as well."""
        folded = fold(word)
        return folded in self.rules.names.given and folded not in self.rules.names.also_words

    def is_doubtful(self, word: str) -> bool:
        """Whether the word, if a name, is an everyday word too (Will, Hope, Baker)."""
        folded = fold(word)
        if folded in self.rules.names.also_words or folded in self.stop:
            return True
        return folded not in self.rules.names.given and (
            folded in self.others or folded in self.nouns
        )

    def is_unknown(self, word: str) -> bool:
        """Whether the word can hardly be anything but a name."""
        return (
            len(word) > 2
            and word.replace("-", "").replace("'", "").replace("’", "").isalpha()
            and not self.is_filler(word)
            and not self.is_kept(word)
            and (self.is_given(word) or not self.is_everyday(word))
        )
