"""The peer's screens in a real browser: from a new session to what follows the person's answer."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import expect
from pydantic import SecretStr

from assistant.app.catalogue import load_catalogue, read_messages
from assistant.app.house import STAFF_COOKIE, House
from assistant.canonical import note_digest
from assistant.pipeline import Prepared
from assistant.policy import Actor
from assistant.records import (
    Checked,
    Deidentified,
    DeidentifiedTurn,
    Draft,
    Evidence,
    HeldBack,
    IdentifierSpan,
    Mention,
    ModelInfo,
    SafetyPrompt,
    Section,
    Sentence,
    SurrogateMap,
    Transcript,
    Turn,
)
from assistant.review import flag_language, load_language_rules, review_draft
from assistant.workspace import Workspace
from tests.app.live import axe_problems, keep_screen, live_server, open_browser, open_page, sign_in
from tests.app.staff import Staff, hire
from tests.scenery import open_test_workspace

pytestmark = pytest.mark.slow

AGENCY = "Riverside peer support"
CODE = "20304050"
LINES = (
    ("Dana", "peer", "How was your week?"),
    ("Ife", "person", "Ife here. I kept going to the garden every morning and it helped me."),
    ("Dana", "peer", "What do you want to do next?"),
    ("Ife", "person", "I want to call the housing office with Tomas on Friday."),
    ("Ife", "person", "Some nights I do not want to wake up."),
    ("Dana", "peer", "Thank you for telling me. We can make that call together."),
)
PASTED = "\n".join(f"{speaker}: {text}" for speaker, _role, text in LINES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A running server and its staff."""

    house: House
    staff: Staff
    address: str
    browser: Any

    @property
    def workspace(self) -> Workspace:
        return self.house.workspace

    @property
    def peer(self) -> Actor:
        return self.staff.actors["peer"]

    def page(self, *, size: str = "desktop", language: str = "en", login: str = "peer") -> Any:
        watched = open_page(self.browser, size=size, language=language)
        sign_in(watched.page, self.address, login)
        return watched.page

    def open(self, page: Any, session_id: str, *, language: str = "en") -> None:
        area = "/peer/es/" if language == "es" else "/peer/"
        page.goto(f"{self.address}{area}?session={session_id}")
        page.locator("h1").wait_for()


class ScriptedWorker:
    """Drafts nothing by itself: the test moves the job on."""

    def __init__(self) -> None:
        self.woken = 0
        self.cancelled: tuple[str, ...] = ()

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def wake(self) -> None:
        self.woken += 1

    def cancel(self, job_ids: tuple[str, ...]) -> None:
        self.cancelled += job_ids


class QuickChecks:
    """Language by the real rules; support by whether the words stand in the transcript."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def read_ahead(self, actor: Actor, session_id: str) -> None: ...

    def forget(self, session_id: str) -> None: ...

    def check_sentence(self, actor: Actor, session_id: str, *, text: str, section: str) -> Any:
        self._workspace.view_draft(actor, session_id)
        flags = flag_language(text, voice="peer", rules=load_language_rules())
        was_said = text.strip(" .") in PASTED
        support = Checked(supported=was_said, score=float(was_said), evidence=(), why="")
        return SimpleNamespace(flags=flags, support=support)


def make_house(folder: Path) -> tuple[House, Staff]:
    workspace = open_test_workspace(folder, clock=lambda: datetime.now(UTC))
    staff = hire(workspace)
    house = House(
        workspace=workspace, settings=workspace.settings, set_up_code="7777",
        worker=ScriptedWorker(), checks=QuickChecks(workspace),  # type: ignore[arg-type]
    )  # fmt: skip
    return house, staff


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    house, staff = make_house(tmp_path_factory.mktemp("peer") / "data")
    with live_server(house) as address, open_browser() as browser:
        yield Scene(house=house, staff=staff, address=address, browser=browser)
    house.workspace.close()


def start(workspace: Workspace, peer: Actor, *yes: str, name: str = "Ife") -> str:
    session_id = workspace.start_session(
        peer, person_id=workspace.add_person(), modality="in_person", place="library",
        service_date="2026-03-09", start="14:30", end="15:15",
    )  # fmt: skip
    workspace.name_person(peer, session_id, name=name)
    for purpose in yes:
        recipients = (AGENCY,) if purpose == "save_note" else ()
        workspace.record_consent(
            peer, session_id, purpose=purpose, given=True, recipients=recipients,  # type: ignore[arg-type]
            information="notes of my peer support", discloser=AGENCY, mode="spoken",
            text_version="1",
        )  # fmt: skip
    return session_id


def make_transcript() -> Transcript:
    return Transcript(
        turns=tuple(
            Turn(number=n, speaker=speaker, role=role, text=text)  # type: ignore[arg-type]
            for n, (speaker, role, text) in enumerate(LINES, start=1)
        ),
        source_format="plain",
    )


def make_prepared(transcript: Transcript) -> Prepared:
    """A draft as the stages would make it: two names hidden, one flag, one safety prompt."""
    stand_ins = {"Ife": "<PERSON_1>", "Tomas": "<PERSON_2>"}
    turns, mentions = [], []
    for said in transcript.turns:
        text, spans = said.text, []
        for surface, surrogate in stand_ins.items():
            if surface in said.text:
                at = said.text.index(surface)
                text = said.text.replace(surface, surrogate)
                spans.append(
                    IdentifierSpan(
                        start=at, end=at + len(surface), type="PERSON", surrogate=surrogate,
                        score=1.0, out_start=at, out_end=at + len(surrogate),
                    )
                )  # fmt: skip
                mentions.append(
                    Mention(surrogate=surrogate, turn=said.number, start=at, surface=surface)
                )
        turns.append(
            DeidentifiedTurn(
                number=said.number, speaker=stand_ins.get(said.speaker, "<PERSON_3>"),
                role=said.role, text=text, spans=tuple(spans), n_chars_original=len(said.text),
            )
        )  # fmt: skip
    hidden = Deidentified(turns=tuple(turns))
    draft = Draft(
        sections=(
            Section(name="helps", sentences=(
                Sentence(text="I kept going to the garden every morning and it helped me.",
                         origin="verbatim", evidence=(Evidence(turn=2, start=10, end=70),),
                         own_words=1.0),
            )),
            Section(name="next_step", sentences=(
                Sentence(text="I want to call the housing office with <PERSON_2> on Friday.",
                         origin="verbatim", evidence=(Evidence(turn=4, start=0, end=55),),
                         own_words=1.0),
            )),
            Section(name="together", sentences=(
                Sentence(text="We talked about the call with an addict from the group.",
                         origin="written", evidence=(Evidence(turn=6, start=0, end=20),),
                         own_words=0.2),
            )),
        ),
        held_back=(HeldBack(turn=1, reason="small_talk"), HeldBack(turn=5, reason="safety")),
        model=ModelInfo(name="scripted", backend="scripted"), voice="tidied",
    )  # fmt: skip
    prompt = SafetyPrompt(
        turn=5, start=0, end=37, topic="self_harm_suicide", said_by="person", prominence="plain"
    )
    reviewed = review_draft(
        draft, deidentified=hidden, rules=load_language_rules(), safety=(prompt,)
    )
    return Prepared(
        deidentified=hidden, surrogates=SurrogateMap(mentions=tuple(mentions)), reviewed=reviewed,
        timings_s={},
    )  # fmt: skip


def draft_of(workspace: Workspace, peer: Actor) -> str:
    """A session with a draft that waits for the peer."""
    session_id = start(workspace, peer, "transcribe", "ai_draft", "save_note")
    transcript = make_transcript()
    workspace.import_transcript(peer, session_id, transcript)
    workspace.keep_draft(
        peer, session_id, transcript=transcript, prepared=make_prepared(transcript)
    )
    return session_id


def wait(page: Any, words: str) -> None:
    page.get_by_text(words).first.wait_for()


def latest(scene: Scene) -> str:
    return scene.workspace.sessions()[-1].session_id


# ---------------------------------------------------------------- meeting


def test_a_session_begins_with_consents_asked_one_by_one(scene: Scene) -> None:
    page = scene.page()
    page.get_by_role("link", name="New session").click()
    page.get_by_role("heading", name="New session").wait_for()
    assert page.locator("input[type=radio]:checked").count() == 0
    page.get_by_role("button", name="Start the session").click()
    wait(page, "Type a name for your list")
    page.get_by_label("Name for your list").fill("Quince")
    page.get_by_label("Start (like 14:30)").fill("14:30")
    page.get_by_label("Phone").check()
    page.get_by_label("Place").fill("office")
    for question in (
        "keep the words", "drafts a note", "into the record", "share a note", "count this session",
    ):  # fmt: skip
        page.get_by_role("group", name=re.compile(question)).get_by_label("Yes").check()
    page.get_by_label("Sam").check()
    page.get_by_label("Gender").wait_for()
    keep_screen(page, "peer new session filled")
    assert axe_problems(page) == []
    page.get_by_role("button", name="Start the session").click()
    page.wait_for_url(re.compile(r".*session=session-[0-9a-f]{16}"))
    page.get_by_role("heading", name="Session with Quince").wait_for()
    session_id = latest(scene)
    assert scene.workspace.person_name(scene.peer, session_id) == "Quince"
    record, share = scene.workspace.recipients(scene.peer, session_id)
    assert record == {AGENCY}
    assert share == {scene.staff.actors["supervisor"].actor_id}
    held = scene.workspace.consents_now(scene.peer, session_id)
    assert {one.mode for one in held.values()} == {"spoken"}
    page.goto(f"{scene.address}/peer/")
    page.get_by_role("heading", name="Quince").wait_for()
    wait(page, "Just started")


def test_a_person_met_before_is_chosen_by_name(scene: Scene) -> None:
    known = start(scene.workspace, scene.peer, name="Ravel")
    page = scene.page()
    page.goto(f"{scene.address}/peer/?new=1")
    page.get_by_label("Who did you meet?").click()
    page.get_by_role("option", name="Ravel").click()
    page.get_by_label("Name for your list").wait_for(state="detached")
    page.get_by_label("In person").check()
    page.get_by_role("button", name="Start the session").click()
    page.get_by_role("heading", name="Session with Ravel").wait_for()
    people = {row.session_id: row.person_id for row in scene.workspace.sessions()}
    assert people[latest(scene)] == people[known]


# ---------------------------------------------------------------- bringing in words


def test_pasted_words_stay_until_they_can_be_read(scene: Scene) -> None:
    session_id = start(scene.workspace, scene.peer, "transcribe", "ai_draft")
    page = scene.page()
    scene.open(page, session_id)
    box = page.get_by_label("Transcript")
    box.fill("no speaker here")
    page.get_by_role("button", name="Bring in the words").click()
    page.locator(".ow-problem").wait_for()
    assert box.input_value() == "no speaker here"
    assert axe_problems(page) == []
    box.fill(PASTED)
    page.get_by_label("Your name in the text").fill("Dana")
    page.get_by_role("button", name="Bring in the words").click()
    wait(page, "6 turns kept, 0 lines not read.")
    assert len(scene.workspace.view_transcript(scene.peer, session_id).turns) == 6


def test_a_file_comes_in_through_our_own_page(scene: Scene, tmp_path: Path) -> None:
    session_id = start(scene.workspace, scene.peer, "transcribe", "ai_draft")
    page = scene.page()
    scene.open(page, session_id)
    page.get_by_role("link", name="Upload a file instead").click()
    page.get_by_role("heading", name="Upload a transcript").wait_for()
    assert axe_problems(page) == []
    file = tmp_path / "talk.txt"
    file.write_text("")
    page.get_by_label("The file").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("alert").wait_for()
    file.write_text(PASTED)
    page.get_by_label("The file").set_input_files(file)
    page.get_by_label("Your name in the text").fill("Dana")
    page.get_by_role("button", name="Upload").click()
    wait(page, "6 turns kept")


# ---------------------------------------------------------------- drafting


def test_a_draft_is_queued_shown_by_stage_found_again_and_cancelled(scene: Scene) -> None:
    session_id = start(scene.workspace, scene.peer, "transcribe", "ai_draft")
    scene.workspace.import_transcript(scene.peer, session_id, make_transcript())
    page = scene.page()
    scene.open(page, session_id)
    page.get_by_role("button", name="Make the draft").click()
    wait(page, "Choose how it should be written.")
    page.get_by_label("Tidied: their words").check()
    page.get_by_role("button", name="Make the draft").click()
    page.get_by_role("button", name="Cancel the draft").wait_for()
    job = scene.workspace.next_job()
    assert job is not None
    assert job.voice == "tidied"
    scene.workspace.note_progress(job.job_id, stage="deidentify")
    wait(page, "Hiding names now")
    assert axe_problems(page) == []
    keep_screen(page, "peer drafting")
    other = scene.page()  # another browser finds it too
    scene.open(other, session_id)
    other.get_by_role("button", name="Cancel the draft").click()
    wait(other, "The draft is cancelled.")
    page.get_by_role("button", name="Make the draft").wait_for()
    assert scene.workspace.draft_job(scene.peer, session_id) is None


def test_a_draft_that_failed_or_is_ready_shows_by_itself(scene: Scene) -> None:
    session_id = start(scene.workspace, scene.peer, "transcribe", "ai_draft")
    transcript = make_transcript()
    scene.workspace.import_transcript(scene.peer, session_id, transcript)
    page = scene.page()
    for outcome in ("failed", "ready"):
        scene.workspace.queue_draft(scene.peer, session_id, voice="exact")
        scene.open(page, session_id)
        page.get_by_role("button", name="Cancel the draft").wait_for()
        job = scene.workspace.next_job()
        assert job is not None
        if outcome == "failed":
            scene.workspace.fail_job(job, problem="ModelUnavailable")
            wait(page, "The draft did not work.")
        else:
            scene.workspace.keep_draft(
                scene.peer, session_id, transcript=transcript, job_id=job.job_id,
                prepared=make_prepared(transcript),
            )  # fmt: skip
            page.get_by_role("heading", name="Words to look at").wait_for()


# ---------------------------------------------------------------- the work screen


def test_names_are_shown_hidden_and_undone_by_click(scene: Scene) -> None:
    session_id = draft_of(scene.workspace, scene.peer)
    page = scene.page()
    scene.open(page, session_id)
    turn = page.locator("#turn-4")
    turn.locator(".ow-pick").press("Enter")
    wait(page, "<PERSON_2> stands for: Tomas")
    page.get_by_role("button", name="Show this everywhere").click()
    wait(page, "It is shown everywhere now.")
    assert "with Tomas on Friday" in turn.inner_text()
    page.get_by_role("button", name="Undo the last change to names").click()
    wait(page, "The last change to names is undone.")
    assert "Tomas" not in turn.inner_text()
    page.mouse.click(*middle_of(page, "#turn-2 .ow-said", "garden"))
    assert page.get_by_label("Hide a word or name").input_value() == "garden"
    page.keyboard.press("Enter")  # the button has the focus
    wait(page, "It is hidden everywhere now.")
    assert "garden" not in page.locator("#turn-2").inner_text()
    expect(page.locator(".ow-from-2 textarea")).not_to_have_value(re.compile("garden"))


def test_a_tick_gives_a_word_for_everybody_and_a_supervisor_answers(scene: Scene) -> None:
    workspace, supervisor = scene.workspace, scene.staff.actors["supervisor"]
    session_id = draft_of(workspace, scene.peer)
    page = scene.page(size="phone")
    scene.open(page, session_id)
    word, everybody = page.get_by_label("Hide a word or name"), "Also in everybody's sessions here"
    word.fill("garden")
    page.get_by_label(everybody).check()
    page.get_by_role("button", name="Hide it everywhere").click()
    wait(page, "never names of people. Nothing was changed.")
    wait(page, "The rule: peer-hides-word-for-everybody.")
    assert word.input_value() == "garden"
    assert "garden" in page.locator("#turn-2").inner_text()
    page.get_by_label("What is it?").click()
    page.get_by_role("option", name="A place").click()
    page.get_by_role("button", name="Hide it everywhere").click()
    wait(page, "in everybody's sessions from the next draft on")
    expect(page.get_by_label(everybody)).not_to_be_checked()  # a tick is for one word
    page.locator("#turn-4 .ow-pick").press("Enter")
    page.get_by_label("Also ask to show it").check()
    assert axe_problems(page) == []
    keep_screen(page, "peer word for everybody phone")
    page.get_by_role("button", name="Show this everywhere").click()
    wait(page, "A supervisor decides about everybody's sessions.")
    listed = workspace.view_agency_words(supervisor)
    assert [(one.surface, one.is_waiting) for one in listed] == [("garden", False), ("Tomas", True)]

    looking = scene.page(size="phone", login="supervisor")
    looking.get_by_role("link", name="Words of the agency").click()
    looking.get_by_role("heading", name="Words that wait for you").wait_for()
    assert axe_problems(looking) == []
    assert not looking.evaluate("document.documentElement.scrollWidth > innerWidth")
    keep_screen(looking, "supervisor words phone")
    looking.get_by_role("button", name="It could be. Keep it hidden").click()
    wait(looking, "The word stays hidden. It is off the list.")

    page.get_by_role("button", name="Take back your last word for everybody").click()
    wait(page, "Your last word for everybody is taken back.")
    assert workspace.view_agency_words(supervisor) == ()
    assert "garden" not in page.locator("#turn-2").inner_text()
    page.get_by_role("button", name="Take back your last word for everybody").click()
    wait(page, "No word of this session is on the list for everybody.")


def middle_of(page: Any, place: str, word: str) -> tuple[float, float]:
    """Return where on the screen a word stands."""
    page.locator(place).scroll_into_view_if_needed()
    x, y = page.evaluate(
        """([place, word]) => {
          const range = document.createRange();
          const walk = document.createTreeWalker(
            document.querySelector(place), NodeFilter.SHOW_TEXT);
          for (let node = walk.nextNode(); node; node = walk.nextNode()) {
            const at = node.data.indexOf(word);
            if (at < 0) continue;
            range.setStart(node, at);
            range.setEnd(node, at + word.length);
            const box = range.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
          }
        }""",
        [place, word],
    )
    return x, y


def test_a_sentence_shows_its_source_and_is_checked_and_kept_while_typed(scene: Scene) -> None:
    session_id = draft_of(scene.workspace, scene.peer)
    page = scene.page()
    scene.open(page, session_id)
    box = page.locator(".ow-from-2 textarea")
    box.focus()
    page.locator("#turn-2.ow-source-turn").wait_for()
    box.fill("He is an addict.")
    wait(page, "We did not find this in what was said.")
    page.locator(".ow-from-2 .ow-check q", has_text="addict").wait_for()
    box.fill("I kept going to the garden every morning.")
    box.press("End")
    box.press("Backspace")  # a pause in typing keeps it, without leaving the box
    wait(page, "Your change is kept.")
    stored = scene.workspace.view_draft(scene.peer, session_id).draft.sections[0].sentences[0]
    assert stored.text == "I kept going to the garden every morning"
    assert stored.origin == "written"
    box.fill("")
    box.press("Tab")
    page.locator(".ow-problem").wait_for()
    assert box.input_value() == ""


def test_two_windows_do_not_overwrite_each_other(scene: Scene) -> None:
    session_id = draft_of(scene.workspace, scene.peer)
    page = scene.page()
    scene.open(page, session_id)
    box = page.locator(".ow-from-4 textarea")
    box.wait_for()
    scene.workspace.edit_draft(
        scene.peer, session_id, section="next_step", sentence=0, text="I will write instead."
    )
    box.fill("I will call.")
    box.press("Tab")
    wait(page, "This sentence has changed meanwhile")
    assert box.input_value() == "I will call."


def test_flags_are_used_or_kept_with_a_reason(scene: Scene) -> None:
    session_id = draft_of(scene.workspace, scene.peer)
    page = scene.page()
    scene.open(page, session_id)
    page.get_by_label("Why keep “addict”?").fill("their own word")
    page.get_by_role("button", name="Keep it, with this reason").click()
    wait(page, "Kept as it is: their own word")
    (answer,) = scene.workspace.flag_answers(scene.peer, session_id).answers
    assert answer.reason == "their own word"
    session_id = draft_of(scene.workspace, scene.peer)
    scene.open(page, session_id)
    page.get_by_role("button", name="Use: a person in recovery").click()
    wait(page, "The words are changed.")
    text = scene.workspace.view_draft(scene.peer, session_id).draft.sections[2].sentences[0].text
    assert text == "We talked about the call with a person in recovery from the group."
    wait(page, "There is nothing to look at.")


def test_safety_prompts_come_first_and_one_answer_is_needed(scene: Scene) -> None:
    session_id = draft_of(scene.workspace, scene.peer)
    page = scene.page()
    scene.open(page, session_id)
    wait(page, "One passage still needs your answer.")
    assert page.get_by_role("button", name="Hand it over").count() == 0
    panel = page.locator("#ow-safety")
    assert "wake up" not in panel.inner_text()
    panel.get_by_role("link", name="Open passage (turn 5)").click()
    assert page.evaluate("document.activeElement.id") == "turn-5"
    panel.get_by_role("button", name="Show protocol").click()
    wait(page, "Your agency has not filled this in yet.")
    panel.get_by_role("button", name="Call supervisor").click()
    panel.get_by_role("button", name="I passed it on to my supervisor").click()
    wait(page, "Turn 5: passed on to the supervisor")
    assert scene.workspace.safety_answers(scene.peer, session_id) == {0: "passed_to_supervisor"}
    page.get_by_role("button", name="Turn 5: passed on").click()
    page.get_by_label("Words for the note").fill("We talked about a hard night.")
    page.get_by_role("button", name="Put it in the note").click()
    wait(page, "It is in the note now.")
    assert axe_problems(page) == []
    page.get_by_role("button", name="Hand it over").click()
    wait(page, "The note is with the person now.")


def test_small_facts_stand_beside_the_talk_with_the_way_to_each(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = ("Ife", "person", "I was a beekeeper, I'm 52, and I came from Tonga.")
    monkeypatch.setattr(sys.modules[__name__], "LINES", (*LINES, told))
    session_id = draft_of(scene.workspace, scene.peer)
    page = scene.page()
    scene.open(page, session_id)
    facts = page.locator(".ow-details")
    facts.get_by_text("Small facts that could point to them").wait_for()
    facts.get_by_role("link", name=f"turn {len(LINES)}").first.click()
    assert page.evaluate("document.activeElement.id") == f"turn-{len(LINES)}"
    assert axe_problems(page) == []


def test_parts_are_drawn_one_at_a_time(scene: Scene) -> None:
    # Drawn at once, two parts could get listeners of the same number (gradio 6.31, blocks.py).
    from assistant.app.peer.page import Page as PeerPage
    from assistant.app.peer.screens import build_screens

    screens = build_screens(PeerPage(house=scene.house, say=load_catalogue("en"), path="/peer"))
    drawn = [fn for fn in screens.fns.values() if fn.renderable is not None]
    assert len(drawn) >= 5
    assert {(fn.concurrency_id, fn.concurrency_limit) for fn in drawn} == {("draw", 1)}


def test_a_press_on_a_part_that_was_just_drawn_anew_says_so_and_can_be_repeated(
    scene: Scene,
) -> None:
    page = scene.page()
    scene.open(page, draft_of(scene.workspace, scene.peer))
    button = page.get_by_role("button", name=re.compile("Leave out sentence 1")).first
    button.wait_for()

    def make_stale(route: Any) -> None:
        asked = json.loads(route.request.post_data)
        route.continue_(post_data=json.dumps({**asked, "fn_index": 99_999}))

    page.route("**/queue/join*", make_stale)
    button.click()
    wait(page, "Nothing was done. Press again.")
    page.unroute("**/queue/join*")
    button.click()
    wait(page, "The sentence is left out.")


# ---------------------------------------------------------------- by hand, and afterwards


def test_a_note_is_written_by_hand_handed_over_and_sent_after_the_yes(scene: Scene) -> None:
    workspace = scene.workspace
    session_id = start(workspace, scene.peer, "save_note")
    page = scene.page()
    scene.open(page, session_id)
    page.get_by_role("button", name="Keep this note").click()
    wait(page, "Write at least one sentence.")
    page.get_by_label("What helps").fill("The garden helps me.\nSo does tea.")
    assert axe_problems(page) == []
    page.get_by_role("button", name="Keep this note").click()
    page.get_by_role("heading", name="Words to look at").wait_for()
    assert not page.locator("#ow-talk").is_visible()
    page.get_by_label("Your sentence").fill("I will plant beans.")
    page.get_by_role("button", name="Add it").click()
    wait(page, "The sentence is added.")
    expect(page.locator(".ow-sentence")).to_have_count(3)
    page.get_by_role("button", name="Leave out sentence 2 of: What helps").click()
    wait(page, "The sentence is left out.")
    expect(page.locator(".ow-sentence")).to_have_count(2)
    page.get_by_role("button", name="Hand it over").click()
    page.get_by_role("link", name="Review together now").click()
    page.get_by_role("heading", name="Review together").wait_for()
    assert axe_problems(page) == []
    page.get_by_role("button", name="Sign me out and open the note").click()
    page.wait_for_url(re.compile(r".*/note/open/.*"))
    assert not [one for one in page.context.cookies() if one["name"] == STAFF_COOKIE]

    # The person opens it, chooses a code, and reads.
    token, _back = workspace.open_link(page.url.rsplit("/", 1)[1], code=SecretStr(CODE))
    person = workspace.signed_in(token)
    assert person is not None
    note = workspace.view_note(person.actor, session_id)
    page = scene.page()
    scene.open(page, session_id)
    page.get_by_role("button", name="Make a one-time link").click()
    page.locator("#ow-link textarea").wait_for()
    made = page.locator("#ow-link textarea").input_value()
    assert made.startswith(f"{scene.address}/note/open/")
    assert workspace.link_needs_code(made.rsplit("/", 1)[1]) == "enter"
    keep_screen(page, "peer handed over")
    assert axe_problems(page) == []

    workspace.approve(person.actor, session_id, digest=note_digest(note))
    scene.open(page, session_id)
    page.get_by_role("button", name=f"Send to {AGENCY}").click()
    wait(page, "The note is sent.")
    link = page.locator("a.ow-file", has_text=".md").first
    path = link.get_attribute("href")
    fetched = page.request.get(f"{scene.address}{path}")
    assert fetched.status == 200
    assert "I will plant beans." in fetched.text()
    assert axe_problems(page) == []
    other = scene.page(login="other_peer")
    assert other.request.get(f"{scene.address}{path}").status == 404
    assert page.request.get(f"{scene.address}{path}x").status == 404


def test_a_yes_taken_back_and_ending_without_a_note(scene: Scene) -> None:
    session_id = draft_of(scene.workspace, scene.peer)
    page = scene.page()
    scene.open(page, session_id)
    page.get_by_role("button", name="What the person said yes and no to").click()
    group = page.get_by_role("group", name="Which question?")
    group.get_by_label("Software drafts a note").check()
    page.get_by_role("group", name="What did they say?").get_by_label("No").check()
    page.get_by_role("button", name="Keep this answer").click()
    wait(page, "The answer is kept.")
    page.get_by_role("heading", name="Write together by hand").wait_for()
    page.get_by_role("button", name="Other ways to go on").click()
    page.get_by_role("button", name="End without a note").click()
    wait(page, "Ended without a note. The short record is filed.")
    (row,) = [one for one in scene.workspace.sessions() if one.session_id == session_id]
    assert row.state == "service_record_only"


# ---------------------------------------------------------------- who may look


def test_another_peers_session_looks_like_one_that_is_not_there(scene: Scene) -> None:
    session_id = draft_of(scene.workspace, scene.peer)
    page = scene.page(login="other_peer")
    for asked in (session_id, "session-0000000000000000"):
        page.goto(f"{scene.address}/peer/?session={asked}")
        wait(page, "There is no such session in your list.")
        assert "Ife" not in page.inner_text("main")
        for path in (f"upload/{asked}", f"together/{asked}"):
            assert page.request.get(f"{scene.address}/peer/own/{path}").status == 404


def test_a_peer_who_is_signed_out_is_told_and_keeps_what_they_typed(scene: Scene) -> None:
    session_id = draft_of(scene.workspace, scene.peer)
    page = scene.page()
    scene.open(page, session_id)
    box = page.locator(".ow-from-4 textarea")
    box.wait_for()
    page.context.clear_cookies()
    box.fill("I want to call.")
    box.press("Tab")
    page.locator("html.ow-signed-out").wait_for()
    assert box.input_value() == "I want to call."


# ---------------------------------------------------------------- how it looks


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_every_screen_is_accessible_fits_and_asks_nobody_else(
    scene: Scene, language: str, size: str
) -> None:
    workspace, peer = scene.workspace, scene.peer
    transcribed = start(workspace, peer, "transcribe", "ai_draft")
    workspace.import_transcript(peer, transcribed, make_transcript())
    area = "/peer/es/" if language == "es" else "/peer/"
    screens = {
        "list": "", "new session": "?new=1",
        "by hand": f"?session={start(workspace, peer)}",
        "transcript": f"?session={start(workspace, peer, 'transcribe')}",
        "before drafting": f"?session={transcribed}",
        "draft": f"?session={draft_of(workspace, peer)}",
    }  # fmt: skip
    watched = open_page(scene.browser, size=size, language=language)
    sign_in(watched.page, scene.address, "peer")
    for name, query in screens.items():
        watched.page.goto(f"{scene.address}{area}{query}")
        watched.page.locator("h1").wait_for()
        if name == "draft":
            watched.page.locator(".ow-flag").first.wait_for()
            watched.page.locator("#turn-6").wait_for()
        keep_screen(watched.page, f"peer {name} {size} {language}")
        assert axe_problems(watched.page) == [], name
        assert watched.page.evaluate("document.documentElement.lang") == language
        too_wide = "document.documentElement.scrollWidth > innerWidth"
        assert not watched.page.evaluate(too_wide), name
        assert watched.page.evaluate("Object.keys(localStorage).length") == 0
    assert watched.outside(scene.address) == []
    assert not [m for m in watched.messages if "Content Security Policy" in m or "error:" in m]


def test_both_languages_say_the_same_things() -> None:
    messages = {
        language: {n: m for n, m in read_messages(language) if n.startswith("peer.")}
        for language in ("en", "es")
    }
    assert messages["en"].keys() == messages["es"].keys()
    for name, message in messages["en"].items():
        assert fields_in(message) == fields_in(messages["es"][name]), name


def fields_in(message: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in Formatter().parse(message) if name}
