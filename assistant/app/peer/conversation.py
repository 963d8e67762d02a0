"""What was said, with names hidden: each hidden word shows by a press, any word hides, undo.

With a tick a word is also hidden in everybody's sessions here, or a supervisor is asked to show it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from assistant.app.peer.html import (
    block,
    bullets,
    escape,
    heading,
    page,
    paragraph,
    said,
    turn_link,
)
from assistant.app.peer.page import LAST, ONCE, QUIET, Page, SaidError, bump, markdown
from assistant.deidentify import Detail, report_details
from assistant.errors import DecisionError, Refused
from assistant.policy import Actor
from assistant.records import Deidentified, DeidentifiedTurn

# The kinds a peer can tell apart; the software knows more.
_KINDS = ("PERSON", "LOCATION", "ORG", "DATE", "PHONE", "ID", "OTHER")
_MAX_COMMAND_CHARS = 200
_PLACE = re.compile(r"[0-9]{1,6}-[0-9]{1,6}")


class Conversation:
    """The column of what was said. `note` and `flags` are the versions of what stands beside it."""

    def __init__(
        self, p: Page, session: gr.State, note: gr.State, flags: gr.State, status: gr.Markdown
    ) -> None:
        self._page = p
        t = p.t
        self._place = gr.State("")  # turn and start of the hidden words that were pressed
        # peer.js types what was pressed into this box; it is never shown.
        command = gr.Textbox(label=t("command"), elem_id="ow-command", interactive=True)
        markdown(page(heading(2, t("talk_title"), id="ow-talk-title"),
                      paragraph(t("talk_about"), class_="ow-soft")))  # fmt: skip
        with gr.Column(visible=False, elem_id="ow-pick") as self._choice:
            self._chosen = markdown(elem_classes=["ow-live"])
            ask = gr.Checkbox(label=t("show_for_everybody"), info=t("show_for_everybody_info"),
                              interactive=True)  # fmt: skip
            with gr.Row():
                show = gr.Button(t("show_everywhere"))
                leave = gr.Button(t("leave_hidden"))
        with gr.Row(elem_classes=["ow-hide"]):
            surface = gr.Textbox(label=t("hide_label"), info=t("hide_info"), max_lines=1,
                                 interactive=True, elem_id="ow-hide-word")  # fmt: skip
            kind = gr.Dropdown([(t(f"kind_{one}"), one) for one in _KINDS], value="PERSON",
                               label=t("hide_kind"), interactive=True)  # fmt: skip
        for_all = gr.Checkbox(label=t("hide_for_everybody"), info=t("hide_for_everybody_info"),
                              interactive=True)  # fmt: skip
        with gr.Row():
            hide = gr.Button(t("hide_everywhere"), elem_id="ow-hide-button")
            undo = gr.Button(t("undo_correction"))
            back = gr.Button(t("take_word_back"))
        self.words = markdown(elem_id="ow-conversation")
        changed = [status, self.words, self._choice, note, flags]
        # A tick is for one word: whatever is pressed next begins without it.
        command.change(self._pick, [command, session], [status, self._choice, self._chosen,
                                                       self._place, ask], **LAST)  # fmt: skip
        leave.click(lambda: gr.update(visible=False), None, self._choice, **QUIET)
        show.click(self._show, [session, self._place, ask, note, flags], changed, **ONCE)
        hide.click(self._hide, [session, surface, kind, for_all, note, flags],
                   [*changed, surface, for_all], **ONCE)  # fmt: skip
        undo.click(self._undo, [session, note, flags], changed, **ONCE)
        back.click(self._take_back, session, status, **ONCE)

    def _pick(self, command: str, session_id: str, request: gr.Request) -> tuple[Any, ...]:
        """Say what a pressed stand-in stands for, and offer to show it."""

        def do(actor: Actor) -> tuple[str, str, str]:
            place = _place_in(command)
            stand_in, words = self._words_at(actor, session_id, place)
            return place, stand_in, words

        said, found = self._page.attempt(request, do)
        if found is None:
            return said, gr.update(visible=False), "", "", False
        place, stand_in, words = found
        stands_for = self._page.t("stands_for", stand_in=stand_in, words=words)
        return "", gr.update(visible=True), page(paragraph(stands_for)), place, False

    def _show(
        self, session_id: str, place: str, ask: bool, note: int, flags: int, request: gr.Request
    ) -> tuple[Any, ...]:
        def do(actor: Actor) -> str:
            _stand_in, words = self._words_at(actor, session_id, place)
            with self._saying("show_not_for_everybody", is_asked=ask):
                self._page.workspace.correct_identifiers(
                    actor, session_id, surface=words, action="show", for_everybody=ask
                )
            return conversation_html(self._page, actor, session_id)

        return self._changed(request, do, "shown_and_asked" if ask else "shown", note, flags)

    def _hide(
        self, session_id: str, surface: str, kind: str, for_all: bool, note: int, flags: int,
        request: gr.Request,
    ) -> tuple[Any, ...]:  # fmt: skip
        def do(actor: Actor) -> str:
            with self._saying("hide_not_for_everybody", is_asked=for_all):
                self._page.workspace.correct_identifiers(
                    actor, session_id, surface=surface, action="hide",
                    type_=kind if kind in _KINDS else "OTHER", for_everybody=for_all,
                )  # fmt: skip
            return conversation_html(self._page, actor, session_id)

        done = "hidden_for_everybody" if for_all else "hidden"
        changed = self._changed(request, do, done, note, flags)
        is_kept = changed[3] != note
        return (*changed, *(("", False) if is_kept else (surface, for_all)))

    def _take_back(self, session_id: str, request: gr.Request) -> str:
        def do(actor: Actor) -> None:
            self._page.workspace.take_word_back(actor, session_id)

        return self._page.attempt(request, do, done=self._page.t("word_taken_back"))[0]

    @contextmanager
    def _saying(self, message: str, *, is_asked: bool) -> Iterator[None]:
        """Say why a word cannot hold for everybody, and by which rule."""
        try:
            yield
        except Refused as refused:
            if not is_asked or not refused.rule.startswith("peer-"):
                raise
            raise SaidError(self._page.t(message, rule=refused.rule)) from None

    def _undo(self, session_id: str, note: int, flags: int, request: gr.Request) -> tuple[Any, ...]:
        def do(actor: Actor) -> str:
            self._page.workspace.undo_correction(actor, session_id)
            return conversation_html(self._page, actor, session_id)

        return self._changed(request, do, "correction_undone", note, flags)

    def _changed(
        self, request: gr.Request, do: Callable[[Actor], str], done: str, note: int, flags: int
    ) -> tuple[Any, ...]:  # fmt: skip
        said, html = self._page.attempt(request, do, done=self._page.t(done))
        if html is None:
            return said, gr.skip(), gr.skip(), note, flags
        return said, html, gr.update(visible=False), bump(note), bump(flags)

    def _words_at(self, actor: Actor, session_id: str, place: str) -> tuple[str, str]:
        """Return the stand-in at a place of the conversation, and the real words there."""
        turn, start = (int(part) for part in place.split("-")) if place else (0, 0)
        for one in self._page.workspace.view_hidden_words(actor, session_id).mentions:
            if (one.turn, one.start) == (turn, start) and turn:
                return one.surrogate, one.surface
        raise SaidError(self._page.t("pick_gone"))


def _place_in(command: str) -> str:
    """Read what peer.js wrote. Anybody could send anything here, so nothing else is taken."""
    try:
        asked = json.loads(command[:_MAX_COMMAND_CHARS])
    except (ValueError, RecursionError):
        return ""
    place = asked.get("pick") if isinstance(asked, dict) else None
    return place if isinstance(place, str) and _PLACE.fullmatch(place) else ""


def read_conversation(p: Page, actor: Actor, session_id: str) -> Deidentified | None:
    """Return what was said with names hidden; None where the note is written by hand."""
    try:
        return p.workspace.view_deidentified(actor, session_id)
    except DecisionError:
        return None


def conversation_html(p: Page, actor: Actor, session_id: str) -> str:
    hidden = read_conversation(p, actor, session_id)
    if hidden is None:
        return ""
    turns = "".join(_turn(p, turn) for turn in hidden.turns)
    return page(details_html(p, hidden), block("ol", turns, class_="ow-turns"), class_="ow-talk")


def details_html(p: Page, hidden: Deidentified) -> str:
    """Say which small facts together could point to the person; empty if many people share them."""
    own = [turn for turn in hidden.turns if turn.role == "person"]
    found = [
        Detail(text=number, start=one.start, end=one.end, kind=one.kind)
        for number, turn in enumerate(own)
        for one in turn.details
    ]
    report = report_details([turn.text for turn in own], found=found)
    if not report.is_rare:
        return ""
    items = [
        p.t(
            "details_turn", what=escape(p.t(f"detail_{kind}")),
            turn=turn_link(own[text].number, p.t("turn", n=own[text].number)),
        )
        for text, kind in dict.fromkeys((one.text, one.kind) for one in report.details)
    ]  # fmt: skip
    n = round(report.fits)
    about = p.t("details_about", n=n) if n > 1 else p.t("details_under_one")
    broader = ", ".join(p.t(f"general_{kind}") for kind in report.to_generalise)
    return page(
        heading(3, p.t("details_title")), paragraph(about), bullets(items),
        paragraph(p.t("details_generally", what=broader)) if broader else "",
        class_="ow-panel ow-details",
    )  # fmt: skip


def _turn(p: Page, turn: DeidentifiedTurn) -> str:
    who = escape(f"{turn.number} · {p.t(f'role_{turn.role}')}") + " "
    stand_in = block("span", escape(turn.speaker), class_="ow-soft")
    words, position = [], 0
    for span in turn.spans:
        words.append(said(turn.text[position : span.out_start]) or " ")
        words.append(
            block("button", escape(span.surrogate), type="button",
                  class_=f"ow-pick ow-at-{turn.number}-{span.start}")
        )  # fmt: skip
        position = span.out_end
    words.append(said(turn.text[position:]))
    spoken = block("p", "".join(words), class_="ow-said", lang=p.words_language, dir="auto")
    return block(
        "li", f'<p class="ow-who">{who}{stand_in}</p>{spoken}',
        class_=f"ow-turn ow-by-{turn.role}", id=f"turn-{turn.number}", tabindex="-1",
    )  # fmt: skip
