"""Safety topics: passages a human should look at. Topics, never levels of risk.

Every turn of every speaker is read; what the rules are unsure about is surfaced, at low
prominence where the context says so (negated, past, hypothetical, quoted, an idiom), and never
dropped for it. Only the unmistakable idioms listed in `policies/safety.yaml` ("kill two birds")
stay silent. The software contacts nobody, rates nothing, and decides nothing.

Two finders read each turn: the cues of the list, and beside them, where an encoder is given,
likeness in meaning (`safety_meaning.py`), for what nobody wrote a cue for. What either finds is
surfaced.

What it does not see: a disclosure spread over several turns, irony, silence, most languages other
than English and (for the same topics, less of it) Spanish, and many indirect wordings: how many is
measured in `models/cards/safety.md`.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from assistant.records import Deidentified, DeidentifiedTurn, SafetyPrompt, SafetyTopic
from assistant.review.safety_list import ContextName, ContextRule, SafetyRules
from assistant.review.safety_meaning import (
    Encoder,
    MeantPassage,
    find_by_meaning,
    load_safety_head,
)
from assistant.spans import original_offsets


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    """A turn as plain lower-case words and full stops; `places[i]` is where character i stands
    in the de-identified text of the turn."""

    text: str = field(repr=False)
    places: tuple[int, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    start: int
    end: int
    context: tuple[ContextName, ...]
    is_faint: bool = False  # found by meaning alone, and only just

    @property
    def is_low(self) -> bool:
        return self.is_faint or bool(self.context)


def surface_topics(
    deidentified: Deidentified, *, rules: SafetyRules, encoder: Encoder | None = None
) -> tuple[SafetyPrompt, ...]:
    """Surface every passage that may touch a safety topic, in the order it was said.

    Without `encoder` the cues work alone. Offsets point into the original words of the turn.
    Passages of one topic in one sentence are one prompt, plain if any of them is. Raises
    `SettingError` if an encoder is given and the weights of the second finder cannot be read.
    """
    turns = deidentified.turns
    meant: tuple[tuple[MeantPassage, ...], ...] = ((),) * len(turns)
    if encoder is not None:
        head = load_safety_head()
        meant = find_by_meaning([turn.text for turn in turns], encoder=encoder, head=head)
    return tuple(
        prompt
        for turn, passages in zip(turns, meant, strict=True)
        for prompt in _surface_turn(turn, rules, passages)
    )


def _surface_turn(
    turn: DeidentifiedTurn, rules: SafetyRules, meant: Sequence[MeantPassage]
) -> list[SafetyPrompt]:
    plain = _make_plain(turn.text, rules)
    if not plain.text:
        return []
    silent = [match.span() for match in rules.silent_idioms.finditer(plain.text)]
    prompts = []
    for topic, cues in rules.cues:
        spans = {_trim(plain.text, *m.span()) for cue in cues for m in cue.finditer(plain.text)}
        found = [
            _Found(start=start, end=end, context=_contexts(plain.text, start, end, rules))
            for start, end in _longest(spans)
            if not _is_inside((start, end), silent)
        ]
        found += _beside(found, _read_meant(topic, meant, plain, rules))
        for passage in _merge_by_sentence(plain.text, found):
            start, end = original_offsets(
                turn, plain.places[passage.start], plain.places[passage.end - 1] + 1
            )
            prompts.append(
                SafetyPrompt(
                    turn=turn.number,
                    start=start,
                    end=end,
                    topic=topic,
                    said_by=turn.role,
                    prominence="low" if passage.is_low else "plain",
                    context=passage.context,
                )
            )
    return sorted(prompts, key=lambda prompt: (prompt.start, prompt.end))


def _read_meant(
    topic: SafetyTopic, meant: Sequence[MeantPassage], plain: _Plain, rules: SafetyRules
) -> list[_Found]:
    """The passages of `topic` that were found by meaning, in plain text and with their context."""
    read = []
    for passage in meant:
        start = bisect_left(plain.places, passage.start)
        start += plain.text[start : start + 1] == " "  # the space stands where its word does
        end = bisect_left(plain.places, passage.end)
        start, end = _trim(plain.text, start, end)
        if topic in passage.topics and start < end:
            context = _passage_contexts(plain.text, start, end, rules)
            read.append(_Found(start=start, end=end, context=context, is_faint=not passage.is_near))
    return read


def _beside(cued: Sequence[_Found], meant: Sequence[_Found]) -> list[_Found]:
    """What meaning adds: where a cue found the same topic, the cue and its context decide."""
    return [
        passage
        for passage in meant
        if all(cue.end <= passage.start or passage.end <= cue.start for cue in cued)
    ]


def _make_plain(text: str, rules: SafetyRules) -> _Plain:
    """Lower case, no accents, no apostrophes, one space between words, "." between sentences.

    Speech recognition leaves out capitals, apostrophes and most punctuation, so nothing here may
    depend on them. Hesitations and a word said twice in a row are skipped.
    """
    characters: list[tuple[str, int]] = []
    pieces = re.finditer(r"[^\W_]+(?:['’ʼ‘`_][^\W_]+)*|[.!?;\n]+", text)
    last = ""
    for piece in pieces:
        bare = [
            (letter, piece.start() + offset)
            for offset, character in enumerate(piece.group())
            for letter in _bare_letters(character)
        ]
        word = "".join(letter for letter, _ in bare)
        if not word:
            word, bare = ".", [(".", piece.start())]
        if word == last or (word != "." and rules.skipped.fullmatch(word)):
            continue
        last = word
        if characters:
            characters.append((" ", bare[0][1]))
        characters.extend(bare)
    return _Plain(
        text="".join(letter for letter, _ in characters),
        places=tuple(place for _, place in characters),
    )


def _bare_letters(character: str) -> str:
    decomposed = unicodedata.normalize("NFKD", character.lower())
    return "".join(letter for letter in decomposed if letter.isalnum() or letter == "_")


def _is_inside(span: tuple[int, int], spans: Iterable[tuple[int, int]]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in spans)


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave out spaces that an optional word of a cue took along."""
    found = text[start:end]
    return start + len(found) - len(found.lstrip(" ")), end - len(found) + len(found.rstrip(" "))


def _longest(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Leave out what lies inside a longer match: its context is the longer one's to say."""
    kept: list[tuple[int, int]] = []
    for span in sorted(spans, key=lambda s: (s[0], -s[1])):
        if not kept or span[1] > kept[-1][1]:
            kept.append(span)
    return kept


def _sentence_bounds(text: str, start: int, end: int) -> tuple[int, int]:
    closed = text.find(".", end)
    return text.rfind(".", 0, start) + 1, closed if closed >= 0 else len(text)


def _contexts(text: str, start: int, end: int, rules: SafetyRules) -> tuple[ContextName, ...]:
    """Name what lowers the prominence of a cue, if anything does."""
    begin, close = _sentence_bounds(text, start, end)
    named = [
        name
        for name, rule in rules.contexts
        if _has_context(text[begin:start], text[start:end], text[end:close], rule)
    ]
    idioms = [match.span() for match in rules.open_idioms.finditer(text)]
    if _is_inside((start, end), idioms) and not rules.meant.search(text, begin, close):
        named.append("idiom")
    return tuple(named)


def _passage_contexts(
    text: str, start: int, end: int, rules: SafetyRules
) -> tuple[ContextName, ...]:
    """As `_contexts`, for a whole passage: what names the context may stand inside it too.

    A "not" inside is left alone, for it may be the disclosure itself ("he does not let me out").
    """
    begin, close = _sentence_bounds(text, start, end)
    named = [
        name
        for name, rule in rules.contexts
        if _has_context(
            text[begin:start], text[start:end], text[end:close], replace(rule, reads_cue=True)
        )
    ]
    has_idiom = any(
        idioms.search(text, start, end) for idioms in (rules.silent_idioms, rules.open_idioms)
    )
    if has_idiom and not rules.meant.search(text, begin, close):
        named.append("idiom")
    return tuple(named)


def _has_context(before: str, cue: str, after: str, rule: ContextRule) -> bool:
    if rule.before is not None and rule.before.search(before):
        return True
    if rule.near is None:
        return False
    nearby = (
        *before.split()[max(0, len(before.split()) - rule.words_before) :],
        cue if rule.reads_cue else "|",
        *after.split()[: rule.words_after],
    )
    window = " ".join(nearby)
    if rule.cancelled_by is not None and rule.cancelled_by.search(window):
        return False
    return bool(rule.near.search(window))


def _merge_by_sentence(text: str, found: Sequence[_Found]) -> list[_Found]:
    merged: list[_Found] = []
    for item in sorted(found, key=lambda f: (f.start, f.end)):
        last = merged[-1] if merged else None
        if last is None or (item.start >= last.end and "." in text[last.end : item.start]):
            merged.append(item)
            continue
        both = last.is_low and item.is_low
        merged[-1] = _Found(
            start=last.start,
            end=max(last.end, item.end),
            context=tuple(dict.fromkeys((*last.context, *item.context))) if both else (),
            is_faint=both and (last.is_faint or item.is_faint),
        )
    return merged
