"""Words of the agency: behind the person's own corrections, and never over a reason to hide."""

from __future__ import annotations

import pytest

from assistant.deidentify import Correction, Detector
from assistant.deidentify.detector import build_lexicon
from assistant.deidentify.recognizers import build_engine
from assistant.deidentify.rules import load_rules
from assistant.resources import resource_path
from tests.deidentify.test_conversation import session, texts

GUESSED = "Tove: I go to Wellspring every Tuesday."  # nothing but the tagger or capitals hides it


def rule(surface: str, action: str, *, by: str = "agency", type_: str = "ORG") -> Correction:
    return Correction(surface=surface, action=action, type=type_, by=by)  # type: ignore[arg-type]


def test_a_word_hidden_for_everybody_is_hidden(detector):
    transcript = session("Zdenka: We meet at the boathouse.", "Tove: The boathouse is warm.")
    assert texts(transcript, detector)[0] == "We meet at the boathouse."
    out = texts(transcript, detector, corrections=(rule("boathouse", "hide"),))
    assert out == ["We meet at the <ORG_1>.", "The <ORG_1> is warm."]


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (rule("boathouse", "show", by="person"), "We meet at the boathouse."),
        (
            rule("Boathouse", "hide", by="person", type_="LOCATION"),
            "We meet at the <LOCATION_1>.",
        ),
    ],
)
def test_what_was_decided_for_the_person_wins(detector, own, expected):
    transcript = session("Zdenka: We meet at the boathouse.")
    for corrections in ((own, rule("boathouse", "hide")), (rule("boathouse", "hide"), own)):
        assert texts(transcript, detector, corrections=corrections) == [expected]


def test_a_word_shown_for_everybody_is_shown_where_only_a_guess_hid_it(detector):
    transcript = session(GUESSED, "Zdenka: Wellspring is good.", "Tove: My sister Ana likes it.")
    hidden = texts(transcript, detector)
    assert "Wellspring" not in hidden[0]
    out = texts(transcript, detector, corrections=(rule("wellspring", "show"),))
    assert out[:2] == ["I go to Wellspring every Tuesday.", "Wellspring is good."]
    assert "Ana" not in out[2]


# Each line holds one reason to hide the word, in another turn than the guess.
REASONS = {
    "a speaker": "Wellspring: Hi there.",
    "part of a speaker": "Ana Wellspring: Hi there.",
    "an introduction": "Zdenka: My sister Wellspring came by.",
    "a name in full": "Zdenka: My sister Ana Wellspring came by.",
    "what somebody is called": "Zdenka: My name is Wellspring.",
    "a title": "Zdenka: Dr. Wellspring said so.",
    "an organisation": "Zdenka: I sleep at Wellspring House.",
    "a house written small": "zdenka: we stayed at wellspring house last week",
}


@pytest.mark.parametrize("line", REASONS.values(), ids=REASONS)
def test_one_reason_anywhere_keeps_a_word_hidden(detector, line):
    corrections = (rule("Wellspring", "show"), rule("wellspring house", "show"))
    out = " ".join(texts(session(GUESSED, line), detector, corrections=corrections))
    assert "wellspring" not in out.casefold()


def test_a_speakers_name_with_one_letter_wrong_stays_hidden(detector):
    transcript = session("Odalis: Hi there.", "Tove: We went to Odalys with the crowd.")
    out = texts(transcript, detector, corrections=(rule("Odalys", "show"),))
    assert "Odalys" not in out[1]


def test_what_the_peer_hid_for_the_person_stays_hidden(detector):
    corrections = (rule("Wellspring", "hide", by="person"), rule("Wellspring", "show"))
    assert texts(session(GUESSED), detector, corrections=corrections) == [
        "I go to <ORG_1> every Tuesday."
    ]


def test_a_word_hidden_and_shown_for_everybody_is_hidden(detector):
    corrections = (rule("Wellspring", "show"), rule("Wellspring", "hide"))
    assert "Wellspring" not in texts(session(GUESSED), detector, corrections=corrections)[0]


@pytest.mark.parametrize(
    ("said", "surface"),
    [
        ("Call me on 555-010-0142 later.", "555-010-0142"),
        ("Write to odalys@example.org please.", "odalys@example.org"),
        ("It was on March 3, 1987.", "March 3, 1987"),
        ("The case number is 22-CR-01987.", "22-CR-01987"),
    ],
)
def test_numbers_addresses_and_dates_are_never_shown_for_everybody(detector, said, surface):
    out = texts(session(f"Zdenka: {said}"), detector, corrections=(rule(surface, "show"),))
    assert surface not in out[0]


def test_the_list_of_identifiers_toml_wins(detector, tmp_path):
    text = resource_path("policies/identifiers.toml").read_text(encoding="utf-8")
    own = tmp_path / "identifiers.toml"
    own.write_text(text.replace("programmes = []", 'programmes = ["Wellspring"]', 1))
    rules = load_rules(own)
    assert rules.agency.programmes == ("Wellspring",)
    lexicon = build_lexicon(detector.nlp, rules)
    engine = build_engine(detector.nlp, lexicon)
    listing = Detector(detector.nlp, engine, lexicon, detector.tagger)
    out = texts(session(GUESSED), listing, corrections=(rule("Wellspring", "show"),))
    assert out == ["I go to <ORG_1> every Tuesday."]


def test_a_correction_does_not_show_its_word_in_a_log():
    assert "boathouse" not in repr(rule("boathouse", "hide"))
