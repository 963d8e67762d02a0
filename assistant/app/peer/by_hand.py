"""Writing the note by hand, together: no AI, no transcript, the same note afterwards."""

from __future__ import annotations

import gradio as gr

from assistant.app.peer.html import heading, page, paragraph
from assistant.app.peer.page import ONCE, Page, SaidError, bump, markdown
from assistant.policy import Actor
from assistant.records import SECTION_NAMES, SectionName


def by_hand_part(p: Page, session_id: str, version: gr.State, status: gr.Markdown) -> None:
    """Draw a box for each part of the note; a line in it becomes a sentence."""
    markdown(page(heading(2, p.t("by_hand_title")), paragraph(p.t("by_hand_about"))))
    boxes = [
        gr.Textbox(
            label=p.t(f"section_{name}"), lines=2, max_lines=12, interactive=True,
            elem_classes=["ow-said-box"],
            html_attributes=gr.InputHTMLAttributes(lang=p.words_language),
        )
        for name in SECTION_NAMES
    ]  # fmt: skip
    keep = gr.Button(p.t("keep_note"), variant="primary")

    def write(v: int, request: gr.Request, *texts: str) -> tuple[str, int]:
        def do(actor: Actor) -> bool:
            sentences: list[tuple[SectionName, str]] = [
                (name, line.strip())
                for name, text in zip(SECTION_NAMES, texts, strict=True)
                for line in text.splitlines()
                if line.strip()
            ]
            if not sentences:
                raise SaidError(p.t("nothing_written"))
            p.workspace.write_by_hand(actor, session_id, sentences=tuple(sentences))
            return True

        said, is_kept = p.attempt(request, do, done=p.t("note_kept"))
        return said, bump(v) if is_kept else v

    keep.click(write, [version, *boxes], [status, version], **ONCE)
