"""assistant/app/catalogue.py and the message catalogues: whole, and plain in every language."""

from __future__ import annotations

import re
from statistics import mean
from string import Formatter

import pytest

from assistant.app.catalogue import LANGUAGES, choose_language, load_catalogue, read_messages
from assistant.app.pages import STATIC
from assistant.errors import SettingError

_WORD = re.compile(r"[a-zA-Z']+")
_VOWELS = re.compile(r"[aeiouy]+")
_FORBIDDEN = re.compile(r"\banonym|\bgreat job\b|\bwell done\b|\bcongrat", re.IGNORECASE)


def placeholders(message: str) -> set[str]:
    return {name for _text, name, _spec, _conv in Formatter().parse(message) if name}


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != "en"])
def test_each_language_says_everything_with_the_same_values(language: str) -> None:
    english, other = dict(read_messages("en")), dict(read_messages(language))
    assert english.keys() == other.keys()
    assert {n: placeholders(m) for n, m in english.items()} == {
        n: placeholders(m) for n, m in other.items()
    }
    copied = [n for n in english if english[n] == other[n] and len(english[n].split()) > 3]
    assert copied == []  # a sentence that was not translated


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_praises_or_promises_anonymity(language: str) -> None:
    assert [n for n, m in read_messages(language) if _FORBIDDEN.search(m)] == []


def test_messages_are_short_and_plain() -> None:
    """Grade 6 by Flesch-Kincaid over a whole screen; single lines are too short to score."""
    screens: dict[str, list[str]] = {}
    for name, message in read_messages("en"):
        if len(message.split()) >= 6:
            screens.setdefault(name.split(".")[0], []).append(message)
    for screen, messages in screens.items():
        text = " ".join(messages)
        words = _WORD.findall(re.sub(r"\{\w*\}", "", text))
        if len(words) < 100:
            continue
        sentences = [s for s in re.split(r"[.!?:]+(?:\s|$)", text) if _WORD.search(s)]
        syllables = sum(max(1, len(_VOWELS.findall(re.sub(r"e\b", "", w.lower())))) for w in words)
        grade = 0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59
        limit = 9 if screen == "governance" else 6  # a governance team reads about intervals
        assert grade <= limit, f"{screen}: grade {grade:.1f}"
        assert mean(len(_WORD.findall(s)) for s in sentences) <= 15, screen


def test_a_missing_message_is_an_error_and_an_unknown_language_is_english() -> None:
    with pytest.raises(SettingError, match=r"nothing\.here"):
        load_catalogue("en")("nothing.here")
    assert load_catalogue("xx").language == "en"


@pytest.mark.parametrize(
    ("wanted", "accepted", "expected"),
    [
        ("es", "en", "es"),
        ("", "es-MX,es;q=0.9,en;q=0.8", "es"),
        ("xx", "de,fr", "en"),
        ("", "", "en"),
        ("../../etc", "es", "es"),
    ],
)
def test_the_language_somebody_chose_comes_first(wanted: str, accepted: str, expected: str) -> None:
    assert choose_language(wanted, accepted) == expected


def test_style_sheets_and_scripts_name_no_other_host() -> None:
    for path in STATIC.iterdir():
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http" not in text, path.name
        assert "//cdn" not in text, path.name
