"""`ownwords serve`: safe addresses, first set-up, and a server that is killed half way."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from assistant.app.serving import require_safe_address
from assistant.audit import verify_audit
from assistant.errors import SettingError
from assistant.ingest import read_transcript
from assistant.policy import Actor
from assistant.resources import resource_path
from assistant.settings import Settings
from assistant.store import create_key, unlock_key
from assistant.workspace import Workspace, open_workspace
from tests.app.staff import hire

PASSPHRASE = "a passphrase for this test"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_this_machine_needs_no_tls(host: str) -> None:
    require_safe_address(Settings(host=host, _env_file=None))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "notes.example", ""])
def test_beyond_this_machine_tls_is_needed_and_said(host: str) -> None:
    with pytest.raises(SettingError, match="TLS"):
        require_safe_address(Settings(host=host, _env_file=None))


def test_half_of_a_tls_setting_and_missing_files_are_named(tmp_path: Path) -> None:
    there = tmp_path / "cert.pem"
    there.write_text("x")
    with pytest.raises(SettingError, match="Set both"):
        require_safe_address(Settings(tls_certificate=there, _env_file=None))
    with pytest.raises(SettingError, match=r"key\.pem is not there"):
        require_safe_address(
            Settings(tls_certificate=there, tls_key=tmp_path / "key.pem", _env_file=None)
        )


# ---------------------------------------------------------------- the real command


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ, "OWNWORDS_DATA_DIR": str(folder), "OWNWORDS_PASSPHRASE": PASSPHRASE,
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "assistant.cli", "serve", "--port", str(port)],
        env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 120
    try:
        while True:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            with suppress(httpx.HTTPError):
                if httpx.get(f"{address}/health", timeout=2).status_code == 200:
                    break
            time.sleep(0.2)
        yield address, process
    finally:
        process.kill()
        process.communicate()


def token_of(page: httpx.Response) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert found is not None
    return found.group(1)


@pytest.mark.slow
def test_a_fresh_installation_is_set_up_in_the_browser_with_the_code_of_the_terminal(
    tmp_path: Path,
) -> None:
    with served(tmp_path / "data") as (address, process):
        with httpx.Client(base_url=address, follow_redirects=True) as client:
            page = client.get("/")
            assert page.url.path == "/set-up"
            given = {
                "agency": "Riverside", "login": "ada", "display": "Ada",
                "password": "four plain words here",
            }  # fmt: skip
            wrong = client.post(
                "/set-up", data={**given, "form_token": token_of(page), "code": "00000000x"}
            )
            assert wrong.status_code == 400
            assert process.stderr is not None
            code = ""
            while not code:
                line = process.stderr.readline()
                found = re.search(r"first set-up: (\d{8})", line)
                code = found.group(1) if found else ""
            done = client.post(
                "/set-up", data={**given, "form_token": token_of(wrong), "code": code}
            )
            assert done.url.path == "/sign-in"
            inside = client.post(
                "/sign-in",
                data={
                    "form_token": token_of(done), "login": "ada",
                    "password": "four plain words here",
                },
            )  # fmt: skip
            assert inside.url.path == "/admin/"
            assert client.get("/set-up").status_code == 404
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) is not None
    assert verify_audit(tmp_path / "data", anchor=tmp_path / "data" / "anchors.txt") > 2


def open_again(folder: Path) -> Workspace:
    settings = Settings(data_dir=folder, _env_file=None)
    return open_workspace(settings, key=unlock_key(folder, passphrase=SecretStr(PASSPHRASE)))


@pytest.mark.slow
@pytest.mark.model
def test_a_server_killed_in_the_middle_of_drafts_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    settings = Settings(data_dir=folder, _env_file=None)
    key = create_key(folder, passphrase=SecretStr(PASSPHRASE))
    sessions = []
    with open_workspace(settings, key=key) as workspace:
        peer = hire(workspace).actors["peer"]
        for _ in range(3):
            sessions.append(_queued(workspace, peer))
    for _ in range(2):  # killed twice, at different stages of the first draft
        with served(folder) as (_address, process):
            time.sleep(6)
            process.kill()
            process.wait()
        with open_again(folder) as workspace:
            states = {row.session_id: row.state for row in workspace.sessions()}
            jobs = [workspace.draft_job(peer, one) for one in sessions]
        # Each session has its draft, or its job still waits: never neither.
        assert all(
            states[one] == "drafted" or (job is not None and job.state == "waiting")
            for one, job in zip(sessions, jobs, strict=True)
        )
    with served(folder):
        end = time.monotonic() + 240
        while _log(folder).count('"draft_written"') < 3:
            assert time.monotonic() < end
            time.sleep(0.5)
    with open_again(folder) as workspace:
        for session_id in sessions:
            assert workspace.view_draft(peer, session_id).draft.sections
            assert workspace.draft_job(peer, session_id) is None
    assert verify_audit(folder, anchor=folder / "anchors.txt") > 10


def _queued(workspace: Workspace, peer: Actor) -> str:
    session_id = workspace.start_session(peer, person_id=workspace.add_person())
    for purpose in ("transcribe", "ai_draft"):
        workspace.record_consent(
            peer, session_id, purpose=purpose, given=True, information="notes",  # type: ignore[arg-type]
            discloser="Riverside", mode="spoken", text_version="1",
        )  # fmt: skip
    said = read_transcript(
        resource_path("assistant/data/demo_session.txt"), settings=workspace.settings,
        person="Senait", peer="Dana",
    )  # fmt: skip
    workspace.import_transcript(peer, session_id, said)
    workspace.queue_draft(peer, session_id, voice="exact")
    return session_id


def _log(folder: Path) -> str:
    return (folder / "audit.jsonl").read_text("ascii", "replace")
