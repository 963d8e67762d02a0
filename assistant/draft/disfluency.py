"""What speech leaves in a statement that writing does without: fillers, repeats, false starts.

Two kinds of finds. *Sure* ones ("um", "I, I", ", you know,") are dropped by rule. *Open* ones
("like", "so" at the start, "I was gonna - I wanted to") are listed as spans, and a model decides.
Nothing here adds a word, changes a word's form or touches dialect: "I been going", "might could"
and "I seen" stay as they were said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from assistant.draft.speech import (
    PRONOUNS,
    STUMBLES,
    Word,
    is_number,
    join_words,
    split_words,
    with_ending,
    word_set,
)
from assistant.draft.undecided import find_open_marks, find_open_spans, phrase_end

SOUNDS = word_set("um umm uh uhh uhm erm er eh hmm hm mm ah")
SURE_OPENERS = word_set("so well okay ok right alright anyway")
MAX_REPEAT_WORDS = 6
# Behind these something is still to come: "my eyes are, you know." says it with "you know".
_LEAD_ON = word_set("is are was were am be been s re m feel felt get got")
_DETERMINERS = word_set("the a an my your his her our their this that these those")
_DANGLING = word_set("so and but or because then yeah okay ok anyway")
_ASIDE = re.compile(r"\((?:[a-z]+[ ,-]?){1,4}\)", re.IGNORECASE)  # "(pause)": the transcriber's


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidying:
    """A statement without its sure disfluencies, and what is still open.

    `open_spans` are half-open ranges of `words` that may be left out; they do not contain one
    another. `may_mark` lists positions and the marks their word may get, in text that came without
    any punctuation.
    """

    words: tuple[Word, ...]
    open_spans: tuple[tuple[int, int], ...] = ()
    may_mark: tuple[tuple[int, str], ...] = ()

    @property
    def is_open(self) -> bool:
        return bool(self.open_spans or self.may_mark)


def needs_tidying(statement: str) -> bool:
    """Whether there is anything to tidy; if not, the statement is best left as it is."""
    tidying = find_disfluencies(statement)
    return tidying.is_open or tidy_plainly(statement) != statement


def tidy_plainly(statement: str) -> str:
    """Tidy by rule alone: drop what is surely a disfluency, keep everything that is open."""
    return join_words(find_disfluencies(statement).words)


def find_disfluencies(statement: str) -> Tidying:
    """Drop the sure ones, list the open ones."""
    words = split_words(_ASIDE.sub(" ", statement)) or split_words(statement)
    spoken = looks_transcribed(words)
    words = _drop_sounds(words)
    words = _drop_cut_off(words)
    words = _drop_repeats(words)
    words = _drop_set_off(words)
    words = _drop_repeats(words)  # "I, you know, I want": a repeat once the phrase is gone
    words = _drop_dangling(words)
    if not words:  # nothing but fillers: better the statement than an empty line
        words = split_words(statement)
        return Tidying(words=tuple(with_ending(words) if words else ()))
    return Tidying(
        words=tuple(with_ending(words)),
        open_spans=find_open_spans(words),
        may_mark=tuple(find_open_marks(words)) if spoken else (),
    )


def looks_transcribed(words: Sequence[Word]) -> bool:
    """Raw speech recognition: no punctuation inside, no capital at the start."""
    return (
        len(words) > 5
        and not any(word.after for word in words[:-1])
        and not any(word.text[:1].isupper() for word in words)
    )


def without(words: list[Word], start: int, stop: int) -> list[Word]:
    """Drop words; a comma in front of what was dropped goes too, the mark that ends it stays."""
    before, dropped, rest = words[:start], words[start:stop], words[stop:]
    ending = "".join(mark for mark in dropped[-1].after if mark in ".?!…")
    if before:
        kept = before[-1].after
        if kept.endswith(","):
            kept = kept[:-1]
        before = [*before[:-1], replace(before[-1], after=kept or ending)]
    elif rest and dropped[0].text[:1].isupper():
        rest = [replace(rest[0], text=rest[0].text[:1].upper() + rest[0].text[1:]), *rest[1:]]
    return before + rest


def _drop_sounds(words: list[Word]) -> list[Word]:
    at = 0
    while at < len(words):
        word = words[at]
        before = words[at - 1].key if at else ""
        unit = word.key == "mm" and at > 0 and is_number(words[at - 1])
        room = word.key == "er" and (word.text == "ER" or (word.after == "" and before != ""))
        if word.key in SOUNDS and not unit and not room:
            words = _without_sound(words, at)
        else:
            at += 1
    return words


def _without_sound(words: list[Word], at: int) -> list[Word]:
    """Drop a sound, and the word before it if that is said again behind it ("only, um, only")."""
    left = without(words, at, at + 1)
    if not 0 < at < len(left):
        return left
    before, following = words[at - 1], left[at]
    if before.key == following.key and not before.ends_sentence:
        return left[: at - 1] + left[at:]
    starts_over = following.key.split("'")[0] in PRONOUNS and before.key not in STUMBLES
    if before.after == words[at].after == "," and starts_over:  # "I can't, uh, I can't go"
        left[at - 1] = before
    return left


def _drop_cut_off(words: list[Word]) -> list[Word]:
    """Drop a word broken off and said again: "wa-" in "wa- was" and in "I wa- I was"."""
    at = 0
    while at + 1 < len(words):
        is_broken = words[at].after in {"-", "—", "–"} and _is_said_again(words, at)
        if is_broken or _goes_on_shorter(words[at], words[at + 1]):
            words = words[:at] + words[at + 1 :]
        else:
            at += 1
    return words


def _goes_on_shorter(word: Word, following: Word) -> bool:
    """Whether a pronoun is said again with its verb: "I I'll"."""
    stem, _, verb = following.key.partition("'")
    return bool(verb) and word.key == stem in PRONOUNS and not word.ends_sentence


def _is_said_again(words: list[Word], at: int) -> bool:
    broken, following = words[at].key, words[at + 1].key
    if at > 0 and at + 2 < len(words) and following == words[at - 1].key:
        following = words[at + 2].key
    return len(broken) < 5 and following.startswith(broken) and following != broken


def _drop_repeats(words: list[Word]) -> list[Word]:
    for size in range(MAX_REPEAT_WORDS, 0, -1):
        at = 0
        while at + 2 * size <= len(words):
            if _is_stumble(words, at, size):
                first = words[at].text
                words = words[:at] + words[at + size :]
                if first[:1].isupper() and words[at].text[:1].islower():
                    words[at] = replace(words[at], text=first)
            else:
                at += 1
    return words


def _is_stumble(words: list[Word], at: int, size: int) -> bool:
    first, second = words[at : at + size], words[at + size : at + 2 * size]
    if [w.key for w in first] != [w.key for w in second]:
        return False
    if first[-1].ends_sentence or any(w.after for w in first[:-1]):
        return False
    is_inside = at > 0 and words[at - 1].after == "" and first[-1].after == ","
    if is_inside and _starts_anew(first):
        return False  # "I prefer you, you know me"; "I went to the house, the house was shut"
    if size == 1:
        following = words[at + 2].key if at + 2 < len(words) else ""
        again = first[0].key in STUMBLES or first[0].text.startswith("<")
        return again or (first[0].key == "so" and following in PRONOUNS)
    # "Never again, never again." is meant; a repeat that goes on is a stumble.
    said_for_weight = second[-1].ends_sentence or at + 2 * size == len(words)
    return not said_for_weight


def _starts_anew(unit: list[Word]) -> bool:
    """Whether it could end one clause and begin the next: a whole noun, or "you" and "it"."""
    if len(unit) == 1:
        return unit[0].key in {"you", "it"}
    return unit[0].key in _DETERMINERS and unit[-1].key not in STUMBLES


def _drop_set_off(words: list[Word]) -> list[Word]:
    """Drop "like", "you know", "I mean" where commas set them off, and "Well," at the start."""
    at = 0
    while at < len(words):
        stop = phrase_end(words, at)
        left_hanging = at > 0 and words[at - 1].key.rpartition("'")[2] in _LEAD_ON
        if (
            stop
            and _is_set_off(words, at, stop)
            and not _is_correction(words, at, stop)
            and not left_hanging
        ):
            words = without(words, at, stop)
        else:
            at += 1
    while len(words) > 3 and words[0].key in SURE_OPENERS and words[0].after == ",":
        words = without(words, 0, 1)
    return words


def _drop_dangling(words: list[Word]) -> list[Word]:
    """Drop a last "So." or "and" that leads nowhere."""
    while len(words) > 3 and words[-1].key in _DANGLING and words[-2].after:
        words = words[:-1]
    return words


def _is_set_off(words: list[Word], at: int, stop: int) -> bool:
    opens = at == 0 or words[at - 1].after != ""
    closes = stop == len(words) or words[stop - 1].after != ""
    alone = at == 0 and stop == len(words)
    return opens and closes and not alone


def _is_correction(words: list[Word], at: int, stop: int) -> bool:
    """ "I'm scared, I mean, not scared": without "I mean" this would contradict itself."""
    said = tuple(w.key for w in words[at:stop])
    return said == ("i", "mean") and at > 0
