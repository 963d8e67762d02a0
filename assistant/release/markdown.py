"""Markdown, with every mark in the person's words escaped so that it is shown and not obeyed."""

from __future__ import annotations

import re

from assistant.release.blocks import Block

_MARKS = re.compile(r"([\\`*_{}\[\]<>#+|~!&]|(?<=^)[-=])")
_NUMBERED = re.compile(r"^(\d+)([.)])")
_PREFIX = {"title": "# ", "heading": "## ", "text": "", "item": "- ", "small": "", "code": ""}


def write_markdown(blocks: tuple[Block, ...]) -> bytes:
    """Return the blocks as CommonMark, UTF-8."""
    lines: list[str] = []
    for before, block in zip((None, *blocks), blocks, strict=False):
        listed = before is not None and before.kind == block.kind == "item"
        if lines and not listed:
            lines.append("")
        lines.append(_PREFIX[block.kind] + _body(block))
    return ("\n".join(lines) + "\n").encode()


def _body(block: Block) -> str:
    text = " ".join(block.text.split("\n"))
    if block.kind == "code":
        return f"`{text}`"  # ids and digests only: no backtick can occur
    escaped = _NUMBERED.sub(r"\1\\\2", _MARKS.sub(r"\\\1", text))
    return f"*{escaped}*" if block.kind == "small" else escaped
