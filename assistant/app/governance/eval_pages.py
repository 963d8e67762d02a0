"""The latest report of `ownwords eval`: what was measured, on what version, when."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from assistant.app.catalogue import Catalogue
from assistant.app.governance.markup import (
    block,
    bullets,
    english_in,
    heading,
    number,
    paragraph,
    status,
    table,
)

_REPORT = "report.json"
_MAX_BYTES = 2_000_000  # a report is about 10 kB


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report as read; `measured_at` is ISO 8601 in UTC."""

    version: str
    python: str
    machine: str
    measured_at: str
    figures: tuple[dict[str, Any], ...]
    skipped: dict[str, str]
    broken: tuple[str, ...]


def report_folders(data_dir: Path) -> tuple[Path, ...]:
    """Where reports are looked for: beside the vault, and where the server was started."""
    return (data_dir / "reports", Path("reports"))


def find_report(folders: Sequence[Path]) -> Report | None:
    """Return the latest report of the folders, or None; a file that is not one is passed over."""
    found = [report for folder in folders if (report := _read(folder / _REPORT)) is not None]
    return max(found, key=lambda report: report.measured_at, default=None)


def _read(path: Path) -> Report | None:
    try:
        if path.stat().st_size > _MAX_BYTES:
            return None
        raw = json.loads(path.read_text("utf-8"))
        moment = datetime.fromisoformat(raw["measured_at"])
        return Report(
            version=str(raw["version"]),
            python=str(raw["python"]),
            machine=str(raw["machine"]),
            measured_at=moment.isoformat(timespec="minutes"),
            figures=tuple(figure for figure in raw["figures"] if _is_figure(figure)),
            skipped={str(name): str(why) for name, why in raw["skipped"].items()},
            broken=tuple(str(sentence) for sentence in raw["broken"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _is_figure(raw: object) -> bool:
    return (
        isinstance(raw, dict)
        and isinstance(raw.get("name"), str)
        and _is_number(raw.get("value"))
        and _is_number(raw.get("n"))
        and all(raw.get(end) is None or _is_number(raw[end]) for end in ("low", "high"))
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def evals_page(report: Report | None, say: Catalogue) -> str:
    """Return the report as tables, or how to make one."""
    if report is None:
        return block(
            status(say("governance.evals_none")),
            paragraph(say("governance.evals_how")),
            "<p><code>ownwords eval</code></p>",
        )
    lang = english_in(say)
    made = say(
        "governance.evals_made",
        date=report.measured_at[:16].replace("T", " "),
        version=report.version, python=report.python, machine=report.machine,
    )  # fmt: skip
    parts = [status(made), paragraph(say("governance.evals_explained"))]
    if lang:
        parts.append(paragraph(say("governance.evals_in_english")))
    parts.append(heading(say("governance.limits_title")))
    parts.append(bullets(report.broken, lang="en") or paragraph(say("governance.limits_kept")))
    if report.skipped:
        parts.append(heading(say("governance.skipped_title")))
        parts.append(bullets((f"{name}: {why}" for name, why in report.skipped.items()), lang=lang))
    parts.append(heading(say("governance.evals_figures")))
    parts.append(
        table(
            say("governance.table_of", title=say("governance.evals_figures")),
            [
                say(f"governance.{column}")
                for column in ("column_figure", "column_cases", "column_value", "column_interval")
            ],
            ((_name(figure), _cells(figure, say)) for figure in report.figures),
            lang=lang,
        )
    )
    return block(*parts)


def _name(figure: dict[str, Any]) -> str:
    name = str(figure["name"]).replace(".", ": ").replace("_", " ")
    note = str(figure.get("note") or "")
    return f"{name} ({note})" if note else name


def _cells(figure: dict[str, Any], say: Catalogue) -> list[str]:
    low, high = figure.get("low"), figure.get("high")
    interval = say("governance.no_interval")
    if low is not None and high is not None:
        interval = say(
            "governance.interval",
            low=number(low, say, digits=3), high=number(high, say, digits=3),
        )  # fmt: skip
    return [number(figure["n"], say), number(figure["value"], say, digits=3), interval]
