"""JSON lines in and out, with the file and line of anything that is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from assistant.errors import InputError
from assistant.settings import Settings

Row = TypeVar("Row")


def read_bytes(source: Path, *, settings: Settings, stdin: bytes | None = None) -> bytes:
    """Read a whole file, or standard input where `source` is `-`.

    Raises `InputError` if it is missing, not a file or larger than the settings allow.
    """
    if str(source) == "-":
        content = stdin or b""
    else:
        try:
            size = source.stat().st_size if source.is_file() else -1
            content = source.read_bytes() if 0 <= size <= settings.max_bytes else b""
        except OSError:
            raise InputError(f"{source.name} cannot be read. Check its permissions.") from None
        if size < 0:
            raise InputError(f"{source.name} is not a file that is there. Check the path.")
        if size > settings.max_bytes:
            raise InputError(
                f"{source.name} has {size} bytes, more than the limit of {settings.max_bytes}. "
                "Split it, or raise OWNWORDS_MAX_BYTES."
            )
    return content


def parse_rows(content: bytes, *, name: str, row: type[Row]) -> tuple[Row, ...]:
    """Parse one `row` a line; blank lines are skipped.

    Raises `InputError` naming file, line and field, never the content.
    """
    adapter = TypeAdapter(row)
    rows: list[Row] = []
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise InputError(f"{name}: not UTF-8. Save the file as UTF-8 and try again.") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            rows.append(adapter.validate_python(json.loads(line)))
        except ValidationError as error:
            fields = ", ".join(sorted({".".join(map(str, e["loc"])) for e in error.errors()}))
            raise InputError(
                f"{name}, line {number}: a field is missing or of the wrong kind "
                f"({fields or 'all'}). "
                "Correct the line and try again."
            ) from None
        except (ValueError, RecursionError):
            raise InputError(
                f"{name}, line {number}: not a JSON object. Write one JSON object a line."
            ) from None
    return tuple(rows)


def write_rows(rows: Iterable[object]) -> str:
    """Return the rows as JSON lines, non-ASCII letters kept as they are."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
