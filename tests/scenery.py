"""Scenery shared by the tests of the whole path: actors, consents, canaries, a scripted model."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assistant.draft.model import RewriteJob
from assistant.policy import Actor, Gate, load_gate
from assistant.records import ModelInfo, Purpose, Transcript, Turn
from assistant.settings import Settings
from assistant.store import MasterKey
from assistant.workspace import Workspace, open_workspace

GATE: Gate = load_gate()
KEY = MasterKey(value=bytes(range(32)))
PEER = Actor(actor_id="peer-00000000000000aa", role="peer")
OTHER_PEER = Actor(actor_id="peer-00000000000000ab", role="peer")
SUPERVISOR = Actor(actor_id="super-00000000000000ac", role="supervisor")
GOVERNANCE = Actor(actor_id="gov-00000000000000ad", role="governance")
ADMIN = Actor(actor_id="admin-00000000000000ae", role="admin")
STRANGER = Actor(actor_id="person-00000000000000af", role="person")
OUTSIDERS = (OTHER_PEER, SUPERVISOR, GOVERNANCE, ADMIN, STRANGER)
TEAM = "the team record"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

_FIRST = ("plo", "tru", "sko", "vima", "dre", "lumo", "gri", "fenno", "bralo", "quo")
_LAST = ("mmerick", "vellin", "ndrap", "ssiter", "kumble", "rrowin", "ttanel", "bbock", "llapse")


def make_canary(randomness: random.Random) -> str:
    """Return a lower-case word that stands in no dictionary, file or schema, and never twice."""
    return randomness.choice(_FIRST) + "".join(randomness.choices(_LAST, k=9))


class Clock:
    """A clock that moves a second at each look, and further when told."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class EchoModel:
    """A language model that hands every statement back."""

    info = ModelInfo(name="echo", backend="scripted")

    def rewrite(self, jobs: Sequence[RewriteJob]) -> tuple[str, ...]:
        return tuple(job.statement for job in jobs)


def no_parts() -> Any:
    pytest.fail("this test loads no models")


def open_test_workspace(
    folder: Path, *, clock: Callable[[], datetime] | None = None, make_parts: Any = no_parts
) -> Workspace:
    settings = Settings(data_dir=folder, _env_file=None)
    return open_workspace(
        settings, key=KEY, gate=GATE, clock=clock or Clock(), make_parts=make_parts
    )


def give_consent(
    workspace: Workspace,
    person: Actor,
    session_id: str,
    *purposes: Purpose,
    given: bool = True,
) -> None:
    for purpose in purposes:
        workspace.record_consent(
            person, session_id, purpose=purpose, given=given,
            recipients=(TEAM,) if purpose in ("share", "save_note") else (),
            information="notes of peer support", discloser="test peers", mode="electronic",
            text_version="1",
        )  # fmt: skip


def start_session(workspace: Workspace, *purposes: Purpose) -> tuple[Actor, str]:
    person = Actor(actor_id=workspace.add_person(), role="person")
    session_id = workspace.start_session(PEER, person_id=person.actor_id)
    give_consent(workspace, person, session_id, *purposes)
    return person, session_id


def make_transcript(canary: str) -> Transcript:
    """A short session in which the person says the canary once in a sentence of note."""
    lines = [
        ("Dana", "peer", "How was your week?"),
        ("Ife", "person", f"I kept going to the {canary} class every morning and it helped me."),
        ("Dana", "peer", "What do you want to do next?"),
        ("Ife", "person", f"I want to call the housing office about the {canary} on Friday."),
        ("Dana", "peer", "We can make that call together."),
    ]
    return Transcript(
        turns=tuple(
            Turn(number=n, speaker=speaker, role=role, text=text)  # type: ignore[arg-type]
            for n, (speaker, role, text) in enumerate(lines, start=1)
        ),
        source_format="plain",
    )


def files_with(words: Sequence[str], *folders: Path) -> dict[Path, set[str]]:
    """Return every file under the folders that holds one of the words, and which."""
    needles = {word: word.encode() for word in words}
    found: dict[Path, set[str]] = {}
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes().lower()
                hits = {word for word, needle in needles.items() if needle in content}
                if hits:
                    found[path] = hits
    return found
