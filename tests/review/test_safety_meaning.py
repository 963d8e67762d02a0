"""Meaning finds what no cue was written for, beside the cues, and deletes nothing they found."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from assistant.errors import SettingError
from assistant.records import Deidentified, DeidentifiedTurn, IdentifierSpan
from assistant.review import load_safety_rules, surface_topics
from assistant.review.safety_meaning import (
    MAX_WORDS,
    WINDOW_WORDS,
    SafetyHead,
    find_by_meaning,
    load_safety_head,
    split_pieces,
)

RULES = load_safety_rules()
HELD_OUT = YAML(typ="safe").load(Path(__file__).parent / "data" / "safety_heldout.yaml")


class KeyedEncoder:
    """Two directions: sentences that hold one of the words, and all the others."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.read: list[str] = []

    def encode(self, texts):
        self.read.extend(texts)
        vectors = np.zeros((len(texts), 384), dtype=np.float32)
        for row, text in enumerate(texts):
            vectors[row, 0 if any(word in text for word in self.words) else 1] = 1.0
        return vectors


def make_head(*, near_at: float = 0.0) -> SafetyHead:
    """The first direction is self-harm, the second is ordinary talk."""
    topic_weights = np.zeros((385, 9), dtype=np.float32)
    topic_weights[0, 0] = 1.0
    return SafetyHead(
        examples=np.eye(2, 384, dtype=np.float32),
        weights=np.array([1.0, -1.0], dtype=np.float32),
        topic_weights=topic_weights,
        sharpness=1.5, bias=0.0, surface_at=0.0, near_at=near_at, second_within=0.1,
    )  # fmt: skip


def surface(text: str, *, encoder=None, role="person", spans=(), n_chars_original=None):
    turn = DeidentifiedTurn(
        number=1, speaker="<PERSON_1>", role=role, text=text, spans=spans,
        n_chars_original=len(text) if n_chars_original is None else n_chars_original,
    )  # fmt: skip
    return surface_topics(Deidentified(turns=(turn,)), rules=RULES, encoder=encoder)


@pytest.fixture
def keyed_head(monkeypatch: pytest.MonkeyPatch):
    def use(**options):
        head = make_head(**options)
        monkeypatch.setattr("assistant.review.safety.load_safety_head", lambda: head)

    return use


def test_a_passage_without_a_cue_is_found_by_meaning(keyed_head):
    keyed_head()
    text = "We had tea. The lantern is going out for me. Then the bus came."
    assert surface(text) == ()
    (prompt,) = surface(text, encoder=KeyedEncoder("lantern"))
    assert text[prompt.start : prompt.end] == "The lantern is going out for me"
    assert (prompt.topic, prompt.prominence) == ("self_harm_suicide", "plain")


def test_what_only_just_counts_is_low_and_still_there(keyed_head):
    keyed_head(near_at=5.0)
    (prompt,) = surface("The lantern is going out.", encoder=KeyedEncoder("lantern"))
    assert (prompt.prominence, prompt.context) == ("low", ())


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("Years ago the lantern went out for me.", "past"),
        ("What if the lantern went out for me?", "hypothetical"),
        ("In that song the lantern goes out.", "quoted"),
        ("This job is killing me by lantern light.", "idiom"),
    ],
)
def test_context_lowers_a_passage_found_by_meaning(keyed_head, text, context):
    keyed_head()
    prompts = surface(text, encoder=KeyedEncoder("lantern"))
    assert prompts
    assert all(p.prominence == "low" and context in p.context for p in prompts)


def test_a_not_inside_a_passage_does_not_lower_it(keyed_head):
    keyed_head()
    (prompt,) = surface("He does not light the lantern for me.", encoder=KeyedEncoder("lantern"))
    assert prompt.prominence == "plain"


@pytest.mark.parametrize(
    "text",
    ["I want to kill myself.", "Years ago I tried to end my life.", "My boyfriend hits me."],
)
def test_where_a_cue_found_the_topic_the_cue_decides(keyed_head, text):
    keyed_head(near_at=5.0)
    own = [p for p in surface(text, encoder=KeyedEncoder("I ")) if p in surface(text)]
    assert own == list(surface(text))


def test_nothing_the_cues_found_is_lost_beside_meaning(keyed_head):
    keyed_head()
    cases = YAML(typ="safe").load(Path(__file__).parent / "data" / "safety_cases.yaml")
    for topic, texts in cases["positive"].items():
        for text in texts:
            prompts = surface(text, encoder=KeyedEncoder("the"))
            assert topic in {prompt.topic for prompt in prompts}


def test_one_passage_is_one_prompt_however_many_windows_found_it(keyed_head):
    keyed_head()
    text = " ".join(["the lantern is out and i am telling you about the long day i had"] * 3)
    assert len(surface(text, encoder=KeyedEncoder("lantern", "telling"))) == 1


def test_the_encoder_reads_words_where_identifiers_were_hidden(keyed_head):
    keyed_head()
    encoder = KeyedEncoder("lantern")
    text = "<PERSON_2> put out the lantern at <LOCATION_1> on me."
    spans = (
        IdentifierSpan(
            start=0, end=2, type="PERSON", surrogate="<PERSON_2>", score=1.0,
            out_start=0, out_end=10,
        ),
    )  # fmt: skip
    (prompt,) = surface(text, encoder=encoder, spans=spans, n_chars_original=len(text) - 8)
    assert encoder.read == ["Sam put out the lantern at that place on me"]
    assert prompt.start == 0  # into the original words
    assert prompt.end == len(text) - 8 - 1


def test_every_speaker_is_read_for_meaning(keyed_head):
    keyed_head()
    for role in ("person", "peer", "other"):
        (prompt,) = surface("The lantern is out.", encoder=KeyedEncoder("lantern"), role=role)
        assert prompt.said_by == role


@given(st.text(alphabet="ab '.?\nÉß", max_size=400))
def test_pieces_cover_every_long_enough_sentence(text):
    spans = split_pieces(text)
    covered = {at for start, end in spans for at in range(start, end)}
    for start, end in spans:
        assert 0 <= start < end <= len(text)
        assert len(text[start:end].split()) <= MAX_WORDS
    for sentence in text.replace("?", ".").replace("\n", ".").split("."):
        if len(sentence.split()) >= 3:
            at = text.index(sentence)
            first = at + len(sentence) - len(sentence.lstrip())
            assert first in covered


def test_windows_of_unpunctuated_speech_overlap():
    text = " ".join(f"w{n}" for n in range(60))
    spans = split_pieces(text)
    assert all(len(text[start:end].split()) <= WINDOW_WORDS for start, end in spans)
    assert all(after[0] < before[1] for before, after in pairwise(spans))
    assert spans[-1][1] == len(text)


def test_nothing_to_read_is_not_encoded():
    encoder = KeyedEncoder("x")
    assert find_by_meaning(["", "ok"], encoder=encoder, head=make_head()) == ((), ())
    assert encoder.read == []


def test_a_broken_weights_file_is_named(tmp_path: Path):
    broken = tmp_path / "safety.safetensors"
    broken.write_bytes(b"not weights")
    with pytest.raises(SettingError, match=r"safety\.safetensors"):
        load_safety_head(broken)


def test_the_shipped_weights_have_the_promised_shapes():
    head = load_safety_head()
    n = len(head.weights)
    assert head.examples.shape == (n, 384)
    assert head.topic_weights.shape == (385, 9)
    assert head.near_at > head.surface_at
    np.testing.assert_allclose(np.linalg.norm(head.examples, axis=1), 1.0, atol=2e-3)


# ---------------------------------------------------------------- with the bundled encoder


@pytest.fixture(scope="module")
def encoder():
    from assistant.draft.encoder import load_encoder
    from assistant.settings import load_settings

    return load_encoder(settings=load_settings())


@pytest.mark.model
def test_meaning_finds_more_of_the_held_out_sentences_than_the_cues_do(encoder):
    def share(finder):
        texts = [(topic, text) for topic, listed in HELD_OUT["positive"].items() for text in listed]
        return sum(bool(surface(text, encoder=finder)) for _, text in texts) / len(texts)

    assert share(encoder) >= share(None) + 0.2


@pytest.mark.model
def test_everyday_talk_stays_mostly_unprompted(encoder):
    texts = HELD_OUT["negative"]["everyday"]
    assert sum(bool(surface(text, encoder=encoder)) for text in texts) <= len(texts) // 8
