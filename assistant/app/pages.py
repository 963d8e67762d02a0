"""Server-rendered pages: templates that escape, forms that only this server can have made."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.datastructures import FormData, UploadFile

from assistant.app.catalogue import LANGUAGES, Catalogue, choose_language, load_catalogue
from assistant.app.house import (
    FORM_COOKIE,
    HOUSE,
    LANGUAGE_COOKIE,
    PERSON_COOKIE,
    STAFF_COOKIE,
    House,
    new_form_cookie,
)
from assistant.errors import OwnWordsError, Refused
from assistant.policy import Actor
from assistant.workspace import SignedIn

_TEMPLATES = Path(__file__).resolve().parent / "templates"
STATIC = Path(__file__).resolve().parent / "static"


class NotTheirFormError(OwnWordsError):
    """A form did not come from a page of this server that this browser was shown."""


def house_of(request: Request) -> House:
    # Not `request.app.state`: after a mounted app has failed, `request.app` is that one.
    house: House = request.scope[HOUSE]
    return house


def catalogue_of(request: Request) -> Catalogue:
    """Return the messages in the language this browser chose or asks for."""
    return load_catalogue(
        choose_language(
            request.cookies.get(LANGUAGE_COOKIE, ""), request.headers.get("accept-language", "")
        )
    )


def render(
    request: Request, template: str, *, status: int = 200, **context: object
) -> HTMLResponse:
    """Return a page. Templates get `t` (messages), `form_token`, `language`, `languages`."""
    house = house_of(request)
    cookie = request.cookies.get(FORM_COOKIE) or new_form_cookie()
    say = catalogue_of(request)
    page = _environment().get_template(template)
    body = page.render(
        t=say,
        language=say.language,
        languages=LANGUAGES,
        form_token=house.form_token(cookie),
        path=request.url.path,
        **context,
    )
    response = HTMLResponse(body, status_code=status)
    response.headers["Cache-Control"] = "no-store"
    if FORM_COOKIE not in request.cookies:
        set_cookie(response, house, FORM_COOKIE, cookie, path="/")
    return response


def set_cookie(
    response: Response, house: House, name: str, value: str, *, path: str, days: int = 0
) -> None:
    """Set a cookie that scripts cannot read and other sites cannot send."""
    response.set_cookie(
        name, value, path=path, httponly=True, samesite="strict", secure=house.is_secure,
        max_age=days * 86_400 if days else None,
    )  # fmt: skip


async def read_form(request: Request) -> FormData:
    """Return the fields of a form of ours. Raises `NotTheirFormError` for any other."""
    form = await request.form(max_files=1, max_fields=200)
    token = form.get("form_token", "")
    if not isinstance(token, str) or not house_of(request).is_own_form(
        request.cookies.get(FORM_COOKIE), token
    ):
        raise NotTheirFormError(
            "This form is too old or came from elsewhere. Open the page again; nothing was changed."
        )
    return form


def field(form: FormData, name: str) -> str:
    """Return a text field, or an empty string."""
    value = form.get(name, "")
    return "" if isinstance(value, UploadFile) else value


def fields(form: FormData, name: str) -> tuple[str, ...]:
    """Return every value of a field that may come several times (checkboxes)."""
    return tuple(value for value in form.getlist(name) if isinstance(value, str))


def go_to(path: str) -> RedirectResponse:
    """Answer a POST: the browser gets the next page with a GET."""
    return RedirectResponse(path, status_code=303)


def staff_of(request: Request) -> SignedIn:
    """Return who of the agency is signed in. Raises `Refused` for nobody and for a person."""
    who = house_of(request).who(request.cookies.get(STAFF_COOKIE))
    if who is None or who.actor.role == "person":
        raise Refused(rule="not-signed-in", action="open", reason="nobody is signed in here")
    return who


def actor_of(request: Request) -> Actor:
    return staff_of(request).actor


def person_of(request: Request) -> SignedIn | None:
    """Return the person who is signed in to decide about one session, or None."""
    who = house_of(request).who(request.cookies.get(PERSON_COOKIE))
    return who if who is not None and who.actor.role == "person" else None


Staff = Annotated[SignedIn, Depends(staff_of)]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["version"] = _asset_version()
    return environment


def _asset_version() -> str:
    """A mark in the address of style sheets, so that a new version is fetched and an old cached."""
    newest = max((path.stat().st_mtime_ns for path in STATIC.iterdir()), default=0)
    return format(newest, "x")[-8:]
