"""`kill -9` at random moments: no approved note lost, no half state, the audit verifies.

A forked child works in a data folder and reports each thing it has done over a pipe, only after the
action returned. The parent kills it after a random time, opens the folder, and compares.
"""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from assistant.audit import verify_audit
from assistant.canonical import note_digest
from assistant.policy import Actor
from assistant.records import Note
from assistant.review import load_language_rules
from assistant.sealed import unpack_record
from assistant.workspace import Workspace
from tests.scenery import (
    ADMIN,
    PEER,
    TEAM,
    Clock,
    files_with,
    make_canary,
    open_test_workspace,
    start_session,
)

_LONGEST_RUN_S = 0.35  # a round of the child's work takes about 0.15 s


@dataclass
class Known:
    """What the child said it has finished, by session."""

    approved: dict[str, str] = field(default_factory=dict)  # session to digest
    withdrawing: set[str] = field(default_factory=set)  # announced before the act
    withdrawn: dict[str, str] = field(default_factory=dict)  # session to canary
    n_rounds: int = 0


def work(folder: Path, pipe: int, seed: int) -> None:
    """Approve, release and withdraw notes until killed."""
    randomness = random.Random(seed)
    workspace = open_test_workspace(folder, clock=Clock())
    while True:
        canary = make_canary(randomness)
        person, session_id = start_session(workspace, "save_note")
        workspace.write_by_hand(PEER, session_id, sentences=(("matters", f"I want the {canary}."),))
        note = workspace.hand_over(PEER, session_id)
        digest = note_digest(note)
        workspace.approve(person, session_id, digest=digest)
        tell(pipe, "approved", session_id, digest)
        if randomness.random() < 0.6:
            workspace.release(PEER, session_id, to=TEAM, formats=("markdown",))
        if randomness.random() < 0.1:
            workspace.back_up(ADMIN, folder.parent / f"{session_id}.backup")
        if randomness.random() < 0.5:
            tell(pipe, "withdrawing", session_id, canary)
            workspace.withdraw(person, session_id)
            tell(pipe, "withdrawn", session_id, canary)


def tell(pipe: int, what: str, session_id: str, more: str) -> None:
    os.write(pipe, f"{what} {session_id} {more}\n".encode())


def run_and_kill(folder: Path, known: Known, *, seed: int, after_s: float) -> None:
    """Fork a worker, kill it after a time counted from its first report, take in its reports."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work(folder, writing, seed)
        finally:
            os._exit(3)  # the worker never ends by itself
    os.close(writing)
    select.select([reading], [], [], 60)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the worker ended by itself"
    with os.fdopen(reading, "rb") as pipe:
        for line in pipe.read().decode().splitlines():
            what, session_id, more = line.split(" ")
            if what == "approved":
                known.approved[session_id] = more
                known.n_rounds += 1
            elif what == "withdrawing":
                known.withdrawing.add(session_id)
            else:
                known.withdrawn[session_id] = more


def check(folder: Path, known: Known) -> None:
    """Open the folder after a kill and compare it with what was reported."""
    with open_test_workspace(folder, clock=Clock()) as workspace:
        states = {row.session_id: row.state for row in workspace.sessions()}
        assert "withdrawing" not in states.values()
        for session_id, digest in known.approved.items():
            if states[session_id] == "withdrawn":
                assert session_id in known.withdrawing
                assert not words_of(workspace, session_id)
            else:
                assert states[session_id] in ("approved", "released")
                person = Actor(actor_id=person_of(workspace, session_id), role="person")
                assert note_digest(workspace.view_note(person, session_id)) == digest
        for session_id in known.withdrawn:
            assert states[session_id] == "withdrawn"
        gone = list(known.withdrawn.values())
        assert files_with(gone, folder.parent) == {}
        outbox = {path.name for path in (folder / "outbox").iterdir()}
        with workspace.store.transaction() as tx:
            releases = {r.release_id for s in states for r in tx.releases(s) if not r.recalled_at}
        assert outbox == releases
    assert verify_audit(folder, anchor=folder / "anchors.txt") > 0


def words_of(workspace: Workspace, session_id: str) -> tuple[Note, ...]:
    with workspace.store.transaction() as tx:
        return tuple(
            unpack_record(tx.words(record_id), Note)
            for record_id, kind in tx.word_ids(session_id)
            if kind == "note"
        )


def person_of(workspace: Workspace, session_id: str) -> str:
    with workspace.store.transaction() as tx:
        return tx.session(session_id).person_id


def kill_many(root: Path, *, n_kills: int) -> Known:
    """Kill `n_kills` workers; a fresh folder every four, so that checking stays quick."""
    load_language_rules()  # seconds, and shared by every fork
    randomness = random.Random(20260302)
    total = Known()
    for number in range(n_kills):
        if number % 4 == 0:
            known = Known()
            folder = root / f"run-{number}" / "data"
            folder.parent.mkdir()
        run_and_kill(folder, known, seed=number, after_s=randomness.uniform(0, _LONGEST_RUN_S))
        check(folder, known)
        total.n_rounds = total.n_rounds + len(known.approved)
    return total


def kill_apart(root: Path, *, n_kills: int) -> int:
    """Run `kill_many` in a process of its own, whose forks are small; return the rounds done."""
    code = (
        "import sys, pathlib; from tests.test_crash import kill_many;"
        "print(kill_many(pathlib.Path(sys.argv[1]), n_kills=int(sys.argv[2])).n_rounds)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(root), str(n_kills)],
        cwd=Path(__file__).resolve().parent.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_200_kills_lose_no_approved_note_and_leave_no_half_state(tmp_path: Path) -> None:
    assert kill_apart(tmp_path, n_kills=200) > 200


@pytest.mark.soak
def test_1000_kills_lose_no_approved_note_and_leave_no_half_state(tmp_path: Path) -> None:
    assert kill_apart(tmp_path, n_kills=1000) > 1000
