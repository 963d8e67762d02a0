"""What the tagger learns from: lines well marked, other names and spellings with exact marks."""

from __future__ import annotations

import random

import pytest

from assistant.bundled import locate_model
from assistant.deidentify.pieces import PAD
from assistant.deidentify.tagger import TYPES
from assistant.encoder_net import load_tokenizer
from assistant.settings import load_settings
from models.corpus import load_sessions
from models.corpus.rows import Mark
from models.corpus.swap import Swapper, load_lists
from models.cycle import group_by_length
from models.train_identifiers import (
    IGNORED,
    Inventor,
    Marked,
    make_examples,
    make_pass,
    n_pieces,
    read_pieces,
    stack,
    write_otherwise,
)

PIECES = read_pieces()
LINES = [line for pieces in PIECES.values() for piece in pieces for line in piece]


def test_every_mark_of_the_lines_is_of_a_known_type_and_stands_exactly() -> None:
    assert len(LINES) > 1_500
    for line in LINES:
        assert "{{" not in line.text
        assert "}}" not in line.text
        for mark in line.marks:
            assert mark.type in TYPES
            assert line.text[mark.start : mark.end] == mark.surface


def test_the_lines_hold_no_sentence_of_dev_or_test() -> None:
    own = {line.text.casefold() for line in LINES if len(line.text.split()) > 5}
    for split in ("dev", "test"):
        for session in load_sessions(split):  # type: ignore[arg-type]
            assert not own & {turn.plain.casefold() for turn in session.turns}


def test_names_that_are_swapped_keep_their_marks() -> None:
    line = next(one for one in LINES if len(one.marks) > 1)
    text, marks = Swapper(rng=random.Random(2)).swap(line.text, line.marks)
    assert [mark.type for mark in marks] == [mark.type for mark in line.marks]
    assert all(text[mark.start : mark.end] == mark.surface for mark in marks)


@pytest.mark.parametrize(
    ("kind", "surface", "fits"),
    [
        ("PERSON", "A-L-A-N-A", lambda s: all(len(part) == 1 for part in s.split("-") if part)),
        ("LOCATION", "14 Vesper Street, flat 3B", lambda s: "Vesper Street, flat " in s),
        ("LOCATION", "fifth and alder", lambda s: " and " in s),
        ("PHONE", "five five five", lambda s: len(s.split()) == 3),
        ("DATE", "3/14", lambda s: s == "3/14"),
    ],
)
def test_a_surface_gets_one_of_its_own_kind(kind: str, surface: str, fits: object) -> None:
    mark = Mark(start=0, end=len(surface), type=kind, surface=surface)
    for seed in range(20):
        text, _marks = Swapper(rng=random.Random(seed)).swap(surface, [mark])
        assert fits(text), text  # type: ignore[operator]


def test_invented_names_differ_and_look_like_names() -> None:
    inventor, rng = Inventor(load_lists()["given"]["yoruba_igbo_hausa"]), random.Random(1)
    names = {inventor.invent(rng) for _ in range(50)}
    assert len(names) > 10
    assert all(3 <= len(name) <= 11 and name[0].isupper() for name in names)


def test_other_spellings_keep_the_marks_on_their_words() -> None:
    text = "Well, Ruben Ortiz - from Vesper Street - called (twice). Write to ru.o@post.example!"
    marks = tuple(
        Mark(start=text.index(s), end=text.index(s) + len(s), type=kind, surface=s)
        for s, kind in (
            ("Ruben Ortiz", "PERSON"), ("Vesper Street", "LOCATION"), ("ru.o@post.example", "EMAIL")
        )
    )  # fmt: skip
    seen = set()
    for seed in range(60):
        (other,) = write_otherwise([Marked(text=text, marks=marks)], random.Random(seed))
        seen.add(other.text)
        found = [other.text[m.start : m.end].casefold() for m in other.marks]
        assert found == ["ruben ortiz", "vesper street", "ru.o@post.example"]
    assert len(seen) == 4  # as it is, in capitals, small, small and bare


def test_examples_carry_a_class_for_each_piece_and_batches_pad_them() -> None:
    tokenizer = load_tokenizer(locate_model("encoder", settings=load_settings()))
    line = Marked(
        text="my sister alana", marks=(Mark(start=10, end=15, type="PERSON", surface="alana"),)
    )
    (example,) = make_examples([line], tokenizer, together=False)
    wanted = [c for c in example.classes if c != IGNORED]
    assert wanted[:2] == [0, 0]
    assert wanted[2] == 1
    rng = random.Random(0)
    sessions = load_sessions("train")[:1]
    examples = make_pass(sessions, PIECES["plain"][:20], rng, tokenizer)
    total = 0
    for group in group_by_length(examples, n_pieces, rng, most=2_600):
        pieces, shapes, classes = stack(group)
        assert pieces.shape == shapes.shape == classes.shape
        assert pieces.numel() <= 2_600 or len(group) == 1
        assert not ((pieces == PAD) & (classes != IGNORED)).any()
        total += len(pieces)
    assert total == len(examples)
