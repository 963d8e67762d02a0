"""Which optional ways to sign in this installation has, and what those ways share.

Nothing here needs the libraries of the extras, so that the app stands without them.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from importlib.util import find_spec
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from fastapi import Request

from assistant.app.house import House
from assistant.settings import Settings

T = TypeVar("T")
_MAX_PENDING = 10_000
_USUAL_PORT = {"http": 80, "https": 443}


def has_passkeys() -> bool:
    """Whether the extra `passkeys` is installed."""
    return find_spec("webauthn") is not None


def has_oidc(settings: Settings) -> bool:
    """Whether the extra `oidc` is installed and an issuer is set."""
    return bool(settings.oidc_issuer and settings.oidc_client_id) and (
        find_spec("authlib") is not None
    )


class Pending(Generic[T]):
    """What one browser was asked and has not answered yet, in memory only.

    Each entry can be taken once and within its time. `owner` is a cookie of the browser and
    `purpose` what the answer may be used for; a new question takes the place of the old one.
    """

    def __init__(self, *, lasts_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._lasts_s = lasts_s
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, tuple[float, T]] = OrderedDict()

    def keep(self, owner: str, purpose: str, entry: T) -> None:
        key = _key(owner, purpose)
        with self._lock:
            self._entries[key] = (self._clock(), entry)
            self._entries.move_to_end(key)
            while len(self._entries) > _MAX_PENDING:
                self._entries.popitem(last=False)

    def take(self, owner: str, purpose: str) -> T | None:
        """Return the entry and forget it; None if there is none, or it is too old."""
        with self._lock:
            at, entry = self._entries.pop(_key(owner, purpose), (float("-inf"), None))
            return entry if self._clock() - at < self._lasts_s else None


def origin_of(request: Request, house: House) -> str:
    """Return scheme, name and port that browsers reach this server by, as they write it."""
    parts = urlsplit(house.settings.public_url or str(request.url))
    scheme, host = parts.scheme.lower(), parts.hostname or ""
    name = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _USUAL_PORT.get(scheme)) else f":{parts.port}"
    return f"{scheme}://{name}{port}"


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def _key(owner: str, purpose: str) -> bytes:
    # A hash, because a browser may send a cookie of any length.
    return sha256(f"{purpose}\0{owner}".encode("utf-8", "replace")).digest()
