"""Erased words are gone from the rows, the keys, the journals, and from every older copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from sqlalchemy import delete, insert, select, update

from assistant.errors import StoreCorrupt, StoreError, WordsGone
from assistant.store import MasterKey, Store
from assistant.store.tables import erased, record_keys, words
from assistant.store.vault import DeadKey
from tests.store.conftest import IDRIS, MARA, all_bytes, erase, put, read

CANARY = b"my sister's blue door on Alder Street"
PAGE_BYTES, RESERVED_BYTES = 4096, 80  # SQLCipher 4: IV and HMAC end each page


def decrypted_pages(path: Path, key: bytes) -> Iterator[bytes]:
    """Every page of a SQLCipher file in clear, free pages included (the design of SQLCipher 4)."""
    content = path.read_bytes()
    for start in range(0, len(content), PAGE_BYTES):
        page = content[start : start + PAGE_BYTES]
        if start == 0:
            page = page[16:]  # the salt stands in clear
        iv = page[-RESERVED_BYTES : -RESERVED_BYTES + 16]
        decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
        yield decryptor.update(page[:-RESERVED_BYTES]) + decryptor.finalize()


def wrapped_keys(store: Store) -> list[bytes]:
    with store.vault.database.transaction() as connection:
        return list(connection.execute(select(record_keys.c.wrapped)).scalars())


def test_erased_words_cannot_be_read_and_read_back_as_gone(store: Store) -> None:
    put(store, "record-1", CANARY)
    put(store, "record-2", b"stays")
    with store.transaction() as change:
        assert change.erase_words(["record-1", "record-9"]) == ("record-1",)
        with pytest.raises(WordsGone):
            change.words("record-1")
        assert change.word_ids("session-1") == (("record-2", "draft"),)
    with pytest.raises(WordsGone, match="record-1"):
        read(store, "record-1")
    store.confirm_erased(["record-1"])
    assert read(store, "record-2") == b"stays"


def test_erasing_again_is_harmless(store: Store) -> None:
    put(store, "record-1", CANARY)
    erase(store, "record-1")
    with store.transaction() as change:
        assert change.erase_words(["record-1"]) == ()


def test_what_is_still_there_is_not_confirmed(store: Store) -> None:
    put(store, "record-1", CANARY)
    with pytest.raises(StoreError, match="record-1"):
        store.confirm_erased(["record-1", "record-2"])


def test_a_key_that_outlived_its_row_is_not_confirmed(store: Store) -> None:
    put(store, "record-1", CANARY)
    with store.words_db.transaction() as connection:
        connection.execute(delete(words))
    with pytest.raises(StoreError, match="record-1"):
        store.confirm_erased(["record-1"])


def test_the_wrapped_key_is_overwritten_in_the_file_and_the_journal_is_empty(
    store: Store, key: MasterKey, folder: Path
) -> None:
    for number in range(30):
        put(store, f"record-{number}", CANARY)
    keys_file, file_key = folder / "keys.db", key.derive("file keys.db")
    store.vault.database.empty_journal()
    wrapped = wrapped_keys(store)
    in_file = b"".join(decrypted_pages(keys_file, file_key))
    assert all(one in in_file for one in wrapped)  # the reading of the file is right
    erase(store, *(f"record-{number}" for number in range(30)))
    in_file = b"".join(decrypted_pages(keys_file, file_key))
    assert not any(one in in_file for one in wrapped)
    assert (folder / "keys.db-wal").stat().st_size == 0
    assert (folder / "words.db-wal").stat().st_size == 0


def test_a_session_can_be_erased_and_a_record_id_used_again(store: Store) -> None:
    put(store, "record-1", b"first")
    erase(store, "record-1")
    put(store, "record-1", b"second")
    assert read(store, "record-1") == b"second"
    erase(store, "record-1")
    store.confirm_erased(["record-1"])


def test_erasing_a_person_takes_every_word_of_theirs_and_nobody_elses(store: Store) -> None:
    put(store, "record-1", CANARY)
    put(store, "record-2", CANARY, session_id="session-2")
    put(store, "record-3", b"his", session_id="session-3", person_id=IDRIS)
    with store.transaction() as change:
        assert change.erase_person(MARA) == ("record-1", "record-2")
    store.confirm_erased(["record-1", "record-2"])
    assert store.vault.person_key_id(MARA) is None
    assert read(store, "record-3") == b"his"
    with store.transaction() as change:
        assert change.session("session-1").state == "open"
        assert [one.erased_at is not None for one in change.persons()] == [True, False]
    with pytest.raises(StoreError, match="erased"):
        put(store, "record-4", b"new")


def test_erasing_somebody_unknown_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="person-9"), store.transaction() as change:
        change.erase_person("person-9")


# ---------------------------------------------------------------- rows moved by hand


def test_rows_with_swapped_words_do_not_open(store: Store) -> None:
    put(store, "record-1", b"hers")
    put(store, "record-2", b"his", session_id="session-3", person_id=IDRIS)
    with store.words_db.transaction() as connection:
        rows = {row.record_id: row for row in connection.execute(select(words))}
        for record_id, other in (("record-1", "record-2"), ("record-2", "record-1")):
            connection.execute(
                update(words)
                .where(words.c.record_id == record_id)
                .values(sealed=rows[other].sealed, key_id=f"passing {record_id}")
            )
        for record_id, other in (("record-1", "record-2"), ("record-2", "record-1")):
            connection.execute(
                update(words)
                .where(words.c.record_id == record_id)
                .values(key_id=rows[other].key_id)
            )
    for record_id in ("record-1", "record-2"):
        with pytest.raises(StoreCorrupt, match=record_id):
            read(store, record_id)


def test_a_row_given_to_another_person_does_not_open(store: Store) -> None:
    put(store, "record-1", b"hers")
    with store.words_db.transaction() as connection:
        connection.execute(update(words).values(person_id=IDRIS))
    with pytest.raises(StoreCorrupt, match="record-1"):
        read(store, "record-1")


def test_a_record_key_given_to_another_person_does_not_open(store: Store) -> None:
    put(store, "record-1", b"hers")
    put(store, "record-2", b"his", session_id="session-3", person_id=IDRIS)
    with store.vault.database.transaction() as connection:
        connection.execute(update(record_keys).values(person_id=IDRIS))
    with pytest.raises(StoreCorrupt, match="record-1"):
        read(store, "record-1")


# ---------------------------------------------------------------- cut off half-way


def test_opening_removes_rows_whose_key_is_gone_and_names_them(
    store: Store, key: MasterKey
) -> None:
    put(store, "record-1", CANARY)
    put(store, "record-2", b"stays")
    (key_id,) = [key_id for key_id in store.vault.live() if key_of(store, "record-1") == key_id]
    store.vault.destroy(
        [DeadKey(key_id=key_id, subject_id="record-1", why="erased", erased_at="2026-03-02")]
    )
    store.close()
    with Store.open(store.folder, key=key) as again:
        assert again.recovered() == ("record-1",)
        assert read(again, "record-2") == b"stays"
        again.confirm_erased(["record-1"])


def key_of(store: Store, record_id: str) -> str:
    with store.words_db.transaction() as connection:
        found = connection.execute(select(words.c.key_id).where(words.c.record_id == record_id))
        return str(found.scalar_one())


def test_opening_finishes_an_erasure_that_was_cut_off_before_its_keys(
    store: Store, key: MasterKey
) -> None:
    put(store, "record-1", CANARY)
    put(store, "record-2", b"stays")
    dead = DeadKey(
        key_id=key_of(store, "record-1"),
        subject_id="record-1",
        why="erased",
        erased_at="2026-03-02",
    )
    with store.words_db.transaction() as connection:  # what step 2 leaves behind
        connection.execute(insert(erased).values(**dead.values()))
    with pytest.raises(WordsGone):
        read(store, "record-1")
    store.close()
    with Store.open(store.folder, key=key) as again:
        assert again.recovered() == ("record-1",)
        again.confirm_erased(["record-1"])
        assert read(again, "record-2") == b"stays"


def test_opening_drops_keys_that_no_row_ever_used(store: Store, key: MasterKey) -> None:
    put(store, "record-1", b"stays")
    orphan = store.vault.make_key(record_id="record-2", person_id=MARA)
    store.vault.add([orphan])  # what step 1 leaves behind
    store.words_db.close()  # as a crash does: nothing is settled on the way out
    store.vault.database.close()
    store._file_lock.release()
    with Store.open(store.folder, key=key) as again:
        assert again.recovered() == ()
        assert again.vault.live() == {key_of(again, "record-1")}
        assert read(again, "record-1") == b"stays"


def test_an_older_words_file_put_back_brings_nothing_back(
    store: Store, key: MasterKey, tmp_path: Path
) -> None:
    put(store, "record-1", CANARY)
    store.close()
    shutil.copy(store.folder / "words.db", tmp_path / "older")
    with Store.open(store.folder, key=key) as again:
        erase(again, "record-1")
    shutil.copy(tmp_path / "older", store.folder / "words.db")
    with Store.open(store.folder, key=key) as again:
        assert again.recovered() == ("record-1",)
        again.confirm_erased(["record-1"])


def test_an_older_keys_file_put_back_brings_nothing_back(
    store: Store, key: MasterKey, tmp_path: Path
) -> None:
    put(store, "record-1", CANARY)
    put(store, "record-2", CANARY, session_id="session-3", person_id=IDRIS)
    store.close()
    shutil.copy(store.folder / "keys.db", tmp_path / "older")
    with Store.open(store.folder, key=key) as again:
        erase(again, "record-1")
        with again.transaction() as change:
            change.erase_person(IDRIS)
    shutil.copy(tmp_path / "older", store.folder / "keys.db")
    with Store.open(store.folder, key=key) as again:
        again.confirm_erased(["record-1", "record-2"])
        assert again.vault.person_key_id(IDRIS) is None


def test_an_interrupt_at_the_commit_leaves_both_files_in_agreement(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "record-1", b"old")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt  # as Ctrl-C does just after words.db was committed

    with monkeypatch.context() as patch:
        patch.setattr(store, "_finish_erasing", interrupted)
        with pytest.raises(KeyboardInterrupt):
            put(store, "record-1", b"new")
    assert read(store, "record-1") == b"new"
    assert len(store.vault.live()) == 1


def test_erased_words_leave_no_byte_behind(store: Store, folder: Path) -> None:
    put(store, "record-1", CANARY * 500)
    erase(store, "record-1")
    assert CANARY not in all_bytes(folder)
