"""Spoken words as the tidying rules see them: a word, the mark behind it, and what kind it is."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_CHUNK = re.compile(r"\S+")
_TRAIL = re.compile(r"^(.*?)([,.;:!?…—–-]*)$", re.DOTALL)
_STOPS = ".?!"
_NUMBER = re.compile(r"\d")


def word_set(words: str) -> frozenset[str]:
    return frozenset(words.split())


PRONOUNS = word_set("i you he she it we they y'all")
# A function word said twice in a row is a stumble; "very very" and "no no" are meant.
STUMBLES = PRONOUNS | word_set(
    "me him us them a an the this my your his our their its and but or if when because cause "
    "'cause at in on of to for from with by as is are was were am be been do does did have has "
    "could would should can will who what where how there i'm i'd i'll i've it's he's she's "
    "we're they're that's there's you're we've they've gonna every each some any"
)
NEGATIONS = word_set("no not never none nobody nothing nowhere neither nor cannot without nah")
AUXILIARIES = word_set(
    "do does did is are was were have has had would could should ca wo ai must might need"
)
NUMBER_WORDS = word_set(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety "
    "hundred thousand half twice once couple"
)
# Written with a capital wherever they stand; "may" and "march" are words as well.
_CAPITAL = word_set(
    "monday tuesday wednesday thursday friday saturday sunday january february april june july "
    "august september october november december"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word as said and the punctuation behind it."""

    text: str
    after: str = ""

    @property
    def key(self) -> str:
        return self.text.lower().replace("’", "'")

    @property
    def ends_sentence(self) -> bool:
        return any(mark in _STOPS for mark in self.after)


def split_words(text: str) -> list[Word]:
    """Split at white space; a run of punctuation alone belongs to the word before it."""
    words: list[Word] = []
    for chunk in _CHUNK.findall(text):
        match = _TRAIL.match(chunk)
        core, after = (match.group(1), match.group(2)) if match else (chunk, "")
        if core:
            words.append(Word(text=core, after=after))
        elif words:
            spaced = f" {after}" if after[0] in "—–-" else after
            words[-1] = replace(words[-1], after=words[-1].after + spaced)
    return words


def join_words(words: list[Word] | tuple[Word, ...]) -> str:
    """Write the words as a sentence: capitals where sentences start, "I", a mark at the end."""
    parts: list[str] = []
    start = True
    for word in words:
        parts.append(written_form(word.text, starts_sentence=start) + word.after)
        start = word.ends_sentence
    return " ".join(parts)


def with_ending(words: list[Word]) -> list[Word]:
    """Give the last word a mark that ends a sentence."""
    last = words[-1]
    mark = last.after.rstrip(" ,;:—–-")
    ended = mark or last.text[-1] in '.?!…"”)'
    return [*words[:-1], replace(last, after=mark if ended else ".")]


def written_form(text: str, *, starts_sentence: bool) -> str:
    if text == "i" or text.startswith(("i'", "i’")):
        return "I" + text[1:]
    if text.rstrip("s").removesuffix("'") in _CAPITAL:
        return text[:1].upper() + text[1:]
    if starts_sentence and text[:1].islower():
        return text[:1].upper() + text[1:]
    return text


def is_negation(word: Word) -> bool:
    """ "Not", "never", "ain't", "dont", and the like."""
    stem = word.key.removesuffix("n't").removesuffix("nt")
    return word.key in NEGATIONS or (stem != word.key and stem in AUXILIARIES)


def is_number(word: Word) -> bool:
    return word.key in NUMBER_WORDS or bool(_NUMBER.search(word.key))
