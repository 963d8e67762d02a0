"""What the person said yes and no to: asked one by one, nothing filled in beforehand."""

from __future__ import annotations

from typing import get_args

import gradio as gr

from assistant.app.peer.html import escape, heading, page, paragraph
from assistant.app.peer.page import QUIET, Page, SaidError, bump, markdown
from assistant.policy import Actor
from assistant.records import Purpose

ASKED: tuple[Purpose, ...] = ("transcribe", "ai_draft", "save_note", "share", "evaluation")
TEXT_VERSION = "peer-screens-2"  # of the questions: change it when they change
_INFORMATION = "notes of my peer support"


def agency_name(p: Page) -> str:
    return p.workspace.agency()["name"] or p.t("this_agency")


def supervisor_choices(p: Page, actor: Actor) -> list[tuple[str, str]]:
    """Return (name on screens, id) of who supervises this peer."""
    names = p.workspace.display_names()
    ids = p.workspace.supervisors(actor.actor_id)
    return sorted((names.get(one, one), one) for one in ids)


def yes_no(p: Page, purpose: Purpose) -> gr.Radio:
    """Return one question with two equal answers and none chosen."""
    return gr.Radio(
        [(p.t("yes"), "yes"), (p.t("no"), "no")], value=None, label=p.t(f"ask_{purpose}"),
        info=p.t(f"ask_{purpose}_info"), interactive=True, elem_classes=["ow-question"],
    )  # fmt: skip


def keep_answer(
    p: Page, actor: Actor, session_id: str, *, purpose: Purpose, given: bool, share: list[str]
) -> None:
    """Keep one answer as the person gave it, by word of mouth. A no names no recipients."""
    recipients: tuple[str, ...] = ()
    if given and purpose == "save_note":
        recipients = (agency_name(p),)
    elif given and purpose == "share":
        known = {one for _name, one in supervisor_choices(p, actor)}
        recipients = tuple(one for one in share if one in known)
        if not recipients:
            raise SaidError(p.t("share_with_whom"))
    p.workspace.record_consent(
        actor, session_id, purpose=purpose, given=given, recipients=recipients,
        information=_INFORMATION, discloser=agency_name(p), mode="spoken",
        text_version=TEXT_VERSION,
    )  # fmt: skip


def consents_part(p: Page, session_id: str, version: gr.State, status: gr.Markdown,
                  request: gr.Request) -> None:  # fmt: skip
    """Draw what was answered, with a way to write down a new answer or a yes taken back."""
    said, held = p.attempt(request, lambda a: p.workspace.consents_now(a, session_id))
    if held is None:
        markdown(said)
        return
    lines = []
    names = p.workspace.display_names()
    for purpose in ASKED:
        one = held.get(purpose)
        state = (
            "not_asked" if one is None else "taken_back" if one.withdrawn_at is not None
            else "said_yes" if one.given else "said_no"
        )  # fmt: skip
        to = (
            ", ".join(names.get(r, r) for r in one.recipients)
            if one and state == "said_yes"
            else ""
        )
        words = p.t(f"short_{purpose}") + (f" ({to})" if to else "")
        lines.append(f"<dt>{escape(words)}</dt><dd>{escape(p.t(state))}</dd>")
    with gr.Accordion(p.t("consents_title"), open=False):
        markdown(page(f'<dl class="ow-answers">{"".join(lines)}</dl>'))
        markdown(page(heading(3, p.t("new_answer")), paragraph(p.t("new_answer_about"))))
        which = gr.Radio([(p.t(f"short_{one}"), one) for one in ASKED], value=None,
                         label=p.t("new_answer_which"), interactive=True)  # fmt: skip
        answer = gr.Radio([(p.t("yes"), "yes"), (p.t("no"), "no")], value=None,
                          label=p.t("new_answer_what"), interactive=True)  # fmt: skip
        choices = supervisor_choices(p, p.actor(request))
        share = gr.CheckboxGroup(choices, value=[], label=p.t("share_who"), interactive=True,
                                 visible=bool(choices))  # fmt: skip
        keep = gr.Button(p.t("keep_answer"))

    def write_down(
        purpose: str | None, given: str | None, to: list[str], v: int, request: gr.Request
    ) -> tuple[str, int]:
        def do(actor: Actor) -> bool:
            if purpose is None or given is None:
                raise SaidError(p.t("answer_first"))
            chosen: Purpose = purpose if purpose in get_args(Purpose) else "share"  # type: ignore[assignment]
            before = p.workspace.consents_now(actor, session_id).get(chosen)
            had_yes = before is not None and before.given and before.withdrawn_at is None
            if given == "no" and had_yes:
                _stop_drafting(p, actor, session_id)
                p.workspace.withdraw_consent(actor, session_id, purpose=chosen)
            else:
                keep_answer(p, actor, session_id, purpose=chosen, given=given == "yes", share=to)
            return True

        said, kept = p.attempt(request, do, done=p.t("answer_kept"))
        return said, bump(v) if kept else v

    keep.click(write_down, [which, answer, share, version], [status, version], **QUIET)


def _stop_drafting(p: Page, actor: Actor, session_id: str) -> None:
    gone = p.workspace.cancel_draft(actor, session_id)
    if gone and p.house.worker is not None:
        p.house.worker.cancel(gone)
