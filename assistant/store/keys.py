"""The master key, and `key.json`, which says how it is protected.

The master key is 32 random bytes. It lies in the operating system's keyring, or in `key.json`
wrapped by a key made from a passphrase (argon2id), or both. Changing the passphrase wraps the same
master key again, so nothing else has to be written anew. What this cannot do: an old copy of
`key.json` still opens with the old passphrase.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from assistant.errors import StoreCorrupt, StoreError, StoreNewer, WrongKey
from assistant.store.files import file_errors, make_private_folder, write_private
from assistant.store.sealing import KEY_BYTES, derive_key, new_key, seal, unseal

KEY_FILE = "key.json"
_VERSION = 1
_SERVICE = "ownwords"
_MIN_KEYRING_PRIORITY = 1  # keyring's own line between recommended and not recommended backends


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterKey:
    """The key above all keys of one vault; its value never shows in `repr`."""

    value: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.value) != KEY_BYTES:
            raise WrongKey(f"A master key has {KEY_BYTES} bytes, this one {len(self.value)}.")

    @classmethod
    def generate(cls) -> Self:
        return cls(value=new_key())

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes for one purpose, such as `audit chain`."""
        return derive_key(self.value, purpose=purpose)

    def fingerprint(self) -> str:
        """Return what tells this key from another (hex); it opens nothing."""
        return self.derive("fingerprint")[:16].hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class PassphraseCost:
    """What one guess of the passphrase costs. Default: RFC 9106, section 4, second choice."""

    time_cost: int = 3
    memory_kib: int = 65_536
    parallelism: int = 4


class WrappedKey(BaseModel):
    """A secret wrapped by a passphrase, with all that is needed to try one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kdf: Literal["argon2id"] = "argon2id"
    # The upper bounds keep a damaged file from asking for all the memory of the machine.
    time_cost: int = Field(ge=1, le=64)
    memory_kib: int = Field(ge=8, le=4_194_304)
    parallelism: int = Field(ge=1, le=64)
    salt: str = Field(pattern=r"^(?:[0-9a-f]{2}){16,64}$")
    sealed: str = Field(pattern=r"^(?:[0-9a-f]{2})+$")


class _KeyFile(BaseModel):
    """`key.json`. `fingerprint` tells a wrong key from a damaged database; `digest` covers all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    fingerprint: str
    keyring_entry: str | None = None
    passphrase: WrappedKey | None = None


def create_key(
    folder: Path,
    *,
    passphrase: SecretStr | None = None,
    use_keyring: bool = False,
    cost: PassphraseCost | None = None,
) -> MasterKey:
    """Make a master key for a new data folder and protect it as asked (both ways are allowed).

    Raises `StoreError` if the folder has a key, if neither way is chosen, or if this machine has
    no keyring that keeps secrets.
    """
    if passphrase is None and not use_keyring:
        raise StoreError(
            "The vault needs a key. Set a passphrase (OWNWORDS_PASSPHRASE) or use the keyring."
        )
    key = MasterKey.generate()
    protect_key(folder, key=key, passphrase=passphrase, use_keyring=use_keyring, cost=cost)
    return key


def protect_key(
    folder: Path,
    *,
    key: MasterKey,
    passphrase: SecretStr | None = None,
    use_keyring: bool = False,
    cost: PassphraseCost | None = None,
) -> None:
    """Write `key.json` for a master key that is at hand.

    With neither passphrase nor keyring the file holds only the fingerprint, and the caller keeps
    the key. Raises `StoreError` if the folder has a `key.json`.
    """
    make_private_folder(folder)
    if (folder / KEY_FILE).exists():
        raise StoreError(f"This data folder has a {KEY_FILE} already. Open the vault instead.")
    wrapped = None
    if passphrase is not None:
        wrapped = wrap_secret(key.value, passphrase=passphrase, cost=cost)
    entry = _put_in_keyring(key) if use_keyring else None
    _write_key_file(
        folder,
        _KeyFile(fingerprint=key.fingerprint(), keyring_entry=entry, passphrase=wrapped),
    )


def unlock_key(folder: Path, *, passphrase: SecretStr | None = None) -> MasterKey:
    """Return the master key of a data folder, by passphrase if given, else from the keyring.

    Raises `WrongKey`, `StoreCorrupt` (`key.json` is damaged), `StoreNewer`, or `StoreError` if a
    passphrase is needed or the keyring has lost the key.
    """
    kept = _read_key_file(folder)
    if passphrase is not None and kept.passphrase is not None:
        key = MasterKey(value=unwrap_secret(kept.passphrase, passphrase=passphrase))
    elif kept.keyring_entry is not None:
        key = _take_from_keyring(kept.keyring_entry)
    elif kept.passphrase is not None:
        raise StoreError("This vault opens with a passphrase. Set OWNWORDS_PASSPHRASE or type it.")
    else:
        raise StoreError("The key of this vault is kept elsewhere and has to be handed over.")
    _require_fingerprint(kept, key)
    return key


def change_passphrase(
    folder: Path,
    *,
    current: SecretStr | None,
    new: SecretStr,
    cost: PassphraseCost | None = None,
) -> None:
    """Protect the same master key with another passphrase; `current` may be None with a keyring.

    The file is replaced whole, so that a crash leaves the old passphrase or the new one.
    """
    key = unlock_key(folder, passphrase=current)
    wrapped = wrap_secret(key.value, passphrase=new, cost=cost)
    _write_key_file(folder, _read_key_file(folder).model_copy(update={"passphrase": wrapped}))


def require_key(folder: Path, *, key: MasterKey) -> None:
    """Raise `WrongKey` unless `key` is the master key of this data folder."""
    _require_fingerprint(_read_key_file(folder), key)


def wrap_secret(
    secret: bytes, *, passphrase: SecretStr, cost: PassphraseCost | None = None
) -> WrappedKey:
    """Wrap a secret by a passphrase. Raises `StoreError` if the passphrase is empty."""
    chosen = cost or PassphraseCost()
    bare = WrappedKey(
        time_cost=chosen.time_cost,
        memory_kib=chosen.memory_kib,
        parallelism=chosen.parallelism,
        salt=secrets.token_hex(16),
        sealed="00",
    )
    sealed = seal(secret, key=_stretch(bare, passphrase), context=("passphrase", bare.salt))
    return bare.model_copy(update={"sealed": sealed.hex()})


def unwrap_secret(wrapped: WrappedKey, *, passphrase: SecretStr) -> bytes:
    """Return the secret. Raises `WrongKey` if the passphrase is another one."""
    key = _stretch(wrapped, passphrase)
    try:
        return unseal(bytes.fromhex(wrapped.sealed), key=key, context=("passphrase", wrapped.salt))
    except StoreCorrupt:
        raise WrongKey("The passphrase does not open this. Check it and try again.") from None


def _stretch(wrapped: WrappedKey, passphrase: SecretStr) -> bytes:
    from argon2.low_level import Type, hash_secret_raw

    # NFKC: the same letters typed on another keyboard may arrive as other code points.
    typed = unicodedata.normalize("NFKC", passphrase.get_secret_value())
    if not typed.strip():
        raise StoreError("The passphrase is empty. Choose a few words only you know.")
    return hash_secret_raw(
        typed.encode(),
        bytes.fromhex(wrapped.salt),
        time_cost=wrapped.time_cost,
        memory_cost=wrapped.memory_kib,
        parallelism=wrapped.parallelism,
        hash_len=KEY_BYTES,
        type=Type.ID,
    )


# ---------------------------------------------------------------- key.json


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _write_key_file(folder: Path, kept: _KeyFile) -> None:
    content = kept.model_dump(mode="json")
    text = json.dumps({**content, "digest": _digest(content)}, indent=2, sort_keys=True)
    write_private(folder / KEY_FILE, [f"{text}\n".encode()])


def _read_key_file(folder: Path) -> _KeyFile:
    path = folder / KEY_FILE
    if not path.is_file():
        raise StoreError(
            f"There is no {KEY_FILE} in this data folder. Check the folder, or restore the copy "
            "of the keys."
        )
    with file_errors(KEY_FILE):
        raw = path.read_bytes()
    damaged = StoreCorrupt(f"{KEY_FILE} is damaged. Put back its copy, or restore the key copy.")
    try:
        content = json.loads(raw)
        digest = content.pop("digest")
        is_whole = isinstance(digest, str) and hmac.compare_digest(digest, _digest(content))
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise damaged from None
    if not is_whole:
        raise damaged
    version = content.get("version")
    if isinstance(version, int) and version > _VERSION:
        raise StoreNewer(f"{KEY_FILE} was written by a newer version. Update Own Words.")
    try:
        return _KeyFile.model_validate(content)
    except ValidationError:
        raise damaged from None


def _require_fingerprint(kept: _KeyFile, key: MasterKey) -> None:
    if not hmac.compare_digest(kept.fingerprint, key.fingerprint()):
        raise WrongKey("This key belongs to another vault. Check the data folder and the key.")


# ---------------------------------------------------------------- the system's keyring


def _put_in_keyring(key: MasterKey) -> str:
    import keyring
    from keyring.errors import KeyringError

    missing = StoreError(
        "This machine has no keyring that keeps secrets (usual on servers). "
        "Set a passphrase instead (OWNWORDS_PASSPHRASE)."
    )
    entry = f"vault-{secrets.token_hex(8)}"
    try:
        if keyring.get_keyring().priority < _MIN_KEYRING_PRIORITY:
            raise missing
        keyring.set_password(_SERVICE, entry, key.value.hex())
        kept = keyring.get_password(_SERVICE, entry)
    except (KeyringError, RuntimeError):
        raise missing from None
    if kept != key.value.hex():  # the null backend takes everything and keeps nothing
        raise missing
    return entry


def _take_from_keyring(entry: str) -> MasterKey:
    import keyring
    from keyring.errors import KeyringError

    try:
        kept = keyring.get_password(_SERVICE, entry)
    except (KeyringError, RuntimeError):
        raise StoreError(
            "The keyring of this machine cannot be asked. Sign in to the desktop, "
            "or open the vault with its passphrase."
        ) from None
    if kept is None:
        raise StoreError(
            "The keyring of this machine no longer holds the key of this vault. "
            "Open it with its passphrase, or restore the copy of the keys."
        )
    try:
        return MasterKey(value=bytes.fromhex(kept))
    except ValueError:
        raise WrongKey("What the keyring holds for this vault is not a key.") from None
