from __future__ import annotations

import pytest

from assistant.draft.claims import check_claims
from assistant.draft.numerals import find_numbers
from assistant.draft.verify import check_claim, find_faults
from assistant.draft.words import split_forms
from assistant.records import Checked, Evidence
from tests.draft.scripted import WordEncoder, load_parser, session_of

SOURCE = 'So, um, I I might not call <PERSON_2> on Friday, you know, because she said "wait" twice.'


@pytest.mark.parametrize(
    "told",
    [
        # fillers, repeats and joiners may go
        'I might not call <PERSON_2> on Friday, because she said "wait" twice.',
        # punctuation and capitals are nobody's words
        'I might not call <PERSON_2> on Friday. Because she said "wait" twice',
    ],
)
def test_leaving_out_fillers_is_no_fault(told: str) -> None:
    assert find_faults(told, source=SOURCE) == ()


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ("I might call <PERSON_2> on Friday because she said \"wait\" twice.", "negation"),
        ("I will not call <PERSON_2> on Friday because she said \"wait\" twice.", "force"),
        ("I might not call <PERSON_2> on Monday because she said \"wait\" twice.", "force"),
        ("I might not call <PERSON_3> on Friday because she said \"wait\" twice.", "surrogate"),
        ("I might not call on Friday because she said \"wait\" twice.", "surrogate"),
        ("I might not call <PERSON_2> on Friday because he said \"wait\" twice.", "actor"),
        ("I might not call <PERSON_2> on Friday because she said \"wait\".", "number"),
        ("I might not call <PERSON_2> on Friday because she said \"wait here\" twice.", "quote"),
        ("I sadly might not call <PERSON_2> on Friday because she said \"wait\" twice.",
         "added_word"),
        ("She said \"wait\" twice because I might not call <PERSON_2> on Friday.", "order"),
        ("I might not call <PERSON_2> on Friday because", "unfinished"),
        ("", "empty"),
        ("note: I might not call <PERSON_2> on Friday because she said \"wait\" twice.",
         "malformed"),
    ],
)  # fmt: skip
def test_each_change_of_meaning_is_named(told: str, fault: str) -> None:
    assert fault in find_faults(told, source=SOURCE)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        # African American English: habitual be, negative concord, zero copula
        ("I be tired on nights and ain't nobody helping", "I am tired on nights and nobody helps."),
        # Irish English: the after-perfect
        ("I'm after asking the landlord", "I have asked the landlord."),
        # second-language English
        ("yesterday I go office for paper", "Yesterday I went to the office for the paper."),
    ],
)  # fmt: skip
def test_correcting_a_dialect_is_a_fault(source: str, told: str) -> None:
    assert "added_word" in find_faults(told, source=source)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("ninety-four days", {"94"}),
        ("94 days", {"94"}),
        ("twenty two and thirty", {"22", "30"}),
        ("the 3rd of <DATE_1>", {"3"}),
        ("half past five", {"half", "5"}),
        ("no numbers here", set()),
    ],
)
def test_numbers_in_words_and_digits_are_the_same(text: str, numbers: set[str]) -> None:
    assert find_numbers(split_forms(text)) == numbers


SESSION = session_of(
    "Q: I lost my own licence for two years.",
    "P: I been dry ninety-four days. Not one drop.",
    "Q: What is next?",
    "P: I'm going to call the clerk tomorrow about the fine.",
    'P: I might try the choir on Thursday. I said "count me in" to <PERSON_2>.',
    "P: I don't want the night shift.",
    "P: My cousin lost his van in the flood.",
    "P: I used to swim in the harbour when I was ten.",
    "P: I was scared at the market.",
)


@pytest.mark.parametrize(
    "claim",
    [
        "I been dry 94 days.",
        "I'm going to call the clerk about the fine.",
        "I might try the choir.",
        "I don't want the night shift.",
        "I said \"count me in\" to <PERSON_2>.",
        "I was scared at the market.",
    ],
)  # fmt: skip
def test_what_was_said_is_supported(claim: str) -> None:
    checked = check_claim(claim, SESSION, encoder=WordEncoder(), nlp=load_parser())
    assert checked.supported, checked.why
    assert checked.evidence


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        ("I been dry 49 days.", "number"),
        ("I want the night shift.", "yes where"),
        ("I called the clerk about the fine.", "plan"),
        ("I will try the choir.", "plan"),
        ("I'm going to call the clerk on Monday about the fine.", "time"),
        ("I lost my van in the flood.", "Someone else"),
        ("I lost my own licence for two years.", "Someone else"),
        ("I said \"count on me\" to <PERSON_2>.", "quotation"),
        ("I always try the choir on Thursday.", ""),
        ("I was proud at the market.", "feeling"),
        ("I deny wanting the night shift.", "rules something out"),
        ("I have no safety concerns.", "rules something out"),
        ("I have depression at the market.", "clinical"),
        ("I want to buy a horse.", ""),
        ("I swim in the harbour now.", ""),
    ],
)  # fmt: skip
def test_what_was_not_said_is_not_supported(claim: str, why: str) -> None:
    checked = check_claim(claim, SESSION, encoder=WordEncoder(), nlp=load_parser())
    assert not checked.supported
    assert checked.score < 0.5
    assert why in checked.why


def test_the_reason_never_quotes_anybody() -> None:
    claims = ("I called the clerk.", "I have depression.", "I lost my van.", "I want a horse.")
    for checked in check_claims(claims, SESSION, encoder=WordEncoder(), nlp=load_parser()):
        assert not {"clerk", "van", "horse", "depression"} & set(checked.why.lower().split())


def test_many_claims_read_the_session_once() -> None:
    encoder = WordEncoder()
    check_claims(("I want a horse.",) * 20, SESSION, encoder=encoder, nlp=load_parser())
    assert encoder.n_calls == 1


def test_evidence_names_the_turn() -> None:
    checked = check_claim(
        "I don't want the night shift.", SESSION, encoder=WordEncoder(), nlp=load_parser()
    )
    assert checked.evidence == (Evidence(turn=6, start=0, end=29),)


@pytest.mark.parametrize("claim", ["", "  ", "..."])
def test_nothing_to_check_is_not_supported(claim: str) -> None:
    checked = check_claim(claim, SESSION, encoder=WordEncoder(), nlp=load_parser())
    assert checked == Checked(
        supported=False, score=0.0, evidence=(), why="There is nothing here to check."
    )


def test_an_empty_session_supports_nothing() -> None:
    checked = check_claim("I want a horse.", session_of(), encoder=WordEncoder(), nlp=load_parser())
    assert not checked.supported
