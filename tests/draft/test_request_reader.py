"""The reader of requests: every piece judged once, places laid before, far requests heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from assistant.bundled import locate_model
from assistant.draft.request_reader import (
    Pieces,
    Place,
    RequestReading,
    Said,
    cut_stretches,
    groups_of,
    lay_out,
    load_request_reader,
    read_request_reader,
)
from assistant.draft.statements import preceding_questions, split_statements
from assistant.draft.words import read_texts
from assistant.encoder_net import load_tokenizer
from assistant.errors import ModelUnavailable
from assistant.settings import load_settings
from tests.draft.scripted import load_parser, session_of

MOST = 512  # pieces the encoder has places for


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return load_tokenizer(locate_model("encoder", settings=load_settings()))


@given(
    turns=st.lists(st.tuples(st.booleans(), st.integers(1, 200)), min_size=1, max_size=20),
    places=st.lists(st.integers(0, 19), max_size=12, unique=True),
)
@settings(max_examples=100, deadline=None)
def test_every_piece_of_the_person_is_judged_once(
    turns: list[tuple[bool, int]], places: list[int]
) -> None:
    rows = [(1 if is_own else 2, at, k) for at, (is_own, n) in enumerate(turns) for k in range(n)]
    roles, ats, within = (np.array(one, dtype=np.int64) for one in zip(*rows, strict=True))
    pieces = Pieces(
        ids=np.arange(1000, 1000 + len(rows)), roles=roles, ats=ats,
        owners=np.where(roles == 1, ats, -1), spans=np.stack([within, within + 1], axis=1),
    )  # fmt: skip
    laid = [Place(at=at, start=0, end=150, kind="ask") for at in places if at < len(turns)]
    judged: list[int] = []
    for stretch in cut_stretches(pieces, laid):
        assert len(stretch.ids) == len(stretch.marks) == len(stretch.rows) <= MOST
        judged += stretch.rows[stretch.rows >= 0].tolist()
        assert (pieces.ids[stretch.rows[stretch.rows >= 0]] == stretch.ids[stretch.rows >= 0]).all()
    own = np.flatnonzero(roles == 1)
    n_groups = {judged.count(one) for one in judged}
    assert len(n_groups) <= 1
    assert n_groups <= {1, 2}  # however many places there are
    assert set(own.tolist()) <= set(judged)


def test_pieces_know_their_statement_and_where_they_stand(tokenizer: Tokenizer) -> None:
    text = "Um, I saw <PERSON_2> there. Leave that off."
    pieces = lay_out(
        [
            Said(role="peer", text="Who was there?"),
            Said(role="person", text=text, parts=((0, 4, 27), (1, 28, 43))),
        ],
        tokenizer,
    )
    assert set(pieces.owners[pieces.roles == 1].tolist()) == {-1, 0, 1}
    stand_in = pieces.spans[(pieces.spans[:, 0] == text.index("<")) & (pieces.ats == 1)]
    assert len(stand_in)
    assert {text[start:end] for start, end in stand_in.tolist()} == {"<PERSON_2>"}


def test_places_share_a_reading_as_far_as_there_is_room() -> None:
    places = [Place(at=at, start=0, end=1, kind="ask") for at in (9, 1, 5, 3, 7, 11)]
    assert [[place.at for place in group] for group in groups_of(places)] == [
        [1, 3, 5], [7, 9, 11],
    ]  # fmt: skip
    assert groups_of([]) == []


def read(*lines: str) -> tuple[RequestReading, dict[int, float]]:
    """What is read of a talk, and how likely each turn stays out."""
    session = session_of(*lines)
    own = [turn for turn in session.turns if turn.role == "person"]
    parsed = read_texts([turn.text for turn in own], nlp=load_parser())
    words = {turn.number: found for turn, found in zip(own, parsed, strict=True)}
    statements = split_statements(own, read=words, questions=preceding_questions(session.turns))
    reading = load_request_reader(settings=load_settings()).read(session.turns, statements)
    out: dict[int, float] = {}
    for statement, chance in zip(statements, reading.out.tolist(), strict=True):
        out[statement.turn] = max(out.get(statement.turn, 0.0), chance)
    return reading, out


def test_a_request_in_no_rules_words_is_heard() -> None:
    reading, out = read(
        "Q: How did the week go?",
        "P: I walked to the library on my own on Tuesday, first time in a year.",
        "Q: Good. And at home?",
        "P: I borrowed forty pounds from my sister's purse. She'd go spare, so can that one live and die in this car?",  # noqa: E501
        "Q: It can. What helps in the evenings?",
        "P: I do the crossword at the kitchen table and then I sleep.",
    )  # fmt: skip
    assert [place.at for place in reading.places if place.kind == "ask"] == [3]
    assert out[4] > 0.5
    assert out[2] < 0.5
    assert out[6] < 0.5


def test_a_talk_without_a_request_keeps_everything() -> None:
    reading, out = read(
        "Q: How did the week go?",
        "P: I left the lamp on all night and told my brother to keep it to himself.",
        "Q: And the garden?",
        "P: The beans are up. Please write down that I grew them from seed.",
    )
    assert max(out.values()) < 0.5
    assert not [place for place in reading.places if place.kind == "ask"]


def test_nothing_said_is_nothing_read() -> None:
    reader = load_request_reader(settings=load_settings())
    for session in (session_of(), session_of("Q: Hello?")):
        reading = reader.read(session.turns, ())
        assert (reading.places, reading.out.shape) == ((), (0,))


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "requests.safetensors"
    broken.write_bytes(b"no weights")
    with pytest.raises(ModelUnavailable, match=r"requests\.safetensors"):
        read_request_reader(locate_model("encoder", settings=load_settings()), adapter=broken)
