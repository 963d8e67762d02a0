"""Records to bytes and back, for the vault: JSON in the exact shape of `records.py`.

Reading validates: bytes that do not fit the record are a damaged vault, not a guess.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from assistant.errors import StoreCorrupt

Record = TypeVar("Record")
# What words the vault keeps for a session, one record of each kind.
WordsKind = Literal[
    "transcript", "deidentified", "surrogates", "reviewed", "note", "released_note",
    "note_history", "corrections", "flag_answers",
]  # fmt: skip

_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def pack_record(record: object) -> bytes:
    """Return a record as JSON, UTF-8."""
    return _adapter(type(record)).dump_json(record)


def unpack_record(content: bytes, kind: type[Record]) -> Record:
    """Return the record that `pack_record` made. Raises `StoreCorrupt` if it does not fit."""
    try:
        record: Record = _adapter(kind).validate_json(content)
    except ValidationError:
        raise StoreCorrupt(
            f"A {kind.__name__} in the vault cannot be read. Restore it from a backup."
        ) from None
    return record


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Building an adapter takes milliseconds, so there is one for each kind of record."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]
