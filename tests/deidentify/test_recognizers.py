"""Single lines: what is hidden, under which type, and what stays."""

from __future__ import annotations

import pytest

from assistant.deidentify import hide_identifiers

HIDDEN = [
    # telephone numbers: digits, words, mixtures, odd spacing
    ("Ring me on (419) 555-0142 after six.", "PHONE", "(419) 555-0142"),
    ("It's 4 1 9  5 5 5  0 1 4 2 now.", "PHONE", "4 1 9  5 5 5  0 1 4 2"),
    ("Call five five five, oh one four two.", "PHONE", "five five five, oh one four two"),
    ("My cell is 419 five five five 0142.", "PHONE", "419 five five five 0142"),
    ("text me at double five five, oh one four two", "PHONE", "double five five, oh one four two"),
    (
        "four nineteen, five fifty-five, oh one forty-two",
        "PHONE",
        "four nineteen, five fifty-five, oh one forty-two",
    ),
    # e-mail: written, obfuscated, spelled
    ("Write to quill.marsh@post.test please.", "EMAIL", "quill.marsh@post.test"),
    ("it's quill (at) post (dot) test", "EMAIL", "quill (at) post (dot) test"),
    (
        "that's q u i l l dot marsh at mailbox dot example",
        "EMAIL",
        "q u i l l dot marsh at mailbox dot example",
    ),
    ("quill underscore m at post dot com works", "EMAIL", "quill underscore m at post dot com"),
    # numbers of records, cases, cards, machines
    ("My social is 402-19-8877.", "ID", "402-19-8877"),
    ("Case number 22-CR-0457 is mine.", "ID", "22-CR-0457"),
    (
        "The docket's two four dash C R dash oh three one.",
        "ID",
        "two four dash C R dash oh three one",
    ),
    ("His badge was 4471.", "ID", "4471"),
    ("Plate KLM 4821, a grey van.", "ID", "KLM 4821"),
    ("Member ID HPX-77-40921 on the card.", "ID", "HPX-77-40921"),
    ("It logged in from 10.34.201.7 again.", "ID", "10.34.201.7"),
    # web addresses and handles
    ("See https://quill.example/u/marsh for it.", "URL", "https://quill.example/u/marsh"),
    ("It's on quillpost.org/marsh.", "URL", "quillpost.org/marsh"),
    ("go to quillpost dot org slash marsh", "URL", "quillpost dot org slash marsh"),
    ("I'm @marsh_lamp there.", "HANDLE", "@marsh_lamp"),
    ("my insta is marsh.lamp", "HANDLE", "marsh.lamp"),
    ("find me at u slash marshlamp", "HANDLE", "u slash marshlamp"),
    # dates
    ("Court is March 14th, nine sharp.", "DATE", "March 14th"),
    ("born on the fourteenth of March", "DATE", "the fourteenth of March"),
    ("The letter says 3/14/26.", "DATE", "3/14/26"),
    ("Clean since June 2, 2019!", "DATE", "June 2, 2019"),
    # ages above the limit
    ("My gran is ninety-three and sharp.", "AGE", "ninety-three"),
    ("a 94-year-old man", "AGE", "94-year-old"),
    # places and organisations
    ("I stay at 4417 Old Kettle Rd, Apt 3B.", "LOCATION", "4417 Old Kettle Rd, Apt 3B"),
    ("by the corner of Fifth and Alder", "LOCATION", "Fifth and Alder"),
    ("She lives on Maple Street now.", "LOCATION", "Maple Street"),
    ("the zip is 43604", "LOCATION", "43604"),
    ("I went to Harbor Light Clinic once.", "ORG", "Harbor Light Clinic"),
    ("She teaches at Pellworth High School.", "ORG", "Pellworth High School"),
    # people, by introduction, title, relation and capital
    ("My name's Odalys Ferreira.", "PERSON", "Odalys Ferreira"),
    ("Officer Brandt was decent.", "PERSON", "Brandt"),
    ("I called my sister Hope.", "PERSON", "Hope"),
    ("Then Zdenka made soup.", "PERSON", "Zdenka"),
    ("so my cousin keisha drove me", "PERSON", "keisha"),
    ("Everybody calls me Rook, always have.", "NICKNAME", "Rook"),
]


@pytest.mark.parametrize(("text", "type_", "surface"), HIDDEN)
def test_identifier_is_hidden_under_its_type(detector, text, type_, surface):
    _, spans = hide_identifiers(text, detector=detector)
    assert (type_, surface) in [(span.type, text[span.start : span.end]) for span in spans]


KEPT = [
    "I've got ninety-four days and I want six months.",  # milestones
    "Forty-one days tomorrow, and three years in May.",
    "See you Tuesday at half past ten, or last Thursday.",  # weekdays, times of day
    "I'm 34 and my son is fourteen.",  # ages under 90
    "I take Suboxone, I go to AA and the VA helps with SSI.",  # general programmes, medicines
    "Yeah. Mm. Okay. Gotcha. Mhm, honestly, kinda.",  # fillers and openers
    "My mom and my sponsor came to the Recovery Center.",  # roles, general places
    "The Salvation Army had coats. Mom cried.",
    "I counted 10, 20, 30, 40 and slept eight hours.",  # counting is not a telephone number
    "It's about 50/50, maybe 8/10 on a good day.",  # a rating is not a date
    "I work 24/7 and it's 100% worth it.",
    "One two three four, breathe.",
    "Will you come? May I ask? I hope so. Mark my words.",  # words that can be names
    "We walked down the street to the corner store.",
    "I looked at it and found nothing there.",
    "I've been sober since 2019.",  # a year alone
]


@pytest.mark.parametrize("text", KEPT)
def test_ordinary_words_stay(detector, text):
    assert hide_identifiers(text, detector=detector)[0] == text


def test_every_type_of_line_is_independent(detector):
    first, _ = hide_identifiers("Zdenka called.", detector=detector)
    second, _ = hide_identifiers("Odalys called.", detector=detector)
    assert first == second == "<PERSON_1> called."
