"""What the store hands out beside the records of the pipeline: plain rows of ids, states, times."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import RowMapping

from assistant.errors import StoreError
from assistant.records import Consent, Decision, Names, ServiceRecord

JobState = Literal["waiting", "running", "failed"]
LinkKind = Literal["hand_over", "together", "come_back", "invitation"]
AccountRole = Literal["peer", "supervisor", "governance", "admin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """Somebody who decides about notes. `erased_at`: when all their words were destroyed."""

    person_id: str
    created_at: datetime
    erased_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A meeting. `state` is whatever `decide.py` calls it; times of day are ISO 8601 or empty."""

    session_id: str
    person_id: str
    peer_id: str
    state: str
    modality: str = ""
    place: str = ""
    service_date: str = ""
    start: str = ""
    end: str = ""
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRow:
    """A note handed to one recipient. `files` pairs a file name with its SHA-256 (hex)."""

    release_id: str
    session_id: str
    note_id: str
    recipient: str
    names: Names
    digest: str
    files: tuple[tuple[str, str], ...]
    released_at: datetime
    recalled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyRow:
    """What a human did about one safety prompt of a session."""

    session_id: str
    prompt_no: int
    state: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """Something to do later. It carries ids, never text."""

    job_id: str
    kind: str
    subject_id: str
    state: JobState
    queued_at: datetime
    actor_id: str = ""
    voice: str = ""
    stage: str = ""
    problem: str = ""  # the name of a class of error


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """Somebody of the agency. `password_hash` is empty until they chose a password."""

    account_id: str
    role: AccountRole
    login: str = field(repr=False)
    display: str = field(repr=False)
    password_hash: str = field(default="", repr=False)
    created_at: datetime
    disabled_at: datetime | None = None
    failures: int = 0
    locked_until: datetime | None = None
    oidc_subject: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRow:
    """Somebody signed in. `session_id` is set for a person: the one session they decide about."""

    token_hash: str = field(repr=False)
    holder_id: str
    role: Literal["person", "peer", "supervisor", "governance", "admin"]
    session_id: str | None = None
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    """A link that was given to somebody; only the hash of its token is kept."""

    link_id: str
    token_hash: str = field(repr=False)
    kind: LinkKind
    subject_id: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    failures: int = 0
    locked_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRow:
    """A passkey of an account (WebAuthn credential)."""

    credential_id: str
    account_id: str
    public_key: bytes = field(repr=False)
    sign_count: int
    created_at: datetime


def utc_now() -> datetime:
    """The default clock of the store."""
    return datetime.now(UTC)


def time_text(at: datetime) -> str:
    """Return a time as UTC text of one width, so that text order is time order.

    Raises `StoreError` if `at` has no zone.
    """
    if at.tzinfo is None:
        raise StoreError("A time without a zone cannot be stored. Give times in UTC.")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def optional_time_text(at: datetime | None) -> str | None:
    return None if at is None else time_text(at)


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def person_from(row: RowMapping) -> PersonRow:
    return PersonRow(**_timed(row, "created_at", "erased_at"))


def session_from(row: RowMapping) -> SessionRow:
    return SessionRow(**_timed(row, "created_at", "updated_at"))


def safety_from(row: RowMapping) -> SafetyRow:
    return SafetyRow(**_timed(row, "at"))


def job_from(row: RowMapping) -> JobRow:
    return JobRow(**_timed(row, "queued_at"))


def account_from(row: RowMapping) -> AccountRow:
    return AccountRow(**_timed(row, "created_at", "disabled_at", "locked_until"))


def sign_in_from(row: RowMapping) -> SignInRow:
    return SignInRow(**_timed(row, "created_at", "seen_at", "expires_at"))


def link_from(row: RowMapping) -> LinkRow:
    return LinkRow(**_timed(row, "created_at", "expires_at", "used_at", "locked_until"))


def passkey_from(row: RowMapping) -> PasskeyRow:
    return PasskeyRow(**_timed(row, "created_at"))


def service_record_from(row: RowMapping) -> ServiceRecord:
    return ServiceRecord(**row)


def consent_from(row: RowMapping) -> Consent:
    values = _timed(row, "signed_at", "expires_at", "withdrawn_at")
    return Consent(**{**values, "recipients": tuple(json.loads(values["recipients"]))})


def decision_from(row: RowMapping) -> Decision:
    values = _timed(row, "decided_at")
    for kept_by_the_store in ("decision_id", "session_id", "position"):
        del values[kept_by_the_store]
    return Decision(**values)


def release_from(row: RowMapping) -> ReleaseRow:
    values = _timed(row, "released_at", "recalled_at")
    files = tuple((name, digest) for name, digest in json.loads(values["files"]))
    return ReleaseRow(**{**values, "files": files})


def _timed(row: RowMapping, *names: str) -> dict[str, Any]:
    return {**row, **{name: _time(row[name]) for name in names}}
