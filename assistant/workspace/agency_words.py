"""Words of the agency, as the vault keeps them: one sealed record a word, which belongs to nobody.

They lie under a key of the agency, so that withdrawing a person leaves them. A word that waits for
a supervisor is still one of the person it came from, and goes with that person's words.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from assistant.deidentify.found import Correction
from assistant.sealed import pack_record, unpack_record
from assistant.store import Transaction

AGENCY = "agency"  # owns these words in place of a person; the same in every vault and backup
MAX_AGENCY_WORDS = 500
_WAITING, _HOLDING = "agency_proposal", "agency_word"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyWord:
    """One word, and where it came from; the last is for undoing and deleting, never for a screen.

    `agreed_by` is empty for a word that is hidden, and for one that waits for a supervisor.
    """

    correction: Correction = field(repr=False)
    person_id: str
    session_id: str
    added_by: str
    added_at: datetime
    agreed_by: str = ""
    agreed_at: datetime | None = None

    @property
    def is_waiting(self) -> bool:
        return self.correction.action == "show" and not self.agreed_by


def agency_words(tx: Transaction) -> tuple[tuple[str, AgencyWord], ...]:
    """Return (id, word) of every word, the oldest first, those that wait too."""
    ids = (word_id for word_id, _kind in tx.person_word_ids(AGENCY))
    found = ((word_id, unpack_record(tx.words(word_id), AgencyWord)) for word_id in ids)
    return tuple(sorted(found, key=lambda pair: pair[1].added_at))


def agency_corrections(tx: Transaction) -> tuple[Correction, ...]:
    """Return what holds in every session now."""
    return tuple(
        replace(word.correction, by="agency")
        for _word_id, word in agency_words(tx)
        if not word.is_waiting
    )


def put_agency_word(tx: Transaction, word_id: str, word: AgencyWord, *, at: datetime) -> None:
    if all(row.person_id != AGENCY for row in tx.persons()):
        tx.add_person(person_id=AGENCY, created_at=at)
    tx.put_words(
        record_id=word_id, person_id=AGENCY, session_id=None,
        kind=_WAITING if word.is_waiting else _HOLDING, payload=pack_record(word),
    )  # fmt: skip


def waiting_words_of(tx: Transaction, person_id: str) -> tuple[str, ...]:
    """Return the ids of the words that came from a person and wait for a supervisor."""
    waiting = (word_id for word_id, kind in tx.person_word_ids(AGENCY) if kind == _WAITING)
    return tuple(
        word_id
        for word_id in waiting
        if unpack_record(tx.words(word_id), AgencyWord).person_id == person_id
    )
