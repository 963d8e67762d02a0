"""A sentence beside its evidence: how the two are laid out, and what the rules still settle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer

from assistant.bundled import locate_model
from assistant.draft.claim_reader import (
    KINDS,
    ClaimReader,
    Pair,
    lay_out,
    load_claim_reader,
    make_pair,
    read_claim_reader,
)
from assistant.draft.claims import check_claims
from assistant.draft.encoder import load_encoder
from assistant.encoder_net import load_tokenizer
from assistant.errors import ModelUnavailable
from assistant.settings import load_settings
from tests.draft.scripted import WordEncoder, load_parser, session_of


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return load_tokenizer(locate_model("encoder", settings=load_settings()))


def test_only_the_sentence_is_judged_and_the_peer_is_never_cut_off(tokenizer: Tokenizer) -> None:
    pair = Pair(
        sentence="I left a letter.", peer="What did the letter say?",
        evidence=(("How did it go?", "word " * 300), ("", "I left a letter."), ("", "x " * 300)),
    )  # fmt: skip
    ids, marks, own = lay_out(pair, tokenizer)
    assert len(ids) == len(marks) == len(own) <= 200
    assert tokenizer.decode(ids[own].tolist()) == "i left a letter."
    assert marks[-1] == max(marks)
    assert set(marks[own].tolist()) == {1}


def test_two_people_stay_two_people() -> None:
    pair = make_pair("<PERSON_2> drove <PERSON_3> to <LOCATION_1>.", (), around=(), peer=None)
    first, second = pair.sentence.split()[0], pair.sentence.split()[2]
    assert first != second
    assert "<" not in pair.sentence


class SureReader:
    """Says of every sentence what it was told to say."""

    def __init__(self, kind: str) -> None:
        self._row = np.full(len(KINDS), 0.01, dtype=np.float32)
        self._row[KINDS.index(kind)] = 0.9

    def read(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        return np.tile(self._row, (len(pairs), 1))


LINES = ("Q: How did it go?", "P: I left a letter with his brother on Monday.")


@pytest.mark.parametrize(
    ("kind", "text", "is_kept"),
    [
        ("supported", "His brother has a letter of mine.", True),
        ("negation_flip", "His brother has a letter of mine.", False),
        ("negation_flip", "I left a letter with his brother.", True),  # word for word
        ("supported", 'I said "never again" to his brother.', False),  # not what was said
        ("supported", "My brother has schizophrenia and I left a letter.", False),
    ],
)
def test_the_reader_decides_but_for_quotes_and_diagnoses(
    kind: str, text: str, is_kept: bool
) -> None:
    checked = check_claims(
        (text,), session_of(*LINES), encoder=WordEncoder(), nlp=load_parser(),
        reader=cast("ClaimReader", SureReader(kind)),
    )  # fmt: skip
    assert checked[0].supported is is_kept
    assert (checked[0].score >= 0.5) is is_kept


def test_nothing_to_check_needs_no_reader() -> None:
    checked = check_claims(
        ("", "I left."), session_of("Q: Hello?"), encoder=WordEncoder(), nlp=load_parser(),
        reader=cast("ClaimReader", SureReader("supported")),
    )  # fmt: skip
    assert [one.supported for one in checked] == [False, False]


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "checker.safetensors"
    broken.write_bytes(b"no weights")
    with pytest.raises(ModelUnavailable, match=r"checker\.safetensors"):
        read_claim_reader(locate_model("encoder", settings=load_settings()), adapter=broken)


def test_word_for_word_stands_and_a_change_of_one_word_does_not() -> None:
    said = (
        "Q: How did the week go?",
        "P: I went to the meeting on my own on Tuesday. My sister wanted to drive me, I said no.",
        "Q: Will you go again?",
        "P: I might go on Thursday if the bus runs. I don't think I'd go twice.",
        "Q: What does she say?",
        "P: She thinks I'm getting better at this.",
    )
    texts = (
        "I went to the meeting on my own.",
        "I might go on Thursday if the bus runs.",
        "My sister drove me to the meeting.",
        "I'd go twice.",
        "I went on Wednesday.",
        "I'm getting better at this.",
    )
    settings = load_settings()
    checked = check_claims(
        texts, session_of(*said), encoder=load_encoder(settings=settings), nlp=load_parser(),
        reader=load_claim_reader(settings=settings),
    )  # fmt: skip
    assert [one.supported for one in checked] == [True, True, False, False, False, False]
    assert [place.turn for place in checked[0].evidence] == [2]
