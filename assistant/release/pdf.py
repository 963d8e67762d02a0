"""PDF with an embedded font, so that names print as they are spelled."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont
from fpdf import FPDF

from assistant.errors import InputError
from assistant.release.blocks import Block

# Points, and the space after a paragraph in millimetres.
_LAYOUT = {
    "title": (20, 4.0), "heading": (14, 1.5), "text": (11, 3.0), "item": (11, 1.5),
    "small": (9, 2.0), "code": (8, 1.5),
}  # fmt: skip
_LINE_MM_PER_PT = 0.5  # about 1.4 times the letter height
_BULLET = "•  "


def write_pdf(blocks: tuple[Block, ...]) -> bytes:
    """Return the blocks as a PDF, A4, with the language set for screen readers.

    Raises `InputError` if the font lacks a letter: a note with gaps would not be the approved text.
    """
    n_missing = sum(1 for block in blocks for c in block.text if not _is_printable(c))
    if n_missing:
        raise InputError(
            f"The PDF font lacks {n_missing} characters of this note. "
            "Choose docx or markdown, which show every letter."
        )
    pdf = FPDF(format="A4")
    pdf.set_lang("en")
    pdf.set_title("Session note")  # never words of the note: titles show in window bars
    pdf.set_creator("Own Words")
    pdf.set_auto_page_break(auto=True, margin=20)
    pdf.set_margins(20, 20, 20)
    pdf.add_font("Noto", fname=str(_font_path()))
    pdf.add_page()
    for block in blocks:
        size_pt, after_mm = _LAYOUT[block.kind]
        pdf.set_font("Noto", size=size_pt)
        if block.kind == "heading":
            pdf.ln(2)
        text = _BULLET + block.text if block.kind == "item" else block.text
        pdf.multi_cell(
            w=0, h=size_pt * _LINE_MM_PER_PT, text=text, align="L", new_x="LMARGIN", new_y="NEXT",
            wrapmode="CHAR" if block.kind == "code" else "WORD",
        )  # fmt: skip
        pdf.ln(after_mm)
    return bytes(pdf.output())


@cache
def _font_path() -> Path:
    spec = importlib.util.find_spec("fontpkg_noto_sans")
    if spec is None or spec.origin is None:
        raise InputError("The PDF font is not installed. Install Own Words again, or choose docx.")
    return Path(spec.origin).parent / "files" / "NotoSans[wdth,wght].ttf"


@cache
def _letters() -> frozenset[int]:
    with TTFont(str(_font_path()), lazy=True) as font:
        return frozenset(font.getBestCmap())


def _is_printable(character: str) -> bool:
    return character in "\n\t" or ord(character) in _letters()
