"""What the gate is asked, what it answers, and how a question looks to Cedar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from assistant.records import Names, Purpose

ActorRole = Literal["person", "peer", "supervisor", "governance", "admin", "software"]
Action = Literal[
    "start_session", "record_consent", "withdraw_consent", "record_groups",
    "import_transcript", "deidentify", "correct_identifiers", "view_transcript", "reveal_names",
    "delete_transcript",
    "hide_for_everybody", "propose_showing", "take_word_back",
    "view_agency_words", "agree_to_word", "decline_word", "remove_word",
    "preview_draft", "draft", "write_by_hand", "edit_draft", "view_draft", "acknowledge_safety",
    "hand_over", "make_link", "no_note", "file_service_record",
    "view_note_for_decision", "approve", "change", "leave_out", "disagree", "decide_later",
    "refuse", "withdraw", "export_own_copy", "view_own_trail",
    "release", "view_released_note", "co_sign",
    "view_aggregates", "view_audit", "verify_audit", "backup", "restore", "manage_accounts",
    "change_settings", "run_retention",
    "open_peer_screens", "open_supervisor_screens", "open_governance_screens",
    "open_admin_screens", "view_session",
]  # fmt: skip
ACTIONS: frozenset[str] = frozenset(get_args(Action))
ENTITY_TYPES: Mapping[ActorRole, str] = {
    "person": "Person",
    "peer": "Peer",
    "supervisor": "Supervisor",
    "governance": "Governance",
    "admin": "Admin",
    "software": "Software",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks. A human with two roles asks as one of them."""

    actor_id: str
    role: ActorRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A session and what came of it, as it stands now. Unknown facts stay at their default,
    which meets no rule: `safety_open` None is not the same as 0."""

    session_id: str
    person_id: str
    peer_id: str
    state: str  # a `decide.SessionState`
    supervisor_ids: frozenset[str] = frozenset()
    active_purposes: frozenset[Purpose] = frozenset()  # from `active_purposes`
    record_recipients: frozenset[str] = field(default=frozenset(), repr=False)
    share_recipients: frozenset[str] = field(default=frozenset(), repr=False)
    safety_open: int | None = None  # safety prompts without an answer
    digest: str = ""  # SHA-256 (hex) of the text as it stands
    approved_digest: str = ""
    approved_by: str = ""
    names: Names = "out"
    part2: bool = True  # 42 CFR Part 2 is assumed until the agency says otherwise
    word_type: str = ""  # what kind of word is to hold for everybody at this agency
    word_added_by: str = ""  # who gave the last word for everybody in this session


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """The service as a whole: audit log, backups, accounts, figures, words of the agency."""

    store_id: str = "store"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One question. `digest` is the SHA-256 of the text that whoever asks has before them;
    `recipient`, `names` and `part2_notice` describe what would be released."""

    actor: Actor
    action: Action
    subject: Subject | Store
    recipient: str = field(default="", repr=False)
    digest: str = ""
    names: Names = "out"
    part2_notice: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer, the `@id` of the permit that was or was not met, and its sentence."""

    allowed: bool
    rule: str
    reason: str


def preview_request() -> Request:
    """Ask to draft from a file its reader holds, on their own screen, keeping nothing."""
    reader = Actor(actor_id="reader-of-the-file", role="peer")
    return Request(actor=reader, action="preview_draft", subject=Store())


def find_gap(request: Request) -> str:
    """Name what the question lacks, or return an empty string.

    Empty ids would make `"" == ""` true in a rule, and one id on both sides of a session would
    let its peer decide as the person.
    """
    actor, subject = request.actor, request.subject
    if request.action not in ACTIONS:
        return "the action is not known"
    if actor.role not in ENTITY_TYPES:
        return "the role is not known"
    if not is_filled(actor.actor_id):
        return "the actor has no id"
    if isinstance(subject, Store):
        return "" if is_filled(subject.store_id) else "the store has no id"
    if not all(map(is_filled, (subject.session_id, subject.person_id, subject.peer_id))):
        return "the session, its person or its peer has no id"
    if subject.person_id == subject.peer_id:
        return "the person and the peer of the session have the same id"
    return ""


def cedar_request(request: Request) -> dict[str, Any]:
    """Put a request into Cedar's terms; see `schema.cedarschema`."""
    subject = request.subject
    about = (
        {"type": "Store", "id": subject.store_id}
        if isinstance(subject, Store)
        else {"type": "Session", "id": subject.session_id}
    )
    return {
        "principal": {"type": ENTITY_TYPES[request.actor.role], "id": request.actor.actor_id},
        "action": {"type": "Action", "id": request.action},
        "resource": about,
        "context": {
            "recipient": request.recipient,
            "digest": request.digest,
            "names": request.names,
            "part2_notice": request.part2_notice,
        },
    }


def cedar_entities(request: Request) -> list[dict[str, Any]]:
    """Describe the actor and the subject of a request as Cedar entities."""
    asked = cedar_request(request)
    subject = request.subject
    attrs: dict[str, Any] = (
        {"store_id": subject.store_id}
        if isinstance(subject, Store)
        else {
            "session_id": subject.session_id,
            "person_id": subject.person_id,
            "peer_id": subject.peer_id,
            "supervisor_ids": sorted(subject.supervisor_ids),
            "state": subject.state,
            "active_purposes": sorted(subject.active_purposes),
            "record_recipients": sorted(subject.record_recipients),
            "share_recipients": sorted(subject.share_recipients),
            "safety_open": -1 if subject.safety_open is None else subject.safety_open,
            "digest": subject.digest,
            "approved_digest": subject.approved_digest,
            "approved_by": subject.approved_by,
            "names": subject.names,
            "part2": subject.part2,
            "word_type": subject.word_type,
            "word_added_by": subject.word_added_by,
        }
    )
    return [
        {"uid": asked["principal"], "attrs": {"actor_id": request.actor.actor_id}, "parents": []},
        {"uid": asked["resource"], "attrs": attrs, "parents": []},
    ]


def is_filled(value: object) -> bool:
    return isinstance(value, str) and value.strip() != ""
