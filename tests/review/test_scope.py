"""Wording outside the peer role, each kind with sentences that are and are not."""

from __future__ import annotations

import pytest

from assistant.review import (
    flag_language,
    flag_scope,
    load_language_rules,
    needs_safety_workflow,
    scope_kind,
)

RULES = load_language_rules()


def kinds(text: str) -> set[str | None]:
    return {scope_kind(flag, rules=RULES) for flag in flag_scope(text, voice="peer", rules=RULES)}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("She has schizophrenia and lives with her aunt", "diagnosis"),
        ("It looks like he is bipolar.", "diagnosis"),
        ("He meets criteria for depression.", "diagnosis"),
        ("Mood was low and affect was flat.", "mental_status"),
        ("She seemed confused.", "mental_status"),
        ("He was visibly anxious during our walk.", "mental_status"),
        ("I reminded her to take her meds.", "medication"),
        ("He needs to go back on his medication.", "medication"),
        ("His dose should be increased.", "medication"),
        ("She is at high risk of overdose.", "risk_statement"),
        ("He is not suicidal.", "risk_statement"),
        ("She can keep herself safe.", "risk_statement"),
        ("No safety concerns.", "risk_denial"),  # said by scp-010 or scp-029
        ("There were no signs of intoxication.", "risk_denial"),
        ("No concerns at this time.", "risk_denial"),
        ("He isn't a danger to anyone.", "risk_denial"),
        ("She did not express any thoughts of leaving.", "invented_negative"),
        ("No side effects reported.", "invented_negative"),
        ("I used CBT skills with him.", "clinical_work"),
        ("I de-escalated him in the hall.", "clinical_work"),
    ],
)
def test_wording_outside_the_role_is_flagged_with_its_kind(text, kind):
    found = kinds(text)
    if kind == "risk_denial":
        assert found & {"risk_denial", "risk_statement"}
    else:
        assert kind in found


@pytest.mark.parametrize(
    "text",
    [
        "She said she has bipolar disorder and wants that in the note.",  # her own naming
        "He told me his mood was low until the walk.",
        "We wrote down two questions about the dose for her doctor.",
        "He asked me to remind him to take his pills at supper.",
        "There is a low risk of rain for the picnic.",
        "We talked about a hard moment and used his crisis plan.",
        "I told my supervisor at 3:10, and he knew I would.",
        "We practised the breathing she already uses.",
        "The elevator is not in danger of being fixed this week.",
        "She has no concerns about the bus ride.",
    ],
)
def test_plain_telling_is_not_out_of_role(text):
    assert kinds(text) == set()


def test_a_risk_phrase_goes_to_people_and_is_never_only_wording():
    flags = flag_scope("Suicide risk assessment completed, low risk.", voice="peer", rules=RULES)
    assert flags
    assert all(needs_safety_workflow(flag, rules=RULES) for flag in flags[:1])
    (label,) = flag_language("He is a felon.", voice="peer", rules=RULES)
    assert scope_kind(label, rules=RULES) is None
    assert not needs_safety_workflow(label, rules=RULES)


def test_a_scope_entry_is_not_hidden_behind_a_stronger_neighbour():
    text = "Pt. denies SI/HI."
    scope_rules = {flag.rule for flag in flag_scope(text, voice="peer", rules=RULES)}
    assert {"scp-010", "scp-011"} & scope_rules


def test_the_persons_own_words_about_their_safety_are_theirs():
    text = "I am not suicidal."
    assert flag_scope(text, voice="person", own_words=("I am not suicidal",), rules=RULES) == ()
    assert flag_scope(text, voice="person", rules=RULES)
