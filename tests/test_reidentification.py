"""The attacks on what is left after hiding: each finds what is there and nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from evals import reidentification as r
from evals.marked import Line, Marked


class Lexicon:
    def is_everyday(self, word: str) -> bool:
        return word in {"street", "there", "works"}


PARTS: Any = SimpleNamespace(detector=SimpleNamespace(lexicon=Lexicon()))


def line(text: str, *names: str) -> Line:
    marked = tuple(
        Marked(start=text.index(name), end=text.index(name) + len(name), type="PERSON")
        for name in names
    )
    return Line(text=text, marked=marked)


def test_a_name_that_still_stands_somewhere_is_told_also_one_slip_away() -> None:
    lines = [line("Zdenkova works there.", "Zdenkova"), line("I rang Zdenkov's house.")]
    hidden = [[(0, 8)], []]
    assert r.count_remains(lines, hidden, PARTS) == {"words": 1, "told": 1}
    assert r.count_remains(lines, [[(0, 8)], [(7, 14)]], PARTS) == {"words": 1, "told": 0}


def test_everyday_words_and_short_ones_tell_nothing() -> None:
    lines = [line("On Vesper Street I met Bo.", "Street", "Bo"), line("The street was wet, Bo.")]
    assert r.count_remains(lines, [[], []], PARTS) == {"words": 0, "told": 0}


def test_rare_words_link_and_shared_ones_do_not() -> None:
    left = ["the boat and the net", "the oven and the bread"]
    right = ["the bread was the thing", "the net was the thing"]
    alike = r.alike_by_words(left, right)
    assert alike.argmax(axis=1).tolist() == [1, 0]
    assert r.linked("x", alike).value == 0
    assert r.linked("x", alike[:, ::-1]).value == 1


def test_texts_without_words_are_like_nothing() -> None:
    assert np.isfinite(r.alike_by_words(["", "a boat"], ["a net", ""])).all()


def test_facts_of_a_session_without_labels_are_none() -> None:
    assert r.read_facts("no-such-session") == []
    assert all(isinstance(words, str) and words for words in r.read_facts("005"))
