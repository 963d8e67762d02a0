"""After a decision: the receipt, a copy to keep, who did what, and taking the note back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from anyio import to_thread
from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

from assistant.app.pages import read_form
from assistant.app.person.plain import (
    caller,
    copies_of,
    named_recipients,
    peer_name,
    say_time,
    shown_agency,
)
from assistant.app.person.reading import come_back_address, service_day, show_what_became
from assistant.app.person.visit import NoteRoute, Reader, Visit, Visitor
from assistant.canonical import note_digest
from assistant.errors import InputError

router = APIRouter(route_class=NoteRoute)
_MEDIA_TYPES = {".md": "text/markdown", ".pdf": "application/pdf"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One file of the person's own copy that is still kept. `kind`: e.g. `note_pdf`."""

    name: str
    kind: str
    path: Path = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One line of who did what and when."""

    when: str
    what: str
    who: str = field(repr=False)


@router.get("/note/{handle}/receipt")
def show_receipt(visit: Visitor) -> Response:
    if not visit.is_open:
        return show_what_became(visit)
    return visit.show(
        "receipt",
        peer=peer_name(visit), agency=shown_agency(visit), day=service_day(visit),
        recipients=named_recipients(visit), come_back=come_back_address(visit),
        copies=own_copies(visit), n_days=visit.house.settings.undecided_days,
        can_copy=visit.row.state != "amending" and not _is_copied(visit),
        keeps_talk=visit.house.settings.keep_transcript,
    )  # fmt: skip


@router.post("/note/{handle}/copy")
async def make_copy(visit: Reader) -> Response:
    await read_form(visit.request)
    await to_thread.run_sync(lambda: _make_copy(visit))
    return visit.go("receipt", said="copied", anchor="copy")


def _make_copy(visit: Visit) -> None:
    if _is_copied(visit):
        return
    try:
        visit.workspace.export_own_copy(visit.actor, visit.session_id, formats=("markdown", "pdf"))
    except InputError:  # letters the PDF has no font for; the plain file holds them all
        visit.workspace.export_own_copy(visit.actor, visit.session_id, formats=("markdown",))


def _is_copied(visit: Visit) -> bool:
    """Whether the newest copy holds the note as it stands."""
    own = copies_of(visit).own
    return bool(own) and own[0].digest == note_digest(visit.note())


@router.get("/note/{handle}/copy/{name}")
def send_copy(visit: Visitor, name: str) -> Response:
    """Send a file of the newest own copy; the name only picks from a list of them."""
    for copy in own_copies(visit):
        if copy.name == name and copy.path.is_file():
            return FileResponse(
                copy.path, filename=copy.name, headers={"Cache-Control": "no-store"},
                media_type=_MEDIA_TYPES.get(copy.path.suffix, "application/octet-stream"),
            )  # fmt: skip
    return visit.go("receipt")


def own_copies(visit: Visit) -> tuple[Copy, ...]:
    """Return the files of the person's newest own copy."""
    own = copies_of(visit).own
    if not own:
        return ()
    outbox = visit.workspace.store.folder / "outbox" / own[0].release_id
    return tuple(
        Copy(
            name=name,
            kind=("receipt_" if ".receipt." in name else "note_") + name.rsplit(".", 1)[1],
            path=outbox / name,
        )
        for name, _digest in own[0].files
    )


@router.get("/note/{handle}/trail")
def show_trail(visit: Visitor) -> Response:
    call = caller(visit)
    trail = visit.workspace.own_trail(visit.actor, visit.session_id)
    events = tuple(
        Happened(
            when=say_time(visit.say, event.at),
            what=_say_event(visit, event.event),
            who=call(event.actor),
        )
        for event in trail.events
    )
    return visit.show(
        "trail", events=events, copies=copies_of(visit), day=service_day(visit),
        recipients=named_recipients(visit) if visit.is_open else (),
    )  # fmt: skip


def _say_event(visit: Visit, event: str) -> str:
    name = f"person.event_{event}"
    return visit.say(name if name in visit.say.messages else "person.event_other")


@router.get("/note/{handle}/withdraw")
def show_withdraw(visit: Visitor) -> Response:
    if not visit.is_open and visit.row.state != "withdrawing":
        return visit.go()
    return visit.show(
        "withdraw", copies=copies_of(visit), agency=shown_agency(visit), day=service_day(visit)
    )


@router.post("/note/{handle}/withdraw")
async def withdraw(visit: Visitor) -> Response:
    await read_form(visit.request)
    if visit.is_open or visit.row.state == "withdrawing":
        await to_thread.run_sync(lambda: visit.workspace.withdraw(visit.actor, visit.session_id))
    return visit.go()
