"""Safety topics are surfaced, context lowers and never silences, and people settle prompts."""

from __future__ import annotations

from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from assistant.errors import DecisionError, SettingError
from assistant.records import Deidentified, DeidentifiedTurn, IdentifierSpan, SafetyTopic
from assistant.resources import resource_path
from assistant.review import load_safety_rules, next_safety_state, surface_topics
from assistant.review.safety_state import SafetyAction, SafetyState, is_settled

RULES = load_safety_rules()
CASES = YAML(typ="safe").load(Path(__file__).parent / "data" / "safety_cases.yaml")
POSITIVE = [(topic, text) for topic, texts in CASES["positive"].items() for text in texts]
PROTECTED = (
    "self_harm_suicide",
    "harm_to_others",
    "abuse_neglect_child",
    "abuse_vulnerable_adult",
)


def surface(text: str, role="person"):
    turn = DeidentifiedTurn(
        number=1, speaker="<PERSON_1>", role=role, text=text, n_chars_original=len(text)
    )
    return surface_topics(Deidentified(turns=(turn,)), rules=RULES)


@pytest.mark.parametrize(("topic", "text"), POSITIVE)
def test_a_listed_sentence_surfaces_its_topic(topic, text):
    assert topic in {prompt.topic for prompt in surface(text)}


@pytest.mark.parametrize("text", CASES["plain"])
def test_plain_talk_is_not_lowered(text):
    assert "plain" in {prompt.prominence for prompt in surface(text)}


@pytest.mark.parametrize("text", CASES["negative"]["silent"])
def test_ordinary_talk_surfaces_nothing(text):
    assert surface(text) == ()


@pytest.mark.parametrize("text", CASES["negative"]["low"])
def test_what_might_be_meant_is_low_at_most(text):
    assert {prompt.prominence for prompt in surface(text)} <= {"low"}


@pytest.mark.parametrize("case", CASES["lowered"], ids=lambda case: case["text"])
def test_context_lowers_and_never_silences(case):
    found = [prompt for prompt in surface(case["text"]) if prompt.topic == case["topic"]]
    assert found
    if case["context"]:
        assert all(prompt.prominence == "low" for prompt in found)
        assert any(case["context"] in prompt.context for prompt in found)
    else:
        assert any(prompt.prominence == "plain" for prompt in found)


@pytest.mark.parametrize(("topic", "text"), POSITIVE)
def test_speech_recognition_text_reads_the_same(topic, text):
    # lower case, no apostrophes, no punctuation: what recognizers often give
    raw = "".join(c for c in text.lower() if c.isalnum() or c.isspace())
    assert topic in {prompt.topic for prompt in surface(raw)}


@pytest.mark.parametrize(
    ("topic", "text"), [(t, s) for t, s in POSITIVE if t in PROTECTED and s.isascii()]
)
@pytest.mark.parametrize("frame", ["I never said this: {}", "Years ago, {}", "In the movie, {}"])
def test_no_frame_makes_a_protected_topic_go_silent(topic, text, frame):
    assert topic in {prompt.topic for prompt in surface(frame.format(text))}


@pytest.mark.parametrize("role", ["person", "peer", "other"])
def test_every_speaker_is_read(role):
    (prompt,) = surface("I want to kill myself.", role=role)
    assert prompt.said_by == role


def test_offsets_point_into_the_original_words():
    # original: "Rosalind's boyfriend chokes me" -> "<PERSON_2>'s boyfriend chokes me"
    text = "Well, <PERSON_2> told my boyfriend. My boyfriend hits me."
    turn = DeidentifiedTurn(
        number=7,
        speaker="<PERSON_1>",
        role="person",
        text=text,
        spans=(
            IdentifierSpan(
                start=6, end=8, type="PERSON", surrogate="<PERSON_2>", score=1.0,
                out_start=6, out_end=16,
            ),
        ),
        n_chars_original=len(text) - 8,
    )  # fmt: skip
    original = text.replace("<PERSON_2>", "Jo")
    (prompt,) = surface_topics(Deidentified(turns=(turn,)), rules=RULES)
    assert prompt.turn == 7
    assert original[prompt.start : prompt.end] == "My boyfriend hits me"


def test_one_sentence_gives_one_prompt_a_topic():
    text = "I want to die, I want to kill myself. The bus came. I wish I was dead."
    prompts = [prompt for prompt in surface(text) if prompt.topic == "self_harm_suicide"]
    assert [text[prompt.start : prompt.end].split()[0] for prompt in prompts] == ["want", "wish"]


def test_a_prompt_is_plain_when_any_passage_of_it_is():
    text = "Years ago I used to cut myself. I want to die."
    assert [prompt.prominence for prompt in surface(text)] == ["low", "plain"]


def test_an_idiom_taken_back_is_plain():
    assert surface("I could kill him, and I mean it.")[0].prominence == "plain"


def test_a_present_word_takes_the_past_back():
    (prompt,) = surface("When I was a kid I cut myself and last night I cut myself again.")
    assert prompt.prominence == "plain"


def test_a_prompt_carries_no_words_and_no_level():
    (prompt,) = surface("I want to kill myself.")
    assert "kill" not in repr(prompt)
    assert {"risk", "level", "score"}.isdisjoint(type(prompt).__dataclass_fields__)


@given(st.text(max_size=200))
def test_any_text_is_read_without_error_and_offsets_lie_inside(text):
    for prompt in surface(text):
        assert 0 <= prompt.start < prompt.end <= len(text)


@given(st.text(alphabet="ßİﬁé'’ aIdiekmyslf.\n", max_size=80))
def test_letters_that_grow_when_lowered_keep_their_place(text):
    prompts = surface(text + " I want to kill myself")
    full = text + " I want to kill myself"
    assert any(full[p.start : p.end].endswith("kill myself") for p in prompts)


def test_every_topic_has_cues_in_both_languages():
    assert [topic for topic, _ in RULES.cues] == list(get_args(SafetyTopic))


def test_the_prompt_offers_five_actions_and_none_is_chosen():
    assert [action.label for action in RULES.prompt.actions] == [
        "Open passage",
        "We already handled this",
        "Call supervisor",
        "Show protocol",
        "Not what it looks like",
    ]
    assert "You decide" in RULES.prompt.text
    assert "risk" not in RULES.prompt.text


# ---------------------------------------------------------------- the peer's answer


@pytest.mark.parametrize(
    ("actions", "state"),
    [
        (("surface",), "surfaced"),
        (("surface", "open_passage"), "acknowledged"),
        (("surface", "acknowledge", "already_handled"), "handled_before_draft"),
        (("surface", "show_protocol", "call_supervisor"), "passed_to_supervisor"),
        (("surface", "acknowledge", "not_what_it_looks_like"), "not_applicable"),
        (("surface", "acknowledge", "call_supervisor", "clear"), "cleared"),
    ],
)
def test_a_prompt_goes_the_listed_ways(actions, state):
    reached = "none"
    for action in actions:
        reached = next_safety_state(reached, action)
    assert reached == state


def test_only_what_a_person_settled_is_settled_and_only_that_clears():
    settled = {state for state in get_args(SafetyState) if is_settled(state)}
    assert settled == {"handled_before_draft", "passed_to_supervisor", "not_applicable", "cleared"}
    for state in get_args(SafetyState):
        if state in settled - {"cleared"}:
            assert next_safety_state(state, "clear") == "cleared"
        else:
            with pytest.raises(DecisionError):
                next_safety_state(state, "clear")


def test_nothing_is_settled_without_being_seen():
    for action in ("already_handled", "call_supervisor", "not_what_it_looks_like", "clear"):
        for state in ("none", "surfaced"):
            with pytest.raises(DecisionError, match=state):
                next_safety_state(state, action)


def test_every_move_is_known_or_refused():
    for state, action in product(get_args(SafetyState), get_args(SafetyAction)):
        with suppress(DecisionError):
            assert next_safety_state(state, action) in get_args(SafetyState)
    with pytest.raises(DecisionError, match="unknown"):
        next_safety_state("gone", "surface")  # type: ignore[arg-type]


# ---------------------------------------------------------------- broken files


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("- id: harm_to_others", "- id: risk_level", "risk_level"),
        ("  - 'kms|kys'", "  - 'kms|(kys'", "self_harm_suicide"),
        ("  - 'kms|kys'", "  - '{nobody} kms'", "nobody"),
        ("gap_words: 4", "gap_words: 4\nthreshold: 2", "threshold"),
        ("{id: open_passage, label: Open passage}", "{id: call_911, label: Call}", "call_911"),
    ],
)
def test_a_broken_list_names_what_is_wrong(tmp_path: Path, old, new, named):
    text = resource_path("policies/safety.yaml").read_text("utf-8")
    assert old in text
    broken = tmp_path / "safety.yaml"
    broken.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(SettingError, match=r"safety\.yaml") as caught:
        load_safety_rules(broken)
    assert named in str(caught.value)


def test_a_missing_topic_is_refused(tmp_path: Path):
    text = resource_path("policies/safety.yaml").read_text("utf-8")
    broken = tmp_path / "safety.yaml"
    start, end = text.index("- id: staff_misconduct"), text.index("\nidioms:")
    broken.write_text(text[:start] + text[end + 1 :], "utf-8")
    with pytest.raises(SettingError, match="nine topics"):
        load_safety_rules(broken)
