"""assistant/workspace/admitting.py: accounts, sign-ins, links; what the log says of refusals."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from assistant.errors import DecisionError, InputError, Refused
from assistant.policy import Actor
from assistant.workspace import Workspace
from tests.scenery import PEER, Clock, open_test_workspace, start_session

PASSWORD = SecretStr("four plain words here")
CODE = SecretStr("green-kettle")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def workspace(tmp_path: Path, clock: Clock) -> Workspace:
    return open_test_workspace(tmp_path / "data", clock=clock)


@pytest.fixture
def admin(workspace: Workspace) -> Actor:
    account_id = workspace.set_up(
        agency="Riverside", login="Ada", display="Ada A.", password=PASSWORD
    )
    return Actor(actor_id=account_id, role="admin")


def add_peer(workspace: Workspace, admin: Actor, login: str = "dana") -> Actor:
    token = workspace.invite(admin, role="peer", login=login, display="Dana")
    row = workspace.accept_invitation(token, password=PASSWORD)
    return Actor(actor_id=row.account_id, role="peer")


def refusals(workspace: Workspace) -> list[str]:
    with workspace.store.transaction() as tx:
        entries = [json.loads(entry) for entry in tx.audit_entries()]
    return [e["ids"]["rule"] for e in entries if "rule" in e["ids"]]


def handed_over(workspace: Workspace) -> tuple[Actor, str]:
    person, session_id = start_session(workspace, "save_note")
    workspace.write_by_hand(PEER, session_id, sentences=(("matters", "I want my bike back."),))
    workspace.hand_over(PEER, session_id)
    return person, session_id


# ---------------------------------------------------------------- accounts


def test_the_first_admin_is_made_once(workspace: Workspace, admin: Actor) -> None:
    assert admin.actor_id.startswith("admin-")
    assert not workspace.needs_set_up()
    with pytest.raises(Refused, match="set-up-only-once"):
        workspace.set_up(agency="Other", login="eve", display="Eve", password=PASSWORD)


def test_only_an_admin_adds_accounts(workspace: Workspace, admin: Actor) -> None:
    peer = add_peer(workspace, admin)
    for actor in (peer, Actor(actor_id="supervisor-00000000000000aa", role="supervisor")):
        with pytest.raises(Refused):
            workspace.invite(actor, role="admin", login="eve", display="Eve")


def test_an_invitation_works_once_and_for_a_week(
    workspace: Workspace, admin: Actor, clock: Clock
) -> None:
    token = workspace.invite(admin, role="peer", login="dana", display="Dana")
    late = workspace.invite(admin, role="peer", login="lee", display="Lee")
    workspace.accept_invitation(token, password=PASSWORD)
    with pytest.raises(Refused, match="link-used"):
        workspace.accept_invitation(token, password=PASSWORD)
    clock.now += timedelta(days=7)
    with pytest.raises(Refused, match="link-expired"):
        workspace.accept_invitation(late, password=PASSWORD)
    assert workspace.invited(late) is None
    assert refusals(workspace)[-2:] == ["link-used", "link-expired"]


@pytest.mark.parametrize("password", ["", "short", "x" * 300])
def test_a_password_has_a_length(workspace: Workspace, admin: Actor, password: str) -> None:
    token = workspace.invite(admin, role="peer", login="dana", display="Dana")
    with pytest.raises(InputError, match="at least 12"):
        workspace.accept_invitation(token, password=SecretStr(password))
    assert workspace.invited(token) is not None  # nothing was used up


def test_a_sign_in_name_is_taken_once(workspace: Workspace, admin: Actor) -> None:
    add_peer(workspace, admin)
    with pytest.raises(Exception, match="taken"):
        workspace.invite(admin, role="peer", login="  DANA ", display="Another")


def test_the_last_admin_cannot_be_closed(workspace: Workspace, admin: Actor) -> None:
    with pytest.raises(InputError, match="only admin"):
        workspace.set_disabled(admin, admin.actor_id, is_disabled=True)


# ---------------------------------------------------------------- signing in


def test_a_sign_in_tells_who_somebody_is_until_they_sign_out(
    workspace: Workspace, admin: Actor
) -> None:
    peer = add_peer(workspace, admin)
    who = workspace.signed_in(workspace.sign_in(" Dana", PASSWORD))
    assert who is not None
    assert who.actor == peer
    workspace.sign_out(who)
    assert workspace.signed_in("nothing") is None


def test_wrong_names_and_wrong_passwords_look_the_same(workspace: Workspace, admin: Actor) -> None:
    add_peer(workspace, admin)
    messages = []
    for login, password in (("dana", "not the words"), ("nobody", "not the words")):
        with pytest.raises(Refused) as caught:
            workspace.sign_in(login, SecretStr(password))
        messages.append(str(caught.value))
    assert len(set(messages)) == 1
    assert refusals(workspace)[-2:] == ["sign-in-failed", "sign-in-failed"]


def test_five_failures_lock_an_account_for_a_quarter_of_an_hour(
    workspace: Workspace, admin: Actor, clock: Clock
) -> None:
    add_peer(workspace, admin)
    for _ in range(5):
        with pytest.raises(Refused):
            workspace.sign_in("dana", SecretStr("not the words"))
    with pytest.raises(Refused, match="account-locked"):
        workspace.sign_in("dana", PASSWORD)
    clock.now += timedelta(minutes=15)
    assert workspace.signed_in(workspace.sign_in("dana", PASSWORD)) is not None


def test_a_sign_in_ends_when_idle_and_when_old(
    workspace: Workspace, admin: Actor, clock: Clock
) -> None:
    add_peer(workspace, admin)
    token = workspace.sign_in("dana", PASSWORD)
    for _ in range(20):
        clock.now += timedelta(minutes=29)
        assert workspace.signed_in(token) is not None
    clock.now += timedelta(minutes=29)
    assert workspace.signed_in(token) is None  # ten hours
    token = workspace.sign_in("dana", PASSWORD)
    clock.now += timedelta(minutes=31)
    assert workspace.signed_in(token) is None


def test_a_closed_account_is_out_at_once(workspace: Workspace, admin: Actor) -> None:
    peer = add_peer(workspace, admin)
    token = workspace.sign_in("dana", PASSWORD)
    workspace.set_disabled(admin, peer.actor_id, is_disabled=True)
    assert workspace.signed_in(token) is None
    with pytest.raises(Refused, match="sign-in-failed"):
        workspace.sign_in("dana", PASSWORD)


def test_a_new_password_signs_out_everywhere(workspace: Workspace, admin: Actor) -> None:
    peer = add_peer(workspace, admin)
    tokens = [workspace.sign_in("dana", PASSWORD) for _ in range(2)]
    with pytest.raises(InputError, match="old password"):
        workspace.change_password(peer, old=SecretStr("wrong wrong wrong"), new=PASSWORD)
    workspace.change_password(peer, old=PASSWORD, new=SecretStr("four other plain words"))
    assert [workspace.signed_in(token) for token in tokens] == [None, None]
    token = workspace.sign_in("dana", SecretStr("four other plain words"))
    assert workspace.sign_out_everywhere(peer) == 1
    assert workspace.signed_in(token) is None


def test_no_token_password_or_code_is_in_the_vault_or_the_log(
    workspace: Workspace, admin: Actor
) -> None:
    add_peer(workspace, admin)
    token = workspace.sign_in("dana", PASSWORD)
    with workspace.store.transaction() as tx:
        rows = repr([tx.accounts(), tx.audit_entries()])
        assert tx.sign_in(token) is None  # only its hash is known
    for secret in (token, PASSWORD.get_secret_value(), "argon2"):
        assert secret not in rows


# ---------------------------------------------------------------- links for the person


def test_a_one_time_link_needs_a_code_chosen_before(workspace: Workspace) -> None:
    _person, session_id = handed_over(workspace)
    with pytest.raises(DecisionError, match="review together"):
        workspace.make_link(PEER, session_id, kind="hand_over")


def test_together_the_person_chooses_a_code_and_later_comes_back_with_it(
    workspace: Workspace, clock: Clock
) -> None:
    person, session_id = handed_over(workspace)
    token = workspace.make_link(PEER, session_id, kind="together")
    assert workspace.link_needs_code(token) == "choose"
    sign_in, come_back = workspace.open_link(token, code=CODE)
    who = workspace.signed_in(sign_in)
    assert who is not None
    assert (who.actor, who.session_id) == (person, session_id)
    with pytest.raises(Refused, match="link-used"):
        workspace.open_link(token, code=CODE)
    clock.now += timedelta(days=100)
    assert workspace.come_back_session(come_back) == session_id
    with pytest.raises(Refused, match="wrong-code"):
        workspace.open_link(come_back, code=SecretStr("red-kettle"))
    again, _none = workspace.open_link(come_back, code=SecretStr(" green-kettle "))
    assert workspace.signed_in(again) is not None
    phone = workspace.make_link(PEER, session_id, kind="hand_over")
    assert workspace.link_needs_code(phone) == "enter"
    assert workspace.open_link(phone, code=CODE)[1]
    assert workspace.come_back_session(come_back) is None  # the newer address is the one


def test_a_peer_cannot_choose_a_code_over_the_persons(workspace: Workspace) -> None:
    _person, session_id = handed_over(workspace)
    workspace.open_link(workspace.make_link(PEER, session_id, kind="together"), code=CODE)
    token = workspace.make_link(PEER, session_id, kind="together")
    assert workspace.link_needs_code(token) == "enter"
    with pytest.raises(Refused, match="wrong-code"):
        workspace.open_link(token, code=SecretStr("peers-own-code"))


def test_five_wrong_codes_lock_a_link(workspace: Workspace, clock: Clock) -> None:
    _person, session_id = handed_over(workspace)
    workspace.open_link(workspace.make_link(PEER, session_id, kind="together"), code=CODE)
    token = workspace.make_link(PEER, session_id, kind="hand_over")
    for _ in range(5):
        with pytest.raises(Refused, match="wrong-code"):
            workspace.open_link(token, code=SecretStr("guess-guess"))
    with pytest.raises(Refused, match="link-locked"):
        workspace.open_link(token, code=CODE)
    assert workspace.link_needs_code(token) is None
    clock.now += timedelta(minutes=15)
    assert workspace.open_link(token, code=CODE)


def test_wrong_codes_of_somebody_else_do_not_put_out_who_is_in(workspace: Workspace) -> None:
    _person, session_id = handed_over(workspace)
    token = workspace.make_link(PEER, session_id, kind="together")
    sign_in, come_back = workspace.open_link(token, code=CODE)
    for _ in range(5):
        with pytest.raises(Refused, match="wrong-code"):
            workspace.open_link(come_back, code=SecretStr("guess-guess"))
    assert workspace.link_needs_code(come_back) is None  # nobody else comes in for a while
    assert workspace.come_back_session(come_back) == session_id
    assert workspace.signed_in(sign_in) is not None


def test_links_expire_and_unknown_ones_open_nothing(workspace: Workspace, clock: Clock) -> None:
    _person, session_id = handed_over(workspace)
    token = workspace.make_link(PEER, session_id, kind="together")
    clock.now += timedelta(minutes=16)
    assert workspace.link_needs_code(token) is None
    for given, rule in ((token, "link-expired"), ("x" * 43, "link-unknown"), ("\ud800", "link-un")):
        with pytest.raises(Refused, match=rule):
            workspace.open_link(given, code=CODE)


def test_an_invitation_is_no_way_into_a_note(workspace: Workspace, admin: Actor) -> None:
    token = workspace.invite(admin, role="peer", login="dana", display="Dana")
    assert workspace.link_needs_code(token) is None
    with pytest.raises(Refused, match="link-unknown"):
        workspace.open_link(token, code=CODE)


def test_only_the_peer_of_the_session_makes_links(workspace: Workspace, admin: Actor) -> None:
    _person, session_id = handed_over(workspace)
    for actor in (add_peer(workspace, admin), admin):
        with pytest.raises(Refused):
            workspace.make_link(actor, session_id, kind="together")


def test_an_admin_lets_a_person_choose_a_new_code(workspace: Workspace, admin: Actor) -> None:
    _person, session_id = handed_over(workspace)
    sign_in, come_back = workspace.open_link(
        workspace.make_link(PEER, session_id, kind="together"), code=CODE
    )
    with pytest.raises(Refused):
        workspace.drop_code(PEER, session_id)
    workspace.drop_code(admin, session_id)
    assert workspace.signed_in(sign_in) is None
    assert workspace.come_back_session(come_back) is None
    token = workspace.make_link(PEER, session_id, kind="together")
    assert workspace.link_needs_code(token) == "choose"


def test_the_agency_says_its_protocol(workspace: Workspace, admin: Actor) -> None:
    assert workspace.agency()["name"] == "Riverside"
    workspace.set_agency(admin, protocol="  Call Dana.  ")
    assert workspace.agency()["protocol"] == "Call Dana."
    with pytest.raises(InputError):
        workspace.set_agency(admin, unknown="x")
    with pytest.raises(Refused):
        workspace.set_agency(PEER, protocol="x")
