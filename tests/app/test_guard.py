"""assistant/app/guard.py: hosts, cross-site requests, areas, closed Gradio routes, headers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from assistant.app.guard import Guard
from assistant.app.house import STAFF_COOKIE, FailureCount, House, Looks
from assistant.settings import Settings
from assistant.workspace import Workspace
from tests.app.staff import Staff, hire
from tests.scenery import Clock, open_test_workspace

ROLES = ("peer", "supervisor", "governance", "admin")
AREAS = {
    "/peer/": "peer", "/governance/": "governance", "/supervisor/": "supervisor",
    "/admin/": "admin", "/peer/own/x": "peer", "/peer/es/": "peer",
}  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("guard")
    workspace = open_test_workspace(folder / "data", clock=Clock())
    yield House(workspace=workspace, settings=Settings(data_dir=folder, _env_file=None))
    workspace.close()


@pytest.fixture(scope="module")
def staff(house: House) -> Staff:
    return hire(house.workspace)


async def _page(_request: Request) -> HTMLResponse:
    return HTMLResponse('<script>a</script><meta property="og:image" content="https://x.example/">')


async def _echo(request: Request) -> JSONResponse:
    return JSONResponse({"n_bytes": len(await request.body())})


@pytest.fixture(scope="module")
def client(house: House) -> TestClient:
    inner = Starlette(
        routes=[
            Route("/peer/gradio_api/queue/join", _echo, methods=["POST"]),
            Route("/{path:path}", _page, methods=["GET", "POST"]),
        ]
    )
    return TestClient(
        Guard(inner, house=house), base_url="http://127.0.0.1", follow_redirects=False
    )


def rules(workspace: Workspace) -> list[str]:
    with workspace.store.transaction() as tx:
        entries = [json.loads(entry) for entry in tx.audit_entries()]
    return [e["ids"]["rule"] for e in entries if e["event"] == "access_refused"]


def ask(client: TestClient, method: str, path: str, token: str = "", **options: Any) -> Any:
    cookie = {"cookie": f"{STAFF_COOKIE}={token}"} if token else {}
    return client.request(method, path, headers={**cookie, **options.pop("headers", {})}, **options)


@pytest.mark.parametrize("path", AREAS)
@pytest.mark.parametrize("role", ROLES)
def test_each_area_opens_for_its_own_role_alone(
    client: TestClient, house: House, staff: Staff, path: str, role: str
) -> None:
    answer = ask(client, "GET", path, staff.tokens[role])
    if AREAS[path] == role:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.text) == (404, "There is nothing here for you.")
        assert rules(house.workspace)[-1] == f"{AREAS[path]}-opens-own-screens"


@pytest.mark.parametrize("path", AREAS)
def test_without_a_sign_in_a_browser_is_sent_to_the_door_and_others_are_refused(
    client: TestClient, path: str
) -> None:
    page = ask(client, "GET", path, headers={"accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/sign-in")
    assert ask(client, "POST", path).status_code == 401
    assert ask(client, "GET", path, "made-up-token").status_code == 401


GRADIO_CLOSED = (
    "/upload", "/gradio_api/upload", "/gradio_api/file=/etc/passwd", "/gradio_api/file/x",
    "/gradio_api/proxy=https://x.example/", "/gradio_api/info", "/gradio_api/openapi.json",
    "/gradio_api/run/predict", "/gradio_api/api/predict", "/gradio_api/call/predict",
    "/gradio_api/runs", "/gradio_api/run-history/records", "/gradio_api/component_server",
    "/gradio_api/custom_component/x/y/z/w", "/gradio_api/cancel", "/gradio_api/reset",
    "/gradio_api/vibe-edit", "/gradio_api/process_recording", "/gradio_api/token",
    "/gradio_api/user", "/gradio_api/app_id", "/gradio_api/dev/reload", "/gradio_api/deep_link",
    "/monitoring", "/monitoring/summary", "/login", "/logout", "/manifest.json", "/pwa_icon",
    "/svelte/x", "/robots.txt", "/api", "/docs", "/assets/%2e%2e/config", "/gradio_api/stream/x",
)  # fmt: skip


@pytest.mark.parametrize("path", GRADIO_CLOSED)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_of_gradio_only_what_screens_use_is_there(
    client: TestClient, house: House, staff: Staff, path: str, method: str
) -> None:
    answer = ask(client, method, "/peer" + path, staff.tokens["peer"])
    assert answer.status_code == 404
    assert rules(house.workspace)[-1] == "gradio-route-closed"


def test_an_event_stream_belongs_to_the_sign_in_that_named_it_first(
    client: TestClient, house: House, staff: Staff
) -> None:
    join = "/peer/gradio_api/queue/join"
    body = {"session_hash": "abc123", "data": ["x" * 5_000]}
    mine = ask(client, "POST", join, staff.tokens["peer"], json=body)
    assert mine.json()["n_bytes"] > 5_000  # the body is handed on whole
    for method, path, options in (
        ("POST", join, {"json": body}),
        ("GET", "/peer/gradio_api/queue/data?session_hash=abc123", {}),
        ("GET", "/peer/gradio_api/heartbeat/abc123", {}),
    ):
        answer = ask(client, method, path, staff.tokens["other_peer"], **options)
        assert answer.status_code == 404
        assert rules(house.workspace)[-1] == "not-their-stream"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"session_hash": 7}', b'{"x": 1}', b"[" * 100_000]
)
def test_a_join_that_cannot_be_read_is_refused(
    client: TestClient, staff: Staff, body: bytes
) -> None:
    token = staff.tokens["peer"]
    assert (
        ask(client, "POST", "/peer/gradio_api/queue/join", token, content=body).status_code == 404
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"origin": "http://[::1"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_what_changes_something_comes_from_a_page_of_ours(
    client: TestClient, house: House, staff: Staff, headers: dict[str, str]
) -> None:
    for path in ("/sign-in", "/note/x/decide", "/peer/gradio_api/queue/join", "/admin/x"):
        answer = ask(client, "POST", path, staff.tokens["peer"], headers=headers)
        assert answer.status_code == 404
        assert rules(house.workspace)[-1] == "cross-site-request"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::1", "10.0.0.9"])
def test_the_server_answers_to_its_own_names_only(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:7420", "localhost", "[::1]:7420"])
def test_loopback_names_are_its_own(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 200


def test_every_answer_carries_the_headers(client: TestClient, staff: Staff) -> None:
    for path in ("/", "/peer/", "/admin/", "/peer/upload"):
        headers = ask(client, "GET", path, staff.tokens["peer"]).headers
        policy = headers["content-security-policy"]
        assert "unsafe-eval" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "http" not in policy  # no other origin is named
        scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
        assert "unsafe-inline" not in scripts
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_scripts_of_a_gradio_page_get_the_nonce_of_this_answer(
    client: TestClient, staff: Staff
) -> None:
    answers = [ask(client, "GET", "/peer/", staff.tokens["peer"]) for _ in range(2)]
    nonces = set()
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        nonce = policy.split("'nonce-")[1].split("'")[0]
        assert answer.text == f'<script nonce="{nonce}">a</script>'
        assert answer.headers["cache-control"] == "no-store"
        nonces.add(nonce)
    assert len(nonces) == 2


# ---------------------------------------------------------------- what the house counts


def test_failures_are_counted_by_address_and_forgotten() -> None:
    now = [0.0]
    failures = FailureCount(clock=lambda: now[0])
    for _ in range(30):
        assert not failures.is_too_many("a")
        failures.add("a")
    assert failures.is_too_many("a")
    assert not failures.is_too_many("b")
    now[0] = 601
    assert not failures.is_too_many("a")


def test_a_page_left_open_counts_for_two_minutes_at_most() -> None:
    now = [0.0]
    looks = Looks(clock=lambda: now[0])
    assert looks.seconds("s") is None
    looks.look("s")
    now[0] = 30
    looks.look("s")
    now[0] = 5_000
    looks.look("s")
    now[0] = 5_010
    assert looks.seconds("s") == 30 + 120 + 10
    assert looks.seconds("s") is None


def test_the_data_folder_holds_no_token(house: House, staff: Staff, tmp_path: Path) -> None:
    folder = house.workspace.store.folder
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(token.encode() in content for token in staff.tokens.values())
