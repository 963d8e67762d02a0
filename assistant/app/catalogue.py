"""What screens say, by language: message catalogues in `words/<language>/<screen>.toml`.

A message is found by its screen and name (`person.ready_title`); values are put in with
`str.format`. What is missing in a language is said in English, and a test finds it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from assistant.errors import SettingError

LANGUAGES: tuple[str, ...] = ("en", "es")
_FOLDER = Path(__file__).resolve().parent / "words"


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The messages of one language, with English behind them."""

    language: str
    messages: Mapping[str, str] = field(repr=False)

    def __call__(self, name: str, /, **values: object) -> str:
        """Return a message. Raises `SettingError` if no language has it."""
        message = self.messages.get(name)
        if message is None:
            raise SettingError(f"The message '{name}' is missing from this installation.")
        return message.format(**values) if values else message


@cache
def load_catalogue(language: str) -> Catalogue:
    """Return the catalogue of a language; English for one there is none of."""
    known = language if language in LANGUAGES else "en"
    messages = {**dict(read_messages("en")), **dict(read_messages(known))}
    return Catalogue(language=known, messages=messages)


def read_messages(language: str) -> Iterator[tuple[str, str]]:
    """Yield (name, message) of every file of a language."""
    for path in sorted((_FOLDER / language).glob("*.toml")):
        for name, message in tomllib.loads(path.read_text("utf-8")).items():
            yield f"{path.stem}.{name}", message


def choose_language(wanted: str, accepted: str) -> str:
    """Return the language somebody chose, else the first one their browser asks for, else en."""
    if wanted in LANGUAGES:
        return wanted
    for part in accepted.split(","):
        code = part.split(";")[0].strip().lower().split("-")[0]
        if code in LANGUAGES:
            return code
    return "en"
