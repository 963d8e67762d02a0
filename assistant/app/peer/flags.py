"""Words worth a second look, each with its reason and other ways to say it; and what was left out.

A flag is a prompt: keeping the words is as easy as changing them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from hashlib import sha256
from typing import Any

import gradio as gr

from assistant.app.peer.html import block, escape, heading, page, paragraph, turn_link
from assistant.app.peer.page import ONCE, Page, SaidError, bump, markdown
from assistant.policy import Actor
from assistant.records import FlagAnswers, ReviewedDraft, SectionName, SentenceFlag

_ALTERNATIVES = 3
_ARTICLE_FIRST = re.compile(r"(?:an?|the|people|someone|somebody)\b", re.IGNORECASE)
_ARTICLE_LAST = re.compile(r"\b(an?|the)\s+$", re.IGNORECASE)


def flags_part(
    p: Page, session_id: str, note: gr.State, flags: gr.State, status: gr.Markdown,
    request: gr.Request,
) -> None:  # fmt: skip
    told, found = p.attempt(
        request,
        lambda a: (p.workspace.view_draft(a, session_id), p.workspace.flag_answers(a, session_id)),
    )
    if found is None:
        markdown(told)
        return
    reviewed, answers = found
    markdown(page(heading(2, p.t("flags_title")), paragraph(p.t("flags_about"), class_="ow-soft")))
    if not reviewed.flags:
        markdown(page(paragraph(p.t("no_flags"))))
    for raised in reviewed.flags:
        _draw_flag(p, session_id, raised, _text_of(reviewed, raised), answers,
                   note=note, flags=flags, status=status)  # fmt: skip
    markdown(left_out_html(p, reviewed))


def _draw_flag(
    p: Page, session_id: str, raised: SentenceFlag, text: str, answers: FlagAnswers, *,
    note: gr.State, flags: gr.State, status: gr.Markdown,
) -> None:  # fmt: skip
    flag = raised.flag
    where = p.t("flag_where", section=p.t(f"section_{raised.section}"), n=raised.sentence + 1)
    words = block("p", f"<q>{escape(flag.text)}</q>", lang="en", class_="ow-flagged")
    why = block("p", escape(flag.why), lang="en")
    kept = _answer_to(answers, text, flag.rule)
    if kept is not None:
        reason = f": {kept}" if kept else ""
        line = paragraph(f"{p.t('kept')}{reason}")
        markdown(page(paragraph(where, class_="ow-soft"), words, line, class_="ow-flag"))
        return
    digest = _digest(text)
    with gr.Column(elem_classes=["ow-flag"]):
        markdown(page(paragraph(where, class_="ow-soft"), words, why))
        for other in flag.alternatives[:_ALTERNATIVES]:
            if other.startswith("("):  # advice, not words to put in
                markdown(page(block("p", escape(other), lang="en")))
                continue
            use = gr.Button(p.t("use", words=other), size="sm", elem_classes=["ow-small"])
            use.click(
                _user(p, session_id, raised, digest, other),
                [note, flags], [status, note, flags], **ONCE,
            )  # fmt: skip
        keep = gr.Button(p.t("keep_words", words=flag.text), size="sm", elem_classes=["ow-small"])
        reason_box = gr.Textbox(label=p.t("keep_reason", words=flag.text), max_lines=1,
                                interactive=True)  # fmt: skip
        because = gr.Button(p.t("keep_because"), size="sm", elem_classes=["ow-small"])
    keeper = _keeper(p, session_id, raised, digest)

    def keep_plainly(v: int, request: gr.Request) -> tuple[Any, ...]:
        answered: tuple[Any, ...] = keeper("", v, request)
        return answered

    keep.click(keep_plainly, flags, [status, flags], **ONCE)
    because.click(keeper, [reason_box, flags], [status, flags], **ONCE)


def _user(p: Page, session_id: str, raised: SentenceFlag, digest: str, other: str) -> Any:  # noqa: ANN401 - a listener
    """Return what puts another way of saying it in the place of the flagged words."""

    def use(note: int, flags: int, request: gr.Request) -> tuple[Any, ...]:
        def do(actor: Actor) -> bool:
            reviewed = p.workspace.view_draft(actor, session_id)
            text = _text_of(reviewed, raised)
            if _digest(text) != digest:
                raise SaidError(p.t("changed_elsewhere"))
            flag = raised.flag
            changed = put_in(text, flag.start, flag.end, other)
            p.workspace.edit_draft(
                actor, session_id, section=raised.section, sentence=raised.sentence, text=changed
            )
            return True

        said, is_done = p.attempt(request, do, done=p.t("words_changed"))
        return (said, bump(note), bump(flags)) if is_done else (said, note, flags)

    return use


def _keeper(p: Page, session_id: str, raised: SentenceFlag, digest: str) -> Any:  # noqa: ANN401 - a listener
    """Return what keeps that the words stay, with a reason if one was given."""

    def keep(reason: str, flags: int, request: gr.Request) -> tuple[Any, ...]:
        def do(actor: Actor) -> bool:
            text = _text_of(p.workspace.view_draft(actor, session_id), raised)
            if _digest(text) != digest:
                raise SaidError(p.t("changed_elsewhere"))
            p.workspace.answer_flag(
                actor, session_id, sentence=text, rule=raised.flag.rule, reason=reason
            )
            return True

        said, is_kept = p.attempt(request, do, done=p.t("words_kept"))
        return (said, bump(flags)) if is_kept else (said, flags)

    return keep


def put_in(text: str, start: int, end: int, words: str) -> str:
    """Return `text` with `words` in the place of [start, end).

    A capital stays one, and an article goes that would stand there twice ("an a person").
    """
    before = text[:start]
    if _ARTICLE_FIRST.match(words) and (found := _ARTICLE_LAST.search(before)):
        before = before[: found.start(1)]
        is_capital = found.group(1)[:1].isupper()
    else:
        is_capital = text[start : start + 1].isupper()
    return before + (words[:1].upper() + words[1:] if is_capital else words) + text[end:]


def left_out_html(p: Page, reviewed: ReviewedDraft) -> str:
    """Count what was said and is not in the note, by reason, with the turns."""
    if not reviewed.draft.held_back:
        return ""
    turns: dict[str, list[int]] = defaultdict(list)
    for held in reviewed.draft.held_back:
        turns[held.reason].append(held.turn)
    items = "".join(
        f"<li>{escape(p.t(f'hold_{reason}'))}: {len(numbers)} "
        f"<details><summary>{escape(p.t('which_turns', reason=p.t(f'hold_{reason}')))}</summary>"
        f"{' · '.join(turn_link(n, p.t('turn', n=n)) for n in sorted(set(numbers)))}</details></li>"
        for reason, numbers in sorted(turns.items(), key=lambda one: -len(one[1]))
    )
    return page(heading(2, p.t("left_out_title")), paragraph(p.t("left_out_about")),
                f'<ul class="ow-left-out">{items}</ul>')  # fmt: skip


def _text_of(reviewed: ReviewedDraft, raised: SentenceFlag) -> str:
    """Return the sentence a flag lies in, or an empty string if it is gone."""
    section: SectionName = raised.section
    for one in reviewed.draft.sections:
        if one.name == section and raised.sentence < len(one.sentences):
            return one.sentences[raised.sentence].text
    return ""


def _answer_to(answers: FlagAnswers, text: str, rule: str) -> str | None:
    """Return the reason given for keeping these words ("" for none), or None if unanswered."""
    for one in answers.answers:
        if (one.sentence_digest, one.rule) == (_digest(text), rule):
            return one.reason
    return None


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
