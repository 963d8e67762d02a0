"""Handing the note over, and what the person's answer makes possible afterwards."""

from __future__ import annotations

from typing import Any

import gradio as gr

from assistant.app.peer.html import bullets, escape, heading, link, page, paragraph
from assistant.app.peer.page import ONCE, QUIET, Page, bump, markdown
from assistant.policy import Actor
from assistant.records import SECTION_NAMES
from assistant.release import ReleaseFormat
from assistant.store import ReleaseRow, SessionRow

_FORMATS: tuple[ReleaseFormat, ...] = ("markdown", "pdf", "docx", "fhir")
_BEFORE = ("new", "transcribed", "drafted")
_WITH_PERSON = ("handed_over", "approved", "released", "amending", "amended")
_AGREED = ("approved", "released", "amended")


def hand_over_part(
    p: Page, row: SessionRow, version: gr.State, status: gr.Markdown, request: gr.Request
) -> None:
    """Draw what can follow, by where the session stands."""
    session_id = row.session_id
    if row.state == "drafted":
        _draw_hand_over(p, session_id, version, status, request)
    if row.state in _WITH_PERSON:
        _draw_links(p, session_id, status, request)
    if row.state in _AGREED:
        _draw_release(p, session_id, version, status, request)
    if row.state in ("released", "amending", "amended"):
        _draw_note(p, session_id, request)
    _draw_ends(p, row, version, status)


def _draw_hand_over(
    p: Page, session_id: str, version: gr.State, status: gr.Markdown, request: gr.Request
) -> None:
    def look(actor: Actor) -> int:
        n_prompts = len(p.workspace.view_draft(actor, session_id).safety)
        return n_prompts - len(p.workspace.safety_answers(actor, session_id))

    said, n_open = p.attempt(request, look)
    markdown(page(heading(2, p.t("hand_over_title")), paragraph(p.t("hand_over_about"))))
    if n_open is None:
        markdown(said)
        return
    if n_open > 0:
        to_prompts = link(p.t("to_prompts"), "#ow-safety", class_="ow-turn-link")
        words = p.t("prompts_open_one" if n_open == 1 else "prompts_open", n=n_open)
        markdown(page(f"<p>{escape(words)} {to_prompts}</p>"))
        return
    hand = gr.Button(p.t("hand_over"), variant="primary")

    def hand_over(v: int, request: gr.Request) -> tuple[str, int]:
        said, note = p.attempt(
            request, lambda a: p.workspace.hand_over(a, session_id), done=p.t("handed_over")
        )
        if note is not None and p.house.checks is not None:
            p.house.checks.forget(session_id)
        return said, v if note is None else bump(v)

    hand.click(hand_over, version, [status, version], **ONCE)


def _draw_links(p: Page, session_id: str, status: gr.Markdown, request: gr.Request) -> None:
    said, has_code = p.attempt(request, lambda a: p.workspace.has_code(a, session_id))
    markdown(page(heading(2, p.t("links_title")), paragraph(p.t("together_about"))))
    gr.Button(p.t("together"), link=f"/peer/own/together/{session_id}", link_target="_self")
    if has_code is None:
        markdown(said)
        return
    if not has_code:
        markdown(page(paragraph(p.t("no_code"))))
        return
    markdown(page(paragraph(p.t("link_about", days=p.house.settings.link_days))))
    make = gr.Button(p.t("make_link"))
    address = gr.Textbox(
        label=p.t("link_address"), info=p.t("link_once"), interactive=False, visible=False,
        max_lines=3, elem_id="ow-link",
    )  # fmt: skip

    def make_link(request: gr.Request) -> tuple[Any, Any]:
        said, token = p.attempt(
            request, lambda a: p.workspace.make_link(a, session_id, kind="hand_over")
        )
        if token is None:
            return said, gr.skip()
        base = p.house.settings.public_url or str(request.request.base_url)
        made = f"{base.split('/peer')[0].rstrip('/')}/note/open/{token}"
        return p.done(p.t("link_made")), gr.update(value=made, visible=True)

    make.click(make_link, None, [status, address], **ONCE)


def _draw_release(
    p: Page, session_id: str, version: gr.State, status: gr.Markdown, request: gr.Request
) -> None:
    told, found = p.attempt(
        request,
        lambda a: (p.workspace.recipients(a, session_id), p.workspace.copies_sent(a, session_id)),
    )
    markdown(page(heading(2, p.t("release_title")), paragraph(p.t("release_about"))))
    if found is None:
        markdown(told)
        return
    (record, share), sent = found
    names = p.workspace.display_names()
    for to in sorted(record | share):
        button = gr.Button(p.t("release_to", who=names.get(to, to)))
        button.click(_releaser(p, session_id, to), version, [status, version], **ONCE)
    if not record | share:
        markdown(page(paragraph(p.t("release_nobody"))))
    if sent:
        markdown(page(heading(3, p.t("sent_title")),
                      bullets(_sent_html(p, session_id, one, names) for one in sent)))  # fmt: skip


def _releaser(p: Page, session_id: str, to: str) -> Any:  # noqa: ANN401 - a listener
    def release(v: int, request: gr.Request) -> tuple[str, int]:
        said, released = p.attempt(
            request,
            lambda a: p.workspace.release(a, session_id, to=to, formats=_FORMATS),
            done=p.t("release_done"),
        )
        return said, v if released is None else bump(v)

    return release


def _sent_html(p: Page, session_id: str, one: ReleaseRow, names: dict[str, str]) -> str:
    when = one.released_at.strftime("%Y-%m-%d %H:%M")
    words = escape(p.t("sent", who=names.get(one.recipient, one.recipient), when=when))
    if one.recalled_at is not None:
        return f"{words} {escape(p.t('recalled'))}"
    files = " · ".join(
        link(name.rsplit("/", 1)[-1], f"/peer/own/file/{session_id}/{one.release_id}/{name}",
             class_="ow-file")
        for name, _digest in one.files
    )  # fmt: skip
    return f"{words}<br>{files}"


def _draw_note(p: Page, session_id: str, request: gr.Request) -> None:
    """Draw the text that is out, for the two who wrote it."""
    told, note = p.attempt(request, lambda a: p.workspace.view_released_note(a, session_id))
    if note is None:
        markdown(told)
        return
    named = {section.name: section for section in note.sections}
    lang = f' lang="{p.words_language}"' if p.words_language else ""
    parts = [heading(2, p.t("released_note_title"))]
    for name in SECTION_NAMES:
        if name in named:
            words = " ".join(escape(one.text) for one in named[name].sentences)
            parts.append(f'{heading(3, p.t(f"section_{name}"))}<p dir="auto"{lang}>{words}</p>')
    for statement in note.statements:
        words = f'<p dir="auto"{lang}>{escape(statement)}</p>'
        parts.append(f"{heading(3, p.t('statement_title'))}{words}")
    markdown(page(*parts, class_="ow-panel"))


def _draw_ends(p: Page, row: SessionRow, version: gr.State, status: gr.Markdown) -> None:
    """Draw the ways to end without a note, and the short record, open at any time."""
    session_id = row.session_id
    with gr.Accordion(p.t("other_steps"), open=row.state == "service_record_only"):
        if row.state in _BEFORE:
            markdown(page(paragraph(p.t("no_note_about"))))
            end = gr.Button(p.t("no_note"))
            end.click(_ender(p, session_id), version, [status, version], **ONCE)
        markdown(page(paragraph(p.t("service_record_about"))))
        file_it = gr.Button(p.t("file_service_record"))

    def file_record(request: gr.Request) -> str:
        said, _record = p.attempt(
            request,
            lambda a: p.workspace.file_service_record(a, session_id),
            done=p.t("service_record_filed"),
        )
        return said

    file_it.click(file_record, None, status, **QUIET)


def _ender(p: Page, session_id: str) -> Any:  # noqa: ANN401 - a listener
    def end(v: int, request: gr.Request) -> tuple[str, int]:
        def do(actor: Actor) -> bool:
            gone = p.workspace.cancel_draft(actor, session_id)
            if gone and p.house.worker is not None:
                p.house.worker.cancel(gone)
            p.workspace.end_without_note(actor, session_id)
            p.workspace.file_service_record(actor, session_id)
            return True

        said, is_ended = p.attempt(request, do, done=p.t("no_note_done"))
        return said, bump(v) if is_ended else v

    return end
