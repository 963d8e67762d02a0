"""Bringing in what was said: pasted here, or as a file through our own upload page."""

from __future__ import annotations

import gradio as gr

from assistant.app.peer.html import bullets, escape, heading, page, paragraph
from assistant.app.peer.page import ONCE, QUIET, Page, bump, markdown
from assistant.ingest import parse_transcript
from assistant.policy import Actor
from assistant.records import Transcript

_REASONS_SHOWN = 20


def paste_part(
    p: Page, session_id: str, version: gr.State, status: gr.Markdown, *, name: str
) -> None:
    """Draw the box to paste into. What was pasted stays until it was taken over."""
    text = gr.Textbox(
        label=p.t("paste"), info=p.t("paste_info"), lines=12, max_lines=30, interactive=True,
        elem_classes=["ow-said-box"],
    )  # fmt: skip
    with gr.Row():
        person = gr.Textbox(name, label=p.t("their_label"), info=p.t("their_label_info"),
                            max_lines=1, interactive=True)  # fmt: skip
        peer = gr.Textbox(label=p.t("your_label"), info=p.t("your_label_info"), max_lines=1,
                          interactive=True)  # fmt: skip
    with gr.Row():
        take = gr.Button(p.t("take_words"), variant="primary")
        gr.Button(p.t("upload_instead"), link=f"/peer/own/upload/{session_id}", link_target="_self")

    def take_over(
        pasted: str, person: str, peer: str, v: int, request: gr.Request
    ) -> tuple[str, int]:
        def do(actor: Actor) -> Transcript:
            transcript = parse_transcript(
                pasted.encode("utf-8", "replace"), name=p.t("pasted_name"),
                settings=p.house.settings, person=person.strip(), peer=peer.strip(),
            )  # fmt: skip
            p.workspace.import_transcript(actor, session_id, transcript)
            return transcript

        said, transcript = p.attempt(request, do)
        return (said, v) if transcript is None else (p.done(counted(p, transcript)), bump(v))

    take.click(take_over, [text, person, peer, version], [status, version], **ONCE)


def counted(p: Page, transcript: Transcript) -> str:
    return p.t("counted", turns=len(transcript.turns), unread=len(transcript.unread))


def transcript_part(
    p: Page, session_id: str, version: gr.State, status: gr.Markdown, request: gr.Request
) -> None:
    """Draw what was taken over and what could not be read, and a way to begin again."""
    said, transcript = p.attempt(request, lambda a: p.workspace.view_transcript(a, session_id))
    if transcript is None:
        markdown(said)
        return
    parts = [heading(2, p.t("words_title")), paragraph(counted(p, transcript))]
    if transcript.unread:
        shown = transcript.unread[:_REASONS_SHOWN]
        reasons = bullets(
            f'{escape(p.t("line", n=one.line))}: <span lang="en">{escape(one.reason)}</span>'
            for one in shown
        )
        parts.append(
            f"<details><summary>{escape(p.t('unread_title'))}</summary>{reasons}</details>"
        )
    markdown(page(*parts))
    with gr.Accordion(p.t("other_words"), open=False):
        _said, name = p.attempt(request, lambda a: p.workspace.person_name(a, session_id))
        paste_part(p, session_id, version, status, name=name or "")
        delete = gr.Button(p.t("delete_words"))

    def delete_words(v: int, request: gr.Request) -> tuple[str, int]:
        def do(actor: Actor) -> bool:
            gone = p.workspace.cancel_draft(actor, session_id)
            if gone and p.house.worker is not None:
                p.house.worker.cancel(gone)
            p.workspace.withdraw_consent(actor, session_id, purpose="transcribe")
            return True

        said, is_gone = p.attempt(request, do, done=p.t("words_deleted"))
        return said, bump(v) if is_gone else v

    delete.click(delete_words, version, [status, version], **QUIET)
