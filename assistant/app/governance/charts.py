"""Bar charts with interval whiskers, as inline SVG that needs no script and no fixed width.

Lengths across are percentages and lengths down are pixels, so the letters keep their size from a
phone to a wide screen. What a bar says stands beside it as text too: nothing rests on colour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from html import escape
from textwrap import wrap

from assistant.figures import Cell, Figure

_LINE_PX = 20  # one line of 14 px text
_BAR_PX = 16
_GAP_PX = 12
_LABEL_CHARS = 26  # with a value of ten letters beside it, this fits 300 px
_TICKS = (0.0, 0.5, 1.0)


def draw_chart(
    figure: Figure, *, hidden: str, description: str, show: Callable[[float], str]
) -> str:
    """Return a figure as an SVG of one line.

    `hidden` is what a cell says that is not shown, `show` writes a value out. An interval is drawn
    where the cell has one. Nothing to draw, nothing returned: a figure without cells is "".
    """
    if not figure.cells:
        return ""
    top = axis_top(figure)
    parts: list[str] = []
    y = 0
    for cell in figure.cells:
        parts += _draw_row(cell, y, top, hidden=hidden, show=show)
        y += _row_px(cell)
    n_px = y + _LINE_PX
    name = f"chart-{figure.id}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gov-chart" width="100%" height="{n_px}" '
        f'role="img" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(figure.title)}</title>'
        f'<desc id="{name}-desc">{escape(description)}</desc>'
        f"{''.join(_draw_axis(top, y, show))}{''.join(parts)}</svg>"
    )


def axis_top(figure: Figure) -> float:
    """Return where the axis ends: 1 for shares, else 1, 2 or 5 times a power of ten."""
    if figure.unit == "share":
        return 1.0
    most = max((c.high if c.high is not None else c.value or 0.0) for c in figure.cells)
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= most)


def _row_px(cell: Cell) -> int:
    return len(_label_lines(cell)) * _LINE_PX + _BAR_PX + _GAP_PX


def _label_lines(cell: Cell) -> list[str]:
    return wrap(cell.label, _LABEL_CHARS) or [""]


def _draw_axis(top: float, y: int, show: Callable[[float], str]) -> Iterator[str]:
    anchors = ("start", "middle", "end")
    for at, anchor in zip(_TICKS, anchors, strict=True):
        x = f"{100 * at:.0f}%"
        yield (
            f'<line class="gov-grid" x1="{x}" x2="{x}" y1="0" y2="{y}" '
            'stroke="currentColor" stroke-opacity="0.3"/>'
        )
        yield _text(show(top * at), x=x, y=y + 14, anchor=anchor)


def _draw_row(
    cell: Cell, y: int, top: float, *, hidden: str, show: Callable[[float], str]
) -> Iterator[str]:
    lines = _label_lines(cell)
    for n, line in enumerate(lines):
        yield _text(line, x="0", y=y + n * _LINE_PX + 14, anchor="start")
    bar_y = y + len(lines) * _LINE_PX
    if cell.value is None:
        yield _text(hidden, x="0", y=bar_y + 13, anchor="start", kind="gov-hidden")
        return
    yield _text(show(cell.value), x="100%", y=y + 14, anchor="end", kind="gov-value")
    yield (
        f'<rect class="gov-bar" x="0" y="{bar_y}" width="{_across(cell.value, top)}" '
        f'height="{_BAR_PX}" fill="none" stroke="currentColor"/>'
    )
    if cell.low is not None and cell.high is not None:
        yield from _draw_whisker(_across(cell.low, top), _across(cell.high, top), bar_y)


def _draw_whisker(low: str, high: str, bar_y: int) -> Iterator[str]:
    middle, first, last = bar_y + _BAR_PX // 2, bar_y + 2, bar_y + _BAR_PX - 2
    for x1, x2, y1, y2 in (
        (low, high, middle, middle),
        (low, low, first, last),
        (high, high, first, last),
    ):
        yield (
            f'<line class="gov-whisker" x1="{x1}" x2="{x2}" y1="{y1}" y2="{y2}" '
            'stroke="currentColor" stroke-width="2"/>'
        )


def _across(value: float, top: float) -> str:
    return f"{100 * min(max(value / top, 0.0), 1.0):.2f}%"


def _text(words: str, *, x: str, y: int, anchor: str, kind: str = "gov-label") -> str:
    return (
        f'<text class="{kind}" x="{x}" y="{y}" font-size="14" text-anchor="{anchor}" '
        f'fill="currentColor">{escape(words)}</text>'
    )
