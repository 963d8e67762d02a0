"""What every screen of one running server shares."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from assistant.settings import Settings
from assistant.workspace import SignedIn, Workspace

if TYPE_CHECKING:
    from assistant.app.checking import Checks
    from assistant.app.worker import DraftWorker

STAFF_COOKIE = "ow_staff"
PERSON_COOKIE = "ow_person"
FORM_COOKIE = "ow_form"
LANGUAGE_COOKIE = "ow_lang"
HOUSE = "own_words.house"  # where the guard leaves the house in an ASGI scope
_FAILURES_ALLOWED = 30  # in ten minutes from one address; the lock on an account is stricter
_WINDOW_S = 600.0
_TRUST_S = 2.0  # how long a sign-in that was just checked is believed again
_MAX_REMEMBERED = 10_000
_LONGEST_LOOK_S = 120.0  # a page left open counts for no longer


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One running server. Everything in it may be used from several threads."""

    workspace: Workspace
    settings: Settings
    worker: DraftWorker | None = None
    checks: Checks | None = None
    set_up_code: str = field(default="", repr=False)
    failures: FailureCount = field(default_factory=lambda: FailureCount())
    looks: Looks = field(default_factory=lambda: Looks())
    recent: RecentSignIns = field(default_factory=lambda: RecentSignIns())

    @property
    def is_secure(self) -> bool:
        return self.settings.tls_certificate is not None or self.settings.public_url.startswith(
            "https:"
        )

    def who(self, token: str | None) -> SignedIn | None:
        """Return who a cookie is, or None."""
        if not token:
            return None
        known = self.recent.get(token)
        if known is None:
            known = self.workspace.signed_in(token)
            if known is not None:
                self.recent.keep(token, known)
        return known

    def form_token(self, form_cookie: str) -> str:
        """Return what a form must carry to be believed: only this server can make it."""
        key = self.workspace.store.key.derive("forms")
        return hmac.new(key, form_cookie.encode("utf-8", "replace"), sha256).hexdigest()

    def is_own_form(self, form_cookie: str | None, token: str) -> bool:
        return bool(form_cookie) and hmac.compare_digest(
            self.form_token(form_cookie or "").encode(), token.encode("utf-8", "replace")
        )


class FailureCount:
    """Failed tries by address, so that guessing gets slow; forgotten after ten minutes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._times: OrderedDict[str, list[float]] = OrderedDict()

    def add(self, address: str) -> None:
        with self._lock:
            self._times.setdefault(address, []).append(self._clock())
            self._times.move_to_end(address)
            while len(self._times) > _MAX_REMEMBERED:
                self._times.popitem(last=False)

    def is_too_many(self, address: str) -> bool:
        with self._lock:
            since = self._clock() - _WINDOW_S
            recent = [at for at in self._times.get(address, []) if at > since]
            if recent:
                self._times[address] = recent
            else:
                self._times.pop(address, None)
            return len(recent) >= _FAILURES_ALLOWED


class Looks:
    """How long each person had their note open, in memory only; kept with the decision."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, tuple[float, float]] = OrderedDict()  # last look, seconds

    def look(self, session_id: str) -> None:
        with self._lock:
            now = self._clock()
            last, total = self._seen.get(session_id, (now, 0.0))
            self._seen[session_id] = (now, total + min(now - last, _LONGEST_LOOK_S))
            self._seen.move_to_end(session_id)
            while len(self._seen) > _MAX_REMEMBERED:
                self._seen.popitem(last=False)

    def seconds(self, session_id: str) -> float | None:
        """Return the seconds so far, and forget them; None if nobody looked."""
        with self._lock:
            now = self._clock()
            found = self._seen.pop(session_id, None)
            if found is None:
                return None
            last, total = found
            return total + min(now - last, _LONGEST_LOOK_S)


class RecentSignIns:
    """Sign-ins checked in the last two seconds: a screen asks for 50 files at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[float, SignedIn]] = OrderedDict()

    def get(self, token: str) -> SignedIn | None:
        with self._lock:
            at, who = self._known.get(token, (float("-inf"), None))
            return who if self._clock() - at < _TRUST_S else None

    def keep(self, token: str, who: SignedIn) -> None:
        with self._lock:
            self._known[token] = (self._clock(), who)
            self._known.move_to_end(token)
            while len(self._known) > _MAX_REMEMBERED:
                self._known.popitem(last=False)

    def forget_all(self) -> None:
        """After a sign-out, a closed account or a changed password."""
        with self._lock:
            self._known.clear()


def new_form_cookie() -> str:
    return secrets.token_urlsafe(24)
