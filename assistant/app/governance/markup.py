"""Small pieces of HTML for `gr.Markdown`: everything escaped, everything on one line.

Gradio cleans what it shows: `aria-*` attributes go, `role`, `title`, `lang`, `tabindex`, `class`,
`id` and SVG stay. So names for screen readers are `title`s, captions and headings. A blank line
would end the block of HTML in Markdown, hence one line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from assistant.app.catalogue import Catalogue


def block(*parts: str, kind: str = "") -> str:
    """Return parts as one piece for `gr.Markdown`."""
    inner = "".join(parts).replace("\n", " ")
    return f'<div class="gov {kind}">{inner}</div>' if kind else f'<div class="gov">{inner}</div>'


def paragraph(text: str, *, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def heading(text: str, *, level: int = 2, lang: str = "") -> str:
    return f"<h{level}{_lang(lang)}>{escape(text)}</h{level}>"


def status(text: str, *, is_problem: bool = False) -> str:
    """A line that says how it went; read out when it appears."""
    role, kind = ("alert", "gov-problem") if is_problem else ("status", "gov-status")
    return f'<p role="{role}" class="{kind}">{escape(text)}</p>'


def bullets(items: Iterable[str], *, lang: str = "") -> str:
    rows = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f"<ul{_lang(lang)}>{rows}</ul>" if rows else ""


def table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[tuple[str, Sequence[str]]],
    *,
    lang: str = "",
) -> str:
    """Return a table; each row is its head and its cells. One cell alone spans the whole row.

    `lang` is the language of the row heads where it is not the page's.
    """
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(
        f'<tr><th scope="row"{_lang(lang)}>{escape(name)}</th>'
        f"{_cells(cells, len(columns) - 1)}</tr>"
        for name, cells in rows
    )
    return (
        f"<table><caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _cells(cells: Sequence[str], n_columns: int) -> str:
    if len(cells) == 1 and n_columns > 1:
        return f'<td colspan="{n_columns}">{escape(cells[0])}</td>'
    return "".join(f"<td>{escape(cell)}</td>" for cell in cells)


def _lang(lang: str) -> str:
    return f' lang="{lang}"' if lang else ""


def hidden_note(is_needed: bool, say: Catalogue) -> str:
    """Return what the asterisk of a hidden number means; "" if none is hidden."""
    return paragraph(say("governance.hidden_note"), kind="gov-soft") if is_needed else ""


def english_in(say: Catalogue) -> str:
    """The `lang` of what is in English only, on a page in another language."""
    return "" if say.language == "en" else "en"


def number(value: float, say: Catalogue, *, digits: int = 0) -> str:
    """Return a number as the language writes it."""
    text = f"{value:.{digits}f}"
    return text.replace(".", say("governance.decimal_mark"))
