"""What the peer's screens leave to plain pages: uploads, downloads, and reviewing together.

Files never pass through Gradio: what one session uploads there, another can read.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, Response
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from assistant.app.house import STAFF_COOKIE
from assistant.app.pages import (
    catalogue_of,
    field,
    go_to,
    house_of,
    read_form,
    render,
    staff_of,
)
from assistant.errors import InputError, Refused
from assistant.ingest import parse_transcript
from assistant.store import SessionRow
from assistant.workspace import SignedIn

router = APIRouter()
_FORM_BYTES = 100_000  # what a form adds to the file it carries
_TYPES: Mapping[str, str] = {
    ".md": "text/markdown; charset=utf-8", ".json": "application/json", ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}  # fmt: skip


def peer_of(request: Request) -> SignedIn:
    who = staff_of(request)
    if who.actor.role != "peer":
        raise Refused(rule="not-a-peer", action="open", reason="this page is for peers")
    return who


Peer = Annotated[SignedIn, Depends(peer_of)]


# ---------------------------------------------------------------- bringing in a file


@router.get("/peer/own/upload/{session_id}")
def show_upload(request: Request, who: Peer, session_id: str) -> Response:
    row = house_of(request).workspace.own_session(who.actor, session_id)
    name = house_of(request).workspace.person_name(who.actor, session_id)
    return _upload_page(request, row, person=name, peer="", problem="")


@router.post("/peer/own/upload/{session_id}")
async def do_upload(request: Request, who: Peer, session_id: str) -> Response:
    house = house_of(request)
    row = house_of(request).workspace.own_session(who.actor, session_id)
    most = house.settings.max_bytes
    if _declared_bytes(request) > most + _FORM_BYTES:
        # The form is not read, so its token is not either: nothing is kept of it.
        return _upload_page(request, row, person="", peer="", problem="peer.upload_too_big")
    form = await _read_in_memory(request)
    person, peer = field(form, "person").strip(), field(form, "peer").strip()
    upload = form.get("file")
    if not isinstance(upload, UploadFile) or not upload.filename:
        return _upload_page(request, row, person=person, peer=peer, problem="peer.upload_no_file")
    content = await upload.read(most + 1)
    await form.close()
    if len(content) > most:
        return _upload_page(request, row, person=person, peer=peer, problem="peer.upload_too_big")
    try:
        # The file's own name may hold somebody's name, so messages call it something else.
        transcript = parse_transcript(
            content, name=catalogue_of(request)("peer.upload_file"), settings=house.settings,
            person=person, peer=peer,
        )  # fmt: skip
        house.workspace.import_transcript(who.actor, session_id, transcript)
    except InputError as error:
        return _upload_page(request, row, person=person, peer=peer, problem=str(error))
    return go_to(_session_path(request, session_id))


def _upload_page(
    request: Request, row: SessionRow, *, person: str, peer: str, problem: str
) -> Response:
    megabytes = _megabytes(request)
    say = catalogue_of(request)
    is_ours = problem.startswith("peer.")
    return render(
        request, "peer/upload.html", status=400 if problem else 200,
        problem=say(problem, megabytes=megabytes) if is_ours else problem,
        problem_language=say.language if is_ours else "en", session_id=row.session_id,
        person=person, peer=peer, megabytes=megabytes,
        back=_session_path(request, row.session_id),
    )  # fmt: skip


# ---------------------------------------------------------------- reviewing together


@router.get("/peer/own/together/{session_id}")
def show_together(request: Request, who: Peer, session_id: str) -> Response:
    row = house_of(request).workspace.own_session(who.actor, session_id)
    return render(
        request, "peer/together.html", session_id=row.session_id,
        back=_session_path(request, session_id),
    )  # fmt: skip


@router.post("/peer/own/together/{session_id}")
async def do_together(request: Request, who: Peer, session_id: str) -> Response:
    """Make the link, sign the peer out of this browser, and open the note for the person."""
    house = house_of(request)
    await read_form(request)
    token = house.workspace.make_link(who.actor, session_id, kind="together")
    house.workspace.sign_out(who)
    house.recent.forget_all()
    response = go_to(f"/note/open/{token}")
    response.delete_cookie(STAFF_COOKIE, path="/")
    return response


# ---------------------------------------------------------------- fetching what was released


@router.get("/peer/own/file/{session_id}/{release_id}/{name:path}")
def send_file(request: Request, who: Peer, session_id: str, release_id: str, name: str) -> Response:
    path = house_of(request).workspace.fetch_file(
        who.actor, session_id, release_id=release_id, name=name
    )
    return FileResponse(
        path, media_type=_TYPES.get(path.suffix, "application/octet-stream"), filename=path.name,
        headers={"Cache-Control": "no-store"},
    )  # fmt: skip


def _session_path(request: Request, session_id: str) -> str:
    area = "/peer/es" if catalogue_of(request).language == "es" else "/peer"
    return f"{area}/?session={session_id}"


class _InMemory(MultiPartParser):
    """Keeps what is uploaded in memory: beyond a megabyte it would go into a file, unsealed."""

    spool_max_size = 1 << 40


async def _read_in_memory(request: Request) -> FormData:
    most = house_of(request).settings.max_bytes + _FORM_BYTES

    async def stream() -> AsyncGenerator[bytes, None]:
        n_bytes = 0
        async for part in request.stream():
            n_bytes += len(part)
            if n_bytes > most:
                raise InputError(catalogue_of(request)("peer.upload_too_big",
                                 megabytes=_megabytes(request)))  # fmt: skip
            yield part

    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        try:
            parser = _InMemory(request.headers, stream(), max_files=1, max_fields=20)
            request._form = await parser.parse()  # `read_form` finds it and checks its token
        except MultiPartException:
            raise InputError(catalogue_of(request)("peer.upload_no_file")) from None
    return await read_form(request)


def _megabytes(request: Request) -> int:
    return max(1, house_of(request).settings.max_bytes // 1_000_000)


def _declared_bytes(request: Request) -> int:
    given = request.headers.get("content-length", "")
    return int(given) if given.isdecimal() and len(given) < 16 else 0
