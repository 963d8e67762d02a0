"""The figures as HTML: a chart, a table with the same numbers, and the widest gap in words."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from html import escape

from assistant.app.catalogue import Catalogue
from assistant.app.governance.charts import draw_chart
from assistant.app.governance.groups import (
    EVERYONE,
    OUTCOME_FIGURES,
    VIEWS,
    GroupNames,
    group_names,
    in_words,
    keep_offered_answers,
    pick_view,
)
from assistant.app.governance.markup import (
    block,
    bullets,
    heading,
    hidden_note,
    number,
    paragraph,
    status,
    table,
)
from assistant.figures import Cell, Figure, SessionFigures, Unit, compute_figures, worst_gap
from assistant.workspace.overseeing import GROUP_AXES

ALL_FIGURES = "all"
FIGURE_IDS = tuple(figure.id for figure in compute_figures(()))
MIN_CELL = 11
_CAUTIONS = ("caution_yes", "caution_proxy", "caution_ask", "caution_no_ranks")


class FigureDesk:
    """Computes the figures, and keeps them until the sessions are others.

    All views come from one computation, because what one view hides another must not show; for
    3000 sessions that takes ten seconds.
    """

    def __init__(self) -> None:
        self._kept: tuple[str, GroupNames, tuple[Figure, ...]] | None = None

    def compute(self, sessions: Sequence[SessionFigures]) -> tuple[GroupNames, tuple[Figure, ...]]:
        kept = keep_offered_answers(sessions)
        mark = sha256(repr(kept).encode()).hexdigest()
        found = self._kept  # read once: another request may replace it meanwhile
        if found is None or found[0] != mark:
            figures = compute_figures(kept, axes=tuple(GROUP_AXES), min_cell=MIN_CELL)
            self._kept = found = (mark, group_names(kept), figures)
        return found[1:]


def figures_page(
    names: GroupNames, computed: Sequence[Figure], *, view: str, only: str, say: Catalogue
) -> str:
    """Return the figures of one view; `only` is one figure's id or `ALL_FIGURES`.

    A view or figure that is not offered counts as the first one.
    """
    view = view if view in VIEWS else EVERYONE
    figures = [
        figure
        for figure in computed
        if (figure.id == only or only not in FIGURE_IDS)
        and (view == EVERYONE or figure.id not in OUTCOME_FIGURES)
    ]
    if view != EVERYONE and only in OUTCOME_FIGURES:
        return block(status(say("governance.only_for_everyone")))
    picked = [pick_view(figure, view, names) for figure in figures]
    if view != EVERYONE and all(len(figure.cells) < 2 for figure in picked):
        return block(status(say("governance.nobody_said")))
    return block(
        status(say("governance.figures_shown", n=len(picked))),
        *(_figure(figure, names, say) for figure in picked),
    )


def cautions(say: Catalogue) -> str:
    """Return what to keep in mind before reading any figure."""
    return block(
        heading(say("governance.caution_title")),
        bullets(say(f"governance.{name}", n=MIN_CELL) for name in _CAUTIONS),
        kind="gov-panel",
    )


def _figure(figure: Figure, names: GroupNames, say: Catalogue) -> str:
    shown = in_words(figure, names, say)
    chart = draw_chart(
        shown,
        hidden=say("governance.hidden", n=MIN_CELL),
        description=say("governance.chart_described"),
        show=lambda value: show_value(value, figure.unit, say),
    )
    name = escape(say("governance.chart_name", title=shown.title))
    return (
        "<section>"
        + heading(shown.title)
        + paragraph(shown.explanation)
        + _warning(shown, say)
        # The name is a title because Gradio takes aria attributes away.
        + f'<div class="gov-pair"><div role="img" title="{name}">{chart}</div>'
        + f"{_table(shown, say)}</div>"
        + _gap(shown, say)
        + "</section>"
    )


def _warning(figure: Figure, say: Catalogue) -> str:
    """Say so when every note was approved: evaluation.md section 4 calls that a warning."""
    if figure.id != "approval_mix":
        return ""
    approved = next(
        (c for c in figure.cells if c.label == say("governance.outcome_approved")), None
    )
    if approved is None or approved.value != 1.0:
        return ""
    return status(say("governance.all_approved"))


def _table(figure: Figure, say: Catalogue) -> str:
    has_intervals = any(cell.low is not None for cell in figure.cells)
    columns = ["column_group", "column_n", "column_value"] + ["column_interval"] * has_intervals
    if figure.unit == "count":
        del columns[1]  # a count is its own number of sessions
    if figure.id in OUTCOME_FIGURES:
        columns[0] = "column_outcome"
    rows = table(
        say("governance.table_of", title=figure.title),
        [say(f"governance.{column}") for column in columns],
        ((cell.label, _cells(cell, figure.unit, has_intervals, say)) for cell in figure.cells),
    )
    has_hidden = any(cell.is_suppressed for cell in figure.cells)
    return f"<div>{rows}{hidden_note(has_hidden, say)}</div>"


def _cells(cell: Cell, unit: Unit, has_intervals: bool, say: Catalogue) -> list[str]:
    if cell.value is None:
        return [say("governance.hidden", n=MIN_CELL)]
    value = show_value(cell.value, unit, say)
    cells = [value] if unit == "count" else [str(cell.n), value]
    return [*cells, _interval(cell, unit, say)] if has_intervals else cells


def _interval(cell: Cell, unit: Unit, say: Catalogue) -> str:
    if cell.low is None or cell.high is None:
        return say("governance.no_interval")
    low, high = show_value(cell.low, unit, say), show_value(cell.high, unit, say)
    return say("governance.interval", low=low, high=high)


def _gap(figure: Figure, say: Catalogue) -> str:
    """Say the widest gap between groups as a difference, never as a cause."""
    gap = worst_gap(figure) if figure.id not in OUTCOME_FIGURES else None
    if gap is None:
        return ""
    high_name, low_name, difference = gap
    if difference == 0:
        return paragraph(say("governance.no_gap"))
    cells = {cell.label: cell for cell in figure.cells[1:]}
    high, low = cells[high_name], cells[low_name]
    is_overlap = high.low is None or low.high is None or high.low <= low.high
    sentence = say(
        "governance.gap",
        high=high_name,
        high_value=show_value(high.value or 0.0, figure.unit, say),
        low=low_name,
        low_value=show_value(low.value or 0.0, figure.unit, say),
    )
    meaning = say("governance.gap_may_be_chance" if is_overlap else "governance.gap_apart")
    return paragraph(f"{sentence} {meaning} {say('governance.gap_no_cause')}", kind="gov-gap")


def show_value(value: float, unit: Unit, say: Catalogue) -> str:
    """Return a value with its unit, short enough to stand beside a bar."""
    if unit == "share":
        return say("governance.unit_share", value=number(100 * value, say))
    if unit == "count":
        return number(value, say)
    digits = 1 if value < 100 and value != round(value) else 0
    return say(f"governance.unit_{unit}", value=number(value, say, digits=digits))
