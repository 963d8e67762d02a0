"""`ownwords demo`: the whole path on a fictional session, no questions asked.

Everybody in it is invented. What the two people would do on screen is scripted here; the path is
the real one: the real gate, vault, models, audit log and files.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter

from assistant.audit import verify_audit
from assistant.canonical import note_digest
from assistant.ingest import read_transcript
from assistant.policy import Actor
from assistant.progress import show_progress
from assistant.records import Note, Purpose, ReviewedDraft
from assistant.resources import resource_path
from assistant.settings import Settings
from assistant.store import MasterKey
from assistant.wording import HOLD_REASONS, SECTION_TITLES
from assistant.workspace import Workspace, new_id, open_workspace

_PERSON, _PEER = "Senait", "Dana"
_RECIPIENT = "Riverside team record"
_PURPOSES: tuple[Purpose, ...] = ("transcribe", "ai_draft", "save_note")
_RULE = "-" * 78


def run_demo(*, settings: Settings, folder: Path | None = None) -> None:
    """Run the path in a data folder of its own and say where the note and receipt lie.

    Raises `ModelUnavailable` if the models were not fetched.
    """
    started = perf_counter()
    data_dir = folder or Path(tempfile.mkdtemp(prefix="ownwords-demo-"))
    demo_settings = settings.model_copy(update={"data_dir": data_dir, "anchor_file": None})
    peer = Actor(actor_id=new_id("peer"), role="peer")
    with open_workspace(demo_settings, key=MasterKey.generate()) as workspace:
        person = Actor(actor_id=workspace.add_person(), role="person")
        session_id = workspace.start_session(
            peer, person_id=person.actor_id, modality="in_person", place="the Riverside drop-in",
            service_date="2026-03-02", start="10:00", end="10:50",
        )  # fmt: skip
        _say("1. Consent")
        _record_consents(workspace, person, session_id)
        _say("2. The transcript")
        _import(workspace, peer, session_id)
        _say("3. A draft")
        with show_progress("Loading the models"):
            workspace.parts()
        with show_progress("Hiding identities, drafting, checking language"):
            reviewed = workspace.draft(peer, session_id)
        _show_draft(workspace, peer, session_id, reviewed)
        _say("4. The person decides")
        _decide(workspace, peer, person, session_id)
        _say("5. Release")
        with show_progress("Writing the files"):
            released = workspace.release(
                peer, session_id, to=_RECIPIENT, formats=("markdown", "pdf", "docx", "fhir")
            )
        outbox = workspace.released_folder(released)
        _print((outbox / f"{released.note_id}.md").read_text("utf-8"))
        _say("6. The person's receipt")
        _print((outbox / f"{released.note_id}.receipt.md").read_text("utf-8"))
        n_entries = verify_audit(data_dir, anchor=outbox / f"{released.note_id}.receipt.md")
    _say("Where things lie")
    _print(f"Released note and receipt: {outbox}")
    for name in released.files:
        _print(f"  {name}")
    _print(f"Audit log: {data_dir / 'audit.jsonl'} ({n_entries} entries, whole)")
    _print(f"  check it: ownwords audit verify {data_dir} --anchor {data_dir / 'anchors.txt'}")
    _print("The vault of this demo cannot be opened again: its key was never written down.")
    _print(f"Done in {perf_counter() - started:.0f} seconds.")


def _record_consents(workspace: Workspace, person: Actor, session_id: str) -> None:
    for purpose in _PURPOSES:
        workspace.record_consent(
            person, session_id, purpose=purpose, given=True,
            recipients=(_RECIPIENT,) if purpose == "save_note" else (),
            information="notes of my peer support sessions", discloser="Riverside peer support",
            mode="written", text_version="2026-01",
        )  # fmt: skip
    _print(f"The person said yes, one by one, to: {', '.join(_PURPOSES)}. Nothing else is allowed.")


def _import(workspace: Workspace, peer: Actor, session_id: str) -> None:
    transcript = read_transcript(
        resource_path("assistant/data/demo_session.txt"),
        settings=workspace.settings,
        person=_PERSON,
        peer=_PEER,
    )
    workspace.import_transcript(peer, session_id, transcript)
    n_words = sum(len(turn.text.split()) for turn in transcript.turns)
    _print(
        f"{len(transcript.turns)} turns, {n_words} words, {len(transcript.unread)} lines unread. "
        "Kept in the vault until the decision."
    )


def _show_draft(
    workspace: Workspace, peer: Actor, session_id: str, reviewed: ReviewedDraft
) -> None:
    for section in reviewed.draft.sections:
        _print(SECTION_TITLES[section.name])
        for sentence in section.sentences:
            turns = ", ".join(str(place.turn) for place in sentence.evidence)
            _print(f"  - {sentence.text}  [turn {turns}, {sentence.origin}]")
    counts = Counter(held.reason for held in reviewed.draft.held_back)
    _print("Left out: " + ", ".join(f"{n} {HOLD_REASONS[why]}" for why, n in counts.items()))
    _print(f"Wording worth a second look: {len(reviewed.flags)}")
    for prompt_no, prompt in enumerate(reviewed.safety):
        _print(
            f"For the peer to look at first, turn {prompt.turn}: {prompt.topic.replace('_', ' ')}. "
            "It stays out of the draft. The peer answers: already talked about, together."
        )
        workspace.acknowledge_safety(
            peer, session_id, prompt_no=prompt_no, answer="handled_before_draft"
        )


def _decide(workspace: Workspace, peer: Actor, person: Actor, session_id: str) -> None:
    note = workspace.hand_over(peer, session_id)
    section = next(s for s in note.sections if len(s.sentences) > 1 or s is note.sections[-1])
    workspace.leave_out(person, session_id, section=section.name, sentence=0)
    _print(f"The person leaves out one sentence under '{SECTION_TITLES[section.name]}'.")
    statement = "I said more than this, and what I said was mine to say."
    final: Note = workspace.disagree(person, session_id, statement=statement)
    _print("The person adds a line of their own, which travels with the note.")
    digest = note_digest(final)
    workspace.approve(person, session_id, digest=digest)
    _print(f"The person approves this exact text: SHA-256 {digest[:16]}...")
    _print("The transcript and everything made from it are deleted now; the approved note stays.")


def _say(title: str) -> None:
    _print(f"\n{_RULE}\n{title}\n{_RULE}")


def _print(text: str) -> None:
    sys.stdout.write(text.rstrip("\n") + "\n")
    sys.stdout.flush()
