"""Passages a human should look at: private, calm, one answer each before the note moves on.

No topic, no words the software matched, no level of anything. The software tells nobody.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from assistant.app.peer.conversation import read_conversation
from assistant.app.peer.html import escape, heading, page, paragraph, said, turn_link
from assistant.app.peer.page import ONCE, QUIET, Page, SaidError, bump, markdown
from assistant.policy import Actor
from assistant.records import SECTION_NAMES, Evidence, SafetyPrompt, SectionName
from assistant.workspace.drafting import SafetyAnswer


def safety_part(
    p: Page, session_id: str, safety: gr.State, note: gr.State, flags: gr.State,
    status: gr.Markdown, request: gr.Request,
) -> None:  # fmt: skip
    """Draw what waits for an answer, then what was answered, which can be placed in the note."""

    def look(actor: Actor) -> tuple[Any, ...]:
        return (
            p.workspace.view_draft(actor, session_id).safety,
            p.workspace.safety_answers(actor, session_id),
            read_conversation(p, actor, session_id),
        )

    told, found = p.attempt(request, look)
    if found is None:
        markdown(told)
        return
    prompts, answers, hidden = found
    if not prompts:
        return
    texts = {turn.number: turn.text for turn in hidden.turns} if hidden is not None else {}
    with gr.Column(elem_id="ow-safety"):
        markdown(page(heading(2, p.t("safety_title"))))
        for number, prompt in enumerate(prompts):
            if number not in answers:
                _draw_prompt(p, session_id, number, prompt, safety, status)
        for number, prompt in enumerate(prompts):
            if number in answers:
                _draw_answered(p, session_id, number, prompt, answers[number],
                               texts.get(prompt.turn, ""), note, flags, safety, status)  # fmt: skip


def _draw_prompt(
    p: Page, session_id: str, number: int, prompt: SafetyPrompt, safety: gr.State,
    status: gr.Markdown,
) -> None:  # fmt: skip
    t = p.t
    agency = p.workspace.agency()
    with gr.Column(elem_classes=["ow-prompt"]):
        opened = turn_link(prompt.turn, t("open_passage", n=prompt.turn))
        markdown(page(paragraph(t("safety_prompt")), f"<p>{opened}</p>"))
        with gr.Row():
            handled = gr.Button(t("safety_handled"))
            passed = gr.Button(t("call_supervisor"))
            protocol = gr.Button(t("show_protocol"))
            other = gr.Button(t("safety_not"))
        with gr.Column(visible=False) as contact:
            markdown(_agency_html(p, "contact_title", agency["supervisor_contact"]))
            told = gr.Button(t("safety_passed"))
        with gr.Column(visible=False) as rules:
            markdown(_agency_html(p, "protocol_title", agency["protocol"]))
            markdown(_agency_html(p, "crisis_title", agency["crisis_options"]))
    passed.click(lambda: gr.update(visible=True), None, contact, **QUIET)
    protocol.click(lambda: gr.update(visible=True), None, rules, **QUIET)
    answers: tuple[tuple[gr.Button, SafetyAnswer], ...] = (
        (handled, "handled_before_draft"), (told, "passed_to_supervisor"),
        (other, "not_applicable"),
    )  # fmt: skip
    for button, answer in answers:
        button.click(_answerer(p, session_id, number, answer), safety, [status, safety], **ONCE)


def _draw_answered(
    p: Page, session_id: str, number: int, prompt: SafetyPrompt, answer: str, text: str,
    note: gr.State, flags: gr.State, safety: gr.State, status: gr.Markdown,
) -> None:  # fmt: skip
    t = p.t
    label = t("answered", n=prompt.turn, answer=t(f"safety_answer_{answer}"))
    with gr.Accordion(label, open=False, elem_classes=["ow-prompt"]):
        opened = turn_link(prompt.turn, t("open_passage", n=prompt.turn))
        markdown(page(f"<p>{opened}</p>", paragraph(t("place_about"))))
        section = gr.Dropdown(
            [(t(f"section_{name}"), name) for name in SECTION_NAMES], value="matters",
            label=t("add_where"), interactive=True,
        )  # fmt: skip
        words = gr.Textbox(
            text, label=t("place_words"), lines=2, max_lines=8, interactive=True,
            elem_classes=["ow-said-box"],
            html_attributes=gr.InputHTMLAttributes(lang=p.words_language),
        )  # fmt: skip
        place = gr.Button(t("place_it"))
        markdown(page(paragraph(t("answer_again"))))
        with gr.Row():
            for other, name in (
                ("handled_before_draft", "safety_handled"),
                ("passed_to_supervisor", "safety_passed"),
                ("not_applicable", "safety_not"),
            ):
                if other != answer:
                    again = gr.Button(t(name))
                    again.click(
                        _answerer(p, session_id, number, other), safety, [status, safety], **ONCE
                    )

    def place_it(
        name: SectionName, typed: str, v_note: int, v_flags: int, request: gr.Request
    ) -> tuple[Any, ...]:
        def do(actor: Actor) -> bool:
            if number not in p.workspace.safety_answers(actor, session_id):
                raise SaidError(t("answer_first_safety"))
            evidence = Evidence(turn=prompt.turn, start=prompt.start, end=prompt.end)
            p.workspace.add_to_draft(
                actor, session_id, section=name, text=" ".join(typed.split()), evidence=(evidence,)
            )
            return True

        said, is_placed = p.attempt(request, do, done=t("placed"))
        return (said, bump(v_note), bump(v_flags)) if is_placed else (said, v_note, v_flags)

    place.click(place_it, [section, words, note, flags], [status, note, flags], **ONCE)


def _answerer(p: Page, session_id: str, number: int, answer: Any) -> Any:  # noqa: ANN401 - a listener
    def keep(v: int, request: gr.Request) -> tuple[str, int]:
        def do(actor: Actor) -> bool:
            p.workspace.acknowledge_safety(actor, session_id, prompt_no=number, answer=answer)
            return True

        said, is_kept = p.attempt(request, do, done=p.t("safety_kept"))
        return said, bump(v) if is_kept else v

    return keep


def _agency_html(p: Page, title: str, text: str) -> str:
    words = f'<p dir="auto">{said(text)}</p>' if text.strip() else paragraph(p.t("agency_empty"))
    return page(f"<h3>{escape(p.t(title))}</h3>", words)
