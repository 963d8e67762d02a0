"""The marked sentences: whole, apart by split, and read with their offsets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from assistant.app.catalogue import load_catalogue
from assistant.draft.activities import N_ACTIVITIES, load_activities
from assistant.records import FlagCategory
from models.sentences import Split, parse, read_sentences
from models.train_activities import read_written
from models.train_tidier import align, bare, read_pairs


def test_marks_become_offsets() -> None:
    one = parse("He {{blame|would not try}} and {{doubt|claims}} so.", voice="peer")
    assert one.text == "He would not try and claims so."
    assert [(one.text[a:b], kind) for a, b, kind in one.spans] == [
        ("would not try", "blame"), ("claims", "doubt"),
    ]  # fmt: skip


def test_splits_are_whole_and_share_no_sentence() -> None:
    splits = {split: list(read_sentences(split)) for split in get_args(Split)}
    texts = {split: {one.text.lower() for one in found} for split, found in splits.items()}
    assert len(splits["train"]) >= 1_200
    assert len(splits["test"]) >= 500
    assert not texts["train"] & (texts["dev"] | texts["test"])
    assert not texts["dev"] & texts["test"]
    for found in splits.values():
        marked = sum(bool(one.spans) for one in found)
        assert 0.35 <= marked / len(found) <= 0.6
        assert {kind for one in found for *_, kind in one.spans} == set(get_args(FlagCategory))


def test_a_line_that_does_not_fit_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("peer | work | Fine.\nnobody | work | No.\n")
    with pytest.raises(ValueError, match=r"a\.txt line 2"):
        list(read_sentences("train", folder=tmp_path))


def test_tidied_pairs_only_leave_words_out() -> None:
    said, tidied = "Um, so I — I went by myself, you know.", "I went by myself."
    example = align(said, tidied)
    kept = [w.key for w, gone in zip(example.words, example.left_out, strict=True) if not gone]
    assert kept == ["i", "went", "by", "myself"]
    assert bare("I went Monday, with <PERSON_1>.") == "i went monday with <PERSON_1>"
    assert sum(1 for _ in read_pairs()) > 2_000


def test_activities_have_names_and_examples() -> None:
    assert sorted(load_activities()) == list(range(1, N_ACTIVITIES + 1))
    shown = load_catalogue("en")
    assert all(shown(f"peer.activity_{n}") == one.name for n, one in load_activities().items())
    first = [numbers[0] for _, numbers in read_written()]
    assert set(first) == set(range(1, N_ACTIVITIES + 1))


def test_no_sentence_learned_from_is_nearly_one_that_is_measured_on() -> None:
    def words(split: Split) -> list[frozenset[str]]:
        return [
            frozenset(re.findall(r"[a-z']+", one.text.lower())) for one in read_sentences(split)
        ]

    measured = [*words("dev"), *words("test")]
    for learned in words("train"):
        for other in measured:
            assert len(learned & other) < 0.7 * len(learned | other), sorted(learned)
