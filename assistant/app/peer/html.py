"""HTML for Gradio's Markdown: escaped, on one line, so that Markdown leaves it as it is.

What the browser keeps of it: classes, ids, `lang`, `dir`, `tabindex`, no `data-` and no `aria-`
attributes. So classes carry what `peer.js` needs to know (`ow-pick ow-at-3-12`).
"""

from __future__ import annotations

import html
from collections.abc import Iterable


def escape(text: str) -> str:
    """Return text as HTML on one line; a blank line would end the block for Markdown."""
    return html.escape(" ".join(text.split()))


def said(text: str) -> str:
    """Return words that were said or typed; their line breaks stay."""
    return "<br>".join(html.escape(line) for line in text.splitlines() if line.strip())


def block(tag: str, inner: str, *, class_: str = "", lang: str | None = None, **more: str) -> str:
    attributes = {"class": class_, "lang": lang or "", **more}
    given = "".join(f' {name}="{html.escape(v)}"' for name, v in attributes.items() if v)
    return f"<{tag}{given}>{inner}</{tag}>"


def paragraph(text: str, *, class_: str = "") -> str:
    return block("p", escape(text), class_=class_)


def heading(level: int, text: str, *, id: str = "") -> str:  # noqa: A002 - the HTML name
    return block(f"h{level}", escape(text), id=id)


def link(text: str, to: str, *, class_: str = "") -> str:
    return block("a", escape(text), class_=class_, href=to)


def unseen(text: str) -> str:
    """Return text for screen readers only."""
    return block("span", escape(text), class_="ow-unseen")


def bullets(items: Iterable[str], *, class_: str = "") -> str:
    return block("ul", "".join(f"<li>{item}</li>" for item in items), class_=class_)


def turn_link(number: int, words: str) -> str:
    """Return a link to a turn of the conversation."""
    return link(words, f"#turn-{number}", class_=f"ow-turn-link ow-to-{number}")


def page(*parts: str, class_: str = "") -> str:
    """Return one block of HTML for a Markdown component."""
    return block("div", "".join(parts), class_=f"ow {class_}".strip())
