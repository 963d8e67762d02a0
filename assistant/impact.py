"""A data protection and AI impact page, made from facts of this installation.

It says what is stored where and for how long, which models run and what they were measured to miss,
and lays both beside the functions of the NIST AI Risk Management Framework and the consent elements
of 42 CFR 2.31. Sentences are data (`policies/impact.toml`), facts are read off. It opens no vault
and holds nobody's words. Material for people to review; not legal advice.
"""

from __future__ import annotations

import hashlib
import html
import json
import platform
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from assistant import __version__
from assistant.bundled import model_status
from assistant.draft.model import chosen_model
from assistant.errors import SettingError
from assistant.resources import resource_path
from assistant.settings import Settings

Rows = Iterable[Sequence[str]]
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:0 0 1.5rem}th,td{border:1px solid #767676;"
    "padding:.3rem .6rem;text-align:left;vertical-align:top}"
    "@media print{body{margin:0}tr{break-inside:avoid}}"
)


def format_impact(settings: Settings) -> str:
    """Return the page as HTML: no script, no outside file. Raises `SettingError`."""
    text = _read_text()
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<title>Own Words: data protection and AI impact</title>"
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>"
        "<h1>Data protection and AI impact</h1>"
        "<p><strong>Material for people to review. It is not legal advice, and it is not finished "
        "before somebody has filled the open questions.</strong></p>",
        f"<p>Own Words {html.escape(__version__)}, Python {platform.python_version()}.</p>",
        _table("What is stored, and how long", ("Where", "What", "Until", "There now"),
               _places(text["place"], settings.data_dir)),
        _table("Retention as set here", ("Setting", "Value"), _retention(settings)),
        "<h2>Who receives anything</h2><p>Only recipients a person named for a note they approved, "
        "each recorded with the exact text, and only after a yes to that purpose. Nothing is sent "
        "by itself; there is no telemetry and no network use at run time but the pages it serves."
        "</p>",
        _table("Models that run here", ("Model", "For", "Licence", "State", "SHA-256"),
               _models(settings)),
        "<p>They run on this machine and learn from nobody's sessions.</p>",
        _table("What they were measured to miss", ("Figure", "Value", "Cases", "Limit"),
               _failures(settings)),
        _table("NIST AI RMF", ("Function", "Done here", "Open, for the agency"),
               [(row["function"], row["here"], row["left"]) for row in text["nist"]]),
        _table("Consent, 42 CFR 2.31", ("Element", "Where it stands in a consent record"),
               [(row["element"], row["field"]) for row in text["consent"]]),
    ]  # fmt: skip
    return "".join(parts) + "</html>\n"


def _read_text() -> dict[str, list[dict[str, str]]]:
    text: dict[str, Any] = tomllib.loads(
        resource_path("policies/impact.toml").read_text(encoding="utf-8")
    )
    if not {"place", "consent", "nist"} <= text.keys():
        raise SettingError("policies/impact.toml must hold place, consent and nist.")
    return text


def _places(rows: list[dict[str, str]], folder: Path) -> Rows:
    for row in rows:
        there = "yes" if (folder / row["name"]).exists() else "no"
        yield row["name"], row["holds"], row["until"], there
    yield "audit log", "ids, counts, digests and times of every act; no words", "kept", ""


def _retention(settings: Settings) -> Rows:
    yield "transcript kept after the decision", "yes" if settings.keep_transcript else "no"
    yield "undecided notes end after", f"{settings.undecided_days} days"
    yield "a person's link works for", f"{settings.link_days} days"
    yield "a person can come back to their note for", f"{settings.come_back_days} days"


def _models(settings: Settings) -> Rows:
    in_use = chosen_model(settings=settings)
    for status in model_status(settings=settings):
        use = " (in use)" if status.id == in_use or status.purpose == "encoder" else ""
        yield status.id, status.purpose + use, status.licence, status.state, status.digest[:16]
    for path in sorted(resource_path("models/heads").glob("*.safetensors")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        name = path.stem
        use = " (in use)" if name == in_use or name != "tidier" else ""
        yield name, f"learned over the encoder{use}", "Apache-2.0", "ready", digest[:16]


def _failures(settings: Settings) -> Rows:
    """Figures with a limit, of the latest report; says so where there is none."""
    limits = tomllib.loads(resource_path("policies/thresholds.toml").read_text("utf-8"))
    by_name = {row["figure"]: row for row in limits["threshold"]}
    figures = _latest_figures((settings.data_dir / "reports", Path("reports")))
    if not figures:
        yield "no report yet", "run: ownwords eval", "", ""
    for figure in figures:
        limit = by_name.get(figure["name"])
        if limit is not None:
            ends = [f"{'at least' if k == 'at_least' else 'at most'} {limit[k]}"
                    for k in ("at_least", "at_most") if k in limit]  # fmt: skip
            yield figure["name"], f"{figure['value']:.3f}", str(figure["n"]), ", ".join(ends)


def _latest_figures(folders: Iterable[Path]) -> list[dict[str, Any]]:
    for folder in folders:
        try:
            raw = json.loads((folder / "report.json").read_text("utf-8"))
            return [
                {"name": str(f["name"]), "value": float(f["value"]), "n": int(f["n"])}
                for f in raw["figures"]
            ]
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return []


def _table(title: str, columns: Sequence[str], rows: Rows) -> str:
    head = "".join(f"<th scope=col>{html.escape(column)}" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    name = html.escape(title)
    return (
        f"<h2>{name}</h2><div role=region aria-label='{name}' tabindex=0 style='overflow-x:auto'>"
        f"<table><thead><tr>{head}</thead><tbody>{body}</tbody></table></div>"
    )
