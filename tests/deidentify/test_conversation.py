"""One decision per conversation, and the way back."""

from __future__ import annotations

import pytest

from assistant.deidentify import Correction, remove_identifiers, restore_names
from assistant.records import Transcript, Turn


def session(*lines: str) -> Transcript:
    turns = []
    for number, line in enumerate(lines, 1):
        speaker, _, text = line.partition(": ")
        turns.append(Turn(number=number, speaker=speaker, text=text))
    return Transcript(turns=tuple(turns), source_format="plain")


def texts(transcript, detector, **options):
    hidden, _ = remove_identifiers(transcript, detector=detector, **options)
    return [turn.text for turn in hidden.turns]


def test_a_speaker_label_is_hidden_wherever_it_is_said(detector):
    transcript = session(
        "Zdenka Rill: Morning.",
        "Tove: Hi Zdenka, did Ms. Rill's letter come?",
        "Zdenka Rill: ZDENKA got it.",
    )
    hidden, _ = remove_identifiers(transcript, detector=detector)
    assert [turn.speaker for turn in hidden.turns] == ["<PERSON_1>", "<PERSON_2>", "<PERSON_1>"]
    assert hidden.turns[1].text == "Hi <PERSON_1>, did Ms. <PERSON_1>'s letter come?"
    assert hidden.turns[2].text == "<PERSON_1> got it."


@pytest.mark.parametrize(
    "written",
    [
        "zdenka came by.",  # no capital
        "Zdenka's cat came by.",  # possessive
        "Zdeka came by.",  # a letter dropped
        "Zdnekas mother and Zdenak came by.",  # letters swapped
        "That's Z, d, e, n, k, a.",  # spelled out
    ],
)
def test_a_name_is_found_again_however_it_is_written(detector, written):
    out = texts(session("Zdenka: Hello.", f"Tove: {written}"), detector)
    assert "<PERSON_1>" in out[1]
    assert "zde" not in out[1].lower().replace("zdnekas", "")


def test_a_name_that_is_a_word_is_hidden_only_where_it_is_the_name(detector):
    out = texts(
        session("Hope: Hi.", "Tove: Thanks, Hope. I hope so. Hope you slept.", "Hope: Some."),
        detector,
    )
    assert out[1] == "Thanks, <PERSON_1>. I hope so. Hope you slept."


@pytest.mark.parametrize("label", ["Peer", "Speaker 2", "Facilitator", "Unknown"])
def test_a_role_as_a_label_is_not_taken_for_a_name(detector, label):
    out = texts(session(f"{label}: The peer speaker at group was kind.", "Zdenka: Yes."), detector)
    assert out[0] == "The peer speaker at group was kind."


def test_text_without_capitals_is_searched_too(detector):
    transcript = session(
        "tavon: hey its tavon here",
        "lou: hi tavon how is your cousin keisha",
        "tavon: keisha is at harbor house on maple street",
    )
    out = texts(transcript, detector)
    assert out[1] == "hi <PERSON_1> how is your cousin <PERSON_3>"
    assert out[2] == "<PERSON_3> is at <ORG_1> on <LOCATION_1>"


def test_one_number_said_and_written_has_one_surrogate(detector):
    out = texts(
        session("Zdenka: It's five five five, oh one four two.", "Tove: So call 555-0142."),
        detector,
    )
    assert "<PHONE_1>" in out[0]
    assert "<PHONE_1>" in out[1]


def test_a_typed_surrogate_cannot_pass_for_a_real_one(detector):
    transcript = session("Zdenka: I am <PERSON_1> and <person_7>.", "Tove: Hello Zdenka.")
    hidden, surrogates = remove_identifiers(transcript, detector=detector)
    assert hidden.turns[0].text == "I am <PERSON_1> and <person_7>."
    assert hidden.turns[0].speaker == "<PERSON_8>"
    assert hidden.turns[1].text == "Hello <PERSON_8>."
    assert (
        restore_names(hidden.turns[0].text, surrogates=surrogates, turns=[1])
        == transcript.turns[0].text
    )


def test_corrections_win(detector):
    transcript = session("Zdenka: The Tuesday crowd met Odalys at the old mill.", "Tove: Nice.")
    out = texts(
        transcript,
        detector,
        corrections=(
            Correction(surface="the old mill", action="hide", type="LOCATION"),
            Correction(surface="Odalys", action="show", type="PERSON"),
        ),
    )
    assert out[0] == "The Tuesday crowd met Odalys at <LOCATION_1>."


def test_restore_prefers_the_words_of_the_cited_turn(detector):
    transcript = session(
        "Zdenka Rill: Hi.", "Tove: I told Zdenka.", "Tove: Zdenka Rill, the baker."
    )
    hidden, surrogates = remove_identifiers(transcript, detector=detector)
    text = "I told <PERSON_1>, <PERSON_9>."
    assert restore_names(text, surrogates=surrogates, turns=[2]) == "I told Zdenka, <PERSON_9>."
    assert restore_names(text, surrogates=surrogates, turns=[]) == "I told Zdenka Rill, <PERSON_9>."
    assert "Zdenka" not in repr((hidden, surrogates))


def test_an_empty_session_and_empty_turns_are_fine(detector):
    assert texts(Transcript(turns=(), source_format="plain"), detector) == []
    assert texts(session("Zdenka: ", "Tove:  …"), detector) == ["", " …"]
