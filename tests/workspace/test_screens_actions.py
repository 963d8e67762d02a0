"""What the screens added to the workspace: corrections, undo, own words, sharing, figures, jobs."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from assistant.app.worker import CancelledError, DraftWorker
from assistant.canonical import note_digest
from assistant.errors import DecisionError, InputError, ModelUnavailable, Refused
from assistant.figures import SessionFigures
from assistant.pipeline import Prepared
from assistant.policy import Actor
from assistant.records import (
    Draft,
    Evidence,
    HeldBack,
    Mention,
    ModelInfo,
    Note,
    NoteSection,
    NoteSentence,
    ReviewedDraft,
    Section,
    Sentence,
    SurrogateMap,
    Transcript,
    Turn,
)
from assistant.store import AccountRow
from assistant.workspace import Workspace
from assistant.workspace.note_facts import edit_distance, facts_of, verbatim_share
from tests.scenery import (
    GOVERNANCE,
    OTHER_PEER,
    PEER,
    TEAM,
    Clock,
    files_with,
    give_consent,
    make_canary,
    open_test_workspace,
    start_session,
)

SUPERVISOR = Actor(actor_id="supervisor-00000000000000ac", role="supervisor")
TURNS = (
    ("Dana", "peer", "How was it with Alana?"),
    ("Ife", "person", "My sister Alana came by on Friday. Alana's dog made me laugh so much."),
    ("Dana", "peer", "And the class?"),
    ("Ife", "person", "I kept going to the class every single week. Bo is my dog, by the way."),
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_test_workspace(tmp_path / "data", clock=Clock())


def transcript() -> Transcript:
    return Transcript(
        turns=tuple(
            Turn(number=n, speaker=speaker, role=role, text=text)  # type: ignore[arg-type]
            for n, (speaker, role, text) in enumerate(TURNS, start=1)
        ),
        source_format="plain",
    )


def prepared(said: Transcript) -> Prepared:
    """What the first half would leave: "Alana" found, "Bo" missed, turn 4 half private."""
    from assistant.deidentify import Correction, apply_corrections
    from assistant.records import Deidentified, DeidentifiedTurn

    bare = Deidentified(
        turns=tuple(
            DeidentifiedTurn(
                number=t.number, speaker=f"<PERSON_{1 + (t.role == 'person')}>", role=t.role,
                text=t.text, n_chars_original=len(t.text),
            )
            for t in said.turns
        )
    )  # fmt: skip
    labels = SurrogateMap(
        mentions=(
            Mention(surrogate="<PERSON_1>", turn=0, start=0, surface="Dana"),
            Mention(surrogate="<PERSON_2>", turn=0, start=0, surface="Ife"),
        )
    )
    hidden, surrogates = apply_corrections(
        said, bare, labels, Correction(surface="Alana", action="hide", type="PERSON")
    )
    sentence = Sentence(
        text="My sister <PERSON_3> came by on Friday.", origin="verbatim",
        evidence=(Evidence(turn=2, start=0, end=34),), own_words=1.0,
    )  # fmt: skip
    draft = Draft(
        sections=(Section(name="matters", sentences=(sentence,)),),
        held_back=(HeldBack(turn=4, reason="length"),),
        model=ModelInfo(name="none", backend="none"), voice="exact",
    )  # fmt: skip
    reviewed = ReviewedDraft(draft=draft, flags=(), safety=())
    return Prepared(deidentified=hidden, surrogates=surrogates, reviewed=reviewed, timings_s={})


def drafted(workspace: Workspace) -> tuple[Actor, str]:
    person, session_id = start_session(
        workspace, "transcribe", "ai_draft", "save_note", "share", "evaluation"
    )
    said = transcript()
    workspace.import_transcript(PEER, session_id, said)
    workspace.keep_draft(PEER, session_id, transcript=said, prepared=prepared(said))
    return person, session_id


def texts(reviewed: ReviewedDraft) -> list[str]:
    return [s.text for section in reviewed.draft.sections for s in section.sentences]


# ---------------------------------------------------------------- corrections


def test_a_name_is_shown_and_hidden_everywhere_and_each_step_is_undone(
    workspace: Workspace,
) -> None:
    _person, session_id = drafted(workspace)
    before = workspace.view_deidentified(PEER, session_id)
    assert before.turns[1].text.count("<PERSON_3>") == 2  # the possessive too
    reviewed = workspace.correct_identifiers(PEER, session_id, surface="Alana", action="show")
    assert texts(reviewed) == ["My sister Alana came by on Friday."]
    shown = workspace.view_deidentified(PEER, session_id)
    assert [turn.text for turn in shown.turns] == [words for _who, _role, words in TURNS]
    reviewed = workspace.correct_identifiers(
        PEER, session_id, surface="bo", action="hide", type_="PERSON"
    )
    hidden = workspace.view_deidentified(PEER, session_id)
    assert "Bo" not in hidden.turns[3].text
    assert hidden.turns[3].spans[0].start == TURNS[3][2].index("Bo")
    assert "<PERSON_3> is my dog" in hidden.turns[3].text
    workspace.undo_correction(PEER, session_id)
    reviewed = workspace.undo_correction(PEER, session_id)
    assert texts(reviewed) == ["My sister <PERSON_3> came by on Friday."]
    assert workspace.view_deidentified(PEER, session_id) == before
    with pytest.raises(DecisionError, match="no correction"):
        workspace.undo_correction(PEER, session_id)


@pytest.mark.parametrize("surface", ["", "   ", "...", "x" * 101])
def test_what_cannot_be_hidden_is_said_without_repeating_it(
    workspace: Workspace, surface: str
) -> None:
    _person, session_id = drafted(workspace)
    with pytest.raises(InputError, match="Choose a word") as caught:
        workspace.correct_identifiers(PEER, session_id, surface=surface, action="hide")
    assert "xxx" not in str(caught.value)


def test_corrections_go_with_the_words(workspace: Workspace, tmp_path: Path) -> None:
    person, session_id = drafted(workspace)
    workspace.correct_identifiers(PEER, session_id, surface="Bo", action="hide", type_="PERSON")
    assert len(workspace.corrections(PEER, session_id)) == 1
    workspace.withdraw(person, session_id)
    with workspace.store.transaction() as tx:
        assert tx.person_word_ids(person.actor_id) == ()


def test_nobody_else_corrects_or_sees_what_is_hidden(workspace: Workspace) -> None:
    _person, session_id = drafted(workspace)
    for actor in (OTHER_PEER, SUPERVISOR, GOVERNANCE):
        with pytest.raises(Refused):
            workspace.correct_identifiers(actor, session_id, surface="Bo", action="hide")
        with pytest.raises(Refused):
            workspace.view_hidden_words(actor, session_id)


# ---------------------------------------------------------------- the draft by hand


def test_a_draft_grows_and_shrinks_and_flags_are_answered(workspace: Workspace) -> None:
    _person, session_id = drafted(workspace)
    reviewed = workspace.add_to_draft(
        PEER, session_id, section="hard", text="She is non-compliant with the program."
    )
    assert len(reviewed.flags) > 0
    flagged = reviewed.flags[0].flag
    workspace.answer_flag(
        PEER, session_id, sentence="She is non-compliant with the program.", rule=flagged.rule,
        reason="her word",
    )  # fmt: skip
    assert workspace.flag_answers(PEER, session_id).answers[0].reason == "her word"
    reviewed = workspace.drop_from_draft(PEER, session_id, section="hard", sentence=0)
    assert reviewed.flags == ()
    with pytest.raises(DecisionError, match="no such sentence"):
        workspace.drop_from_draft(PEER, session_id, section="hard", sentence=0)
    with pytest.raises(InputError, match="hidden character"):
        workspace.add_to_draft(PEER, session_id, section="hard", text="turn \u202e around")


# ---------------------------------------------------------------- the person's changes


def hand_over(workspace: Workspace) -> tuple[Actor, str]:
    person, session_id = drafted(workspace)
    workspace.hand_over(PEER, session_id)
    return person, session_id


def test_every_change_of_the_person_is_undone_one_by_one(workspace: Workspace) -> None:
    person, session_id = hand_over(workspace)
    versions = [workspace.view_note(person, session_id)]
    steps: list[Callable[[], Note]] = [
        lambda: workspace.change(person, session_id, section="matters", sentence=0, text="Family."),
        lambda: workspace.add_sentence(person, session_id, section="helps", text="My dog helps."),
        lambda: workspace.disagree(person, session_id, statement="I said more."),
        lambda: workspace.leave_out(person, session_id, section="matters", sentence=0),
    ]
    for step in steps:
        versions.append(step())
    for version in reversed(versions[:-1]):
        assert workspace.undo_change(person, session_id) == version
    assert not workspace.can_undo(person, session_id)
    with pytest.raises(DecisionError, match="no change"):
        workspace.undo_change(person, session_id)


def test_own_words_are_offered_whole_and_keep_where_they_were_said(workspace: Workspace) -> None:
    person, session_id = hand_over(workspace)
    offered = workspace.own_words(person, session_id)
    assert [words.text for words in offered] == [
        "<PERSON_3>'s dog made me laugh so much.",
        "I kept going to the class every single week.",
        "Bo is my dog, by the way.",
    ]
    place = offered[0].evidence
    assert TURNS[1][2][place.start : place.end] == "Alana's dog made me laugh so much."
    note = workspace.add_own_words(
        person, session_id, section="helps", turn=place.turn, start=place.start
    )
    added = note.sections[-1].sentences[0]
    assert (added.origin, added.evidence) == ("verbatim", (place,))
    assert added.text not in [words.text for words in workspace.own_words(person, session_id)]
    with pytest.raises(DecisionError):
        workspace.add_own_words(person, session_id, section="helps", turn=1, start=0)


def test_who_receives_it_is_said_anew_each_time(workspace: Workspace) -> None:
    person, session_id = hand_over(workspace)
    workspace.set_recipients(
        person, session_id, record=(), share=("my sister",), discloser="R", text_version="1"
    )
    assert workspace.recipients(person, session_id) == (frozenset(), frozenset({"my sister"}))


def test_numbers_about_an_approved_note_are_kept_and_no_words(
    workspace: Workspace, tmp_path: Path
) -> None:
    person, session_id = hand_over(workspace)
    note = workspace.leave_out(
        person, session_id, section="matters", sentence=0, words=(0, len("My sister "))
    )
    workspace.approve(person, session_id, digest=note_digest(note), viewed_s=41.5)
    (figures,) = workspace.session_figures(GOVERNANCE)
    assert isinstance(figures, SessionFigures)
    assert figures.facts["viewed_s"] == 41.5
    assert figures.facts["left_out"] == 1
    assert figures.facts["changes"] == 0
    assert 0 < figures.facts["edit_distance"] < 1
    assert figures.facts["own_words"] == 1.0
    assert figures.facts["without_evidence"] == figures.facts["quotes"] == 0
    assert figures.facts["peer_edits"] == 0
    assert figures.facts["scope_draft"] == figures.facts["scope_handed_over"] == 0
    assert figures.with_ai
    assert figures.decided_at is not None
    with pytest.raises(Refused):
        workspace.session_figures(PEER)


def test_groups_count_only_with_a_yes_to_it(workspace: Workspace) -> None:
    person, session_id = drafted(workspace)
    workspace.record_groups(person, session_id, values={"gender": "woman", "age": ""})
    assert workspace.session_figures(GOVERNANCE)[0].groups == {"gender": "woman"}
    with pytest.raises(InputError):
        workspace.record_groups(person, session_id, values={"gender": "<script>"})
    workspace.withdraw_consent(person, session_id, purpose="evaluation")
    assert workspace.session_figures(GOVERNANCE)[0].groups == {}
    with workspace.store.transaction() as tx:
        assert tx.groups(person.actor_id) == {}
    with pytest.raises(Refused):
        workspace.record_groups(person, session_id, values={"gender": "man"})


# ---------------------------------------------------------------- supervisors


def supervise(workspace: Workspace) -> None:
    with workspace.store.transaction() as tx:
        for actor in (PEER, SUPERVISOR):
            tx.add_account(
                AccountRow(
                    account_id=actor.actor_id, role=actor.role, login=actor.role,  # type: ignore[arg-type]
                    display=actor.role, created_at=workspace._clock(),
                )
            )  # fmt: skip
        tx.set_supervisions(peer_id=PEER.actor_id, supervisor_ids=frozenset({SUPERVISOR.actor_id}))


def test_a_supervisor_reads_and_co_signs_what_was_shared_and_nothing_else(
    workspace: Workspace,
) -> None:
    supervise(workspace)
    person, session_id = hand_over(workspace)
    other_person, other_id = hand_over(workspace)
    workspace.set_recipients(
        person, session_id, record=(TEAM,), share=(SUPERVISOR.actor_id,), discloser="R",
        text_version="1",
    )  # fmt: skip
    for who, session in ((person, session_id), (other_person, other_id)):
        digest = note_digest(workspace.view_note(who, session))
        workspace.approve(who, session, digest=digest)
    assert workspace.shared_sessions(SUPERVISOR) == ()
    workspace.release(PEER, session_id, to=SUPERVISOR.actor_id, formats=("markdown",))
    workspace.release(PEER, other_id, to=TEAM, formats=("markdown",))
    assert [row.session_id for row in workspace.shared_sessions(SUPERVISOR)] == [session_id]
    shared = workspace.view_shared_note(SUPERVISOR, session_id)
    assert not shared.is_cosigned
    with pytest.raises(Refused):
        workspace.co_sign(SUPERVISOR, session_id, digest="0" * 64)
    workspace.co_sign(SUPERVISOR, session_id, digest=shared.digest)
    workspace.co_sign(SUPERVISOR, session_id, digest=shared.digest)
    assert workspace.view_shared_note(SUPERVISOR, session_id).is_cosigned
    with pytest.raises(Refused):
        workspace.view_shared_note(SUPERVISOR, other_id)
    workspace.withdraw_consent(person, session_id, purpose="share")
    assert workspace.shared_sessions(SUPERVISOR) == ()
    with pytest.raises(Refused):
        workspace.view_shared_note(SUPERVISOR, session_id)


def test_an_approved_change_is_not_shown_before_it_is_released_again(
    workspace: Workspace,
) -> None:
    supervise(workspace)
    person, session_id = hand_over(workspace)
    workspace.set_recipients(
        person, session_id, record=(), share=(SUPERVISOR.actor_id,), discloser="R",
        text_version="1",
    )  # fmt: skip
    first = workspace.view_note(person, session_id)
    workspace.approve(person, session_id, digest=note_digest(first))
    workspace.release(PEER, session_id, to=SUPERVISOR.actor_id, formats=("markdown",))
    changed = workspace.change(person, session_id, section="matters", sentence=0, text="Family.")
    workspace.approve(person, session_id, digest=note_digest(changed))
    assert workspace.view_shared_note(SUPERVISOR, session_id).note == first
    released = workspace.release(PEER, session_id, to=SUPERVISOR.actor_id, formats=("markdown",))
    assert workspace.view_shared_note(SUPERVISOR, session_id).note == changed
    folder = workspace.released_folder(released)
    written = (folder / f"{changed.note_id}.md").read_text()
    assert "Family." in written
    assert "For: supervisor." in written  # by the name of the account, not by its id
    assert SUPERVISOR.actor_id not in (folder / f"{changed.note_id}.receipt.md").read_text()


# ---------------------------------------------------------------- jobs


class ScriptedDrafter:
    """Stands in for the models: what `pipeline.prepare` would return, or how it would fail."""

    def __init__(self, outcome: Any, *, slow: bool = False) -> None:
        self.outcome = outcome
        self.slow = slow
        self.stopped = False
        self.n_runs = 0

    def run(self, transcript: Transcript, request: Any, *, progress: Any, **_rest: Any) -> Prepared:
        self.n_runs += 1
        for stage in ("deidentify", "safety", "draft", "review"):
            progress(stage)
            while self.slow:
                if self.stopped:
                    self.stopped = self.slow = False
                    raise CancelledError("stopped")
                sleep(0.01)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return prepared(transcript)

    def stop(self) -> None:
        self.stopped = True

    def rest(self) -> None:
        pass


def wait_until(condition: Callable[[], bool]) -> None:
    end = monotonic() + 10
    while not condition():
        assert monotonic() < end, "waited too long"
        sleep(0.02)


def transcribed(workspace: Workspace) -> tuple[Actor, str]:
    person, session_id = start_session(workspace, "transcribe", "ai_draft")
    workspace.import_transcript(PEER, session_id, transcript())
    return person, session_id


def state_of(workspace: Workspace, session_id: str) -> str:
    return next(row.state for row in workspace.sessions() if row.session_id == session_id)


def test_a_queued_draft_is_made_in_the_background(workspace: Workspace) -> None:
    _person, session_id = transcribed(workspace)
    job_id = workspace.queue_draft(PEER, session_id, voice="exact")
    assert workspace.queue_draft(PEER, session_id) == job_id  # one at a time
    worker = DraftWorker(workspace, drafter=ScriptedDrafter(None))
    worker.start()
    wait_until(lambda: state_of(workspace, session_id) == "drafted")
    worker.stop()
    assert workspace.draft_job(PEER, session_id) is None


def test_a_cancelled_draft_leaves_nothing(workspace: Workspace) -> None:
    _person, session_id = transcribed(workspace)
    workspace.queue_draft(PEER, session_id)
    drafter = ScriptedDrafter(None, slow=True)
    worker = DraftWorker(workspace, drafter=drafter)
    worker.start()
    wait_until(lambda: (workspace.draft_job(PEER, session_id) or _NO_JOB).stage == "deidentify")
    worker.cancel(workspace.cancel_draft(PEER, session_id))
    wait_until(lambda: not drafter.stopped)
    workspace.queue_draft(PEER, session_id)  # and it can be asked for again
    wait_until(lambda: state_of(workspace, session_id) == "drafted")
    worker.stop()


class _NoJob:
    stage = state = problem = ""


_NO_JOB = _NoJob()


@pytest.mark.parametrize("error", [ModelUnavailable("x"), RuntimeError("somebody's words")])
def test_a_failed_draft_says_its_kind_and_nothing_of_its_words(
    workspace: Workspace, tmp_path: Path, error: Exception
) -> None:
    _person, session_id = transcribed(workspace)
    workspace.queue_draft(PEER, session_id)
    worker = DraftWorker(workspace, drafter=ScriptedDrafter(error))
    worker.start()
    wait_until(lambda: (workspace.draft_job(PEER, session_id) or _NO_JOB).state == "failed")
    worker.stop()
    job = workspace.draft_job(PEER, session_id)
    assert job is not None
    assert job.problem == type(error).__name__
    assert files_with(["somebody"], tmp_path) == {}


def test_a_job_cut_off_by_a_crash_goes_on_when_the_vault_is_opened_again(
    workspace: Workspace, tmp_path: Path
) -> None:
    _person, session_id = transcribed(workspace)
    workspace.queue_draft(PEER, session_id)
    assert workspace.next_job() is not None  # taken, and then the machine goes dark
    workspace.close()
    again = open_test_workspace(tmp_path / "data", clock=workspace._clock)
    worker = DraftWorker(again, drafter=ScriptedDrafter(None))
    worker.start()
    wait_until(lambda: state_of(again, session_id) == "drafted")
    worker.stop()


def test_consent_taken_back_while_a_draft_is_made_keeps_nothing_of_it(
    workspace: Workspace,
) -> None:
    person, session_id = transcribed(workspace)
    workspace.queue_draft(PEER, session_id)
    drafter = ScriptedDrafter(None, slow=True)
    worker = DraftWorker(workspace, drafter=drafter)
    worker.start()
    wait_until(lambda: drafter.n_runs == 1)
    workspace.withdraw_consent(person, session_id, purpose="ai_draft")
    drafter.slow = False
    wait_until(lambda: (workspace.draft_job(PEER, session_id) or _NO_JOB).state == "failed")
    worker.stop()
    assert state_of(workspace, session_id) == "transcribed"
    with pytest.raises(Refused):
        workspace.queue_draft(PEER, session_id)


def test_other_peers_see_no_job(workspace: Workspace) -> None:
    _person, session_id = transcribed(workspace)
    workspace.queue_draft(PEER, session_id)
    for act in (workspace.draft_job, workspace.cancel_draft, workspace.queue_draft):
        with pytest.raises(Refused):
            act(OTHER_PEER, session_id)


# ---------------------------------------------------------------- measures


def test_the_share_of_own_words_counts_runs_of_four() -> None:
    said = ["I went to the class every week, and it helped."]
    assert verbatim_share("I went to the class.", said) == 1.0
    assert verbatim_share("To the class I went.", said) == 0.0
    assert verbatim_share("I went to the class with joy.", said) == pytest.approx(5 / 7)
    assert verbatim_share("", said) == 0.0


def test_quotations_and_sentences_from_nowhere_are_counted() -> None:
    def note(*texts: str) -> Note:
        return Note(
            note_id="n", session_id="s", person_id="p", names="out",
            sections=(NoteSection(name="matters", sentences=tuple(
                NoteSentence(text=text, origin="human", evidence=()) for text in texts
            )),),
        )  # fmt: skip

    drafted = note('She said, "I kept going to the class".')
    changed = note(
        'She said, "I kept going to the class".', 'She said "I kept going to class".',
        "I will plant beans.",
    )  # fmt: skip
    said = prepared(transcript()).deidentified
    facts = facts_of(changed, before=drafted, hidden=said, transcript=None)
    assert (facts["quotes"], facts["quotes_exact"]) == (2, 1)
    assert (facts["sentences_approved"], facts["without_evidence"]) == (3, 3)
    assert "quotes" not in facts_of(changed, before=drafted, hidden=None, transcript=None)


def test_what_is_left_of_a_refused_note_is_counted(workspace: Workspace) -> None:
    person, session_id = hand_over(workspace)
    workspace.refuse(person, session_id)
    workspace.file_service_record(PEER, session_id)  # day, hours and place are no words
    (figures,) = workspace.session_figures(GOVERNANCE)
    assert figures.facts["left_behind"] == 0


def test_the_edit_distance_is_over_words() -> None:
    assert edit_distance("a b c d", "a b c d") == 0
    assert edit_distance("a b c d", "a c d") == 0.25
    assert edit_distance("", "") == 0
    assert edit_distance("a b", "") == 1
    assert edit_distance("x " * 2000, "y " * 2000) == 1


def test_figures_hold_no_canary(workspace: Workspace) -> None:
    canary = make_canary(random.Random(3))
    person, session_id = start_session(workspace, "save_note")
    workspace.write_by_hand(PEER, session_id, sentences=(("matters", f"I want the {canary}."),))
    workspace.hand_over(PEER, session_id)
    give_consent(workspace, person, session_id, "share")
    assert canary not in repr(workspace.session_figures(GOVERNANCE))
