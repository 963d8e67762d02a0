from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.draft.statements import (
    MAX_WORDS,
    Statement,
    cite,
    preceding_questions,
    split_statements,
)
from assistant.draft.words import count_words, read_texts
from assistant.records import DeidentifiedTurn, Evidence, IdentifierSpan
from tests.draft.scripted import load_parser, session_of


def split(text: str) -> list[Statement]:
    turn = DeidentifiedTurn(number=1, speaker="<PERSON_1>", role="person", text=text)
    read = read_texts([text], nlp=load_parser())
    return list(split_statements([turn], read={1: read[0]}, questions={}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # sentences
        ("I called her. She came over.", ["I called her.", "She came over."]),
        # fillers at both edges stay outside
        ("Um, well, so I baked bread, you know?", ["I baked bread"]),
        # an aside of the transcript is not what was said
        ("(laughs) I kept the bus ticket.", ["I kept the bus ticket."]),
        # a fragment that opens the turn names what follows
        ("Sundays. I bake bread with my aunt.", ["Sundays. I bake bread with my aunt."]),
        # a fragment after a sentence adds to it
        ("I rang my aunt. Half past two.", ["I rang my aunt. Half past two."]),
        # "no" is meaning, never a filler
        ("No, I don't want that.", ["No, I don't want that."]),
    ],
)
def test_statements_are_sentences_without_edge_fillers(text: str, expected: list[str]) -> None:
    assert [s.text for s in split(text)] == expected


def test_unpunctuated_speech_is_split_where_clauses_begin() -> None:
    found = split(
        "so um i been going to the pottery class on tuesdays and it's been alright and i made two "
        "bowls last week and my cousin she wants one so i am making her a blue one for her birthday"
    )
    assert len(found) >= 3
    assert found[0].text.startswith("i been going")
    assert any(s.text.startswith("i made two bowls") for s in found)


def test_long_statements_are_capped() -> None:
    text = "and then " + " ".join(f"word{i}" for i in range(200))
    assert all(count_words(s.text) <= MAX_WORDS for s in split(text))


def test_the_question_before_is_kept_and_only_directly_before() -> None:
    session = session_of(
        "Q: What helps?", "P: Swimming.", "P: Mostly at night.", "O: Same.", "P: Yes."
    )
    assert preceding_questions(session.turns) == {2: "What helps?", 3: "", 5: ""}


def test_evidence_points_into_the_original_words() -> None:
    # original: "I asked Marisol for a lift."
    turn = DeidentifiedTurn(
        number=7, speaker="<PERSON_1>", role="person", text="Well, I asked <PERSON_2> for a lift.",
        spans=(
            IdentifierSpan(
                start=14, end=21, type="PERSON", surrogate="<PERSON_2>", score=1.0, out_start=14,
                out_end=24,
            ),
        ),
        n_chars_original=33,
    )  # fmt: skip
    read = read_texts([turn.text], nlp=load_parser())
    (statement,) = split_statements([turn], read={7: read[0]}, questions={})
    assert statement.text == "I asked <PERSON_2> for a lift."
    assert cite(statement, {7: turn}) == Evidence(turn=7, start=6, end=33)


@settings(max_examples=60)
@given(
    st.lists(
        st.sampled_from(
            [
                "i",
                "I'm",
                "went",
                "don't",
                "know",
                "um",
                "like",
                ",",
                ".",
                "?",
                "!",
                "…",
                "-",
                "(",
                ")",
                '"',
                "and",
                "but",
                "so",
                "because",
                "she",
                "<PERSON_2>",
                "really",
                "94",
                "days",
                "you",
                "Sunday",
                "é",
                "今",
                "\n",
            ]
        ),
        max_size=60,
    )
)
def test_statements_are_exact_and_do_not_overlap(pieces: list[str]) -> None:
    text = " ".join(pieces)
    end = 0
    for statement in split(text):
        assert text[statement.start : statement.end] == statement.text
        assert statement.text == statement.text.strip()
        assert statement.start >= end
        end = statement.end
