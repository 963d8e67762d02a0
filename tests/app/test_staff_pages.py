"""The entrance, the supervisor's pages and the admin's pages, over HTTP, behind the guard."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from assistant.app.catalogue import read_messages
from assistant.app.house import STAFF_COOKIE, House
from assistant.app.server import build_app
from assistant.canonical import note_digest
from assistant.policy import Actor
from assistant.workspace import Workspace
from tests.scenery import TEAM, Clock, give_consent, make_canary, open_test_workspace
from tests.workspace.test_screens_actions import prepared, transcript

CANARY = make_canary(random.Random(41))
PASSWORD = "five plain words in a row"
CODE = "20304050"
NOTE = (
    ("matters", f"I want the {CANARY} back."),
    ("together", f"We met at the {CANARY} and I wrote that you presented with low mood."),
)
ADMIN_PAGES = ("/admin/", "/admin/accounts", "/admin/agency", "/admin/code", "/admin/upkeep")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A running installation and its accounts, by role (and `second`, another supervisor).

    Passwords are slow on purpose, so only who needs one here has one: see `give_password`.
    """

    house: House
    clock: Clock
    app: Any
    ids: dict[str, str]
    invitations: dict[str, str]

    @property
    def workspace(self) -> Workspace:
        return self.house.workspace

    def browser(self, address: str = "127.0.0.1") -> TestClient:
        return TestClient(
            self.app,
            client=(address, 50_000),
            base_url="http://127.0.0.1",
            follow_redirects=False,
            headers={"accept": "text/html"},
        )

    def signed_in(self, name: str) -> TestClient:
        browser = self.browser()
        token = self.workspace.sign_in_account(self.ids[name], rule="passkey")
        browser.cookies.set(STAFF_COOKIE, token)
        return browser

    def give_password(self, name: str) -> None:
        self.workspace.accept_invitation(self.invitations[name], password=SecretStr(PASSWORD))

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.workspace.log_files.entries()]

    def rules(self) -> list[str]:
        """Return the rules of every refusal so far."""
        return [e["ids"]["rule"] for e in self.log() if e["event"] == "access_refused"]


def send(browser: TestClient, path: str, *, page: str = "", **values: Any) -> Any:
    """Open a page, and send one of its forms to `path` with the token it carries."""
    shown = browser.get(page or path)
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', shown.text)
    assert found, shown.status_code
    return browser.post(path, data={"form_token": found[1], **values})


def make_place(folder: Path, *, with_accounts: bool = True, **settings: Any) -> Place:
    clock = Clock()
    workspace = open_test_workspace(folder / "data", clock=clock)
    ids: dict[str, str] = {}
    invitations: dict[str, str] = {}
    if with_accounts:
        ids["admin"] = workspace.set_up(
            agency="Harbor House", login="admin", display="Ada", password=SecretStr(PASSWORD)
        )
        admin = Actor(actor_id=ids["admin"], role="admin")
        for name in ("peer", "supervisor", "governance", "second"):
            role: Any = "supervisor" if name == "second" else name
            token = workspace.invite(admin, role=role, login=name, display=name.title())
            account = workspace.invited(token)
            assert account is not None
            ids[name], invitations[name] = account.account_id, token
    house = House(
        workspace=workspace,
        settings=workspace.settings.model_copy(update=settings),
        set_up_code=CODE,
    )
    app = build_app(house, with_gradio=False)
    return Place(house=house, clock=clock, app=app, ids=ids, invitations=invitations)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path)


def release_note(place: Place, *share_with: str) -> tuple[Actor, str]:
    """Bring a note through the workspace to its release; return the person and the session."""
    workspace = place.workspace
    peer = Actor(actor_id=place.ids["peer"], role="peer")
    person = Actor(actor_id=workspace.add_person(), role="person")
    session_id = workspace.start_session(peer, person_id=person.actor_id, modality="phone")
    give_consent(workspace, person, session_id, "save_note")
    if share_with:
        workspace.record_consent(
            person, session_id, purpose="share", given=True, recipients=share_with,
            information="the note", discloser="test peers", mode="electronic", text_version="1",
        )  # fmt: skip
    workspace.write_by_hand(peer, session_id, sentences=NOTE)  # type: ignore[arg-type]
    workspace.hand_over(peer, session_id)
    note = workspace.disagree(person, session_id, statement="It was not low. It was tired.")
    workspace.approve(person, session_id, digest=note_digest(note))
    workspace.release(peer, session_id, to=TEAM, formats=("markdown",))
    return person, session_id


def give_words(place: Place) -> tuple[str, str]:
    """Have a peer hide "class" and ask about "Alana" for everybody; return person and session."""
    workspace = place.workspace
    peer = Actor(actor_id=place.ids["peer"], role="peer")
    person = Actor(actor_id=workspace.add_person(), role="person")
    session_id = workspace.start_session(peer, person_id=person.actor_id)
    give_consent(workspace, person, session_id, "transcribe", "ai_draft")
    said = transcript()
    workspace.import_transcript(peer, session_id, said)
    workspace.keep_draft(peer, session_id, transcript=said, prepared=prepared(said))
    for surface, action, type_ in (("class", "hide", "ORG"), ("Alana", "show", "OTHER")):
        workspace.correct_identifiers(
            peer, session_id, surface=surface, action=action, type_=type_, for_everybody=True
        )
    return person.actor_id, session_id


def supervise(place: Place, *names: str) -> None:
    place.workspace.set_supervisors(
        Actor(actor_id=place.ids["admin"], role="admin"),
        place.ids["peer"],
        supervisor_ids=frozenset(place.ids[name] for name in names),
    )


# ---------------------------------------------------------------- the way in


def test_first_set_up_works_once_and_only_with_the_code_on_this_machine(tmp_path: Path) -> None:
    place = make_place(tmp_path, with_accounts=False)
    browser = place.browser()
    given = {"agency": "Harbor House", "login": "ada", "display": "Ada", "password": PASSWORD}
    assert browser.get("/").headers["location"] == "/set-up"
    assert place.browser("192.0.2.7").get("/set-up").status_code == 404
    wrong = send(browser, "/set-up", code="11111111", **given)
    assert wrong.status_code == 400
    assert place.workspace.needs_set_up()
    assert "wrong-set-up-code" in place.rules()
    short = send(browser, "/set-up", code=CODE, **(given | {"password": "short"}))
    assert short.status_code == 400
    assert place.workspace.needs_set_up()
    right = send(browser, "/set-up", code=CODE, **given)
    assert right.headers["location"] == "/sign-in?done=set-up"
    assert browser.get("/set-up").status_code == 404
    again = send(browser, "/set-up", page="/sign-in", code=CODE, **(given | {"login": "eve"}))
    assert again.status_code == 404
    assert PASSWORD not in wrong.text + short.text


def test_an_invitation_works_once_and_for_seven_days(place: Place) -> None:
    admin = place.signed_in("admin")
    made = send(admin, "/admin/accounts", role="peer", login="Noor", display="Noor A.")
    address = re.search(r'value="http://127\.0\.0\.1(/welcome/[\w-]+)"', made.text)
    assert made.status_code == 200
    assert address
    assert address[1] not in admin.get("/admin/accounts").text
    guest = place.browser()
    assert 'value="noor"' in guest.get(address[1]).text
    assert send(guest, address[1], password="too short").status_code == 400
    accepted = send(guest, address[1], password=PASSWORD)
    assert accepted.headers["location"] == "/sign-in?done=welcome"
    assert guest.get(address[1]).status_code == 404
    assert send(guest, address[1], page="/sign-in", password="another few words").status_code == 404
    assert send(guest, "/sign-in", login="NOOR", password=PASSWORD).headers["location"] == "/peer/"
    late = send(admin, "/admin/accounts", role="peer", login="late", display="Late")
    address = re.search(r'value="http://127\.0\.0\.1(/welcome/[\w-]+)"', late.text)
    assert address
    place.clock.now += timedelta(days=7) - timedelta(minutes=5)
    assert guest.get(address[1]).status_code == 200
    place.clock.now += timedelta(minutes=5)
    assert guest.get(address[1]).status_code == 404


def test_the_welcome_address_uses_the_address_people_know(tmp_path: Path) -> None:
    place = make_place(tmp_path, public_url="http://notes.example:7420/")
    admin = place.signed_in("admin")
    made = send(admin, "/admin/accounts", role="peer", login="noor", display="Noor")
    assert 'value="http://notes.example:7420/welcome/' in made.text


def test_signing_in_needs_the_right_password_and_rests_after_five_wrong_ones(place: Place) -> None:
    place.give_password("peer")
    browser = place.browser()
    unknown = send(browser, "/sign-in", login="nobody", password=PASSWORD)
    wrong = [send(browser, "/sign-in", login="peer", password="wrong words") for _ in range(5)]
    locked = send(browser, "/sign-in", login="peer", password=PASSWORD)
    said = {re.sub(r'value="[^"]*"', "", answer.text) for answer in (unknown, *wrong, locked)}
    assert {answer.status_code for answer in (unknown, *wrong, locked)} == {400}
    assert len(said) == 1  # whether the name exists or rests is not told
    assert "ow_staff" not in browser.cookies
    place.clock.now += timedelta(minutes=16)
    right = send(browser, "/sign-in", login=" Peer ", password=PASSWORD)
    assert right.headers["location"] == "/peer/"
    assert "httponly" in right.headers["set-cookie"].lower()
    assert "samesite=strict" in right.headers["set-cookie"].lower()
    failed = [e["ids"]["rule"] for e in place.log() if e["event"] == "sign_in_failed"]
    assert failed == ["sign-in-failed"] * 6 + ["account-locked"]


def test_a_closed_account_is_out_at_once_and_can_be_opened_again(place: Place) -> None:
    place.give_password("supervisor")
    admin, supervisor = place.signed_in("admin"), place.signed_in("supervisor")
    account = f"/admin/accounts/{place.ids['supervisor']}"
    assert supervisor.get("/supervisor/").status_code == 200
    closed = send(admin, f"{account}/open", page=account, open="no")
    assert closed.headers["location"] == f"{account}?done=closed"
    assert supervisor.get("/supervisor/").headers["location"] == "/sign-in"
    again = send(supervisor, "/sign-in", login="supervisor", password=PASSWORD)
    assert again.status_code == 400
    assert "The account is closed." in admin.get(f"{account}?done=closed").text
    send(admin, f"{account}/open", page=account, open="yes")
    assert send(supervisor, "/sign-in", login="supervisor", password=PASSWORD).status_code == 303


def test_the_only_admin_cannot_be_closed(place: Place) -> None:
    admin = place.signed_in("admin")
    account = f"/admin/accounts/{place.ids['admin']}"
    answer = send(admin, f"{account}/open", page=account, open="no")
    assert answer.status_code == 400
    assert "This is the only admin." in answer.text
    assert admin.get("/admin/").status_code == 200


def test_sign_out_here_and_everywhere(place: Place) -> None:
    here, there, third = (place.signed_in("supervisor") for _ in range(3))
    gone = send(here, "/sign-out", page="/account")
    assert gone.headers["location"] == "/sign-in?done=signed-out"
    assert here.get("/supervisor/").status_code == 303
    assert there.get("/supervisor/").status_code == 200
    send(there, "/sign-out", page="/account", everywhere="1")
    assert third.get("/supervisor/").status_code == 303


def test_a_changed_password_signs_out_everywhere_else(place: Place) -> None:
    place.give_password("supervisor")
    here, there = place.signed_in("supervisor"), place.signed_in("supervisor")
    path = "/account/password"
    wrong = send(here, path, page="/account", old="not the old one", password="other plain words")
    assert wrong.status_code == 400
    assert there.get("/supervisor/").status_code == 200
    right = send(here, path, page="/account", old=PASSWORD, password="other plain words")
    assert right.headers["location"] == "/sign-in?done=password"
    assert there.get("/supervisor/").status_code == 303


# ---------------------------------------------------------------- accounts


def test_only_an_admin_adds_accounts(place: Place) -> None:
    admin = Actor(actor_id=place.ids["admin"], role="admin")
    before = len(place.workspace.accounts(admin))
    given = {"role": "admin", "login": "eve", "display": "Eve"}
    for name in ("peer", "supervisor", "governance"):
        browser = place.signed_in(name)
        assert send(browser, "/admin/accounts", page="/account", **given).status_code == 404
        assert {browser.get(path).status_code for path in ADMIN_PAGES} == {404}
    nobody = place.browser()
    assert send(nobody, "/admin/accounts", page="/sign-in", **given).status_code == 401
    assert len(place.workspace.accounts(admin)) == before
    send(place.signed_in("admin"), "/admin/accounts", **given)
    assert len(place.workspace.accounts(admin)) == before + 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"role": "", "login": "noor", "display": "Noor"}, "Choose a role."),
        ({"role": "person", "login": "noor", "display": "Noor"}, "Choose a role."),
        ({"role": "peer", "login": " ", "display": "Noor"}, "Type a sign-in name"),
        ({"role": "peer", "login": "noor", "display": "N" * 81}, "Type a sign-in name"),
        ({"role": "peer", "login": " PEER ", "display": "Noor"}, "This sign-in name is taken."),
    ],
)
def test_an_account_that_cannot_be_added_says_why(
    place: Place, given: dict[str, str], said: str
) -> None:
    answer = send(place.signed_in("admin"), "/admin/accounts", **given)
    assert answer.status_code == 400
    assert said in answer.text


def test_a_new_invitation_replaces_the_password(place: Place) -> None:
    place.give_password("supervisor")
    admin, supervisor = place.signed_in("admin"), place.signed_in("supervisor")
    account = f"/admin/accounts/{place.ids['supervisor']}"
    made = send(admin, f"{account}/invitation", page=account)
    assert "/welcome/" in made.text
    assert supervisor.get("/supervisor/").status_code == 303
    answer = send(supervisor, "/sign-in", login="supervisor", password=PASSWORD)
    assert answer.status_code == 400


def test_an_admin_says_who_supervises_a_peer(place: Place) -> None:
    admin = place.signed_in("admin")
    account = f"/admin/accounts/{place.ids['peer']}"
    both = [place.ids["supervisor"], place.ids["second"]]
    answer = send(admin, f"{account}/supervisors", page=account, supervisor=both)
    assert answer.headers["location"] == f"{account}?done=supervisors"
    assert place.workspace.supervisors(place.ids["peer"]) == set(both)
    assert admin.get(account).text.count(" checked") == 2
    for wrong in (place.ids["admin"], "supervisor-0000000000000000"):
        answer = send(admin, f"{account}/supervisors", page=account, supervisor=[wrong])
        assert answer.status_code == 400
    assert place.workspace.supervisors(place.ids["peer"]) == set(both)
    send(admin, f"{account}/supervisors", page=account)
    assert place.workspace.supervisors(place.ids["peer"]) == set()


def test_a_subject_belongs_to_one_account(tmp_path: Path) -> None:
    place = make_place(tmp_path, oidc_issuer="https://id.example", oidc_client_id="own-words")
    admin = place.signed_in("admin")
    peer, second = (f"/admin/accounts/{place.ids[name]}" for name in ("peer", "second"))
    send(admin, f"{peer}/subject", page=peer, subject=" sub-1 ")
    assert 'value="sub-1"' in admin.get(peer).text
    assert send(admin, f"{second}/subject", page=second, subject="sub-1").status_code == 400
    found = place.workspace.account_for_subject("sub-1")
    assert found is not None
    assert found.account_id == place.ids["peer"]


def test_an_account_that_is_not_there_is_not_found(place: Place) -> None:
    admin = place.signed_in("admin")
    account = "/admin/accounts/peer-0000000000000000"
    assert admin.get(account).status_code == 404
    for action in ("invitation", "open", "subject"):
        answer = send(admin, f"{account}/{action}", page="/admin/", open="no", subject="x")
        assert answer.status_code == 404


# ---------------------------------------------------------------- settings, codes, upkeep


def test_the_agency_keeps_its_texts_and_what_is_still_to_do_gets_shorter(place: Place) -> None:
    admin = place.signed_in("admin")
    assert admin.get("/admin/").text.count('<li><a href="/admin/agency">') == 4
    text = "\nTell the supervisor.\r\nTell the person first."
    saved = send(
        admin, "/admin/agency", name="Harbor  House", protocol=text,
        supervisor_contact="x" * 4_000, crisis_options="<b>988</b>",
    )  # fmt: skip
    assert saved.headers["location"] == "/admin/agency?done=saved"
    agency = place.workspace.agency()
    assert agency["name"] == "Harbor House"
    assert agency["protocol"] == "Tell the supervisor.\nTell the person first."
    assert "&lt;b&gt;988&lt;/b&gt;" in admin.get("/admin/agency").text
    assert admin.get("/admin/").text.count('<li><a href="/admin/agency">') == 1
    for wrong in ({"name": " "}, {"name": "x" * 81}, {"name": "x", "protocol": "x" * 4_001}):
        assert send(admin, "/admin/agency", **wrong).status_code == 400
    assert place.workspace.agency() == agency


def test_an_admin_lets_a_person_choose_a_new_code(place: Place) -> None:
    _person, session_id = release_note(place)
    peer = Actor(actor_id=place.ids["peer"], role="peer")
    link = place.workspace.make_link(peer, session_id, kind="together")
    place.workspace.open_link(link, code=SecretStr("blue-boat-7"))
    assert place.workspace.has_code(peer, session_id)
    admin = place.signed_in("admin")
    assert send(admin, "/admin/code", session="session-0000000000000000").status_code == 400
    answer = send(admin, "/admin/code", session=f" {session_id} ")
    assert answer.headers["location"] == "/admin/code?done=dropped"
    assert not place.workspace.has_code(peer, session_id)
    supervisor = place.signed_in("supervisor")
    assert send(supervisor, "/admin/code", page="/account", session=session_id).status_code == 404


def test_upkeep_deletes_what_is_old_and_tells_an_altered_log(place: Place) -> None:
    peer = Actor(actor_id=place.ids["peer"], role="peer")
    session_id = place.workspace.start_session(peer, person_id=place.workspace.add_person())
    place.workspace.write_by_hand(peer, session_id, sentences=NOTE)  # type: ignore[arg-type]
    place.workspace.hand_over(peer, session_id)
    place.clock.now += timedelta(days=31)
    admin = place.signed_in("admin")
    path = "/admin/upkeep"
    assert "2 records were deleted." in send(admin, f"{path}/retention", page=path).text
    assert "Nothing was past its time." in send(admin, f"{path}/retention", page=path).text
    n_entries = len(place.log())
    assert f"{n_entries} entries, whole." in send(admin, f"{path}/audit", page=path).text
    log = place.workspace.log_files.log
    log.write_bytes(log.read_bytes().replace(b'"note_handed_over"', b'"note_approved"', 1))
    altered = send(admin, f"{path}/audit", page=path)
    assert "The log is not as it was written." in altered.text
    assert "entries, whole" not in altered.text


# ---------------------------------------------------------------- the supervisor


def test_a_supervisor_sees_only_what_is_shared_with_them(place: Place) -> None:
    supervise(place, "supervisor", "second")
    _person, shared = release_note(place, place.ids["supervisor"])
    _other, unshared = release_note(place)
    supervisor, second = place.signed_in("supervisor"), place.signed_in("second")
    listed = supervisor.get("/supervisor/").text
    assert shared in listed
    assert unshared not in listed
    assert "By phone" in listed
    assert "March 2, 2026" in listed
    assert "<bdi>Peer</bdi>" in listed
    assert CANARY not in listed
    assert "co-signed" not in listed.lower()  # no payer asks for it here
    page = supervisor.get(f"/supervisor/{shared}")
    assert f"I want the {CANARY} back." in page.text
    assert "It was not low. It was tired." in page.text
    assert "What we did together" in page.text
    assert 'To talk about with the peer: <mark lang="en" dir="auto">presented with' in page.text
    assert "we talked about ..." in page.text
    assert not re.search(r"<textarea|type=\"text\"|contenteditable", page.text)
    assert CANARY not in re.search("<title>(.*)</title>", page.text)[1]  # type: ignore[index]
    assert supervisor.get(f"/supervisor/{unshared}").status_code == 404
    assert supervisor.get("/supervisor/session-0000000000000000").status_code == 404
    assert shared not in second.get("/supervisor/").text
    assert second.get(f"/supervisor/{shared}").status_code == 404
    for name in ("admin", "peer", "governance"):
        assert place.signed_in(name).get(f"/supervisor/{shared}").status_code == 404
    assert place.browser().get(f"/supervisor/{shared}").status_code == 303


def test_nothing_is_there_before_the_note_is_released(place: Place) -> None:
    supervise(place, "supervisor")
    workspace = place.workspace
    peer = Actor(actor_id=place.ids["peer"], role="peer")
    person = Actor(actor_id=workspace.add_person(), role="person")
    session_id = workspace.start_session(peer, person_id=person.actor_id)
    workspace.record_consent(
        person, session_id, purpose="share", given=True, recipients=(place.ids["supervisor"],),
        information="the note", discloser="test peers", mode="electronic", text_version="1",
    )  # fmt: skip
    workspace.write_by_hand(peer, session_id, sentences=NOTE)  # type: ignore[arg-type]
    note = workspace.hand_over(peer, session_id)
    supervisor = place.signed_in("supervisor")
    assert supervisor.get(f"/supervisor/{session_id}").status_code == 404
    workspace.approve(person, session_id, digest=note_digest(note))
    assert supervisor.get(f"/supervisor/{session_id}").status_code == 404
    assert session_id not in supervisor.get("/supervisor/").text


@pytest.mark.parametrize(
    "take_back",
    [
        lambda w, person, session_id: w.withdraw_consent(person, session_id, purpose="share"),
        lambda w, person, session_id: w.withdraw(person, session_id),
    ],
    ids=["the share", "the note"],
)
def test_what_is_taken_back_is_gone(place: Place, take_back: Callable[..., object]) -> None:
    supervise(place, "supervisor")
    person, session_id = release_note(place, place.ids["supervisor"])
    supervisor = place.signed_in("supervisor")
    assert supervisor.get(f"/supervisor/{session_id}").status_code == 200
    take_back(place.workspace, person, session_id)
    assert supervisor.get(f"/supervisor/{session_id}").status_code == 404
    assert session_id not in supervisor.get("/supervisor/").text


def test_who_no_longer_supervises_the_peer_no_longer_reads(place: Place) -> None:
    supervise(place, "supervisor")
    _person, session_id = release_note(place, place.ids["supervisor"])
    supervisor = place.signed_in("supervisor")
    supervise(place, "second")
    assert supervisor.get(f"/supervisor/{session_id}").status_code == 404


def test_a_supervisor_co_signs_only_the_exact_text(tmp_path: Path) -> None:
    place = make_place(tmp_path, payer_needs_cosign=True)
    supervise(place, "supervisor", "second")
    person, session_id = release_note(place, place.ids["supervisor"])
    path = f"/supervisor/{session_id}"
    supervisor, second = place.signed_in("supervisor"), place.signed_in("second")
    assert "Not co-signed" in supervisor.get("/supervisor/").text
    digest = re.search(r'name="digest" value="(\w+)"', supervisor.get(path).text)
    assert digest
    for wrong in ("", "0" * 64, digest[1].upper()):
        answer = send(supervisor, f"{path}/co-sign", page=path, digest=wrong)
        assert answer.status_code == 409
        assert "Nothing was signed." in answer.text
    answer = send(second, f"{path}/co-sign", page="/supervisor/", digest=digest[1])
    assert answer.status_code == 404
    assert "note_cosigned" not in [entry["event"] for entry in place.log()]
    answer = send(supervisor, f"{path}/co-sign", page=path, digest=digest[1])
    assert answer.headers["location"] == f"{path}?done=co-signed"
    assert "You co-signed this text." in supervisor.get(f"{path}?done=co-signed").text
    assert "Not co-signed" not in supervisor.get("/supervisor/").text
    # A new text is another text: it is not co-signed before it is out, nor by the old signature.
    note = place.workspace.change(
        person, session_id, section="matters", sentence=0, text="I want something else now."
    )
    place.workspace.approve(person, session_id, digest=note_digest(note))
    answer = send(supervisor, f"{path}/co-sign", page=path, digest=digest[1])
    assert answer.status_code == 409
    assert "has not been sent out yet" in answer.text
    assert "something else now" not in answer.text  # what was sent out before stands
    answer = send(supervisor, f"{path}/co-sign", page=path, digest=note_digest(note))
    assert answer.status_code == 409
    signed = [entry["event"] for entry in place.log()].count("note_cosigned")
    assert signed == 1
    peer = Actor(actor_id=place.ids["peer"], role="peer")
    place.workspace.release(peer, session_id, to=place.ids["supervisor"], formats=("markdown",))
    assert "something else now" in supervisor.get(path).text
    assert "Not co-signed" in supervisor.get("/supervisor/").text


def test_nobody_co_signs_where_no_payer_asks_for_it(place: Place) -> None:
    supervise(place, "supervisor")
    _person, session_id = release_note(place, place.ids["supervisor"])
    path = f"/supervisor/{session_id}"
    supervisor = place.signed_in("supervisor")
    assert "digest" not in supervisor.get(path).text
    me = Actor(actor_id=place.ids["supervisor"], role="supervisor")
    digest = place.workspace.view_shared_note(me, session_id).digest
    answer = send(supervisor, f"{path}/co-sign", page=path, digest=digest)
    assert answer.status_code == 404
    assert not place.workspace.view_shared_note(me, session_id).is_cosigned
    assert "no-payer-needs-co-sign" in place.rules()


# ---------------------------------------------------------------- the words of the agency


def words_of(page: str) -> dict[str, str]:
    """Return the id of each word that stands on the page."""
    found = re.findall(r'<p id="(word-[0-9a-f]{16})"><strong><bdi lang="en">([^<]+)<', page)
    return {word: word_id for word_id, word in found}


def test_a_supervisor_sees_a_word_alone_and_agrees(place: Place) -> None:
    person_id, session_id = give_words(place)
    supervisor = place.signed_in("supervisor")
    page = supervisor.get("/supervisor/words").text
    waiting = page[page.index("Words that wait for you") : page.index("Hidden in every session")]
    assert "Could it be anybody&#39;s name, or a place here?" in waiting
    assert "Alana" in waiting
    assert "Peer" not in waiting  # not who asks
    assert "2026" not in waiting  # nor when
    assert "a group or company" in page
    assert "Added by: <bdi>Peer</bdi>, March 2, 2026" in page
    for hidden in (person_id, session_id, "Friday", "My sister"):
        assert hidden not in page
    word_id = words_of(page)["Alana"]
    agreed = send(supervisor, f"/supervisor/words/{word_id}/agree", page="/supervisor/words")
    assert agreed.headers["location"] == "/supervisor/words?done=agree"
    page = supervisor.get("/supervisor/words?done=agree").text
    assert "The word is shown from now on" in page
    assert "No word waits for you now." in page
    assert "Agreed by: <bdi>Supervisor</bdi>, March 2, 2026" in page


def test_a_supervisor_declines_and_removes(place: Place) -> None:
    give_words(place)
    supervisor = place.signed_in("supervisor")
    words = words_of(supervisor.get("/supervisor/words").text)
    for word, answer in (("Alana", "decline"), ("class", "remove")):
        path = f"/supervisor/words/{words[word]}/{answer}"
        done = send(supervisor, path, page="/supervisor/words")
        assert done.headers["location"] == f"/supervisor/words?done={answer}"
        again = send(supervisor, path, page="/supervisor/words")
        assert again.status_code == 409
        assert 'role="alert"' in again.text
    assert words_of(supervisor.get("/supervisor/words").text) == {}
    odd = send(supervisor, f"/supervisor/words/{words['class']}/keep", page="/supervisor/words")
    assert odd.status_code == 404


def test_the_words_of_the_agency_are_there_for_supervisors_alone(place: Place) -> None:
    give_words(place)
    supervisor = place.signed_in("supervisor")
    word_id = words_of(supervisor.get("/supervisor/words").text)["Alana"]
    for name in ("admin", "peer", "governance"):
        browser = place.signed_in(name)
        assert browser.get("/supervisor/words").status_code == 404
        assert browser.post(f"/supervisor/words/{word_id}/agree").status_code == 404
    assert place.browser().get("/supervisor/words").status_code == 303
    bare = supervisor.post(f"/supervisor/words/{word_id}/agree")
    assert bare.status_code == 403
    assert place.rules()[-1] == "not-their-form"
    assert supervisor.get(f"/supervisor/words/{word_id}/agree").status_code == 405
    assert "No word waits" not in supervisor.get("/supervisor/words").text


# ---------------------------------------------------------------- forms, words


POSTS = (
    "/admin/accounts", "/admin/agency", "/admin/code", "/admin/upkeep/retention",
    "/admin/upkeep/audit", "/admin/accounts/{peer}/invitation", "/admin/accounts/{peer}/open",
    "/admin/accounts/{peer}/supervisors", "/admin/accounts/{peer}/subject", "/account/password",
    "/sign-out", "/language",
)  # fmt: skip


def test_forms_without_their_own_token_are_refused_and_logged(place: Place) -> None:
    admin, other = place.signed_in("admin"), place.signed_in("admin")
    foreign = re.search(r'form_token" value="(\w+)"', other.get("/admin/").text)
    assert foreign
    for number, path in enumerate(POSTS, start=1):
        path = path.format(peer=place.ids["peer"])
        for token in ({}, {"form_token": foreign[1]}):
            given = {"role": "admin", "login": "eve", "display": "Eve", "open": "no"} | token
            answer = admin.post(path, data=given)
            assert answer.status_code == 403, path
        assert place.rules().count("not-their-form") == 2 * number
    assert admin.get("/admin/").status_code == 200
    assert place.signed_in("peer")


def test_a_form_from_another_site_is_refused_and_logged(place: Place) -> None:
    admin = place.signed_in("admin")
    token = re.search(r'form_token" value="(\w+)"', admin.get("/admin/").text)
    assert token
    given = {"form_token": token[1], "role": "admin", "login": "eve", "display": "Eve"}
    for number, headers in enumerate(
        (
            {"origin": "https://elsewhere.example"},
            {"origin": "null"},
            {"sec-fetch-site": "cross-site"},
        ),
        start=1,
    ):
        assert admin.post("/admin/accounts", data=given, headers=headers).status_code == 404
        assert place.rules().count("cross-site-request") == number
    assert "eve" not in [row.login for row in place.workspace.accounts(
        Actor(actor_id=place.ids["admin"], role="admin")
    )]  # fmt: skip
    own = {"origin": "http://127.0.0.1", "sec-fetch-site": "same-origin"}
    assert admin.post("/admin/accounts", data=given, headers=own).status_code == 200


def test_nobodys_words_and_nobodys_session_are_on_an_admin_page(place: Place) -> None:
    supervise(place, "supervisor")
    person, session_id = release_note(place, place.ids["supervisor"])
    admin = place.signed_in("admin")
    accounts = tuple(f"/admin/accounts/{account_id}" for account_id in place.ids.values())
    pages = [admin.get(path).text for path in (*ADMIN_PAGES, *accounts, "/account")]
    pages += [
        send(admin, f"/admin/upkeep/{what}", page="/admin/upkeep").text
        for what in ("retention", "audit")
    ]
    assert all(page.startswith("<!doctype html>") for page in pages)
    for hidden in (CANARY, session_id, person.actor_id, PASSWORD, "argon2"):
        assert not any(hidden in page for page in pages), hidden
    for path in (f"/supervisor/{session_id}", "/supervisor/"):
        assert admin.get(path).status_code == 404


def test_every_page_speaks_both_languages(place: Place) -> None:
    supervise(place, "supervisor")
    _person, session_id = release_note(place, place.ids["supervisor"])
    admin, supervisor = place.signed_in("admin"), place.signed_in("supervisor")
    opened = [(admin, path) for path in (*ADMIN_PAGES, f"/admin/accounts/{place.ids['peer']}")]
    give_words(place)
    own = ("/supervisor/", "/supervisor/words", f"/supervisor/{session_id}")
    opened += [(supervisor, path) for path in own]
    opened += [(place.browser(), "/sign-in"), (admin, "/account")]
    for browser, path in opened:
        pages = {}
        for language in ("en", "es"):
            page = browser.get(path, headers={"accept-language": language}).text
            assert f'<html lang="{language}">' in page
            assert page.count("<h1") == 1
            assert not re.search(r"<[^>]+ (?:style|on\w+)=|<script>", page)
            pages[language] = re.search("<main.*</main>", page, re.DOTALL)[0]  # type: ignore[index]
        assert pages["en"] != pages["es"]
    chosen = send(supervisor, "/language", page="/supervisor/", language="es", back="/supervisor/")
    assert chosen.headers["location"] == "/supervisor/"
    assert "2 de marzo de 2026" in supervisor.get("/supervisor/").text


@pytest.mark.parametrize("screen", ["entrance", "supervisor", "admin"])
def test_the_catalogues_say_the_same_in_both_languages(screen: str) -> None:
    def fields_of(language: str) -> dict[str, set[str | None]]:
        return {
            name: {part[1] for part in Formatter().parse(message)}
            for name, message in read_messages(language)
            if name.startswith(f"{screen}.")
        }

    assert fields_of("en") == fields_of("es") != {}
