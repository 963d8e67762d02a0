"""What the reader of requests learns from: places stand where they are said to, splits are kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assistant.deidentify import load_pipeline
from models.excerpts import HELD_OUT
from models.train_requests import read_places, read_talks


@pytest.fixture(scope="module")
def talks():
    nlp = load_pipeline()
    return {part: list(read_talks(part, nlp=nlp)) for part in ("train", "held_out")}


def test_every_place_stands_in_a_turn_of_the_person(talks) -> None:
    for talk in (*talks["train"], *talks["held_out"]):
        for place in talk.places:
            turn = talk.turns[place.at]
            assert turn.role == "person"
            assert turn.text[place.start : place.end].strip()


def test_every_statement_has_a_label_and_a_stretch_of_its_turn(talks) -> None:
    for talk in (*talks["train"], *talks["held_out"]):
        parts = [part for turn in talk.turns for part in turn.parts]
        assert [position for position, _, _ in parts] == list(range(len(talk.out)))
        assert all(start < end for _, start, end in parts)
        assert set(np.unique(talk.out)) <= {-100, 0, 1}


def test_what_is_kept_for_choosing_is_not_learned(talks) -> None:
    assert HELD_OUT == ("p", "q", "r")
    assert len(talks["held_out"]) == 27
    learned = {
        turn.text.casefold() for talk in talks["train"] for turn in talk.turns
        if turn.role == "person" and len(turn.text.split()) > 5
    }  # fmt: skip
    kept = {turn.text.casefold() for talk in talks["held_out"] for turn in talk.turns}
    assert not learned & kept


def test_a_row_that_does_not_fit_is_named(tmp_path: Path) -> None:
    path = tmp_path / "places.psv"
    path.write_text("r1 | 2 | ask | not this\nr1 | two | ask | nor this\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"places\.psv line 2"):
        read_places(path)
