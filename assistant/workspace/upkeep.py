"""Retention, backups, and finishing what a crash cut off."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from assistant import decide
from assistant.audit import AuditEvent
from assistant.policy import (
    Actor,
)
from assistant.records import (
    Note,
)
from assistant.workspace.deciding import Deciding
from assistant.workspace.desk import SOFTWARE

if TYPE_CHECKING:
    pass


class Upkeep(Deciding):
    """Work that nobody watches; it never decides anything in a person's place."""

    def run_retention(self, actor: Actor = SOFTWARE) -> int:
        """Delete what is past its time; return how many records went.

        A note left undecided past the limit is dropped, never approved: silence is not a yes.
        """
        self._ask(actor, "run_retention")
        now = self._clock()
        n_erased = 0
        for row in self.sessions():
            age_days = (now - row.updated_at).days
            is_old = age_days >= self.settings.undecided_days
            with self._within(row.session_id, actor=SOFTWARE) as act:
                if row.state in ("transcribed", "drafted", "handed_over") and is_old:
                    # The table has one way out for each: without a note.
                    event: decide.Event = (
                        "undecided_too_long" if row.state == "handed_over" else "no_note"
                    )
                    n_now = act.erase()
                    act.move(event)
                    act.log("session_closed", counts={"erased": n_now})
                elif row.state == "amending" and is_old:
                    released = act.read("released_note", Note)
                    act.put("note", released)
                    n_now = act.erase("released_note")
                    act.move("undecided_too_long")
                elif row.state in ("approved", "released", "amended"):
                    n_now = self._delete_working_words(act)
                else:
                    n_now = 0
                n_erased += n_now
        return n_erased

    def back_up(self, actor: Actor, destination: Path) -> None:
        """Write every row, and no key, into one sealed file."""
        from assistant.store import backup

        self._ask(actor, "backup")
        with self._lock:
            backup(self.store, destination)
            self._log(AuditEvent(event="backup_made", actor=actor.actor_id))

    def copy_keys(self, actor: Actor, destination: Path, *, passphrase: SecretStr) -> None:
        """Write a sealed copy of the keys, to be kept apart from the backups."""
        from assistant.store import backup_keys

        self._ask(actor, "backup")
        with self._lock:
            backup_keys(self.store, destination, passphrase=passphrase)
            self._log(AuditEvent(event="key_copy_made", actor=actor.actor_id))

    def restore(self, actor: Actor, source: Path) -> int:
        """Add the rows of a backup that are missing here; withdrawn words stay gone.

        Returns how many records of words came back.
        """
        from assistant.store import restore

        self._ask(actor, "restore")
        with self._lock:
            report = restore(self.store, source)
            self._log(
                AuditEvent(
                    event="backup_restored",
                    actor=actor.actor_id,
                    counts={"words": report.n_words, "left_gone": report.n_words_gone},
                )
            )
            self.recover()
        return report.n_words

    def recover(self) -> None:
        """Finish what a crash cut off: log lines, orphaned files, begun withdrawals."""
        with self._lock:
            with self.store.transaction() as tx:
                entries = tx.audit_entries()
                sessions = tx.sessions()
                known = {row.release_id for s in sessions for row in tx.releases(s.session_id)}
            if not entries:
                self._log(AuditEvent(event="log_opened", actor="software"))
            else:
                written = len(self.log_files.entries())
                self.log_files.append(entries[written:], keys=self._audit_keys)
            outbox = self.store.folder / "outbox"
            for folder in outbox.iterdir() if outbox.is_dir() else ():
                if folder.name not in known:
                    shutil.rmtree(folder, ignore_errors=True)
            if self.store.recovered():
                self._log(
                    AuditEvent(
                        event="recovered",
                        actor="software",
                        counts={"records": len(self.store.recovered())},
                    )
                )
            for row in sessions:
                if row.state == "withdrawing":
                    self._complete_withdrawal(row.session_id, actor=SOFTWARE)
