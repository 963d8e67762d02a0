"""One look at the vault that several reads share: asked for each, written down once, kept apart."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from assistant.errors import Refused
from assistant.policy import Gate
from assistant.store import Store
from assistant.workspace import Workspace
from tests.scenery import OTHER_PEER, PEER, Clock, open_test_workspace, start_session


def refusals(folder: Path) -> int:
    return (folder / "audit.jsonl").read_text("utf-8").count('"event":"access_refused"')


def test_the_gate_is_asked_for_every_read_of_a_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_test_workspace(tmp_path, clock=Clock())
    _person, session_id = start_session(workspace, "save_note")
    asked, opened = [], []
    ask, begin = Gate.ask, Store.transaction
    monkeypatch.setattr(
        Gate, "ask", lambda gate, request: asked.append(request.action) or ask(gate, request)
    )
    monkeypatch.setattr(Store, "transaction", lambda *a: opened.append(a) or begin(*a))
    with workspace.one_look():
        for _ in range(3):
            assert workspace.own_session(PEER, session_id).session_id == session_id
        with workspace.one_look():  # inside another it is the same look
            workspace.own_sessions(PEER)
    assert asked == [*["view_session"] * 3, "open_peer_screens"]
    assert len(opened) == 1


def test_a_refusal_inside_a_look_is_written_down_once_and_ends_it(tmp_path: Path) -> None:
    workspace = open_test_workspace(tmp_path, clock=Clock())
    _person, session_id = start_session(workspace, "save_note")
    with pytest.raises(Refused), workspace.one_look():
        workspace.own_session(OTHER_PEER, session_id)
    assert refusals(tmp_path) == 1
    with pytest.raises(LookupError), workspace.one_look():
        _turn_away(workspace, session_id)
    assert refusals(tmp_path) == 2
    with workspace.one_look():  # a refusal that the page makes up for is written down as well
        with pytest.raises(Refused):
            workspace.own_session(OTHER_PEER, session_id)
        assert workspace.own_session(PEER, session_id).session_id == session_id
    assert refusals(tmp_path) == 3


def _turn_away(workspace: Workspace, session_id: str) -> None:
    """What a page does that answers a refusal with another page."""
    try:
        workspace.own_session(OTHER_PEER, session_id)
    except Refused:
        raise LookupError from None


def test_other_threads_do_not_share_a_look(tmp_path: Path) -> None:
    workspace = open_test_workspace(tmp_path, clock=Clock())
    start_session(workspace, "save_note")
    waited = []

    def read() -> None:
        waited.append(len(workspace.own_sessions(PEER)))

    with workspace.one_look():
        thread = threading.Thread(target=read)
        thread.start()
        thread.join(timeout=0.2)
        assert waited == []  # it waits for this look to end
    thread.join(timeout=5)
    assert waited == [1]


def test_the_next_look_sees_what_was_changed_meanwhile(tmp_path: Path) -> None:
    workspace = open_test_workspace(tmp_path, clock=Clock())
    _person, session_id = start_session(workspace, "save_note")
    with workspace.one_look():
        assert workspace.own_session(PEER, session_id).state == "new"
    workspace.write_by_hand(PEER, session_id, sentences=(("matters", "I kept going."),))
    with workspace.one_look():
        assert workspace.own_session(PEER, session_id).state == "drafted"
