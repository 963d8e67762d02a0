"""What looks on: a supervisor at notes shared with them, a governance team at figures alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from assistant.audit import verify_content
from assistant.canonical import note_digest
from assistant.errors import AuditError, DecisionError, InputError
from assistant.figures import SessionFigures
from assistant.policy import Actor, Request
from assistant.records import Flag, Note, SectionName
from assistant.sealed import WordsKind
from assistant.store import SessionRow, Transaction
from assistant.workspace.desk import Desk, describe_session

# What people can say about themselves for figures about fairness. Everybody may say nothing.
GROUP_AXES: Mapping[str, tuple[str, ...]] = {
    "gender": ("woman", "man", "nonbinary", "another"),
    "origin": (
        "african", "african_american", "asian", "caribbean", "european", "indigenous",
        "latin_american", "middle_eastern", "pacific", "another",
    ),
    "dialect": ("english_first", "english_second", "african_american_english", "another"),
    "age": ("under_25", "25_to_44", "45_to_64", "65_and_over"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedNote:
    """A released note as a supervisor sees it."""

    session: SessionRow
    note: Note = field(repr=False)
    digest: str
    flags: tuple[tuple[SectionName, int, Flag], ...]  # section, 0-based sentence, scope flag
    is_cosigned: bool


class Overseeing(Desk):
    """Reading what was shared, co-signing it, counting."""

    def shared_sessions(self, actor: Actor) -> tuple[SessionRow, ...]:
        """Return the sessions whose released note this supervisor may read now."""
        self._ask(actor, "open_supervisor_screens")
        now = self._clock()
        shared = []
        with self._reading() as tx:
            for peer_id in sorted(tx.peers_of(actor.actor_id)):
                for row in tx.sessions(peer_id=peer_id):
                    request = Request(
                        actor=actor,
                        action="view_released_note",
                        subject=describe_session(tx, row, now),
                    )
                    if self.gate.ask(request).allowed:
                        shared.append(row)
        return tuple(shared)

    def view_shared_note(self, actor: Actor, session_id: str) -> SharedNote:
        """Return a note shared with a supervisor, with what is outside a peer's role flagged."""
        from assistant.review import flag_scope, load_language_rules

        rules = load_language_rules()

        with self._act(actor, "view_released_note", session_id) as act:
            kind: WordsKind = "released_note" if act.has("released_note") else "note"
            note = act.read(kind, Note)
            digest = note_digest(note)
            flags = tuple(
                (section.name, number, flag)
                for section in note.sections
                for number, sentence in enumerate(section.sentences)
                # The person's own words are never flagged; only what somebody else worded is.
                if sentence.origin == "written" or section.name == "together"
                for flag in flag_scope(sentence.text, voice="peer", rules=rules)
            )
            return SharedNote(
                session=act.row,
                note=note,
                digest=digest,
                flags=flags,
                is_cosigned=(actor.actor_id, digest) in act.tx.cosigns(session_id),
            )

    def co_sign(self, actor: Actor, session_id: str, *, digest: str) -> None:
        """Co-sign the exact released text; it changes nothing in it."""
        with self._act(actor, "co_sign", session_id, digest=digest) as act:
            # While a note is amended the approved text may not be out yet; only what is out counts.
            out = [r.digest for r in act.tx.releases(session_id) if r.recalled_at is None]
            if digest not in out:
                raise DecisionError("This text has changed. Load it again.")
            act.tx.add_cosign(
                session_id=session_id, supervisor_id=actor.actor_id, digest=digest, at=act.at
            )
            act.log("note_cosigned", digest=digest)

    def record_groups(self, actor: Actor, session_id: str, *, values: Mapping[str, str]) -> None:
        """Keep what a person said about themselves; an empty value takes an answer back."""
        for axis, value in values.items():
            if axis not in GROUP_AXES or (value and value not in GROUP_AXES[axis]):
                raise InputError("Choose one of the answers, or none.")
        with self._act(actor, "record_groups", session_id) as act:
            for axis, value in values.items():
                act.tx.set_group(person_id=act.row.person_id, axis=axis, value=value)
            act.log("groups_recorded", counts={"answers": sum(map(bool, values.values()))})

    def session_figures(self, actor: Actor) -> tuple[SessionFigures, ...]:
        """Return what figures are made from: states, times and numbers, no words and no names."""
        self._ask(actor, "view_aggregates")
        now = self._clock()
        with self._reading() as tx:
            times = _event_times(tx)
            return tuple(
                _figures_of(tx, row, times.get(row.session_id, {}), now) for row in tx.sessions()
            )

    def check_audit(self, actor: Actor) -> int:
        """Return how many entries the audit log has, whole and against its anchors.

        Raises `AuditError` naming the first bad entry. Nothing is written meanwhile.
        """
        self._ask(actor, "verify_audit")
        with self._lock:  # both files at one moment; checking signatures takes longer
            try:
                content = self.log_files.log.read_bytes()
                anchors = self.log_files.anchors.read_text("utf-8", "replace")
            except OSError as error:
                name = Path(str(error.filename)).name
                raise AuditError(position=1, problem=f"{name} cannot be read") from None
        return verify_content(content, anchors=anchors)


# States in which nothing readable of a session may be left.
_ENDED_WITHOUT_WORDS = frozenset({"refused", "withdrawing", "withdrawn"})


def _figures_of(
    tx: Transaction, row: SessionRow, times: Mapping[str, datetime], now: datetime
) -> SessionFigures:
    subject = describe_session(tx, row, now)
    facts = dict(tx.facts(row.session_id))
    if row.state in _ENDED_WITHOUT_WORDS:
        standing = [one for one in tx.releases(row.session_id) if one.recalled_at is None]
        facts["left_behind"] = len(tx.word_ids(row.session_id)) + len(standing)
    decided = [times[e] for e in ("note_approved", "note_refused") if e in times]
    may_count = "evaluation" in subject.active_purposes
    return SessionFigures(
        session_id=row.session_id,
        person_id=row.person_id,
        state=row.state,
        with_ai=bool(facts.get("with_ai")),
        groups=dict(tx.groups(row.person_id)) if may_count else {},
        facts=facts,
        verbs=tuple(d.verb for d in tx.decisions(row.session_id)),
        handed_over_at=times.get("note_handed_over"),
        decided_at=min(decided, default=None),
        withdrawn_at=times.get("note_withdrawn"),
    )


def _event_times(tx: Transaction) -> dict[str, dict[str, datetime]]:
    """Return, for each session, when each kind of event happened first."""

    found: dict[str, dict[str, datetime]] = {}
    for entry in map(json.loads, tx.audit_entries()):
        session_id = entry["ids"].get("session")
        if session_id:
            at = datetime.fromisoformat(entry["at"])
            found.setdefault(session_id, {}).setdefault(entry["event"], at)
    return found
