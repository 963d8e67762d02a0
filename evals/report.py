"""`ownwords eval [SUITE ...] [--out DIR]`: every figure as JSON and one self-contained HTML page.

A suite is a function that returns figures; each figure has its number of cases and, for shares, a
Wilson interval. Limits are data (`policies/thresholds.toml`): a broken one is exit 1. A suite whose
data is not there is named as skipped, never passed over.
"""

from __future__ import annotations

import argparse
import html
import json
import platform
import sys
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import sqrt
from pathlib import Path

from assistant import __version__
from assistant.resources import resource_path

_Z = 1.959964  # normal quantile of a two-sided 95 % interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure. `low` and `high` are a 95 % Wilson interval where the figure is a share."""

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


def measure_gate() -> Iterable[Figure]:
    """Every policy case answered as its folder promises."""
    from assistant.policy import load_gate
    from evals.gate import CASES, count_kept

    yield share("gate.cases_as_promised", count_kept(load_gate()), len(CASES))


def measure_language_list() -> Iterable[Figure]:
    """The list on its own fixtures: says only that it does what it was written for."""
    from assistant.review import load_language_rules
    from evals.language import measure_language

    for name, counted in measure_language(load_language_rules()).items():
        n_bad, n_fine = counted.found + counted.missed, counted.flagged_in_vain + counted.left_alone
        yield share(f"language.{name}_flagged", counted.found, n_bad)
        yield share(f"language.{name}_flagged_in_vain", counted.flagged_in_vain, n_fine)


def measure_deidentification() -> Iterable[Figure]:
    """Recall and precision on the gold sessions, beside stock Presidio in the same run."""
    from assistant.deidentify import load_detector
    from assistant.settings import load_settings
    from evals import deidentification as d
    from evals.marked import DEMO, SESSIONS, load_stock, read_gold

    detector = load_detector(settings=load_settings())
    stock = load_stock()
    hiders = {"": lambda lines: d.spans_of(d.hide_conversation(lines, detector)), "stock_": stock}
    sessions = [path for path in (DEMO, *sorted(SESSIONS.glob("*.gold.txt"))) if path.exists()]
    for prefix, hide in hiders.items():
        tally = d.Tally()
        for path in sessions:
            lines = read_gold(path)[1]
            tally.add(path.stem, lines, hide(lines))
        note = f"{len(sessions)} sessions, some of them developed on"
        n_found, n_marked = sum(tally.found.values()), sum(tally.marked.values())
        yield share(f"deidentification.{prefix}recall", n_found, n_marked, note=note)
        yield share(
            f"deidentification.{prefix}character_precision", tally.n_right, tally.n_hidden,
            note=note,
        )  # fmt: skip


def measure_drafting() -> Iterable[Figure]:
    """Completeness, faithfulness and own words of drafts, kept apart."""
    from evals import drafting as d

    parts = d.load_parts()
    golds = [path for path in (d.DEMO_GOLD, *sorted(d.SESSIONS.glob("*.json"))) if path.exists()]
    rows = [
        next(
            row
            for row in d.measure_session(
                d.DEMO if gold == d.DEMO_GOLD else gold.with_suffix(".txt"), gold, parts=parts
            )
            if "tidied" in row.name
        )
        for gold in golds
    ]
    n_must, n_found = sum(r.n_must for r in rows), sum(r.n_found for r in rows)
    n_sentences = sum(r.n_sentences for r in rows)
    asked = sum(r.violations.get("asked_not_to_record", 0) for r in rows)
    yield share("drafting.must_items_found", n_found, n_must)
    yield share("drafting.right_section", sum(r.n_section_agrees for r in rows), n_found)
    yield Figure(name="drafting.asked_not_to_record_cited", value=asked, n=n_sentences)
    yield Figure(
        name="drafting.own_words_min", value=min(r.own_words_min for r in rows), n=n_sentences
    )
    yield Figure(name="drafting.most_words", value=max(r.n_words for r in rows), n=len(rows))


SUITES: dict[str, Callable[[], Iterable[Figure]]] = {
    "gate": measure_gate,
    "language": measure_language_list,
    "deidentification": measure_deidentification,
    "drafting": measure_drafting,
}


def broken_limits(figures: Iterable[Figure]) -> list[str]:
    """Return a sentence for each limit that a measured figure breaks."""
    limits = tomllib.loads(resource_path("policies/thresholds.toml").read_text("utf-8"))
    by_name = {figure.name: figure for figure in figures}
    broken = []
    for limit in limits["threshold"]:
        figure = by_name.get(limit["figure"])
        if figure is None:
            continue
        if figure.value < limit.get("at_least", figure.value):
            broken.append(f"{figure.name} is {figure.value:.3f}, below {limit['at_least']}")
        if figure.value > limit.get("at_most", figure.value):
            broken.append(f"{figure.name} is {figure.value:.3f}, above {limit['at_most']}")
    return broken


def format_page(figures: list[Figure], skipped: dict[str, str], broken: list[str]) -> str:
    """Return the report as one HTML page: no script, no outside file, prints well."""
    rows = "".join(
        f"<tr><th scope=row>{html.escape(_plain(f.name))}</th><td>{f.value:.3f}</td><td>{f.n}</td>"
        f"<td>{'' if f.low is None else f'{f.low:.3f} to {f.high:.3f}'}</td>"
        f"<td>{html.escape(f.note)}</td></tr>"
        for f in figures
    )
    left = "".join(f"<li>{html.escape(n)}: {html.escape(why)}</li>" for n, why in skipped.items())
    bad = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in broken)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Own Words: figures</title>"
        "<meta name=viewport content='width=device-width'>"
        "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;"
        "padding:0 1rem}table{border-collapse:collapse}th,td{border:1px solid #767676;"
        "padding:.3rem .6rem;text-align:left}</style>"
        f"<h1>Own Words {html.escape(__version__)}: figures</h1>"
        f"<h2>Limits broken</h2><ul>{bad or '<li>None.</li>'}</ul>"
        f"<h2>Skipped</h2><ul>{left or '<li>Nothing.</li>'}</ul>"
        "<h2>Figures</h2><div role=region aria-label=Figures tabindex=0 style='overflow-x:auto'>"
        "<table><thead><tr><th scope=col>Figure<th scope=col>Value"
        "<th scope=col>Cases<th scope=col>95 % interval<th scope=col>Note</thead>"
        f"<tbody>{rows}</tbody></table></div></html>\n"
    )


def _plain(name: str) -> str:
    return name.replace(".", ": ").replace("_", " ")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="ownwords eval")
    parser.add_argument("suites", nargs="*", help=", ".join(SUITES))
    parser.add_argument("--out", type=Path, default=Path("reports"))
    options = parser.parse_args(arguments)
    unknown = set(options.suites) - set(SUITES)
    if unknown:
        sys.stderr.write(f"There is no such suite. Suites are: {', '.join(SUITES)}.\n")
        return 2
    figures: list[Figure] = []
    skipped: dict[str, str] = {}
    for name in options.suites or SUITES:
        sys.stderr.write(f"Measuring: {name}\n")
        try:
            measured = list(SUITES[name]())
        except (FileNotFoundError, ModuleNotFoundError):
            skipped[name] = "its data is not in this installation; run it from a checkout"
            continue
        figures += measured
        for figure in measured:
            sys.stdout.write(f"{figure.name:52} {figure.value:8.3f}  n={figure.n}\n")
    broken = broken_limits(figures)
    options.out.mkdir(parents=True, exist_ok=True)
    about = {
        "version": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "skipped": skipped,
        "broken": broken,
        "figures": [asdict(figure) for figure in figures],
    }
    (options.out / "report.json").write_text(json.dumps(about, indent=2) + "\n", "utf-8")
    (options.out / "report.html").write_text(format_page(figures, skipped, broken), "utf-8")
    sys.stderr.write(f"Report: {options.out / 'report.html'}\n")
    for sentence in (*broken, *(f"skipped {name}: {why}" for name, why in skipped.items())):
        sys.stderr.write(f"{sentence}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
