"""The copy of the keys: a lost disk comes back, a destroyed key does not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from assistant.errors import StoreCorrupt, StoreError, WordsGone, WrongKey
from assistant.store import (
    MasterKey,
    Store,
    backup,
    backup_keys,
    create_key,
    key_copy_is_stale,
    key_copy_state,
    restore,
    restore_keys,
    unlock_key,
)
from tests.store.conftest import CHEAP, IDRIS, MARA, all_bytes, erase, fill, put, read

RIGHT = SecretStr("kettle on the windowsill")
CANARY = b"my sister's blue door on Alder Street"


def copy_keys(store: Store, destination: Path) -> None:
    backup_keys(store, destination, passphrase=RIGHT, cost=CHEAP)


def bring_back(folder: Path, source: Path, *tombstones: str) -> MasterKey:
    restore_keys(folder, source, passphrase=RIGHT, tombstones=tombstones, cost=CHEAP)
    return unlock_key(folder, passphrase=RIGHT)


def test_a_lost_disk_comes_back_from_both_copies(store: Store, tmp_path: Path) -> None:
    put(store, "record-1", CANARY)
    backup(store, tmp_path / "notes")
    copy_keys(store, tmp_path / "keys")
    store.close()
    shutil.rmtree(store.folder)
    key = bring_back(store.folder, tmp_path / "keys")
    assert key == store.key
    with Store.open(store.folder, key=key) as again:
        assert restore(again, tmp_path / "notes").n_words == 1
        assert read(again, "record-1") == CANARY
        assert not key_copy_is_stale(again)


def test_a_key_copy_shows_no_key(store: Store, tmp_path: Path) -> None:
    put(store, "record-1", CANARY)
    copy_keys(store, tmp_path / "keys")
    content = all_bytes(tmp_path / "keys")
    assert store.key.value not in content
    assert store.key.value.hex().encode() not in content
    assert CANARY not in content
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o600


def test_lost_keys_come_back_beside_the_words_that_were_kept(store: Store, tmp_path: Path) -> None:
    put(store, "record-1", CANARY)
    copy_keys(store, tmp_path / "keys")
    put(store, "record-2", b"put after the copy")
    store.close()
    (store.folder / "keys.db").unlink()
    with pytest.raises(StoreCorrupt, match=r"keys\.db"):
        Store.open(store.folder, key=store.key)
    report = restore_keys(store.folder, tmp_path / "keys", passphrase=RIGHT)
    assert (report.n_people, report.n_records, report.n_dropped) == (1, 1, 0)
    with Store.open(store.folder, key=store.key) as again:
        assert read(again, "record-1") == CANARY
        assert again.recovered() == ("record-2",)  # its key is in no copy


def test_the_words_file_bars_keys_destroyed_after_the_copy(store: Store, tmp_path: Path) -> None:
    put(store, "record-1", CANARY)
    put(store, "record-2", b"his", session_id="session-3", person_id=IDRIS)
    put(store, "record-3", b"stays")
    copy_keys(store, tmp_path / "keys")
    backup(store, tmp_path / "notes")
    erase(store, "record-1")
    with store.transaction() as change:
        change.erase_person(IDRIS)
    store.close()
    (store.folder / "keys.db").unlink()
    report = restore_keys(store.folder, tmp_path / "keys", passphrase=RIGHT)
    assert report.n_dropped == 3  # two records and a person
    with Store.open(store.folder, key=store.key) as again:
        assert restore(again, tmp_path / "notes").n_words == 0
        again.confirm_erased(["record-1", "record-2"])
        assert again.vault.person_key_id(IDRIS) is None
        assert read(again, "record-3") == b"stays"
        assert key_copy_is_stale(again)


@pytest.mark.parametrize(
    ("tombstone", "gone"),
    [
        ("record-1", {"record-1"}),  # as the audit log names a record
        (MARA, {"record-1", "record-3"}),  # as it names a person
        ("record-unknown", set()),
    ],
)
def test_ids_from_an_audit_log_bar_keys_when_the_disk_is_lost(
    store: Store, tmp_path: Path, tombstone: str, gone: set[str]
) -> None:
    put(store, "record-1", CANARY)
    put(store, "record-2", b"his", session_id="session-3", person_id=IDRIS)
    put(store, "record-3", b"hers")
    backup(store, tmp_path / "notes")
    copy_keys(store, tmp_path / "keys")
    store.close()
    shutil.rmtree(store.folder)
    key = bring_back(store.folder, tmp_path / "keys", tombstone)
    with Store.open(store.folder, key=key) as again:
        report = restore(again, tmp_path / "notes")
        assert report.n_words_gone == len(gone)
        again.confirm_erased(gone)
        for record_id in {"record-1", "record-2", "record-3"} - gone:
            assert read(again, record_id)


def test_a_newer_notes_backup_bars_keys_of_an_older_key_copy(store: Store, tmp_path: Path) -> None:
    put(store, "record-1", CANARY)
    copy_keys(store, tmp_path / "keys")
    backup(store, tmp_path / "older")
    erase(store, "record-1")
    backup(store, tmp_path / "newer")
    store.close()
    shutil.rmtree(store.folder)
    key = bring_back(store.folder, tmp_path / "keys")
    with Store.open(store.folder, key=key) as again:
        restore(again, tmp_path / "newer")
        restore(again, tmp_path / "older")
        again.confirm_erased(["record-1"])
        with pytest.raises(WordsGone):
            read(again, "record-1")


def test_a_key_copy_grows_stale_with_every_key_made_or_destroyed(
    store: Store, tmp_path: Path
) -> None:
    put(store, "record-1", CANARY)
    assert not key_copy_is_stale(store)  # there is none
    assert key_copy_state(store).made_at == ""
    copy_keys(store, tmp_path / "first")
    assert not key_copy_is_stale(store)
    erase(store, "record-1")
    state = key_copy_state(store)
    assert (state.n_made_since, state.n_destroyed_since) == (0, 1)
    assert key_copy_is_stale(store)
    copy_keys(store, tmp_path / "second")
    assert not key_copy_is_stale(store)
    put(store, "record-2", CANARY)
    assert key_copy_state(store).n_made_since == 1
    assert key_copy_is_stale(store)


# ---------------------------------------------------------------- refused


def test_living_keys_are_never_replaced(store: Store, tmp_path: Path) -> None:
    put(store, "record-1", CANARY)
    copy_keys(store, tmp_path / "keys")
    store.close()
    before = (store.folder / "keys.db").read_bytes()
    with pytest.raises(StoreError, match=r"keys\.db"):
        restore_keys(store.folder, tmp_path / "keys", passphrase=RIGHT)
    assert (store.folder / "keys.db").read_bytes() == before


def test_another_passphrase_does_not_open_a_key_copy(store: Store, tmp_path: Path) -> None:
    copy_keys(store, tmp_path / "keys")
    with pytest.raises(WrongKey):
        restore_keys(tmp_path / "new", tmp_path / "keys", passphrase=SecretStr("another"))
    assert not (tmp_path / "new").exists()


def test_the_key_copy_of_another_vault_is_refused(store: Store, tmp_path: Path) -> None:
    copy_keys(store, tmp_path / "keys")
    other = tmp_path / "other"
    with Store.create(other, key=create_key(other, passphrase=RIGHT, cost=CHEAP)) as stranger:
        fill(stranger)
    (other / "keys.db").unlink()
    with pytest.raises(WrongKey):
        restore_keys(other, tmp_path / "keys", passphrase=RIGHT)
    assert not (other / "keys.db").exists()


def test_a_notes_backup_is_not_taken_for_a_key_copy(store: Store, tmp_path: Path) -> None:
    backup(store, tmp_path / "notes")
    with pytest.raises(StoreCorrupt, match="KEY COPY"):
        restore_keys(tmp_path / "new", tmp_path / "notes", passphrase=RIGHT)


def test_an_existing_file_is_not_overwritten_by_a_key_copy(store: Store, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a letter")
    with pytest.raises(StoreError, match="there already"):
        copy_keys(store, tmp_path / "keys")
    assert key_copy_state(store).made_at == ""


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(min_value=0), flip=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_key_copy_is_called_damaged_and_changes_nothing(
    store: Store, tmp_path: Path, position: int, flip: int, cut: bool
) -> None:
    source = tmp_path / "keys"
    if not source.exists():
        put(store, "record-1", CANARY)
        copy_keys(store, source)
    whole = source.read_bytes()
    at = position % len(whole)
    damaged = whole[:at] if cut else whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :]
    (tmp_path / "damaged").write_bytes(damaged)
    with pytest.raises(StoreCorrupt):
        restore_keys(tmp_path / "new", tmp_path / "damaged", passphrase=RIGHT)
    assert not (tmp_path / "new").exists()
