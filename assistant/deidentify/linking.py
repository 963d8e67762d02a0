"""One decision per conversation: a name found once is that name everywhere.

From the findings of every turn and the speaker labels this builds the people and things the
conversation speaks of (`roster`), looks for them again in every turn, applies the corrections,
and settles overlaps and types.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import regex

from assistant.deidentify.agency import hidden_surfaces, shown_by_agency
from assistant.deidentify.detector import NOT_SURE_OF_NO, DetectedText
from assistant.deidentify.found import SURROGATE, Correction, Found, resolve_overlaps, trim_found
from assistant.deidentify.roster import (
    NAME_TYPES,
    WORD,
    Roster,
    build_roster,
    find_misspellings,
    find_people_again,
    phrase_key,
)
from assistant.deidentify.rules import Lexicon, fold
from assistant.records import IdentifierType

SURER_THAN_SMALL = 0.95  # what the tagger must be of a word that the session also writes small


def link_findings(
    turns: Sequence[DetectedText],
    *,
    labels: Sequence[str],
    corrections: Sequence[Correction],
    lexicon: Lexicon,
) -> tuple[tuple[Found, ...], ...]:
    """Return, for every turn, sorted findings without overlaps, decided over the whole session."""
    shown = {
        fold(rule.surface) for rule in corrections if rule.action == "show" and rule.by == "person"
    }
    hiding = hidden_surfaces(corrections)
    small = _written_small(turns)
    found = [_drop_unlikely(turn, small) for turn in turns]
    roster = build_roster(turns, found, labels=labels, lexicon=lexicon)
    hidden = _phrase_pattern(hiding)
    known = _phrase_pattern(roster.phrases)
    general = _phrase_pattern(phrase for phrase in lexicon.rules.kept_phrases if " " in phrase)
    near = find_misspellings(turns, roster, lexicon)
    everything = [
        [
            *findings,
            *(
                item
                for item in (
                    *find_people_again(turn, roster, near, lexicon),
                    *_find_phrases(turn, known, roster.phrases, lexicon),
                )
                if _is_meant_here(item, turn, lexicon)
            ),
            *_find_corrections(turn, hidden, hiding),
        ]
        for turn, findings in zip(turns, found, strict=True)
    ]
    linked = [
        _settle(turn.text, items, lexicon, general)
        for turn, items in zip(turns, everything, strict=True)
    ]
    retyped = _one_type_each(turns, linked, roster)
    for_all = shown_by_agency(
        turns, everything, labels=labels, corrections=corrections, lexicon=lexicon
    )

    def is_shown(item: Found, surface: str) -> bool:
        return surface in shown or (surface in for_all and item.type in NAME_TYPES)

    return tuple(
        tuple(i for i in items if not is_shown(i, fold(turn.text[i.start : i.end])))
        for turn, items in zip(turns, retyped, strict=True)
    )


def _is_meant_here(item: Found, turn: DetectedText, lexicon: Lexicon) -> bool:
    """Whether an everyday word that is a name elsewhere is one here: the tagger may say no."""
    if turn.tagged is None or not _is_everyday_phrase(
        phrase_key(turn.text[item.start : item.end]), lexicon
    ):
        return True
    return turn.tagged.surest(item.start, item.end) >= NOT_SURE_OF_NO


def _written_small(turns: Sequence[DetectedText]) -> frozenset[str]:
    """Return the words that turns with meaningful capitals also write small."""
    return frozenset(
        fold(word.group())
        for turn in turns
        if turn.has_case
        for word in WORD.finditer(turn.text)
        if word.group()[0].islower()
        and not any(item.start <= word.start() < item.end for item in turn.findings)
    )


def _drop_unlikely(turn: DetectedText, small: frozenset[str]) -> tuple[Found, ...]:
    """Drop weak one-word findings that the session also writes small, as everyday words are."""
    return tuple(
        item
        for item in turn.findings
        if not (
            turn.has_case
            and (
                item.rule == "capital"
                or (item.rule == "tagger" and _surest(turn, item) < SURER_THAN_SMALL)
            )
            and fold(turn.text[item.start : item.end]) in small
        )
    )


def _surest(turn: DetectedText, item: Found) -> float:
    return turn.tagged.surest(item.start, item.end) if turn.tagged is not None else 1.0


# ---------------------------------------------------------------- phrases


def _phrase_pattern(phrases: Iterable[str]) -> regex.Pattern[str] | None:
    ordered = sorted(phrases, key=len, reverse=True)
    if not ordered:
        return None
    alternatives = "|".join(
        r"\s+".join(regex.escape(part).replace("'", "['’]") for part in phrase.split())
        for phrase in ordered
    )
    return regex.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", regex.I)


def _find_phrases(
    turn: DetectedText,
    pattern: regex.Pattern[str] | None,
    phrases: Mapping[str, IdentifierType],
    lexicon: Lexicon,
) -> Iterator[Found]:
    if pattern is None:
        return
    for match in pattern.finditer(turn.text):
        key = phrase_key(match.group())
        if _is_everyday_phrase(key, lexicon) and not _written_as_name(match.group(), turn):
            continue
        type_ = phrases.get(key)
        if type_:
            yield Found(start=match.start(), end=match.end(), type=type_, score=0.65, rule="again")


def _is_everyday_phrase(key: str, lexicon: Lexicon) -> bool:
    words = key.split()
    return all(
        word.isalpha() and (lexicon.is_everyday(word) or lexicon.is_doubtful(word))
        for word in words
    )


def _written_as_name(surface: str, turn: DetectedText) -> bool:
    if not turn.has_case:
        return len(surface.split()) > 1
    return all(word[0].isupper() for word in surface.split() if len(word) > 3) and any(
        char.isupper() for char in surface
    )


def _find_corrections(
    turn: DetectedText, pattern: regex.Pattern[str] | None, types: Mapping[str, IdentifierType]
) -> Iterator[Found]:
    if pattern is None:
        return
    for match in pattern.finditer(turn.text):
        type_ = types.get(" ".join(fold(match.group()).split()), "OTHER")
        yield Found(start=match.start(), end=match.end(), type=type_, score=1.0, rule="correction")


# ---------------------------------------------------------------- settling


def _settle(
    text: str, findings: Sequence[Found], lexicon: Lexicon, general: regex.Pattern[str] | None
) -> tuple[Found, ...]:
    findings = _drop_general(text, findings, general)
    reserved = [match.span() for match in SURROGATE.finditer(text)]
    pieces = [piece for item in findings for piece in _outside(item, reserved)]
    trimmed = (trim_found(text, item) for item in resolve_overlaps(pieces))
    named = [
        item for item in trimmed if item is not None and not _is_left_over(text, item, lexicon)
    ]
    return _merge_names(text, named)


def _is_left_over(text: str, item: Found, lexicon: Lexicon) -> bool:
    """Whether nothing but titles and function words is left of a name another finding cut."""
    if item.type not in NAME_TYPES or item.score >= 1:
        return False
    words = [fold(word).removesuffix("'s") for word in WORD.findall(text[item.start : item.end])]
    rules = lexicon.rules.names
    return all(
        word in rules.titles or (word in lexicon.stop and word not in rules.also_words)
        for word in words
    ) and not any(char.isdigit() for char in text[item.start : item.end])


def _drop_general(
    text: str, findings: Sequence[Found], general: regex.Pattern[str] | None
) -> Sequence[Found]:
    """Drop parts of well-known names of several words ("Salvation Army", "Big Book")."""
    known = [match.span() for match in general.finditer(text)] if general else []
    return [
        item
        for item in findings
        if item.score >= 1
        or item.type not in NAME_TYPES
        or not any(start <= item.start and item.end <= end for start, end in known)
    ]


def _outside(item: Found, reserved: Sequence[tuple[int, int]]) -> Iterator[Found]:
    start = item.start
    for low, high in [*reserved, (item.end, item.end)]:
        stop = min(low, item.end)
        if start < stop:
            yield Found(start=start, end=stop, type=item.type, score=item.score, rule=item.rule)
        start = max(start, high)


def _merge_names(text: str, findings: Sequence[Found]) -> tuple[Found, ...]:
    """Join neighbouring pieces of one name: "Ruben" and "Ortiz" make one finding."""
    merged: list[Found] = []
    for item in findings:
        last = merged[-1] if merged else None
        if (
            last
            and last.type == item.type
            and item.type in NAME_TYPES
            and text[last.end : item.start] in (" ", "-", "")
        ):
            merged[-1] = Found(
                start=last.start,
                end=item.end,
                type=item.type,
                score=max(last.score, item.score),
                rule=last.rule,
            )
        else:
            merged.append(item)
    return tuple(merged)


def _one_type_each(
    turns: Sequence[DetectedText], linked: Sequence[Sequence[Found]], roster: Roster
) -> list[tuple[Found, ...]]:
    """Give every surface of a name one type in the whole conversation, by weight of evidence."""
    votes: dict[str, Counter[IdentifierType]] = defaultdict(Counter)
    for turn, items in zip(turns, linked, strict=True):
        for item in items:
            if item.type in NAME_TYPES:
                votes[phrase_key(turn.text[item.start : item.end])][item.type] += round(
                    item.score * 100
                )
    for key in votes:
        if key in roster.nicknames:
            votes[key]["NICKNAME"] += 10_000
        elif key in roster.sure:
            votes[key]["PERSON"] += 10_000
    retyped = []
    for turn, items in zip(turns, linked, strict=True):
        row = []
        for item in items:
            type_ = item.type
            if type_ in NAME_TYPES and item.rule != "correction":
                type_ = votes[phrase_key(turn.text[item.start : item.end])].most_common(1)[0][0]
            row.append(
                Found(start=item.start, end=item.end, type=type_, score=item.score, rule=item.rule)
            )
        retyped.append(tuple(row))
    return retyped
