"""The tidier on its real weights: words may go, none may come, and rules have the last word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.bundled import locate_model
from assistant.draft.copying import same_words
from assistant.draft.model import (
    CHOICE,
    RewriteJob,
    choose_model,
    chosen_model,
    load_language_model,
)
from assistant.draft.speech import split_words
from assistant.draft.tidier import MARKS, Tidier, WordSays, _settle, read_tidier
from assistant.draft.verify import find_faults
from assistant.errors import ModelUnavailable
from assistant.settings import Settings, load_settings

SAID = (
    "um so the the bus it don't come after nine so i walk",
    "Yeah, so, I — I went by myself, you know, I ain't called nobody.",
    "I never said I'd go.",
    "i called <PERSON_2> monday and she said come over",
    "He be acting like I don't show up, but I been to every one.",
)


@pytest.fixture(scope="module")
def tidier() -> Tidier:
    model = load_language_model(settings=Settings(model="tidier"))
    assert isinstance(model, Tidier)
    return model


def jobs(statements: tuple[str, ...]) -> list[RewriteJob]:
    return [RewriteJob(statement=said) for said in statements]


@pytest.mark.model
def test_it_leaves_words_out_and_adds_none(tidier: Tidier) -> None:
    for said, written in zip(SAID, tidier.rewrite(jobs(SAID)), strict=True):
        assert same_words(written, said)
        assert written[-1] in ".?!"
        assert written[0].isupper() or written[0] == "<"


@pytest.mark.model
def test_fillers_go_and_dialect_negations_and_times_stay(tidier: Tidier) -> None:
    first, second, third, fourth, fifth = tidier.rewrite(jobs(SAID))
    assert "um" not in first.lower().split()
    assert "don't" in first
    assert "you know" not in second
    assert "ain't called nobody" in second
    assert third == SAID[2]
    assert "<PERSON_2>" in fourth
    assert "Monday" in fourth
    assert "I been to every one" in fifth


@pytest.mark.model
def test_a_batch_reads_as_single_statements_do(tidier: Tidier) -> None:
    together = tidier.rewrite(jobs(SAID))
    assert together == tuple(tidier.rewrite(jobs((said,)))[0] for said in SAID)
    assert tidier.rewrite([]) == ()


@pytest.mark.model
@given(st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_no_text_makes_it_stumble(tidier: Tidier, text: str) -> None:
    (written,) = tidier.rewrite([RewriteJob(statement=text)])
    assert isinstance(written, str)


def says(words: int, gone: set[int]) -> WordSays:
    marks = np.zeros((words, len(MARKS)), dtype=np.float32)
    marks[:, 0] = 1
    return WordSays(
        left_out=np.array([1.0 if at in gone else 0.0 for at in range(words)], dtype=np.float32),
        marks=marks,
    )


@pytest.mark.parametrize(
    ("said", "gone"),
    [
        ("I did not go there with my brother.", {2}),
        ("I went there with my brother, twice.", {6}),
        ("She said I could maybe try the morning shift.", {4}),
        ("I owe <PERSON_2> forty dollars.", {2}),
    ],
)
def test_what_a_rule_forbids_stays_however_sure_the_net_is(said: str, gone: set[int]) -> None:
    words = split_words(said)
    written = _settle(said, words, says(len(words), gone))
    assert not find_faults(written, source=said)
    assert all(words[at].text in written for at in gone)


def test_a_statement_is_never_left_out_whole() -> None:
    words = split_words("Yes.")
    assert _settle("Yes.", words, says(1, {0})) == "Yes."


def test_a_broken_adapter_is_named(tmp_path: Path) -> None:
    adapter = tmp_path / "tidier.safetensors"
    adapter.write_bytes(b"no")
    with pytest.raises(ModelUnavailable, match="tidier"):
        read_tidier(locate_model("encoder", settings=load_settings()), adapter=adapter)


@pytest.mark.model
def test_a_choice_is_tried_before_it_is_kept(tmp_path: Path) -> None:
    chosen = Settings(data_dir=tmp_path)
    assert chosen_model(settings=chosen) == "tidier"
    assert choose_model("tidier", settings=chosen).backend == "tagger"
    assert (tmp_path / CHOICE).read_text() == "tidier\n"
    with pytest.raises(ModelUnavailable, match="nowhere"):
        choose_model(str(tmp_path / "nowhere"), settings=chosen)
    assert chosen_model(settings=chosen) == "tidier"
    (tmp_path / CHOICE).write_text(str(tmp_path / "gone"))
    with pytest.raises(ModelUnavailable, match="gone"):
        load_language_model(settings=chosen)
