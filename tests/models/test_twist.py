"""Twins of sentences: the opposite, or another number or time; never the same sentence."""

from __future__ import annotations

import random

import pytest

from assistant.deidentify import load_pipeline
from models.twist import move, turn_round


@pytest.fixture(scope="module")
def nlp():
    pipeline = load_pipeline()
    pipeline.enable_pipe("parser")
    return pipeline


@pytest.mark.parametrize(
    ("said", "turned"),
    [
        ("I called my brother.", "I didn't call my brother."),
        ("I didn't call my brother.", "I did call my brother."),
        ("I can't sleep.", "I can sleep."),
        ("I'm going to ask.", "I'm not going to ask."),
        ("She was there.", "She wasn't there."),
        ("My wife walks the dog.", "My wife doesn't walk the dog."),
        ("I never skip breakfast.", "I always skip breakfast."),
    ],
)
def test_a_sentence_is_turned_round(nlp, said: str, turned: str) -> None:
    assert turn_round(nlp(said)) == turned


def test_what_has_no_verb_of_its_own_is_left(nlp) -> None:
    assert turn_round(nlp("Two buses and a long walk.")) is None


def test_a_number_or_a_time_moves_and_says_which() -> None:
    rng = random.Random(1)
    text, kind = move("I went on Monday.", rng) or ("", "")
    assert kind == "wrong_time"
    assert text != "I went on Monday."
    text, kind = move("It took 14 months.", rng) or ("", "")
    assert kind == "wrong_number"
    assert move("I went home.", rng) is None
    assert move("<PERSON_2> came.", rng) is None
