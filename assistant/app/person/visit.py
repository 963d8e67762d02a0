"""A visit: a person, signed in, at the address of their own note. And how problems look there."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import wraps
from inspect import iscoroutinefunction
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from assistant.app.catalogue import Catalogue
from assistant.app.house import House
from assistant.app.pages import (
    NotTheirFormError,
    catalogue_of,
    go_to,
    house_of,
    person_of,
    render,
)
from assistant.errors import (
    DecisionError,
    InputError,
    OwnWordsError,
    Refused,
    StoreBusy,
    StoreFull,
)
from assistant.policy import Actor
from assistant.records import Note
from assistant.store import SessionRow
from assistant.workspace import Workspace

SIZE_COOKIE = "ow_size"
SIZES = ("normal", "large", "largest")
TO_DECIDE = ("handed_over", "amending")
SETTLED = ("approved", "released", "amended")
# What a page can say after a step was done; anything else in the address is ignored.
NOTICES = frozenset(
    {"changed", "left_out", "added", "undone", "nothing_to_undo", "stated", "picked", "stale",
     "who_saved", "names_saved", "copied"}
)  # fmt: skip
_ONLY_POST = ("leave-out", "undo", "copy", "leave", "text-size")


class TurnedAway(Exception):
    """Another page is due; nothing of this one is done."""

    def __init__(self, response: Response) -> None:
        self.response = response
        super().__init__()


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """The person and the one session that this address opens for them."""

    request: Request
    handle: str
    actor: Actor
    row: SessionRow

    @property
    def house(self) -> House:
        return house_of(self.request)

    @property
    def workspace(self) -> Workspace:
        return self.house.workspace

    @property
    def session_id(self) -> str:
        return self.row.session_id

    @property
    def say(self) -> Catalogue:
        return catalogue_of(self.request)

    @property
    def is_open(self) -> bool:
        """Whether there is a note to read and to change."""
        return self.row.state in TO_DECIDE or self.row.state in SETTLED

    def note(self) -> Note:
        return self.workspace.view_note(self.actor, self.session_id)

    def go(self, page: str = "", *, said: str = "", anchor: str = "") -> Response:
        """Send the browser to another page of this note."""
        query = f"?said={said}" if said else ""
        return go_to(f"/note/{self.handle}/{page}{query}{'#' + anchor if anchor else ''}")

    def show(
        self, template: str, *, status: int = 200, step: int = 0, **context: object
    ) -> Response:
        """Return a page of this note; `step` is its place among the six, 0 for none."""
        return show_page(
            self.request, template, status=status, handle=self.handle, state=self.row.state,
            step=step, **context,
        )  # fmt: skip


def visit_of(request: Request, handle: str) -> Visit:
    """Return the visit, or turn away whoever has no such link or has not given their code."""
    house = house_of(request)
    with house.workspace.one_look():
        session_id = house.workspace.come_back_session(handle)
        who = person_of(request)
        row = house.workspace.session(session_id) if session_id is not None else None
    if row is None:
        house.workspace.log_refusal("link-unknown")
        raise TurnedAway(opens_nothing(request))
    if who is None or who.session_id != row.session_id:
        raise TurnedAway(go_to(f"/note/open/{handle}"))
    if request.method == "GET":
        house.looks.look(row.session_id)
    return Visit(request=request, handle=handle, actor=who.actor, row=row)


Visitor = Annotated[Visit, Depends(visit_of)]


def open_visit_of(visit: Visitor) -> Visit:
    """Return the visit if its note can be read; else send it to the page that says what became."""
    if not visit.is_open:
        raise TurnedAway(visit.go())
    return visit


Reader = Annotated[Visit, Depends(open_visit_of)]


def show_page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    handle: str = "",
    state: str = "",
    step: int = 0,
    **context: object,
) -> Response:
    """Return a page in the frame of the person's pages; `handle` "" where no note is open."""
    size = request.cookies.get(SIZE_COOKIE, "")
    said = request.query_params.get("said", "")
    return render(
        request,
        f"note/{template}.html",
        status=status,
        home=f"/note/{handle}/" if handle else "/note/",
        handle=handle,
        state=state,
        to_decide=state in TO_DECIDE,
        settled=state in SETTLED,
        step=step,
        size=size if size in SIZES else "normal",
        sizes=SIZES,
        said=said if said in NOTICES else "",
        **context,
    )


def opens_nothing(request: Request) -> Response:
    """Return the one page for every link that opens nothing, whatever the reason."""
    return show_page(request, "opens_nothing", status=404)


def not_there(visit: Visit) -> TurnedAway:
    """Return what to raise for a part or a sentence the note does not have now."""
    return TurnedAway(visit.go("outline", said="stale"))


class NoteRoute(APIRoute):
    """Shows problems in the frame of the person's pages, with the way back to where they were.

    What a page reads, it reads in one look at the vault.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401
        # Pages that show are plain functions, those that do something are coroutines.
        shown = endpoint if iscoroutinefunction(endpoint) else _in_one_look(endpoint)
        super().__init__(path, shown, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except TurnedAway as away:
                return away.response
            except OwnWordsError as error:
                return _show_problem(request, error)

        return handle


def _in_one_look(show: Callable[..., Response]) -> Callable[..., Response]:
    @wraps(show)
    def shown(**given: Any) -> Response:  # noqa: ANN401 - whatever the page takes
        visit = given.get("visit")
        if not isinstance(visit, Visit):
            return show(**given)
        with visit.workspace.one_look():
            return show(**given)

    return shown


def _show_problem(request: Request, error: OwnWordsError) -> Response:
    """Say what happened in the person's language; errors hold ids, which would not help them."""
    status, problem = 500, "trouble"
    if isinstance(error, NotTheirFormError):
        house_of(request).workspace.log_refusal("not-their-form")
        status, problem = 403, "old_form"
    elif isinstance(error, Refused):
        status, problem = 409, "not_now"
    elif isinstance(error, DecisionError):
        status, problem = 409, "moved_on"
    elif isinstance(error, InputError):
        status, problem = 400, "not_usable"
    elif isinstance(error, StoreBusy | StoreFull):
        status, problem = 503, "busy"
    path = request.url.path
    handle = str(request.path_params.get("handle", ""))
    home = f"/note/{handle}/" if handle else ""
    back = home if path.rsplit("/", 1)[1] in _ONLY_POST else path
    return show_page(request, "problem", status=status, handle=handle, problem=problem, back=back)
