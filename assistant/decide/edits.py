"""Making the note that is put before the person, and what they change in it.

An edit returns a new note and leaves the old one as it was.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace

from assistant.errors import DecisionError, InputError, SpanError
from assistant.records import (
    SECTION_NAMES,
    Names,
    Note,
    NoteSection,
    NoteSentence,
    Section,
    SectionName,
)

MAX_SENTENCE_CHARS = 1_000  # about four long sentences; a typing field, not a letter
MAX_STATEMENT_CHARS = 4_000  # two pages
MAX_STATEMENTS = 20
# Controls, lone surrogates, line separators, and the marks that reorder what is shown: what the
# person reads must be what they approve. Joiners and left-to-right marks stay, scripts need them.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def build_note(
    *, note_id: str, session_id: str, person_id: str, names: Names, sections: Sequence[Section]
) -> Note:
    """Turn the sections of a draft into the note that is put before the person.

    Hidden characters (controls, marks that reorder the display) become spaces or go, since nothing
    is approved yet; blank sentences and empty sections are dropped. Raises `InputError` for an
    empty id, an unknown section or one that comes twice.
    """
    for label, value in (("note", note_id), ("session", session_id), ("person", person_id)):
        if not value.strip():
            raise InputError(f"A note needs the id of its {label}. Give one.")
    named = [section.name for section in sections]
    if len(set(named)) != len(named) or not set(named) <= set(SECTION_NAMES):
        raise InputError(f"Note {note_id}: each section must be a known one, and come once.")
    built = tuple(
        NoteSection(
            name=section.name,
            sentences=tuple(
                NoteSentence(text=text, origin=sentence.origin, evidence=sentence.evidence)
                for sentence in section.sentences
                if (text := _without_hidden(sentence.text)).strip()
            ),
        )
        for section in sections
    )
    return Note(
        note_id=note_id,
        session_id=session_id,
        person_id=person_id,
        names=names,
        sections=tuple(section for section in built if section.sentences),
    )


def change_sentence(note: Note, *, section: SectionName, sentence: int, text: str) -> Note:
    """Put `text` in the place of a sentence (0-based position); its evidence stays.

    The origin becomes `written`, unless the text is the same. Raises `DecisionError` if there is
    no such sentence and `InputError` if the text is blank, too long or holds hidden characters.
    """
    old = _find_sentence(note, section=section, sentence=sentence)
    if text == old.text:
        return note
    _check_typed(text, max_chars=MAX_SENTENCE_CHARS, newlines=False)
    new = NoteSentence(text=text, origin="written", evidence=old.evidence)
    return _swap_sentence(note, section=section, sentence=sentence, new=(new,))


def add_sentence(note: Note, *, section: SectionName, text: str) -> Note:
    """Add a sentence at the end of a section; a section the note lacks is put in its usual place.

    Raises `InputError` for an unknown section or a text as in `change_sentence`.
    """
    if section not in SECTION_NAMES:
        raise InputError(f"Note {note.note_id}: there is no section of that name.")
    _check_typed(text, max_chars=MAX_SENTENCE_CHARS, newlines=False)
    new = NoteSentence(text=text, origin="written", evidence=())
    if any(existing.name == section for existing in note.sections):
        sections = tuple(
            replace(s, sentences=(*s.sentences, new)) if s.name == section else s
            for s in note.sections
        )
    else:
        place = SECTION_NAMES.index(section)
        n_before = sum(SECTION_NAMES.index(s.name) < place for s in note.sections)
        added = NoteSection(name=section, sentences=(new,))
        sections = (*note.sections[:n_before], added, *note.sections[n_before:])
    return replace(note, sections=sections)


def leave_out_sentence(note: Note, *, section: SectionName, sentence: int) -> Note:
    """Take a sentence out (0-based position); a section left empty goes too.

    Raises `DecisionError` if there is no such sentence.
    """
    _find_sentence(note, section=section, sentence=sentence)
    return _swap_sentence(note, section=section, sentence=sentence, new=())


def leave_out_words(
    note: Note, *, section: SectionName, sentence: int, start: int, end: int
) -> Note:
    """Take the characters [start, end) out of a sentence, and the space that would be doubled.

    Offsets are Unicode code points into the sentence's text. What stays counts as `written`; if
    nothing but spaces and punctuation stays, the sentence goes. Raises `SpanError` for offsets
    that select nothing or lie outside, `DecisionError` if there is no such sentence.
    """
    old = _find_sentence(note, section=section, sentence=sentence)
    n_chars = len(old.text)
    if not 0 <= start < end <= n_chars:
        raise SpanError(
            f"Note {note.note_id}, section {section}, sentence {sentence}: "
            f"{start} to {end} does not lie in its {n_chars} characters. Select the words again."
        )
    left, right = old.text[:start], old.text[end:]
    if not left:
        right = right.lstrip(" ")
    elif left.endswith(" ") and (not right or right[0] in " .,;:!?"):
        left = left.rstrip(" ")
    if not any(char.isalnum() for char in left + right):
        return leave_out_sentence(note, section=section, sentence=sentence)
    new = NoteSentence(text=left + right, origin="written", evidence=old.evidence)
    return _swap_sentence(note, section=section, sentence=sentence, new=(new,))


def add_statement(note: Note, text: str) -> Note:
    """Add the person's own statement (that they disagree, and with what); it travels along.

    New lines are kept. Raises `InputError` for a text as in `change_sentence`, and when
    `MAX_STATEMENTS` are there already.
    """
    _check_typed(text, max_chars=MAX_STATEMENT_CHARS, newlines=True)
    if len(note.statements) >= MAX_STATEMENTS:
        raise InputError(
            f"This note holds {MAX_STATEMENTS} statements already. Change one of them."
        )
    return replace(note, statements=(*note.statements, text))


def check_typed(text: str) -> None:
    """Refuse a typed sentence that cannot stand in a note; the message never repeats it.

    Raises `InputError` if it is blank, too long or holds hidden characters.
    """
    _check_typed(text, max_chars=MAX_SENTENCE_CHARS, newlines=False)


def _find_sentence(note: Note, *, section: SectionName, sentence: int) -> NoteSentence:
    for existing in note.sections:
        if existing.name == section and 0 <= sentence < len(existing.sentences):
            return existing.sentences[sentence]
    raise DecisionError(
        f"Note {note.note_id} has no sentence {sentence} in that section. Load the note again."
    )


def _swap_sentence(
    note: Note, *, section: SectionName, sentence: int, new: tuple[NoteSentence, ...]
) -> Note:
    swapped = (
        replace(s, sentences=(*s.sentences[:sentence], *new, *s.sentences[sentence + 1 :]))
        if s.name == section
        else s
        for s in note.sections
    )
    return replace(note, sections=tuple(s for s in swapped if s.sentences))


def _check_typed(text: str, *, max_chars: int, newlines: bool) -> None:
    """Refuse a typed text that cannot stand in a note; the message never repeats it."""
    if not text.strip():
        raise InputError("There are no words here. Type some, or leave the sentence out.")
    if len(text) > max_chars:
        raise InputError(
            f"This is {len(text)} characters long and at most {max_chars} fit. Make it shorter."
        )
    hidden = next((i for i in _hidden_positions(text, newlines=newlines)), None)
    if hidden is not None:
        raise InputError(
            f"There is a hidden character at position {hidden + 1}. Type that part again."
        )


def _hidden_positions(text: str, *, newlines: bool) -> Iterator[int]:
    for position, char in enumerate(text):
        if newlines and char == "\n":
            continue
        if char in _REORDERING or unicodedata.category(char) in _HIDDEN_CATEGORIES:
            yield position


def _without_hidden(text: str) -> str:
    hidden = set(_hidden_positions(text, newlines=False))
    return "".join(
        char if i not in hidden else (" " if char.isspace() else "") for i, char in enumerate(text)
    )
