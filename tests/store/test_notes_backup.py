"""A backup brings back what was lost, and nothing that was erased."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from assistant.errors import StoreCorrupt, StoreError, StoreNewer, WordsGone, WrongKey
from assistant.store import MasterKey, RestoreReport, Store, backup, restore
from tests.store.conftest import (
    IDRIS,
    MARA,
    START,
    all_bytes,
    erase,
    fill,
    moving_clock,
    put,
    read,
)
from tests.store.test_store import consent, decision, release

CANARY = b"my sister's blue door on Alder Street"


def lose_words(store: Store, key: MasterKey) -> Store:
    """Lose words.db and begin an empty one beside the keys that were kept."""
    store.close()
    (store.folder / "words.db").unlink()
    return Store.create(store.folder, key=key, clock=moving_clock())


def fill_richly(store: Store) -> None:
    put(store, "record-1", CANARY)
    put(store, "record-2", b"second", kind="note")
    with store.transaction() as change:
        change.add_consent(consent("consent-1"))
        change.add_decision(session_id="session-1", decision=decision("change"))
        change.add_decision(session_id="session-1", decision=decision("approve"))
        change.add_release(release("release-1"))
        change.set_safety(session_id="session-1", prompt_no=1, state="seen", by="p", at=START)
        change.append_audit('{"n":1}')
        change.append_audit('{"n":2}')


def test_everything_comes_back_into_an_empty_vault(
    store: Store, key: MasterKey, tmp_path: Path
) -> None:
    fill_richly(store)
    backup(store, tmp_path / "backup")
    with lose_words(store, key) as again:
        report = restore(again, tmp_path / "backup")
        assert read(again, "record-1") == CANARY
        assert read(again, "record-2") == b"second"
        with again.transaction() as change:
            assert change.consents(MARA) == (consent("consent-1"),)
            assert [one.verb for one in change.decisions("session-1")] == ["change", "approve"]
            assert change.releases("session-1") == (release("release-1"),)
            assert len(change.safety("session-1")) == 1
            assert change.audit_entries() == ('{"n":1}', '{"n":2}')
    assert (report.n_persons, report.n_sessions, report.n_words) == (2, 3, 2)
    assert (report.n_decisions, report.n_releases, report.n_audit) == (2, 1, 2)
    assert report.n_words_gone == 0
    with Store.open(store.folder, key=key) as again:
        assert again.recovered() == ()
        assert read(again, "record-1") == CANARY


def test_restoring_over_an_unchanged_vault_changes_nothing(store: Store, tmp_path: Path) -> None:
    fill_richly(store)
    backup(store, tmp_path / "backup")
    report = restore(store, tmp_path / "backup")
    assert report == RestoreReport(made_at=report.made_at, **dict.fromkeys(counts(), 0))
    assert read(store, "record-1") == CANARY


def counts() -> list[str]:
    return [name for name in RestoreReport.__dataclass_fields__ if name.startswith("n_")]


def test_a_backup_holds_no_words_and_no_key_in_clear(store: Store, tmp_path: Path) -> None:
    fill_richly(store)
    backup(store, tmp_path / "backup")
    content = all_bytes(tmp_path / "backup")
    assert CANARY not in content
    assert store.key.value not in content
    assert store.key.value.hex().encode() not in content
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o600


def test_erased_words_do_not_come_back_from_an_older_backup(
    store: Store, key: MasterKey, tmp_path: Path
) -> None:
    fill_richly(store)
    backup(store, tmp_path / "older")
    erase(store, "record-1")
    backup(store, tmp_path / "newer")
    for name in ("older", "newer"):
        restore(store, tmp_path / name)
        store.confirm_erased(["record-1"])
    store.close()
    for name in ("older", "newer"):
        (store.folder / "words.db").unlink()
        with Store.create(store.folder, key=key) as again:
            report = restore(again, tmp_path / name)
            again.confirm_erased(["record-1"])
            with pytest.raises(StoreError):
                read(again, "record-1")
            assert read(again, "record-2") == b"second"
            assert report.n_words_gone == (1 if name == "older" else 0)


def test_a_person_erased_stays_erased(store: Store, key: MasterKey, tmp_path: Path) -> None:
    fill_richly(store)
    backup(store, tmp_path / "older")
    with store.transaction() as change:
        change.erase_person(MARA)
    report = restore(store, tmp_path / "older")
    assert report.n_words == 0
    assert report.n_words_gone == 2
    store.confirm_erased(["record-1", "record-2"])
    with lose_words(store, key) as again:
        restore(again, tmp_path / "older")
        again.confirm_erased(["record-1", "record-2"])


def test_what_is_here_is_never_overwritten(store: Store, tmp_path: Path) -> None:
    put(store, "record-1", b"old words")
    backup(store, tmp_path / "older")
    put(store, "record-1", b"new words")
    with store.transaction() as change:
        change.set_state(session_id="session-1", state="approved", at=START)
    restore(store, tmp_path / "older")
    assert read(store, "record-1") == b"new words"
    with store.transaction() as change:
        assert change.session("session-1").state == "approved"


@pytest.mark.parametrize("state", ["withdrawing", "withdrawn", "refused"])
def test_nothing_is_added_to_a_session_that_was_closed_by_its_person(
    store: Store, tmp_path: Path, state: str
) -> None:
    put(store, "record-1", CANARY)
    backup(store, tmp_path / "older")
    with store.words_db.transaction() as connection:  # the row goes, its key is still there
        connection.execute(text("DELETE FROM words"))
    with store.transaction() as change:
        change.set_state(session_id="session-1", state=state, at=START)
    report = restore(store, tmp_path / "older")
    assert (report.n_words, report.n_words_gone) == (0, 1)
    with store.transaction() as change:
        assert change.session("session-1").state == state
        assert change.word_ids("session-1") == ()


def test_a_newer_backup_takes_away_what_it_knows_to_be_withdrawn(
    store: Store, key: MasterKey, tmp_path: Path
) -> None:
    fill_richly(store)
    backup(store, tmp_path / "older")
    shutil.copy(store.folder / "keys.db", tmp_path / "older keys")
    shutil.copy(store.folder / "keys.db-wal", tmp_path / "older keys-wal")
    with store.transaction() as change:
        change.erase_words(["record-1"])
        change.set_consent_withdrawn(consent_id="consent-1", at=START + timedelta(days=1))
        change.set_recalled(release_id="release-1", at=START + timedelta(days=1))
    put(store, "record-2", b"second, corrected", kind="note")
    backup(store, tmp_path / "newer")
    store.close()
    # The disk is lost but for an old keys.db: the worst case that a newer backup still covers.
    (store.folder / "words.db").unlink()
    (store.folder / "keys.db").unlink()
    shutil.copy(tmp_path / "older keys", store.folder / "keys.db")
    shutil.copy(tmp_path / "older keys-wal", store.folder / "keys.db-wal")
    with Store.create(store.folder, key=key) as again:
        again.vault.settle()
        restore(again, tmp_path / "older")
        report = restore(again, tmp_path / "newer")
        again.confirm_erased(["record-1"])
        with again.transaction() as change:
            assert change.consents(MARA)[0].withdrawn_at is not None
            assert change.releases("session-1")[0].recalled_at is not None
    assert (report.n_withdrawn_consents, report.n_erased) == (1, 1)


def test_a_newer_version_of_a_record_takes_the_place_of_an_older_one(
    store: Store, key: MasterKey, tmp_path: Path
) -> None:
    put(store, "record-1", b"old words")
    backup(store, tmp_path / "older")
    old_key = store.vault.live()
    exported = wrapped_rows(store)
    put(store, "record-1", b"new words")
    backup(store, tmp_path / "newer")
    put_back(store, exported)  # as a key copy that holds both keys would
    with lose_words(store, key) as again:
        restore(again, tmp_path / "older")
        assert read(again, "record-1") == b"old words"
        restore(again, tmp_path / "newer")
        assert read(again, "record-1") == b"new words"
        assert again.vault.live().isdisjoint(old_key)


def wrapped_rows(store: Store) -> list[dict[str, object]]:
    with store.vault.database.transaction() as connection:
        return [
            dict(row) for row in connection.execute(text("SELECT * FROM record_keys")).mappings()
        ]


def put_back(store: Store, rows: list[dict[str, object]]) -> None:
    from sqlalchemy import delete, insert

    from assistant.store.tables import dead_keys, record_keys

    with store.vault.database.transaction() as connection:
        connection.execute(delete(dead_keys))
        connection.execute(insert(record_keys), [{**row, "is_settled": True} for row in rows])


def test_an_audit_log_is_continued_but_never_mixed(store: Store, tmp_path: Path) -> None:
    with store.transaction() as change:
        change.append_audit("first")
        change.append_audit("second")
    backup(store, tmp_path / "backup")
    with store.words_db.transaction() as connection:
        connection.execute(text("DELETE FROM audit WHERE position = 2"))
    assert restore(store, tmp_path / "backup").n_audit == 1
    with store.words_db.transaction() as connection:
        connection.execute(text("UPDATE audit SET entry = 'other' WHERE position = 2"))
        connection.execute(text("DELETE FROM audit WHERE position = 1"))
    report = restore(store, tmp_path / "backup")
    assert (report.n_audit, report.n_audit_skipped) == (0, 2)
    with store.transaction() as change:
        assert change.audit_entries() == ("other",)


# ---------------------------------------------------------------- refused


def test_a_name_that_is_taken_is_left_alone(store: Store, tmp_path: Path) -> None:
    (tmp_path / "backup").write_text("a letter")
    with pytest.raises(StoreError, match="there already"):
        backup(store, tmp_path / "backup")
    assert (tmp_path / "backup").read_text() == "a letter"


def test_a_folder_that_is_not_there_is_named(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="folder"):
        backup(store, tmp_path / "none" / "backup")
    with pytest.raises(StoreError, match="none"):
        restore(store, tmp_path / "none")


def test_the_backup_of_another_vault_is_called_so(store: Store, tmp_path: Path) -> None:
    with Store.create(tmp_path / "other", key=MasterKey.generate()) as other:
        fill(other)
        backup(other, tmp_path / "backup")
    with pytest.raises(WrongKey, match="another vault"):
        restore(store, tmp_path / "backup")


def test_a_backup_of_a_newer_version_is_refused(store: Store, tmp_path: Path) -> None:
    from assistant.store.files import read_sealed, write_sealed
    from assistant.store.notes_backup import KIND

    backup(store, tmp_path / "backup")
    whole = read_sealed(tmp_path / "backup", what=KIND)
    newer = {**whole.header, "schema": "9999"}
    write_sealed(tmp_path / "newer", what=KIND, header=newer, body=whole.body())
    with pytest.raises(StoreNewer):
        restore(store, tmp_path / "newer")


def test_a_damaged_vault_is_not_backed_up(store: Store, key: MasterKey, tmp_path: Path) -> None:
    for number in range(20):
        put(store, f"record-{number}", b"x" * 4000)
    store.close()
    path = store.folder / "words.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:-2000] + bytes([whole[-2000] ^ 1]) + whole[-1999:])
    with Store.open(store.folder, key=key) as again, pytest.raises(StoreCorrupt):
        backup(again, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(min_value=0), flip=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_backup_is_called_damaged_and_changes_nothing(
    store: Store, tmp_path: Path, position: int, flip: int, cut: bool
) -> None:
    source = tmp_path / "backup"
    if not source.exists():
        put(store, "record-1", CANARY)
        backup(store, source)
        erase(store, "record-1")
    whole = source.read_bytes()
    at = position % len(whole)
    damaged = whole[:at] if cut else whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :]
    (tmp_path / "damaged").write_bytes(damaged)
    before = (store.folder / "words.db").read_bytes()
    with pytest.raises(StoreCorrupt):
        restore(store, tmp_path / "damaged")
    assert (store.folder / "words.db").read_bytes() == before
    assert not list(store.folder.glob(".scratch*"))


FULL = """
import json, resource, sys
from pathlib import Path
from assistant.errors import StoreFull
from assistant.store import MasterKey, Store, backup, restore

folder, old, new = (Path(one) for one in sys.argv[1:])
store = Store.open(folder, key=MasterKey(value=bytes(range(32))))
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
told = []
for limit in (100_000, 300_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    for attempt in (lambda: backup(store, new), lambda: restore(store, old)):
        try:
            attempt()
            told.append("done")
        except StoreFull:
            told.append("full")
    new.unlink(missing_ok=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
store.words_db._raw.execute("PRAGMA max_page_count = 60")  # room for a part of the merge
try:
    restore(store, old)
except StoreFull:
    told.append("full")
store.words_db._raw.execute("PRAGMA max_page_count = 1000000")
with store.transaction() as change:
    ids = [one for one, _ in change.word_ids("session-1")]
left = [p.name for p in [*folder.iterdir(), *new.parent.iterdir()] if p.name[:8] == ".scratch"]
print(json.dumps({"told": told, "ids": ids, "left": left}))
report = restore(store, old)
print(report.n_words)
store.close()
"""


def test_a_full_disk_leaves_no_half_backup_and_no_half_restore(
    store: Store, key: MasterKey, tmp_path: Path
) -> None:
    for number in range(16):
        put(store, f"record-{number:02}", b"x" * 20_000)
    backup(store, tmp_path / "backup")
    with lose_words(store, key) as again:
        fill(again)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            FULL,
            str(store.folder),
            str(tmp_path / "backup"),
            str(tmp_path / "new"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    seen, n_words = done.stdout.splitlines()
    result = json.loads(seen)
    backed_up, restored = result["told"][0:4:2], result["told"][1::2] + result["told"][4:]
    assert backed_up == ["full", "done"]  # what is here by then fits into the larger limit
    assert restored == ["full"] * 3
    assert result["ids"] == []
    assert result["left"] == []
    assert n_words == "16"


def test_words_withdrawn_are_called_so_after_a_restore(store: Store, tmp_path: Path) -> None:
    put(store, "record-1", CANARY, session_id="session-3", person_id=IDRIS)
    backup(store, tmp_path / "older")
    erase(store, "record-1")
    restore(store, tmp_path / "older")
    with pytest.raises(WordsGone):
        read(store, "record-1")
