"""Passwords and codes, hashed slowly (argon2id, RFC 9106).

The hashes lie sealed in the vault, so that whoever takes its file has no hash to try words against;
at the screens, wrong tries lock an account or a link.
"""

from __future__ import annotations

from functools import cache
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from pydantic import SecretStr

from assistant.errors import InputError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_PASSWORD_CHARS = 12  # NIST SP 800-63B asks for 8; these accounts open other people's words
MAX_PASSWORD_CHARS = 256
MIN_LINK_CODE_CHARS = 6
# OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, two passes, one lane. The library's default
# takes both cores for 0.2 s: fifty people who open their links at once would wait for one another.
_MEMORY_KIB = 19_456
_PASSES = 2
_LANES = 1


def hash_password(password: SecretStr) -> str:
    """Raises `InputError` if it is too short or too long."""
    secret = password.get_secret_value()
    if not MIN_PASSWORD_CHARS <= len(secret) <= MAX_PASSWORD_CHARS:
        raise InputError(
            f"A password needs at least {MIN_PASSWORD_CHARS} characters. A few words are fine."
        )
    return _hasher().hash(secret)


def hash_code(code: SecretStr, *, min_chars: int = MIN_LINK_CODE_CHARS) -> str:
    """Raises `InputError` if it is too short or too long; blanks around it do not count."""
    secret = code.get_secret_value().strip()
    if not min_chars <= len(secret) <= MAX_PASSWORD_CHARS:
        raise InputError(f"Choose a code of at least {min_chars} letters or digits.")
    return _hasher().hash(secret)


def matches(hashed: str, given: SecretStr) -> bool:
    """Compare slowly; an empty hash is compared too, with nobody's, so that time tells nothing."""
    from argon2.exceptions import VerificationError

    secret = given.get_secret_value()[:MAX_PASSWORD_CHARS]
    try:
        _hasher().verify(hashed or _nobodys_hash(), secret)
    except VerificationError:
        return False
    return bool(hashed)


@cache
def _nobodys_hash() -> str:
    return _hasher().hash(token_urlsafe(16))


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=_LANES)
