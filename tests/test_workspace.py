"""assistant/workspace.py: the actions in order, refusals, retention, withdrawal, recovery."""

from __future__ import annotations

import random
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from assistant.audit import verify_audit
from assistant.canonical import note_digest
from assistant.errors import DecisionError, InputError, Refused, StoreError
from assistant.records import Note
from assistant.workspace import Workspace
from tests.scenery import (
    ADMIN,
    OUTSIDERS,
    PEER,
    SUPERVISOR,
    TEAM,
    Clock,
    files_with,
    give_consent,
    make_canary,
    make_transcript,
    open_test_workspace,
    start_session,
)

CANARY = make_canary(random.Random(7))
BY_HAND = (("matters", f"I want the {CANARY} back."), ("next_step", "I will call on Friday."))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def workspace(tmp_path: Path, clock: Clock) -> Workspace:
    return open_test_workspace(tmp_path / "data", clock=clock)


def hand_over(workspace: Workspace) -> tuple[object, str, Note]:
    person, session_id = start_session(workspace, "save_note")
    workspace.write_by_hand(PEER, session_id, sentences=BY_HAND)  # type: ignore[arg-type]
    return person, session_id, workspace.hand_over(PEER, session_id)


def test_a_note_written_by_hand_is_approved_released_and_withdrawn(
    workspace: Workspace, tmp_path: Path
) -> None:
    person, session_id, note = hand_over(workspace)
    workspace.approve(person, session_id, digest=note_digest(note))
    released = workspace.release(PEER, session_id, to=TEAM, formats=("markdown", "fhir"))
    folder = workspace.released_folder(released)
    assert CANARY in (folder / f"{note.note_id}.md").read_text()
    assert workspace.view_released_note(PEER, session_id) == note
    assert workspace.withdraw(person, session_id) == (TEAM,)
    assert not folder.exists()
    assert files_with([CANARY], tmp_path) == {}
    for view in (workspace.view_note, workspace.view_released_note):
        with pytest.raises(Refused):
            view(person, session_id)
    assert verify_audit(tmp_path / "data", anchor=tmp_path / "data" / "anchors.txt") > 8


def test_nobody_else_decides_reads_or_releases(workspace: Workspace) -> None:
    person, session_id, note = hand_over(workspace)
    digest = note_digest(note)
    for actor in (PEER, *OUTSIDERS):
        for attempt in (
            lambda a: workspace.approve(a, session_id, digest=digest),
            lambda a: workspace.view_note(a, session_id),
            lambda a: workspace.refuse(a, session_id),
            lambda a: workspace.withdraw(a, session_id),
            lambda a: workspace.disagree(a, session_id, statement="no"),
            lambda a: workspace.release(a, session_id, to=TEAM, formats=("markdown",)),
        ):
            with pytest.raises(Refused) as caught:
                attempt(actor)
            assert caught.value.rule
    assert workspace.view_note(person, session_id) == note


def test_release_needs_an_approval_of_the_text_as_it_stands(workspace: Workspace) -> None:
    person, session_id, note = hand_over(workspace)
    with pytest.raises(Refused):
        workspace.release(PEER, session_id, to=TEAM, formats=("markdown",))
    workspace.approve(person, session_id, digest=note_digest(note))
    edited = workspace.change(
        person, session_id, section="next_step", sentence=0, text="I will write on Friday."
    )
    with pytest.raises(Refused):
        workspace.release(PEER, session_id, to=TEAM, formats=("markdown",))
    with pytest.raises(Refused):  # the yes was for the earlier text
        workspace.approve(person, session_id, digest=note_digest(note))
    workspace.approve(person, session_id, digest=note_digest(edited))
    with pytest.raises(Refused):  # somebody the person did not name
        workspace.release(PEER, session_id, to="the landlord", formats=("markdown",))
    workspace.release(PEER, session_id, to=TEAM, formats=("markdown",))


def test_a_released_text_stands_while_it_is_amended(workspace: Workspace, clock: Clock) -> None:
    person, session_id, note = hand_over(workspace)
    workspace.approve(person, session_id, digest=note_digest(note))
    workspace.release(PEER, session_id, to=TEAM, formats=("markdown",))
    workspace.disagree(person, session_id, statement="It was a Thursday.")
    assert workspace.view_released_note(PEER, session_id) == note
    clock.now += timedelta(days=31)
    workspace.run_retention()
    assert workspace.view_note(person, session_id) == note


@pytest.mark.parametrize("end", ["refuse", "end_without_note"])
def test_a_no_destroys_every_word_and_leaves_the_service_record(
    workspace: Workspace, end: str
) -> None:
    person, session_id, _note = hand_over(workspace)
    getattr(workspace, end)(person, session_id)
    record = workspace.file_service_record(PEER, session_id)
    assert record.session_id == session_id
    with workspace.store.transaction() as tx:
        assert tx.word_ids(session_id) == ()
    with pytest.raises(Refused):
        workspace.view_note(person, session_id)


def test_silence_is_never_a_yes(workspace: Workspace, clock: Clock) -> None:
    _person, session_id, _note = hand_over(workspace)
    clock.now += timedelta(days=400)
    workspace.run_retention()
    with workspace.store.transaction() as tx:
        assert tx.session(session_id).state == "service_record_only"
        assert tx.word_ids(session_id) == ()
    with pytest.raises(Refused):
        workspace.release(PEER, session_id, to=TEAM, formats=("markdown",))


def test_no_transcript_and_no_draft_without_their_consents(workspace: Workspace) -> None:
    person, session_id = start_session(workspace)
    with pytest.raises(Refused):
        workspace.import_transcript(PEER, session_id, make_transcript(CANARY))
    give_consent(workspace, person, session_id, "transcribe")
    workspace.import_transcript(PEER, session_id, make_transcript(CANARY))
    with pytest.raises(Refused):
        workspace.draft(PEER, session_id)
    give_consent(workspace, person, session_id, "ai_draft", given=False)
    with pytest.raises(Refused):
        workspace.draft(PEER, session_id)


def test_taking_back_the_yes_to_a_transcript_destroys_it(workspace: Workspace) -> None:
    person, session_id = start_session(workspace, "transcribe")
    workspace.import_transcript(PEER, session_id, make_transcript(CANARY))
    workspace.withdraw_consent(person, session_id, purpose="transcribe")
    with workspace.store.transaction() as tx:
        assert tx.word_ids(session_id) == ()
        assert tx.session(session_id).state == "new"


def test_nobody_starts_a_session_as_another_role(workspace: Workspace) -> None:
    for actor in (SUPERVISOR, ADMIN):
        with pytest.raises(Refused):
            workspace.start_session(actor, person_id=workspace.add_person())


def test_a_backup_cannot_bring_withdrawn_words_back(workspace: Workspace, tmp_path: Path) -> None:
    person, session_id, note = hand_over(workspace)
    workspace.approve(person, session_id, digest=note_digest(note))
    backup = tmp_path / "notes.backup"
    workspace.back_up(ADMIN, backup)
    workspace.withdraw(person, session_id)
    assert workspace.restore(ADMIN, backup) == 0
    with workspace.store.transaction() as tx:
        assert tx.session(session_id).state == "withdrawn"
        assert tx.word_ids(session_id) == ()
    for actor in (PEER, SUPERVISOR):
        with pytest.raises(Refused):
            workspace.back_up(actor, tmp_path / "other.backup")


def test_a_withdrawal_cut_off_by_a_crash_is_finished_at_opening(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, session_id, note = hand_over(workspace)
    workspace.approve(person, session_id, digest=note_digest(note))
    workspace.release(PEER, session_id, to=TEAM, formats=("markdown",))
    monkeypatch.setattr(Workspace, "_complete_withdrawal", lambda *a, **k: ())
    workspace.withdraw(person, session_id)
    workspace.close()
    monkeypatch.undo()
    with open_test_workspace(tmp_path / "data") as again:
        with again.store.transaction() as tx:
            assert tx.session(session_id).state == "withdrawn"
        assert files_with([CANARY], tmp_path) == {}


def test_a_lost_log_file_is_written_again_from_the_vault(
    workspace: Workspace, tmp_path: Path
) -> None:
    hand_over(workspace)
    workspace.close()
    data = tmp_path / "data"
    shutil.copy(data / "anchors.txt", tmp_path / "anchors.txt")
    (data / "audit.jsonl").unlink()
    with open_test_workspace(data):
        assert verify_audit(data, anchor=tmp_path / "anchors.txt") >= 5


def test_refusals_are_logged_with_their_rule(workspace: Workspace, tmp_path: Path) -> None:
    _person, session_id, note = hand_over(workspace)
    with pytest.raises(Refused):
        workspace.approve(PEER, session_id, digest=note_digest(note))
    assert '"event":"access_refused"' in (tmp_path / "data" / "audit.jsonl").read_text()


def test_bad_input_changes_nothing(workspace: Workspace) -> None:
    person, session_id, note = hand_over(workspace)
    with pytest.raises(InputError):
        workspace.change(person, session_id, section="next_step", sentence=0, text="  ")
    with pytest.raises(DecisionError):
        workspace.leave_out(person, session_id, section="hard", sentence=0)
    with pytest.raises(StoreError):
        workspace.view_note(person, "session-0000000000000000")
    assert workspace.view_note(person, session_id) == note
