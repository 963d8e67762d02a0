"""`ownwords eval [SUITE ...] [--out DIR]`: every figure as JSON and one self-contained HTML page.

A suite is a function that returns figures; each figure has its number of cases and, for shares, a
Wilson interval. Limits are data (`policies/thresholds.toml`): a broken one, or one that a suite
gave no figure for, is exit 1. A suite whose data is not there is named as skipped, never passed
over. Nothing in a report but its time depends on when it was made: seeds are fixed, and the digests
say of what data and weights it tells.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import json
import os
import platform
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import Any

from assistant import __version__
from assistant.errors import SettingError
from assistant.resources import resource_path
from evals.figure import Figure, share
from evals.suites import QUICK, SUITES

__all__ = ["Figure", "broken_limits", "format_page", "main", "share"]

_LIBRARIES = ("torch", "tokenizers", "spacy", "presidio-analyzer", "cedarpy", "numpy")
_DATA = (
    "models/data/corpus", "models/data/language", "models/data/details", "models/heads",
    "policies",
)  # fmt: skip
_BAR = 160  # points of width for 0 to 1


def read_limits() -> list[dict[str, Any]]:
    text = resource_path("policies/thresholds.toml").read_text("utf-8")
    limits: list[dict[str, Any]] = tomllib.loads(text)["threshold"]
    return limits


def broken_limits(figures: Iterable[Figure]) -> list[str]:
    """Return a sentence for each limit that a measured figure breaks."""
    by_name = {figure.name: figure for figure in figures}
    broken = []
    for limit in read_limits():
        figure = by_name.get(limit["figure"])
        if figure is None:
            continue
        if figure.value < limit.get("at_least", figure.value):
            broken.append(f"{figure.name} is {figure.value:.3f}, below {limit['at_least']}")
        if figure.value > limit.get("at_most", figure.value):
            broken.append(f"{figure.name} is {figure.value:.3f}, above {limit['at_most']}")
    return broken


def unmeasured_limits(figures: Iterable[Figure], suites: Iterable[str]) -> list[str]:
    """Return the limits that suites which ran gave no figure for: no figure is no pass."""
    limits = {limit["figure"] for limit in read_limits()} - {figure.name for figure in figures}
    return sorted(name for name in limits if name.partition(".")[0] in set(suites))


def describe_run() -> dict[str, Any]:
    """Of what a report tells: versions, machine, and digests of data, weights and policies."""
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "version": __version__, "python": platform.python_version(),
        "machine": platform.machine(), "n_cores": os.cpu_count(), "libraries": versions,
        "digests": {name: digest for name in _DATA if (digest := _digest(name))},
    }  # fmt: skip


def _digest(folder: str) -> str:
    """SHA-256 over names and contents of a folder's files, the same wherever it lies."""
    try:
        root = resource_path(folder)
    except SettingError:
        return ""
    whole = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file() and p.suffix != ".partial"):
        whole.update(path.relative_to(root).as_posix().encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


# ---------------------------------------------------------------- the page

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;"
    "color:#1b1b1b;background:#fff}table{border-collapse:collapse;margin:0 0 1.5rem}"
    "th,td{border:1px solid #767676;padding:.3rem .6rem;text-align:left;vertical-align:top}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}.broken{font-weight:700}"
    "caption{text-align:left;font-weight:600;padding:.3rem 0}"
    "@media print{body{margin:0;max-width:none}tr{break-inside:avoid}}"
)


def format_page(
    figures: Sequence[Figure],
    skipped: Mapping[str, str],
    broken: Sequence[str],
    *,
    about: Mapping[str, Any] | None = None,
    before: Mapping[str, float] | None = None,
) -> str:
    """Return the report as one HTML page: no script, no outside file, prints well."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Own Words: figures</title>"
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>"
        f"<h1>Own Words {html.escape(__version__)}: figures</h1>",
        "<p>Every figure with its number of cases. A bar runs from 0 to 1; the thin line is the "
        "95 % interval. Where there are few cases, the interval says how little they tell.</p>",
        _list("Limits broken", broken, "None."),
        _list("Skipped", [f"{name}: {why}" for name, why in skipped.items()], "Nothing."),
    ]
    for suite, group in groupby(figures, key=lambda figure: figure.name.partition(".")[0]):
        parts.append(_table(suite, list(group), broken, before))
    if about:
        parts.append(_about(about))
    return "".join(parts) + "</html>\n"


def _list(title: str, sentences: Sequence[str], none: str) -> str:
    items = "".join(f"<li>{html.escape(one)}</li>" for one in sentences)
    return f"<h2>{title}</h2><ul>{items or f'<li>{none}</li>'}</ul>"


def _table(
    suite: str, figures: Sequence[Figure], broken: Sequence[str], before: Mapping[str, float] | None
) -> str:
    bad = {sentence.split(" ", 1)[0] for sentence in broken}
    earlier = "<th scope=col>Before" if before is not None else ""
    rows = "".join(_row(figure, figure.name in bad, before) for figure in figures)
    name = html.escape(suite)
    return (
        f"<h2>{name}</h2><div role=region aria-label='{name}' tabindex=0 style='overflow-x:auto'>"
        f"<table><thead><tr><th scope=col>Figure<th scope=col>Value{earlier}<th scope=col>Cases"
        "<th scope=col>95 % interval<th scope=col>0 to 1<th scope=col>Note</thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(figure: Figure, is_broken: bool, before: Mapping[str, float] | None) -> str:
    mark = " class=broken" if is_broken else ""
    interval = "" if figure.low is None else f"{figure.low:.3f} to {figure.high:.3f}"
    earlier = ""
    if before is not None:
        known = before.get(figure.name)
        earlier = f"<td class=n>{'' if known is None else f'{known:.3f}'}</td>"
    note = ("limit broken. " if is_broken else "") + figure.note
    return (
        f"<tr{mark}><th scope=row>{html.escape(_plain(figure.name))}</th>"
        f"<td class=n>{figure.value:.3f}</td>{earlier}<td class=n>{figure.n}</td>"
        f"<td>{interval}</td><td>{_bar(figure)}</td><td>{html.escape(note)}</td></tr>"
    )


def _bar(figure: Figure) -> str:
    """A share as a bar with its interval; nothing for what is no share."""
    if figure.low is None or figure.high is None or not 0 <= figure.low <= figure.high <= 1:
        return ""
    low, high = _BAR * figure.low, _BAR * figure.high
    return (
        f"<svg width={_BAR} height=14 aria-hidden=true>"
        f"<rect width={_BAR} height=14 fill='#eee'/>"
        f"<rect width={_BAR * figure.value:.1f} height=14 fill='#9bb7d4'/>"
        f"<path d='M{low:.1f} 7H{high:.1f}M{low:.1f} 3v8M{high:.1f} 3v8' stroke='#1b1b1b'/></svg>"
    )


def _about(about: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th scope=row>{html.escape(str(key))}</th><td>{html.escape(_flat(value))}</td></tr>"
        for key, value in about.items()
    )
    return f"<h2>What this tells of</h2><table><tbody>{rows}</tbody></table>"


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {str(one)[:16]}" for key, one in value.items())
    return str(value)


def _plain(name: str) -> str:
    return name.replace(".", ": ").replace("_", " ")


def read_earlier(path: Path) -> dict[str, float]:
    """The figures of an earlier report, by name. Raises `OSError` or `ValueError`."""
    raw = json.loads(path.read_text("utf-8"))
    return {str(row["name"]): float(row["value"]) for row in raw["figures"]}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="ownwords eval")
    parser.add_argument("suites", nargs="*", help=", ".join(SUITES))
    parser.add_argument("--out", type=Path, default=Path("reports"))
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(QUICK)}")
    parser.add_argument("--against", type=Path, help="an earlier report.json to lay beside it")
    options = parser.parse_args(arguments)
    unknown = set(options.suites) - set(SUITES)
    if unknown:
        sys.stderr.write(f"There is no such suite. Suites are: {', '.join(SUITES)}.\n")
        return 2
    before: dict[str, float] | None = None
    if options.against:
        try:
            before = read_earlier(options.against)
        except (OSError, ValueError, KeyError, TypeError):
            sys.stderr.write(f"{options.against.name} is not a report of `ownwords eval`.\n")
            return 2
    figures: list[Figure] = []
    skipped: dict[str, str] = {}
    wanted = options.suites or (QUICK if options.quick else SUITES)
    for name in wanted:
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
    has_gaps = {f.name.partition(".")[0] for f in figures if f.note.startswith("skipped")}
    for name in unmeasured_limits(figures, set(wanted) - set(skipped)):
        if name.partition(".")[0] in has_gaps:
            skipped[name] = "a limit, but the data it is measured on is not there"
        else:
            broken.append(f"{name} has a limit and was not measured")
    options.out.mkdir(parents=True, exist_ok=True)
    about = describe_run()
    written = {
        **about, "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "skipped": skipped, "broken": broken, "figures": [asdict(figure) for figure in figures],
    }  # fmt: skip
    (options.out / "report.json").write_text(json.dumps(written, indent=2) + "\n", "utf-8")
    page = format_page(figures, skipped, broken, about=about, before=before)
    (options.out / "report.html").write_text(page, "utf-8")
    sys.stderr.write(f"Report: {options.out / 'report.html'}\n")
    for sentence in (*broken, *(f"skipped {name}: {why}" for name, why in skipped.items())):
        sys.stderr.write(f"{sentence}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
