"""Small facts that together point to somebody: what the peer's and the person's screens say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from assistant.app.catalogue import LANGUAGES, load_catalogue
from assistant.app.peer.conversation import details_html
from assistant.app.peer.page import Page
from assistant.app.person.reading import pointing_sentences
from assistant.records import (
    Deidentified,
    DeidentifiedTurn,
    DetailKind,
    Evidence,
    Note,
    NoteSection,
    NoteSentence,
    TurnDetail,
)

SAID = ("I was a beekeeper.", "I'm 52 <b>now</b>.", "I came from Tonga.", "I like tea.")


def page(language: str = "en") -> Page:
    house: Any = None
    return Page(house=house, say=load_catalogue(language), path="/peer")


def conversation(*texts: str, role: str = "person") -> Deidentified:
    return Deidentified(
        turns=tuple(
            DeidentifiedTurn(
                number=n, speaker="<PERSON_1>", role=role, text=text, spans=(),  # type: ignore[arg-type]
                n_chars_original=len(text),
            )
            for n, text in enumerate(texts, 1)
        )
    )  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_peer_sees_what_few_people_share_and_what_to_say_instead(language: str) -> None:
    say = load_catalogue(language)
    shown = details_html(page(language), conversation(*SAID))
    for name in ("details_title", "detail_age", "detail_work", "detail_origin", "general_work"):
        assert say(f"peer.{name}") in shown
    assert "<b>" not in shown


def test_the_peers_own_facts_and_common_ones_are_not_listed() -> None:
    assert details_html(page(), conversation(*SAID, role="peer")) == ""
    assert details_html(page(), conversation(SAID[0], SAID[3])) == ""


def test_the_person_is_told_at_the_sentences_that_hold_them() -> None:
    sentences = tuple(
        NoteSentence(text=text, origin="verbatim", evidence=())
        for text in SAID  # type: ignore[arg-type]
    )
    note = Note(
        note_id="note-1", session_id="session-1", person_id="person-1", names="out",
        sections=(NoteSection(name="matters", sentences=sentences),),
    )  # fmt: skip
    assert pointing_sentences(note, {}) == set(SAID[:3])


def test_a_drafted_sentence_holds_the_facts_of_its_words_and_a_changed_one_its_own() -> None:
    place = Evidence(turn=1, start=0, end=30)
    said = {
        1: DeidentifiedTurn(
            number=1, speaker="<PERSON_1>", role="person", text="what was said on that Tuesday",
            details=(
                TurnDetail(start=0, end=4, kind="work"), TurnDetail(start=5, end=9, kind="event"),
                TurnDetail(start=28, end=29, kind="origin"),
            ),
        )
    }  # fmt: skip

    def note(origin: str, end: int = 30) -> Note:
        sentence = NoteSentence(
            text="As it was said.", origin=origin,  # type: ignore[arg-type]
            evidence=(replace(place, end=end),),
        )  # fmt: skip
        return Note(
            note_id="note-1", session_id="session-1", person_id="person-1", names="out",
            sections=(NoteSection(name="matters", sentences=(sentence,)),),
        )  # fmt: skip

    assert pointing_sentences(note("rewritten"), said) == {"As it was said."}
    assert pointing_sentences(note("rewritten", end=4), said) == set()  # one alone is not rare
    assert pointing_sentences(note("written"), said) == set()
    assert pointing_sentences(note("rewritten"), {}) == set()


def test_the_peer_sees_what_was_found_in_the_turns() -> None:
    hidden = Deidentified(
        turns=tuple(
            replace(turn, details=(TurnDetail(start=0, end=4, kind=kind),))  # type: ignore[arg-type]
            for turn, kind in zip(
                conversation("some words", "more words").turns, ("work", "event"), strict=True
            )
        )
    )
    shown = details_html(page(), hidden)
    say = load_catalogue("en")
    assert say("peer.detail_work") in shown
    assert say("peer.detail_event") in shown


def test_every_kind_has_its_words_in_every_language() -> None:
    for language in LANGUAGES:
        say = load_catalogue(language)
        for kind in get_args(DetailKind):
            assert say(f"peer.detail_{kind}")
            assert say(f"peer.general_{kind}")
