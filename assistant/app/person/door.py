"""In and out: opening a link with a code, leaving at once, help, the size of the text."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import SecretStr

from assistant.app.house import PERSON_COOKIE
from assistant.app.pages import (
    field,
    go_to,
    house_of,
    person_of,
    read_form,
    render,
    set_cookie,
)
from assistant.app.person.plain import peer_name
from assistant.app.person.visit import (
    SIZE_COOKIE,
    SIZES,
    NoteRoute,
    TurnedAway,
    opens_nothing,
    show_page,
    visit_of,
)
from assistant.errors import InputError, OwnWordsError, Refused

router = APIRouter(route_class=NoteRoute)
last_router = APIRouter(route_class=NoteRoute)  # what no other page took


@router.get("/note/open/{token}")
def show_code_form(request: Request, token: str) -> Response:
    needs = house_of(request).workspace.link_needs_code(token)
    if needs is None:
        return opens_nothing(request)
    return show_page(request, "open", needs=needs, problem="")


@router.post("/note/open/{token}")
async def open_note(request: Request, token: str) -> Response:
    house = house_of(request)
    form = await read_form(request)
    address = request.client.host if request.client else ""
    if house.failures.is_too_many(address):
        house.workspace.log_refusal("too-many-tries")
        return show_page(request, "too_many", status=429)
    code = SecretStr(field(form, "code"))
    try:
        sign_in, come_back = await to_thread.run_sync(
            lambda: house.workspace.open_link(token, code=code)
        )
    except InputError:  # only a code that is being chosen can be too short
        return show_page(request, "open", status=400, needs="choose", problem="code_too_short")
    except Refused:
        house.failures.add(address)
        return show_page(request, "open", status=400, needs="enter", problem="did_not_open")
    response = go_to(f"/note/{come_back or token}/")
    set_cookie(response, house, PERSON_COOKIE, sign_in, path="/note")
    return response


@router.post("/note/leave")
@router.post("/note/{handle}/leave")
async def leave(request: Request) -> Response:
    """Sign out and show an empty page. It works without a form of ours: leaving never fails."""
    house = house_of(request)
    try:
        who = person_of(request)
        if who is not None:
            house.workspace.sign_out(who)
    except OwnWordsError:  # the cookie goes all the same
        pass
    house.recent.forget_all()
    response = go_to("/note/away")
    response.delete_cookie(PERSON_COOKIE, path="/note")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@router.get("/note/away")
def show_away(request: Request) -> Response:
    return render(request, "note/away.html")


@router.get("/note/help")
def show_help_without_note(request: Request) -> Response:
    return show_page(request, "help", agency=house_of(request).workspace.agency(), peer="")


@router.get("/note/{handle}/help")
def show_help(request: Request, handle: str) -> Response:
    """Help is there for whoever asks, also when they were signed out meanwhile."""
    try:
        visit = visit_of(request, handle)
    except TurnedAway:
        return show_help_without_note(request)
    return visit.show("help", agency=visit.workspace.agency(), peer=peer_name(visit))


@router.post("/note/text-size")
async def choose_text_size(request: Request) -> Response:
    form = await read_form(request)
    size, back = field(form, "size"), field(form, "back")
    # Only a page of this kind; `//elsewhere` would lead away.
    response = go_to(back if back.startswith("/note/") else "/note/help")
    if size in SIZES:
        set_cookie(response, house_of(request), SIZE_COOKIE, size, path="/note", days=365)
    return response


@last_router.get("/note/{handle}")
def add_slash(handle: str) -> Response:
    return go_to(f"/note/{handle}/")


@last_router.get("/note/{rest:path}")
def show_opens_nothing(request: Request, rest: str) -> Response:  # noqa: ARG001 - any address
    return opens_nothing(request)
