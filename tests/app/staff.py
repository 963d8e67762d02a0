"""An agency's staff for tests of the screens: one of each role, signed in."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from assistant.policy import Actor
from assistant.workspace import Workspace

PASSWORD = SecretStr("four plain words here")


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    actors: dict[str, Actor]
    tokens: dict[str, str]  # of a sign-in, by role (and other_peer)


def hire(workspace: Workspace) -> Staff:
    """Set the agency up; the login of each is the name of their role."""
    admin_id = workspace.set_up(
        agency="Riverside peer support", login="admin", display="Ada", password=PASSWORD
    )
    admin = Actor(actor_id=admin_id, role="admin")
    actors = {"admin": admin}
    people = (
        ("peer", "peer", "Dana"), ("other_peer", "peer", "Noor"),
        ("supervisor", "supervisor", "Sam"), ("governance", "governance", "Gil"),
    )  # fmt: skip
    for login, role, display in people:
        token = workspace.invite(admin, role=role, login=login, display=display)  # type: ignore[arg-type]
        row = workspace.accept_invitation(token, password=PASSWORD)
        actors[login] = Actor(actor_id=row.account_id, role=row.role)
    workspace.set_supervisors(
        admin, actors["peer"].actor_id, supervisor_ids=frozenset({actors["supervisor"].actor_id})
    )
    tokens = {login: workspace.sign_in(login, PASSWORD) for login in actors}
    return Staff(actors=actors, tokens=tokens)
