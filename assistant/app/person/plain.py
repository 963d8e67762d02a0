"""What pages say about a note in plain words: lengths, dates, names, writers, what was typed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from assistant.app.catalogue import Catalogue
from assistant.app.person.visit import Visit
from assistant.errors import DecisionError
from assistant.records import Evidence, Note, SurrogateMap
from assistant.workspace import OWN_COPY, SOFTWARE

if TYPE_CHECKING:
    from assistant.store import ReleaseRow

ALOUD_WORDS = 130  # words a minute
SILENT_WORDS = 200
NO_AGENCY = "this agency"  # what a consent says where the agency gave no name
_WHOLE_CHARS = 900  # a turn up to this long is shown whole
_AROUND_CHARS = 300  # of a longer one, this much before and after


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Who holds a copy of a note, and the person's own files, newest first."""

    others: tuple[tuple[str, str], ...] = field(repr=False)  # name, day
    own: tuple[ReleaseRow, ...] = field(repr=False)


def count_words(note: Note) -> int:
    texts = [s.text for section in note.sections for s in section.sentences]
    return sum(len(text.split()) for text in (*texts, *note.statements))


def say_minutes(say: Catalogue, n_words: int, *, per_minute: int) -> str:
    minutes = max(1, math.ceil(n_words / per_minute))
    return say("person.minute") if minutes == 1 else say("person.minutes", n=minutes)


def say_day(say: Catalogue, day: date) -> str:
    month = say("person.months").split(",")[day.month - 1]
    return say("person.day", day=day.day, month=month, year=day.year)


def say_time(say: Catalogue, at: datetime) -> str:
    """Return day and time by the clock of the agency's machine."""
    here = at.astimezone()
    return say("person.day_time", day=say_day(say, here), time=f"{here:%H:%M}")


def agency_name(visit: Visit) -> str:
    """Return the agency as consents name it."""
    return visit.workspace.agency()["name"] or NO_AGENCY


def shown_agency(visit: Visit) -> str:
    name = agency_name(visit)
    return visit.say("person.this_agency") if name == NO_AGENCY else name


def peer_name(visit: Visit) -> str:
    known = visit.workspace.display_names().get(visit.row.peer_id)
    return known or visit.say("person.your_peer")


def caller(visit: Visit) -> Callable[[str], str]:
    """Return what says how an account, a recipient or the person is called on a page."""
    accounts = visit.workspace.display_names()
    known = {
        visit.row.peer_id: visit.say("person.your_peer"),
        **accounts,
        visit.actor.actor_id: visit.say("person.you"),
        OWN_COPY: visit.say("person.you"),
        SOFTWARE.actor_id: visit.say("person.the_software"),
        NO_AGENCY: visit.say("person.this_agency"),
    }
    return lambda who: known.get(who, who)


def copies_of(visit: Visit) -> Copies:
    """Return who was given the note, whether or not it was taken back since."""
    call = caller(visit)
    releases = visit.workspace.own_trail(visit.actor, visit.session_id).releases
    newest_first = sorted(releases, key=lambda row: row.released_at, reverse=True)
    return Copies(
        others=tuple(
            (call(row.recipient), say_time(visit.say, row.released_at))
            for row in newest_first
            if row.recipient != OWN_COPY
        ),
        own=tuple(
            row for row in newest_first if row.recipient == OWN_COPY and row.recalled_at is None
        ),
    )


def named_recipients(visit: Visit) -> tuple[str, ...]:
    """Return whom the person's yes names now, as they are called on pages."""
    record, share = visit.workspace.recipients(visit.actor, visit.session_id)
    return tuple(map(caller(visit), (*sorted(record), *sorted(share - record))))


def written_by(note: Note) -> str:
    """Say who wrote a note, by where its sentences come from: software, hand or both."""
    is_typed = [s.origin == "written" for section in note.sections for s in section.sentences]
    if all(is_typed):
        return "hand"
    return "both" if any(is_typed) else "software"


def hidden_words(visit: Visit) -> SurrogateMap | None:
    """Return the way back to real names, or None where there is none (any more)."""
    try:
        return visit.workspace.view_hidden_words(visit.actor, visit.session_id)
    except DecisionError:
        return None


def with_names(text: str, surrogates: SurrogateMap | None, evidence: tuple[Evidence, ...]) -> str:
    """Return a text as it reads with the real names; unchanged where they are not kept."""
    from assistant.deidentify import restore_names

    if surrogates is None:
        return text
    return restore_names(text, surrogates=surrogates, turns=[place.turn for place in evidence])


def passage(said: str, place: Evidence) -> str:
    """Return a turn, or the part of a long one around a place.

    Places count in the words before names were hidden, so the part is cut wide.
    """
    if len(said) <= _WHOLE_CHARS:
        return said
    start = max(0, min(place.start, len(said)) - _AROUND_CHARS)
    end = min(len(said), max(place.end, place.start) + _AROUND_CHARS)
    if start >= end - _AROUND_CHARS:  # hidden names moved the place past the end
        start = max(0, end - 2 * _AROUND_CHARS)
    end = min(end, start + _WHOLE_CHARS)
    before = "… " if start else ""
    return before + said[start:end].strip() + (" …" if end < len(said) else "")


def one_line(text: str) -> str:
    """Return what was typed into a field for one sentence; a new line there is a space."""
    return " ".join(text.replace("\r", "\n").split("\n")).strip()


def typed_problem(text: str, *, max_chars: int) -> str:
    """Name the message for a typed text that was not taken."""
    if not text.strip():
        return "typed_nothing"
    return "typed_too_long" if len(text) > max_chars else "typed_hidden"
