"""Put a report's figures into the model cards: `python -m evals.cards [reports/report.json]`.

A card says where they go, and which:

    <!-- figures: language. checker.caught -->
    <!-- end of figures -->

What stands between the two lines is replaced by a table of every figure whose name begins with one
of the words. A report of some suites fills only the tables it has figures for. `--check` changes
nothing and exits with 1 if a card holds other figures than the report.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from evals.figure import Figure

CARDS = Path(__file__).resolve().parents[1] / "models" / "cards"
_TABLE = re.compile(r"(<!-- figures: ([^>]+?) -->\n).*?(<!-- end of figures -->)", re.S)


def read_figures(path: Path) -> list[Figure]:
    """The figures of a report. Raises `OSError`, or `ValueError` if it is none."""
    try:
        return [Figure(**row) for row in json.loads(path.read_text("utf-8"))["figures"]]
    except (KeyError, TypeError, UnicodeDecodeError, json.JSONDecodeError):
        raise ValueError(f"{path.name} is not a report of `ownwords eval`") from None


def fill_card(text: str, figures: Sequence[Figure]) -> str:
    """The card with its tables made anew; a table the report has nothing for stays as it is."""

    def table(match: re.Match[str]) -> str:
        begins = tuple(match[2].split())
        rows = [_row(figure) for figure in figures if figure.name.startswith(begins)]
        if not rows:
            return match[0]
        head = "\n| figure | value | 95 % interval | cases |\n|---|---|---|---|\n"
        return f"{match[1]}{head}{''.join(rows)}\n{match[3]}"

    return _TABLE.sub(table, text)


def _row(figure: Figure) -> str:
    interval = "" if figure.low is None else f"{figure.low:.3f} to {figure.high:.3f}"
    name = figure.name.partition(".")[2].replace(".", ": ").replace("_", " ")
    return f"| {name.replace('|', '/')} | {figure.value:.3f} | {interval} | {figure.n} |\n"


def main(argv: Sequence[str] | None = None, *, folder: Path = CARDS) -> int:
    parser = argparse.ArgumentParser(description="Put a report's figures into the model cards.")
    parser.add_argument("report", nargs="?", type=Path, default=Path("reports/report.json"))
    parser.add_argument("--check", action="store_true", help="change nothing, say what differs")
    options = parser.parse_args(argv)
    try:
        figures = read_figures(options.report)
    except (OSError, ValueError) as error:
        reason = error if isinstance(error, ValueError) else f"{options.report} cannot be read"
        sys.stderr.write(f"{reason}. Run `ownwords eval` first.\n")
        return 2
    differing = []
    for path in sorted(folder.glob("*.md")):
        before = path.read_text("utf-8")
        after = fill_card(before, figures)
        if after != before:
            differing.append(path.name)
            if not options.check:
                path.write_text(after, "utf-8")
    said = "hold other figures" if options.check else "were filled"
    sys.stdout.write(f"{len(differing)} cards {said}: {', '.join(differing) or 'none'}\n")
    return 1 if options.check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
