"""Words of the agency, for supervisors: see each one alone, agree, decline, remove."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from assistant.audit import AuditEvent
from assistant.errors import DecisionError
from assistant.policy import Actor
from assistant.records import IdentifierType
from assistant.store import Transaction
from assistant.workspace.agency_words import AgencyWord, agency_words, put_agency_word
from assistant.workspace.desk import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedWord:
    """A word as a supervisor sees it. Who gave it and when is not told while it waits: an answer
    is about the word, and a name and a time would point at a session."""

    word_id: str
    surface: str = field(repr=False)
    type: IdentifierType
    action: Literal["hide", "show"]
    is_waiting: bool
    added_by: str = ""
    added_at: datetime | None = None
    agreed_by: str = ""
    agreed_at: datetime | None = None


class Agreeing(Desk):
    """What a supervisor does with the words of the agency."""

    def view_agency_words(self, actor: Actor) -> tuple[ListedWord, ...]:
        """Return every word, the oldest first."""
        self._ask(actor, "view_agency_words")
        with self._change() as (tx, events):
            found = agency_words(tx)
            events.append(
                AuditEvent(
                    event="agency_words_viewed", actor=actor.actor_id, counts={"words": len(found)}
                )
            )
        return tuple(_listed(word_id, word) for word_id, word in found)

    def agree_to_word(self, actor: Actor, word_id: str) -> None:
        """Have a word shown in later sessions. Raises `DecisionError` if it does not wait."""
        self._ask(actor, "agree_to_word")
        with self._change() as (tx, events):
            word = _find(tx, word_id, is_waiting=True)
            at = self._clock()
            agreed = replace(word, agreed_by=actor.actor_id, agreed_at=at)
            put_agency_word(tx, word_id, agreed, at=at)
            events.append(_event("agency_word_agreed", actor, word_id))

    def decline_word(self, actor: Actor, word_id: str) -> None:
        """Drop a word that waits; nothing is kept of it."""
        self._ask(actor, "decline_word")
        self._drop(actor, word_id, event="agency_word_declined", is_waiting=True)

    def remove_word(self, actor: Actor, word_id: str) -> None:
        """Take a word off the list; what was drafted already stays as it is."""
        self._ask(actor, "remove_word")
        self._drop(actor, word_id, event="agency_word_removed", is_waiting=False)

    def _drop(self, actor: Actor, word_id: str, *, event: str, is_waiting: bool) -> None:
        with self._change() as (tx, events):
            _find(tx, word_id, is_waiting=is_waiting)
            tx.erase_words([word_id])
            # The second is what keeps an older copy of the keys from bringing it back.
            events += [_event(event, actor, word_id), _event("words_deleted", actor, word_id)]


def _find(tx: Transaction, word_id: str, *, is_waiting: bool) -> AgencyWord:
    word = dict(agency_words(tx)).get(word_id)
    if word is None or word.is_waiting != is_waiting:
        raise DecisionError("This word is no longer in that part of the list. Load it again.")
    return word


def _event(event: str, actor: Actor, word_id: str) -> AuditEvent:
    return AuditEvent(event=event, actor=actor.actor_id, ids={"words": word_id})


def _listed(word_id: str, word: AgencyWord) -> ListedWord:
    shown = ListedWord(
        word_id=word_id, surface=word.correction.surface, type=word.correction.type,
        action=word.correction.action, is_waiting=word.is_waiting,
    )  # fmt: skip
    if word.is_waiting:
        return shown
    return replace(
        shown, added_by=word.added_by, added_at=word.added_at, agreed_by=word.agreed_by,
        agreed_at=word.agreed_at,
    )  # fmt: skip
