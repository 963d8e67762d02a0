"""Numbers about an approved note, for the governance figures: lengths, counts and shares, no words.

Each is a fact of `assistant.figures.SessionFigures` (evaluation.md section 4).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rapidfuzz.distance import Levenshtein

from assistant.records import Deidentified, Note, NoteSentence, SentenceFlag, Transcript

_QUOTED = re.compile(r'["“]([^"“”]+)["”]')
_WORD = re.compile(r"[\w'’<>]+")


def facts_of(
    note: Note, *, before: Note, hidden: Deidentified | None, transcript: Transcript | None
) -> dict[str, float]:
    """Return what is known of a note; what needs the words of a session is left out without them.

    `before`: the note as it was put before the person.
    """
    text, sentences = text_of(note), list(_sentences_of(note))
    facts: dict[str, float] = {
        "words": len(text.split()),
        "edit_distance": edit_distance(text_of(before), text),
        "sentences_approved": len(sentences),
        "without_evidence": sum(not sentence.evidence for sentence in sentences),
    }
    if hidden is not None:
        said = [turn.text for turn in hidden.turns if turn.role == "person"]
        facts["own_words"] = verbatim_share(text, said)
        every = [turn.text for turn in hidden.turns]
        if transcript is not None:  # names may stand in the note
            every += [turn.text for turn in transcript.turns]
        quotes = _QUOTED.findall(text)
        facts["quotes"] = len(quotes)
        facts["quotes_exact"] = sum(_is_said(quote, every) for quote in quotes)
    return facts


def text_of(note: Note) -> str:
    return " ".join(sentence.text for sentence in _sentences_of(note))


def _sentences_of(note: Note) -> Iterator[NoteSentence]:
    for section in note.sections:
        yield from section.sentences


def count_out_of_role(flags: Sequence[SentenceFlag]) -> int:
    """How many of the flags are about wording outside the peer's role."""
    return sum(one.flag.category == "scope" for one in flags)


def _is_said(quote: str, said: Sequence[str]) -> bool:
    """Word for word in one turn; case and marks at the edges do not count."""
    wanted = _WORD.findall(quote.casefold())
    joined = f" {' '.join(wanted)} "
    return any(joined in f" {' '.join(_WORD.findall(turn.casefold()))} " for turn in said)


def verbatim_share(text: str, said: Sequence[str]) -> float:
    """Return the share of words of `text` inside runs of four or more that were said so.

    In 0..1, 1 is best; 0 for an empty text. Words compare in lower case, without punctuation.
    """
    words = _WORD.findall(text.casefold())
    runs = {
        tuple(heard[i : i + 4])
        for turn in said
        for heard in (_WORD.findall(turn.casefold()),)
        for i in range(len(heard) - 3)
    }
    inside: set[int] = set()
    for i in range(len(words) - 3):
        if tuple(words[i : i + 4]) in runs:
            inside.update(range(i, i + 4))
    return len(inside) / len(words) if words else 0.0


def edit_distance(before: str, after: str) -> float:
    """Return the Levenshtein distance over words, divided by the longer text; 0 is unchanged."""
    return Levenshtein.normalized_distance(before.split(), after.split())
