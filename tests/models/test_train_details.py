"""The labels of small facts: every file reads, every stretch stands in a turn of the person."""

from __future__ import annotations

import random

from assistant.bundled import locate_model
from assistant.deidentify.detail_finder import KINDS, N_CLASSES
from assistant.encoder_net import load_tokenizer
from assistant.settings import load_settings
from evals.details import read_labels
from models.corpus import load_sessions
from models.train_details import make_pass, read_labelled


def test_every_session_has_its_labels_and_they_are_the_persons_words() -> None:
    for session in load_sessions():
        roles = {turn.number: turn.role for turn in session.turns}
        for label in read_labels(session):
            assert roles[label.turn] == "person"
            assert label.kind in KINDS
            assert label.words


def test_the_marks_of_training_are_the_labels() -> None:
    session = load_sessions("train")[0]
    labels = {label.words for label in read_labels(session)}
    texts = read_labelled(session)
    assert {text.text[m.start : m.end] for text in texts for m in text.marks} == labels


def test_a_pass_holds_classes_that_exist() -> None:
    tokenizer = load_tokenizer(locate_model("encoder", settings=load_settings()))
    texts = [read_labelled(session) for session in load_sessions("train")[:2]]
    examples = make_pass(texts, random.Random(1), tokenizer)
    known = {c for example in examples for c in example.classes}
    assert max(known) < N_CLASSES
    assert any(c > 0 for c in known)
