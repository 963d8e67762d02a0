"""One language of the peer's screens: what stands where, and what draws what anew.

Handlers keep ids and versions between them, never words: `gr.State` stays on the server for as
long as a browser is open. A part of the screen is drawn anew when the version it hangs on moves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import gradio as gr

from assistant.app.peer.by_hand import by_hand_part
from assistant.app.peer.consents import consents_part
from assistant.app.peer.conversation import (
    Conversation,
    conversation_html,
    read_conversation,
)
from assistant.app.peer.drafting import Progress, draft_part, hidden
from assistant.app.peer.flags import flags_part
from assistant.app.peer.handover import hand_over_part
from assistant.app.peer.html import heading, link, page, paragraph
from assistant.app.peer.meeting import new_session_form
from assistant.app.peer.note import note_part
from assistant.app.peer.page import QUIET, Page, bump, markdown
from assistant.app.peer.safety import safety_part
from assistant.app.peer.session_list import list_html, session_head
from assistant.app.peer.words_in import paste_part, transcript_part
from assistant.errors import OwnWordsError
from assistant.policy import Actor
from assistant.store import SessionRow

# Drawn anew only when told; without a spinner over what people read.
# One part at a time: Gradio numbers the listeners of a session without a lock, so that two parts
# drawn at once could get the same numbers, and a press on one would do what the other says.
_DRAWN: dict[str, Any] = {
    "show_progress": "hidden", "concurrency_limit": 1, "concurrency_id": "draw",
}  # fmt: skip


def build_screens(p: Page) -> gr.Blocks:
    """Return the screens in one language."""
    with gr.Blocks(title=p.say("common.product"), analytics_enabled=False, fill_width=True) as out:
        markdown(_top_html(p), elem_id="ow-top")
        status = markdown(elem_id="ow-status")
        session = gr.State("")
        view = gr.State("")  # "list", "older" or "new", while no session is open
        version = gr.State(0)  # where the session stands
        safety, note, flags = gr.State(0), gr.State(0), gr.State(0)
        _outside_a_session(p, view, status)
        _session_parts(p, session, version, status)
        progress = Progress(p, session, version, status)
        with gr.Column(visible=False, elem_id="ow-work") as work:
            _beside(p, safety_part, session, [version, safety], (safety, note, flags, status))
            with gr.Row(elem_id="ow-columns"):
                with gr.Column(elem_id="ow-talk", visible=False) as talk_column:
                    talk = Conversation(p, session, note, flags, status)
                with gr.Column(elem_id="ow-note"):
                    _beside(p, note_part, session, [version, note], (note, flags, status))
                with gr.Column(elem_id="ow-flags"):
                    _beside(p, flags_part, session, [version, flags], (note, flags, status))
        _after_work(p, session, version, safety, status)

        shown = [work, talk_column, talk.words, *progress.outputs()]
        out.load(_opener(p), [version], [session, view, version, status], **QUIET)
        version.change(_refresher(p, progress), session, shown, **QUIET)
    out.queue(default_concurrency_limit=8, api_open=False)
    return out


def _top_html(p: Page) -> str:
    other = "/peer/" if p.path == "/peer/es" else "/peer/es/"
    code = "en" if p.path == "/peer/es" else "es"
    return page(
        f'<p class="ow-product">{link(p.say("common.product"), f"{p.path}/")}</p>',
        f'<p><a class="ow-language" lang="{code}" href="{other}">'
        f'{p.say(f"common.language_{code}")}</a> '
        f"{link(p.t('account'), '/account')}</p>",
        class_="ow-bar",
    )  # fmt: skip


def _outside_a_session(p: Page, view: gr.State, status: gr.Markdown) -> None:
    def draw(now: str, request: gr.Request) -> None:
        if now in ("list", "older"):
            said, html = p.attempt(
                request, lambda actor: list_html(p, actor, with_older=now == "older")
            )
            markdown(said if html is None else html)
        elif now == "new":
            new_session_form(p, status, request)

    gr.render(inputs=[view], triggers=[view.change], **_DRAWN)(draw)


def _session_parts(p: Page, session: gr.State, version: gr.State, status: gr.Markdown) -> None:
    def draw(session_id: str, request: gr.Request) -> None:
        row = _own_row(p, session_id, request)
        if row is None:
            return
        said, found = p.attempt(
            request,
            lambda actor: (
                session_head(p, actor, row), p.workspace.person_name(actor, session_id),
                p.workspace.consents_now(actor, session_id),
                p.workspace.draft_job(actor, session_id),
            ),
        )  # fmt: skip
        if found is None:
            markdown(said)
            return
        head, name, consents, job = found
        yes = {one for one, c in consents.items() if c.given and c.withdrawn_at is None}
        markdown(head)
        consents_part(p, session_id, version, status, request)
        if row.state == "new" and "transcribe" in yes:
            markdown(page(heading(2, p.t("words_title")), paragraph(p.t("words_about"))))
            paste_part(p, session_id, version, status, name=name)
        elif row.state == "transcribed":
            transcript_part(p, session_id, version, status, request)
            if "ai_draft" in yes:
                draft_part(p, session_id, version, status, job=job)
        needed = "transcribe" if row.state == "new" else "ai_draft"
        if row.state in ("new", "transcribed") and needed not in yes:
            by_hand_part(p, session_id, version, status)
        elif row.state in ("new", "transcribed") and (job is None or job.state == "failed"):
            with gr.Accordion(p.t("by_hand_instead"), open=False):
                by_hand_part(p, session_id, version, status)

    gr.render(inputs=[session], triggers=[version.change], **_DRAWN)(draw)


def _beside(
    p: Page, part: Callable[..., None], session: gr.State, versions: list[gr.State],
    given: tuple[Any, ...],
) -> None:  # fmt: skip
    """Draw a part of the work screen while there is a draft to work on."""

    def draw(session_id: str, request: gr.Request) -> None:
        row = _own_row(p, session_id, request)
        if row is not None and row.state == "drafted":
            part(p, session_id, *given, request)

    gr.render(inputs=[session], triggers=[one.change for one in versions], **_DRAWN)(draw)


def _after_work(
    p: Page, session: gr.State, version: gr.State, safety: gr.State, status: gr.Markdown
) -> None:
    def draw(session_id: str, request: gr.Request) -> None:
        row = _own_row(p, session_id, request)
        if row is not None:
            hand_over_part(p, row, version, status, request)

    gr.render(inputs=[session], triggers=[version.change, safety.change], **_DRAWN)(draw)


def _opener(p: Page) -> Any:  # noqa: ANN401 - a listener
    """Return what finds the screen that an address asks for."""

    def open_page(v: int, request: gr.Request) -> tuple[str, str, int, str]:
        asked = request.query_params.get("session", "")
        if asked:
            if _own_row(p, asked, request) is None:
                return "", "list", v, p.problem(p.t("no_such_session"))
            return asked, "", bump(v), ""
        view = next((one for one in ("new", "older") if one in request.query_params), "list")
        return "", view, v, ""

    return open_page


def _refresher(p: Page, progress: Progress) -> Any:  # noqa: ANN401 - a listener
    """Return what shows and hides the parts that are always on the page."""

    def refresh(session_id: str, request: gr.Request) -> tuple[Any, ...]:
        row = _own_row(p, session_id, request)
        nothing = (gr.update(visible=False), gr.update(visible=False), "", *hidden())
        if row is None:
            return nothing

        def look(actor: Actor) -> tuple[Any, ...]:
            job = progress.state_now(actor, session_id)
            if row.state != "drafted":
                return gr.update(visible=False), gr.update(visible=False), "", *job
            talk = conversation_html(p, actor, session_id)
            _read_ahead(p, actor, session_id)
            return gr.update(visible=True), gr.update(visible=bool(talk)), talk, *job

        _said, shown = p.attempt(request, look)
        return shown or nothing

    return refresh


def _read_ahead(p: Page, actor: Actor, session_id: str) -> None:
    """Let the checks read the session before the first key is pressed."""
    checks = p.house.checks
    if checks is None or read_conversation(p, actor, session_id) is None:
        return

    def read() -> None:
        try:
            checks.read_ahead(actor, session_id)
        except OwnWordsError:  # taken back meanwhile; the next check says so
            return

    threading.Thread(target=read, name="read-ahead", daemon=True).start()


def _own_row(p: Page, session_id: str, request: gr.Request) -> SessionRow | None:
    """Return a session of the peer who asks, or None: whose it is otherwise is not told."""
    if not session_id:
        return None
    _said, row = p.attempt(request, lambda actor: p.workspace.own_session(actor, session_id))
    return row
