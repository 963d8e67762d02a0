"""Names of people, from how a name is brought up.

What stands around a name ("my name's", "my sister", "Dr."); names by how they are written are the
part of `capitals`.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from assistant.deidentify.found import Found
from assistant.deidentify.rules import Lexicon, fold
from assistant.records import IdentifierType

_WORD = r"\p{Lu}[\p{L}\p{M}]*(?:['’\-]\p{L}[\p{L}\p{M}]+)*"
_PARTICLE = (
    r"(?:de|la|del|de\s+la|de\s+los|van|von|der|den|bin|binti|al|el|ibn|dos|da|di|ap|y|O['’])"
)
# At most five words: longer runs of capitals are taken piece by piece.
_NAME = rf"{_WORD}(?:\s+(?:{_PARTICLE}\s+){{0,2}}(?:{_WORD}|\p{{Lu}}\.)){{0,4}}"
_ANY = r"[\p{L}][\p{L}\p{M}'’\-]+"
_ANY_NAME = rf"{_ANY}(?:\s+{_ANY})?"
_NICK = (
    r"(?:(?:they|people|everybody|everyone|folks|friends|family|kids|all|the\s+guys"
    r"|the\s+girls|mom|mum|he|she)\s+(?:\w+\s+)?(?:all\s+|just\s+|always\s+)?"
    r"(?:calls?|called|says?)\s+(?:me|him|her|them)?\s*|"
    r"(?:goes|go|went|going)\s+by\s+|nicknames?(?:['’]s|\s+(?:is|was))?\s+|"
    r"(?:better\s+)?known\s+as\s+|a\.?k\.?a\.?\s+|known\s+on\s+the\s+street\s+as\s+"
    r"|short\s+for\s+|street\s+name(?:['’]s|\s+(?:is|was))\s+"
    r"|prefers\s+to\s+be\s+called\s+)['\"“‘]?"
)

_INTRODUCED: tuple[tuple[str, IdentifierType, regex.Pattern[str]], ...] = (
    (
        "name_is",
        "PERSON",
        regex.compile(
            r"(?i:\bname(?:['’]s|\s+is|\s+was|\s+will\s+be|:)\s+(?:actually\s+|like\s+|um\s+"
            rf"|uh\s+|,\s*)?)({_NAME})"
        ),
    ),
    (
        "name_is_lower",
        "PERSON",
        regex.compile(
            r"(?i:\b(?:my|his|her|their|your|full|first|last|baby['’]s|dog['’]s|cat['’]s"
            rf"|sponsor['’]s)\s+name(?:['’]s|\s+is|\s+was)\s+)((?i:{_ANY_NAME}))"
        ),
    ),
    ("named", "PERSON", regex.compile(rf"(?i:\b(?:named|called)\s+)({_NAME})")),
    (
        "named_lower",
        "PERSON",
        regex.compile(
            r"(?i:\b(?:guy|man|woman|lady|girl|boy|kid|dog|cat|baby|friend|nurse|person"
            rf"|counselor|doctor)\s+(?:named|called)\s+)((?i:{_ANY}))"
        ),
    ),
    (
        "i_am",
        "PERSON",
        regex.compile(
            r"(?i:\b(?:i['’]m|i\s+am|im|this\s+is|it['’]s|that['’]s|meet|ask\s+for|it\s+is"
            rf"|here['’]s)\s+)({_NAME})(?=\s*(?:[.,;!?—–\-)]|$|\s(?:here|from|and|with|by"
            r"|your|the|again|speaking|i['’]m|i\s)))"
        ),
    ),
    (
        "call_me",
        "PERSON",
        regex.compile(
            rf"(?i:\b(?:call|calls|called)\s+(?:me|him|her|them|us)\s+)({_NAME})(?=\s*"
            r"(?:[.,;!?—–)\"”'’]|$|\s(?:for|because|so|and|but|since|when|if)))"
        ),
    ),
    ("nickname", "NICKNAME", regex.compile(rf"\b(?i:{_NICK})({_WORD}(?:\s+{_WORD})?)")),
    (
        "greeting",
        "PERSON",
        regex.compile(
            r"(?i:(?:^|[.!?,]\s+|\b)(?:hi|hey|hello|hiya|morning|good\s+morning"
            r"|good\s+afternoon|good\s+evening|thanks|thank\s+you|bye|goodbye|welcome"
            r"|welcome\s+back|dear|sorry|congrats|congratulations|happy\s+birthday|night"
            rf"|good\s+night|love\s+you|god\s+bless),?\s+)({_NAME})(?=\s*(?:[.,;!?—–)]|$))"
        ),
    ),
    ("vocative_end", "PERSON", regex.compile(rf",\s+({_WORD})(?=\s*[.!?]|\s*$)")),
    ("nickname_vocative", "NICKNAME", regex.compile(r",\s+((?:\p{Lu}\.?){2})(?=\s*[.!?]|\s*$)")),
    ("vocative_middle", "PERSON", regex.compile(rf",\s+({_WORD}),\s")),
    ("signed", "PERSON", regex.compile(rf"(?:^|\s)[—–-]\s?({_WORD}(?:\s+{_WORD})?)\s*$")),
    ("initial", "PERSON", regex.compile(r"(?<!\w)(\p{Lu}\p{Ll}+\s+\p{Lu}\.)(?!\p{L})")),
    ("initials", "PERSON", regex.compile(r"(?<![\w.])((?:\p{Lu}\.\s?){2,3}\p{Lu}\p{Ll}+)")),
)
_ABBREVIATED = {"dr", "mr", "mrs", "ms", "mx", "sgt", "lt", "rev", "prof"}
_POSSESSIVE = (
    r"(?:my|his|her|their|our|your|the|this|that|a|an|old|new|little|big|older"
    r"|younger|best|oldest|youngest|baby|first|ex|[\p{L}]+['’]s)"
)


def build_people_patterns(
    lexicon: Lexicon,
) -> tuple[tuple[str, IdentifierType, regex.Pattern[str]], ...]:
    """Compile the introductions, with the titles and relations of the word lists."""
    names = lexicon.rules.names
    titles = "|".join(
        regex.escape(title) + (r"\.?" if title in _ABBREVIATED else "")
        for title in sorted(names.titles, key=len, reverse=True)
    )
    relations = "|".join(
        sorted((regex.escape(word) for word in names.relations), key=len, reverse=True)
    )
    relation = (
        rf"(?i:\b{_POSSESSIVE}\s+(?:[\p{{L}}-]+\s+)?(?:{relations})(?:\s+(?:is|was"
        r"|is\s+called|named|called)|['’]s\s+name(?:['’]s|\s+is|\s+was))?,?\s+"
        r"(?:named\s+|called\s+)?)"
    )
    return (
        *_INTRODUCED,
        ("title", "PERSON", regex.compile(rf"(?<![\p{{L}}'’-])(?:(?i:{titles}))\s+({_NAME})")),
        ("relation", "PERSON", regex.compile(rf"{relation}({_NAME})")),
        ("relation_lower", "PERSON", regex.compile(rf"{relation}((?i:{_ANY}))")),
        (
            "relation_after",
            "PERSON",
            regex.compile(
                rf"(?<![\p{{L}}'’-])({_NAME}),?\s+(?i:(?:is|was|that's|that’s|who's|who’s)?\s*"
                rf"(?:my|his|her|their|our)\s+(?:[\p{{L}}-]+\s+)?(?:{relations}))\b"
            ),
        ),
    )


def find_introduced(
    text: str,
    patterns: tuple[tuple[str, IdentifierType, regex.Pattern[str]], ...],
    lexicon: Lexicon,
) -> Iterator[Found]:
    """Find names by the words that bring them up."""
    for rule, type_, pattern in patterns:
        for match in pattern.finditer(text, overlapped=True):
            bounds = _name_bounds(text, match.start(1), match.end(1), lexicon, rule=rule)
            if bounds:
                yield Found(
                    start=bounds[0], end=bounds[1], type=type_, score=0.85, rule=f"name_{rule}"
                )


def _name_bounds(
    text: str, start: int, end: int, lexicon: Lexicon, *, rule: str
) -> tuple[int, int] | None:
    """Cut a captured name down to the words that can belong to a name."""
    words = list(regex.finditer(r"[^\s]+", text[start:end]))
    strong = rule in (
        "title",
        "name_is",
        "relation",
        "nickname",
        "call_me",
        "named",
        "initial",
        "initials",
    )
    kept: list[regex.Match[str]] = []
    for word in words:
        bare = word.group().removesuffix("'s").removesuffix("’s")
        if fold(bare).partition("'")[0] in lexicon.stop and "'" in fold(bare):
            break  # "I'd", "She'll"
        if not _can_be_name(bare, lexicon, lower=rule.endswith("_lower"), strong=strong):
            break
        kept.append(word)
        if bare != word.group():
            break
    if not kept or (rule != "title" and all(_is_initial(word.group()) for word in kept)):
        return None
    surface_end = start + kept[-1].end()
    return start + kept[0].start(), surface_end - _possessive_length(
        text[surface_end - 2 : surface_end]
    )


def _can_be_name(word: str, lexicon: Lexicon, *, lower: bool, strong: bool) -> bool:
    folded = fold(word)
    if _is_initial(word):
        return word[0].isupper() and word != "I"
    if lexicon.is_filler(word) or lexicon.is_kept(word) or folded in lexicon.rules.names.relations:
        return False
    if lower:
        return lexicon.is_unknown(word) or lexicon.is_given(word)
    if folded in lexicon.stop:
        return strong and folded in lexicon.rules.names.also_words and word[0].isupper()
    if strong:
        return True
    return (
        not lexicon.is_everyday(word)
        or folded in lexicon.rules.names.also_words
        or lexicon.is_given(word)
    )


def _is_initial(word: str) -> bool:
    return len(word.rstrip(".")) == 1


def _possessive_length(text: str) -> int:
    return 2 if text.endswith(("'s", "’s")) else 0
