"""Numbers in digits and in words, as they are said in a session."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SMALL = [
    "zero",
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
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), start=2
    )
}
_NUMBERS = (
    {word: str(value) for value, word in enumerate(_SMALL)}
    | {word: str(value) for word, value in _TENS.items()}
    | {
        "hundred": "100", "thousand": "1000", "half": "half", "quarter": "quarter", "once": "once",
        "twice": "twice", "first": "1st", "second": "2nd", "third": "3rd", "couple": "couple",
        "dozen": "dozen", "double": "double",
    }
)  # fmt: skip


def find_numbers(forms: Sequence[str]) -> frozenset[str]:
    """Numbers in digits or words, as a set: "ninety-four" and "94" are the same number."""
    found: set[str] = set()
    tens = 0  # the "ninety" of "ninety-four", until the next word is seen
    for form in (*forms, ""):
        number = _NUMBERS.get(form) or _digits(form)
        if tens and number.isdigit() and 0 < int(number) < 10:
            found.add(str(tens + int(number)))
            tens = 0
            continue
        if tens:
            found.add(str(tens))
        tens = _TENS.get(form, 0)
        if number and not tens:
            found.add(number)
    return frozenset(found)


def _digits(form: str) -> str:
    if form.startswith("<") or not any(c.isdigit() for c in form):
        return ""
    return re.sub(r"(?<=\d)(?:st|nd|rd|th)$", "", form)
