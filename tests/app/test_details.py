"""Small facts that together point to somebody: what the peer's and the person's screens say."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from assistant.app.catalogue import LANGUAGES, load_catalogue
from assistant.app.peer.conversation import details_html
from assistant.app.peer.page import Page
from assistant.app.person.reading import pointing_sentences
from assistant.deidentify.details import DetailKind
from assistant.records import Deidentified, DeidentifiedTurn, Note, NoteSection, NoteSentence

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


def test_every_kind_has_its_words_in_every_language() -> None:
    for language in LANGUAGES:
        say = load_catalogue(language)
        for kind in get_args(DetailKind):
            assert say(f"peer.detail_{kind}")
            assert say(f"peer.general_{kind}")
