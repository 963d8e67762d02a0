"""Running statements of one open change, and what a failed one does to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    Connection,
    CursorResult,
    Delete,
    Executable,
    Insert,
    RowMapping,
    Table,
    Update,
    insert,
)

from assistant.errors import StoreError
from assistant.store.database import database_errors
from assistant.store.rows import optional_time_text

_FILE = "words.db"


class Statements:
    """What the parts of a change share: one connection, gone after the first failure."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._connection: Connection | None = None
        self._clock = clock

    def _usable(self) -> Connection:
        if self._connection is None:
            raise StoreError("This change has failed or ended. Begin another one.")
        return self._connection

    def _execute(self, statement: Executable) -> CursorResult[Any]:
        connection = self._usable()
        try:
            with database_errors(_FILE):
                result = connection.execute(statement)
                return cast("CursorResult[Any]", result)
        except StoreError:
            self._connection = None
            raise

    def _rows(self, statement: Executable) -> Sequence[RowMapping]:
        result = self._execute(statement)
        try:
            with database_errors(_FILE):
                return result.mappings().all()
        except StoreError:
            self._connection = None
            raise

    def _insert(self, table: Table, **values: object) -> None:
        self._execute(insert(table).values(**values))

    def _change(self, statement: Update | Delete | Insert) -> int:
        return self._execute(statement).rowcount

    def _update_one(self, statement: Update, what: str) -> None:
        if self._change(statement) != 1:
            raise StoreError(f"There is no {what} here.")


def fields_of(record: Any, *times: str) -> Mapping[str, Any]:  # noqa: ANN401 - any dataclass
    values = {name: getattr(record, name) for name in type(record).__dataclass_fields__}
    return {**values, **{name: optional_time_text(values[name]) for name in times}}
