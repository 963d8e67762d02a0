"""The language list: its own sentences, its masks, its offsets, and what a broken file says."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import SettingError
from assistant.resources import resource_path
from assistant.review import flag_language, load_language_rules, visible_flags
from assistant.review.alignment import shared_runs
from assistant.review.matching import find_hits, keep_strongest
from assistant.review.plaintext import normalise
from assistant.review.rules import entries_for

RULES = load_language_rules()
FIXTURES = RULES.listed.fixtures
LIST_FILE = resource_path("policies/language.yaml")


def rules_hit(text: str, *, voice: str = "peer") -> set[str]:
    """Every entry that matches, before overlapping hits are merged."""
    hits = find_hits(
        text,
        entries=entries_for(RULES, voice),  # type: ignore[arg-type]
        own_words=(),
        writer_is_person=voice == "person",
        masking=RULES.listed.masking,
        sentences=RULES.sentences,
    )
    return {hit.entry.id for hit in hits}


def flagged(text: str, *, voice: str = "peer", own_words: tuple[str, ...] = ()) -> list[str]:
    return [
        flag.text
        for flag in flag_language(text, voice=voice, own_words=own_words, rules=RULES)  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize("entry", RULES.entries, ids=lambda entry: entry.id)
def test_each_entry_flags_its_own_example(entry):
    voice = entry.voice or "peer"
    assert entry.id in rules_hit(entry.flag, voice=voice)
    assert flag_language(entry.flag, voice=voice, rules=RULES)


@pytest.mark.parametrize("entry", RULES.entries, ids=lambda entry: entry.id)
def test_no_entry_flags_an_example_that_is_fine(entry):
    assert flagged(entry.ok, voice=entry.voice or "peer") == []


@pytest.mark.parametrize("text", FIXTURES.must_flag)
def test_must_flag(text):
    assert flagged(text)


@pytest.mark.parametrize("text", FIXTURES.must_flag_model_drafted_first_person)
def test_first_person_words_of_a_model_are_not_protected(text):
    assert flagged(text, voice="person")


@pytest.mark.parametrize("text", FIXTURES.must_not_flag)
def test_must_not_flag(text):
    assert flagged(text) == []


@pytest.mark.parametrize("text", FIXTURES.must_not_flag_with_quote_masking)
def test_must_not_flag_inside_the_persons_quote(text):
    assert flagged(text) == []


def test_the_list_has_every_category_people_see():
    shown = {RULES.shows_as(entry) for entry in RULES.entries}
    assert shown == {"label", "blame", "deficit", "control", "doubt", "scope", "detail", "pity"}


def test_the_list_is_read_once():
    assert load_language_rules() is load_language_rules()


# ---------------------------------------------------------------- masks


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # a quote given to somebody else is not the person's
        ('The nurse said, "She is a manipulative person and a liar."', ["manipulative", "liar"]),
        ('"She is a liar and that is that," said the nurse.', ["liar"]),
        # the writer's own words in a peer's text
        ('I told her, "You are an addict and that is it."', ["addict"]),
        # the verb may follow the quote, and the quote may open a sentence
        ('We met. "I am an addict and proud of it," he said. He refused group.', ["refused"]),
        # curly marks, curly apostrophes
        ("He said, “I’m an addict and I’m proud of my clean date.”", []),
        # a short fragment reads as disbelief
        ('She had a "reaction" to the pill.', ['"reaction"']),
        # no speech verb gives the quote to anyone
        ('The form reads "a manipulative addict who lies".', ["manipulative", "addict"]),
    ],
)
def test_quotes_are_masked_only_when_they_are_the_persons(text, expected):
    assert flagged(text) == expected


@pytest.mark.parametrize(
    ("text", "own_words", "expected"),
    [
        ("I'm an addict and I failed treatment.", ("I’m  an ADDICT",), ["failed treatment"]),
        ("I'm an addict.", ("I'm an addict, that's what I call it.",), []),  # part of a clause
        ("I am crazy about dogs, I am crazy.", ("I am crazy",), []),  # everywhere it stands
        ("I am a liar.", ("I am an addict",), ["liar"]),  # other words do not help
        ("I am manipulative.", ("", " . "), ["manipulative"]),  # empty clauses mask nothing
        ("I'm an addict.", ("addictive",), ["I'm an addict"]),  # whole words only
    ],
)
def test_own_words_are_never_flagged(text, own_words, expected):
    assert flagged(text, voice="person", own_words=own_words) == expected


def test_entries_about_the_peer_are_skipped_in_the_persons_voice():
    text = "I instructed him to call."
    assert flagged(text) == ["I instructed"]
    assert flagged(text, voice="person") == []


def test_names_of_fellowships_are_left_alone():
    assert flagged("She goes to Schizophrenics Anonymous and Adult Children of Alcoholics.") == []


# ---------------------------------------------------------------- offsets


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("She’s bipolar, they wrote.", "She’s bipolar"),  # the whole of a contraction
        ("We met.  He is\u00a0 a   manipulative man.", "manipulative"),
        ("😀 Zoë is a junkie.", "junkie"),  # code points, not bytes
        ("- Came by bus\n- Client is manipulative\n", "manipulative"),  # list items are sentences
        ("<PERSON_1> denies using.", "denies"),
    ],
)
def test_offsets_point_into_the_text_as_given(text, phrase):
    (flag,) = [f for f in flag_language(text, voice="peer", rules=RULES) if f.text == phrase]
    assert text[flag.start : flag.end] == phrase


@given(st.text(alphabet=st.sampled_from("aI'’ms \n\t.\"“”éhe😀bipolar-"), max_size=120))
def test_flags_lie_inside_any_text_and_do_not_overlap(text):
    flags = flag_language(text, voice="peer", own_words=(text[:10],), rules=RULES)
    for flag in flags:
        assert 0 <= flag.start < flag.end <= len(text)
        assert flag.text == text[flag.start : flag.end]
    for left, right in pairwise(flags):
        assert left.end <= right.start


@given(st.text(max_size=200))
def test_normalised_text_knows_where_each_character_came_from(text):
    plain = normalise(text)
    assert len(plain.text) == len(plain.starts) == len(plain.ends)
    if plain.text:
        assert plain.given(0, len(plain.text)) == (0, len(text))
    assert list(plain.starts) == sorted(plain.starts)


@given(st.lists(st.sampled_from(["he is", "bipolar.", "a liar.", "She", "walked", "and sang."])))
def test_own_words_of_the_whole_text_leave_no_flag(pieces):
    text = " ".join(pieces)
    assert flag_language(text, voice="person", own_words=(text,), rules=RULES) == ()


def test_of_overlapping_hits_the_most_severe_stays():
    text = "He is a recovering addict."
    assert {"sub-001", "sub-018"} <= rules_hit(text)
    (flag,) = flag_language(text, voice="peer", rules=RULES)
    assert (flag.rule, flag.severity) == ("sub-001", 3)


def test_keep_strongest_of_nothing_is_nothing():
    assert keep_strongest(()) == ()


def test_a_screen_shows_the_most_severe_first_and_keeps_text_order():
    text = "He relapsed. " * 6 + "He is a liar. She is manipulative."
    flags = flag_language(text, voice="peer", rules=RULES)
    shown = visible_flags(flags, limit=3)
    assert [flag.text for flag in shown] == ["relapsed", "liar", "manipulative"]
    assert len(flags) == 8


def test_what_a_flag_says():
    (flag,) = flag_language("She suffers from depression.", voice="peer", rules=RULES)
    assert (flag.category, flag.detail, flag.rule) == ("pity", "label", "lbl-012")
    assert flag.why
    assert len(flag.alternatives) >= 1
    assert "UofL Health" in flag.source


def test_a_flag_does_not_show_the_words_in_its_repr():
    (flag,) = flag_language("Zubenelgenubi is a liar.", voice="peer", rules=RULES)
    assert "liar" not in repr(flag).split("why=")[0]


def test_nothing_to_read_is_nothing_to_flag():
    assert flag_language("", voice="peer", rules=RULES) == ()
    assert flag_language(" \n ", voice="person", own_words=("a",), rules=RULES) == ()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("mark", ["(", '"', ".", "'", "\u2019", "a'", "<", "-"])
def test_a_wall_of_punctuation_does_not_hang(mark):
    text = mark * 10_000 + " He is a liar."
    assert "liar" in [flag.text for flag in flag_language(text, voice="peer", rules=RULES)]


# ---------------------------------------------------------------- words a sentence shares


def test_shared_runs_skip_fillers_and_repetitions():
    said = "I'm, um, I'm like bipolar you know and I don't hide it"
    sentence = "I'm bipolar and I don't hide it."
    (run,) = shared_runs(sentence, said, fillers=RULES.listed.masking.fillers)
    assert sentence[run[0] : run[1]] == "I'm bipolar and I don't hide it"


def test_shared_runs_do_not_join_words_said_apart():
    said = "I am fine but my brother is bipolar"
    runs = shared_runs("I am bipolar.", said, fillers=())
    assert runs == ((0, 4), (5, 12))


# ---------------------------------------------------------------- broken files


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("  severity: 3", "  severity: 9", "entry lbl-001, severity"),
        ("  category: label", "  category: labels", "entry lbl-001, category"),
        ("  pattern: '\\bschizo", "  pattern: '(\\bschizo", "entry lbl-001, pattern"),
        ("  severity: 3", "  severity: 3\n  colour: red", "entry lbl-001, colour"),
        ("- id: lbl-002", "- id: lbl-001", "lbl-001 occurs twice"),
        ("  source: [NOTTS,", "  source: [NOWHERE,", "lbl-001 names the unknown source"),
        ("schema_version: 1", "schema_version: 2", "schema_version"),
        ("entries:", "entries: [", "cannot be read as YAML"),
    ],
)
def test_a_broken_list_names_the_entry(tmp_path: Path, old, new, named):
    text = LIST_FILE.read_text("utf-8")
    assert old in text
    broken = tmp_path / "language.yaml"
    broken.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(SettingError, match=r"language\.yaml") as caught:
        load_language_rules(broken)
    assert named in str(caught.value)


def test_a_pattern_that_matches_everywhere_is_refused(tmp_path: Path):
    text = LIST_FILE.read_text("utf-8")
    broken = tmp_path / "language.yaml"
    broken.write_text(text.replace("  pattern: '\\bschizo", "  pattern: '|\\bschizo", 1), "utf-8")
    with pytest.raises(SettingError, match="lbl-001"):
        load_language_rules(broken)


def test_a_missing_list_is_a_setting_error(tmp_path: Path):
    with pytest.raises(SettingError, match="cannot be read"):
        load_language_rules(tmp_path / "nowhere.yaml")
