"""The way in for staff: first set-up, invitation, sign-in and -out, their own account."""

from __future__ import annotations

import hmac

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import SecretStr

from assistant.app.catalogue import LANGUAGES
from assistant.app.house import LANGUAGE_COOKIE, STAFF_COOKIE
from assistant.app.pages import (
    Staff,
    field,
    go_to,
    house_of,
    read_form,
    render,
    set_cookie,
    staff_of,
)
from assistant.errors import InputError, Refused

router = APIRouter()
HOME = {
    "peer": "/peer/",
    "supervisor": "/supervisor/",
    "governance": "/governance/",
    "admin": "/admin/",
}


@router.get("/")
def open_home(request: Request) -> Response:
    house = house_of(request)
    if house.workspace.needs_set_up():
        return go_to("/set-up")
    who = house.who(request.cookies.get(STAFF_COOKIE))
    return go_to(HOME.get(who.actor.role, "/sign-in") if who else "/sign-in")


# ---------------------------------------------------------------- first set-up


@router.get("/set-up")
def show_set_up(request: Request) -> Response:
    _require_set_up(request)
    return render(request, "set_up.html", problem="", agency="", login="", display="")


@router.post("/set-up")
async def do_set_up(request: Request) -> Response:
    house = house_of(request)
    form = await read_form(request)
    _require_set_up(request)
    given = {name: field(form, name) for name in ("agency", "login", "display")}
    if house.failures.is_too_many(_address(request)):
        return _too_many(request)
    if not hmac.compare_digest(field(form, "code").strip().encode(), house.set_up_code.encode()):
        house.failures.add(_address(request))
        house.workspace.log_refusal("wrong-set-up-code")
        problem = "entrance.wrong_set_up_code"
        return render(request, "set_up.html", status=400, problem=problem, **given)
    try:
        house.workspace.set_up(
            agency=given["agency"], login=given["login"], display=given["display"],
            password=SecretStr(field(form, "password")),
        )  # fmt: skip
    except InputError as error:
        return render(request, "set_up.html", status=400, problem=str(error), **given)
    return go_to("/sign-in?done=set-up")


def _require_set_up(request: Request) -> None:
    """First set-up happens on this machine only, and once."""
    house = house_of(request)
    is_local = _address(request) in ("127.0.0.1", "::1", "testclient")
    if not is_local or not house.set_up_code or not house.workspace.needs_set_up():
        raise Refused(rule="set-up-only-once", action="set_up", reason="it is done, or not here")


# ---------------------------------------------------------------- signing in and out


@router.get("/sign-in")
def show_sign_in(request: Request, done: str = "") -> Response:
    from assistant.app.extras import has_oidc, has_passkeys

    house = house_of(request)
    if house.workspace.needs_set_up():
        return go_to("/set-up")
    return render(
        request, "sign_in.html", problem="", login="", done=done,
        has_passkeys=has_passkeys(), has_oidc=has_oidc(house.settings),
    )  # fmt: skip


@router.post("/sign-in")
async def do_sign_in(request: Request) -> Response:
    from anyio import to_thread

    from assistant.app.extras import has_oidc, has_passkeys

    house = house_of(request)
    form = await read_form(request)
    if house.failures.is_too_many(_address(request)):
        return _too_many(request)
    login = field(form, "login")
    password = SecretStr(field(form, "password"))
    try:
        token = await to_thread.run_sync(house.workspace.sign_in, login, password)
    except Refused:
        house.failures.add(_address(request))
        return render(
            request, "sign_in.html", status=400, problem="entrance.not_right", login=login, done="",
            has_passkeys=has_passkeys(), has_oidc=has_oidc(house.settings),
        )  # fmt: skip
    return signed_in_response(request, token)


def signed_in_response(request: Request, token: str) -> Response:
    """Give a browser its sign-in and send it to its own screens."""
    house = house_of(request)
    who = house.workspace.signed_in(token)
    response = go_to(HOME.get(who.actor.role, "/sign-in") if who else "/sign-in")
    set_cookie(response, house, STAFF_COOKIE, token, path="/")
    return response


@router.post("/sign-out")
async def do_sign_out(request: Request) -> Response:
    house = house_of(request)
    form = await read_form(request)
    who = house.who(request.cookies.get(STAFF_COOKIE))
    if who is not None:
        if field(form, "everywhere"):
            house.workspace.sign_out_everywhere(who.actor)
        else:
            house.workspace.sign_out(who)
        house.recent.forget_all()
    response = go_to("/sign-in?done=signed-out")
    response.delete_cookie(STAFF_COOKIE, path="/")
    # What a screen left in this browser goes too (nothing is meant to be there).
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@router.get("/welcome/{token}")
def show_welcome(request: Request, token: str) -> Response:
    account = house_of(request).workspace.invited(token)
    if account is None:
        house_of(request).workspace.log_refusal("link-unknown")
        raise Refused(rule="link-unknown", action="sign_in", reason="the link opens nothing")
    return render(request, "welcome.html", problem="", login=account.login, token=token)


@router.post("/welcome/{token}")
async def do_welcome(request: Request, token: str) -> Response:
    house = house_of(request)
    form = await read_form(request)
    try:
        house.workspace.accept_invitation(token, password=SecretStr(field(form, "password")))
    except InputError as error:
        account = house.workspace.invited(token)
        login = account.login if account else ""
        return render(
            request, "welcome.html", status=400, problem=str(error), login=login, token=token
        )
    house.recent.forget_all()
    return go_to("/sign-in?done=welcome")


# ---------------------------------------------------------------- one's own account


@router.get("/account")
def show_account(request: Request) -> Response:
    try:
        who = staff_of(request)
    except Refused:
        return go_to("/sign-in")
    return _account_page(request, who)


@router.post("/account/password")
async def do_change_password(request: Request, who: Staff) -> Response:
    house = house_of(request)
    form = await read_form(request)
    try:
        house.workspace.change_password(
            who.actor, old=SecretStr(field(form, "old")), new=SecretStr(field(form, "password"))
        )
    except InputError as error:
        return _account_page(request, who, problem=str(error), status=400)
    house.recent.forget_all()
    return go_to("/sign-in?done=password")


@router.post("/account/passkeys/remove")
async def do_remove_passkeys(request: Request, who: Staff) -> Response:
    await read_form(request)
    house_of(request).workspace.drop_passkeys(who.actor)
    return go_to("/account")


def _account_page(
    request: Request, who: Staff, *, problem: str = "", status: int = 200
) -> Response:
    from assistant.app.extras import has_passkeys

    house = house_of(request)
    n_passkeys = len(house.workspace.passkeys(who.actor.actor_id))
    return render(
        request, "account.html", status=status, problem=problem, home=HOME[who.actor.role],
        has_passkeys=has_passkeys(), n_passkeys=n_passkeys,
    )  # fmt: skip


@router.post("/language")
async def choose_screen_language(request: Request) -> Response:
    form = await read_form(request)
    language, back = field(form, "language"), field(form, "back")
    # Only a path of this server: `//elsewhere` and `/\elsewhere` would lead away.
    is_path = back.startswith("/") and not back.startswith(("//", "/\\"))
    response = go_to(back if is_path else "/")
    if language in LANGUAGES:
        set_cookie(response, house_of(request), LANGUAGE_COOKIE, language, path="/", days=365)
    return response


def _too_many(request: Request) -> Response:
    house_of(request).workspace.log_refusal("too-many-tries")
    return render(request, "too_many.html", status=429)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
