"""The person's pages over HTTP, behind the guard: each way through, and each way that is closed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from assistant.app.house import PERSON_COOKIE
from assistant.app.pages import STATIC
from assistant.canonical import note_digest
from tests.app.person_scenery import (
    CODE,
    HARD,
    NAME,
    NEXT,
    Browser,
    Case,
    Place,
    hand_over_by_hand,
    hand_over_draft,
    note_of,
    open_place,
    state_of,
    words_of,
)

WORDS = Path(__file__).parents[2] / "assistant" / "app" / "words"
STEPS = (
    "", "outline", "part/helps", "part/hard", "my-words", "add", "disagree", "who", "read",
    "read?names=in", "decide", "part/helps/0/change",
)  # fmt: skip
AFTER = ("receipt", "trail", "withdraw", "help")
MAX_PAGE_BYTES = 60_000


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One installation for all tests; each brings its own person and session."""
    place = open_place(tmp_path_factory.mktemp("person") / "data")
    yield place
    place.workspace.close()


@pytest.fixture
def case(place: Place) -> Case:
    return hand_over_draft(place)


@pytest.fixture
def browser(place: Place, case: Case) -> Browser:
    browser = place.browser()
    browser.open(case.link)
    return browser


def texts(place: Place, case: Case) -> list[str]:
    return [s.text for section in note_of(place, case).sections for s in section.sentences]


# ---------------------------------------------------------------- coming in


def test_opening_a_link_needs_the_code_and_uses_the_link_up(place: Place, case: Case) -> None:
    browser = place.browser()
    for _ in range(3):  # a preview of the link opens nothing and uses nothing up
        assert browser.get(f"/note/open/{case.link}").status_code == 200
    assert "did not open" in words_of(browser.open(case.link, code="wrong code"))
    assert PERSON_COOKIE not in browser.client.cookies
    opened = browser.open(case.link)
    assert (opened.status_code, browser.get("").status_code) == (303, 200)
    assert "path=/note" in opened.headers["set-cookie"].lower()
    assert place.browser().get(f"/note/open/{case.link}").status_code == 404


def test_every_link_that_opens_nothing_looks_the_same(place: Place, case: Case) -> None:
    used = place.browser()
    used.open(case.link)
    expired, locked = hand_over_by_hand(place), hand_over_by_hand(place)
    for _ in range(5):
        place.browser(address="10.0.0.9").open(locked.link, code="wrong code")
    pages = [place.browser().get(f"/note/open/{link}") for link in (case.link, locked.link, "no")]
    place.clock.now += timedelta(days=15)
    pages.append(place.browser().get(f"/note/open/{expired.link}"))
    pages.append(place.browser().get("/note/nobody/outline"))
    assert {page.status_code for page in pages} == {404}
    assert len({words_of(page) for page in pages}) == 1
    tries = [place.browser().open(link) for link in (case.link, locked.link, expired.link, "no")]
    assert {answer.status_code for answer in tries} == {400}
    assert len({words_of(answer) for answer in tries}) == 1


def test_guessing_codes_gets_slow(place: Place, case: Case) -> None:
    for _ in range(30):
        place.house.failures.add("10.0.0.8")
    answer = place.browser(address="10.0.0.8").open(case.link)
    assert answer.status_code == 429
    assert "Leave now" in words_of(answer)
    assert place.browser(address="10.0.0.7").open(case.link).status_code == 303


def test_the_come_back_address_asks_for_the_code_again(place: Place, browser: Browser) -> None:
    other = place.browser()
    other.handle = browser.handle
    for page in (*STEPS, *AFTER):
        answer = other.get(page)
        if page == "help":  # help is there for whoever asks
            assert "Warmline" in words_of(answer)
            continue
        assert answer.headers["location"] == f"/note/open/{browser.handle}"
    assert other.get(f"/note/open/{browser.handle}").status_code == 200
    assert other.open(browser.handle, code="wrong code").status_code == 400
    assert other.open(browser.handle).headers["location"] == f"/note/{browser.handle}/"
    assert "draft" in words_of(other.get(""))


def test_beside_the_peer_the_person_chooses_their_code(place: Place) -> None:
    case = hand_over_by_hand(place)
    place.workspace.drop_code(place.admin, case.session_id)
    link = place.workspace.make_link(place.peer, case.session_id, kind="together")
    browser = place.browser()
    assert "Choose a code" in words_of(browser.get(f"/note/open/{link}"))
    assert "at least 6" in words_of(browser.open(link, code="12345"))
    assert browser.open(link, code="123456").status_code == 303
    assert browser.get("outline").status_code == 200


# ---------------------------------------------------------------- the whole way


def test_a_note_is_read_changed_and_approved(place: Place, case: Case, browser: Browser) -> None:
    ready = words_of(browser.get(""))
    assert "about 1 minute to read" in ready
    assert "Software made this draft from your words" in ready
    assert HARD not in words_of(browser.get("outline"))
    part = words_of(browser.get("part/helps"))
    assert "Your words, as you said them" in part
    assert "I kept cooking with <PERSON_3> every day" in part
    browser.post("part/helps/0/change", text="I cooked every day\nand it helped.")
    assert "I cooked every day and it helped." in texts(place, case)
    browser.post("my-words", words="3-42", **{"section-3-42": "matters"})
    assert note_of(place, case).sections[0].sentences[0].text == "My garden keeps me going."
    browser.post("who", what="who", record="Riverside House", share=place.supervisor_id)
    record, share = place.workspace.recipients(case.person, case.session_id)
    assert (record, share) == ({"Riverside House"}, {place.supervisor_id})
    browser.post("who", what="who", share=place.supervisor_id, other="  My  sister ")
    record, share = place.workspace.recipients(case.person, case.session_id)
    assert (record, share) == (set(), {place.supervisor_id, "My sister"})
    decide = words_of(browser.get("decide"))
    assert "Does “What I want to do next” match what you want?" in decide
    answer = browser.post("decide", answer="yes")
    assert answer.headers["location"].endswith("/receipt")
    assert state_of(place, case) == "approved"
    receipt = words_of(browser.get("receipt"))
    assert "You said yes" in receipt
    assert "Sam" in receipt
    assert f"http://127.0.0.1/note/{browser.handle}/" in receipt
    assert words_of(browser.get("")).count("You said yes to the note") == 1


@pytest.mark.parametrize("answer", ["yes", "no", "later"])
def test_each_answer_takes_the_same_two_requests(
    place: Place, case: Case, browser: Browser, answer: str
) -> None:
    digest = re.search(r'name="digest" value="(\w+)"', browser.get("decide").text)
    assert digest
    decided = browser.post("decide", answer=answer, digest=digest[1])
    assert decided.headers["location"].endswith("/receipt")
    after = {"yes": "approved", "no": "refused", "later": "handed_over"}
    assert state_of(place, case) == after[answer]
    assert browser.get("receipt").status_code == 200


def test_the_five_answers_look_alike_and_none_is_a_default(browser: Browser) -> None:
    page = browser.get("decide").text
    buttons = re.findall(r'<button[^>]*name="answer"[^>]*>', page)
    # The Enter key presses the first button, which stands for no answer.
    assert 'value="" class="unseen"' in buttons[0]
    assert [re.sub(r'value="\w+"', "", button) for button in buttons[1:]] == [
        '<button name="answer" >'
    ] * 5
    assert "checked" not in page
    assert "Choose one of the five" in words_of(browser.post("decide", answer=""))


def test_no_deletes_the_words_and_says_so(place: Place, case: Case, browser: Browser) -> None:
    browser.post("decide", answer="no", reason="too_private")
    for page in ("", "receipt"):
        said = words_of(browser.get(page))
        assert "Every word of it is deleted" in said
        assert "You still get the same help" in said
    for page in STEPS[1:]:
        assert browser.get(page).headers["location"] == f"/note/{browser.handle}/"
    with place.workspace.store.transaction() as tx:
        assert tx.word_ids(case.session_id) == ()
        assert tx.decisions(case.session_id)[-1].reason == "too_private"


def test_no_is_two_presses_away_from_every_step(browser: Browser) -> None:
    for page in STEPS:
        text = browser.get(page).text
        assert f'href="/note/{browser.handle}/decide"' in text or page == "decide"
    assert 'value="no"' in browser.get("decide").text


def test_leaving_out_is_one_press_and_can_be_undone(
    place: Place, case: Case, browser: Browser
) -> None:
    before = note_of(place, case)
    answer = browser.post("part/next_step/0/leave-out")
    assert NEXT not in texts(place, case)
    page = browser.get(answer.headers["location"])
    assert "You can undo this" in words_of(page)
    assert f'action="/note/{browser.handle}/undo"' in page.text
    browser.post("undo", section="next_step")
    assert note_of(place, case) == before
    assert "no change to undo" in words_of(browser.get(browser.post("undo").headers["location"]))


def test_a_second_tap_leaves_nothing_more_out(place: Place) -> None:
    case = hand_over_by_hand(place)
    browser = place.browser()
    browser.open(case.link)
    digest = browser.digest()
    for _ in range(2):
        answer = browser.post("part/matters/0/leave-out", digest=digest)
    assert "Nothing was done" in words_of(browser.get(answer.headers["location"]))
    assert texts(place, case) == ["I want to see my sister more.", HARD, NEXT]


def test_what_cannot_be_taken_stays_in_the_field(
    place: Place, case: Case, browser: Browser
) -> None:
    before = note_of(place, case)
    long = "so " * 500
    for page, values in (
        ("part/helps/0/change", {"text": long}),
        ("add", {"text": long, "section": "helps"}),
        ("disagree", {"text": long * 5}),
    ):
        answer = browser.post(page, **values)
        assert answer.status_code == 400
        assert "too long" in words_of(answer)
        assert long.strip() in answer.text
    assert "no words here" in words_of(browser.post("part/helps/0/change", text=" \n "))
    assert "hidden sign" in words_of(browser.post("disagree", text="no\u202eway"))
    assert "Choose the part" in words_of(browser.post("add", text="I like tea.", section=""))
    assert note_of(place, case) == before


def test_a_sentence_and_another_view_are_added(place: Place, case: Case, browser: Browser) -> None:
    answer = browser.post("add", section="support", text="My aunt & her dog help.")
    assert "/part/support" in answer.headers["location"]
    assert "My aunt &amp; her dog help." in browser.get("part/support").text
    browser.post("disagree", text="It was a <b>Thursday</b>.\r\nNot a Friday.")
    assert note_of(place, case).statements == ("It was a <b>Thursday</b>.\nNot a Friday.",)
    assert "<b>Thursday" not in browser.get("decide").text
    assert "Written by you or your peer" in words_of(browser.get("part/support"))


def test_names_are_shown_to_read_and_travel_only_by_choice(
    place: Place, case: Case, browser: Browser
) -> None:
    assert NAME not in browser.get("read").text
    assert NAME in browser.get("read?names=in").text
    assert NAME not in browser.get("decide").text
    browser.post("who", what="names", names="in")
    assert any(NAME in text for text in texts(place, case))
    assert NAME in browser.get("part/helps").text
    browser.post("part/helps/0/leave-out")
    browser.post("who", what="names", names="out")
    browser.post("add", section="support", text=f"{NAME} helps.")
    assert "<PERSON_3> helps." in texts(place, case)


def test_names_cannot_be_shown_once_their_list_is_deleted(
    place: Place, case: Case, browser: Browser
) -> None:
    browser.post("decide", answer="yes")
    page = browser.get("read?names=in")
    assert NAME not in page.text
    assert "deleted" in words_of(page)
    assert "are deleted" in words_of(browser.get("part/helps"))  # where the words came from


def test_a_yes_to_a_text_that_changed_is_not_used(
    place: Place, case: Case, browser: Browser
) -> None:
    digest = browser.digest()
    browser.post("part/helps/0/change", text="I cooked.")
    for stale in (digest, "", "é"):
        answer = browser.post("decide", answer="yes", digest=stale)
        assert answer.status_code == 409
        assert "had changed since you saw it" in words_of(answer)
        assert "I cooked." in answer.text
    assert state_of(place, case) == "handed_over"


def test_an_empty_note_is_not_approved(place: Place, case: Case, browser: Browser) -> None:
    for section in ("hard", "helps", "next_step"):
        browser.post(f"part/{section}/0/leave-out")
    assert "no words in the note" in words_of(browser.get("outline"))
    assert "no words left" in words_of(browser.post("decide", answer="yes"))
    assert state_of(place, case) == "handed_over"


# ---------------------------------------------------------------- what is closed


def test_a_get_never_changes_anything(place: Place, case: Case, browser: Browser) -> None:
    before, log = note_of(place, case), _log_of(place)
    for page in (*STEPS, *AFTER, "undo", "leave", "copy", "part/helps/0/leave-out"):
        browser.get(page)
    for query in ("?answer=yes", "?answer=no", "?answer=later", f"?digest={note_digest(before)}"):
        browser.get("decide" + query)
    assert (note_of(place, case), state_of(place, case)) == (before, "handed_over")
    assert _log_of(place) == log


POSTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("decide", {"answer": "yes"}), ("decide", {"answer": "no"}), ("decide", {"answer": "later"}),
    ("withdraw", {}), ("part/helps/0/change", {"text": "no"}), ("part/helps/0/leave-out", {}),
    ("add", {"section": "helps", "text": "no"}), ("disagree", {"text": "no"}), ("undo", {}),
    ("my-words", {"words": "3-42", "section-3-42": "hard"}), ("copy", {}),
    ("who", {"what": "who", "other": "a stranger"}), ("who", {"what": "names", "names": "in"}),
)  # fmt: skip


def test_another_person_and_nobody_reach_nothing(
    place: Place, case: Case, browser: Browser
) -> None:
    before = note_of(place, case)
    other_case = hand_over_by_hand(place)
    other, nobody = place.browser(), place.browser()
    other.open(other_case.link)
    other.handle = nobody.handle = browser.handle
    log_before = _log_of(place)
    for intruder in (other, nobody):
        for page in (*STEPS, "receipt", "trail", "withdraw", "copy/note.md"):
            answer = intruder.get(page)
            assert answer.headers["location"] == f"/note/open/{browser.handle}"
        for page, values in POSTS:
            answer = intruder.post(page, digest=note_digest(before), **values)
            assert answer.headers["location"] == f"/note/open/{browser.handle}"
    assert note_of(place, case) == before
    assert _log_of(place) == log_before


def test_a_form_from_elsewhere_does_nothing(place: Place, case: Case, browser: Browser) -> None:
    before = note_of(place, case)
    for page, values in POSTS:
        answer = browser.client.post(
            f"/note/{browser.handle}/{page}", data={"form_token": "0" * 64, **values}
        )
        assert answer.status_code == 403
        assert "Back to where I was" in words_of(answer)
    assert note_of(place, case) == before
    assert state_of(place, case) == "handed_over"


def test_parts_and_sentences_that_are_not_there_lead_to_the_outline(browser: Browser) -> None:
    for page in (
        "part/ask", "part/..", "part/helps/7/change", "part/helps/-1/change", "part/helps/²/change"
    ):  # fmt: skip
        answer = browser.get(page)
        assert answer.status_code in (303, 404), page
    assert browser.get("my-words?page=" + "9" * 5000).status_code == 200
    assert browser.get("anything").status_code == 404
    assert browser.get("outline?said=<b>you</b>").text.count("<b>") == 0


def test_only_offered_recipients_can_be_ticked(place: Place, case: Case, browser: Browser) -> None:
    browser.post("who", what="who", record="The landlord", share="The landlord")
    assert place.workspace.recipients(case.person, case.session_id) == (set(), set())
    for name in ("x" * 81, "a\x07b", "the person"):
        assert browser.post("who", what="who", other=name).status_code == 400
    assert browser.post("who", what="names", names="both").status_code == 400


# ---------------------------------------------------------------- afterwards


def test_the_person_takes_a_copy_and_no_other_file(
    place: Place, case: Case, browser: Browser
) -> None:
    browser.post("who", what="who", record="Riverside House")
    browser.post("decide", answer="yes")
    released = place.workspace.release(
        place.peer, case.session_id, to="Riverside House", formats=("markdown", "fhir")
    )
    browser.post("copy")
    page = browser.get("receipt")
    names = re.findall(r"/copy/([^\"]+)", page.text)
    assert len(names) == 4
    for name in names:
        answer = browser.client.get(f"/note/{browser.handle}/copy/{name}")
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["cache-control"] == "no-store"
    note = browser.client.get(f"/note/{browser.handle}/copy/{released.note_id}.md").text
    assert "For: the person" in note  # not the file of the same name that went to the agency
    for name in (f"{released.note_id}.fhir.json", "..%2F..%2Fwords.db", "key.json"):
        answer = browser.client.get(f"/note/{browser.handle}/copy/{name}")
        assert answer.status_code in (303, 404)
    browser.post("copy")  # the same text again makes no second copy
    trail = place.workspace.own_trail(case.person, case.session_id)
    assert len(trail.releases) == 2


def test_the_trail_says_who_has_it_in_plain_words(
    place: Place, case: Case, browser: Browser
) -> None:
    browser.post("who", what="who", share=place.supervisor_id)
    browser.post("decide", answer="yes")
    place.workspace.release(
        place.peer, case.session_id, to=place.supervisor_id, formats=("markdown",)
    )
    said = words_of(browser.get("trail"))
    assert re.search(r"Sam , \w+ \d+, 2026, \d\d:\d\d", said)
    assert "You said yes to the exact text. You" in said
    assert "The draft was put before you. Dana" in said
    assert not re.search(r"_|peer-|supervisor-|session-", said)
    assert "It went out" in words_of(browser.get(""))


def test_a_released_note_is_amended_and_then_withdrawn(
    place: Place, case: Case, browser: Browser
) -> None:
    browser.post("who", what="who", share=place.supervisor_id)
    browser.post("decide", answer="yes")
    place.workspace.release(
        place.peer, case.session_id, to=place.supervisor_id, formats=("markdown",)
    )
    browser.post("disagree", text="It was Thursday.")
    assert state_of(place, case) == "amending"
    assert "An older text is out" in words_of(browser.get("decide"))
    assert browser.post("decide", answer="no").headers["location"].endswith("/withdraw")
    page = words_of(browser.get("withdraw"))
    assert "We cannot pull it back" in page
    assert "Sam" in page
    browser.post("withdraw")
    assert state_of(place, case) == "withdrawn"
    gone = words_of(browser.get(""))
    assert "It is gone" in gone
    assert "Sam" in gone
    assert browser.get("withdraw").status_code == browser.post("withdraw").status_code == 303
    assert browser.get("copy/x.md").status_code == 303
    assert browser.get("trail").status_code == 200


def test_leaving_signs_out_and_shows_an_empty_page(place: Place, browser: Browser) -> None:
    answer = browser.client.post(f"/note/{browser.handle}/leave")  # even without a form of ours
    assert answer.headers["location"] == "/note/away"
    assert answer.headers["clear-site-data"] == '"cache", "storage"'
    away = browser.get("/note/away")
    assert words_of(away) == "New tab New tab"
    assert browser.get("outline").headers["location"] == f"/note/open/{browser.handle}"
    assert browser.open(browser.handle, code=CODE).status_code == 303


# ---------------------------------------------------------------- every page


def _tour(place: Place, language: str) -> dict[str, str]:
    """Visit every page in every state; return them by name."""
    pages: dict[str, str] = {}
    for make in (hand_over_draft, hand_over_by_hand):
        case = make(place)
        browser = place.browser(language=language)
        browser.get(f"/note/open/{case.link}")
        browser.open(case.link, code="wrong code")
        browser.open(case.link)
        for page in (*STEPS, *AFTER):
            browser.get(page)
        browser.post("disagree", text="")
        browser.post("disagree", text="It was Thursday.")
        browser.post("who", what="who", share=place.supervisor_id, other="Ana")
        for answer in ("later", "yes"):
            browser.post("decide", answer=answer)
            browser.get("receipt")
        browser.post("copy")
        place.workspace.release(
            place.peer, case.session_id, to=place.supervisor_id, formats=("markdown",)
        )
        for page in (*STEPS, *AFTER):
            pages[f"{make.__name__} released {page}"] = browser.get(page).text
        browser.post("add", section="ask", text="I asked for a key.")
        for page in (*STEPS, *AFTER):
            pages[f"{make.__name__} amending {page}"] = browser.get(page).text
        browser.post("decide", answer="yes")
        pages[f"{make.__name__} amended"] = browser.get("").text
        browser.post("withdraw")
        browser.get("")
        browser.get("/note/open/nothing")
        browser.post("leave")
        pages |= {f"{make.__name__} {name}": text for name, text in browser.pages.items()}
    return pages


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_page_is_small_plain_and_keeps_words_to_itself(place: Place, language: str) -> None:
    n_css = len((STATIC / "app.css").read_bytes()) + len((STATIC / "note.css").read_bytes())
    pages = _tour(place, language)
    assert len(pages) > 60
    for name, text in pages.items():
        if not text:
            continue
        assert len(text.encode()) + n_css < MAX_PAGE_BYTES, name
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src)|javascript:", text), name
        assert not re.search(r"https?://(?!127\.0\.0\.1)", text), name
        title = re.search(r"<title>([^<]*)</title>", text)
        assert title, name
        assert not set(re.findall(r"\w{5,}", title[1])) & {"sleep", "housing", "office", "fire"}
        if not name.endswith("/away"):
            assert text.count("<h1>") == 1, name
            assert re.search(r'action="/note/[\w-]*/?leave"', text), name
            assert re.search(r'href="/note/[\w-]*/?help"', text), name
        assert f'<html lang="{language}">' in text, name
        if HARD in text and "/decide" in name:
            fold = text[: text.index(HARD)]
            assert fold.rindex("<details>") > fold.rfind("</details>"), name


def test_words_of_the_note_keep_their_language(place: Place, case: Case) -> None:
    browser = place.browser(language="es")
    browser.open(case.link)
    page = browser.get("part/next_step").text
    assert f'<span class="said" lang="en" dir="auto">{NEXT}</span>' in page
    assert "Lo siguiente que quiero hacer" in page


def test_language_and_text_size_are_kept(browser: Browser) -> None:
    back = f"/note/{browser.handle}/outline"
    browser.post("/language", language="es", back=back)
    browser.post("/note/text-size", size="largest", back=back)
    page = browser.get("outline").text
    assert "Qué hay en la nota" in page
    assert "size-largest" in page
    answer = browser.post("/note/text-size", size="huge", back="//elsewhere.example")
    assert answer.headers["location"] == "/note/help"


def test_pages_of_many_sentences_are_split(place: Place) -> None:
    sentences = tuple(("helps", f"{n}. " + "walking with my dog " * 45) for n in range(24))
    case = hand_over_by_hand(place)
    browser = place.browser()
    browser.open(case.link)
    for _section, text in sentences:
        browser.post("add", section="helps", text=text)
    n_css = len((STATIC / "app.css").read_bytes()) + len((STATIC / "note.css").read_bytes())
    for number in (1, 2, 3):
        page = browser.get(f"part/helps?page={number}")
        assert f"Page {number} of 3" in words_of(page)
        assert len(page.content) + n_css < MAX_PAGE_BYTES
    answer = browser.post("part/helps/21/change", text="I walk.")
    assert answer.headers["location"].endswith("&page=3")
    assert "I walk." in browser.get(answer.headers["location"]).text


# ---------------------------------------------------------------- the words on the pages


def _messages(language: str) -> dict[str, str]:
    return tomllib.loads((WORDS / language / "person.toml").read_text("utf-8"))


def test_both_languages_have_the_same_messages_and_values() -> None:
    english, spanish = _messages("en"), _messages("es")
    assert english.keys() == spanish.keys()
    for name in english:
        fields = [
            {part[1] for part in Formatter().parse(words[name]) if part[1]}
            for words in (english, spanish)
        ]
        assert fields[0] == fields[1], name


def _sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.!?:])\s+", text) if part.strip()]


@pytest.mark.parametrize(
    ("language", "longest"),
    [("en", 15), ("es", 17)],  # Spanish says the same in about a tenth more words
)
def test_messages_are_short(language: str, longest: int) -> None:
    for name, text in _messages(language).items():
        if name == "months":
            continue
        sentences = _sentences(text)
        assert len(text.split()) / len(sentences) <= longest, name


def test_english_reads_at_grade_six_at_most() -> None:
    texts = [text for name, text in _messages("en").items() if name != "months"]
    sentences = [s for text in texts for s in _sentences(text) if len(s.split()) > 2]
    words = re.findall(r"[a-z']+", " ".join(sentences).lower())
    syllables = sum(_syllables(word) for word in words)
    grade = 0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59
    assert grade <= 6, grade


def _syllables(word: str) -> int:
    word = re.sub(r"(?:es|ed|e)$", "", word) if len(word) > 3 else word
    return max(1, len(re.findall(r"[aeiouy]+", word)))


def test_every_message_is_used() -> None:
    folder = Path(__file__).parents[2] / "assistant" / "app"
    files = [*(folder / "templates" / "note").glob("*.html"), *(folder / "person").glob("*.py")]
    text = "\n".join(path.read_text("utf-8") for path in files)
    built = (
        "event_", "section_", "said_", "problem_", "answer_", "reason_", "receipt_", "home_state_",
        "state_", "became_", "writer_", "who_kind_", "copy_", "size_", "ready_wrote_",
        "read_names_",
    )  # fmt: skip
    unused = [
        name
        for name in _messages("en")
        if not name.startswith(built) and f'"{name}"' not in text and f"person.{name}" not in text
    ]
    assert unused == []


def _log_of(place: Place) -> list[Any]:
    with place.workspace.store.transaction() as tx:
        return list(tx.audit_entries())
