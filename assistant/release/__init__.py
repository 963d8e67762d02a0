"""Release: turn an approved note into files for one recipient.

1. the decision is an approval by the person the note is about
2. its digest is the digest of this exact text
3. the consent is theirs, active, and names this recipient
4. only then is anything written, and either every file appears or none
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

from assistant.canonical import note_digest
from assistant.errors import DecisionError, InputError, Refused, StoreError
from assistant.records import (
    ApprovedNote,
    AuditAnchor,
    Consent,
    Released,
    ServiceRecord,
)
from assistant.release.blocks import Block, note_blocks, receipt_blocks
from assistant.release.docx import write_docx
from assistant.release.fhir import write_fhir
from assistant.release.markdown import write_markdown
from assistant.release.pdf import write_pdf

ReleaseFormat = Literal["markdown", "pdf", "docx", "fhir"]
RELEASE_FORMATS: tuple[ReleaseFormat, ...] = get_args(ReleaseFormat)
_SUFFIX: dict[ReleaseFormat, str] = {
    "markdown": "md", "pdf": "pdf", "docx": "docx", "fhir": "fhir.json",
}  # fmt: skip


def release_note(
    approved: ApprovedNote,
    *,
    consent: Consent,
    to: str,
    formats: tuple[ReleaseFormat, ...],
    folder: Path,
    service: ServiceRecord,
    anchor: AuditAnchor,
    now: datetime,
) -> Released:
    """Write the note in each format, and the person's receipt, into `folder`.

    Raises `DecisionError` if the text is not the approved text, `Refused` if the consent does not
    cover this recipient now, `InputError` if a format is unknown or cannot show the note, and
    `StoreError` if the files cannot be written; in each case nothing is left in the folder.
    """
    _check_approval(approved)
    _check_consent(consent, approved=approved, to=to, now=now)
    if not formats or not set(formats) <= set(RELEASE_FORMATS):
        raise InputError(f"Choose one or more of these formats: {', '.join(RELEASE_FORMATS)}.")
    note = note_blocks(approved, service=service, consent=consent, to=to)
    receipt = receipt_blocks(approved, consent=consent, to=to, anchor=anchor, now=now)
    writers: dict[ReleaseFormat, Callable[[], bytes]] = {
        "markdown": lambda: write_markdown(note),
        "pdf": lambda: write_pdf(note),
        "docx": lambda: write_docx(note),
        "fhir": lambda: write_fhir(approved, consent=consent, to=to, service=service, now=now),
    }
    stem = approved.note.note_id
    contents = {f"{stem}.{_SUFFIX[name]}": writers[name]() for name in dict.fromkeys(formats)}
    contents[f"{stem}.receipt.md"] = write_markdown(receipt)
    if "pdf" in formats:
        contents[f"{stem}.receipt.pdf"] = write_pdf(receipt)
    _write_all(folder, contents)
    return Released(
        note_id=approved.note.note_id,
        recipient=to,
        names=approved.note.names,
        files=tuple(contents),
        digests={name: hashlib.sha256(data).hexdigest() for name, data in contents.items()},
        released_at=now,
    )


def _check_approval(approved: ApprovedNote) -> None:
    note, decision = approved.note, approved.decision
    if decision.verb != "approve" or decision.note_id != note.note_id:
        raise DecisionError(f"{note.note_id}: this decision is not an approval of this note.")
    if decision.decided_by != note.person_id:
        raise DecisionError(f"{note.note_id}: only the person it is about can approve it.")
    if decision.digest != note_digest(note):
        raise DecisionError(
            f"{note.note_id}: the text differs from the one that was approved. "
            "Show it to the person again."
        )


def _check_consent(consent: Consent, *, approved: ApprovedNote, to: str, now: datetime) -> None:
    problem = ""
    if consent.person_id != approved.note.person_id or not consent.given:
        problem = "there is no yes from the person to share this note"
    elif consent.purpose not in ("share", "save_note"):
        problem = f"the consent is for another purpose ({consent.purpose})"
    elif to not in consent.recipients:
        problem = "the person's consent does not name this recipient"
    elif consent.withdrawn_at is not None and consent.withdrawn_at <= now:
        problem = "the person withdrew this consent"
    elif consent.expires_at is not None and consent.expires_at <= now:
        problem = "this consent has run out; ask the person again"
    if problem:
        raise Refused(rule="release-needs-consent-for-recipient", action="release", reason=problem)


def _write_all(folder: Path, contents: dict[str, bytes]) -> None:
    """Write every file or none: all into a hidden folder first, then moved one by one."""
    moved: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(prefix=".release-", dir=folder) as staging:
            for name, data in contents.items():
                _write_synced(Path(staging) / name, data)
            for name in contents:
                target = folder / name
                os.replace(Path(staging) / name, target)
                moved.append(target)
    except OSError as error:
        for path in moved:
            path.unlink(missing_ok=True)
        raise StoreError(
            f"The files of the note could not be written ({error.strerror}). "
            "Nothing was released. Make room or choose another folder."
        ) from None


def _write_synced(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


__all__ = ["RELEASE_FORMATS", "Block", "ReleaseFormat", "release_note"]
