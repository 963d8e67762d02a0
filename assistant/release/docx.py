"""Word documents."""

from __future__ import annotations

import io

from docx import Document
from docx.shared import Pt

from assistant.release.blocks import Block

_STYLE = {
    "title": "Title", "heading": "Heading 2", "text": "Normal", "item": "List Bullet",
    "small": "Normal", "code": "Normal",
}  # fmt: skip
_SMALL_PT = 9


def write_docx(blocks: tuple[Block, ...]) -> bytes:
    """Return the blocks as a DOCX file without author, dates or revision history."""
    document = Document()
    document.core_properties.author = ""
    document.core_properties.comments = ""
    for block in blocks:
        run = document.add_paragraph(style=_STYLE[block.kind]).add_run(_printable(block.text))
        if block.kind in ("small", "code"):
            run.font.size = Pt(_SMALL_PT)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _printable(text: str) -> str:
    """Drop what XML cannot hold (control characters); such characters show nothing anyway."""
    return "".join(c for c in text if c in "\t\n" or ord(c) >= 32)
