"""Passkeys: against a device in software for each wrong answer, and in Chromium with its own."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cbor2
import httpx2
import pytest
import uvicorn
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse

from assistant.app import entrance, extras, oidc, pages, passkeys
from assistant.app.guard import Guard
from assistant.app.house import House
from assistant.errors import OwnWordsError
from assistant.settings import Settings
from assistant.store import AccountRow
from assistant.workspace import Workspace
from tests.scenery import START, open_test_workspace

ADMIN, PEER = "ada", "pia"


# ---------------------------------------------------------------- a server and its accounts


def small_app(house: House) -> Any:
    """The entrance with both optional ways in, behind the guard, and a home for each role."""
    app = FastAPI(openapi_url=None)
    app.add_exception_handler(OwnWordsError, _show_problem)
    app.add_api_route("/static/{name}", lambda name: FileResponse(pages.STATIC / name))
    for module in (entrance, passkeys, oidc):
        app.include_router(module.router)
    for home in entrance.HOME.values():
        app.add_api_route(home, lambda: HTMLResponse("<title>home</title><h1>home</h1>"))
    return Guard(app, house=house)


def _show_problem(request: Request, error: Exception) -> HTMLResponse:
    return pages.render(request, "problem.html", status=400, message=str(error))


@contextmanager
def served(app: Any) -> Iterator[int]:
    """Serve an app on a free port of this machine; yield the port."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, ws="none", lifespan="off", log_level="error")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            thread.join(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)


def make_accounts(workspace: Workspace) -> dict[str, str]:
    """Make an admin and a peer without passwords; return their ids by sign-in name."""
    people = ((ADMIN, "admin", "Ada"), (PEER, "peer", "Pia"))
    with workspace.store.transaction() as tx:
        for login, role, display in people:
            tx.add_account(
                AccountRow(
                    account_id=f"{role}-00000000000000a1", role=role, login=login,
                    display=display, created_at=START,
                )
            )  # fmt: skip
    return {login: f"{role}-00000000000000a1" for login, role, _display in people}


def n_refused(folder: Path, rule: str) -> int:
    return (folder / "audit.jsonl").read_text("utf-8").count(f'"rule":"{rule}"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A running server. `localhost`, because a passkey belongs to a name."""

    house: House
    ids: dict[str, str]
    port: int
    folder: Path

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}"

    def n_refused(self, rule: str = "passkey-refused") -> int:
        return n_refused(self.folder, rule)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    folder = tmp_path / "data"
    with open_test_workspace(folder) as workspace:
        house = House(workspace=workspace, settings=Settings(data_dir=folder, _env_file=None))
        ids = make_accounts(workspace)
        with served(small_app(house)) as port:
            yield Place(house=house, ids=ids, port=port, folder=folder)


class Browser:
    """A browser without scripts: it keeps cookies and knows the form token of the last page."""

    def __init__(self, place: Place, login: str = "") -> None:
        # The connection goes to the address, the name stays in the header.
        self._http = httpx2.Client(
            base_url=f"http://127.0.0.1:{place.port}",
            headers={"Host": f"localhost:{place.port}"},
            limits=httpx2.Limits(max_keepalive_connections=0),  # nothing stays open after a test
            trust_env=False,
        )
        page = self._http.get("/sign-in").text
        self.token = re.search(r'name="form_token" value="(\w+)"', page)[1]  # type: ignore[index]
        if login:  # not by password: that takes long on purpose
            token = place.house.workspace.sign_in_account(place.ids[login], rule="test")
            self._http.cookies.set("ow_staff", token)

    def post(self, path: str, body: object = None, *, token: str | None = None) -> httpx2.Response:
        headers = {"X-Form-Token": self.token if token is None else token}
        return self._http.post(path, json=body, headers=headers)

    def get(self, path: str) -> httpx2.Response:
        return self._http.get(path)

    def take_sign_in_of(self, other: Browser) -> None:
        self._http.cookies.update({"ow_staff": other._http.cookies["ow_staff"]})


# ---------------------------------------------------------------- a device in software


def text_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def bytes_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """An authenticator whose answers can be wrong in one way at a time."""

    origin: str
    rp_id: str = "localhost"
    flags: int = 0x05  # somebody was there, and the device checked who
    count: int = 1
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    kind: str = ""  # type of the ceremony, where it is not the one that was asked for

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        numbers = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        attested = (
            bytes(15) + b"\1" + len(self.credential_id).to_bytes(2) + self.credential_id
            + cbor2.dumps(public)
        )  # fmt: skip
        data = self._data(self.flags | 0x40) + attested
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        told = self._told(options, "webauthn.create")
        return self._answer(clientDataJSON=text_of(told), attestationObject=text_of(statement))

    def sign(self, options: dict[str, Any], *, user: str) -> dict[str, Any]:
        told, data = self._told(options, "webauthn.get"), self._data(self.flags)
        signature = self.key.sign(data + hashlib.sha256(told).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            clientDataJSON=text_of(told), authenticatorData=text_of(data),
            signature=text_of(signature), userHandle=text_of(user.encode()),
        )  # fmt: skip

    def _data(self, flags: int) -> bytes:
        return (
            hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)
        )

    def _told(self, options: dict[str, Any], kind: str) -> bytes:
        told = {
            "type": self.kind or kind, "challenge": options["challenge"], "origin": self.origin,
        }  # fmt: skip
        return json.dumps(told).encode()

    def _answer(self, **response: str) -> dict[str, Any]:
        name = text_of(self.credential_id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response}


def options_of(browser: Browser, path: str) -> dict[str, Any]:
    answer = browser.post(f"{path}/options")
    assert answer.status_code == 200
    options: dict[str, Any] = answer.json()["options"]
    return options


def registered(place: Place, login: str = PEER) -> Device:
    browser, device = Browser(place, login), Device(origin=place.address)
    options = options_of(browser, "/account/passkey")
    assert browser.post("/account/passkey", device.make(options)).status_code == 200
    return device


# ---------------------------------------------------------------- adding one


def test_a_passkey_is_kept_and_left_out_of_the_next_offer(place: Place) -> None:
    device = registered(place)
    (row,) = place.house.workspace.passkeys(place.ids[PEER])
    assert bytes_of(row.credential_id) == device.credential_id
    options = options_of(Browser(place, PEER), "/account/passkey")
    assert [one["id"] for one in options["excludeCredentials"]] == [row.credential_id]
    wanted = options["authenticatorSelection"]
    assert (wanted["residentKey"], wanted["userVerification"]) == ("required", "required")
    assert PEER not in json.dumps(options)  # the sign-in name does not go into the device


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "http://localhost:1"},  # another server of this machine
        {"rp_id": "elsewhere.example"},
        {"flags": 0x01},  # the device did not check who holds it
        {"flags": 0x04},  # nobody was there
        {"kind": "webauthn.get"},
    ],
)
def test_a_wrong_answer_keeps_no_passkey(place: Place, wrong: dict[str, Any]) -> None:
    browser = Browser(place, PEER)
    device = replace(Device(origin=place.address), **wrong)
    answer = browser.post("/account/passkey", device.make(options_of(browser, "/account/passkey")))
    assert answer.status_code == 400
    assert answer.json()["message"].count(".") == 3
    assert place.n_refused() == 1
    assert place.house.workspace.passkeys(place.ids[PEER]) == ()


def test_a_challenge_is_good_for_one_try(place: Place) -> None:
    browser, device = Browser(place, PEER), Device(origin=place.address)
    options = options_of(browser, "/account/passkey")
    assert browser.post("/account/passkey", {}).status_code == 400
    assert browser.post("/account/passkey", device.make(options)).status_code == 400
    assert place.n_refused() == 2


def test_a_challenge_is_too_old_after_five_minutes(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    pending: extras.Pending[bytes] = extras.Pending(lasts_s=300.0, clock=lambda: now[0])
    monkeypatch.setattr(passkeys, "_CHALLENGES", pending)
    browser, device = Browser(place, PEER), Device(origin=place.address)
    options = options_of(browser, "/account/passkey")
    now[0] = 300.0
    assert browser.post("/account/passkey", device.make(options)).status_code == 400


def test_nobody_adds_a_passkey_for_somebody_else(place: Place) -> None:
    peer, admin, device = Browser(place, PEER), Browser(place, ADMIN), Device(origin=place.address)
    # 1. in another browser; 2. in the same browser, after somebody else signed in there
    for_peer = options_of(peer, "/account/passkey")
    assert admin.post("/account/passkey", device.make(for_peer)).status_code == 400
    peer.take_sign_in_of(admin)
    assert peer.post("/account/passkey", device.make(for_peer)).status_code == 400
    # 3. a device that is another account's already
    theirs = registered(place, PEER)
    for_admin = options_of(admin, "/account/passkey")
    assert admin.post("/account/passkey", theirs.make(for_admin)).status_code == 400
    assert place.house.workspace.passkeys(place.ids[ADMIN]) == ()
    assert place.n_refused() == 3


def test_adding_needs_somebody_signed_in_and_a_page_of_ours(place: Place) -> None:
    for path in ("/account/passkey/options", "/account/passkey"):
        assert Browser(place).post(path).status_code == 400
        assert Browser(place, PEER).post(path, token="").status_code == 403
    assert place.n_refused("passkey-refused") == 2
    assert place.n_refused("not-their-form") == 2


# ---------------------------------------------------------------- signing in with one


def sign_in(browser: Browser, device: Device, user: str) -> httpx2.Response:
    options = options_of(browser, "/sign-in/passkey")
    assert options.get("allowCredentials", []) == []  # who has an account here is not told
    return browser.post("/sign-in/passkey", device.sign(options, user=user))


def test_a_passkey_signs_its_account_in(place: Place) -> None:
    device, browser = replace(registered(place), count=2), Browser(place)
    answer = sign_in(browser, device, place.ids[PEER])
    assert (answer.status_code, answer.headers["location"]) == (303, "/peer/")
    assert browser.get("/account").status_code == 200
    assert place.house.workspace.passkeys(place.ids[PEER])[0].sign_count == 2
    assert '"event":"signed_in"' in (place.folder / "audit.jsonl").read_text("utf-8")


def test_a_replayed_answer_is_refused(place: Place) -> None:
    device, browser = replace(registered(place), count=0), Browser(place)
    place.house.workspace.count_passkey_use(text_of(device.credential_id), sign_count=0)
    options = options_of(browser, "/sign-in/passkey")
    answer = device.sign(options, user=place.ids[PEER])
    other = Browser(place)
    assert other.post("/sign-in/passkey", answer).status_code == 400  # another browser's
    assert browser.post("/sign-in/passkey", answer).status_code == 303
    assert browser.post("/sign-in/passkey", answer).status_code == 400  # used up
    options_of(browser, "/sign-in/passkey")
    assert browser.post("/sign-in/passkey", answer).status_code == 400  # answers another question
    assert place.n_refused() == 3


@pytest.mark.parametrize("count", [4, 5])
def test_a_count_that_does_not_grow_is_refused(place: Place, count: int) -> None:
    device, user = registered(place), place.ids[PEER]
    assert sign_in(Browser(place), replace(device, count=5), user).status_code == 303
    assert sign_in(Browser(place), replace(device, count=count), user).status_code == 400
    assert place.n_refused() == 1


def test_a_device_that_never_counts_is_fine(place: Place) -> None:
    browser, device = Browser(place, PEER), Device(origin=place.address, count=0)
    browser.post("/account/passkey", device.make(options_of(browser, "/account/passkey")))
    for _ in range(2):
        assert sign_in(Browser(place), device, place.ids[PEER]).status_code == 303


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "http://localhost:1"},
        {"rp_id": "elsewhere.example"},
        {"flags": 0x01},
        {"kind": "webauthn.create"},
        {"key": ec.generate_private_key(ec.SECP256R1())},
        {"credential_id": b"unknown"},
    ],
)
def test_a_wrong_answer_signs_nobody_in(place: Place, wrong: dict[str, Any]) -> None:
    device, browser = replace(registered(place), count=2, **wrong), Browser(place)
    answer = sign_in(browser, device, place.ids[PEER])
    assert (answer.status_code, place.n_refused()) == (400, 1)
    assert browser.get("/account").status_code == 303


def test_a_passkey_that_names_another_account_is_refused(place: Place) -> None:
    device = replace(registered(place), count=2)
    assert sign_in(Browser(place), device, place.ids[ADMIN]).status_code == 400


def test_a_closed_account_has_no_way_in_by_passkey(place: Place) -> None:
    device = replace(registered(place), count=2)
    admin = pages.Actor(actor_id=place.ids[ADMIN], role="admin")
    place.house.workspace.set_disabled(admin, place.ids[PEER], is_disabled=True)
    assert sign_in(Browser(place), device, place.ids[PEER]).status_code == 400
    assert place.n_refused("sign-in-failed") == 1


@pytest.mark.parametrize(
    "body", [None, [], "x" * 70_000, {"id": "!", "rawId": "!", "response": {}}, {"id": 1}]
)
def test_nonsense_is_refused_like_anything_else(place: Place, body: object) -> None:
    browser = Browser(place)
    options_of(browser, "/sign-in/passkey")
    answer = browser.post("/sign-in/passkey", body)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("That did not work.")


def test_too_many_tries_are_asked_to_wait(place: Place) -> None:
    browser = Browser(place)
    for _ in range(30):
        place.house.failures.add("127.0.0.1")
    assert browser.post("/sign-in/passkey/options").status_code == 429


# ---------------------------------------------------------------- without the extra


def test_without_the_library_no_page_speaks_of_passkeys(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 'id="use-passkey"' in Browser(place).get("/sign-in").text
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    assert not extras.has_passkeys()
    assert "passkey" not in Browser(place).get("/sign-in").text
    assert "passkey" not in Browser(place, PEER).get("/account").text


def test_pending_questions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "_MAX_PENDING", 2)
    pending: extras.Pending[int] = extras.Pending(lasts_s=1.0, clock=lambda: 0.0)
    for number in range(3):
        pending.keep(str(number), "sign in", number)
    assert [pending.take(str(number), "sign in") for number in range(3)] == [None, 1, 2]


# ---------------------------------------------------------------- in a browser


ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield an empty page of Debian's Chromium."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if not Path("/usr/bin/chromium").exists():
        pytest.skip("Chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        try:
            page = browser.new_context(locale="en-US").new_page()
            page.set_default_timeout(20_000)
            yield page
        finally:
            browser.close()


def add_device(cdp: Any) -> str:
    cdp.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    device: str = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})[
        "authenticatorId"
    ]
    return device


@pytest.mark.slow
def test_a_passkey_from_first_to_last_in_a_browser(place: Place) -> None:
    with chromium() as page:
        cdp = page.context.new_cdp_session(page)
        device = add_device(cdp)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{place.address}/sign-in")
        # 1. nothing on the device yet: the page says so calmly
        page.click("#use-passkey")
        page.wait_for_selector("[role=status]:has-text('You are not signed in yet.')")
        # 2. add one, then the same device again
        token = place.house.workspace.sign_in_account(place.ids[PEER], rule="test")
        page.context.add_cookies([{"name": "ow_staff", "value": token, "url": place.address}])
        page.goto(f"{place.address}/account")
        page.click("#add-passkey")
        page.wait_for_selector("[role=status]:has-text('Saved.')")
        assert not page.get_by_text("You have no passkey here.").is_visible()
        page.click("#add-passkey")
        page.wait_for_selector("[role=status]:has-text('already has a passkey')")
        assert len(place.house.workspace.passkeys(place.ids[PEER])) == 1
        # 3. sign in with it
        page.context.clear_cookies()
        (kept,) = cdp.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
        for _ in range(2):
            page.goto(f"{place.address}/sign-in")
            page.click("#use-passkey")
            page.wait_for_url("**/peer/")
            page.context.clear_cookies()
        # 4. a copy of the passkey whose count stayed behind
        cdp.send(
            "WebAuthn.removeCredential",
            {"authenticatorId": device, "credentialId": kept["credentialId"]},
        )
        copy = {**kept, "signCount": 0}
        cdp.send("WebAuthn.addCredential", {"authenticatorId": device, "credential": copy})
        page.goto(f"{place.address}/sign-in")
        page.click("#use-passkey")
        page.wait_for_selector("[role=status]:has-text('That did not work.')")
        assert place.n_refused() == 1
        # 5. a device that cannot tell who holds it
        cdp.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
        page.click("#use-passkey")
        page.wait_for_selector("[role=status]:has-text('You are not signed in yet.')")
        # 6. remove it: the page offers that only where there is one
        page.context.add_cookies([{"name": "ow_staff", "value": token, "url": place.address}])
        page.goto(f"{place.address}/account")
        page.click("text=Remove all passkeys")
        page.wait_for_selector("text=You have no passkey here.")
        assert not page.get_by_text("Remove all passkeys").is_visible()
        assert place.house.workspace.passkeys(place.ids[PEER]) == ()
        assert errors == []


@pytest.mark.slow
def test_the_buttons_stay_hidden_where_passkeys_cannot_work(place: Place) -> None:
    with chromium() as page:
        page.goto(f"http://127.0.0.1:{place.port}/sign-in")
        assert not page.is_visible("#use-passkey")
        page.add_init_script("delete window.PublicKeyCredential")
        page.goto(f"{place.address}/sign-in")
        assert not page.is_visible("#use-passkey")
