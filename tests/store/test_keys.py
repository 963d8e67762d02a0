from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backend
import keyring.backends.fail
import keyring.backends.null
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from assistant.errors import StoreCorrupt, StoreError, StoreNewer, WrongKey
from assistant.store import MasterKey, change_passphrase, create_key, unlock_key
from assistant.store.keys import protect_key
from tests.store.conftest import CHEAP

RIGHT, OTHER = SecretStr("kettle on the windowsill"), SecretStr("a bicycle with one brake")


class DictKeyring(keyring.backend.KeyringBackend):
    """Keeps passwords in memory, as a desktop keyring would."""

    priority = 5  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def desktop() -> Iterator[DictKeyring]:
    before = keyring.get_keyring()
    backend = DictKeyring()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


@pytest.fixture(params=["fail", "null"])
def no_desktop(request: pytest.FixtureRequest) -> Iterator[None]:
    # "null" is what a person may have configured: it takes every password and keeps none.
    backends = {"fail": keyring.backends.fail.Keyring, "null": keyring.backends.null.Keyring}
    before = keyring.get_keyring()
    keyring.set_keyring(backends[request.param]())
    yield
    keyring.set_keyring(before)


def test_a_master_key_shows_no_part_of_itself() -> None:
    key = MasterKey(value=b"0123456789abcdef0123456789abcdef")
    assert "0123" not in repr(key)
    assert key.value.hex()[:8] not in repr(key)


def test_a_key_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(WrongKey):
        MasterKey(value=b"short")


def test_the_passphrase_opens_what_it_protected(folder: Path) -> None:
    key = create_key(folder, passphrase=RIGHT, cost=CHEAP)
    assert unlock_key(folder, passphrase=RIGHT) == key


def test_key_file_is_for_its_owner_alone_and_holds_neither_key_nor_passphrase(folder: Path) -> None:
    key = create_key(folder, passphrase=RIGHT, cost=CHEAP)
    path = folder / "key.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert key.value.hex() not in path.read_text()
    assert RIGHT.get_secret_value() not in path.read_text()


def test_the_default_cost_is_the_second_choice_of_rfc_9106(folder: Path) -> None:
    create_key(folder, passphrase=RIGHT)
    kept = json.loads((folder / "key.json").read_text())["passphrase"]
    assert (kept["time_cost"], kept["memory_kib"], kept["parallelism"]) == (3, 65_536, 4)


def test_another_passphrase_does_not_open(folder: Path) -> None:
    create_key(folder, passphrase=RIGHT, cost=CHEAP)
    with pytest.raises(WrongKey) as refused:
        unlock_key(folder, passphrase=OTHER)
    assert OTHER.get_secret_value() not in str(refused.value)


def test_letters_typed_as_other_code_points_are_the_same_passphrase(folder: Path) -> None:
    key = create_key(folder, passphrase=SecretStr("café au lait"), cost=CHEAP)
    assert unlock_key(folder, passphrase=SecretStr("cafe\u0301 au lait")) == key


@pytest.mark.parametrize("blank", ["", "   "])
def test_an_empty_passphrase_is_refused(folder: Path, blank: str) -> None:
    with pytest.raises(StoreError, match="empty"):
        create_key(folder, passphrase=SecretStr(blank), cost=CHEAP)
    assert not (folder / "key.json").exists()


def test_a_key_without_any_protection_is_refused(folder: Path) -> None:
    with pytest.raises(StoreError, match="passphrase"):
        create_key(folder)


def test_a_second_key_for_the_same_folder_is_refused(folder: Path) -> None:
    key = create_key(folder, passphrase=RIGHT, cost=CHEAP)
    with pytest.raises(StoreError, match="already"):
        create_key(folder, passphrase=OTHER, cost=CHEAP)
    assert unlock_key(folder, passphrase=RIGHT) == key


def test_changing_the_passphrase_keeps_the_key_and_drops_the_old_passphrase(folder: Path) -> None:
    key = create_key(folder, passphrase=RIGHT, cost=CHEAP)
    change_passphrase(folder, current=RIGHT, new=OTHER, cost=CHEAP)
    assert unlock_key(folder, passphrase=OTHER) == key
    with pytest.raises(WrongKey):
        unlock_key(folder, passphrase=RIGHT)


def test_a_wrong_current_passphrase_changes_nothing(folder: Path) -> None:
    key = create_key(folder, passphrase=RIGHT, cost=CHEAP)
    with pytest.raises(WrongKey):
        change_passphrase(folder, current=OTHER, new=OTHER, cost=CHEAP)
    assert unlock_key(folder, passphrase=RIGHT) == key


def test_the_keyring_opens_without_a_passphrase(folder: Path, desktop: DictKeyring) -> None:
    key = create_key(folder, use_keyring=True)
    assert unlock_key(folder) == key
    assert key.value.hex() not in (folder / "key.json").read_text()


def test_a_passphrase_still_opens_when_the_keyring_lost_the_key(
    folder: Path, desktop: DictKeyring
) -> None:
    key = create_key(folder, use_keyring=True, passphrase=RIGHT, cost=CHEAP)
    desktop.kept.clear()
    with pytest.raises(StoreError, match="no longer holds"):
        unlock_key(folder)
    assert unlock_key(folder, passphrase=RIGHT) == key


def test_a_passphrase_can_be_added_to_a_vault_in_the_keyring(
    folder: Path, desktop: DictKeyring
) -> None:
    key = create_key(folder, use_keyring=True)
    change_passphrase(folder, current=None, new=RIGHT, cost=CHEAP)
    assert unlock_key(folder, passphrase=RIGHT) == key
    assert unlock_key(folder) == key


def test_another_key_in_the_keyring_is_noticed(folder: Path, desktop: DictKeyring) -> None:
    create_key(folder, use_keyring=True)
    (entry,) = desktop.kept
    desktop.kept[entry] = "ab" * 32
    with pytest.raises(WrongKey):
        unlock_key(folder)


@pytest.mark.usefixtures("no_desktop")
def test_a_machine_without_a_keyring_is_told_to_set_a_passphrase(folder: Path) -> None:
    with pytest.raises(StoreError, match="passphrase"):
        create_key(folder, use_keyring=True)
    assert not (folder / "key.json").exists()


def test_a_missing_key_file_says_so(folder: Path) -> None:
    with pytest.raises(StoreError, match=r"key\.json"):
        unlock_key(folder, passphrase=RIGHT)


def test_a_vault_with_a_passphrase_asks_for_it(folder: Path) -> None:
    create_key(folder, passphrase=RIGHT, cost=CHEAP)
    with pytest.raises(StoreError, match="passphrase"):
        unlock_key(folder)


def test_a_key_file_of_a_newer_version_is_left_alone(folder: Path, key: MasterKey) -> None:
    import hashlib

    protect_key(folder, key=key)
    path = folder / "key.json"
    content = json.loads(path.read_text())
    del content["digest"]
    content["version"] = 2
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps({**content, "digest": digest}))
    with pytest.raises(StoreNewer):
        unlock_key(folder, passphrase=RIGHT)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(min_value=0), byte=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_key_file_is_called_damaged_and_never_a_wrong_passphrase(
    tmp_path: Path, position: int, byte: int, cut: bool
) -> None:
    folder = tmp_path / "one"
    if not folder.exists():
        create_key(folder, passphrase=RIGHT, cost=CHEAP)
        (tmp_path / "whole").write_bytes((folder / "key.json").read_bytes())
    whole = (tmp_path / "whole").read_bytes()
    at = position % (len(whole) - 1)  # the last byte is a newline
    changed = whole[:at] if cut else whole[:at] + bytes([whole[at] ^ byte]) + whole[at + 1 :]
    (folder / "key.json").write_bytes(changed)
    try:
        unlock_key(folder, passphrase=RIGHT)
    except StoreCorrupt:
        return
    assert json.loads(changed) == json.loads(whole)  # only blanks between the fields differ
