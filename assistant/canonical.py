"""The one byte form of a note, and its digest: what an approval binds.

Text is taken exactly as it stands: no Unicode normalisation, no trimming. One changed space is
another note.
"""

from __future__ import annotations

import hashlib
import json

from assistant.records import Note

_FORM = "ownwords-note-1"


def canonical_form(note: Note) -> bytes:
    """Return the note as canonical JSON: ids, names in or out, all texts in their order.

    Origin and evidence are left out: they tell where words came from and are not part of the words.
    JSON strings delimit every part, so two different notes never share a form; half a surrogate
    pair keeps bytes of its own.
    """
    body = {
        "form": _FORM,
        "note": note.note_id,
        "session": note.session_id,
        "person": note.person_id,
        "names": note.names,
        "sections": [
            [section.name, [sentence.text for sentence in section.sentences]]
            for section in note.sections
        ],
        "statements": list(note.statements),
    }
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def note_digest(note: Note) -> str:
    """Return the SHA-256 of the canonical form, hex."""
    return hashlib.sha256(canonical_form(note)).hexdigest()
