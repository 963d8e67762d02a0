"""Export as JSON lines, a file for each table and split, as `datasets` reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from models.corpus.rows import (
    Session,
    Split,
    claim_rows,
    identifier_rows,
    language_rows,
    load_sessions,
    statement_rows,
    tidy_rows,
)
from models.corpus.scheme import CORPUS, SPLITS


def export_corpus(out: Path, *, folder: Path = CORPUS) -> dict[str, int]:
    """Write `TABLE/SPLIT.jsonl` for every table; returns rows written by `TABLE/SPLIT`."""
    written = {}
    for split in SPLITS:
        for table, rows in _tables(split, folder).items():
            path = out / table / f"{split}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            n = 0
            with path.open("w", encoding="utf-8") as file:
                for row in rows:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                    n += 1
            written[f"{table}/{split}"] = n
    return written


def _tables(split: Split, folder: Path) -> dict[str, Iterable[dict[str, Any]]]:
    return {
        "sessions": (_session_row(s) for s in load_sessions(split, folder=folder)),
        "identifiers": map(asdict, identifier_rows(split, folder=folder)),
        "statements": map(asdict, statement_rows(split, folder=folder)),
        "tidied": map(asdict, tidy_rows(split, folder=folder)),
        "claims": map(asdict, claim_rows(split, folder=folder)),
        "together": _together_rows(split, folder),
        "language": map(asdict, language_rows(split, folder=folder)),
    }


def _session_row(session: Session) -> dict[str, Any]:
    labels = ("statements", "claims", "together", "language", "peer_notes")
    meta = {k: v for k, v in session.gold.items() if k not in labels and k != "groups"}
    turns = [
        {
            "turn": t.number,
            "speaker": t.speaker,
            "role": t.role,
            "text": t.plain,
            "marks": [asdict(m) for m in t.marks],
        }
        for t in session.turns
    ]
    return {**meta, **session.gold["groups"], "turns": turns}


def _together_rows(split: Split, folder: Path) -> Iterator[dict[str, Any]]:
    for session in load_sessions(split, folder=folder):
        for entry in session.gold["together"]:
            yield {"session": session.id, **entry}
