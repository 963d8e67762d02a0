"""Ten peers drafting and fifty people reading and deciding at once, against the real server.

    python -m evals.load [--seconds 300] [--peers 10] [--people 50] [--out FILE]

Method. `ownwords serve` runs as a process of its own on loopback, on a vault prepared beforehand
(fictional words, each note with a word of its own). Sixty drafts of the demo session wait in the
queue, six for each peer, so that one is being made all the time; meanwhile each peer's screen looks
at the queue as often as its timer says, as it does in a browser. People are plain HTTP clients, as
an old phone is: they open their link, read part by part with a pause of one to three seconds a
page, change a sentence, decide, and go on with another note. Browsers are left out: ten on the two
cores of the server would measure themselves. A page's time is from sending the request to its last
byte. Any answer of 4xx or 5xx, and any word of somebody else's note, counts as an error. Memory is
the resident size of the server and of its drafting process, every five seconds; growth compares the
median of the last fifth with that of the fifth after the first 40 % (the models are loaded then).
The server has 20 seconds to load what it checks sentences with before anybody comes.

Everything is bounded in time and number, and only loopback is spoken to.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
from pydantic import SecretStr

from assistant.ingest import read_transcript
from assistant.policy import Actor
from assistant.resources import resource_path
from assistant.settings import Settings
from assistant.store import create_key
from assistant.workspace import Workspace, open_workspace

_PASSPHRASE = "a passphrase for the load test only"  # noqa: S105 - of a vault that is deleted
PASSWORD = SecretStr("four plain words here")
CODE = "green-kettle"
_SECTIONS = ("matters", "helps", "next_step")
_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
_DIGEST = re.compile(r'name="digest" value="([^"]+)"')
_ANSWERS = ("yes", "yes", "yes", "no", "later")
_VERSION = 1
_WARM_UP_S = 20  # the server loads what it checks typed sentences with


@dataclass(frozen=True)
class Prepared:
    """What the vault holds before the server starts."""

    peers: dict[str, list[str]]  # login to sessions that wait for a draft
    people: list[list[tuple[str, str]]]  # for each person, (link token, the word of that note)


@dataclass
class Measured:
    pages_s: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    n_drafts: int = 0
    n_decisions: int = 0
    memory_mb: list[tuple[float, float]] = field(default_factory=list)  # (seconds, MB)
    n_looks: int = 0  # of peers at their screens
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add_page(self, seconds: float) -> None:
        with self.lock:
            self.pages_s.append(seconds)

    def add_error(self, what: str) -> None:
        with self.lock:
            self.errors.append(what)


# ---------------------------------------------------------------- preparing


def prepare_vault(folder: Path, *, n_peers: int, n_people: int, n_notes: int) -> Prepared:
    settings = Settings(data_dir=folder, _env_file=None)
    key = create_key(folder, passphrase=SecretStr(_PASSPHRASE))
    said = read_transcript(
        resource_path("assistant/data/demo_session.txt"), settings=settings,
        person="Senait", peer="Dana",
    )  # fmt: skip
    with open_workspace(settings, key=key) as workspace:
        admin = Actor(
            actor_id=workspace.set_up(
                agency="Riverside", login="admin", display="Ada", password=PASSWORD
            ),
            role="admin",
        )
        actors = [_hire(workspace, admin, f"peer{n}") for n in range(n_peers)]
        peers: dict[str, list[str]] = {}
        for n, actor in enumerate(actors):
            peers[f"peer{n}"] = []
            for _ in range(6):
                person_id = workspace.add_person()
                session_id = workspace.start_session(actor, person_id=person_id)
                _consent(workspace, actor, session_id, "transcribe", "ai_draft", "save_note")
                workspace.import_transcript(actor, session_id, said)
                workspace.queue_draft(actor, session_id, voice="exact")
                peers[f"peer{n}"].append(session_id)
        people = [
            _notes_of_person(workspace, actors[n % n_peers], n_notes) for n in range(n_people)
        ]
    return Prepared(peers=peers, people=people)


def _hire(workspace: Workspace, admin: Actor, login: str) -> Actor:
    token = workspace.invite(admin, role="peer", login=login, display=login.title())
    row = workspace.accept_invitation(token, password=PASSWORD)
    return Actor(actor_id=row.account_id, role="peer")


def _consent(workspace: Workspace, actor: Actor, session_id: str, *purposes: str) -> None:
    for purpose in purposes:
        workspace.record_consent(
            actor, session_id, purpose=purpose, given=True,  # type: ignore[arg-type]
            recipients=("Riverside",) if purpose == "save_note" else (),
            information="notes of peer support", discloser="Riverside", mode="spoken",
            text_version="1",
        )  # fmt: skip


def _notes_of_person(workspace: Workspace, peer: Actor, n_notes: int) -> list[tuple[str, str]]:
    person = Actor(actor_id=workspace.add_person(), role="person")
    notes = []
    for number in range(n_notes):
        session_id = workspace.start_session(peer, person_id=person.actor_id)
        if number == 0:
            _consent(workspace, peer, session_id, "save_note")
            workspace.set_code(person, session_id, code=SecretStr(CODE))
        word = "q" + secrets.token_hex(6)
        workspace.write_by_hand(
            peer, session_id,
            sentences=tuple(
                (name, f"I kept going with the {word} plan, part {i} of {name}.")
                for name in _SECTIONS
                for i in range(4)
            ),  # type: ignore[misc]
        )  # fmt: skip
        workspace.hand_over(peer, session_id)
        notes.append((workspace.make_link(peer, session_id, kind="hand_over"), word))
    return notes


# ---------------------------------------------------------------- the server


@contextmanager
def running_server(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start `ownwords serve` and wait until it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ, "OWNWORDS_DATA_DIR": str(folder), "OWNWORDS_PASSPHRASE": _PASSPHRASE,
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "assistant.cli", "serve", "--port", str(port)],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 90
        while True:
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"The server did not start (exit {process.poll()}).")
            with suppress(httpx.HTTPError):
                if httpx.get(f"{address}/health", timeout=1).status_code == 200:
                    break
            time.sleep(0.2)
        yield address, process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        process.kill()


def _memory_mb(pid: int) -> float:
    """Resident size of a process and its children, MB."""
    total = 0
    children = [
        child
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
    for one in (str(pid), *children):
        with suppress(OSError):
            for line in Path(f"/proc/{one}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1])
    return total / 1024


def _watch(process: subprocess.Popen[bytes], measured: Measured, until: float) -> None:
    began = time.monotonic()
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError):
            measured.memory_mb.append((time.monotonic() - began, _memory_mb(process.pid)))
        time.sleep(5)


# ---------------------------------------------------------------- people


def _person(
    address: str, notes: list[tuple[str, str]], measured: Measured, until: float, seed: int,
    words: frozenset[str],
) -> None:  # fmt: skip
    chance = random.Random(seed)
    time.sleep(chance.uniform(0, 5))
    for token, word in notes:
        if time.monotonic() > until:
            return
        try:
            with _client(address) as client:
                _read_and_decide(client, token, word, measured, until, chance, words)
        except httpx.HTTPError as error:
            measured.add_error(type(error).__name__)


# Nothing is encrypted on loopback. Without this each client would read every root certificate of
# the machine, which costs more than a page.
_NO_ROOTS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _client(address: str) -> httpx.Client:
    return httpx.Client(base_url=address, timeout=60, follow_redirects=True, verify=_NO_ROOTS)


def _read_and_decide(
    client: httpx.Client, token: str, word: str, measured: Measured, until: float,
    chance: random.Random, words: frozenset[str],
) -> None:  # fmt: skip
    def ask(method: str, path: str, data: dict[str, str] | None = None) -> httpx.Response:
        began = time.perf_counter()
        answer = client.request(method, path, data=data)
        measured.add_page(time.perf_counter() - began)
        if answer.status_code >= 400:
            measured.add_error(f"{method} {answer.status_code}")
        if words & set(re.findall(r"q[0-9a-f]{12}", answer.text)) - {word}:
            measured.add_error("somebody else's words")
        return answer

    def form_of(page: httpx.Response) -> dict[str, str]:
        found = _TOKEN.search(page.text)
        return {"form_token": found.group(1)} if found else {}

    def pause() -> None:
        time.sleep(chance.uniform(1, 3))

    page = ask("GET", f"/note/open/{token}")
    pause()
    # Signing in is slow on purpose (argon2), so it is no page time; it is checked like one.
    answer = client.post(f"/note/open/{token}", data={**form_of(page), "code": CODE})
    if answer.status_code >= 400:
        measured.add_error(f"sign-in {answer.status_code}")
        return
    home = answer.url.path
    for path in ("outline", *(f"part/{name}" for name in _SECTIONS), "who", "read"):
        if time.monotonic() > until:
            return
        pause()
        page = ask("GET", f"{home}{path}")
        if path.startswith("part/") and word not in page.text:
            measured.add_error("their words are missing")
    pause()
    page = ask("GET", f"{home}part/matters/0/change")
    text = f"I keep going with the {word} plan, in my own way."
    ask("POST", f"{home}part/matters/0/change", {**form_of(page), "text": text})
    pause()
    page = ask("GET", f"{home}decide")
    digest = _DIGEST.search(page.text)
    answer_given = chance.choice(_ANSWERS)
    if digest is None:
        measured.add_error("no digest on the decision page")
        return
    ask(
        "POST", f"{home}decide",
        {**form_of(page), "digest": digest.group(1), "answer": answer_given},
    )  # fmt: skip
    with measured.lock:
        measured.n_decisions += 1
    pause()
    ask("GET", home)
    ask("GET", f"{home}trail")


# ---------------------------------------------------------------- peers


def _peer(
    address: str, login: str, sessions: list[str], measured: Measured, until: float, seed: int
) -> None:
    """Have one session after another open on the peer's screen while its draft is made.

    Speaks what the browser part of Gradio speaks: load the page, then let its timer look at the
    queue again and again. The browsers of ten peers are on ten other machines, so their work is not
    done here.
    """
    chance = random.Random(seed)
    time.sleep(chance.uniform(0, 3))
    try:
        with _client(address) as client:
            page = client.get("/sign-in")
            found = _TOKEN.search(page.text)
            client.post(
                "/sign-in",
                data={
                    "form_token": found.group(1) if found else "",
                    "login": login,
                    "password": PASSWORD.get_secret_value(),
                },
            )
            while time.monotonic() < until:
                for session_id in sessions:
                    _watch_draft(client, session_id, measured, min(until, time.monotonic() + 30))
    except httpx.HTTPError as error:
        measured.add_error(f"peer: {type(error).__name__}")


def _watch_draft(client: httpx.Client, session_id: str, measured: Measured, until: float) -> None:
    query = f"?session={session_id}"
    page = client.get(f"/peer/{query}")
    config = client.get("/peer/config").json()
    if page.status_code != 200:
        measured.add_error(f"peer page {page.status_code}")
        return
    stream = secrets.token_hex(6)
    ways = {
        event: one
        for one in config["dependencies"]
        for _target, event in one["targets"]
        if event in ("load", "tick")
    }
    (pause_s,) = (c["props"]["value"] for c in config["components"] if c["type"] == "timer")
    _call(client, ways["load"], stream, query, measured)
    while time.monotonic() < until:
        _call(client, ways["tick"], stream, query, measured)
        time.sleep(pause_s)


def _call(
    client: httpx.Client, way: dict[str, Any], stream: str, query: str, measured: Measured
) -> None:
    """Run one listener of a screen and wait for what it says."""
    body = {
        "data": [None] * len(way["inputs"]), "fn_index": way["id"], "session_hash": stream,
        "event_data": None, "trigger_id": None,
    }  # fmt: skip
    joined = client.post(f"/peer/gradio_api/queue/join{query}", json=body)
    if joined.status_code != 200:
        measured.add_error(f"peer join {joined.status_code}")
        return
    address = f"/peer/gradio_api/queue/data?session_hash={stream}"
    with client.stream("GET", address) as answer:
        for line in answer.iter_lines():
            if '"process_completed"' in line:
                if '"success":false' in line.replace(" ", ""):
                    measured.add_error("peer screen failed")
                with measured.lock:
                    measured.n_looks += 1
                return
            if '"unexpected_error"' in line:
                measured.add_error("peer screen failed")
                return


# ---------------------------------------------------------------- running


def run_load(*, seconds: float, n_peers: int, n_people: int) -> dict[str, Any]:
    """Run once; returns the figures."""
    folder = Path(tempfile.mkdtemp(prefix="ownwords-load-"))
    measured = Measured()
    n_notes = max(2, int(seconds / 20) + 1)  # a note takes a person half a minute or more
    try:
        prepared = prepare_vault(folder, n_peers=n_peers, n_people=n_people, n_notes=n_notes)
        words = frozenset(word for notes in prepared.people for _token, word in notes)
        with running_server(folder) as (address, process):
            time.sleep(_WARM_UP_S)
            until = time.monotonic() + seconds
            threads = [
                threading.Thread(target=_person, args=(address, notes, measured, until, n, words))
                for n, notes in enumerate(prepared.people)
            ]
            threads += [
                threading.Thread(target=_peer, args=(address, login, own, measured, until, n))
                for n, (login, own) in enumerate(prepared.peers.items())
            ]
            threads.append(threading.Thread(target=_watch, args=(process, measured, until)))
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(timeout=seconds + 90)
            is_alive = process.poll() is None
            log = (folder / "audit.jsonl").read_text("ascii", "replace").splitlines()
            measured.n_drafts = sum(
                '"draft_written"' in line and '"by_hand"' not in line for line in log
            )
        from assistant.audit import verify_audit

        n_entries = verify_audit(folder, anchor=folder / "anchors.txt")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return _figures(measured, seconds, n_peers, n_people, is_alive=is_alive, n_entries=n_entries)


def _figures(
    measured: Measured, seconds: float, n_peers: int, n_people: int, *, is_alive: bool,
    n_entries: int,
) -> dict[str, Any]:  # fmt: skip
    last = seconds * 0.8
    early = [mb for at, mb in measured.memory_mb if seconds * 0.4 <= at < seconds * 0.6]
    late = [mb for at, mb in measured.memory_mb if at >= last]
    return {
        "version": _VERSION,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "seconds": seconds,
        "peers": n_peers,
        "people": n_people,
        "drafts_made": measured.n_drafts,
        "peer_looks": measured.n_looks,
        "decisions": measured.n_decisions,
        "errors": len(measured.errors),
        "error_kinds": sorted(set(measured.errors)),
        "server_alive_at_end": is_alive,
        "audit_entries_whole": n_entries,
        "pages": _times(measured.pages_s),
        "memory_mb_after_warm_up": round(median(early)) if early else None,
        "memory_mb_at_end": round(median(late)) if late else None,
    }


def _times(seconds: list[float]) -> dict[str, float | int | None]:
    if len(seconds) < 20:
        return {"n": len(seconds), "median_ms": None, "p95_ms": None, "max_ms": None}
    return {
        "n": len(seconds),
        "median_ms": round(median(seconds) * 1000, 1),
        "p95_ms": round(quantiles(seconds, n=20)[-1] * 1000, 1),
        "max_ms": round(max(seconds) * 1000, 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m evals.load")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--peers", type=int, default=10)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    figures = run_load(seconds=options.seconds, n_peers=options.peers, n_people=options.people)
    text = json.dumps(figures, indent=2)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n", encoding="utf-8")
    return 1 if figures["errors"] or not figures["server_alive_at_end"] else 0


if __name__ == "__main__":
    sys.exit(main())
