"""The audit chain: who did what to which note, in ids and counts, never in words.

Entries are sealed here and kept by the store in the same transaction as the change they tell of;
`LogFiles` copies them to a readable log and writes an anchor for each head to a second file.
`audit_check.py` verifies both and imports nothing of ours. An entry cannot carry text: every value
must have the form of an id, a digest, a rule name or a whole number.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from assistant.audit_check import (
    GENESIS,
    LogAlteredError,
    anchor_message,
    canonical,
    entry_hash,
    entry_message,
    verify_log,
)
from assistant.errors import AuditError, InputError
from assistant.records import AuditAnchor, Names, Purpose, Verb, Voice

EVENTS = frozenset(
    {
        "log_opened", "person_added", "session_started", "consent_recorded", "consent_withdrawn",
        "transcript_imported", "identifiers_corrected", "draft_written", "draft_edited",
        "safety_acknowledged", "note_handed_over", "note_approved", "note_changed", "part_left_out",
        "statement_added", "note_refused", "note_withdrawal_begun", "note_withdrawn",
        "note_released", "copy_exported", "service_record_filed", "words_deleted",
        "backup_made", "backup_restored", "key_copy_made", "recovered", "access_refused",
        "session_closed", "set_up", "account_added", "account_disabled", "account_enabled",
        "invitation_used", "password_changed", "passkey_added", "passkeys_removed",
        "signed_in", "sign_in_failed",
        "locked_out", "signed_out", "signed_out_everywhere", "link_made", "link_used", "code_set",
        "code_dropped", "settings_changed", "supervisors_set", "draft_queued", "draft_cancelled",
        "draft_failed", "change_undone", "flag_answered", "groups_recorded", "note_cosigned",
        "file_fetched", "decision_put_off",
        "agency_word_hidden", "agency_word_proposed", "agency_word_taken_back",
        "agency_words_viewed", "agency_word_agreed", "agency_word_declined", "agency_word_removed",
    }
)  # fmt: skip

# The only shapes a value may have. Ids are made by the software, never typed by people.
_ID = re.compile(r"[a-z]{1,12}-[0-9a-f]{16}|[0-9a-f]{64}")
_RULE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+){0,15}")
_NAME = re.compile(r"[a-z][a-z_]{0,40}")
_CHOICES: frozenset[str] = frozenset(
    {"software", "markdown", "pdf", "docx", "fhir", "receipt"}
    | {choice for kind in (Verb, Purpose, Names, Voice) for choice in get_args(kind)}
    | {"handled_before_draft", "passed_to_supervisor", "not_applicable", "by_hand", "none"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditKeys:
    """What seals the chain; both derived from the master key of the vault."""

    chain: bytes = field(repr=False)  # 32 bytes, keys the mac of each entry
    signing_seed: bytes = field(repr=False)  # 32 bytes, Ed25519

    def signer(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.signing_seed)

    def public_key(self) -> str:
        """Return the Ed25519 public key, hex."""
        raw = self.signer().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return raw.hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """What happened. `ids` and `counts` take names from our code and values without words."""

    event: str
    actor: str  # an id such as "peer-<16 hex>", or "software"
    ids: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)


def seal_entry(event: AuditEvent, *, last: str | None, keys: AuditKeys, at: datetime) -> str:
    """Return the next line of the log (without a newline) after the line `last`.

    Raises `InputError` if the event is unknown or a value could be somebody's words.
    """
    _refuse_words(event)
    before: dict[str, Any] = json.loads(last) if last is not None else {"n": 0, "hash": GENESIS}
    ids = dict(event.ids)
    if last is None:
        ids["public_key"] = keys.public_key()
    position = int(before["n"]) + 1
    body: dict[str, object] = {
        "n": position,
        "at": at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "event": event.event,
        "actor": event.actor,
        "ids": ids,
        "counts": dict(event.counts),
        "prev": before["hash"],
    }
    digest = entry_hash(str(before["hash"]), body)
    mac = hmac.new(keys.chain, digest.encode(), hashlib.sha256).hexdigest()
    signature = keys.signer().sign(entry_message(position, digest, mac)).hex()
    return canonical({**body, "hash": digest, "mac": mac, "sig": signature})


def anchor_of(line: str, *, keys: AuditKeys) -> AuditAnchor:
    """Return the signed head for the log that ends with `line`."""
    entry = json.loads(line)
    position, head = int(str(entry["n"])), str(entry["hash"])
    signature = keys.signer().sign(anchor_message(position, head)).hex()
    return AuditAnchor(
        position=position, head=head, signature=signature, public_key=keys.public_key()
    )


def anchor_word(anchor: AuditAnchor) -> str:
    """Return the anchor as the one word that receipts and the anchor file carry."""
    return f"owa1:{anchor.position}:{anchor.head}:{anchor.public_key}:{anchor.signature}"


def verify_audit(path: Path, *, anchor: Path | None = None) -> int:
    """Verify the log at `path` (a file, or a data folder holding `audit.jsonl`); return its length.

    Raises `AuditError` naming the first bad entry, `InputError` if a file cannot be read.
    """
    log = path / "audit.jsonl" if path.is_dir() else path
    try:
        content = log.read_bytes()
        anchors = anchor.read_text("utf-8", "replace") if anchor is not None else None
    except OSError as error:
        name = Path(str(error.filename)).name
        raise InputError(f"{name} cannot be read. Check that the file is there.") from None
    return verify_content(content, anchors=anchors)


def verify_content(content: bytes, *, anchors: str | None) -> int:
    """Verify a log that was read already; return its length. Raises `AuditError`."""
    try:
        return verify_log(content, anchors=anchors)
    except LogAlteredError as error:
        raise AuditError(position=error.position, problem=error.problem) from None


def verify_macs(lines: Sequence[str], *, keys: AuditKeys) -> None:
    """Check the keyed hash of every entry; needs the vault's key, unlike `verify_audit`."""
    for position, line in enumerate(lines, start=1):
        entry = json.loads(line)
        mac = hmac.new(keys.chain, str(entry["hash"]).encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(mac, str(entry["mac"])):
            raise AuditError(position=position, problem="its keyed hash is wrong")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFiles:
    """The readable log and the file of anchors; the second is best kept on another disk."""

    log: Path
    anchors: Path

    def entries(self) -> tuple[str, ...]:
        """Return the whole lines of the log; a last line cut by a crash is left out."""
        if not self.log.exists():
            return ()
        *whole, _rest = self.log.read_text("ascii", "replace").split("\n")
        return tuple(whole)

    def erased_ids(self) -> tuple[str, ...]:
        """Return the ids of records that the log says were destroyed; they must not come back."""
        entries = (json.loads(line) for line in self.entries())
        return tuple(e["ids"]["words"] for e in entries if e["event"] == "words_deleted")

    def append(self, lines: Sequence[str], *, keys: AuditKeys) -> None:
        """Add entries and one anchor for the last of them; on disk when this returns."""
        if not lines:
            return
        self._drop_cut_line()
        _append_durably(self.log, "".join(line + "\n" for line in lines))
        _append_durably(self.anchors, anchor_word(anchor_of(lines[-1], keys=keys)) + "\n")

    def _drop_cut_line(self) -> None:
        if not self.log.exists():
            return
        content = self.log.read_bytes()
        if content and not content.endswith(b"\n"):
            os.truncate(self.log, content.rfind(b"\n") + 1)


def _append_durably(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, text.encode("ascii"))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_words(event: AuditEvent) -> None:
    if event.event not in EVENTS:
        raise InputError("an audit event of an unknown kind was refused")
    if not all(
        value in _CHOICES or _ID.fullmatch(value) or (name == "rule" and _RULE.fullmatch(value))
        for name, value in (("actor", event.actor), *event.ids.items())
    ):
        raise InputError(f"an audit entry '{event.event}' may hold ids only; a value was refused")
    if not all(_NAME.fullmatch(name) for name in (*event.ids, *event.counts)):
        raise InputError(f"an audit entry '{event.event}' has a field name that is not allowed")
    if not all(type(count) is int for count in event.counts.values()):
        raise InputError(f"an audit entry '{event.event}' may count in whole numbers only")
