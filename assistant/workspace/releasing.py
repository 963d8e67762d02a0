"""What leaves: the approved text, to whom the person said yes, and their own copy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from assistant import decide
from assistant.audit import anchor_of
from assistant.canonical import note_digest
from assistant.errors import DecisionError, Refused, StoreError
from assistant.policy import (
    Actor,
    Request,
)
from assistant.records import (
    AuditAnchor,
    Consent,
    Decision,
    Note,
    Purpose,
    Released,
)
from assistant.sealed import WordsKind
from assistant.store import ReleaseRow
from assistant.workspace.desk import OWN_COPY, Act, Desk, new_id, service_record_of

if TYPE_CHECKING:
    from assistant.release import ReleaseFormat


class Releasing(Desk):
    """Files in the outbox, each recorded before anybody is told of it."""

    def release(
        self, actor: Actor, session_id: str, *, to: str, formats: tuple[ReleaseFormat, ...]
    ) -> Released:
        """Release the approved text to one recipient the person said yes to; files in `outbox`."""
        from assistant.pipeline import finish

        with self._act(
            actor, "release", session_id, recipient=to, part2_notice=True, as_note=True
        ) as act:
            note = act.read("note", Note)
            release_id = new_id("release")
            account = act.tx.account(to)  # a supervisor is named by their account
            _approved, released = finish(
                note,
                self._last_approval(act),
                gate=self.gate,
                request=Request(
                    actor=actor, action="release", subject=act.subject, recipient=to,
                    names=note.names, part2_notice=True,
                ),
                consent=self._consent_for(act, to),
                service=service_record_of(act.row),
                anchor=self._anchor(act),
                to=to,
                formats=formats,
                folder=self._outbox(release_id),
                now=act.at,
                called=account.display if account is not None else "",
            )  # fmt: skip
            self._keep_release(act, released, release_id=release_id, digest=note_digest(note))
            if act.has("released_note"):  # until now the text released before stood
                act.erase("released_note")
            act.move("release")
            act.log("note_released", release=release_id, note=note.note_id, names=note.names)
        return released

    def export_own_copy(
        self, actor: Actor, session_id: str, *, formats: tuple[ReleaseFormat, ...] = ("markdown",)
    ) -> Released:
        """Give the person their own copy of what they approved; they need nobody's consent."""
        from assistant.release import release_own_copy

        with self._act(actor, "export_own_copy", session_id) as act:
            note = act.read("note", Note)
            release_id = new_id("release")
            released = release_own_copy(
                decide.record_decision(note, self._last_approval(act)),
                to=OWN_COPY,
                formats=formats,
                folder=self._outbox(release_id),
                service=service_record_of(act.row),
                anchor=self._anchor(act),
                now=act.at,
            )
            self._keep_release(act, released, release_id=release_id, digest=note_digest(note))
            act.log("copy_exported", release=release_id, note=note.note_id)
        return released

    def released_folder(self, released: Released) -> Path:
        """Return the folder in the outbox that holds these files.

        Raises `StoreError` if they are gone. File names repeat between releases of one note, so the
        release is found by what it was and when.
        """
        with self._reading() as tx:
            for session in tx.sessions():
                for row in tx.releases(session.session_id):
                    is_it = (
                        row.note_id == released.note_id
                        and row.recipient == released.recipient
                        and row.released_at == released.released_at
                    )
                    if is_it and self._outbox(row.release_id).is_dir():
                        return self._outbox(row.release_id)
        raise StoreError(f"The files of {released.note_id} are no longer in the outbox.")

    def view_released_note(self, actor: Actor, session_id: str) -> Note:
        """Return the text that was released (while it is amended, the released one stands)."""
        with self._act(actor, "view_released_note", session_id) as act:
            kind: WordsKind = "released_note" if act.has("released_note") else "note"
            return act.read(kind, Note)

    def _last_approval(self, act: Act) -> Decision:
        approvals = [d for d in act.tx.decisions(act.row.session_id) if d.verb == "approve"]
        if not approvals:
            raise DecisionError(f"{act.row.session_id} has no approval.")
        return approvals[-1]

    def _consent_for(self, act: Act, to: str) -> Consent:
        """Return the consent that covers this recipient now."""
        purposes: tuple[Purpose, ...] = ("share", "save_note")
        for purpose in purposes:
            held = [c for c in act.tx.consents(act.row.person_id) if c.purpose == purpose]
            if purpose in act.subject.active_purposes and to in held[-1].recipients:
                return held[-1]
        raise Refused(
            rule="release-needs-consent-for-recipient",
            action="release",
            reason="no consent of the person names this recipient",
        )

    def _anchor(self, act: Act) -> AuditAnchor:
        last = act.tx.last_audit_entry()
        if last is None:
            raise StoreError("The audit log is empty. Restore it before releasing anything.")
        return anchor_of(last, keys=self._audit_keys)

    def _keep_release(self, act: Act, released: Released, *, release_id: str, digest: str) -> None:
        act.tx.add_release(
            ReleaseRow(
                release_id=release_id,
                session_id=act.row.session_id,
                note_id=released.note_id,
                recipient=released.recipient,
                names=released.names,
                digest=digest,
                files=tuple(released.digests.items()),
                released_at=released.released_at,
            )
        )
