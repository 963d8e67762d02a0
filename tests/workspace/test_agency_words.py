"""Words that hold for everybody: given by a peer, answered by a supervisor, undone, forgotten."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from assistant.app.worker import DraftWorker
from assistant.deidentify import Correction
from assistant.errors import DecisionError, InputError, Refused
from assistant.pipeline import Prepared
from assistant.policy import Actor
from assistant.records import Transcript
from assistant.workspace import Workspace, correcting
from assistant.workspace.agency_words import AGENCY, agency_words
from assistant.workspace.agreeing import ListedWord
from tests.scenery import (
    ADMIN,
    GOVERNANCE,
    OTHER_PEER,
    PEER,
    SUPERVISOR,
    Clock,
    files_with,
    open_test_workspace,
)
from tests.workspace.test_screens_actions import drafted, state_of, transcribed, wait_until


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_test_workspace(tmp_path / "data", clock=Clock())


def hide(workspace: Workspace, session_id: str, word: str = "class", type_: str = "ORG") -> None:
    workspace.correct_identifiers(
        PEER, session_id, surface=word, action="hide", type_=type_, for_everybody=True
    )


def propose(workspace: Workspace, session_id: str, word: str = "Alana") -> None:
    workspace.correct_identifiers(PEER, session_id, surface=word, action="show", for_everybody=True)


def listed(workspace: Workspace) -> list[tuple[str, str, bool]]:
    found = workspace.view_agency_words(SUPERVISOR)
    return [(word.surface, word.action, word.is_waiting) for word in found]


def in_force(workspace: Workspace) -> tuple[Correction, ...]:
    """What the next draft of somebody else's session is made with."""
    _person, session_id = transcribed(workspace)
    return workspace.begin_draft(PEER, session_id)[2]


def log_of(workspace: Workspace) -> list[dict[str, Any]]:
    return [json.loads(line) for line in workspace.log_files.entries()]


# ---------------------------------------------------------------- giving


@pytest.mark.parametrize("type_", ["ORG", "LOCATION"])
def test_a_place_hidden_for_everybody_holds_in_the_next_sessions_at_once(
    workspace: Workspace, type_: str
) -> None:
    _person, session_id = drafted(workspace)
    hide(workspace, session_id, "class", type_)
    assert f"<{type_}_1>" in workspace.view_deidentified(PEER, session_id).turns[2].text
    (held,) = in_force(workspace)
    assert (held.surface, held.action, held.type, held.by) == ("class", "hide", type_, "agency")


def test_the_corrections_of_the_person_come_before_those_of_the_agency(
    workspace: Workspace,
) -> None:
    _person, session_id = drafted(workspace)
    hide(workspace, session_id)
    workspace.correct_identifiers(PEER, session_id, surface="class", action="show")
    corrections = workspace.begin_draft(PEER, session_id)[2]
    assert [(one.action, one.by) for one in corrections] == [("show", "person"), ("hide", "agency")]


@pytest.mark.parametrize("type_", ["PERSON", "NICKNAME", "DATE", "PHONE", "ID", "OTHER"])
def test_nothing_but_places_and_programmes_is_hidden_for_everybody(
    workspace: Workspace, type_: str
) -> None:
    _person, session_id = drafted(workspace)
    with pytest.raises(Refused, match="never a person's name") as refused:
        hide(workspace, session_id, "Bo", type_)
    assert refused.value.rule == "peer-hides-word-for-everybody"
    assert workspace.corrections(PEER, session_id) == ()  # not here either
    assert listed(workspace) == []
    assert log_of(workspace)[-2]["ids"]["rule"] == "peer-hides-word-for-everybody"


def test_showing_for_everybody_waits_for_a_supervisor(workspace: Workspace) -> None:
    _person, session_id = drafted(workspace)
    propose(workspace, session_id)
    assert "Alana" in workspace.view_deidentified(PEER, session_id).turns[0].text
    assert in_force(workspace) == ()
    (word,) = workspace.view_agency_words(SUPERVISOR)
    # The word alone: no sentence, no session, no person, and not yet who gave it or when.
    shown = {f.name: getattr(word, f.name) for f in fields(ListedWord)}
    assert shown == {
        "word_id": word.word_id, "surface": "Alana", "type": "PERSON", "action": "show",
        "is_waiting": True, "added_by": "", "added_at": None, "agreed_by": "", "agreed_at": None,
    }  # fmt: skip
    workspace.agree_to_word(SUPERVISOR, word.word_id)
    (held,) = in_force(workspace)
    assert (held.surface, held.action, held.by) == ("Alana", "show", "agency")
    (word,) = workspace.view_agency_words(SUPERVISOR)
    assert (word.added_by, word.agreed_by) == (PEER.actor_id, SUPERVISOR.actor_id)
    assert word.added_at is not None
    assert word.agreed_at is not None
    for answer in (workspace.agree_to_word, workspace.decline_word):
        with pytest.raises(DecisionError, match="no longer"):
            answer(SUPERVISOR, word.word_id)


@pytest.mark.parametrize("word", ["Ife", "Dana", "class", "laugh so much"])
def test_speakers_and_words_that_are_not_hidden_cannot_be_asked_about(
    workspace: Workspace, word: str
) -> None:
    _person, session_id = drafted(workspace)
    with pytest.raises(Refused) as refused:
        propose(workspace, session_id, word)
    assert refused.value.rule == "peer-proposes-showing-word"
    assert listed(workspace) == []


def test_a_number_cannot_be_asked_about(workspace: Workspace) -> None:
    _person, session_id = drafted(workspace)
    workspace.correct_identifiers(PEER, session_id, surface="Friday", action="hide", type_="DATE")
    with pytest.raises(Refused, match="never a number"):
        propose(workspace, session_id, "Friday")


def test_a_word_is_on_the_list_once(workspace: Workspace) -> None:
    for word in ("class", "Class"):
        _person, session_id = drafted(workspace)
        hide(workspace, session_id, word)
        propose(workspace, session_id)
    assert listed(workspace) == [("class", "hide", False), ("Alana", "show", True)]


def test_a_full_list_takes_nothing_more_and_the_session_stays_as_it_was(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(correcting, "MAX_AGENCY_WORDS", 2)
    _person, session_id = drafted(workspace)
    hide(workspace, session_id)
    propose(workspace, session_id)
    before = workspace.view_deidentified(PEER, session_id)
    with pytest.raises(DecisionError, match="full"):
        hide(workspace, session_id, "week")
    assert workspace.view_deidentified(PEER, session_id) == before
    assert len(listed(workspace)) == 2


@pytest.mark.parametrize("surface", ["", "...", "x" * 101])
def test_the_limits_are_those_of_corrections(workspace: Workspace, surface: str) -> None:
    _person, session_id = drafted(workspace)
    with pytest.raises(InputError, match="Choose a word"):
        hide(workspace, session_id, surface)


# ---------------------------------------------------------------- who may


def test_everybody_else_is_refused(workspace: Workspace) -> None:
    person, session_id = drafted(workspace)
    propose(workspace, session_id)
    word_id = workspace.view_agency_words(SUPERVISOR)[0].word_id
    for actor in (OTHER_PEER, SUPERVISOR, GOVERNANCE, ADMIN, person):
        for action, type_ in (("hide", "ORG"), ("show", "OTHER")):
            with pytest.raises(Refused):
                workspace.correct_identifiers(
                    actor, session_id, surface="class", action=action, type_=type_,
                    for_everybody=True,
                )  # fmt: skip
        with pytest.raises(Refused):
            workspace.take_word_back(actor, session_id)
    for actor in (PEER, OTHER_PEER, GOVERNANCE, ADMIN, person):
        with pytest.raises(Refused):
            workspace.view_agency_words(actor)
        for answer in (workspace.agree_to_word, workspace.decline_word, workspace.remove_word):
            with pytest.raises(Refused):
                answer(actor, word_id)
    assert listed(workspace) == [("Alana", "show", True)]


# ---------------------------------------------------------------- undo


def test_undoing_a_correction_takes_its_word_for_everybody_back_too(workspace: Workspace) -> None:
    _person, session_id = drafted(workspace)
    before = workspace.view_deidentified(PEER, session_id)
    hide(workspace, session_id)
    propose(workspace, session_id)
    workspace.correct_identifiers(PEER, session_id, surface="Bo", action="hide", type_="PERSON")
    workspace.undo_correction(PEER, session_id)  # Bo, which was for this person alone
    assert len(listed(workspace)) == 2
    workspace.undo_correction(PEER, session_id)
    assert listed(workspace) == [("class", "hide", False)]
    workspace.undo_correction(PEER, session_id)
    assert listed(workspace) == []
    assert workspace.view_deidentified(PEER, session_id) == before


def test_the_last_word_is_taken_back_and_the_session_stays_as_it_is(workspace: Workspace) -> None:
    _person, session_id = drafted(workspace)
    _other, other_id = drafted(workspace)
    hide(workspace, session_id)
    hide(workspace, session_id, "dog", "LOCATION")
    hide(workspace, other_id, "week")
    before = workspace.view_deidentified(PEER, session_id)
    workspace.take_word_back(PEER, session_id)
    assert [word for word, *_rest in listed(workspace)] == ["class", "week"]
    assert workspace.view_deidentified(PEER, session_id) == before
    assert len(workspace.corrections(PEER, session_id)) == 2
    workspace.take_word_back(PEER, session_id)
    with pytest.raises(DecisionError, match="No word"):
        workspace.take_word_back(PEER, session_id)
    assert [word for word, *_rest in listed(workspace)] == ["week"]


def test_a_session_handed_over_takes_nothing_back(workspace: Workspace) -> None:
    _person, session_id = drafted(workspace)
    hide(workspace, session_id)
    workspace.hand_over(PEER, session_id)
    with pytest.raises(Refused) as refused:
        workspace.take_word_back(PEER, session_id)
    assert refused.value.rule == "peer-takes-word-back"


def test_a_supervisor_declines_and_removes_and_nothing_is_kept(workspace: Workspace) -> None:
    _person, session_id = drafted(workspace)
    hide(workspace, session_id)
    propose(workspace, session_id)
    hidden, asked = workspace.view_agency_words(SUPERVISOR)
    with pytest.raises(DecisionError):
        workspace.remove_word(SUPERVISOR, asked.word_id)  # it waits for an answer
    workspace.decline_word(SUPERVISOR, asked.word_id)
    workspace.remove_word(SUPERVISOR, hidden.word_id)
    with pytest.raises(DecisionError):
        workspace.remove_word(SUPERVISOR, hidden.word_id)
    assert listed(workspace) == []
    assert in_force(workspace) == ()
    workspace.store.confirm_erased([hidden.word_id, asked.word_id])
    assert {hidden.word_id, asked.word_id} <= set(workspace.log_files.erased_ids())
    # What was drafted already stays as it was.
    assert "class" not in workspace.view_deidentified(PEER, session_id).turns[2].text


# ---------------------------------------------------------------- forgetting a person


def _refuse(workspace: Workspace, person: Actor, session_id: str) -> None:
    workspace.hand_over(PEER, session_id)
    workspace.refuse(person, session_id)


@pytest.mark.parametrize(
    "forget",
    [
        lambda w, person, session_id: w.withdraw(person, session_id),
        _refuse,
        lambda w, person, session_id: w.end_without_note(PEER, session_id),
        lambda w, person, session_id: w.withdraw_consent(person, session_id, purpose="transcribe"),
    ],
    ids=["withdrawn", "refused", "ended", "no transcript"],
)
def test_a_word_that_waits_goes_with_the_words_of_its_person(
    workspace: Workspace, forget: Callable[[Workspace, Actor, str], object]
) -> None:
    person, session_id = drafted(workspace)
    hide(workspace, session_id)
    propose(workspace, session_id)
    workspace.agree_to_word(SUPERVISOR, workspace.view_agency_words(SUPERVISOR)[1].word_id)
    workspace.correct_identifiers(PEER, session_id, surface="Bo", action="hide", type_="PERSON")
    propose(workspace, session_id, "Bo")
    _other, other_id = drafted(workspace)
    workspace.correct_identifiers(PEER, other_id, surface="dog", action="hide", type_="ORG")
    propose(workspace, other_id, "dog")
    (gone,) = [w.word_id for w in workspace.view_agency_words(SUPERVISOR) if w.surface == "Bo"]
    forget(workspace, person, session_id)
    assert listed(workspace) == [
        ("class", "hide", False), ("Alana", "show", False), ("dog", "show", True),
    ]  # fmt: skip
    workspace.store.confirm_erased([gone])
    assert gone in workspace.log_files.erased_ids()


def test_an_approved_note_leaves_its_question_open(workspace: Workspace) -> None:
    from assistant.canonical import note_digest

    person, session_id = drafted(workspace)
    propose(workspace, session_id)
    note = workspace.hand_over(PEER, session_id)
    workspace.approve(person, session_id, digest=note_digest(note))
    assert listed(workspace) == [("Alana", "show", True)]


# ---------------------------------------------------------------- keeping


def test_the_words_are_sealed_and_the_log_holds_neither_them_nor_a_way_to_a_session(
    workspace: Workspace, tmp_path: Path
) -> None:
    _person, session_id = drafted(workspace)
    hide(workspace, session_id)
    propose(workspace, session_id)
    word_ids = [word.word_id for word in workspace.view_agency_words(SUPERVISOR)]
    workspace.agree_to_word(SUPERVISOR, word_ids[1])
    assert files_with(["alana", *word_ids[:1]], tmp_path) == {}
    mine = [e for e in log_of(workspace) if e["event"].startswith("agency_")]
    assert [(e["event"], e["ids"], e["counts"]) for e in mine] == [
        ("agency_word_hidden", {"session": session_id}, {"kept": 1}),
        ("agency_word_proposed", {"session": session_id}, {"kept": 2}),
        ("agency_words_viewed", {}, {"words": 2}),
        ("agency_word_agreed", {"words": word_ids[1]}, {}),
    ]
    with workspace.store.transaction() as tx:
        assert "Alana" not in repr(agency_words(tx))
    assert "Alana" not in repr(workspace.view_agency_words(SUPERVISOR))


def test_a_backup_brings_the_list_back_and_nothing_that_was_removed(
    workspace: Workspace, tmp_path: Path
) -> None:
    _person, session_id = drafted(workspace)
    hide(workspace, session_id)
    hide(workspace, session_id, "dog", "LOCATION")
    propose(workspace, session_id)
    workspace.back_up(ADMIN, tmp_path / "backup")
    first, _dog, asked = workspace.view_agency_words(SUPERVISOR)
    workspace.remove_word(SUPERVISOR, first.word_id)
    workspace.close()
    (tmp_path / "data" / "words.db").unlink()
    with open_test_workspace(tmp_path / "data", clock=Clock()) as again:
        assert listed(again) == []
        again.restore(ADMIN, tmp_path / "backup")
        assert listed(again) == [("dog", "hide", False), ("Alana", "show", True)]
        again.agree_to_word(SUPERVISOR, asked.word_id)
        again.store.confirm_erased([first.word_id])


def test_the_owner_of_the_list_is_nobody_who_is_met(workspace: Workspace) -> None:
    person, session_id = drafted(workspace)
    workspace.name_person(PEER, session_id, name="Ife")
    hide(workspace, session_id)
    assert AGENCY not in {person_id for person_id, _name in workspace.known_people(PEER)}
    assert {row.person_id for row in workspace.sessions()} == {person.actor_id}


# ---------------------------------------------------------------- drafting


class NotingDrafter:
    """Notes with which corrections it is asked to draft, as the process with the models is."""

    def __init__(self) -> None:
        self.corrections: tuple[Correction, ...] = ()

    def run(self, transcript: Transcript, request: Any, *, corrections: Any, **_: Any) -> Prepared:
        from tests.workspace.test_screens_actions import prepared

        self.corrections = corrections
        return prepared(transcript)

    def stop(self) -> None: ...

    def rest(self) -> None: ...


def test_a_draft_in_the_background_is_made_with_the_words_of_the_agency(
    workspace: Workspace,
) -> None:
    _person, session_id = drafted(workspace)
    hide(workspace, session_id)
    _other, other_id = transcribed(workspace)
    workspace.queue_draft(PEER, other_id)
    drafter = NotingDrafter()
    worker = DraftWorker(workspace, drafter=drafter)
    worker.start()
    wait_until(lambda: state_of(workspace, other_id) == "drafted")
    worker.stop()
    assert [(one.surface, one.by) for one in drafter.corrections] == [("class", "agency")]
