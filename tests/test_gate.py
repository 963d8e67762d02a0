"""The gate as a whole: whatever people do in whatever order, words stay where they may be.

A Hypothesis state machine drives every public action of the workspace with canary words: by the
right people and by others, with right and wrong digests, with consents given and taken back, with
backups and restores, and with crashes at the worst moments (the data folder as it lay on the disk
in the middle of an action takes the place of the real one). After each action:

- no file outside the vault holds a canary, except released files, and those only hold texts that
  the person approved and has not taken back;
- no error, log line or audit entry holds a canary;
- nobody but the person and their peer reads a canary, and nobody at all once it was taken back.

10,000 actions here; `make soak` runs 1,000,000.
"""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

import assistant.release as release_module
from assistant.audit import LogFiles, verify_audit
from assistant.canonical import note_digest
from assistant.errors import OwnWordsError
from assistant.policy import Actor
from assistant.records import Note
from assistant.settings import Settings
from assistant.store import Store
from assistant.store.vault import KeyVault
from assistant.workspace import Workspace
from tests.scenery import (
    ADMIN,
    GOVERNANCE,
    OTHER_PEER,
    OUTSIDERS,
    PEER,
    SUPERVISOR,
    TEAM,
    Clock,
    EchoModel,
    files_with,
    give_consent,
    make_transcript,
    open_test_workspace,
)

_SYLLABLES = ("vro", "mil", "tas", "ken", "dup", "lor", "fim", "gat", "zeb", "hux")
_GONE = {"withdrawn", "refused", "service_record_only"}
_MAX_SESSIONS = 4
_PICK = st.integers(0, 99)


def canary_number(n: int) -> str:
    """Return a word of its own for each number; no other word contains it."""
    return "qu" + "".join(_SYLLABLES[int(digit)] for digit in f"{n:06d}") + "x"


@cache
def load_test_parts() -> Any:
    from assistant.pipeline import load_parts

    parts = load_parts(Settings(_env_file=None), with_model=False)
    return type(parts)(
        **{name: getattr(parts, name) for name in parts.__slots__} | {"model": EchoModel()}
    )


@dataclass
class Case:
    """What the test knows of a session."""

    person: Actor
    session_id: str
    canaries: set[str] = field(default_factory=set)
    approved: set[str] = field(default_factory=set)  # canaries in texts the person approved
    last_digest: str = ""


class Walk(RuleBasedStateMachine):
    """One installation and a few sessions."""

    n_actions = 0
    n_allowed = 0
    n_crashes = 0
    numbers: Iterator[int] = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="walk-"))
        self.data = self.root / "data"
        self.backups = self.root / "backups"
        self.temp = self.root / "temp"
        for folder in (self.backups, self.temp):
            folder.mkdir()
        self.old_temp = tempfile.tempdir
        tempfile.tempdir = str(self.temp)
        self.clock = Clock()
        self.logged: list[str] = []
        self.handler = logging.Handler()
        self.handler.emit = lambda r: self.logged.append(r.getMessage())  # type: ignore[method-assign]
        logging.getLogger().addHandler(self.handler)
        self.cases: list[Case] = []
        self.crash_in: int | None = None
        self.is_acting = False
        self.patches = pytest.MonkeyPatch()
        for owner, name in (
            (LogFiles, "append"), (KeyVault, "add"), (KeyVault, "destroy"),
            (Store, "confirm_erased"), (release_module, "_write_all"), (os, "replace"),
            (shutil, "rmtree"),
        ):  # fmt: skip
            self._watch(owner, name)
        self.workspace = self._open()

    def teardown(self) -> None:
        self.workspace.close()
        self.patches.undo()
        logging.getLogger().removeHandler(self.handler)
        tempfile.tempdir = self.old_temp
        verify_audit(self.data, anchor=self.data / "anchors.txt")
        shutil.rmtree(self.root)

    # ------------------------------------------------------------ machinery

    def _open(self) -> Workspace:
        return open_test_workspace(self.data, clock=self.clock, make_parts=load_test_parts)

    def _watch(self, owner: Any, name: str) -> None:
        """Let a crash strike just before each call of a function that writes."""
        real = getattr(owner, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            if self.crash_in is not None and self.is_acting:
                self.crash_in -= 1
                if self.crash_in == 0:
                    self.crash_in = None
                    shutil.copytree(self.data, self.root / "photo")
            return real(*args, **kwargs)

        self.patches.setattr(owner, name, watched)

    def _try(self, action: Callable[[], Any]) -> Any:
        """Do an action; a refusal or bad input is an outcome, anything else a failure."""
        type(self).n_actions += 1
        result = None
        self.is_acting = True
        try:
            result = action()
            type(self).n_allowed += 1
        except OwnWordsError as error:
            told = f"{error} {error!r} {vars(error)}".lower()
            assert not [c for c in self._all_canaries() if c in told]
        finally:
            self.is_acting = False
        if (self.root / "photo").exists():
            self._wake_in_photo()
        return result

    def _wake_in_photo(self) -> None:
        type(self).n_crashes += 1
        self.workspace.close()
        shutil.rmtree(self.data)
        (self.root / "photo").rename(self.data)
        self.workspace = self._open()
        self.cases = [case for case in self.cases if self._state(case)]

    def _state(self, case: Case) -> str:
        """The state of a session, or nothing where a crash came before it was kept."""
        states = {row.session_id: row.state for row in self.workspace.sessions()}
        return states.get(case.session_id, "")

    def _all_canaries(self) -> set[str]:
        return {canary for case in self.cases for canary in case.canaries}

    def _case(self, pick: int) -> Case | None:
        return self.cases[pick % len(self.cases)] if self.cases else None

    def _new_canary(self, case: Case) -> str:
        canary = canary_number(next(self.numbers))
        case.canaries.add(canary)
        return canary

    def _note(self, case: Case) -> Note | None:
        try:
            return self.workspace.view_note(case.person, case.session_id)
        except OwnWordsError:
            return None

    @staticmethod
    def _canaries_in(case: Case, record: object) -> set[str]:
        if record is None:
            return set()
        from assistant.sealed import pack_record

        text = pack_record(record).decode().lower()
        return {canary for canary in case.canaries if canary in text}

    # ------------------------------------------------------------ actions

    @initialize()
    def begin(self) -> None:
        self.start({"transcribe", "ai_draft", "save_note"})

    @rule(allowed=st.sets(st.sampled_from(["transcribe", "ai_draft", "save_note", "share"])))
    def start(self, allowed: set[Any]) -> None:
        if len(self.cases) >= _MAX_SESSIONS:
            return

        def act() -> None:
            person = Actor(actor_id=self.workspace.add_person(), role="person")
            session_id = self.workspace.start_session(PEER, person_id=person.actor_id)
            self.cases.append(Case(person=person, session_id=session_id))
            give_consent(self.workspace, person, session_id, *sorted(allowed))

        self._try(act)

    @rule(pick=_PICK, purpose=st.sampled_from(["transcribe", "ai_draft", "save_note", "share"]),
          given=st.booleans())  # fmt: skip
    def say_yes_or_no(self, pick: int, purpose: Any, given: bool) -> None:
        if case := self._case(pick):
            self._try(lambda: give_consent(
                self.workspace, case.person, case.session_id, purpose, given=given))  # fmt: skip

    @rule(pick=_PICK, purpose=st.sampled_from(["transcribe", "ai_draft", "save_note"]))
    def take_consent_back(self, pick: int, purpose: Any) -> None:
        if case := self._case(pick):
            self._try(lambda: self.workspace.withdraw_consent(
                case.person, case.session_id, purpose=purpose))  # fmt: skip

    @rule(pick=_PICK)
    def ingest(self, pick: int) -> None:
        if case := self._case(pick):
            transcript = make_transcript(self._new_canary(case))
            self._try(lambda: self.workspace.import_transcript(PEER, case.session_id, transcript))

    @rule(pick=_PICK)
    def draft(self, pick: int) -> None:
        if case := self._case(pick):
            self._try(lambda: self.workspace.draft(PEER, case.session_id))

    @rule(pick=_PICK)
    def write_by_hand(self, pick: int) -> None:
        if case := self._case(pick):
            text = f"I want the {self._new_canary(case)} to go on."
            sentences: Any = (("matters", text), ("hard", f"{text} It is hard."))
            self._try(lambda: self.workspace.write_by_hand(
                PEER, case.session_id, sentences=sentences))  # fmt: skip

    @rule(pick=_PICK, section=st.sampled_from(["matters", "hard", "next_step"]))
    def edit_draft(self, pick: int, section: Any) -> None:
        if case := self._case(pick):
            text = f"We said {self._new_canary(case)}."
            self._try(lambda: self.workspace.edit_draft(
                PEER, case.session_id, section=section, sentence=0, text=text))  # fmt: skip

    @rule(pick=_PICK, prompt=st.integers(0, 2))
    def answer_safety_prompt(self, pick: int, prompt: int) -> None:
        if case := self._case(pick):
            self._try(lambda: self.workspace.acknowledge_safety(
                PEER, case.session_id, prompt_no=prompt, answer="not_applicable"))  # fmt: skip

    @rule(pick=_PICK)
    def hand_over(self, pick: int) -> None:
        if case := self._case(pick):
            self._try(lambda: self.workspace.hand_over(PEER, case.session_id))

    @rule(pick=_PICK, section=st.sampled_from(["matters", "hard", "next_step"]))
    def change(self, pick: int, section: Any) -> None:
        if case := self._case(pick):
            text = f"My own way to say it is {self._new_canary(case)}."
            self._try(lambda: self.workspace.change(
                case.person, case.session_id, section=section, sentence=0, text=text))  # fmt: skip

    @rule(pick=_PICK, section=st.sampled_from(["matters", "hard", "next_step"]),
          words=st.none() | st.tuples(st.integers(0, 20), st.integers(0, 40)))  # fmt: skip
    def leave_out(self, pick: int, section: Any, words: tuple[int, int] | None) -> None:
        if case := self._case(pick):
            who, session_id = case.person, case.session_id
            self._try(lambda: self.workspace.leave_out(
                who, session_id, section=section, sentence=0, words=words))  # fmt: skip

    @rule(pick=_PICK)
    def disagree(self, pick: int) -> None:
        if case := self._case(pick):
            text = f"I see it as {self._new_canary(case)}."
            self._try(lambda: self.workspace.disagree(
                case.person, case.session_id, statement=text))  # fmt: skip

    @rule(pick=_PICK, names=st.sampled_from(["in", "out"]))
    def choose_names(self, pick: int, names: Any) -> None:
        if case := self._case(pick):
            self._try(lambda: self.workspace.choose_names(
                case.person, case.session_id, names=names))  # fmt: skip

    @rule(pick=_PICK, is_stale=st.sampled_from([False, False, False, True]))
    def approve(self, pick: int, is_stale: bool) -> None:
        case = self._case(pick)
        note = self._note(case) if case else None
        if case is None or note is None:
            return
        digest = case.last_digest if is_stale else note_digest(note)
        case.last_digest = note_digest(note)

        def act() -> None:
            approved = self.workspace.approve(case.person, case.session_id, digest=digest)
            assert note_digest(approved.note) == digest
            case.approved |= self._canaries_in(case, approved.note)

        self._try(act)

    @rule(pick=_PICK, to=st.sampled_from([TEAM, TEAM, TEAM, "the landlord"]))
    def release(self, pick: int, to: str) -> None:
        if case := self._case(pick):
            released = self._try(lambda: self.workspace.release(
                PEER, case.session_id, to=to, formats=("markdown", "fhir")))  # fmt: skip
            assert released is None or to == TEAM

    @rule(pick=_PICK)
    def export_own_copy(self, pick: int) -> None:
        if case := self._case(pick):
            self._try(lambda: self.workspace.export_own_copy(case.person, case.session_id))

    @rule(pick=_PICK, end=st.sampled_from(["refuse", "end_without_note", "withdraw", "withdraw"]))
    def end(self, pick: int, end: str) -> None:
        if case := self._case(pick):
            self._try(lambda: getattr(self.workspace, end)(case.person, case.session_id))

    @rule(pick=_PICK)
    def file_service_record(self, pick: int) -> None:
        if case := self._case(pick):
            self._try(lambda: self.workspace.file_service_record(PEER, case.session_id))

    @rule()
    def back_up(self) -> None:
        destination = self.backups / f"{next(self.numbers)}.backup"
        self._try(lambda: self.workspace.back_up(ADMIN, destination))

    @rule(pick=_PICK)
    def restore(self, pick: int) -> None:
        kept = sorted(self.backups.iterdir())
        if kept:
            self._try(lambda: self.workspace.restore(ADMIN, kept[pick % len(kept)]))

    @rule(days=st.sampled_from([0, 0, 1, 40]))
    def let_time_pass(self, days: int) -> None:
        self.clock.now += timedelta(days=days)
        self._try(self.workspace.run_retention)

    @rule(moment=st.integers(1, 6))
    def crash_soon(self, moment: int) -> None:
        type(self).n_actions += 1
        self.crash_in = moment

    @rule()
    def reopen(self) -> None:
        type(self).n_actions += 1
        self.workspace.close()
        self.workspace = self._open()

    @rule(pick=_PICK, actor=st.sampled_from([PEER, *OUTSIDERS]), act=st.sampled_from([
        "view_note", "refuse", "withdraw", "approve", "disagree", "choose_names", "export_own_copy",
    ]))  # fmt: skip
    def somebody_else_decides(self, pick: int, actor: Actor, act: str) -> None:
        case = self._case(pick)
        if case is None:
            return
        note = self._note(case)
        extra: dict[str, Any] = {
            "approve": {"digest": note_digest(note) if note else "0" * 64},
            "disagree": {"statement": "no"},
            "choose_names": {"names": "in"},
        }.get(act, {})
        type(self).n_actions += 1
        with pytest.raises(OwnWordsError):
            getattr(self.workspace, act)(actor, case.session_id, **extra)

    @rule(pick=_PICK, actor=st.sampled_from(["person", PEER, *OUTSIDERS]),
          view=st.sampled_from(["view_note", "view_released_note", "view_draft",
                                "view_transcript"]))  # fmt: skip
    def look(self, pick: int, actor: Any, view: str) -> None:
        case = self._case(pick)
        if case is None:
            return
        who = case.person if actor == "person" else actor
        seen = self._try(lambda: getattr(self.workspace, view)(who, case.session_id))
        read = self._canaries_in(case, seen)
        if who not in (case.person, PEER) or self._state(case) in _GONE:
            assert not read
        if view == "view_released_note":
            assert read <= case.approved
        assert not any(self._canaries_in(other, seen) for other in self.cases if other is not case)

    @rule(actor=st.sampled_from([PEER, OTHER_PEER, SUPERVISOR, GOVERNANCE]))
    def somebody_else_backs_up(self, actor: Actor) -> None:
        type(self).n_actions += 1
        with pytest.raises(OwnWordsError):
            self.workspace.back_up(actor, self.backups / "stolen")

    # ------------------------------------------------------------ what must always hold

    @invariant()
    def words_are_only_where_they_may_be(self) -> None:
        if not self.cases:
            return
        states = {row.session_id: row.state for row in self.workspace.sessions()}
        may_be_out = {
            canary
            for case in self.cases
            if states[case.session_id] not in _GONE
            for canary in case.approved
        }
        for path, found in files_with(sorted(self._all_canaries()), self.root).items():
            assert path.is_relative_to(self.data / "outbox"), f"words lie in {path.name}"
            assert found <= may_be_out, f"{len(found - may_be_out)} unapproved words in a release"
        logged = " ".join(self.logged).lower()
        assert not [canary for canary in self._all_canaries() if canary in logged]
        self.logged.clear()

    @invariant()
    def nothing_is_half_done(self) -> None:
        assert "withdrawing" not in {row.state for row in self.workspace.sessions()}


def walk(*, n_actions: int) -> None:
    """Run the machine until it has taken at least this many actions."""
    n_steps = 50
    Walk.n_actions = Walk.n_allowed = Walk.n_crashes = 0
    chosen = settings(
        max_examples=max(1, n_actions * 13 // 10 // n_steps),  # some steps find nothing to act on
        stateful_step_count=n_steps,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Walk, settings=chosen)
    print(f"{Walk.n_actions} actions, {Walk.n_allowed} allowed, {Walk.n_crashes} crashes")  # noqa: T201
    assert Walk.n_actions >= n_actions


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.timeout(2400)
def test_the_gate_holds_over_10000_actions() -> None:
    walk(n_actions=10_000)


@pytest.mark.soak
@pytest.mark.model
def test_the_gate_holds_over_1000000_actions() -> None:
    walk(n_actions=1_000_000)
