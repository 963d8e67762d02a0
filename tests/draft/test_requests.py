"""What the person asked to keep out stays out, wherever it was said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.draft import write_draft
from assistant.draft.heads import N_CLASSES, N_SALIENCE, Judged
from assistant.draft.reader import Reader, Reading
from assistant.draft.request_reader import Place, RequestReader, RequestReading
from assistant.draft.requests import find_requests
from assistant.draft.rules import load_draft_rules
from assistant.draft.statements import Statement
from assistant.records import DeidentifiedTurn, Draft
from tests.draft.scripted import WordEncoder, load_parser, session_of

RULES = load_draft_rules()


def draft(*lines: str) -> Draft:
    return write_draft(session_of(*lines), model=None, encoder=WordEncoder(), nlp=load_parser())


def cited(note: Draft) -> set[int]:
    return {e.turn for s in note.sections for x in s.sentences for e in x.evidence}


def asked_out(note: Draft) -> set[int]:
    return {h.turn for h in note.held_back if h.reason == "asked_not_to_record"}


@pytest.mark.parametrize(
    "words",
    [
        "Don't write that down.",
        "nah don't put that on paper",
        "Can you not write that bit?",
        "Keep that out of it, okay?",
        "Leave that out please.",
        "Off the record, I owe him money.",
        "That's between you and me.",
        "just between us",
        "That's not for the notes.",
        "I don't want that in there.",
        "I'd rather that wasn't written anywhere.",
        "Could we leave my brother out of it?",
        "that thing about my brother, leave it out",
        "and don't be writing none of this",
        "that don't need to go in no notes",
        "This stays in this room.",
        "Pen down for a sec.",
        "Can you stop typing for a minute?",
        "Forget I said that.",
        "I don't want nobody reading that.",
        "It's kind of private.",
        "No lo escribas.",
        "Scratch that.",
        "Let's not put that in.",
        "you're not to put that in your notebook",  # northern English
        "this you will not write, please",  # second-language English
        "please no put in the paper that one",
        "pls not in your file",  # chat
        "dont put that anywhere",
        "and write nothing about the boat",
        "hush it a minute",
        "Mute the recorder, would you.",
        "y'all don't put the pawn shop in there",
        "Leave the whole boat business out of whatever you send.",
        "nah leave that",
        "don't let that get in any paper",
        "and don't be bringing that up neither",
    ],
)
def test_ways_of_asking_are_heard(words: str) -> None:
    session = session_of("P: I won forty on a horse.", f"P: {words}")
    assert [r.at for r in find_requests(session.turns, rules=RULES.requests)][-1:] == [1]


@pytest.mark.parametrize(
    "words",
    [
        "I didn't write it down so I forgot.",  # about herself
        "Things between us are better now, me and my sister.",  # not with the peer
        "I took the trash out.",
        "I keep the kids out of trouble.",
        "Put that in the note, I want that in.",  # the opposite
        "Make sure you write that down.",
        "I don't mind if you write that.",
        "don't leave that out",
        "I wrote down three things.",
        "I don't put sugar in my coffee.",
        "my record came back clean",
        "I don't want a small fine to spoil my record.",
        "She don't say nothing, she just drives.",  # about somebody
        "I want my name off the lease.",
        "they say nothing about the rent",
    ],
)
def test_other_sentences_are_not_taken_for_requests(words: str) -> None:
    assert find_requests(session_of(f"P: {words}").turns, rules=RULES.requests) == ()


def test_a_request_afterwards_covers_the_turn_and_the_story_before_it() -> None:
    note = draft(
        "Q: What happened then?",
        "P: I borrowed two hundred from my uncle for the deposit.",
        "Q: Okay.",
        "P: He doesn't know my aunt gave me the same.",
        "Q: Mhm.",
        "P: Don't write that down.",
        "Q: I won't. So what about the class?",
        "P: I'm going to start the welding class on Monday.",
    )
    assert {2, 4, 6} <= asked_out(note)
    assert cited(note) == {8}


def test_a_request_beforehand_covers_until_it_is_lifted() -> None:
    note = draft(
        "P: I'm going to start the welding class on Monday.",
        "P: This next bit's between us.",
        "Q: Just us.",
        "P: I want to see a man from the choir again.",
        "Q: How is that?",
        "P: I feel scared and happy about it. Ok, you can write again. I want my own flat by June.",
    )
    texts = [x.text for s in note.sections for x in s.sentences]
    assert cited(note) == {1, 6}
    assert "I want my own flat by June." in texts
    assert not any("choir" in text or "happy" in text for text in texts)


def test_a_topic_named_later_is_left_out_everywhere() -> None:
    note = draft(
        "P: I'm worried about the loan from my brother.",
        "Q: And the week?",
        "P: I finished the welding course on Friday.",
        "Q: Well done.",
        "P: I want to pay my brother's loan back by June.",
        "Q: Anything to change?",
        "P: That thing about the loan, leave it out. I want to sleep better.",
    )
    assert {1, 5, 7} <= asked_out(note)
    assert cited(note) == {3}


def test_saying_the_same_elsewhere_is_covered_too() -> None:
    note = draft(
        "P: I want to visit my daughter in Leeds prison next month.",
        "Q: Go on.",
        "P: Don't put that in the note.",
        "Q: It's out. What else is next?",
        "P: I'm going to start the welding class on Monday.",
        "Q: And after?",
        "P: I'll book the visit to the prison in Leeds.",
    )
    assert cited(note) == {5}


@pytest.mark.parametrize(
    ("offer", "answer", "is_out"),
    [
        ("Do you want me to leave that out?", "Yeah, please.", True),
        ("Do you want me to leave that out?", "No, it's fine.", False),
        ("Is it okay if I write that down?", "Yeah, go ahead.", False),
        ("Is it okay if I write that down?", "No, rather not.", True),
        ("Is it okay if I write that down?", "Hmm.", True),  # silence is not permission
    ],
)
def test_an_answer_to_the_peers_question_counts(offer: str, answer: str, *, is_out: bool) -> None:
    note = draft("P: I want to move in with my aunt in May.", f"Q: {offer}", f"P: {answer}")
    assert (1 in asked_out(note)) is is_out
    assert (1 in cited(note)) is not is_out


def test_the_answer_to_an_open_question_is_left_out() -> None:
    note = draft(
        "P: The accordion wakes my neighbour up and I feel bad about it.",
        "Q: What will you do?",
        "P: I'm going to start the welding class on Monday.",
        "Q: Anything you want left out of the note?",
        "P: The accordion.",
        "Q: Right you are.",
    )
    assert 1 in asked_out(note)
    assert cited(note) == {3}


def test_nothing_is_left_out_when_the_open_question_gets_a_no() -> None:
    note = draft(
        "P: I'm going to start the welding class on Monday.",
        "Q: Anything you want left out of the note?",
        "P: No, nothing.",
    )
    assert cited(note) == {1}


def test_what_the_question_before_a_request_names_is_covered() -> None:
    note = draft(
        "P: I want to sell the trumpet in May.",
        "Q: Okay.",
        "P: I'm going to start the welding class on Monday.",
        "Q: Good. Who knows about the trumpet?",
        "P: No one. Don't put it anywhere.",
    )
    assert cited(note) == {3}


def test_what_the_peer_names_when_agreeing_is_covered() -> None:
    note = draft(
        "P: I want to sell the trumpet in May.",
        "Q: Okay.",
        "P: I'm going to start the welding class on Monday.",
        "Q: What else?",
        "P: Walking the dog at six helps me stay calm. And that other thing, don't write it.",
        "Q: The trumpet is out.",
    )
    assert cited(note) <= {3}


@pytest.mark.parametrize(
    "lift",
    ["You can turn it on now.", "ok you can take the pen", "On again, please.", "Open the book."],
)
def test_ways_of_lifting_are_heard(lift: str) -> None:
    note = draft(
        "P: Close the recorder for a minute.",
        "Q: It's closed.",
        "P: I want to sell grandpa's trumpet on Thursday.",
        "Q: Okay.",
        f"P: {lift}",
        "Q: Right.",
        "P: I'm going to start the welding class on Monday.",
    )
    assert cited(note) == {7}


def test_together_says_nothing_of_what_was_kept_out() -> None:
    note = draft(
        "P: I pawned the silver ring.",
        "P: Don't write that down.",
        "Q: It stays out, I promise.",
        "P: Thanks.",
        "Q: We looked at how to get the silver ring back.",
        "Q: We practised the call to the landlord.",
    )
    texts = [x.text for s in note.sections for x in s.sentences]
    assert texts == ["We practised the call to the landlord."]


_OPEN = (
    "I want to finish the welding course by June.",
    "I'm going to call the landlord tomorrow about the boiler.",
    "Walking the dog at six helps me stay calm.",
    "My neighbour always picks up when I call.",
    "I cooked lentils for eleven people and I'm proud of it.",
    "Could you print the bus timetable for me?",
)
_SECRET = (
    "I want to leave Gethin and move to Malta.",
    "I'm going to sell grandpa's trumpet on Thursday.",
    "I was scared because I dented the priest's van.",
    "I finally kissed the accordion teacher.",
)
_BEFORE = (
    "This next bit is just between us.",
    "Can I tell you something off the record?",
    "Don't write this next part.",
)
_AFTER = (
    "Don't write that down.",
    "keep that out of the note please",
    "that's not for the notes",
    "I don't want that in there.",
)
_LIFT = ("Ok, you can write again.", "You can write now.", "Okay, back on the record.")


@settings(max_examples=40)
@given(
    st.permutations(_OPEN),
    st.permutations(_SECRET).map(lambda found: found[:2]),
    st.integers(0, 5),
    st.booleans(),
    st.sampled_from(_BEFORE),
    st.sampled_from(_AFTER),
    st.sampled_from(_LIFT),
)
def test_what_was_asked_to_stay_out_is_never_cited(
    open_lines: list[str],
    secrets: list[str],
    at: int,
    is_before: bool,
    before: str,
    after: str,
    lift: str,
) -> None:
    lines = [f"P: {line}" for line in open_lines[:at]]
    block = [before, *secrets, lift] if is_before else [f"{secrets[0]} {after}"]
    first = len(lines) + 1
    lines += [f"P: {line}" for line in block]
    last = len(lines)
    lines += [f"P: {line}" for line in open_lines[at:]]
    note = draft(*lines)
    assert not cited(note) & set(range(first, last + 1))
    assert set(range(first, last)) <= asked_out(note)
    telling = {"Gethin", "Malta", "trumpet", "priest", "accordion"}
    texts = " ".join(x.text for s in note.sections for x in s.sentences)
    assert not any(word in texts for word in telling)


class Hearing:
    """A reader of conversations that hears a request in the statements that hold `word`."""

    def __init__(self, word: str) -> None:
        self._word = word

    def read(self, turns: Sequence[DeidentifiedTurn], statements: Sequence[Statement]) -> Reading:
        n = len(statements)
        return Reading(
            judged=Judged(
                classes=np.full((n, N_CLASSES), 1 / N_CLASSES, dtype=np.float32),
                salience=np.full((n, N_SALIENCE), 1 / N_SALIENCE, dtype=np.float32),
            ),
            asked=np.array(
                [0.95 if self._word in s.text else 0.001 for s in statements], dtype=np.float32
            ),
        )


def cover_of(*lines: str, hears: str) -> set[int]:
    session = session_of(*lines)
    note = write_draft(
        session, model=None, encoder=WordEncoder(), nlp=load_parser(),
        reader=cast("Reader", Hearing(hears)),
    )  # fmt: skip
    return asked_out(note)


def test_words_that_only_sound_like_a_request_cover_nothing() -> None:
    lines = (
        "P: I walked to the allotment and planted the beans with my sister.",
        "Q: And then?",
        "P: Leave that out of the rain, I told her, the seed box.",
    )
    assert cover_of(*lines, hears="nothing") == set()
    assert 3 in cover_of(*lines, hears="Leave")


def test_what_the_reader_hears_stays_out_without_a_rule() -> None:
    lines = (
        "P: I planted the beans with my sister on Sunday morning.",
        "Q: Good.",
        "P: The bit about the landlord is nobody's business but mine.",
    )
    assert cover_of(*lines, hears="landlord") == {3}


class HearingRequests(RequestReader):
    """Hears a request in one turn that asks for the statements of others."""

    def __init__(self, at: int, out: set[int]) -> None:
        self._at, self._out = at, out

    def read(self, turns, statements, *, known=()):
        chances = [0.9 if statement.turn in self._out else 0.1 for statement in statements]
        place = Place(at=self._at, start=0, end=4, kind="ask")
        return RequestReading(places=(place,), out=np.array(chances, dtype=np.float32))


def test_what_the_reader_of_requests_hears_stays_out_with_what_the_peer_says_around_it() -> None:
    lines = (
        "Q: How was the week?",
        "P: I walked to the library on my own every single morning.",
        "Q: And the money?",
        "P: I borrowed forty pounds from the purse of my sister.",
        "Q: From her purse.",
        "P: She would go spare, so that lives and dies in this car with you.",
        "Q: It dies here.",
        "P: In the evenings I do the crossword at the kitchen table.",
    )
    heard = write_draft(
        session_of(*lines), model=None, encoder=WordEncoder(), nlp=load_parser(),
        requests=HearingRequests(5, {4, 6}),
    )  # fmt: skip
    assert not asked_out(draft(*lines))
    assert not {4, 6} & cited(heard)
    assert 2 in cited(heard)
    assert asked_out(heard) == {4, 5, 6, 7}
