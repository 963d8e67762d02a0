"""Dates that point to somebody, and ages over the limit.

Kept on purpose: weekdays and months alone, years alone, times of day, durations and milestones
("94 days", "six months", "last Tuesday"), ages up to the limit.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from assistant.deidentify.found import Found

_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|"
    r"jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec)"
)
_ORDINAL_WORD = (
    r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh"
    r"|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|"
    r"seventeenth|eighteenth|nineteenth|twentieth|twenty[\s-]?(?:first|second|third"
    r"|fourth|fifth|sixth|seventh|eighth|ninth)|thirtieth|thirty[\s-]?first)"
)

_CARDINAL_WORD = (
    r"(?:thirty[\s-]?one|twenty[\s-]?(?:one|two|three|four|five|six|seven|eight"
    r"|nine)|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    r"eighteen|nineteen|twenty|thirty|one|two|three|four|five|six|seven|eight|nine)"
)
_DAY_NUMBER = r"(?:3[01]|[12]\d|0?[1-9])"
_ORDINAL = rf"(?:{_DAY_NUMBER}\s?(?:st|nd|rd|th)|{_ORDINAL_WORD})"
_YEAR_WORD = (
    r"(?:(?:nineteen|twenty)[\s-](?:oh[\s-])?(?:(?:twenty|thirty|forty|fifty|sixty"
    r"|seventy|eighty|ninety)(?:[\s-](?:one|two|three|four|five|six|seven|eight"
    r"|nine))?|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen"
    r"|eighteen|nineteen)|two thousand(?: and)?(?: (?:one|two|three|four|five|six"
    r"|seven|eight|nine|ten|eleven|twelve))?)"
)
_YEAR = rf"(?:,?\s+(?:of\s+|in\s+)?(?:(?:19|20)\d\d|{_YEAR_WORD})(?!\w)|,?\s*['’]\d\d(?!\w))"
_WEEKDAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|mon|tues?|wed|thurs?|fri|sat|sun)"
_UNITS = (
    r"(?!\s*(?:days?|weeks?|months?|years?|hours?|minutes?|people|times|of us"
    r"|percent|a\.?m|p\.?m|o'clock|:\d))"
)

_PATTERNS: tuple[tuple[str, regex.Pattern[str]], ...] = (
    (
        "iso",
        regex.compile(
            r"(?<![\w-])(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
            r"(?:T[\d:.]+Z?)?(?!\w)"
        ),
    ),
    (
        "numeric",
        regex.compile(
            r"(?<![\w/.-])(?:0?[1-9]|[12]\d|3[01])\s?([/.-])\s?(?:0?[1-9]|[12]\d"
            r"|3[01])\s?\1\s?(?:(?:19|20)\d\d|['’]?\d\d)(?![\w/]|[.-]\d)"
        ),
    ),
    (
        "day_slash",
        regex.compile(
            (
                r"(?<=\b(?:on|by|since|until|till|dated?|due|from|before|after|of|is|was|for"
                r"|dob:?|born)\s(?:the\s)?)(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])(?![\w/])"
            ),
            regex.I,
        ),
    ),
    (
        "day_slash_late",
        regex.compile(r"(?<![\w/.-])(?:0?[1-9]|1[0-2])/(?:1[3-9]|2\d|3[01])(?![\w/%]|\.\d)"),
    ),
    (
        "month_day",
        regex.compile(
            (
                rf"(?<!\w)(?:{_WEEKDAY},?\s+(?:the\s+)?)?{_MONTH}\.?,?\s+(?:the\s+)?(?:{_ORDINAL}"
                rf"|{_DAY_NUMBER}(?![\d:]|\s?%)){_YEAR}?(?!\w){_UNITS}"
            ),
            regex.I,
        ),
    ),
    (
        "month_day_said",
        regex.compile(
            (
                rf"(?<!\w)(?!may\s|march\s)(?:{_WEEKDAY},?\s+)?{_MONTH}"
                rf"\s+{_CARDINAL_WORD}{_YEAR}?(?!\w){_UNITS}"
            ),
            regex.I,
        ),
    ),
    (
        "day_month",
        regex.compile(
            (
                rf"(?<!\w)(?:{_WEEKDAY},?\s+)?(?:the\s+)?(?:{_ORDINAL}(?:\s+day)?\s+(?:of\s+)?"
                rf"|{_DAY_NUMBER}\s+(?:of\s+)?){_MONTH}\.?{_YEAR}?(?!\w)"
            ),
            regex.I,
        ),
    ),
    (
        "day_month_dashed",
        regex.compile((rf"(?<![\w-]){_DAY_NUMBER}[-/]{_MONTH}[-/](?:19|20)?\d\d(?!\w)"), regex.I),
    ),
    ("month_year", regex.compile(rf"(?<!\w){_MONTH}\.?{_YEAR}", regex.I)),
    (
        "weekday_day",
        regex.compile(
            (
                rf"(?<!\w){_WEEKDAY},?\s+(?:the\s+)?(?:{_ORDINAL})(?!\w)(?!\s+(?:time|one|week"
                r"|of us))"
            ),
            regex.I,
        ),
    ),
    (
        "the_day",
        regex.compile(
            (
                r"(?<=\b(?:on|by|until|till|since|before|court|hearing|due|it's|it’s|that's"
                r"|that’s|is)\s)the\s(?:[4-9]|1\d|2\d|30)(?:th|st|nd|rd)(?!\s*(?:floor|time"
                r"|grade|step|street|avenue|ave|st\b|century|one|place|day|week|month|year"
                r"|birthday|\p{L}+))"
            ),
            regex.I,
        ),
    ),
    ("month_slash_year", regex.compile(r"(?<![\w/.-])(?:0?[1-9]|1[0-2])/(?:19|20)\d\d(?![\w/])")),
)
_HOLIDAY = regex.compile(r"(?:the\s+)?(?:4th|fourth)\s+of\s+july", regex.I)
_MAY_VERB = regex.compile(r"may\s+\d", regex.I)
_NINETIES = (
    r"(?:ninety(?:[\s-](?:one|two|three|four|five|six|seven|eight|nine))?|(?:a"
    r"|one)\s+hundred(?:(?:\s+and)?\s+(?:one|two|three|four|five|six|seven|eight"
    r"|nine|ten|eleven|twelve))?)"
)
_NUMBER = rf"(?:\d{{2,3}}|{_NINETIES})"
_AGES: tuple[regex.Pattern[str], ...] = (
    regex.compile(
        (rf"(?<![\w.,$-])({_NUMBER})[\s-]?(?:years?|yrs?|y)[\s./-]?(?:olds?|o)\b"), regex.I
    ),
    regex.compile(r"(?<![\w.,$-])(\d{2,3})\s?(?:yo|y/o|yr old)\b", regex.I),
    regex.compile(
        (
            r"\b(?:aged?|age\s+of|age\s+is|turn(?:s|ed|ing)?|at\s+the\s+age\s+of)\s+"
            rf"({_NUMBER})(?![\w-]|\s*(?:days?|weeks?|months?|hours?|minutes?|percent|dollars"
            r"|times))"
        ),
        regex.I,
    ),
    regex.compile(
        (
            r"\b(?:he|she|gran|nan|grandma|grandpa|grandmother|grandfather|nana|mother"
            r"|father|mom|dad|who)(?:'s|’s|\s+is|\s+was|\s+will\s+be)\s+(?:already\s+"
            rf"|almost\s+|nearly\s+|about\s+)?({_NUMBER})(?=\s*(?:[.,;!?—]|$|now\b|and\b"
            r"|years\s+old|this\s+year))"
        ),
        regex.I,
    ),
)


def find_dates(text: str) -> Iterator[Found]:
    """Find dates with a day or a month and year; never a weekday, a month or a duration alone."""
    for name, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            if (
                name.startswith("month_day")
                and _MAY_VERB.match(match.group())
                and match.group()[0] == "m"
            ):
                continue
            if _HOLIDAY.fullmatch(match.group()):
                continue
            yield Found(
                start=match.start(), end=match.end(), type="DATE", score=0.9, rule=f"date_{name}"
            )


def find_ages(text: str, *, oldest_kept: int) -> Iterator[Found]:
    """Find ages above `oldest_kept` years; younger ages and counts of days are left alone."""
    for pattern in _AGES:
        for match in pattern.finditer(text):
            said = match.group(1)
            if not said.isdigit() or oldest_kept < int(said) <= 120:
                yield Found(
                    start=match.start(1), end=_age_end(match), type="AGE", score=0.9, rule="age"
                )


def _age_end(match: regex.Match[str]) -> int:
    return match.end() if match.start() == match.start(1) else match.end(1)
