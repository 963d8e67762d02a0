"""The supervisor's pages: notes that a person shared with them, to read and never to edit.

What is outside a peer's role is named beside the sentence, as something to talk about with the
peer. Where a payer asks for it, the supervisor co-signs one exact text; that changes nothing in it.
On a page of their own stand the words of the agency, each alone, to agree to, decline or remove.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from assistant.app.catalogue import Catalogue
from assistant.app.house import House
from assistant.app.pages import actor_of, catalogue_of, field, go_to, house_of, read_form, render
from assistant.errors import DecisionError, Refused, StoreError
from assistant.policy import Actor
from assistant.records import Flag, SectionName
from assistant.store import SessionRow
from assistant.wording import SECTION_TITLES
from assistant.workspace.agency_words import MAX_AGENCY_WORDS

router = APIRouter(prefix="/supervisor")
Supervisor = Annotated[Actor, Depends(actor_of)]
_MODALITIES = frozenset({"in_person", "phone", "video", "text", "group"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """What the pages tell of a session besides the note."""

    session_id: str
    day: str
    peer: str
    modality: str  # empty where it was not noted


@router.get("/")
def show_shared(request: Request, supervisor: Supervisor) -> Response:
    house = house_of(request)
    needs_cosign = house.settings.payer_needs_cosign
    names = house.workspace.display_names()
    say = catalogue_of(request)
    shared = sorted(
        house.workspace.shared_sessions(supervisor),
        key=lambda row: (row.service_date, row.created_at),
        reverse=True,
    )
    # A co-signature is for one text: whether there is one is asked of the text that is out now.
    cosigned = {
        row.session_id
        for row in shared
        if needs_cosign and _is_cosigned(house, supervisor, row.session_id)
    }
    return render(
        request, "supervisor/shared.html", needs_cosign=needs_cosign, cosigned=cosigned,
        meetings=tuple(describe_meeting(row, names=names, say=say) for row in shared),
    )  # fmt: skip


# Before the notes: their address would take this one for a session.
@router.get("/words")
def show_words(request: Request, supervisor: Supervisor, done: str = "") -> Response:
    return _words_page(request, supervisor, done=done)


@router.post("/words/{word_id}/{answer}")
async def answer_word(
    request: Request, supervisor: Supervisor, word_id: str, answer: str
) -> Response:
    await read_form(request)
    workspace = house_of(request).workspace
    answers = {
        "agree": workspace.agree_to_word, "decline": workspace.decline_word,
        "remove": workspace.remove_word,
    }  # fmt: skip
    if answer not in answers:
        raise StoreError("There is no such answer.")
    try:
        answers[answer](supervisor, word_id)
    except DecisionError:
        return _words_page(request, supervisor, problem="supervisor.word_gone", status=409)
    return go_to(f"/supervisor/words?done={answer}")


def _words_page(
    request: Request, supervisor: Actor, *, done: str = "", problem: str = "", status: int = 200
) -> Response:
    workspace = house_of(request).workspace
    say = catalogue_of(request)
    words = workspace.view_agency_words(supervisor)
    days = {
        at: say_day(at.date().isoformat(), say=say)
        for word in words
        for at in (word.added_at, word.agreed_at)
        if at is not None
    }
    return render(
        request, "supervisor/words.html", status=status, done=done, problem=problem, days=days,
        names=workspace.display_names(), most=MAX_AGENCY_WORDS, n_words=len(words),
        waiting=[word for word in words if word.is_waiting],
        holding={
            action: [word for word in words if word.action == action and not word.is_waiting]
            for action in ("hide", "show")
        },
    )  # fmt: skip


@router.get("/{session_id}")
def show_note(
    request: Request, supervisor: Supervisor, session_id: str, done: str = ""
) -> Response:
    return _note_page(request, supervisor, session_id, done=done)


@router.post("/{session_id}/co-sign")
async def do_co_sign(request: Request, supervisor: Supervisor, session_id: str) -> Response:
    house = house_of(request)
    form = await read_form(request)
    if not house.settings.payer_needs_cosign:
        house.workspace.log_refusal("no-payer-needs-co-sign", actor=supervisor.actor_id)
        raise Refused(
            rule="no-payer-needs-co-sign", action="co_sign", reason="no payer here asks for it"
        )
    digest = field(form, "digest")
    # The gate refuses another text too, but says no more than "nothing here" to whoever asked.
    if digest != house.workspace.view_shared_note(supervisor, session_id).digest:
        problem = "supervisor.text_changed"
        return _note_page(request, supervisor, session_id, problem=problem, status=409)
    try:
        house.workspace.co_sign(supervisor, session_id, digest=digest)
    except (DecisionError, Refused):
        # They may read this text, so what stands in the way is a newer one the person approved.
        problem = "supervisor.not_out_yet"
        return _note_page(request, supervisor, session_id, problem=problem, status=409)
    return go_to(f"/supervisor/{session_id}?done=co-signed")


def _note_page(
    request: Request,
    supervisor: Actor,
    session_id: str,
    *,
    done: str = "",
    problem: str = "",
    status: int = 200,
) -> Response:
    house = house_of(request)
    shared = house.workspace.view_shared_note(supervisor, session_id)
    flags: dict[tuple[SectionName, int], list[Flag]] = {}
    for section, sentence, flag in shared.flags:
        flags.setdefault((section, sentence), []).append(flag)
    return render(
        request,
        "supervisor/note.html",
        status=status,
        problem=problem,
        done=done,
        meeting=describe_meeting(
            shared.session, names=house.workspace.display_names(), say=catalogue_of(request)
        ),
        note=shared.note,
        digest=shared.digest,
        flags=flags,
        titles=SECTION_TITLES,
        needs_cosign=house.settings.payer_needs_cosign,
        is_cosigned=shared.is_cosigned,
    )


def _is_cosigned(house: House, supervisor: Actor, session_id: str) -> bool:
    try:
        return house.workspace.view_shared_note(supervisor, session_id).is_cosigned
    except Refused:  # taken back since the list was made
        return False


def describe_meeting(row: SessionRow, *, names: Mapping[str, str], say: Catalogue) -> Meeting:
    """Return a session as the pages tell of it, in the reader's language."""
    modality = row.modality
    if modality in _MODALITIES:
        modality = say(f"supervisor.modality_{modality}")
    return Meeting(
        session_id=row.session_id,
        day=say_day(row.service_date, say=say),
        peer=names.get(row.peer_id, say("supervisor.peer_unknown")),
        modality=modality,
    )


def say_day(day: str, *, say: Catalogue) -> str:
    """Return an ISO date in words; whatever else was noted stays as it is."""
    try:
        on = date.fromisoformat(day)
    except ValueError:
        return day
    month = say("supervisor.months").split()[on.month - 1]
    return say("supervisor.day", day=on.day, month=month, year=on.year)
