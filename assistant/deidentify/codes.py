"""Numbers that belong to one person or thing: records, dockets, plates, cards, IP addresses."""

from __future__ import annotations

from collections.abc import Iterator

import regex

from assistant.deidentify.found import Found
from assistant.deidentify.spoken import Run, read_runs

_WORDS = (
    r"case|docket|cause|claim|file|member(?:ship)?|policy|account|acct|badge|inmate"
    r"|prisoner|doc|booking|mrn|(?:medical\s+)?record|chart|patient|client|"
    r"licen[cs]e|permit|(?:number\s+|license\s+|licence\s+)?plates?|tags?"
    r"|registration|confirmation|reference|ref|ticket|passport|medicaid|medicare"
    r"|insurance|ssn|social(?:\s+security)?|"
    r"soc|ein|dea|npi|vin|serial|voucher|warrant|citation|invoice|prescription|rx"
    r"|routing|card|badge|id|student|employee|group|subscriber|authorization|"
    r"national\s+insurance|nhs|pps|ppsn|application|approval|order|tracking|locker"
    r"|unit|pin|passcode|password|code|parole|probation|alien|visa|beneficiary|study"
    r"|enrol?lment|device|template|certificate|plan"
)

_LINK = r"(?:\s*(?:number|numbers|num|no\.?|nr|#|id|code|card|on file|of record|plate))*"
_SAY = (
    r"(?:[\s,:;=—–#(]|\b(?:is|was|'s|’s|it's|it’s|its|are|ends?\s+in|ending\s+in"
    r"|under|reads?|says|still|um|uh|like|that's|that’s|wait|hang\s+on|on\s+(?:it"
    r"|file|the\s+\w+)|starts\s+with|goes|filed|got|and)\b)*"
)
_CONTEXT = regex.compile(rf"(?<![\w-])(?:{_WORDS})(?:['’]s)?{_LINK}{_SAY}", regex.I)
_VALUE = regex.compile(
    r"#?(?:[A-Za-z]{1,6}[-\s.#/]{0,2})?\d(?:[-./ ]?[A-Za-z0-9]+(?<=\d|[A-Z]))*"
    r"|[A-Z0-9]{2,4}[ -]?[A-Z0-9]{2,5}(?![a-z])"
)
_UNIT_AFTER = regex.compile(
    (
        r"\s*(?:%|percent|years?|yrs?|months?|weeks?|days?|hours?|hrs?|minutes?|mins?"
        r"|dollars?|bucks|pounds|euros?|cents|mg|mgs|milligrams?|ml|times|people|pages?"
        r"|miles?|blocks|o'clock|am\b|pm\b|a\.m|p\.m|of\b|things?|kids|stitches|beds"
        r"|boxes|meetings?|steps?|-year|-day)"
    ),
    regex.I,
)
_NOT_SAID = {
    "id",
    "code",
    "group",
    "order",
    "plan",
    "card",
    "unit",
    "account",
    "tag",
    "tags",
    "student",
    "client",
    "patient",
    "device",
    "file",
    "record",
    "doc",
}

_SHAPES: tuple[tuple[str, regex.Pattern[str], float], ...] = (
    ("ssn", regex.compile(r"(?<![\w-])(?!000|666)\d{3}[- ]\d{2}[- ]\d{4}(?![\w-])"), 0.95),
    (
        "docket",
        regex.compile(r"(?<![\w-])\d{1,4}[-\s]?(?:[A-Z]{1,4})[-\s]?\d{3,}(?:-[A-Z0-9]+)*(?![\w-])"),
        0.9,
    ),
    (
        "letters_and_digits",
        regex.compile(
            r"(?<![\w@.$-])(?=[A-Z0-9-]*[A-Z])(?=(?:[A-Z-]*\d){3})[A-Z0-9]+(?:-[A-Z0-9]+)*"
            r"(?![\w@])"
        ),
        0.85,
    ),
    (
        "letters_then_groups",
        regex.compile(r"(?<![\w-])[A-Z]{1,3}[ -]\d{3,}(?:[ -]\d{3,})+(?![\w-])"),
        0.85,
    ),
    ("record_glued", regex.compile(r"(?:MRN|SSN|DOC|ID)[\s:#-]*\d{4,}"), 0.95),
    ("hash", regex.compile(r"(?<!\w)#\s?[A-Z0-9]*-?\d{4,}(?!\w)"), 0.85),
    ("long_number", regex.compile(r"(?<![\w.,$£€-])\d{6,}(?![\w%]|[.,]\d)"), 0.6),
    (
        "ipv4",
        regex.compile(
            r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)"
            r"(?![\w.]\d)"
        ),
        0.95,
    ),
    (
        "ipv6",
        regex.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){3,7}(?::|[0-9A-Fa-f]{1,4})(?![\w:])"),
        0.95,
    ),
    ("mac", regex.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![\w:])"), 0.95),
    ("card", regex.compile(r"(?<![\w-])(?:\d{4}[- ]){3}\d{3,4}(?![\w-])"), 0.95),
)
_GENERAL_CODE = regex.compile(
    r"(?:COVID|CB|B|H|CD|GPT|M|I|US|SR|PHQ|GAD|DSM|ICD|CPT|FORM|SF|DD|HB|SB|TITLE"
    r"|ACE|MP|PS|A|K|G|F)-?\d{1,4}"
)


MIN_PHONE_DIGITS = 7  # from here on the telephone finder decides
MIN_SAID_DIGITS = 5  # fewer are counts, times and scores


def find_codes(text: str) -> Iterator[Found]:
    """Find record, case, member, plate and card numbers, also said aloud after a telling word."""
    for name, pattern, score in _SHAPES:
        for match in pattern.finditer(text):
            if not _GENERAL_CODE.fullmatch(match.group()):
                yield Found(
                    start=match.start(), end=match.end(), type="ID", score=score, rule=f"id_{name}"
                )
    for context in _CONTEXT.finditer(text):
        yield from _written_after(text, context)
        yield from _said_after(text, context)
    for run in read_runs(text, letters=True):
        if _is_said_code(run):
            yield Found(start=run.start, end=run.end, type="ID", score=0.6, rule="id_said_alone")


def _is_said_code(run: Run) -> bool:
    """Whether digits said one by one, with an "oh" or letters among them, can be no count."""
    if run.n_small < MIN_SAID_DIGITS or run.n_letters > run.n_small:
        return False
    return run.n_letters > 0 or ("0" in run.value and len(run.value) < MIN_PHONE_DIGITS)


def _written_after(text: str, context: regex.Match[str]) -> Iterator[Found]:
    value = _VALUE.match(text, context.end())
    if value is None or _UNIT_AFTER.match(text, value.end()):
        return
    surface = value.group()
    n_digits = sum(char.isdigit() for char in surface)
    is_plate = "plate" in context.group().casefold() or "tag" in context.group().casefold()
    plain_number = context.group().casefold().split()[0] in _NOT_SAID and surface.isdigit()
    if n_digits >= (5 if plain_number else 3) or (is_plate and n_digits >= 1 and len(surface) >= 4):
        yield Found(start=value.start(), end=value.end(), type="ID", score=0.9, rule="id_context")


def _said_after(text: str, context: regex.Match[str]) -> Iterator[Found]:
    for run in read_runs(text[context.end() : context.end() + 120], letters=True):
        if run.start > 2:
            return
        start, end = context.end() + run.start, context.end() + run.end
        strong = (
            run.n_tokens >= 4
            if context.group().casefold().split()[0] in _NOT_SAID
            else run.n_tokens >= 3
        )
        if strong and run.n_spoken + run.n_letters >= 2 and not _UNIT_AFTER.match(text, end):
            yield Found(start=start, end=end, type="ID", score=0.92, rule="id_spoken")
        return
