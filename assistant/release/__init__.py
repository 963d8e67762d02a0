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
from assistant.policy import active_purposes
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
_BLOCK_FORMATS: dict[ReleaseFormat, tuple[str, Callable[[tuple[Block, ...]], bytes]]] = {
    "markdown": ("md", write_markdown),
    "pdf": ("pdf", write_pdf),
    "docx": ("docx", write_docx),
}


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
    called: str = "",
) -> Released:
    """Write the note in each format, and the person's receipt, into `folder`.

    `to` is the recipient as the consent names them; `called` is how the files name them, where
    that is another word (the name of an account, say).
    Raises `DecisionError` if the text is not the approved text, `Refused` if the consent does not
    cover this recipient now, `InputError` if a format is unknown or cannot show the note, and
    `StoreError` if the files cannot be written; in each case nothing is left in the folder.
    """
    _check_approval(approved)
    _check_consent(consent, approved=approved, to=to, now=now)
    name = called or to
    note = note_blocks(approved, service=service, to=name, consent=consent)
    receipt = receipt_blocks(approved, to=name, consent=consent, anchor=anchor, now=now)
    contents = _lay_out(approved, note, receipt, formats=formats)
    if "fhir" in formats:
        fhir = write_fhir(approved, consent=consent, to=name, service=service, now=now)
        contents[f"{approved.note.note_id}.fhir.json"] = fhir
    return _write_release(approved, contents, to=to, folder=folder, now=now)


def release_own_copy(
    approved: ApprovedNote,
    *,
    to: str,
    formats: tuple[ReleaseFormat, ...],
    folder: Path,
    service: ServiceRecord,
    anchor: AuditAnchor,
    now: datetime,
) -> Released:
    """Write the person's own copy: the same text and receipt, without a consent.

    People have a right to their own record (45 CFR 164.524), so nobody is asked. FHIR is for other
    systems and not offered. Raises as `release_note`.
    """
    _check_approval(approved)
    if "fhir" in formats:
        raise InputError("A copy for the person themselves comes as markdown, pdf or docx.")
    note = note_blocks(approved, service=service, to=to, consent=None)
    receipt = receipt_blocks(approved, to=to, consent=None, anchor=anchor, now=now)
    contents = _lay_out(approved, note, receipt, formats=formats)
    return _write_release(approved, contents, to=to, folder=folder, now=now)


def _lay_out(
    approved: ApprovedNote,
    note: tuple[Block, ...],
    receipt: tuple[Block, ...],
    *,
    formats: tuple[ReleaseFormat, ...],
) -> dict[str, bytes]:
    """Return file name to content for the formats that lay out blocks, and the receipt."""
    if not formats or not set(formats) <= set(RELEASE_FORMATS):
        raise InputError(f"Choose one or more of these formats: {', '.join(RELEASE_FORMATS)}.")
    stem = approved.note.note_id
    contents = {
        f"{stem}.{suffix}": write(note)
        for name, (suffix, write) in _BLOCK_FORMATS.items()
        if name in formats
    }
    contents[f"{stem}.receipt.md"] = write_markdown(receipt)
    if "pdf" in formats:
        contents[f"{stem}.receipt.pdf"] = write_pdf(receipt)
    return contents


def _write_release(
    approved: ApprovedNote, contents: dict[str, bytes], *, to: str, folder: Path, now: datetime
) -> Released:
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
    """Check the one consent the release rests on; whether it is the latest is the gate's to say."""
    purposes = active_purposes((consent,), now=now)
    problem = ""
    if consent.person_id != approved.note.person_id:
        problem = "the consent is another person's"
    elif not purposes:
        problem = "the person's yes is missing, incomplete, run out or taken back"
    elif not purposes & {"share", "save_note"}:
        problem = f"the consent is for another purpose ({consent.purpose})"
    elif to not in consent.recipients:
        problem = "the person's consent does not name this recipient"
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


__all__ = ["RELEASE_FORMATS", "ReleaseFormat", "release_note", "release_own_copy"]
