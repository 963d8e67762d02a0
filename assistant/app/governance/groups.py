"""Which cells of a figure belong to which view, and what groups are called on screen.

A view is a way to divide people: nobody apart (`EVERYONE`), one axis, or two axes together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from assistant.app.catalogue import Catalogue
from assistant.figures import PAIRS, Cell, Figure, SessionFigures
from assistant.workspace.overseeing import GROUP_AXES

EVERYONE = "everyone"
# These divide outcomes, not people, and stand in the first view only.
OUTCOME_FIGURES = ("sessions", "approval_mix")
VIEWS: Mapping[str, tuple[str, ...]] = {
    EVERYONE: (),
    **{axis: (axis,) for axis in GROUP_AXES},
    **{f"{first}_{second}": (first, second) for first, second in PAIRS},
}
_NOT_SAID = "not said"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupNames:
    """How the cells of figures are read: the axis of each value that stands without it."""

    axis_of: Mapping[str, str]

    def parts(self, label: str) -> tuple[tuple[str, str], ...]:
        """Return the (axis, value) pairs of a label; () for "all" and for outcomes."""
        pairs = (self._part(part) for part in label.split(", "))
        return tuple(pair for pair in pairs if pair is not None)

    def _part(self, text: str) -> tuple[str, str] | None:
        value, bracket, axis = text.removesuffix(")").rpartition(" (")
        if bracket and axis in GROUP_AXES:
            return axis, "" if value == _NOT_SAID else value
        return (self.axis_of[text], text) if text in self.axis_of else None


def keep_offered_answers(sessions: Sequence[SessionFigures]) -> tuple[SessionFigures, ...]:
    """Leave out every answer that is not one of those offered: no typed word gets into a chart."""
    return tuple(
        replace(
            session,
            groups={
                axis: value
                for axis, value in session.groups.items()
                if value in GROUP_AXES.get(axis, ())
            },
        )
        for session in sessions
    )


def group_names(sessions: Sequence[SessionFigures]) -> GroupNames:
    said = {(axis, value) for session in sessions for axis, value in session.groups.items()}
    return GroupNames(axis_of={value: axis for axis, value in sorted(said)})


def pick_view(figure: Figure, view: str, names: GroupNames) -> Figure:
    """Return a figure with the cell of everyone and the cells of one view."""
    if figure.id in OUTCOME_FIGURES:
        return figure
    axes = VIEWS[view]
    chosen = tuple(
        cell
        for cell in figure.cells[1:]
        if axes and tuple(axis for axis, _ in names.parts(cell.label)) == axes
    )
    return replace(figure, cells=(figure.cells[0], *chosen))


def in_words(figure: Figure, names: GroupNames, say: Catalogue) -> Figure:
    """Return a figure with its title, explanation and labels in the words of the screen."""
    is_outcome = figure.id in OUTCOME_FIGURES
    return replace(
        figure,
        title=say(f"governance.figure_{figure.id}"),
        explanation=say(f"governance.figure_{figure.id}_explained"),
        cells=tuple(
            replace(cell, label=_label(cell, names, say, is_outcome=is_outcome))
            for cell in figure.cells
        ),
    )


def _label(cell: Cell, names: GroupNames, say: Catalogue, *, is_outcome: bool) -> str:
    if cell.label == "all":
        return say("governance.everyone")
    if is_outcome:
        return say(f"governance.outcome_{cell.label.replace(' ', '_')}")
    parts = names.parts(cell.label)
    return ", ".join(
        say(f"governance.group_{axis}_{value}")
        if value
        else say("governance.group_not_said", axis=say(f"governance.view_{axis}"))
        for axis, value in parts
    )
