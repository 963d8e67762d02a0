"""The peer's own sessions: whom, when, how, where it stands, what comes next."""

from __future__ import annotations

from assistant.app.peer.html import block, escape, heading, link, page, paragraph, unseen
from assistant.app.peer.page import Page
from assistant.policy import Actor
from assistant.store import SessionRow

_SHOWN = 50  # newest first; older ones on request, so that the first paint stays quick


def list_html(p: Page, actor: Actor, *, with_older: bool) -> str:
    """Return the list as HTML; each entry opens by its own address."""
    rows = p.workspace.own_sessions(actor)
    names = dict(p.workspace.known_people(actor))
    shown = rows if with_older else rows[:_SHOWN]
    parts = [
        heading(1, p.t("list_title")),
        paragraph(p.t("list_about")),
        f"<p>{link(p.t('new_session'), f'{p.path}/?new=1', class_='ow-button ow-main')}</p>",
    ]
    if not rows:
        parts.append(paragraph(p.t("list_empty")))
    entries = "".join(_entry(p, actor, row, names.get(row.person_id, "")) for row in shown)
    if entries:
        parts.append(block("ul", entries, class_="ow-sessions"))
    if len(shown) < len(rows):
        older = link(p.t("show_older", n=len(rows) - len(shown)), f"{p.path}/?older=1")
        parts.append(f"<p>{older}</p>")
    return page(*parts)


def _entry(p: Page, actor: Actor, row: SessionRow, name: str) -> str:
    shown_name = name or p.t("no_name")
    state = row.state
    if state == "transcribed":
        job = p.workspace.draft_job(actor, row.session_id)
        if job is not None:
            state = "draft_failed" if job.state == "failed" else "drafting"
    when = " · ".join(part for part in (row.service_date, p.t(f"how_{row.modality}")
                                        if row.modality else "", row.place) if part)  # fmt: skip
    label = f"{escape(p.t('open'))} {unseen(f'{shown_name}, {row.service_date}')}"
    opened = block("a", label, class_="ow-button", href=p.session_link(row.session_id))
    inner = (
        f'<h2 dir="auto">{escape(shown_name)}</h2>'
        f"{paragraph(when, class_='ow-soft')}"
        f"{paragraph(p.t(f'state_{state}'), class_='ow-state')}"
        f"{paragraph(p.t(f'next_{state}'))}<p>{opened}</p>"
    )
    return block("li", inner, class_="ow-session")


def session_head(p: Page, actor: Actor, row: SessionRow) -> str:
    """Return the heading of one session."""
    name = p.workspace.person_name(actor, row.session_id) or p.t("no_name")
    how = p.t(f"how_{row.modality}") if row.modality else ""
    times = f"{row.start}–{row.end}" if row.start and row.end else row.start
    when = " · ".join(part for part in (row.service_date, times, how, row.place) if part)
    back = link(p.t("all_sessions"), f"{p.path}/")
    return page(
        f"<p>{back}</p>", f'<h1 dir="auto">{escape(p.t("session_with", who=name))}</h1>',
        paragraph(when, class_="ow-soft"),
        paragraph(p.t(f"state_{row.state}"), class_="ow-state"),
    )  # fmt: skip
