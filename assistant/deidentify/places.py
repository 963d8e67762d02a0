"""Places and organisations: addresses, corners, apartments, ZIP codes, "X House", "X County"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import regex

from assistant.deidentify.found import Found
from assistant.deidentify.rules import Lexicon, fold
from assistant.records import IdentifierType

_CAP = r"(?:\p{Lu}[\p{L}\p{M}'’\-]*|\d{1,3}(?:st|nd|rd|th))"
_ORDINAL = (
    r"(?:\d{1,3}(?:st|nd|rd|th)|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty"
    r"|ninety)?[\s-]?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|"
    r"tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth"
    r"|eighteenth|nineteenth|twentieth|thirtieth|fortieth)"
)

_COUNT = (
    r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen"
    r"|fourteen|fifteen|sixteen|"
    r"seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|oh"
)
_COMPASS = (
    r"(?:(?:North|South|East|West|N|S|E|W|NE|NW|SE|SW|Northeast|Northwest|Southeast"
    r"|Southwest)\.?\s+)?"
)
_UNIT = (
    r"(?:,?\s*(?:Apt|Apartment|Unit|Suite|Ste|Rm|Lot|Flat|apt|apartment|unit|suite"
    r"|lot|flat)\.?\s*#?\s*[\w-]+)?"
)
_ZIP = r"(?:,?\s+[A-Z]{2}\.?\s+\d{5}(?:-\d{4})?)"
_SMALL_WORDS = {
    "the",
    "a",
    "an",
    "my",
    "our",
    "your",
    "his",
    "her",
    "their",
    "this",
    "that",
    "same",
    "main",
    "next",
    "other",
    "on",
    "of",
    "back",
    "side",
    "wrong",
    "right",
    "whole",
    "one",
    "every",
    "down",
    "across",
    "off",
    "whose",
    "which",
    "no",
    "long",
    "city",
    "dirt",
    "in",
    "to",
    "at",
    "from",
    "and",
}


@dataclass(frozen=True, slots=True)
class PlacePatterns:
    """The patterns built once from the word lists."""

    located: tuple[tuple[str, regex.Pattern[str]], ...]
    organisation: regex.Pattern[str]
    organisation_lower: regex.Pattern[str]
    place: regex.Pattern[str]
    place_lower: regex.Pattern[str]
    lexicon: Lexicon


def build_place_patterns(lexicon: Lexicon) -> PlacePatterns:
    """Compile the patterns for one set of word lists."""
    places = lexicon.rules.places
    street = _either(places.street_words)
    street_any = f"(?i:{_either(tuple(word for word in places.street_words if len(word) > 2))})"
    org, place = _either(places.org_words), _either(places.place_words)
    connect = r"(?:\s+(?:of|for|the|and|&|de|del|on|at|in)){0,2}"
    located = (
        (
            "address",
            (
                rf"(?<![\w$#-])\d{{1,6}}[A-Za-z]?\s+{_COMPASS}"
                rf"(?:{_CAP}\s+){{1,4}}{street}\b\.?{_UNIT}"
            ),
        ),
        (
            "address_lower",
            (
                r"(?<![\w$#-])\d{1,6}\s+(?i:(?:[\p{L}'’-]+\s+){1,2})(?:street|avenue|ave"
                rf"|road|boulevard|blvd|lane|terrace|highway|parkway)\b(?i:{_UNIT})"
            ),
        ),
        (
            "address_said",
            (
                r"(?i:\b(?:at|live|lives|living|stay|address(?:'s|’s| is)?|is|on)\s+\K(?:(?:one"
                r"|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen"
                r"|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty"
                r"|seventy|eighty|ninety|hundred|oh)[\s-]+){1,5}(?:(?:north|south|east"
                r"|west)\s+)?(?!(?:of|days|people|to)\b)[\p{L}'’-]+\s+(?:street|avenue|road"
                r"|boulevard|lane|drive|court|place|terrace))\b"
            ),
        ),
        ("street", rf"{_COMPASS}(?:{_CAP}\s+){{1,3}}{street}\b(?!['’])"),
        ("street_ordinal", rf"(?i:\b{_ORDINAL}\s+(?:street|st|avenue|ave)\b)"),
        (
            "street_lower",
            (
                r"(?i:\b(?:on|off|down|near|at|along|to|from|over\s+on|past|round|around)\s+\K"
                rf"(?!(?:{'|'.join(sorted(_SMALL_WORDS))})\b)[\p{{L}}'’-]{{3,}}\s+(?:street"
                r"|avenue|ave|road|boulevard|blvd|terrace|parkway|turnpike))\b"
            ),
        ),
        (
            "corner",
            (
                rf"(?i:\bcorner\s+of\s+\K)(?:(?i:{_ORDINAL})|{_CAP})(?:\s+{_CAP})?"
                rf"(?:\s+{street_any})?\s+(?:and|&|n)\s+(?:(?i:{_ORDINAL})|{_CAP})"
                rf"(?:\s+{street_any})?(?!\w)"
            ),
        ),
        (
            "corner_lower",
            (
                rf"(?i:\bcorner\s+of\s+\K(?!the\b|my\b|our\b)(?:{_ORDINAL}|[\p{{L}}'’-]+)"
                rf"(?:\s+{street_any})?\s+(?:and|&|n)\s+(?:{_ORDINAL}|[\p{{L}}'’-]+)"
                rf"(?:\s+{street_any})?)(?!\w)"
            ),
        ),
        (
            "crossing",
            (
                rf"(?:(?i:{_ORDINAL})\s+(?:and|&)\s+{_CAP}|{_CAP}\s+(?:and|&)\s+(?i:{_ORDINAL}))"
                rf"(?:\s+{street_any})?(?![\w'’])"
            ),
        ),
        (
            "crossing_lower",
            (
                rf"(?i:\b(?:at|on|near|by|off|down\s+at|to|from)\s+\K(?:{_ORDINAL}\s+and\s+"
                rf"(?!the\b|a\b|my\b|i\b|then\b|it\b|last\b|{_ORDINAL}\b)[\p{{L}}'’-]{{3,}}"
                rf"|[\p{{L}}'’-]{{3,}}\s+and\s+{_ORDINAL})(?:\s+(?:street|avenue|ave))?)(?!\w)"
            ),
        ),
        (
            "apartment",
            (
                r"(?i:\b(?:apartment|apt\.?|flat|unit|suite|lot|trailer)\s*(?:number|no\.?"
                r"|#)?\s*)(?:\d{1,4}[A-Za-z]?|[A-Z]\d{0,3}|(?i:one|two|three|four|five|six|seven"
                r"|eight|nine|ten|eleven|twelve)(?:\s[A-Z])?)(?!['’\w])(?!\s*(?i:bedroom|hundred"
                r"|thousand|days|people))"
            ),
        ),
        ("state_zip", r"\b[A-Z]{2}\s+\K\d{5}(?:-\d{4})?(?!\w)"),
        (
            "zip",
            (
                r"(?i:\bzip(?:\s*code)?(?:\s+on\s+(?:the|my)\s+\w+)?(?:\s*(?:is|was|'s|’s|:|,"
                r"|it's))*\s+\K)\d{5}(?:-\d{4})?(?!\w)"
            ),
        ),
        (
            "zip_said",
            (
                r"(?i:\bzip(?:\s*code)?(?:\s*(?:is|was|'s|’s|:|,|it's))*\s+\K(?:(?:zero|oh|one"
                r"|two|three|four|five|six|seven|eight|nine)[\s,-]*){5})(?!\w)"
            ),
        ),
        ("postcode", r"(?<![\w-])[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}(?![\w-])"),
        (
            "unit",
            (
                r"(?i:\b(?:battalion|regiment|brigade|platoon|squadron|precinct|engine|ladder"
                r"|troop)\s+(?:\d{1,4}|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty"
                r"|ninety)?[\s-]?(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven"
                r"|twelve)))(?!\w)|(?<!\w)(?:VFW|Legion)?\s*(?:Post|Local|Chapter"
                r"|Lodge)\s+\d{1,4}(?!\w)"
            ),
        ),
        (
            "route_said",
            (
                rf"(?i:\b(?:route|highway|interstate)\s+(?:{_COUNT})(?:[\s-]+(?:{_COUNT}))*"
                rf"(?:\s+and\s+(?!(?:{'|'.join(sorted(_SMALL_WORDS))}|i|then|it|they|we|he"
                r"|she)\b)[\p{L}'’-]{3,})?)(?!\w)"
            ),
        ),
        (
            "route",
            (
                r"(?<!\w)(?:Route|Rte\.?|Highway|Hwy\.?|Interstate|County\s+Road"
                r"|State\s+Road)\s+\d{1,4}(?!\w)|(?<!\w)I-\d{1,3}(?!\w)"
            ),
        ),
        ("coordinates", r"(?<![\w.])-?\d{1,2}\.\d{3,},\s*-?\d{1,3}\.\d{3,}(?!\w)"),
    )
    return PlacePatterns(
        located=tuple((name, regex.compile(pattern)) for name, pattern in located),
        organisation=regex.compile(
            rf"(?<![\w'’])(?:St\.?\s+|Saint\s+|Our\s+Lady\s+)?(?:{_CAP}(?:\s+|-)){{1,4}}?(?:"
            rf"(?:and|&|of|for|the)\s+(?:the\s+)?(?:{_CAP}\s+)*?)?(?:{org})(?:\s+"
            rf"(?:{org}))*\b(?:{connect}\s+{_CAP}(?:\s+{_CAP})?)?"
            r"|(?<!\w)(?:St\.|St|Saint)\s+\p{Lu}[\p{L}'’]+(?:\s+(?:and|&)\s+\p{Lu}[\p{L}'’]+)?"
        ),
        organisation_lower=regex.compile(
            r"(?i:\b(?:at|from|to|through|with|into|near|called|named)\s+(?:the\s+)?\K"
            r"([\p{L}'’-]{3,})\s+(?:house|clinic|recovery|center|centre|church|shelter"
            r"|mission|ministries|academy|hospital|high\s+school|lodge|ranch|pharmacy"
            r"|diner))\b"
        ),
        place=regex.compile(
            r"(?<![\w'’])(?:(?:Lake|Mount|Mt\.?|Fort|Ft\.?|Port|Point|Camp|Cape|San|Santa"
            rf"|Los|Las|El|New|North|South|East|West|Upper|Lower|St\.?|Saint|Old)\s+{_CAP}"
            rf"(?:\s+{_CAP})?|(?:{_CAP}\s+){{1,3}}(?:{place}))\b(?!['’]s\s+\p{{Lu}})"
        ),
        place_lower=regex.compile(
            rf"(?<![\w'’])(?:{_CAP}\s+){{1,3}}(?:(?P<org>(?i:{org}))|(?i:{place}|{street}))"
            r"(?!\w)"
        ),
        lexicon=lexicon,
    )


def _either(words: tuple[str, ...]) -> str:
    return (
        "(?:"
        + "|".join(
            regex.escape(word).replace(r"\ ", r"\s+")
            for word in sorted(words, key=len, reverse=True)
        )
        + ")"
    )


def find_places(text: str, patterns: PlacePatterns, *, lower: bool) -> Iterator[Found]:
    """Find addresses, streets, corners, apartments, ZIP codes and named places.

    `lower` adds forms for text without capitals.
    """
    for name, pattern in patterns.located:
        for match in pattern.finditer(text):
            if name == "street" and not _is_named(
                match.group(), patterns.lexicon, skip=patterns.lexicon.rules.places.street_words
            ):
                continue
            score = 0.9 if name.startswith(("address", "corner", "zip", "state")) else 0.8
            start, end = (
                _without_opening(match.group(), match.start(), patterns.lexicon),
                match.end(),
            )
            where: IdentifierType = "ORG" if name == "unit" else "LOCATION"
            yield Found(start=start, end=end, type=where, score=score, rule=f"place_{name}")
    if lower:
        for match in patterns.place_lower.finditer(text):
            first = match.group().split()[0]
            if patterns.lexicon.is_unknown(first):
                kind: IdentifierType = "ORG" if match.group("org") else "LOCATION"
                yield Found(
                    start=match.start(), end=match.end(), type=kind, score=0.7, rule="place_lower"
                )
    for match in patterns.place.finditer(text):
        start = _without_opening(match.group(), match.start(), patterns.lexicon)
        surface = text[start : match.end()]
        if not patterns.lexicon.is_kept(surface) and _is_named(
            surface, patterns.lexicon, skip=patterns.lexicon.rules.places.place_words
        ):
            yield Found(
                start=start, end=match.end(), type="LOCATION", score=0.75, rule="place_named"
            )


def find_organisations(text: str, patterns: PlacePatterns, *, lower: bool) -> Iterator[Found]:
    """Find names that end like an organisation; `lower` adds forms for text without capitals."""
    lexicon = patterns.lexicon
    for match in patterns.organisation.finditer(text):
        start = _without_opening(match.group(), match.start(), lexicon)
        surface = text[start : match.end()]
        if (
            len(surface.split()) > 1
            and not lexicon.is_kept(surface)
            and _is_named(surface, lexicon, skip=lexicon.rules.places.org_words)
        ):
            yield Found(start=start, end=match.end(), type="ORG", score=0.8, rule="organisation")
    if lower:
        for match in patterns.organisation_lower.finditer(text):
            word = fold(match.group(1))
            if (
                word not in lexicon.rules.places.general
                and word not in lexicon.stop
                and not word.endswith("'s")
            ):
                yield Found(
                    start=match.start(),
                    end=match.end(),
                    type="ORG",
                    score=0.6,
                    rule="organisation_lower",
                )


def _without_opening(surface: str, start: int, lexicon: Lexicon) -> int:
    """Skip capitalised openers of a sentence that the pattern swallowed ("The", "At", "So")."""
    offset = 0
    for word in regex.finditer(r"\S+", surface):
        folded = fold(word.group()).strip(".,")
        is_opener = (
            folded in lexicon.stop
            or lexicon.is_filler(folded)
            or folded in lexicon.rules.kept.calendar
        )
        if not is_opener or word.end() == len(surface) or folded[0].isdigit():
            break
        offset = word.end()
    while offset < len(surface) and surface[offset].isspace():
        offset += 1
    return start + offset


def _is_named(surface: str, lexicon: Lexicon, *, skip: tuple[str, ...]) -> bool:
    """Whether something other than general words and the ending itself carries a capital."""
    endings = {fold(part) for word in skip for part in word.split()}
    words = [fold(word.strip(".,'’")) for word in surface.split()]
    general = lexicon.rules.places.general
    telling = [
        word
        for position, word in enumerate(words)
        if word not in general
        and word not in lexicon.stop
        and not lexicon.is_filler(word)
        and not (word in endings and position > 0)
        and (not lexicon.is_kept(word) or _is_church_hospital(word, words[-1], lexicon))
    ]
    return bool(telling)


def _is_church_hospital(word: str, ending: str, lexicon: Lexicon) -> bool:
    """Whether a faith names a house ("Methodist Hospital") and not the faith ("Baptist Church")."""
    return word in lexicon.rules.kept.peoples and ending in ("hospital", "school", "clinic", "home")
