"""Having a draft made: in the background, shown by stage, cancelled at any time."""

from __future__ import annotations

from typing import Any

import gradio as gr

from assistant.app.peer.html import escape, heading, page, paragraph
from assistant.app.peer.page import ONCE, QUIET, Page, SaidError, bump, markdown
from assistant.policy import Actor
from assistant.records import Voice
from assistant.store import JobRow

LOOK_S = 2.0  # a look takes Gradio some 25 ms of the one core it has; ten peers may be waiting
_STAGES = ("", "load", "deidentify", "safety", "draft", "review")


def draft_part(
    p: Page, session_id: str, version: gr.State, status: gr.Markdown, *, job: JobRow | None
) -> None:
    """Draw the choice of voice and the button that begins; the progress stands elsewhere."""
    if job is not None and job.state != "failed":
        return
    markdown(page(heading(2, p.t("draft_title")), paragraph(p.t("draft_about"))))
    if job is not None:
        markdown(p.problem(p.t("draft_failed")))
    if p.house.worker is None:
        markdown(p.problem(p.t("no_worker")))
        return
    voice = gr.Radio(
        [(p.t("voice_tidied"), "tidied"), (p.t("voice_exact"), "exact")], value=None,
        label=p.t("voice"), interactive=True,
    )  # fmt: skip
    begin = gr.Button(p.t("begin_draft"), variant="primary")

    def queue(chosen: str | None, v: int, request: gr.Request) -> tuple[str, int]:
        def do(actor: Actor) -> bool:
            if chosen not in ("exact", "tidied"):
                raise SaidError(p.t("choose_voice"))
            voice: Voice = "exact" if chosen == "exact" else "tidied"
            p.workspace.queue_draft(actor, session_id, voice=voice)
            if p.house.worker is not None:
                p.house.worker.wake()
            return True

        said, is_queued = p.attempt(request, do)
        return said, bump(v) if is_queued else v

    begin.click(queue, [voice, version], [status, version], **ONCE)


class Progress:
    """The one place on the screen that looks at the queue by itself, while there is a job."""

    def __init__(self, p: Page, session: gr.State, version: gr.State, status: gr.Markdown) -> None:
        self._page = p
        with gr.Column(visible=False, elem_id="ow-progress") as self.column:
            self.words = markdown(elem_classes=["ow-live"])
            cancel = gr.Button(p.t("cancel_draft"))
        self.timer = gr.Timer(LOOK_S, active=False)
        outputs = [self.column, self.words, self.timer, version, status]
        self.timer.tick(self._look, [session, version], outputs, **QUIET)
        cancel.click(self._cancel, [session, version], outputs, **QUIET)

    def outputs(self) -> list[Any]:
        """What `state_now` gives values for."""
        return [self.column, self.words, self.timer]

    def state_now(self, actor: Actor, session_id: str) -> tuple[Any, Any, Any]:
        """Return what the column, its words and the timer should be."""
        job = self._page.workspace.draft_job(actor, session_id) if session_id else None
        if job is None or job.state == "failed":
            return hidden()
        return gr.update(visible=True), self._stage_html(job), gr.Timer(LOOK_S, active=True)

    def _look(self, session_id: str, v: int, request: gr.Request) -> tuple[Any, ...]:
        said, job = self._page.attempt(
            request, lambda actor: (self._page.workspace.draft_job(actor, session_id),)
        )
        if job is None:
            return (*hidden(), v, said)
        (row,) = job
        if row is None or row.state == "failed":
            return (*hidden(), bump(v), gr.skip())
        return gr.skip(), self._stage_html(row), gr.skip(), gr.skip(), gr.skip()

    def _cancel(self, session_id: str, v: int, request: gr.Request) -> tuple[Any, ...]:
        def do(actor: Actor) -> bool:
            gone = self._page.workspace.cancel_draft(actor, session_id)
            if self._page.house.worker is not None:
                self._page.house.worker.cancel(gone)
            return True

        said, is_gone = self._page.attempt(request, do, done=self._page.t("draft_cancelled"))
        return (*hidden(), bump(v), said) if is_gone else (*([gr.skip()] * 3), v, said)

    def _stage_html(self, job: JobRow) -> str:
        """The stages as a list; where the work is now stands in words, not in colour alone."""
        t = self._page.t
        now = _STAGES.index(job.stage) if job.stage in _STAGES else 0
        items = []
        for number, stage in enumerate(_STAGES):
            mark = "stage_done" if number < now else "stage_now" if number == now else ""
            words = escape(t(f"stage_{stage or 'queued'}"))
            state = f" <strong>{escape(t(mark))}</strong>" if mark else ""
            items.append(f'<li class="ow-{mark or "stage_later"}">{words}{state}</li>')
        return page(
            heading(2, t("drafting_title")), f"<ol>{''.join(items)}</ol>",
            paragraph(t("drafting_about")),
        )  # fmt: skip


def hidden() -> tuple[Any, Any, Any]:
    return gr.update(visible=False), "", gr.Timer(active=False)
