"""The governance screens in Gradio: one app for each language, four subjects in tabs.

Every handler finds out again who asks and lets the workspace ask the policy: that somebody has the
page open proves nothing. A handler takes choices and search words, and gives back HTML of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from html import escape
from typing import Any

import fastapi
import gradio as gr

from assistant.app.catalogue import LANGUAGES, Catalogue, load_catalogue
from assistant.app.governance.audit_pages import audit_page
from assistant.app.governance.eval_pages import evals_page, find_report, report_folders
from assistant.app.governance.figure_pages import (
    ALL_FIGURES,
    FIGURE_IDS,
    FigureDesk,
    cautions,
    figures_page,
)
from assistant.app.governance.groups import EVERYONE, VIEWS
from assistant.app.governance.markup import block, status
from assistant.app.governance.policy_pages import consents_page, rules_page
from assistant.app.house import STAFF_COOKIE, House
from assistant.app.pages import STATIC
from assistant.errors import OwnWordsError, Refused
from assistant.policy import Actor

PREFIX = "/governance"
_MAX_SEARCH_CHARS = 200


class Answers:
    """What the handlers say, in one language. Each method is one handler."""

    def __init__(self, house: House, say: Catalogue, desk: FigureDesk) -> None:
        self._house = house
        self._desk = desk
        self.say = say

    def show_figures(self, view: str, only: str, request: gr.Request) -> str:
        def make(actor: Actor) -> str:
            sessions = self._house.workspace.session_figures(actor)
            names, figures = self._desk.compute(sessions)
            return figures_page(names, figures, view=str(view), only=str(only), say=self.say)

        return self._answer(request, make)

    def show_rules(self, search: str, request: gr.Request) -> str:
        def make(actor: Actor) -> str:
            self._house.workspace.may(actor, "open_governance_screens")
            words = str(search or "")[:_MAX_SEARCH_CHARS]
            return rules_page(self._house.workspace.gate.rules, search=words, say=self.say)

        return self._answer(request, make)

    def show_consents(self, request: gr.Request) -> str:
        def make(actor: Actor) -> str:
            self._house.workspace.may(actor, "open_governance_screens")
            return consents_page(self.say)

        return self._answer(request, make)

    def show_audit(self, request: gr.Request) -> str:
        def make(actor: Actor) -> str:
            workspace = self._house.workspace
            workspace.may(actor, "view_audit")
            return audit_page(
                workspace.log_files.entries(),
                check=lambda: workspace.check_audit(actor),
                rules=workspace.gate.rules,
                say=self.say,
            )

        return self._answer(request, make)

    def show_evals(self, request: gr.Request) -> str:
        def make(actor: Actor) -> str:
            self._house.workspace.may(actor, "view_aggregates")
            report = find_report(report_folders(self._house.settings.data_dir))
            return evals_page(report, self.say)

        return self._answer(request, make)

    def _answer(self, request: gr.Request, make: Callable[[Actor], str]) -> str:
        """Return what `make` says to whoever asks, or why it does not."""
        who = self._house.who(request.cookies.get(STAFF_COOKIE))
        if who is None:
            return block(status(self.say("governance.signed_out"), is_problem=True))
        try:
            return make(who.actor)
        except Refused as refused:
            return block(status(refused.reason, is_problem=True))
        except OwnWordsError as error:
            return block(status(str(error), is_problem=True))


def mount_screens(app: fastapi.FastAPI, house: House) -> None:
    """Mount one app for each language; English last, because its path begins all the others."""

    def who_may(request: fastapi.Request) -> str | None:
        who = house.who(request.cookies.get(STAFF_COOKIE))
        return who.actor.actor_id if who is not None and who.actor.role == "governance" else None

    desk = FigureDesk()
    for language in sorted(LANGUAGES, key=lambda code: code == "en"):
        gr.mount_gradio_app(
            app,
            build_screens(Answers(house, load_catalogue(language), desk)),
            path=PREFIX if language == "en" else f"{PREFIX}/{language}",
            server_name="127.0.0.1",
            auth_dependency=who_may,
            footer_links=[],
            run_history=False,
            ssr_mode=False,
            pwa=False,
            enable_monitoring=False,
            mcp_server=False,
            show_error=False,
            theme=gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
            head=_head(language),
        )


def build_screens(answers: Answers) -> Any:  # noqa: ANN401 - gradio has no types
    """Return the Blocks of one language. Only words of the catalogue are in it."""
    say = answers.say
    with gr.Blocks(title=say("governance.title"), analytics_enabled=False) as blocks:
        _html(_header(say), elem_id="gov-header")
        with gr.Tabs(overflow_behavior="wrap", elem_id="gov-tabs"):
            with gr.Tab(say("governance.tab_figures"), id="figures"):
                _build_figures(blocks, answers, say)
            with gr.Tab(say("governance.tab_rules"), id="rules") as rules_tab:
                _build_rules(rules_tab, answers, say)
            with gr.Tab(say("governance.tab_consents"), id="consents") as consents_tab:
                pane = _html(_waiting(say), elem_id="gov-consents")
                _listen(consents_tab.select, answers.show_consents, [], pane)
            with gr.Tab(say("governance.tab_audit"), id="audit") as audit_tab:
                again = gr.Button(say("governance.check_again"), elem_classes="gov-button")
                pane = _html(_waiting(say), elem_id="gov-audit")
                for event in (audit_tab.select, again.click):
                    _listen(event, answers.show_audit, [], pane)
            with gr.Tab(say("governance.tab_evals"), id="evals") as evals_tab:
                pane = _html(_waiting(say), elem_id="gov-evals")
                _listen(evals_tab.select, answers.show_evals, [], pane)
    return blocks


def _build_figures(blocks: Any, answers: Answers, say: Catalogue) -> None:  # noqa: ANN401
    _html(cautions(say), elem_id="gov-cautions")
    view = gr.Radio(
        [(say(f"governance.view_{name}"), name) for name in VIEWS],
        value=EVERYONE,
        label=say("governance.choose_view"),
    )
    only = gr.Dropdown(
        [(say("governance.all_figures"), ALL_FIGURES)]
        + [(say(f"governance.figure_{name}"), name) for name in FIGURE_IDS],
        value=ALL_FIGURES,
        label=say("governance.choose_figure"),
        elem_id="gov-only",
        filterable=False,
    )
    pane = _html(_waiting(say), elem_id="gov-figures")
    for event in (blocks.load, view.change, only.change):
        _listen(event, answers.show_figures, [view, only], pane)


def _build_rules(tab: Any, answers: Answers, say: Catalogue) -> None:  # noqa: ANN401
    search = gr.Textbox(
        label=say("governance.search"), info=say("governance.search_hint"), max_lines=1,
        max_length=_MAX_SEARCH_CHARS, elem_id="gov-search",
    )  # fmt: skip
    button = gr.Button(say("governance.search_button"), elem_classes="gov-button")
    pane = _html(_waiting(say), elem_id="gov-rules")
    for event in (tab.select, search.submit, button.click):
        _listen(event, answers.show_rules, [search], pane)


def _listen(event: Any, handler: Callable[..., str], inputs: list[Any], pane: Any) -> None:  # noqa: ANN401
    event(
        handler, inputs=inputs, outputs=[pane], api_visibility="private", show_progress="minimal",
        trigger_mode="always_last",
    )  # fmt: skip


def _html(text: str, *, elem_id: str) -> Any:  # noqa: ANN401
    return gr.Markdown(text, sanitize_html=True, latex_delimiters=[], elem_id=elem_id)


def _waiting(say: Catalogue) -> str:
    return block(f'<p role="status">{escape(say("governance.waiting"))}</p>')


def _header(say: Catalogue) -> str:
    links = [f'<a href="/account">{escape(say("governance.account"))}</a>']
    for language in LANGUAGES:
        if language != say.language:
            path = f"{PREFIX}/" if language == "en" else f"{PREFIX}/{language}/"
            name = escape(say(f"common.language_{language}"))
            links.append(f'<a href="{path}" lang="{language}">{name}</a>')
    return block(
        f"<h1>{escape(say('governance.title'))}</h1>",
        f"<p>{escape(say('governance.intro'))}</p>",
        f"<p>{' · '.join(links)}</p>",
    )


def _head(language: str) -> str:
    """Our mark and style sheet, and the script that says which language the page is in."""

    def address(name: str) -> str:
        mark = sha256((STATIC / name).read_bytes()).hexdigest()[:8]
        return f"/static/{name}?{mark}"

    script = f'<script src="{address("governance.js")}"></script>' if language != "en" else ""
    return (
        f'<link rel="icon" href="{address("mark.svg")}">'
        f'<link rel="stylesheet" href="{address("governance.css")}">{script}'
    )
