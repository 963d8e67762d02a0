"""A whole draft: own words stay, added words are checked, the peer's sentences are the peer's."""

from __future__ import annotations

import pytest

from assistant.records import (
    Deidentified,
    DeidentifiedTurn,
    Draft,
    Evidence,
    ModelInfo,
    SafetyPrompt,
    Section,
    Sentence,
)
from assistant.review import load_language_rules, review_draft

RULES = load_language_rules()
TURNS = {
    1: ("peer", "Would you like to put the list on one page? I instructed him to bring it."),
    2: ("person", "Um, I'm, I'm an addict, you know, and I refused the shot, it made me sick."),
    3: ("person", "I am fine but they say my brother is bipolar."),
}
DEIDENTIFIED = Deidentified(
    turns=tuple(
        DeidentifiedTurn(
            number=number, speaker="<PERSON_1>", role=role, text=text, n_chars_original=len(text)
        )
        for number, (role, text) in TURNS.items()
    )
)


def review(text: str, *, origin: str, turn: int, section: str = "matters"):
    sentence = Sentence(
        text=text,
        origin=origin,  # type: ignore[arg-type]
        evidence=(Evidence(turn=turn, start=0, end=5),) if turn else (),
        own_words=1.0,
    )
    draft = Draft(
        sections=(Section(name=section, sentences=(sentence,)),),  # type: ignore[arg-type]
        held_back=(),
        model=ModelInfo(name="none", backend="none"),
        voice="tidied",
    )
    return review_draft(draft, deidentified=DEIDENTIFIED, rules=RULES, safety=())


@pytest.mark.parametrize(
    ("text", "origin", "turn", "section", "expected"),
    [
        # verbatim words of the person
        ("I refused the shot, it made me sick.", "verbatim", 2, "hard", []),
        # tidied: fillers gone, the words still theirs
        ("I'm an addict and I refused the shot.", "rewritten", 2, "matters", []),
        # a word nobody said
        ("I'm a manipulative addict.", "rewritten", 2, "matters", ["manipulative"]),
        # words said apart do not make a label together
        ("I am bipolar.", "rewritten", 3, "matters", ["am bipolar"]),
        # the label is not believed: nobody said this
        ("I am a liar.", "verbatim", 2, "matters", ["liar"]),
        # a turn of the peer does not make words the person's
        ("I instructed him to bring it.", "verbatim", 1, "together", ["I instructed"]),
        ("I refused the shot.", "rewritten", 1, "hard", ["refused"]),
        # typed by a human: checked like anyone's, in the person's voice
        ("I am an addict.", "written", 0, "matters", ["I am an addict"]),
        ("I instructed him to call.", "written", 0, "matters", []),
        ("I instructed him to call.", "written", 0, "together", ["I instructed"]),
    ],
)
def test_each_sentence_is_checked_by_whose_words_it_holds(text, origin, turn, section, expected):
    reviewed = review(text, origin=origin, turn=turn, section=section)
    assert [item.flag.text for item in reviewed.flags] == expected
    for item in reviewed.flags:
        assert (item.section, item.sentence) == (section, 0)
        assert text[item.flag.start : item.flag.end] == item.flag.text


def test_the_draft_and_the_safety_prompts_are_handed_on_unchanged():
    prompt = SafetyPrompt(
        turn=2, start=0, end=4, topic="self_harm_suicide", said_by="person", prominence="plain"
    )
    draft = review("I went home.", origin="written", turn=0).draft
    reviewed = review_draft(draft, deidentified=DEIDENTIFIED, rules=RULES, safety=(prompt,))
    assert reviewed.draft is draft
    assert reviewed.safety == (prompt,)
