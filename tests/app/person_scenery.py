"""A note put before a person, and their browser, for tests of the person's pages."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from starlette.testclient import TestClient

from assistant.app.house import House
from assistant.app.server import build_app
from assistant.pipeline import Prepared
from assistant.policy import Actor
from assistant.records import (
    Deidentified,
    DeidentifiedTurn,
    Draft,
    Evidence,
    IdentifierSpan,
    Mention,
    ModelInfo,
    Note,
    ReviewedDraft,
    Section,
    Sentence,
    SurrogateMap,
    Transcript,
    Turn,
)
from assistant.settings import Settings
from assistant.workspace import Workspace
from tests.scenery import Clock, give_consent, open_test_workspace

CODE = "river 42 stone"
NAME = "Quillanova"  # a real name that was said; in no dictionary
HARD = "I could not sleep for a week after the fire."
NEXT = "I want to call the housing office on Friday."
BY_HAND = (
    ("matters", "I want my own kitchen again."),
    ("matters", "I want to see my sister more."),
    ("hard", HARD),
    ("next_step", NEXT),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A running installation with one peer (Dana) and one supervisor (Sam)."""

    house: House
    clock: Clock
    app: Any
    peer: Actor
    supervisor_id: str
    admin: Actor

    @property
    def workspace(self) -> Workspace:
        return self.house.workspace

    def browser(self, *, language: str = "en", address: str = "127.0.0.1") -> Browser:
        client = TestClient(
            self.app, client=(address, 50_000), base_url="http://127.0.0.1",
            follow_redirects=False, headers={"accept-language": language},
        )  # fmt: skip
        return Browser(client=client)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A session handed over to its person, who has a code."""

    person: Actor
    session_id: str
    link: str


@dataclass(slots=True, kw_only=True)
class Browser:
    client: TestClient
    handle: str = ""
    pages: dict[str, str] = field(default_factory=dict)  # every page seen, by method and path

    def get(self, page: str) -> Any:
        return self._keep(self.client.get(self._path(page)), page)

    def post(self, page: str, **values: Any) -> Any:
        """Send a form; the digest is the one of the note as it stands, unless given."""
        if "digest" not in values:
            values["digest"] = self.digest() if self.handle else ""
        data = {"form_token": self.token(), **{k: v for k, v in values.items() if v is not None}}
        answer = self.client.post(self._path(page), data=data)
        return self._keep(answer, f"POST {page}")

    def token(self) -> str:
        found = re.search(r'name="form_token" value="(\w+)"', self.client.get("/note/help").text)
        assert found
        return found[1]

    def digest(self) -> str:
        found = re.search(r'name="digest" value="(\w+)"', self.get("disagree").text)
        return found[1] if found else ""

    def open(self, link: str, code: str = CODE) -> Any:
        answer = self.post(f"/note/open/{link}", code=code)
        if answer.status_code == 303:
            self.handle = answer.headers["location"].split("/")[2]
        return answer

    def _path(self, page: str) -> str:
        return page if page.startswith("/") else f"/note/{self.handle}/{page}"

    def _keep(self, answer: Any, page: str) -> Any:
        if "text/html" in answer.headers.get("content-type", ""):
            self.pages[page] = answer.text
        return answer


def words_of(answer: Any) -> str:
    """Return the text of a page without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def open_place(folder: Path, **settings: Any) -> Place:
    clock = Clock()
    workspace = open_test_workspace(folder, clock=clock)
    admin_id = workspace.set_up(
        agency="Riverside House", login="admin", display="Ada",
        password=SecretStr("five plain words in a row"),
    )  # fmt: skip
    admin = Actor(actor_id=admin_id, role="admin")
    workspace.set_agency(
        admin, crisis_options="Warmline: 555 0100\nTalk, day or night", supervisor_contact="Sam"
    )
    for role, display in (("peer", "Dana"), ("supervisor", "Sam")):
        workspace.invite(admin, role=role, login=role, display=display)  # type: ignore[arg-type]
    ids = {row.role: row.account_id for row in workspace.accounts(admin)}
    workspace.set_supervisors(admin, ids["peer"], supervisor_ids=frozenset({ids["supervisor"]}))
    house = House(workspace=workspace, settings=Settings(data_dir=folder, _env_file=None))
    return Place(
        house=house, clock=clock, app=build_app(house, with_gradio=False), admin=admin,
        peer=Actor(actor_id=ids["peer"], role="peer"), supervisor_id=ids["supervisor"],
    )  # fmt: skip


def hand_over_by_hand(place: Place) -> Case:
    person, session_id = _start(place)
    place.workspace.write_by_hand(place.peer, session_id, sentences=BY_HAND)  # type: ignore[arg-type]
    return _hand_over(place, person, session_id)


def hand_over_draft(place: Place) -> Case:
    """Hand over a draft as the software makes them, from a talk with one name in it."""
    person, session_id = _start(place)
    give_consent(place.workspace, person, session_id, "transcribe", "ai_draft")
    transcript, prepared = _prepared()
    place.workspace.import_transcript(place.peer, session_id, transcript)
    place.workspace.keep_draft(place.peer, session_id, transcript=transcript, prepared=prepared)
    return _hand_over(place, person, session_id)


def note_of(place: Place, case: Case) -> Note:
    return place.workspace.view_note(case.person, case.session_id)


def state_of(place: Place, case: Case) -> str:
    rows = place.workspace.sessions()
    return next(row.state for row in rows if row.session_id == case.session_id)


def _start(place: Place) -> tuple[Actor, str]:
    person = Actor(actor_id=place.workspace.add_person(), role="person")
    session_id = place.workspace.start_session(
        place.peer, person_id=person.actor_id, service_date="2026-03-02"
    )
    return person, session_id


def _hand_over(place: Place, person: Actor, session_id: str) -> Case:
    place.workspace.hand_over(place.peer, session_id)
    place.workspace.set_code(person, session_id, code=SecretStr(CODE))
    link = place.workspace.make_link(place.peer, session_id, kind="hand_over")
    return Case(person=person, session_id=session_id, link=link)


def _prepared() -> tuple[Transcript, Prepared]:
    said = [
        ("peer", "How was your week?"),
        ("person", f"I kept cooking with {NAME} every day and it helped me."),
        ("person", "I could not sleep at all after that fire. My garden keeps me going."),
        ("person", "Um I I want to call the housing office on Friday."),
        ("peer", "We can make that call together."),
    ]
    turns = tuple(
        Turn(number=n, speaker=role, role=role, text=text)  # type: ignore[arg-type]
        for n, (role, text) in enumerate(said, start=1)
    )
    start = said[1][1].index(NAME)
    span = IdentifierSpan(
        start=start, end=start + len(NAME), type="PERSON", surrogate="<PERSON_3>", score=0.9,
        out_start=start, out_end=start + len("<PERSON_3>"),
    )  # fmt: skip
    hidden = Deidentified(
        turns=tuple(
            DeidentifiedTurn(
                number=turn.number, speaker=f"<PERSON_{1 if turn.role == 'peer' else 2}>",
                role=turn.role, text=turn.text.replace(NAME, "<PERSON_3>"),
                spans=(span,) if NAME in turn.text else (), n_chars_original=len(turn.text),
            )
            for turn in turns
        )
    )  # fmt: skip
    surrogates = SurrogateMap(
        mentions=(Mention(surrogate="<PERSON_3>", turn=2, start=start, surface=NAME),)
    )

    def place(turn: int) -> tuple[Evidence, ...]:
        return (Evidence(turn=turn, start=0, end=len(said[turn - 1][1])),)

    draft = Draft(
        sections=(
            Section(
                name="hard",
                sentences=(
                    Sentence(
                        text="I could not sleep at all after that fire.", origin="verbatim",
                        evidence=place(3), own_words=1.0,
                    ),
                ),
            ),
            Section(
                name="helps",
                sentences=(
                    Sentence(
                        text="I kept cooking with <PERSON_3> every day and it helped me.",
                        origin="verbatim", evidence=place(2), own_words=1.0,
                    ),
                ),
            ),
            Section(
                name="next_step",
                sentences=(
                    Sentence(text=NEXT, origin="rewritten", evidence=place(4), own_words=1.0),
                ),
            ),
        ),
        held_back=(), model=ModelInfo(name="scripted", backend="scripted"), voice="tidied",
    )  # fmt: skip
    prepared = Prepared(
        deidentified=hidden, surrogates=surrogates,
        reviewed=ReviewedDraft(draft=draft, flags=(), safety=()), timings_s={},
    )  # fmt: skip
    return Transcript(turns=turns, source_format="plain"), prepared
