"""What tidying by rule drops, what it leaves alone, and what it hands on to a model."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.draft.copying import same_words
from assistant.draft.disfluency import find_disfluencies, needs_tidying, tidy_plainly
from assistant.draft.speech import word_set

PIECES = (
    "um uh i I you know mean like so well yeah no not never ain't the <PERSON_1> three 3:30 don't "
    "want to walk my sister and — , . ? wa- was I'm sorry wait <DATE_2>'s very"
)
SPOKEN = st.lists(st.sampled_from(sorted(word_set(PIECES))), max_size=25).map(" ".join)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("Um, I, I want to call her.", "I want to call her."),
        ("It's, it's the, uh, the noise.", "It's the noise."),
        ("I wa- I was late.", "I was late."),
        ("we went we went down to the river", "We went down to the river."),
        ("I, you know, I knit.", "I knit."),  # a repeat shows once the phrase is gone
        ("Well, I guess it helps me.", "I guess it helps me."),
        ("My kids is what matters, you know what I'm saying?", "My kids is what matters?"),
        ("i been going and i'm still going", "I been going and I'm still going."),
        ("<PERSON_2>, um, <PERSON_2> drove me.", "<PERSON_2> drove me."),
    ],
)
def test_sure_disfluencies_go(said, written):
    assert tidy_plainly(said) == written


@pytest.mark.parametrize(
    "said",
    [
        "I been going three times a week.",  # African American English
        "He be acting like I don't show up.",
        "He done told me twice he ain't gonna sign it.",
        "I might could get me a bike.",  # Southern
        "I'm fixing to sign up for them classes.",
        "Yesterday I am asking my boss for different hour, and he say yes.",  # second language
        "I'm really really proud of them tomatoes.",  # said twice for weight
        "No no no, I'm not mad at him.",
        "Never again, never again.",
        "I love, love, love that choir.",
        "I had had enough of that.",
        "I like the garden and I like the people there.",  # like is a verb
        "They treat you like a number.",
        "Do you know the man at the desk?",
        "I mean what I say.",
        "So far I've saved two hundred.",
        "He's in the ER tonight.",  # not a filler
        "I walk every day — it keeps me steady.",  # a dash that breaks nothing off
        "She never called — I did.",
        "He said, no, I said leave me out of it.",  # somebody's words, not a correction
        "I asked for help, no, nobody came.",
        "What I need is — a door that locks.",
        "I quit smoking. I quit drinking. I quit running.",
    ],
)
def test_wording_dialect_and_emphasis_need_no_tidying(said):
    assert not needs_tidying(said)
    assert tidy_plainly(said) == said


@pytest.mark.parametrize(
    ("said", "may_go"),
    [
        ("So yeah, I finished it all.", ["So yeah"]),
        ("I was gonna — I wanted to ask.", ["I was gonna"]),
        ("My aunt, sorry, my sister signed.", ["My aunt sorry"]),
        ("It's at 3:15, no, 3:30 on Mondays.", ["3:15 no"]),
        ("It started in May, no, in June.", ["in May no"]),
        ("And nobody like bothers me there.", ["And", "like"]),
        ("It takes like two hours to get there.", []),  # "about two hours": a hedge that is meant
        ("It wasn't me, no, it was the neighbor.", []),  # would take the "not" along
        ("I don't — I do want it.", []),
    ],
)
def test_what_only_the_sense_can_tell_is_left_open(said, may_go):
    tidying = find_disfluencies(said)
    spans = [" ".join(w.text for w in tidying.words[a:b]) for a, b in tidying.open_spans]
    assert spans == may_go


def test_marks_are_offered_only_in_text_without_any():
    raw = find_disfluencies("my hands was shaking but i did it i signed it")
    assert [(raw.words[at].text, marks) for at, marks in raw.may_mark] == [
        ("shaking", ","),
        ("it", ",."),
    ]
    assert find_disfluencies("My hands was shaking but I did it. I signed it.").may_mark == ()


@pytest.mark.parametrize("said", ["", "   ", "um", "— —", "...", "you know", "<PERSON_1>"])
def test_hardly_anything_comes_back_as_hardly_anything(said):
    assert tidy_plainly(said).strip(".").lower() in {"", "um", "you know", "<person_1>"}


@given(SPOKEN)
def test_tidying_only_leaves_words_out(said):
    assert same_words(tidy_plainly(said), said)


@given(SPOKEN)
def test_every_negation_number_and_name_outlives_tidying(said):
    kept = {w.strip(".,?— ").lower() for w in tidy_plainly(said).split()}
    for word in ("not", "never", "ain't", "three", "3:30", "<person_1>", "<date_2>'s", "no"):
        assert word in kept or word not in said.lower().split()


@given(SPOKEN)
def test_open_spans_lie_inside_and_apart(said):
    tidying = find_disfluencies(said)
    assert all(0 <= a < b <= len(tidying.words) for a, b in tidying.open_spans)
    assert all(one[1] < two[1] for one, two in pairwise(tidying.open_spans))


@given(SPOKEN)
def test_tidying_twice_changes_nothing_more(said):
    once = tidy_plainly(said)
    assert same_words(tidy_plainly(once), once)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("I prefer you, you have a red coat.", "I prefer you, you have a red coat."),
        ("I went to the house, the house was shut.", "I went to the house, the house was shut."),
        ("It has to be dark, because my eyes are, you know.",
         "It has to be dark, because my eyes are, you know."),
        ("(pause) I can wait. So.", "I can wait."),
        ("I uh I'll ask her.", "I'll ask her."),
        ("She don't, she don't drive on Mondays.", "She don't drive on Mondays."),
    ],
)  # fmt: skip
def test_what_ends_one_clause_and_begins_the_next_stays(said, kept):
    assert tidy_plainly(said) == kept
