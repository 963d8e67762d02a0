"""assistant/app/worker.py and checking.py, with the real models."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter, sleep

import pytest

from assistant.app.checking import Checks, load_check_parts
from assistant.app.worker import ChildDrafter, DraftWorker
from assistant.errors import Refused
from assistant.ingest import read_transcript
from assistant.resources import resource_path
from assistant.settings import load_settings
from assistant.workspace import Workspace
from tests.scenery import OTHER_PEER, PEER, open_test_workspace, start_session

pytestmark = [pytest.mark.model, pytest.mark.slow]
_TYPED = (
    "I want to call the housing office on Friday.",
    "I never want to see that office again.",
    "I felt hopeless about all of it.",
    "I kept going.",
)


def wait_until(condition: Callable[[], bool], *, seconds: float = 240) -> None:
    end = monotonic() + seconds
    while not condition():
        assert monotonic() < end, "waited too long"
        sleep(0.05)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    from datetime import UTC, datetime

    folder = tmp_path_factory.mktemp("worker") / "data"
    opened = open_test_workspace(folder, clock=lambda: datetime.now(UTC))
    yield opened
    opened.close()


def transcribed(workspace: Workspace) -> str:
    _person, session_id = start_session(workspace, "transcribe", "ai_draft")
    said = read_transcript(
        resource_path("assistant/data/demo_session.txt"),
        settings=workspace.settings, person="Senait", peer="Dana",
    )  # fmt: skip
    workspace.import_transcript(PEER, session_id, said)
    return session_id


def state_of(workspace: Workspace, session_id: str) -> str:
    return next(row.state for row in workspace.sessions() if row.session_id == session_id)


def test_a_child_drafts_is_cancelled_and_killed_and_drafts_again(workspace: Workspace) -> None:
    drafter = ChildDrafter(load_settings())
    worker = DraftWorker(workspace, drafter=drafter)
    worker.start()
    try:
        stages: list[str] = []
        first = transcribed(workspace)
        workspace.queue_draft(PEER, first)
        worker.wake()

        def is_drafted() -> bool:
            job = workspace.draft_job(PEER, first)
            if job is not None and job.stage and job.stage not in stages:
                stages.append(job.stage)
            return state_of(workspace, first) == "drafted"

        wait_until(is_drafted)
        assert "draft" in stages
        assert workspace.view_draft(PEER, first).draft.sections

        second = transcribed(workspace)  # cancelled half way
        workspace.queue_draft(PEER, second)
        worker.wake()
        wait_until(lambda: bool((job := workspace.draft_job(PEER, second)) and job.stage))
        worker.cancel(workspace.cancel_draft(PEER, second))
        sleep(0.5)
        assert state_of(workspace, second) == "transcribed"

        third = transcribed(workspace)  # the child is killed from outside: the job is not lost
        workspace.queue_draft(PEER, third)
        worker.wake()
        wait_until(lambda: bool((job := workspace.draft_job(PEER, third)) and job.stage))
        assert drafter._process is not None
        os.kill(drafter._process.pid or 0, signal.SIGKILL)
        wait_until(lambda: state_of(workspace, third) == "drafted")
    finally:
        worker.stop()


def test_a_typed_sentence_is_checked_while_typing(workspace: Workspace, tmp_path: Path) -> None:
    session_id = transcribed(workspace)
    drafter = ChildDrafter(load_settings())
    worker = DraftWorker(workspace, drafter=drafter)
    worker.start()
    workspace.queue_draft(PEER, session_id, voice="exact")
    wait_until(lambda: state_of(workspace, session_id) == "drafted")
    worker.stop()
    checks = Checks(workspace, make_parts=lambda: load_check_parts(workspace.settings))
    early = checks.check_sentence(PEER, session_id, text="He is manipulative.", section="hard")
    assert not early.is_ready
    assert early.flags  # wording is checked at once
    wait_until(checks.is_ready)
    checks.read_ahead(PEER, session_id)
    times = []
    for text in _TYPED * 5:
        began = perf_counter()
        found = checks.check_sentence(PEER, session_id, text=text, section="next_step")
        times.append(perf_counter() - began)
        assert found.support is not None
    # Not a benchmark (evals/load.py is one): only that it is not seconds.
    assert median(times) < 2
    with pytest.raises(Refused):
        checks.check_sentence(OTHER_PEER, session_id, text="x", section="hard")
