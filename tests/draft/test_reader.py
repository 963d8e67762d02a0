"""The reader's windows: every statement judged once, whoever speaks, however long."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from assistant.bundled import locate_model
from assistant.draft.reader import (
    ADAPTER,
    SECOND_ADAPTER,
    Flat,
    flatten,
    load_reader,
    make_windows,
    read_reader,
)
from assistant.draft.statements import preceding_questions, split_statements
from assistant.draft.words import read_texts
from assistant.encoder_net import load_tokenizer
from assistant.errors import ModelUnavailable
from assistant.resources import resource_path
from assistant.settings import load_settings
from assistant.signs import OF_ENCODER, OF_LANGUAGE_MODEL, Signs
from tests.draft.scripted import load_parser, session_of


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 200)), min_size=1, max_size=20))
@settings(max_examples=200, deadline=None)
def test_every_piece_of_a_statement_is_judged_once(parts: list[tuple[bool, int]]) -> None:
    owners: list[int] = []
    for position, (is_own, length) in enumerate(parts):
        owners += [position if is_own else -1] * length
    flat = Flat(
        ids=np.arange(1000, 1000 + len(owners)), marks=np.ones(len(owners), dtype=np.int64),
        owners=np.array(owners),
    )  # fmt: skip
    judged: list[int] = []
    for window in make_windows(flat, OF_ENCODER):
        assert window.ids[0] == OF_ENCODER.cls
        assert len(window.ids) == len(window.marks) == len(window.owners) <= 280
        judged += (window.ids[window.owners >= 0]).tolist()
    assert judged == flat.ids[flat.owners >= 0].tolist()


@pytest.fixture(scope="module", params=["encoder", "drafter"])
def net(request: pytest.FixtureRequest) -> tuple[Tokenizer, Signs]:
    tokenizer = load_tokenizer(locate_model(request.param, settings=load_settings()))
    return tokenizer, OF_ENCODER if request.param == "encoder" else OF_LANGUAGE_MODEL


def test_a_conversation_is_laid_out_with_who_says_what(net: tuple[Tokenizer, Signs]) -> None:
    flat = flatten(
        [
            ("peer", [(-1, "How was it?")]),
            ("person", [(0, "Fine."), (1, "I went with <PERSON_2>.")]),
        ],
        *net,
    )
    assert (flat.ids == net[1].sep).sum() == 2
    assert set(flat.owners.tolist()) == {-1, 0, 1}
    assert set(flat.marks[flat.owners >= 0].tolist()) == {1}
    assert len(flat.ids) == len(flat.marks) == len(flat.owners)


def test_a_long_turn_of_the_peer_is_cut_in_its_middle(net: tuple[Tokenizer, Signs]) -> None:
    flat = flatten([("peer", [(-1, "word " * 500)]), ("person", [(0, "Yes.")])], *net)
    assert len(flat.ids) < 100


@pytest.mark.parametrize("which", ["adapter", "second"])
def test_a_broken_file_is_named(tmp_path: Path, which: str) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no weights")
    files = {"adapter": resource_path(ADAPTER), "second": resource_path(SECOND_ADAPTER)}
    encoder, model = (
        locate_model(name, settings=load_settings()) for name in ("encoder", "drafter")
    )
    with pytest.raises(ModelUnavailable, match=r"broken\.safetensors"):
        read_reader(encoder, model, **{**files, which: broken})


def test_what_is_shipped_hears_a_request_and_weighs_what_was_said() -> None:
    session = session_of(
        "Q: And the weather, your side?",
        "P: Ha, the weather, you know how it is in March.",
        "Q: How did the week go?",
        "P: I went to the meeting on my own on Tuesday, first time in a year.",
        "Q: Good. And at home?",
        "P: My brother lost his licence, but please don't write that down.",
        "Q: I won't.",
    )
    own = [turn for turn in session.turns if turn.role == "person"]
    parsed = read_texts([turn.text for turn in own], nlp=load_parser())
    read = {turn.number: words for turn, words in zip(own, parsed, strict=True)}
    statements = split_statements(own, read=read, questions=preceding_questions(session.turns))
    reading = load_reader(settings=load_settings()).read(session.turns, statements)
    by_turn = {number: [i for i, s in enumerate(statements) if s.turn == number] for number in read}
    assert reading.asked[by_turn[6]].max() > reading.asked[by_turn[4]].max()
    assert reading.asked[by_turn[2]].max() < 0.3
    weight = reading.judged.salience[:, 1:].sum(axis=1)
    assert weight[by_turn[4]].max() > weight[by_turn[2]].max()


def test_a_session_in_which_the_person_says_nothing_is_read() -> None:
    reader = load_reader(settings=load_settings())
    for session in (session_of(), session_of("Q: Hello?")):
        reading = reader.read(session.turns, ())
        assert reading.asked.shape == (0,)
