"""The labelled excerpts: every file reads, labels are known, lines of claims exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.draft.heads import HEAD_REASONS, HEAD_SECTIONS
from models.corpus import load_sessions
from models.excerpts import (
    ASKED,
    CLAIMS,
    DENIALS,
    EXCERPTS,
    REQUESTS,
    read_asked,
    read_excerpts,
)

LABELS = {*HEAD_SECTIONS, *HEAD_REASONS, "asked_not_to_record", "safety"}


def test_every_label_is_known_and_what_is_left_out_weighs_nothing() -> None:
    asked = [talk for talk, _ in read_asked()]
    for excerpt in (*read_excerpts(), *read_excerpts(REQUESTS), *asked):
        for line in excerpt.lines:
            for label, salience, text in line.statements:
                assert label in LABELS
                assert text
                assert salience == 0 or label in HEAD_SECTIONS


@pytest.mark.parametrize(
    "folder", [EXCERPTS, CLAIMS, DENIALS, REQUESTS], ids=lambda folder: folder.name
)
def test_every_claim_stands_on_lines_that_are_there(folder: Path) -> None:
    for excerpt in read_excerpts(folder):
        for claim in excerpt.claims:
            assert all(1 <= line <= len(excerpt.lines) for line in claim.lines)


def test_no_statement_stands_in_a_session_that_is_measured_on() -> None:
    measured = {
        turn.plain.casefold()
        for split in ("dev", "test")
        for session in load_sessions(split)  # type: ignore[arg-type]
        for turn in session.turns
    }
    for excerpt in (
        *read_excerpts(),
        *read_excerpts(CLAIMS),
        *read_excerpts(DENIALS),
        *read_excerpts(REQUESTS),
        *(talk for talk, _ in read_asked(ASKED)),
    ):
        for line in excerpt.lines:
            assert len(line.text.split()) < 6 or line.text.casefold() not in measured


def test_a_line_that_does_not_fit_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("== one\nB: no label\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"x\.txt line 2"):
        list(read_excerpts(tmp_path))


def test_places_of_a_talk_stand_in_its_lines_without_their_marks() -> None:
    kinds = set()
    for talk, places in read_asked():
        assert not any("{" in line.text for line in talk.lines)
        for line, kind, words in places:
            assert words in talk.lines[line - 1].text
            kinds.add(kind)
    assert kinds == {"ask", "lift"}
