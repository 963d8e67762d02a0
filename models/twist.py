"""Makes a sentence say the opposite, or another number or time, by changing a word or two.

The checker learns from such twins: whether the words are alike must not be what it goes by.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

_NEGATED = {
    "ca": "can", "wo": "will", "sha": "shall", "ai": None,  # "ain't" may be am, is or has
}  # fmt: skip
_OPPOSITE = {
    "never": "always", "nobody": "everybody", "without": "with", "none": "all", "neither": "both",
}  # fmt: skip
_TIMES = (
    ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    ("mornings", "evenings", "nights", "afternoons"),
    ("morning", "evening", "afternoon"),
    ("yesterday", "tomorrow", "today"),
    ("before", "after"),
    ("last", "next"),
    ("weeks", "months", "years", "days"),
    ("week", "month", "year"),
)
_NUMBERS = (
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "fifteen",
    "twenty", "thirty",
)  # fmt: skip
_DIGITS = re.compile(r"\b\d{1,3}\b(?![>_])")


def turn_round(doc: Doc) -> str | None:
    """The sentence with its first verb denied, or no longer denied; None where that is not sure."""
    for token in doc:
        if token.text in _OPPOSITE:
            return _put(doc, token, _OPPOSITE[token.text])
    verb = next((t for t in doc if t.dep_ == "ROOT" and t.pos_ in {"VERB", "AUX"}), None)
    if verb is None:
        return None
    denial = next((t for t in verb.children if t.dep_ == "neg"), None)
    if denial is not None:
        return _affirm(doc, denial)
    helper = next((t for t in verb.children if t.dep_ in {"aux", "auxpass"}), None)
    if helper is None and verb.lemma_ == "be":
        helper = verb
    if helper is not None:
        return _deny(doc, helper)
    has_subject = any(t.dep_ == "nsubj" and t.i < verb.i for t in verb.children)
    words = {"VBD": "didn't", "VBP": "don't", "VBZ": "doesn't"}.get(verb.tag_)
    if words is None or not has_subject:
        return None
    return _put(doc, verb, f"{words} {verb.lemma_}")


def _affirm(doc: Doc, denial: Token) -> str | None:
    if denial.lower_ not in {"not", "n't", "n’t"} or denial.i == 0:
        return None
    helper = doc[denial.i - 1]
    whole = _NEGATED.get(helper.lower_, helper.text)
    if whole is None:
        return None
    return f"{doc.text[: helper.idx]}{whole}{doc.text[denial.idx + len(denial) :]}".strip()


def _deny(doc: Doc, helper: Token) -> str | None:
    if helper.lower_ in {"'m", "’m", "am", "'ll", "’ll", "'ve", "’ve", "'s", "’s", "'re", "’re"}:
        return _put(doc, helper, f"{helper.text} not")
    short = {"can": "can't", "will": "won't"}.get(helper.lower_)
    if short is None and helper.lower_ in {
        "is", "are", "was", "were", "has", "have", "had", "do", "does", "did", "could", "would",
        "should",
    }:  # fmt: skip
        short = f"{helper.text}n't"
    return _put(doc, helper, short) if short else None


def move(text: str, rng: random.Random) -> tuple[str, str] | None:
    """Another number or time in its place, and which kind of fault that is; None where none is."""
    found: list[tuple[int, int, str, str]] = []
    for group in _TIMES:
        for match in re.finditer(rf"\b(?:{'|'.join(group)})\b", text):
            other = rng.choice([word for word in group if word != match.group()])
            kind = "wrong_number" if "week" in group or "weeks" in group else "wrong_time"
            found.append((*match.span(), other, kind))
    for match in re.finditer(rf"\b(?:{'|'.join(_NUMBERS)})\b", text):
        other = rng.choice([word for word in _NUMBERS if word != match.group()])
        found.append((*match.span(), other, "wrong_number"))
    for match in _DIGITS.finditer(text):
        other = str(int(match.group()) + rng.choice([1, 2, 5, 10]))
        found.append((*match.span(), other, "wrong_number"))
    if not found:
        return None
    start, stop, other, kind = rng.choice(found)
    return text[:start] + other + text[stop:], kind


def _put(doc: Doc, token: Token, words: str) -> str:
    return f"{doc.text[: token.idx]}{words}{doc.text[token.idx + len(token) :]}"
