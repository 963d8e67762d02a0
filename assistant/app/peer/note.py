"""The note by section: each sentence can be changed, checked while one types, and left out."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import gradio as gr

from assistant.app.peer.html import block, bullets, escape, heading, page, paragraph, turn_link
from assistant.app.peer.page import LAST, ONCE, Page, SaidError, bump, markdown
from assistant.errors import OwnWordsError
from assistant.policy import Actor
from assistant.records import SECTION_NAMES, Checked, Flag, ReviewedDraft, SectionName, Sentence


def note_part(
    p: Page, session_id: str, note: gr.State, flags: gr.State, status: gr.Markdown,
    request: gr.Request,
) -> None:  # fmt: skip
    """Draw the note. A saved sentence draws the flags anew, not the note: one may be typing on."""
    told, reviewed = p.attempt(request, lambda actor: p.workspace.view_draft(actor, session_id))
    if reviewed is None:
        markdown(told)
        return
    markdown(page(heading(2, p.t("note_title")), paragraph(p.t("note_about"), class_="ow-soft")))
    for section in reviewed.draft.sections:
        markdown(page(heading(3, p.t(f"section_{section.name}"))))
        for number, sentence in enumerate(section.sentences):
            raised = tuple(
                one.flag for one in reviewed.flags
                if (one.section, one.sentence) == (section.name, number)
            )  # fmt: skip
            _SentenceBox(p, session_id, section.name, number).draw(
                sentence, raised, note=note, flags=flags, status=status
            )
    _draw_add(p, session_id, note, flags, status)


class _SentenceBox:
    """One sentence on the screen, known by its section and 0-based position."""

    def __init__(self, p: Page, session_id: str, section: SectionName, number: int) -> None:
        self._page = p
        self._session_id = session_id
        self._section = section
        self._number = number

    def draw(
        self, sentence: Sentence, raised: tuple[Flag, ...], *, note: gr.State, flags: gr.State,
        status: gr.Markdown,
    ) -> None:  # fmt: skip
        p = self._page
        turns = tuple(dict.fromkeys(place.turn for place in sentence.evidence))
        label = p.t("sentence", n=self._number + 1)
        with gr.Column(elem_classes=["ow-sentence", *(f"ow-from-{turn}" for turn in turns)]):
            text = gr.Textbox(
                sentence.text, label=label, lines=1, max_lines=8, interactive=True,
                elem_classes=["ow-said-box", "ow-autosave"],
                html_attributes=gr.InputHTMLAttributes(lang=p.words_language),
            )  # fmt: skip
            known = gr.State(_digest(sentence.text))  # which text is being edited, not the text
            markdown(page(source_html(p, sentence, turns)))
            checked = markdown(
                check_html(p, raised, None), elem_classes=["ow-live", "ow-check"], min_height=24
            )
            drop = gr.Button(
                p.t("leave_out", section=p.t(f"section_{self._section}"), n=self._number + 1),
                size="sm", elem_classes=["ow-small"],
            )  # fmt: skip
        text.change(self._check, text, checked, **LAST)
        text.blur(self._save, [text, known, flags], [status, known, flags], **LAST)
        drop.click(self._drop, [known, note, flags], [status, note, flags], **ONCE)

    def _check(self, text: str, request: gr.Request) -> str:
        checks = self._page.house.checks
        if checks is None or not text.strip():
            return ""
        try:
            actor = self._page.actor(request)
            found = checks.check_sentence(actor, self._session_id, text=text, section=self._section)
        except OwnWordsError as error:
            return self._page.trouble(error)
        return check_html(self._page, found.flags, found.support)

    def _save(self, text: str, known: str, flags: int, request: gr.Request) -> tuple[Any, ...]:
        def do(actor: Actor) -> str:
            stored = self._stored(actor, known)
            if text.strip() == stored.text.strip():
                return known
            reviewed = self._page.workspace.edit_draft(
                actor, self._session_id, section=self._section, sentence=self._number, text=text
            )
            return _digest(_sentence_at(reviewed, self._section, self._number).text)

        said, digest = self._page.attempt(request, do)
        if digest is None:
            return said, known, flags
        if digest == known:
            return gr.skip(), known, flags
        return self._page.done(self._page.t("change_kept")), digest, bump(flags)

    def _drop(self, known: str, note: int, flags: int, request: gr.Request) -> tuple[Any, ...]:
        def do(actor: Actor) -> bool:
            self._stored(actor, known)
            self._page.workspace.drop_from_draft(
                actor, self._session_id, section=self._section, sentence=self._number
            )
            return True

        said, is_gone = self._page.attempt(request, do, done=self._page.t("left_out"))
        return (said, bump(note), bump(flags)) if is_gone else (said, note, flags)

    def _stored(self, actor: Actor, known: str) -> Sentence:
        """Return the sentence as the vault has it, if it is still the one on the screen."""
        reviewed = self._page.workspace.view_draft(actor, self._session_id)
        try:
            stored = _sentence_at(reviewed, self._section, self._number)
        except IndexError:
            raise SaidError(self._page.t("changed_elsewhere")) from None
        if _digest(stored.text) != known:
            raise SaidError(self._page.t("changed_elsewhere"))
        return stored


def _draw_add(
    p: Page, session_id: str, note: gr.State, flags: gr.State, status: gr.Markdown
) -> None:
    markdown(page(heading(3, p.t("add_title"))))
    section = gr.Dropdown([(p.t(f"section_{name}"), name) for name in SECTION_NAMES],
                          value="matters", label=p.t("add_where"), interactive=True)  # fmt: skip
    text = gr.Textbox(
        label=p.t("add_text"), lines=2, max_lines=8, interactive=True,
        elem_classes=["ow-said-box"],
        html_attributes=gr.InputHTMLAttributes(lang=p.words_language),
    )  # fmt: skip
    add = gr.Button(p.t("add"))

    def add_it(
        name: SectionName, words: str, v_note: int, v_flags: int, request: gr.Request
    ) -> tuple[Any, ...]:
        said, reviewed = p.attempt(
            request,
            lambda a: p.workspace.add_to_draft(a, session_id, section=name, text=words.strip()),
            done=p.t("added"),
        )
        return (said, v_note, v_flags) if reviewed is None else (said, bump(v_note), bump(v_flags))

    add.click(add_it, [section, text, note, flags], [status, note, flags], **ONCE)


def source_html(p: Page, sentence: Sentence, turns: tuple[int, ...]) -> str:
    """Say where a sentence comes from, with a link to each turn, and what it may have been."""
    if not turns:
        return paragraph(p.t("from_nobody"), class_="ow-source")
    links = " · ".join(turn_link(turn, p.t("turn", n=turn)) for turn in turns)
    how = "from_changed" if sentence.origin == "written" else "from"
    source = block("p", f"{escape(p.t(how))} {links}", class_="ow-source")
    names = "; ".join(p.t(f"activity_{number}") for number in sentence.activities)
    return source + (paragraph(f"{p.t('may_be')} {names}.", class_="ow-source") if names else "")


def check_html(p: Page, raised: tuple[Flag, ...], support: Checked | None) -> str:
    """Say what a check found: in words, with a mark; it changes nothing."""
    parts = []
    if support is not None:
        parts.append(
            paragraph(p.t("was_said" if support.supported else "not_found"),
                      class_="ow-ok" if support.supported else "ow-look")
        )  # fmt: skip
    if raised:
        parts.append(
            bullets(
                (
                    f'<span lang="en"><q>{escape(flag.text)}</q> {escape(flag.why)}</span>'
                    for flag in raised
                ),
                class_="ow-look",
            )
        )
    return page(*parts) if parts else ""


def _sentence_at(reviewed: ReviewedDraft, section: SectionName, number: int) -> Sentence:
    for one in reviewed.draft.sections:
        if one.name == section:
            return one.sentences[number]
    raise IndexError(number)


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
