"""One measured figure, and shares with their intervals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

_Z = 1.959964  # normal quantile of a two-sided 95 % interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure. `low` and `high` are a 95 % interval where there is one: Wilson's for shares."""

    name: str
    value: float
    n: int
    low: float | None = None
    high: float | None = None
    note: str = ""


def share(name: str, hits: int, n: int, *, note: str = "") -> Figure:
    """Return hits / n with its Wilson interval (Wilson 1927); 0 cases is 0 with the widest one."""
    if n == 0:
        return Figure(name=name, value=0.0, n=0, low=0.0, high=1.0, note="no cases")
    p, z2 = hits / n, _Z * _Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Figure(name=name, value=p, n=n, low=low, high=high, note=note)


def print_figures(figures: Iterable[Figure]) -> None:
    """One line a figure, as each is measured."""
    for one in figures:
        interval = "" if one.low is None else f" ({one.low:.3f} to {one.high:.3f})"
        print(f"{one.name:52} {one.value:8.3f}{interval} n={one.n} {one.note}", flush=True)
