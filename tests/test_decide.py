"""Editing, approving and the states of a session."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.decide import (
    MAX_SENTENCE_CHARS,
    MAX_STATEMENT_CHARS,
    MAX_STATEMENTS,
    REASONS,
    TRANSITIONS,
    Event,
    SessionState,
    add_sentence,
    add_statement,
    build_note,
    canonical_form,
    change_sentence,
    check_decision,
    leave_out_sentence,
    leave_out_words,
    next_state,
    note_digest,
    record_decision,
)
from assistant.errors import DecisionError, InputError, OwnWordsError, SpanError
from assistant.records import (
    SECTION_NAMES,
    Decision,
    Evidence,
    Note,
    NoteSection,
    NoteSentence,
    Section,
    Sentence,
    Verb,
)

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
SAID = (Evidence(turn=4, start=0, end=40),)
NOTE = Note(
    note_id="note-7",
    session_id="session-7",
    person_id="ines",
    names="out",
    sections=(
        NoteSection(
            name="matters",
            sentences=(
                NoteSentence(text="I want my Sundays back.", origin="verbatim", evidence=SAID),
                NoteSentence(text="The choir is mine.", origin="rewritten", evidence=SAID),
            ),
        ),
        NoteSection(
            name="next_step",
            sentences=(
                NoteSentence(
                    text="I'll ask <PERSON_2> for the key.", origin="verbatim", evidence=SAID
                ),
            ),
        ),
    ),
)


def decision(note: Note = NOTE, **changes: Any) -> Decision:
    whole: dict[str, Any] = {
        "verb": "approve",
        "note_id": note.note_id,
        "digest": note_digest(note),
        "decided_by": note.person_id,
        "decided_at": NOW,
    }
    return Decision(**(whole | changes))


def text_of(note: Note, section: int, sentence: int) -> str:
    return note.sections[section].sentences[sentence].text


# ---------------------------------------------------------------- the exact text


WORDS = st.text(max_size=12)
SENTENCES = st.builds(
    NoteSentence,
    text=WORDS,
    origin=st.just("verbatim"),
    evidence=st.just(()),
)
NOTES = st.builds(
    Note,
    note_id=WORDS,
    session_id=WORDS,
    person_id=WORDS,
    names=st.sampled_from(["in", "out"]),
    sections=st.lists(
        st.builds(
            NoteSection,
            name=st.sampled_from(SECTION_NAMES),
            sentences=st.lists(SENTENCES, max_size=3).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
    statements=st.lists(WORDS, max_size=3).map(tuple),
)


@given(NOTES, NOTES)
def test_two_different_notes_never_share_a_form(one: Note, other: Note) -> None:
    assert (canonical_form(one) == canonical_form(other)) == (one == other)
    assert (note_digest(one) == note_digest(other)) == (one == other)


@given(
    note=NOTES.filter(lambda n: any(s.sentences for s in n.sections)),
    data=st.data(),
    char=st.characters(exclude_categories=["Cs"]),
)
def test_one_character_more_less_or_other_gives_another_digest(
    note: Note, data: st.DataObject, char: str
) -> None:
    where = [(i, j) for i, s in enumerate(note.sections) for j in range(len(s.sentences))]
    i, j = data.draw(st.sampled_from(where))
    old = text_of(note, i, j)
    at = data.draw(st.integers(0, len(old)))
    keep = data.draw(st.booleans())
    new = old[:at] + data.draw(st.sampled_from([char, ""])) + old[at + (not keep) :]
    section = note.sections[i]
    sentences = list(section.sentences)
    sentences[j] = replace(sentences[j], text=new)
    sections = list(note.sections)
    sections[i] = replace(section, sentences=tuple(sentences))
    edited = replace(note, sections=tuple(sections))
    assert (note_digest(edited) == note_digest(note)) == (new == old)


# The same words, cut into sentences in another place.
ONE_SENTENCE = NoteSection(
    name="matters",
    sentences=(
        NoteSentence(
            text="I want my Sundays back. The choir is mine.", origin="verbatim", evidence=SAID
        ),
    ),
)


@pytest.mark.parametrize(
    "other",
    [
        replace(NOTE, names="in"),
        replace(NOTE, person_id="mara"),
        replace(NOTE, note_id="note-8"),
        replace(NOTE, session_id="session-8"),
        replace(NOTE, sections=NOTE.sections[::-1]),
        replace(NOTE, sections=NOTE.sections[:1]),
        replace(NOTE, statements=("I see it another way.",)),
        replace(NOTE, sections=(ONE_SENTENCE, NOTE.sections[1])),
        # the same look, composed of other code points: no normalisation
        change_sentence(NOTE, section="matters", sentence=0, text="I want my Sunda\u00fds back."),
        change_sentence(NOTE, section="matters", sentence=0, text="I want my Sunday\u0301s back."),
        change_sentence(NOTE, section="matters", sentence=0, text="I want my  Sundays back."),
        change_sentence(NOTE, section="matters", sentence=0, text="I want my Sundays back. "),
    ],
)  # fmt: skip
def test_any_other_text_order_or_name_is_another_note(other: Note) -> None:
    assert note_digest(other) != note_digest(NOTE)


def test_statements_in_another_order_are_another_note() -> None:
    one = add_statement(add_statement(NOTE, "First."), "Second.")
    other = add_statement(add_statement(NOTE, "Second."), "First.")
    assert note_digest(one) != note_digest(other)


def test_digest_is_sha256_and_the_same_each_time() -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", note_digest(NOTE))
    assert note_digest(NOTE) == note_digest(replace(NOTE))


# ---------------------------------------------------------------- making and changing a note


def draft_section(*texts: str, name: Any = "matters") -> Section:
    return Section(
        name=name,
        sentences=tuple(
            Sentence(text=text, origin="rewritten", evidence=SAID, own_words=1.0) for text in texts
        ),
    )


def build(*sections: Section, **changes: Any) -> Note:
    ids = {"note_id": "note-7", "session_id": "session-7", "person_id": "ines", "names": "out"}
    return build_note(sections=sections, **(ids | changes))


def test_build_note_takes_over_sentences_in_order_and_drops_what_is_empty() -> None:
    note = build(draft_section("One.", " ", "Two."), draft_section(name="hard"))
    assert [(s.name, [x.text for x in s.sentences]) for s in note.sections] == [
        ("matters", ["One.", "Two."])
    ]
    assert note.sections[0].sentences[0].evidence == SAID


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("I called\tthe office.\n", "I called the office. "),
        ("\u2067Sam\u2069 said so.", "Sam said so."),  # chat exports wrap names like this
        ("Bell\x07.", "Bell."),
        ("می\u200cخواهم", "می\u200cخواهم"),  # Persian needs its joiner
        ("👩🏽\u200d🎤", "👩🏽\u200d🎤"),
    ],
)
def test_build_note_shows_exactly_what_will_be_approved(said: str, shown: str) -> None:
    assert text_of(build(draft_section(said)), 0, 0) == shown


@pytest.mark.parametrize(
    ("sections", "changes"),
    [
        ([draft_section("One."), draft_section("Two.")], {}),  # one section twice
        ([draft_section("One.", name="diagnosis")], {}),
        ([draft_section("One.")], {"person_id": " "}),
        ([draft_section("One.")], {"note_id": ""}),
        ([draft_section("One.")], {"session_id": ""}),
    ],
)
def test_build_note_refuses_what_cannot_be_a_note(
    sections: list[Section], changes: dict[str, str]
) -> None:
    with pytest.raises(InputError):
        build(*sections, **changes)


def test_change_sentence_marks_it_written_and_keeps_its_evidence() -> None:
    changed = change_sentence(NOTE, section="matters", sentence=1, text="Choir is mine.")
    assert changed.sections[0].sentences[1] == NoteSentence(
        text="Choir is mine.", origin="written", evidence=SAID
    )
    assert changed.sections[0].sentences[0] == NOTE.sections[0].sentences[0]
    assert changed.sections[1] == NOTE.sections[1]
    assert text_of(NOTE, 0, 1) == "The choir is mine."


def test_change_sentence_to_the_same_words_changes_nothing() -> None:
    text = text_of(NOTE, 0, 0)
    assert change_sentence(NOTE, section="matters", sentence=0, text=text) == NOTE


def test_add_sentence_goes_to_the_end_of_its_section_or_makes_one_in_its_place() -> None:
    assert text_of(add_sentence(NOTE, section="matters", text="New."), 0, 2) == "New."
    added = add_sentence(NOTE, section="hard", text="Mornings are slow.")
    assert [section.name for section in added.sections] == ["matters", "hard", "next_step"]
    assert added.sections[1].sentences[0].origin == "written"
    assert added.sections[1].sentences[0].evidence == ()


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "\n",
        "a" * (MAX_SENTENCE_CHARS + 1),
        "canary\x00",
        "canary\nnext line",
        "canary \u202egnihtemos",  # shown backwards
        "canary \ud83d",
        "canary\u2028",
        "canary\x1b[2J",  # would clear a terminal
    ],
)  # fmt: skip
def test_text_that_cannot_stand_in_a_note_is_refused_without_repeating_it(text: str) -> None:
    for edit in (
        lambda: change_sentence(NOTE, section="matters", sentence=0, text=text),
        lambda: add_sentence(NOTE, section="matters", text=text),
    ):
        with pytest.raises(InputError) as refused:
            edit()
        assert "canary" not in str(refused.value)
        assert str(refused.value).endswith(".")


def test_statement_keeps_its_lines_and_has_its_own_limits() -> None:
    assert add_statement(NOTE, "I disagree.\nHere is why.").statements == (
        "I disagree.\nHere is why.",
    )
    for text in ("", "a" * (MAX_STATEMENT_CHARS + 1), "bell\x07"):
        with pytest.raises(InputError):
            add_statement(NOTE, text)
    full = replace(NOTE, statements=("No.",) * MAX_STATEMENTS)
    with pytest.raises(InputError, match=str(MAX_STATEMENTS)):
        add_statement(full, "One more.")


@pytest.mark.parametrize(("section", "sentence"), [("matters", 2), ("matters", -1), ("hard", 0)])
def test_a_sentence_that_is_not_there_cannot_be_edited(section: Any, sentence: int) -> None:
    place = {"section": section, "sentence": sentence}
    for edit in (
        lambda: change_sentence(NOTE, text="New.", **place),
        lambda: leave_out_sentence(NOTE, **place),
        lambda: leave_out_words(NOTE, start=0, end=1, **place),
    ):
        with pytest.raises(DecisionError, match="note-7"):
            edit()


def test_leaving_out_the_last_sentence_takes_the_section_along() -> None:
    left = leave_out_sentence(NOTE, section="next_step", sentence=0)
    assert [section.name for section in left.sections] == ["matters"]
    both = leave_out_sentence(NOTE, section="matters", sentence=0)
    assert [s.text for s in both.sections[0].sentences] == ["The choir is mine."]


@pytest.mark.parametrize(
    ("text", "cut", "left"),
    [
        ("I want my Sundays back.", "my ", "I want Sundays back."),
        ("I want my Sundays back.", "my", "I want Sundays back."),  # one space, not two
        ("I want my Sundays back.", " back", "I want my Sundays."),
        ("I want my Sundays back.", "back", "I want my Sundays."),
        ("I want my Sundays back.", "I want", "my Sundays back."),
        ("I want my Sundays back.", "back.", "I want my Sundays"),
        ("Nguyễn's car", "'s", "Nguyễn car"),
        ("rehearsal", "hears", "real"),  # inside a word: just as asked
    ],
)
def test_leave_out_words_closes_the_gap(text: str, cut: str, left: str) -> None:
    note = build(draft_section(text, "Other."))
    start = text.index(cut)
    after = leave_out_words(note, section="matters", sentence=0, start=start, end=start + len(cut))
    assert text_of(after, 0, 0) == left
    assert after.sections[0].sentences[0].origin == "written"
    assert text_of(after, 0, 1) == "Other."


@given(text=st.text(min_size=1, max_size=30), data=st.data())
def test_leave_out_words_removes_the_selection_and_at_most_spaces(
    text: str, data: st.DataObject
) -> None:
    note = replace(
        NOTE,
        sections=(
            NoteSection(
                name="hard",
                sentences=(NoteSentence(text=text, origin="verbatim", evidence=SAID),),
            ),
        ),
    )
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    after = leave_out_words(note, section="hard", sentence=0, start=start, end=end)
    kept = text[:start] + text[end:]
    if after.sections:
        assert text_of(after, 0, 0).replace(" ", "") == kept.replace(" ", "")
    else:
        assert not any(char.isalnum() for char in kept)


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (3, 3), (5, 2), (0, 24)])
def test_leave_out_words_refuses_offsets_outside_the_sentence(start: int, end: int) -> None:
    with pytest.raises(SpanError, match="note-7"):
        leave_out_words(NOTE, section="matters", sentence=0, start=start, end=end)


# ---------------------------------------------------------------- approval


def test_approval_of_the_exact_text_makes_an_approved_note() -> None:
    approved = record_decision(NOTE, decision())
    assert approved.note is NOTE
    assert approved.decision.digest == note_digest(NOTE)


EDITS: list[Any] = [
    lambda n: change_sentence(n, section="matters", sentence=0, text="I want my Sundays back. "),
    lambda n: leave_out_sentence(n, section="matters", sentence=0),
    lambda n: leave_out_words(n, section="matters", sentence=0, start=0, end=2),
    lambda n: add_sentence(n, section="ask", text="Call first."),
    lambda n: add_statement(n, "I see it another way."),
    lambda n: replace(n, names="in"),
]


@pytest.mark.parametrize("edit", EDITS)
def test_approval_of_an_earlier_text_does_not_hold(edit: Any) -> None:
    with pytest.raises(DecisionError, match="changed since"):
        record_decision(edit(NOTE), decision())
    record_decision(edit(NOTE), decision(edit(NOTE)))


EMPTY = replace(NOTE, sections=())
BLANK = replace(NOTE, sections=(NoteSection(name="hard", sentences=(
    NoteSentence(text="  ", origin="written", evidence=()),)),))  # fmt: skip
BROKEN = replace(NOTE, statements=("\ud83d\ude00",))  # two halves that look like one character


@pytest.mark.parametrize(
    ("note", "changes", "problem"),
    [
        (NOTE, {"note_id": "note-8"}, "another note"),
        (NOTE, {"decided_by": "tomas"}, "nobody else"),  # the peer
        (NOTE, {"decided_by": ""}, "nobody else"),
        (replace(NOTE, person_id=""), {}, "nobody else"),
        (NOTE, {"decided_at": datetime(2026, 3, 2)}, "time zone"),  # noqa: DTZ001
        (NOTE, {"reason": "because of Dana"}, "a reason is one of"),  # free text
        (NOTE, {"verb": "timeout"}, "not one of the decisions"),
        (NOTE, {"digest": ""}, "changed since"),
        (NOTE, {"digest": "é" * 64}, "changed since"),
        (NOTE, {"digest": note_digest(NOTE).upper()}, "changed since"),
        (EMPTY, {}, "empty"),
        (BLANK, {}, "empty"),
        (BROKEN, {}, "broken character"),
        *[
            (NOTE, {"verb": verb}, "only an approval")
            for verb in get_args(Verb)
            if verb != "approve"
        ],
    ],
)
def test_decision_that_does_not_fit_makes_no_approved_note(
    note: Note, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(DecisionError, match=problem):
        record_decision(note, decision(note, **changes))


@pytest.mark.parametrize("reason", [*sorted(REASONS), ""])
@pytest.mark.parametrize("verb", get_args(Verb))
def test_every_verb_takes_a_known_reason_or_none(verb: Verb, reason: str) -> None:
    # A person can refuse or withdraw whatever they last saw: no digest is asked for.
    check_decision(NOTE, decision(verb=verb, reason=reason, digest=""))


def test_a_decision_may_be_taken_in_any_time_zone() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=-7)))
    assert record_decision(NOTE, decision(decided_at=there)).decision.decided_at == NOW


def test_no_message_repeats_the_words_of_a_note() -> None:
    words = {text_of(NOTE, 0, 0), text_of(NOTE, 0, 1), "because of Dana"}
    for changes in (
        {"note_id": "x"},
        {"decided_by": "x"},
        {"digest": "x"},
        {"reason": "because of Dana"},
    ):
        with pytest.raises(OwnWordsError) as refused:
            record_decision(NOTE, decision(**changes))
        assert not any(text in str(refused.value) for text in words)


# ---------------------------------------------------------------- states


STATES, EVENTS = get_args(SessionState), get_args(Event)
WITHOUT_WORDS = {"refused", "withdrawn", "service_record_only"}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event", EVENTS)
def test_every_move_is_in_the_table_or_refused_by_name(state: SessionState, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert next_state(state, event) in STATES
    else:
        with pytest.raises(DecisionError) as refused:
            next_state(state, event)
        assert f"'{state}'" in str(refused.value)
        assert f"'{event}'" in str(refused.value)


def test_unknown_state_or_event_is_refused_without_repeating_it() -> None:
    for state, event in (("canary", "approve"), ("new", "canary")):
        with pytest.raises(DecisionError) as refused:
            next_state(state, event)  # type: ignore[arg-type]
        assert "canary" not in str(refused.value)


def test_docstring_draws_the_table_as_it_is() -> None:
    drawn: dict[tuple[str, str], str] = {}
    state = ""
    for line in (next_state.__doc__ or "").splitlines():
        row = re.fullmatch(r" {8}([a-z_]+)? +((?:\w+ > \w+,? ?)+)", line)
        if row:
            state = row[1] or state
            drawn |= {(state, e): to for e, to in re.findall(r"(\w+) > (\w+)", row[2])}
    loops = {(s, "delete_transcript"): s for s in STATES if (s, "delete_transcript") not in drawn}
    assert drawn | loops == dict(TRANSITIONS)


PATHS = st.lists(st.sampled_from(EVENTS), max_size=25)


def walk(events: list[Event]) -> list[tuple[Event, SessionState]]:
    """Follow the moves that are possible, from a new session."""
    state: SessionState = "new"
    path = []
    for event in events:
        if (state, event) in TRANSITIONS:
            state = next_state(state, event)
            path.append((event, state))
    return path


def reachable(start: SessionState, *, without: tuple[str, ...] = ()) -> set[SessionState]:
    found, todo = {start}, [start]
    while todo:
        here = todo.pop()
        for (state, event), to in TRANSITIONS.items():
            if state == here and event not in without and to not in found:
                found.add(to)
                todo.append(to)
    return found


def test_every_state_is_reachable_and_no_note_is_released_without_an_approval() -> None:
    assert reachable("new") == set(STATES)
    assert not {"approved", "released", "amending", "amended"} & reachable(
        "new", without=("approve",)
    )
    assert {state for (state, event), _ in TRANSITIONS.items() if event == "release"} == {
        "approved", "amended", "released",
    }  # fmt: skip


@given(PATHS)
def test_what_is_released_was_approved_after_its_last_edit(events: list[Event]) -> None:
    approved = False
    for event, state in walk(events):
        if event == "approve":
            approved = True
        elif event in {"change", "leave_out", "disagree", "edit_draft", "draft", "write_by_hand"}:
            approved = False
        elif event == "undecided_too_long" and state == "released":
            approved = True  # the edits are dropped and the approved text stands again
        if state in {"approved", "amended", "released"}:
            assert approved


@pytest.mark.parametrize("state", ["refused", "withdrawn", "service_record_only"])
def test_no_way_leads_back_to_words(state: SessionState) -> None:
    assert reachable(state) == {state}


def test_a_withdrawal_begun_can_only_be_finished() -> None:
    assert reachable("withdrawing") == {"withdrawing", "withdrawn"}


def test_the_person_can_always_end_it_in_one_step_while_there_are_words() -> None:
    for state in set(STATES) - WITHOUT_WORDS - {"new", "withdrawing"}:
        assert next_state(state, "withdraw") == "withdrawing"


@pytest.mark.parametrize("verb", ["change", "leave_out", "disagree"])
def test_an_edit_voids_the_approval(verb: Event) -> None:
    assert next_state("approved", verb) == "handed_over"
    assert next_state("amended", verb) == "amending"


def test_deciding_later_and_silence_are_never_an_approval() -> None:
    assert next_state("handed_over", "decide_later") == "handed_over"
    assert next_state("handed_over", "undecided_too_long") == "service_record_only"
    assert next_state("amending", "undecided_too_long") == "released"
