"""Reading and writing the two files of a session and the split file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.corpus.scheme import CORPUS, SPLITS


def session_ids(folder: Path = CORPUS) -> tuple[str, ...]:
    """The numbered sessions that have a gold file, in order."""
    return tuple(sorted(p.stem for p in folder.glob("[0-9][0-9][0-9].json")))


def read_pair(session_id: str, folder: Path = CORPUS) -> tuple[str, dict[str, Any]]:
    """The marked transcript and the gold of one session."""
    text = (folder / f"{session_id}.txt").read_text(encoding="utf-8")
    gold: dict[str, Any] = json.loads((folder / f"{session_id}.json").read_text(encoding="utf-8"))
    return text, gold


def write_pair(text: str, gold: Mapping[str, Any], folder: Path = CORPUS) -> None:
    """Write both files of a session; the gold has one entry a line, so that changes read well."""
    (folder / f"{gold['id']}.txt").write_text(text, encoding="utf-8")
    (folder / f"{gold['id']}.json").write_text(dump_gold(gold), encoding="utf-8")


def dump_gold(gold: Mapping[str, Any]) -> str:
    """JSON with one line for every key, and one for every entry of a list of entries."""
    lines = []
    for key, value in gold.items():
        name = json.dumps(key)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            entries = ",\n".join("  " + json.dumps(v, ensure_ascii=False) for v in value)
            lines.append(f" {name}: [\n{entries}\n ]")
        else:
            lines.append(f" {name}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read_splits(folder: Path = CORPUS) -> dict[str, tuple[str, ...]]:
    """Session ids by split, from splits.json."""
    splits = json.loads((folder / "splits.json").read_text(encoding="utf-8"))
    return {name: tuple(splits[name]) for name in SPLITS}
