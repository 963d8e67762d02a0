"""A new session: who, when, how, where, and what the person said yes and no to."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

import gradio as gr

from assistant.app.peer.consents import ASKED, keep_answer, supervisor_choices, yes_no
from assistant.app.peer.html import heading, link, page, paragraph
from assistant.app.peer.page import ONCE, QUIET, Page, SaidError, markdown
from assistant.policy import Actor
from assistant.workspace.overseeing import GROUP_AXES

_NEW = "new"
HOWS = ("in_person", "phone", "video", "text", "group")
_TIME = re.compile(r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9]")
_MAX_PLACE_CHARS = 80


def new_session_form(p: Page, status: gr.Markdown, request: gr.Request) -> None:
    """Draw the form. Nothing is kept until its button is pressed."""
    said, found = p.attempt(
        request, lambda a: (p.workspace.known_people(a), supervisor_choices(p, a))
    )
    if found is None:
        markdown(said)
        return
    people, supervisors = found
    markdown(
        page(
            f"<p>{link(p.t('all_sessions'), f'{p.path}/')}</p>",
            heading(1, p.t("new_session")), heading(2, p.t("who_title")),
        )
    )  # fmt: skip
    known = [(name, person_id) for person_id, name in people]
    who = gr.Dropdown(
        [(p.t("someone_new"), _NEW), *known], value=_NEW, label=p.t("who"), interactive=True,
        visible=bool(known),
    )  # fmt: skip
    name = gr.Textbox(label=p.t("name"), info=p.t("name_info"), max_lines=1, interactive=True)
    markdown(page(heading(2, p.t("when_title"))))
    with gr.Row():
        day = gr.Textbox(
            datetime.now().astimezone().date().isoformat(), label=p.t("day"), max_lines=1,
            interactive=True,
            elem_classes=["ow-date"],
        )  # fmt: skip
        start = gr.Textbox(label=p.t("start"), max_lines=1, interactive=True,
                           elem_classes=["ow-time"])  # fmt: skip
        end = gr.Textbox(label=p.t("end"), max_lines=1, interactive=True, elem_classes=["ow-time"])
    how = gr.Radio([(p.t(f"how_{one}"), one) for one in HOWS], value=None, label=p.t("how"),
                   interactive=True)  # fmt: skip
    place = gr.Textbox(label=p.t("place"), info=p.t("place_info"), max_lines=1, interactive=True)
    markdown(
        page(
            heading(2, p.t("limits_title")), paragraph(p.t("limits_about")),
            f"<blockquote>{paragraph(p.t('limits'))}</blockquote>",
            heading(2, p.t("consents_title")), paragraph(p.t("consents_about")),
        )
    )  # fmt: skip
    answers = [yes_no(p, purpose) for purpose in ASKED]
    share = gr.CheckboxGroup(
        supervisors, value=[], label=p.t("share_who"), interactive=True, visible=False
    )
    no_supervisor = markdown(page(paragraph(p.t("no_supervisor"))), visible=False)
    with gr.Column(visible=False) as groups:
        markdown(page(heading(2, p.t("groups_title")), paragraph(p.t("groups_about"))))
        axes = [
            gr.Dropdown(
                [(p.t("rather_not_say"), ""), *((p.t(f"group_{axis}_{v}"), v) for v in values)],
                value="", label=p.t(f"group_{axis}"), interactive=True,
            )
            for axis, values in GROUP_AXES.items()
        ]  # fmt: skip
    begin = gr.Button(p.t("start_session"), variant="primary")

    who.change(lambda chosen: gr.update(visible=chosen == _NEW), who, name, **QUIET)
    answers[ASKED.index("share")].change(
        lambda answer: (
            gr.update(visible=answer == "yes" and bool(supervisors)),
            gr.update(visible=answer == "yes" and not supervisors),
        ),
        answers[ASKED.index("share")], [share, no_supervisor], **QUIET,
    )  # fmt: skip
    answers[ASKED.index("evaluation")].change(
        lambda answer: gr.update(visible=answer == "yes"),
        answers[ASKED.index("evaluation")], groups, **QUIET,
    )  # fmt: skip

    def start_it(*given: Any, request: gr.Request) -> str:  # noqa: ANN401 - values of fields
        said, session_id = p.attempt(request, lambda actor: _begin(p, actor, given))
        if session_id is None:
            return said
        # The page script follows this link; without it, the peer does.
        to = link(p.t("open_it"), p.session_link(session_id), class_="ow-button ow-go")
        return page(paragraph(p.t("session_started")), f"<p>{to}</p>", class_="ow-done")

    # Gradio hands the request to a named parameter only, so the fields come first, one by one.
    fields = [who, name, day, start, end, how, place, share, *answers, *axes]
    begin.click(_with_request(start_it), fields, status, **ONCE)


def _with_request(do: Any) -> Any:  # noqa: ANN401 - a function of as many fields as there are
    def listener(request: gr.Request, *given: Any) -> Any:  # noqa: ANN401
        return do(*given, request=request)

    return listener


def _begin(p: Page, actor: Actor, given: tuple[Any, ...]) -> str:
    """Check everything first, so that a mistake in one field starts no half session."""
    who, name, day, start, end, how, place, share, *rest = given
    answers, groups = rest[: len(ASKED)], rest[len(ASKED) :]
    known = {person_id for person_id, _name in p.workspace.known_people(actor)}
    is_new = who not in known
    label = " ".join(str(name or "").split())
    if is_new and not 1 <= len(label) <= 60:
        raise SaidError(p.t("name_needed"))
    try:
        day = date.fromisoformat(str(day).strip()).isoformat()
    except ValueError:
        raise SaidError(p.t("day_wrong")) from None
    if any(time and not _TIME.fullmatch(str(time).strip()) for time in (start, end)):
        raise SaidError(p.t("time_wrong"))
    if how not in HOWS:
        raise SaidError(p.t("how_needed"))
    if len(str(place)) > _MAX_PLACE_CHARS:
        raise SaidError(p.t("place_long"))
    if answers[ASKED.index("share")] == "yes" and not share:
        raise SaidError(p.t("share_with_whom"))
    person_id = p.workspace.add_person() if is_new else str(who)
    session_id = p.workspace.start_session(
        actor, person_id=person_id, modality=how, place=" ".join(str(place).split()),
        service_date=day, start=str(start or "").strip(), end=str(end or "").strip(),
    )  # fmt: skip
    if is_new:
        p.workspace.name_person(actor, session_id, name=label)
    for purpose, answer in zip(ASKED, answers, strict=True):
        if answer in ("yes", "no"):
            keep_answer(
                p, actor, session_id, purpose=purpose, given=answer == "yes", share=share or []
            )
    said_groups = {axis: value for axis, value in zip(GROUP_AXES, groups, strict=True) if value}
    if answers[ASKED.index("evaluation")] == "yes" and said_groups:
        p.workspace.record_groups(actor, session_id, values=said_groups)
    return session_id
