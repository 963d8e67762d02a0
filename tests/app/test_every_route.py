"""Every route against every role, other people's ids, used and guessed links, foreign forms.

What is refused looks the same whether the thing exists or not, and the log names the rule.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.routing import APIRoute
from pydantic import SecretStr
from starlette.testclient import TestClient

from assistant.app.guard import area_of
from assistant.app.house import PERSON_COOKIE, STAFF_COOKIE, House
from assistant.app.server import build_app
from assistant.policy import Actor
from assistant.settings import Settings
from assistant.workspace import Workspace
from tests.app.staff import Staff, hire
from tests.scenery import open_test_workspace

CODE = SecretStr("green-kettle-7")
UNKNOWN = {
    "session_id": "session-0000000000000000", "release_id": "release-0000000000000000",
    "account_id": "peer-0000000000000000", "handle": "x" * 43, "token": "y" * 43,
    "section": "matters", "number": "0", "name": "note.md", "rest": "z",
    "word_id": "word-0000000000000000", "answer": "agree",
}  # fmt: skip
ROLES = ("", "peer", "other_peer", "supervisor", "governance", "admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Two people with a note each; one released to nobody, one still undecided."""

    house: House
    client: TestClient
    staff: Staff
    routes: tuple[tuple[str, str], ...]  # (method, path)
    theirs: dict[str, str]  # values for path parameters that belong to the other peer's person
    person_token: str  # a person signed in about their own note, which is another one
    secret: str  # a word of the other note

    @property
    def workspace(self) -> Workspace:
        return self.house.workspace

    def ask(self, method: str, path: str, *, staff: str = "", person: str = "") -> Any:
        cookies = [f"{STAFF_COOKIE}={self.staff.tokens[staff]}"] if staff else []
        cookies += [f"{PERSON_COOKIE}={person}"] if person else []
        headers = {"cookie": "; ".join(cookies), "accept": "text/html"}
        return self.client.request(method, path, headers=headers)

    def rules(self) -> list[str]:
        entries = map(json.loads, self.workspace.log_files.entries())
        return [e["ids"]["rule"] for e in entries if e["event"] == "access_refused"]


def hand_over(workspace: Workspace, peer: Actor, text: str) -> str:
    session_id = workspace.start_session(peer, person_id=workspace.add_person())
    workspace.write_by_hand(peer, session_id, sentences=(("matters", text),))
    workspace.hand_over(peer, session_id)
    return session_id


def list_routes(routes: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield (method, path) of every route, those of included routers too."""
    for route in routes:
        if isinstance(route, APIRoute):
            for method in sorted((route.methods or set()) - {"HEAD"}):
                yield method, prefix + route.path
        elif hasattr(route, "original_router"):
            yield from list_routes(
                route.original_router.routes, prefix + route.include_context.prefix
            )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("routes") / "data"
    workspace = open_test_workspace(folder, clock=lambda: datetime.now(UTC))
    staff = hire(workspace)
    settings = Settings(data_dir=folder, _env_file=None)
    house = House(workspace=workspace, settings=settings, set_up_code="12345678")
    app = build_app(house, with_gradio=False)
    client = TestClient(
        app, base_url="http://127.0.0.1", client=("127.0.0.1", 5), follow_redirects=False,
        raise_server_exceptions=False,
    )  # fmt: skip
    own = hand_over(workspace, staff.actors["peer"], "I want my own key.")
    other = hand_over(workspace, staff.actors["other_peer"], "I want the vellumbrand.")
    link = workspace.make_link(staff.actors["other_peer"], other, kind="together")
    _sign_in, handle = workspace.open_link(link, code=CODE)
    mine = workspace.make_link(staff.actors["peer"], own, kind="together")
    person_token, _handle = workspace.open_link(mine, code=CODE)
    routes = tuple(dict.fromkeys(list_routes(app.app.routes)))
    yield World(
        house=house, client=client, staff=staff, routes=routes, person_token=person_token,
        theirs={**UNKNOWN, "session_id": other, "handle": handle, "token": link},
        secret="vellumbrand",
    )  # fmt: skip
    workspace.close()


def fill(path: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda match: values[match.group(1)], path)


def seen(answer: Any, values: dict[str, str]) -> tuple[int, str, str]:
    """What somebody can tell from an answer, without what they typed themselves."""
    text, where = answer.text, answer.headers.get("location", "")
    for value in values.values():
        if len(value) > 20:
            text, where = text.replace(value, "~"), where.replace(value, "~")
    return answer.status_code, re.sub(r'value="[0-9a-f]{64}"', "", text), where


def test_there_are_routes_for_everybody(world: World) -> None:
    prefixes = {path.split("/")[1] for _method, path in world.routes}
    assert {"note", "peer", "supervisor", "admin", "sign-in", "set-up"} <= prefixes


@pytest.mark.parametrize("role", ROLES)
def test_ids_of_others_and_made_up_ids_look_the_same(world: World, role: str) -> None:
    """For staff of every role and for nobody: what exists and what does not gives one answer."""
    n_compared = 0
    for method, path in world.routes:
        # The address of a come-back link is known to its owner alone, and asks for the code.
        if "{" not in path or "{handle}" in path:
            continue
        if role == "other_peer" and area_of(path) and area_of(path).role == "peer":  # type: ignore[union-attr]
            continue  # theirs
        answers = [
            seen(world.ask(method, fill(path, values), staff=role), values)
            for values in (world.theirs, UNKNOWN)
        ]
        assert answers[0] == answers[1], (method, path)
        assert world.secret not in answers[0][1]
        assert answers[0][0] in (200, 303, 307, 401, 403, 404, 405), (method, path, answers[0][0])
        n_compared += 1
    assert n_compared >= 8


@pytest.mark.parametrize("role", ROLES)
def test_screens_of_another_role_are_not_there(world: World, role: str) -> None:
    for method, path in world.routes:
        area = area_of(path)
        if area is None or area.role == role.removeprefix("other_"):
            continue
        answer = world.ask(method, fill(path, world.theirs), staff=role)
        if not role:
            assert answer.status_code == (303 if method == "GET" else 401), (method, path)
        else:
            assert (answer.status_code, answer.text) == (404, "There is nothing here for you.")
            assert world.rules()[-1] == f"{area.role}-opens-own-screens"


def test_the_address_of_a_note_opens_nothing_without_its_code(world: World) -> None:
    """Nobody, staff, and a person who is signed in about another note."""
    callers = [("", ""), *((role, "") for role in ROLES[1:]), ("", world.person_token)]
    for (method, path), (role, person) in itertools.product(world.routes, callers):
        if "{handle}" not in path or path.endswith(("/help", "/leave")):
            continue
        answer = world.ask(method, fill(path, world.theirs), staff=role, person=person)
        assert answer.status_code in (303, 404, 405), (method, path)
        assert world.secret not in answer.text
        if answer.status_code == 303:
            target = answer.headers["location"]
            handle = world.theirs["handle"]
            assert target in (f"/note/open/{handle}", f"/note/{handle}/"), (method, path)
    states = {row.session_id: row.state for row in world.workspace.sessions()}
    assert states[world.theirs["session_id"]] == "handed_over"


def test_no_get_changes_anything(world: World) -> None:
    """A link preview, a prefetch or a crawler decides nothing, whoever's cookies it carries."""

    def facts() -> Any:
        with world.workspace.store.transaction() as tx:
            return [
                (
                    row.session_id,
                    row.state,
                    tx.decisions(row.session_id),
                    tx.word_ids(row.session_id),
                )
                for row in tx.sessions()
            ]

    before = facts()
    for (method, path), role in itertools.product(world.routes, ROLES):
        if method == "GET":
            for person in ("", world.person_token):
                world.ask("GET", fill(path, world.theirs), staff=role, person=person)
    assert facts() == before
    link = world.workspace.make_link(
        world.staff.actors["other_peer"], world.theirs["session_id"], kind="together"
    )
    for _ in range(5):
        world.client.get(f"/note/open/{link}")
    assert world.workspace.link_needs_code(link) == "enter"  # not used up by looking


def test_a_post_without_a_form_of_ours_does_nothing(world: World) -> None:
    for (method, path), role in itertools.product(world.routes, ROLES):
        area = area_of(path)
        if method != "POST" or (area is not None and area.role != role.removeprefix("other_")):
            continue
        if path.endswith("/leave") or "{handle}" in path:
            continue
        answer = world.ask("POST", fill(path, UNKNOWN), staff=role)
        assert answer.status_code in (303, 400, 403, 404), (path, role)
        if answer.status_code == 303:  # nobody is signed in, or leaving
            assert answer.headers["location"] in ("/sign-in", "/note/away"), (path, role)
    assert "not-their-form" in world.rules()


@pytest.mark.parametrize("kind", ["used", "guessed", "long"])
def test_links_that_open_nothing_all_look_the_same(world: World, kind: str) -> None:
    made = {
        "used": world.theirs["token"], "guessed": "g" * 43, "long": "l" * 3_000,
    }  # fmt: skip
    answer = world.client.get(f"/note/open/{made[kind]}")
    plain = world.client.get("/note/open/" + "q" * 43)
    values = {"token": made[kind], "plain": "q" * 43}
    assert seen(answer, values)[:2] == seen(plain, values)[:2]
    assert answer.status_code == 404
    assert world.rules()[-2] in {"link-used", "link-unknown"}


BAD_VALUES = ("../../etc/passwd", "%00", "\u202e", "<script>alert(1)</script>", "x" * 2_000, "-1")


@pytest.mark.parametrize("bad", BAD_VALUES)
def test_bad_values_in_an_address_are_never_an_error_and_never_come_back_raw(
    world: World, bad: str
) -> None:
    for method, path in world.routes:
        if "{" not in path:
            continue
        values = dict.fromkeys(UNKNOWN, bad)
        for role in ("peer", "supervisor", "admin"):
            answer = world.ask(method, fill(path, values), staff=role)
            assert answer.status_code < 500, (method, path)
            assert "<script>alert" not in answer.text
