"""The learned finder of small facts: stretches of words, kinds, only in what the person says."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.bundled import locate_model
from assistant.deidentify import DetailFinder, load_detail_finder, mark_details
from assistant.deidentify.detail_finder import KINDS, read_detail_finder
from assistant.errors import ModelUnavailable
from assistant.records import Deidentified, DeidentifiedTurn, Transcript, Turn
from assistant.settings import load_settings


@pytest.fixture(scope="module")
def finder() -> DetailFinder:
    return load_detail_finder(settings=load_settings())


def test_a_trade_is_found_as_whole_words(finder: DetailFinder) -> None:
    texts = ["I was a crane operator at the port for nineteen years.", "Yeah, okay."]
    first, second = finder.find(texts)
    assert "work" in {one.kind for one in first}
    for one in first:
        assert one.kind in KINDS
        assert texts[0][one.start : one.end].strip() == texts[0][one.start : one.end]
        assert one.end == len(texts[0]) or not texts[0][one.end].isalnum()
    assert second == ()


def test_nothing_to_read_is_no_fault(finder: DetailFinder) -> None:
    assert finder.find([]) == ()
    assert finder.find(["", " "]) == ((), ())


def test_only_the_persons_turns_are_marked(finder: DetailFinder) -> None:
    said = "I was a crane operator at the port for nineteen years."
    turns = tuple(
        Turn(number=n, speaker=role, text=said, role=role)  # type: ignore[arg-type]
        for n, role in enumerate(("peer", "person"), 1)
    )
    hidden = Deidentified(
        turns=tuple(
            DeidentifiedTurn(number=turn.number, speaker="<PERSON_1>", role=turn.role, text=said)
            for turn in turns
        )
    )
    marked = mark_details(Transcript(turns=turns, source_format="plain"), hidden, finder=finder)
    assert marked.turns[0].details == ()
    assert marked.turns[1].details


def test_a_broken_adapter_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "details.safetensors"
    broken.write_bytes(b"no weights")
    with pytest.raises(ModelUnavailable, match=r"details\.safetensors"):
        read_detail_finder(locate_model("encoder", settings=load_settings()), adapter=broken)
