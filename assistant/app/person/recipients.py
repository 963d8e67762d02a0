"""Who will see the note, and whether names travel with it. Nothing is ticked for the person."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from fastapi import APIRouter
from fastapi.responses import Response

from assistant.app.pages import field as form_field
from assistant.app.pages import fields, read_form
from assistant.app.person.changing import is_stale
from assistant.app.person.plain import agency_name, caller, hidden_words, shown_agency
from assistant.app.person.visit import NoteRoute, Reader, Visit
from assistant.canonical import note_digest
from assistant.records import Names
from assistant.workspace import OWN_COPY

router = APIRouter(route_class=NoteRoute)
TEXT_VERSION = "app-1"  # of the words on this page: change it when they change
_MAX_NAME_CHARS = 80
_MAX_NAMES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One possible recipient, as a consent names it and as the page calls it."""

    value: str = field(repr=False)
    name: str = field(repr=False)
    kind: str  # record, supervisor, other
    is_chosen: bool


@router.get("/note/{handle}/who")
def show_who(visit: Reader) -> Response:
    return _show_who(visit)


@router.post("/note/{handle}/who")
async def choose_who(visit: Reader) -> Response:
    form = await read_form(visit.request)
    if form_field(form, "what") == "names":
        return _choose_names(visit, form_field(form, "names"), stale=is_stale(form, visit.note()))
    typed = form_field(form, "other")
    other = " ".join(typed.split())
    offered = {(one.kind == "record", one.value) for one in _choices(visit)}
    record = tuple(v for v in fields(form, "record") if (True, v) in offered)
    share = tuple(v for v in fields(form, "share") if (False, v) in offered)
    problem = _name_problem(other, n_names=len(share)) if other else ""
    if problem:
        ticked = {(True, value) for value in record} | {(False, value) for value in share}
        return _show_who(visit, typed=typed, problem=problem, ticked=ticked, status=400)
    visit.workspace.set_recipients(
        visit.actor, visit.session_id, record=tuple(dict.fromkeys(record)),
        share=tuple(dict.fromkeys((*share, other) if other else share)),
        discloser=agency_name(visit), text_version=TEXT_VERSION,
    )  # fmt: skip
    return visit.go("who", said="who_saved")


def _choose_names(visit: Visit, wanted: str, *, stale: bool) -> Response:
    names: Names | None = next((n for n in ("in", "out") if n == wanted), None)
    if stale:
        return visit.go("who", said="stale", anchor="names")
    if names is None:
        return _show_who(visit, problem="no_names_chosen", status=400)
    if names != visit.note().names:
        visit.workspace.choose_names(visit.actor, visit.session_id, names=names)
    return visit.go("who", said="names_saved")


def _choices(visit: Visit) -> tuple[Choice, ...]:
    """Return everybody who can be ticked: the record, the peer's supervisors, earlier names."""
    record, share = visit.workspace.recipients(visit.actor, visit.session_id)
    agency = agency_name(visit)
    call = caller(visit)
    supervisors = visit.workspace.supervisors(visit.row.peer_id)
    kinds = (
        ("record", (agency, *sorted(record - {agency})), record),
        ("supervisor", tuple(sorted(supervisors)), share),
        ("other", tuple(sorted(share - supervisors)), share),
    )
    return tuple(
        Choice(
            value=value,
            name=shown_agency(visit) if value == agency else call(value),
            kind=kind,
            is_chosen=value in chosen,
        )
        for kind, values, chosen in kinds
        for value in values
    )


def _name_problem(name: str, *, n_names: int) -> str:
    if n_names >= _MAX_NAMES:
        return "too_many_names"
    # `the person` is how the log calls somebody's own copy, which needs no consent.
    is_usable = len(name) <= _MAX_NAME_CHARS and name.isprintable() and name != OWN_COPY
    return "" if is_usable else "name_not_usable"


def _show_who(
    visit: Visit, *, typed: str = "", problem: str = "",
    ticked: set[tuple[bool, str]] | None = None, status: int = 200,
) -> Response:  # fmt: skip
    note = visit.note()
    choices = tuple(
        one
        if ticked is None
        else replace(one, is_chosen=(one.kind == "record", one.value) in ticked)
        for one in _choices(visit)
    )
    return visit.show(
        "who", status=status, step=5, choices=choices, typed=typed, problem=problem,
        agency=shown_agency(visit), names=note.names, digest=note_digest(note),
        has_hidden=hidden_words(visit) is not None,
    )  # fmt: skip
