"""Wrong key, damaged file, busy folder, full disk, newer version: each for real."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text, update

from assistant.errors import StoreBusy, StoreCorrupt, StoreError, StoreFull, StoreNewer, WrongKey
from assistant.store import MasterKey, Store
from assistant.store.tables import keys_about
from tests.store.conftest import IDRIS, MARA, erase, fill, moving_clock, put, read

WORDS = {f"record-{number}": f"statement {number} ".encode() * 90 for number in range(20)}
KEY = MasterKey(value=bytes(range(32)))


@pytest.fixture(scope="module")
def closed_vault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("closed") / "vault"
    with Store.create(folder, key=KEY, clock=moving_clock()) as store:
        fill(store)
        for record_id, payload in WORDS.items():
            put(store, record_id, payload)
        put(store, "record-x", b"erased", session_id="session-3", person_id=IDRIS)
        erase(store, "record-x")
    return folder


def test_another_key_is_called_wrong_and_changes_nothing(closed_vault: Path) -> None:
    before = {path.name: path.read_bytes() for path in closed_vault.glob("*.*")}
    with pytest.raises(WrongKey):
        Store.open(closed_vault, key=MasterKey.generate())
    assert {path.name: path.read_bytes() for path in closed_vault.glob("*.*")} == before


def test_creating_over_another_vaults_key_is_refused(closed_vault: Path, tmp_path: Path) -> None:
    shutil.copy(closed_vault / "key.json", tmp_path / "key.json")
    with pytest.raises(WrongKey):
        Store.create(tmp_path, key=MasterKey.generate())
    assert not (tmp_path / "words.db").exists()


@pytest.mark.parametrize("name", ["words.db", "keys.db"])
@pytest.mark.parametrize("how", ["missing", "empty"])
def test_a_missing_or_empty_file_is_not_taken_for_an_empty_vault(
    closed_vault: Path, tmp_path: Path, name: str, how: str
) -> None:
    folder = shutil.copytree(closed_vault, tmp_path / "vault")
    if how == "missing":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(b"")
    with pytest.raises(StoreCorrupt, match=name):
        Store.open(folder, key=KEY)
    assert (folder / name).exists() == (how == "empty")


def test_the_keys_of_another_vault_are_noticed(closed_vault: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(closed_vault, tmp_path / "vault")
    Store.create(tmp_path / "other", key=KEY).close()
    shutil.copy(tmp_path / "other" / "keys.db", folder / "keys.db")
    with pytest.raises(StoreCorrupt, match="different vaults"):
        Store.open(folder, key=KEY)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["words.db", "keys.db"]),
    position=st.integers(min_value=0),
    flip=st.integers(1, 255),
    how=st.sampled_from(["flip", "cut", "zero a page"]),
)
def test_a_damaged_file_is_called_damaged_and_never_yields_other_words(
    closed_vault: Path, tmp_path: Path, name: str, position: int, flip: int, how: str
) -> None:
    folder = tmp_path / "vault"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(closed_vault, folder)
    path = folder / name
    whole = path.read_bytes()
    at = position % len(whole)
    if how == "flip":
        damaged = whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :]
    elif how == "cut":
        damaged = whole[:at]
    else:
        page = at // 4096 * 4096
        damaged = whole[:page] + bytes(4096) + whole[page + 4096 :]
    path.write_bytes(damaged)
    try:
        with Store.open(folder, key=KEY) as store:
            assert store.recovered() == ()
            store.check_pages()
            assert {one: read(store, one) for one in WORDS} == WORDS
    except StoreCorrupt:
        assert path.read_bytes() == damaged  # left for somebody to look at
        return
    assert damaged == whole


def test_the_search_for_damage_reads_every_page(closed_vault: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(closed_vault, tmp_path / "vault")
    with Store.open(folder, key=KEY) as store:
        store.check_pages()


# ---------------------------------------------------------------- another process


HOLDER = """
import sys
from pathlib import Path
from assistant.store import MasterKey, Store
with Store.open(Path(sys.argv[1]), key=MasterKey(value=bytes(range(32)))):
    print("open", flush=True)
    sys.stdin.readline()
"""


def test_a_folder_open_in_another_process_is_busy_and_free_after_it(
    closed_vault: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(closed_vault, tmp_path / "vault")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(StoreBusy):
            Store.open(folder, key=KEY)
        holder.communicate("done\n")
    Store.open(folder, key=KEY).close()


def test_a_folder_open_in_the_same_process_is_busy(store: Store, key: MasterKey) -> None:
    with pytest.raises(StoreBusy):
        Store.open(store.folder, key=key)
    put(store, "record-1", b"still works")
    assert read(store, "record-1") == b"still works"


def test_a_database_held_by_another_program_is_busy(closed_vault: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(closed_vault, tmp_path / "vault")
    held = """
import sys, sqlite3
c = sqlite3.connect(sys.argv[1], isolation_level=None)
import fcntl, struct
f = open(sys.argv[1], "r+b")
# SQLite's pending, reserved and shared bytes, https://www.sqlite.org/lockingv3.html
fcntl.lockf(f, fcntl.LOCK_EX, 512, 0x40000000)
print("held", flush=True)
sys.stdin.readline()
"""
    with subprocess.Popen(
        [sys.executable, "-c", held, str(folder / "words.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreBusy):
            Store.open(folder, key=KEY)
        holder.communicate("done\n")
    Store.open(folder, key=KEY).close()


# ---------------------------------------------------------------- a full disk


FULL = """
import json, resource, sys
from pathlib import Path
from assistant.errors import StoreFull
from assistant.store import MasterKey, Store

folder, person_id = Path(sys.argv[1]), sys.argv[2]
store = Store.open(folder, key=MasterKey(value=bytes(range(32))))
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
kept = []
told = ""
for number in range(400):
    try:
        with store.transaction() as change:
            change.set_state(
                session_id="session-1", state=f"state-{number}", at=store.clock())
            change.put_words(record_id=f"big-{number}", person_id=person_id,
                session_id="session-1", kind="draft", payload=b"x" * 20_000)
        kept.append(f"big-{number}")
    except StoreFull as error:
        told = str(error)
        break
with store.transaction() as change:
    state = change.session("session-1").state
    readable = [one for one in kept if change.words(one) == b"x" * 20_000]
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
with store.transaction() as change:
    change.put_words(record_id="after", person_id=person_id, session_id="session-1",
        kind="draft", payload=b"room again")
live = len(store.vault.live())
store.close()
print(json.dumps({"kept": kept, "told": told, "state": state, "readable": readable, "live": live}))
"""


def test_a_full_disk_keeps_what_was_committed_and_nothing_of_the_rest(
    closed_vault: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(closed_vault, tmp_path / "vault")
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(folder), MARA],
        capture_output=True,
        text=True,
        check=True,
    )
    seen = json.loads(done.stdout)
    assert done.stderr == ""
    assert "no room" in seen["told"]
    assert seen["kept"]
    assert seen["readable"] == seen["kept"]
    assert seen["state"] == f"state-{len(seen['kept']) - 1}"  # the failed change left no half
    assert seen["live"] == len(seen["kept"]) + len(WORDS) + 1
    with Store.open(folder, key=KEY) as store:
        assert store.recovered() == ()
        store.check_pages()
        assert {one: read(store, one) for one in WORDS} == WORDS
        assert read(store, "after") == b"room again"


def test_room_that_runs_out_inside_the_database_is_a_full_disk(store: Store) -> None:
    put(store, "record-1", b"small")
    store.words_db._raw.execute("PRAGMA max_page_count = 60")
    with pytest.raises(StoreError, match="no room"):
        put(store, "record-2", b"x" * 400_000)
    store.words_db._raw.execute("PRAGMA max_page_count = 1000000")
    put(store, "record-3", b"room again")
    assert read(store, "record-1") == b"small"
    assert len(store.vault.live()) == 2


# ---------------------------------------------------------------- a newer version


def test_tables_of_a_newer_version_are_left_alone(closed_vault: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(closed_vault, tmp_path / "vault")
    with Store.open(folder, key=KEY) as store, store.words_db.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreNewer, match=r"words\.db"):
        Store.open(folder, key=KEY)


def test_keys_of_a_newer_version_are_left_alone(closed_vault: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(closed_vault, tmp_path / "vault")
    with Store.open(folder, key=KEY) as store, store.vault.database.transaction() as connection:
        newer = update(keys_about).where(keys_about.c.name == "schema").values(value="99")
        connection.execute(newer)
    with pytest.raises(StoreNewer, match=r"keys\.db"):
        Store.open(folder, key=KEY)


def test_no_message_quotes_what_was_being_stored(store: Store) -> None:
    store.words_db._raw.execute("PRAGMA max_page_count = 60")
    with pytest.raises(StoreError) as refused:
        put(store, "record-2", b"Alder Street" * 40_000)
    assert "Alder" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_erasing_on_a_full_disk_frees_the_room_set_aside_for_it(store: Store, folder: Path) -> None:
    put(store, "record-1", b"x" * 20_000)
    reserve = folder / "reserve"
    assert reserve.stat().st_size == 1 << 20
    room = "PRAGMA max_page_count = {}"
    store.words_db._raw.execute(room.format(1))  # not a page more than there are
    with pytest.raises(StoreFull):
        put(store, "record-2", b"x" * 20_000)
    assert reserve.exists()  # not for new words

    def erase_with_a_long_trail() -> None:
        with store.transaction() as change:
            change.erase_words(["record-1"])
            for number in range(2_000):
                change.append_audit(f"entry {number} of more than there is room for")

    with pytest.raises(StoreFull):
        erase_with_a_long_trail()
    assert not reserve.exists()
    store.words_db._raw.execute(room.format(1_000_000))
    erase(store, "record-1")
    store.confirm_erased(["record-1"])
