"""Sealing: AES-256-GCM with a context that must be named again to open.

The context (record id, person id, kind) is associated data, so a sealed value moved to another row
does not open. Python cannot wipe memory: keys live in the process until it ends.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from assistant.errors import StoreCorrupt

KEY_BYTES = 32
_NONCE_BYTES = 12  # random; a record key seals once, a person key wraps far fewer than 2**32 times


def new_key() -> bytes:
    """Return 32 random bytes."""
    return os.urandom(KEY_BYTES)


def derive_key(secret: bytes, *, purpose: str) -> bytes:
    """Return 32 bytes for one purpose (HKDF-SHA256, RFC 5869); other purposes learn nothing."""
    info = f"ownwords/{purpose}".encode()
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(secret)


def seal(plain: bytes, *, key: bytes, context: Sequence[str]) -> bytes:
    """Return nonce and ciphertext; `context` is bound to it and not kept in it."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, _bound(context))


def unseal(sealed: bytes, *, key: bytes, context: Sequence[str]) -> bytes:
    """Open what `seal` made with the same key and context.

    Raises `StoreCorrupt` if a byte changed or the value belongs to another record.
    """
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound(context))
    except (InvalidTag, ValueError):
        raise StoreCorrupt(
            "A sealed record does not open: it was changed or belongs to another row. "
            "Restore it from a backup."
        ) from None


def _bound(context: Sequence[str]) -> bytes:
    # JSON, because joining with a separator would let "a|b" + "c" pass for "a" + "b|c".
    return json.dumps(list(context)).encode()
