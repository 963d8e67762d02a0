"""Ways to reach somebody: telephone numbers, e-mail addresses, web addresses, handles.

Written, oddly spaced, obfuscated and spoken forms. Every finder takes the text and yields
findings; none looks at the network or at other turns.
"""

from __future__ import annotations

from collections.abc import Iterator

import phonenumbers
import regex

from assistant.deidentify.found import Found
from assistant.deidentify.rules import Lexicon
from assistant.deidentify.spoken import Run, read_runs

_REGIONS = ("US", "GB", "IE")
_PHONE_DIGITS = range(7, 12)  # local number up to country code and number
_NUMERIC = regex.compile(
    r"(?<![\w@#$£€.])(?:\+\s?)?\(?\d(?:[\s.\-–()]{0,3}\d){6,13}(?![\w%]|[.,:/]\d)"
)
_YEARS = regex.compile(r"(?:(?:19|20)\d\d[\s\-–,.]*)+")
_CALL_WORDS = regex.compile(
    (
        r"\b(?:phone|cell|mobile|number|fax|text|call|reach|ring|dial|landline|voicemail"
        r"|pager|digits|contact|callback)"
    ),
    regex.I,
)
_GROUPS = regex.compile(
    r"\(?\d{3}\)?[\s.\-–]*\d{3}[\s.\-–]*\d{4}|\d{3}[\s.\-–]\d{4}"
    r"|\+?\d{1,3}[\s.\-–(]+[\d\s.\-–()]+|0\d{2,4}[\s.\-–]\d{3}[\s.\-–]?\d{3,4}"
)


def find_phones(text: str) -> Iterator[Found]:
    """Find telephone numbers in digits, in words, and in a mixture of the two."""
    for match in _NUMERIC.finditer(text):
        if _is_phone(match.group(), context=text[max(0, match.start() - 40) : match.start()]):
            yield Found(start=match.start(), end=match.end(), type="PHONE", score=0.9, rule="phone")
    for run in read_runs(text):
        if _is_spoken_phone(run, text):
            yield Found(start=run.start, end=run.end, type="PHONE", score=0.9, rule="phone_spoken")


def _is_phone(surface: str, *, context: str) -> bool:
    digits = regex.sub(r"\D", "", surface)
    if _YEARS.fullmatch(surface) or len(set(digits)) == 1:
        return False
    grouped = _GROUPS.fullmatch(surface) is not None
    asked = _CALL_WORDS.search(context) is not None
    if len(digits) == 7 or (grouped and (asked or surface[0] in "+0")):
        return grouped or asked
    return _is_possible(surface) and (grouped or asked or len(digits) >= 10)


def _is_possible(surface: str) -> bool:
    for region in _REGIONS:
        try:
            number = phonenumbers.parse(surface, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(number):
            return True
    return False


def _is_spoken_phone(run: Run, text: str) -> bool:
    if not run.n_spoken or len(run.value) not in _PHONE_DIGITS:
        return False
    asked = _CALL_WORDS.search(text[max(0, run.start - 40) : run.start]) is not None
    return asked or run.n_small >= 3 or run.n_tokens <= 4


# ---------------------------------------------------------------- e-mail

_ADDRESS = regex.compile(
    r"(?<![\w.+-])[\p{L}\d][\p{L}\d._%+'-]*\s?@\s?[\p{L}\d-]+(?:\s?\.\s?[\p{L}\d-]{2,})+"
)
_AT = r"(?:\(\s*at\s*\)|\[\s*at\s*\]|\{\s*at\s*\}|<\s*at\s*>|@|(?<!\w)at(?:\s+sign)?(?!\w))"
_DOT = r"(?:\(\s*dot\s*\)|\[\s*dot\s*\]|\{\s*dot\s*\}|(?<!\w)(?:dot|period|point)(?!\w)|\.)"
_TLD = (
    r"(?:com|org|net|edu|gov|mil|io|co|me|us|uk|ie|ca|au|in|info|biz|app|dev|tv"
    r"|health|care|test|example|invalid|email|"
    r"(?:[cC] [oO] [mM])|(?:[oO] [rR] [gG])|(?:[nN] [eE] [tT])|(?:[eE] [dD] [uU]))(?!\w)"
)
# Said aloud, "in" and "me" after "dot" are words far more often than endings.
_SAID_TLD = r"(?:com|org|net|edu|gov|io|co|uk|ie|ca|info|biz|app|dev|tv|test|example)(?!\w)"
_LABEL = r"(?:\p{L}(?:[\s,-]+[\p{L}\d])+(?!\w)|[\p{L}\d-]+(?:\s(?!dot\b|at\b)[\p{L}\d-]+){0,2}?)"
_SPOKEN_DOMAIN = regex.compile(
    rf"\s*{_AT}\s*{_LABEL}(?:\s*{_DOT}\s*{_LABEL}){{0,3}}?\s*{_DOT}\s*{_TLD}(?:\s*{_DOT}\s*{_TLD})?",
    regex.I,
)
_BACKWARDS = regex.compile(r"[\p{L}\d'’]+|[._+-]|,")
_CONNECT = {
    "dot",
    "period",
    "point",
    "underscore",
    "dash",
    "hyphen",
    "plus",
    "minus",
    ".",
    "_",
    "-",
    "+",
}
_ASIDE = {"all", "one", "word", "lowercase", "lower", "case", "no", "spaces", "space", "together"}
_SAID = {
    "zero",
    "oh",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "double",
    "triple",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
}
_NOT_LOCAL = {
    "look",
    "looked",
    "looking",
    "is",
    "was",
    "it",
    "it's",
    "up",
    "online",
    "site",
    "page",
    "website",
    "me",
    "us",
    "them",
    "there",
    "found",
    "email",
    "e-mail",
    "mail",
    "work",
    "are",
    "be",
    "available",
    "at",
    "and",
    "works",
    "worked",
    "order",
    "shop",
}


def find_emails(text: str) -> Iterator[Found]:
    """Find e-mail addresses: written, with (at) and (dot), spoken, spelled letter by letter."""
    for match in _ADDRESS.finditer(text):
        yield Found(start=match.start(), end=match.end(), type="EMAIL", score=1.0, rule="email")
    for match in _SPOKEN_DOMAIN.finditer(text):
        start = _local_part_start(text, match.start())
        if start is not None:
            yield Found(start=start, end=match.end(), type="EMAIL", score=0.95, rule="email_spoken")


def _local_part_start(text: str, end: int) -> int | None:
    """Walk back from "at" over the words that form the part before it."""
    tokens = list(_BACKWARDS.finditer(text, max(0, end - 160), end))
    index = len(tokens) - 1
    while index > 0 and tokens[index].group().casefold() in _ASIDE and index > 1:
        index -= 1
    if index < 0 or tokens[index].group().casefold() in _NOT_LOCAL | {","}:
        return None
    aside = index < len(tokens) - 1
    while index > 0:
        here, before = tokens[index].group().casefold(), tokens[index - 1].group().casefold()
        if (
            before == ","
            and index > 1
            and _is_unit(here)
            and _is_unit(tokens[index - 2].group().casefold())
        ) or (
            before in _CONNECT
            and index > 1
            and not _ends_sentence(tokens[index - 1], tokens[index])
        ):
            index -= 2
        elif (
            (_is_unit(before) and _is_unit(here))
            or (_is_number(here) and before.isalpha() and len(before) > 2)
            or (
                len(before) == 1
                and before not in ("a", "i", ",")
                and before.isalpha()
                and here.isalpha()
            )
        ):
            index -= 1
        elif aside and before.isalpha() and before not in _NOT_LOCAL and len(before) > 2:
            index -= 1
            aside = False
        else:
            break
    return tokens[index].start()


def _is_number(token: str) -> bool:
    return token.isdigit() or token in _SAID


def _is_unit(token: str) -> bool:
    return _is_number(token) or (len(token) == 1 and token.isalnum())


def _ends_sentence(mark: regex.Match[str], following: regex.Match[str]) -> bool:
    return mark.group() in ".-" and following.start() > mark.end()


# ---------------------------------------------------------------- web addresses

_URL = regex.compile(r"(?:https?|ftp)://[^\s<>\"”)]+|(?<![\w@.])www\.[^\s<>\"”)]+", regex.I)
_BARE = regex.compile(
    r"(?<![\w@.-])(?:[\p{L}\d](?:[\p{L}\d-]*[\p{L}\d])?\.)+(?:com|org|net|edu|gov"
    r"|mil|io|info|biz|app|dev|tv|health|care|test|example|ly|co\.uk|ie|ca|us|me)"
    r"(?![\w@-])(?:/[^\s<>\"”)]*)?",
    regex.I,
)
_SPOKEN_URL = regex.compile(
    (
        r"(?:\b(?:w\s*w\s*w|double u double u double u|triple w)\s+dot\s+)?"
        rf"(?<!\w)[\p{{L}}\d-]+(?:\s+dot\s+[\p{{L}}\d-]+){{0,3}}?\s+dot\s+{_SAID_TLD}(?:\s+"
        r"(?:forward\s+)?slash\s+[\p{L}\d-]+)*"
    ),
    regex.I,
)
_FILE = regex.compile(
    (
        r"(?<![\w/])[\w-]*[\p{L}\d][\w-]*\.(?:jpe?g|png|gif|heic|pdf|docx?|xlsx?|mp[34]"
        r"|mov|wav|m4a)(?!\w)"
    ),
    regex.I,
)


def find_urls(text: str) -> Iterator[Found]:
    """Find web addresses, with and without scheme, and spoken ones ("foo dot org slash bar")."""
    for match in _URL.finditer(text):
        end = match.start() + len(match.group().rstrip(".,;:!?'’"))
        yield Found(start=match.start(), end=end, type="URL", score=1.0, rule="url")
    for match in _BARE.finditer(text):
        end = match.start() + len(match.group().rstrip(".,;:!?'’"))
        yield Found(start=match.start(), end=end, type="URL", score=0.8, rule="url_bare")
    for match in _SPOKEN_URL.finditer(text):
        yield Found(start=match.start(), end=match.end(), type="URL", score=0.7, rule="url_spoken")
    for match in _FILE.finditer(text):
        yield Found(start=match.start(), end=match.end(), type="OTHER", score=0.7, rule="file_name")


# ---------------------------------------------------------------- handles

_HANDLE = regex.compile(r"(?<![\w@.])@\s?[\p{L}\d_](?:[\p{L}\d_.]*[\p{L}\d_])?(?!\w*@)")
_REDDIT = regex.compile(
    (
        r"(?<![\w/])/?u/[\w-]{2,}|\bu\s+slash\s+[\p{L}\d-]+(?:\s+(?:underscore|dash"
        r"|dot)\s+[\p{L}\d-]+|\s+\d+)*"
    ),
    regex.I,
)
_UNDERSCORE = regex.compile(r"(?<![\w@])[\p{L}\d]+(?:_+[\p{L}\d.]+)+_*(?!\w)")
_SPOKEN_HANDLE = regex.compile(
    (
        r"(?<!\w)(?:\p{L}\s+(?=\p{L}\s))*[\p{L}\d]+(?:\s+underscore\s+[\p{L}\d]+)+(?:\s+"
        r"(?:\d+|dot\s+[\p{L}\d]+))*(?!\w)"
    ),
    regex.I,
)
_DOTTED = regex.compile(
    r"(?<![\w@.])[\p{Ll}\d]{3,}(?:\.[\p{Ll}\d]{2,})*\.[\p{Ll}\d]{3,}(?![\w@]|\.\w)"
)
_TAG = regex.compile(r"(?<!\w)[\p{L}\d_.]{2,}#\d{4}(?!\d)")
_ACCOUNT = (
    r"(?:insta(?:gram)?|ig|snap(?:chat)?|tik\s?tok|twitter|x|discord|telegram|venmo"
    r"|cash\s?app|facebook|fb|reddit|kik|whatsapp|signal|"
    r"skype|twitch|youtube|playstation|psn|xbox|steam|zelle|user\s?name|handle"
    r"|screen\s?name|gamer\s?tag|login|channel)"
)

_CONTEXT_HANDLE = regex.compile(
    (
        rf"\b{_ACCOUNT}(?:\s+(?:name|handle|account|page|profile|user|username|tag|id))?"
        r"(?:\s*(?:is|'s|’s|was|:|=|—|under|it's|its|it’s|as)\s*(?:under|at|just|like"
        r"|still|actually|uh|um|,)*)+\s*"
    ),
    regex.I,
)
_SAID_HANDLE = regex.compile(
    (
        r"[\p{L}\d]+(?:\s+(?:underscore|dot|dash|hyphen|period)\s+[\p{L}\d]+)+"
        r"(?:\s+\d+)?|(?:\p{L}\s){2,}\p{L}(?!\w)|[\p{L}\d][\p{L}\d_.-]*[\p{L}\d]"
        r"(?:\s+\d+)?"
    ),
    regex.I,
)
_NOT_HANDLE = {
    "the",
    "a",
    "an",
    "my",
    "on",
    "in",
    "not",
    "private",
    "public",
    "down",
    "up",
    "gone",
    "still",
    "just",
    "so",
    "all",
    "what",
    "where",
    "how",
    "full",
    "bad",
    "good",
    "great",
    "really",
    "always",
    "like",
    "something",
    "deleted",
    "blocked",
    "hacked",
    "locked",
    "toxic",
    "too",
    "that",
    "this",
    "it",
    "you",
    "for",
    "to",
    "nothing",
    "everything",
    "free",
    "fine",
    "fun",
    "boring",
    "better",
    "worse",
    "where's",
    "when",
    "why",
    "who",
    "no",
    "about",
    "making",
    "been",
    "going",
}


def find_handles(text: str, lexicon: Lexicon) -> Iterator[Found]:
    """Find account names: "@name", "u slash name", "my insta is name", "name underscore name"."""
    for pattern, rule in (
        (_HANDLE, "at"),
        (_REDDIT, "reddit"),
        (_UNDERSCORE, "underscore"),
        (_SPOKEN_HANDLE, "spoken"),
        (_TAG, "tag"),
    ):
        for match in pattern.finditer(text):
            yield Found(
                start=match.start(),
                end=match.end(),
                type="HANDLE",
                score=0.8,
                rule=f"handle_{rule}",
            )
    for match in _DOTTED.finditer(text):
        if not all(lexicon.is_everyday(part) for part in match.group().split(".")):
            yield Found(
                start=match.start(), end=match.end(), type="HANDLE", score=0.6, rule="handle_dotted"
            )
    for context in _CONTEXT_HANDLE.finditer(text):
        said = _SAID_HANDLE.match(text, context.end())
        if said and said.group().split()[0].casefold() not in _NOT_HANDLE:
            yield Found(
                start=said.start(), end=said.end(), type="HANDLE", score=0.8, rule="handle_context"
            )
