"""The figures of evals/language.py: what they count, and the floor they must not fall under."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.review import load_language_rules, load_safety_rules
from evals.language import (
    Counted,
    measure_language,
    measure_safety,
    measure_safety_file,
    stigma_density,
)

RULES = load_language_rules()
CASES = Path(__file__).parent / "data" / "safety_cases.yaml"


def test_the_list_finds_all_its_own_sentences_and_leaves_the_others():
    for counted in measure_language(RULES).values():
        assert counted.recall >= 0.93  # an overlapping, more severe neighbour may show instead
        assert counted.flagged_in_vain == 0


def test_safety_recall_is_reported_apart_for_unseen_sentences():
    measured = measure_safety_file(load_safety_rules(), CASES)
    assert measured["tuned"]["all"].recall == 1.0
    assert measured["tuned"]["all"].flagged_in_vain == 0
    unseen = measured["unseen"]["all"]
    assert unseen.found + unseen.missed >= 36  # measured, with no floor: it is the honest figure


def test_counts_of_nothing_are_whole():
    empty = Counted(found=0, missed=0, flagged_in_vain=0, left_alone=0)
    assert (empty.recall, empty.precision) == (1.0, 1.0)


def test_a_low_prompt_for_an_idiom_is_no_false_prompt():
    measured = measure_safety(
        load_safety_rules(), positive={}, silent=["We had tea."], low=["This job is killing me."]
    )
    assert measured["all"].left_alone == 2


@pytest.mark.parametrize(
    ("texts", "density"),
    [
        (["He is a liar."], 75.0),  # one flag of severity 3 in four words
        (['She said, "I am a liar and a thief and more."'], 0.0),  # her words, not narrative
        ([], 0.0),
        (["We walked to the library."], 0.0),
    ],
)
def test_stigma_density_counts_severity_per_hundred_narrative_words(texts, density):
    assert stigma_density(texts, voice="peer", rules=RULES) == density
