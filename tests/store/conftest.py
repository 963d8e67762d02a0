"""A small vault with two people, and a clock that moves a second at every look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assistant.store import MasterKey, PassphraseCost, SessionRow, Store

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MARA, IDRIS = "person-00000000000000aa", "person-00000000000000bb"
# Cheap on purpose: what is tested is the wrapping, not the slowness.
CHEAP = PassphraseCost(time_cost=1, memory_kib=64, parallelism=1)


def moving_clock() -> Callable[[], datetime]:
    state = {"now": START}

    def now() -> datetime:
        state["now"] += timedelta(seconds=1)
        return state["now"]

    return now


def session_row(session_id: str, *, person_id: str = MARA, state: str = "open") -> SessionRow:
    return SessionRow(
        session_id=session_id,
        person_id=person_id,
        peer_id="peer-1",
        state=state,
        modality="phone",
        place="library",
        service_date="2026-03-02",
        start="09:30:00+00:00",
        end="",
        created_at=START,
        updated_at=START,
    )


def fill(store: Store) -> None:
    """Two people; two sessions of Mara's, one of Idris's."""
    with store.transaction() as change:
        for person_id in (MARA, IDRIS):
            change.add_person(person_id=person_id, created_at=START)
        change.add_session(session_row("session-1"))
        change.add_session(session_row("session-2"))
        change.add_session(session_row("session-3", person_id=IDRIS))


def put(
    store: Store,
    record_id: str,
    payload: bytes,
    *,
    session_id: str = "session-1",
    person_id: str = MARA,
    kind: str = "draft",
) -> None:
    with store.transaction() as change:
        change.put_words(
            record_id=record_id,
            person_id=person_id,
            session_id=session_id,
            kind=kind,
            payload=payload,
        )


def read(store: Store, record_id: str) -> bytes:
    with store.transaction() as change:
        return change.words(record_id)


def erase(store: Store, *record_ids: str) -> None:
    with store.transaction() as change:
        change.erase_words(record_ids)


def all_bytes(*places: Path) -> bytes:
    """Every byte of every file under the places given."""
    files = [
        file
        for place in places
        for file in ([place] if place.is_file() else place.rglob("*"))
        if file.is_file()
    ]
    return b"\0".join(file.read_bytes() for file in files)


@pytest.fixture
def key() -> MasterKey:
    return MasterKey(value=bytes(range(32)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "vault"


@pytest.fixture
def store(folder: Path, key: MasterKey) -> Iterator[Store]:
    with Store.create(folder, key=key, clock=moving_clock()) as opened:
        fill(opened)
        yield opened
