"""A text made plain for matching, and where its sentences are.

spaCy's tokenizer and sentencizer split sentences, with no model behind them, and its
`PhraseMatcher` finds two fixed word lists (proper names to leave alone, the verbs that give a quote
to somebody). What the tokenizer learns from a text leaves the vocabulary when the text is done, so
that a process that runs for months does not collect people's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spacy.matcher import PhraseMatcher
    from spacy.pipeline import Sentencizer
    from spacy.tokenizer import Tokenizer
    from spacy.tokens import Doc

_CONTRACTED = re.compile(
    r"(?<=\bhe|\bit)'s\b|(?<=\bshe|\bwho)'s\b|(?<=\bthat)'s\b|(?<=\bi)'m\b|(?<=\bwe)'re\b"
    r"|(?<=\byou)'re\b|(?<=\bthey)'re\b",
    re.IGNORECASE,
)
# The tokenizer peels punctuation off one mark at a time: 20,000 of them in a row took a minute.
_UNBROKEN = re.compile(r"\S{200,}")
_LINE_BREAK = re.compile(r"\n[ \t\r]*\n|\n[ \t]*(?:[-*•]|\d+[.)])[ \t]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalised:
    """A text made plain for matching. `starts[i]` and `ends[i]` are the offsets, in the text as
    given, of what character `i` stands for."""

    text: str = field(repr=False)
    starts: tuple[int, ...] = field(repr=False)
    ends: tuple[int, ...] = field(repr=False)

    def given(self, start: int, end: int) -> tuple[int, int]:
        """Map a non-empty [start, end) back to the text as given."""
        return self.starts[start], self.ends[end - 1]


def normalise(text: str) -> Normalised:
    """Straighten apostrophes, collapse spaces, write out "she's"; keep where all came from."""
    characters: list[tuple[str, int, int]] = []
    breaks = {match.start() for match in _LINE_BREAK.finditer(text)}
    straight = text.replace("’", "'").replace("‘", "'").replace("ʼ", "'")
    position = 0
    contracted = {match.start(): match for match in _CONTRACTED.finditer(straight)}
    while position < len(straight):
        character = straight[position]
        if character.isspace():
            end = position
            while end < len(straight) and straight[end].isspace():
                end += 1
            is_break = any(offset in breaks for offset in range(position, end))
            characters.append(("\n" if is_break else " ", position, end))
            position = end
        elif position in contracted:
            end = contracted[position].end()
            verb = {"s": "is", "m": "am", "r": "are"}[straight[position + 1].lower()]
            characters.extend((piece, position, end) for piece in f" {verb}")
            position = end
        else:
            characters.append((character, position, position + 1))
            position += 1
    return Normalised(
        text="".join(item[0] for item in characters),
        starts=tuple(item[1] for item in characters),
        ends=tuple(item[2] for item in characters),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """Offsets into the normalised text; no words."""

    sentences: tuple[tuple[int, int], ...]
    names: tuple[tuple[int, int], ...]
    attributions: tuple[tuple[int, int], ...]


class Sentences:
    """Tokenizer, sentencizer and two phrase lists. Safe to share between threads."""

    def __init__(self, *, names: Iterable[str], attributions: Iterable[str]) -> None:
        self._tokenizer = _load_tokenizer()
        self._sentencizer = _load_sentencizer()
        self._names = self._phrases(names)
        self._attributions = self._phrases(attributions)
        self._lock = Lock()

    def _phrases(self, phrases: Iterable[str]) -> PhraseMatcher:
        from spacy.matcher import PhraseMatcher

        matcher = PhraseMatcher(self._tokenizer.vocab, attr="LOWER")
        matcher.add("LISTED", [self._tokenizer(phrase) for phrase in phrases])
        return matcher

    def parse(self, text: str) -> Parsed:
        """Split and look up; the words of `text` leave the vocabulary again afterwards."""
        text = _UNBROKEN.sub(lambda run: re.sub(r"\W", " ", run.group()), text)
        with self._lock, self._tokenizer.vocab.memory_zone():
            doc = self._sentencizer(self._tokenizer(text))
            bounds = [(span.start_char, span.end_char) for span in doc.sents]
            names = _char_spans(doc, self._names)
            attributions = _char_spans(doc, self._attributions)
        return Parsed(
            sentences=tuple(_cut_at_breaks(text, bounds)), names=names, attributions=attributions
        )


@cache
def load_sentences(*, names: tuple[str, ...], attributions: tuple[str, ...]) -> Sentences:
    """Build the splitter once for one pair of word lists."""
    return Sentences(names=names, attributions=attributions)


def _load_tokenizer() -> Tokenizer:
    """spaCy's English tokenizer without its `Language`, whose constructor runs the entry points
    of every installed package: with Presidio beside it that costs two seconds."""
    from spacy.lang.en import English
    from spacy.tokenizer import Tokenizer
    from spacy.util import compile_infix_regex, compile_prefix_regex, compile_suffix_regex
    from spacy.vocab import create_vocab

    defaults = English.Defaults
    tokenizer = Tokenizer(
        create_vocab("en", defaults),
        rules=defaults.tokenizer_exceptions,
        prefix_search=compile_prefix_regex(defaults.prefixes).search,
        suffix_search=compile_suffix_regex(defaults.suffixes).search,
        infix_finditer=compile_infix_regex(defaults.infixes).finditer,
        token_match=defaults.token_match,
        url_match=defaults.url_match,
    )
    for short in ("Pt.", "pt.", "Pts.", "pts.", "Clt.", "clt.", "cl.", "ct.", "Dx.", "Hx.", "Rx."):
        tokenizer.add_special_case(short, [{"ORTH": short}])  # does not end a sentence
    return tokenizer


def _load_sentencizer() -> Sentencizer:
    from spacy.pipeline import Sentencizer

    return Sentencizer()


def _char_spans(doc: Doc, matcher: PhraseMatcher) -> tuple[tuple[int, int], ...]:
    found = [doc[start:end] for _, start, end in matcher(doc)]
    return tuple(sorted((span.start_char, span.end_char) for span in found))


def _cut_at_breaks(text: str, bounds: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """End sentences at line breaks as well, and give an opening quote to the words it opens."""
    cut: list[tuple[int, int]] = []
    carried = -1
    for start, end in bounds:
        begin = carried if carried >= 0 else start
        carried = -1
        trimmed = text[begin:end].rstrip()
        if re.search(r'[.!?] ["“«]$', trimmed):
            carried = begin + len(trimmed) - 1
            end = carried
        for piece in re.finditer(r"[^\n]+", text[begin:end]):
            if piece.group().strip():
                cut.append((begin + piece.start(), begin + piece.end()))
    return cut
