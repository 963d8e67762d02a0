"""Reading a policy file: YAML into frozen records, unknown keys rejected, every regex compiled.

A broken file stops the start with a `SettingError` that names the file, the entry and the field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from assistant.errors import SettingError


class PolicyRecord(BaseModel):
    """Base of everything read from a policy file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Record = TypeVar("Record", bound=PolicyRecord)


def read_policy(path: Path, record: type[Record]) -> Record:
    """Read `path` into `record`; raises `SettingError` naming the first wrong entry and field."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        loaded = YAML(typ="safe").load(path)
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f", line {line + 1}" if isinstance(line, int) else ""
        raise SettingError(
            f"{path.name}{where} cannot be read as YAML. Correct it or install Own Words again."
        ) from None
    try:
        return record.model_validate(loaded)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = _place(loaded, first["loc"])
        raise SettingError(
            f"{path.name}: {place} cannot be used ({first['msg']}). "
            "Correct the entry; nothing was started."
        ) from None


def compile_pattern(pattern: object, *, case_sensitive: bool = False) -> re.Pattern[str]:
    """Compile one pattern of a policy file; raises `ValueError` that a validator can pass on."""
    if not isinstance(pattern, str) or not pattern:
        raise ValueError("a pattern must be text")
    try:
        compiled = re.compile(pattern, 0 if case_sensitive else re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error.msg}") from None
    if compiled.match(""):
        raise ValueError("the pattern matches nothing at all, so it would match everywhere")
    return compiled


def _place(loaded: object, location: tuple[int | str, ...]) -> str:
    """Say where: `entry lbl-004, pattern` rather than `entries.3.pattern`."""
    steps: list[str] = []
    here = loaded
    for step in location:
        here = _child(here, step)
        if isinstance(here, Mapping) and isinstance(here.get("id"), str):
            steps = [f"entry {here['id']}"]
        elif not (isinstance(step, int) and steps and steps[0].startswith("entry ")):
            steps.append(str(step))
    return ", ".join(steps) or "the file"


def _child(here: object, step: int | str) -> object:
    if isinstance(here, Mapping):
        return here.get(step)
    if isinstance(here, Sequence) and isinstance(step, int) and step < len(here):
        return here[step]
    return None
