"""The reader beside the list: it adds, it may drop, and the person's own words are never its."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assistant.records import FlagCategory
from assistant.review import flag_language, load_language_review, load_language_rules
from assistant.review.language_reader import CATEGORIES, LanguageReader, Scored
from assistant.settings import load_settings

RULES = load_language_rules()


class Scripted(LanguageReader):
    """Says of every occurrence of a phrase how likely it is of a category."""

    def __init__(self, phrases: dict[str, tuple[FlagCategory, float]]) -> None:
        self._phrases = phrases

    def read(self, sentences, *, voice):
        return tuple(self._score(text) for text in sentences)

    def _score(self, text: str) -> Scored:
        shares = np.zeros((len(text), 1 + len(CATEGORIES)), dtype=np.float32)
        for phrase, (category, likely) in self._phrases.items():
            at = text.find(phrase)
            if at >= 0:
                shares[at : at + len(phrase), 1 + CATEGORIES.index(category)] = likely
        return Scored(offsets=tuple((i, i + 1) for i in range(len(text))), shares=shares)


def flags(text: str, phrases: dict, **options):
    rules = replace(RULES, reader=Scripted(phrases))
    return flag_language(text, voice=options.pop("voice", "peer"), rules=rules, **options)


def test_it_adds_a_phrase_with_reason_and_alternatives() -> None:
    text = "He waited. She knows better than that, I think."
    (flag,) = flags(text, {"knows better than that": ("blame", 0.9)})
    assert text[flag.start : flag.end] == flag.text == "knows better than that"
    assert (flag.category, flag.rule) == ("blame", "lrn-002")
    assert flag.why
    assert flag.alternatives
    assert RULES.entry("lrn-002").why == flag.why


def test_a_phrase_of_the_list_stays_the_lists() -> None:
    (flag,) = flags("He is a schizophrenic.", {"a schizophrenic": ("deficit", 0.9)})
    assert flag.rule == "lbl-001"


def test_an_innocent_hit_of_the_list_goes_and_one_for_the_safety_workflow_stays() -> None:
    assert flags("He is a schizophrenic.", {}) == ()
    kept = [e for e in RULES.entries if e.safety_workflow and e.voice != "person"]
    assert kept
    assert flags(kept[0].flag, {})


def test_the_persons_own_words_are_never_flagged() -> None:
    own = "I know better than that"
    phrases = {own: ("blame", 0.99)}
    assert flags(f"{own}.", phrases, own_words=(own,)) == ()
    assert flags(f'She said, "{own}."', phrases, own_words=(own,)) == ()


def test_a_mark_alone_is_no_phrase() -> None:
    assert flags('He said, "I went home".', {'"': ("doubt", 0.9)}) == ()
    own = "I went home"
    assert flags(f'He said, "{own}"', {'"': ("doubt", 0.9)}, own_words=(own,)) == ()


def test_offsets_point_into_the_text_as_given() -> None:
    text = "Fine.  She’s   hopeless with money."
    (flag,) = flags(text, {"hopeless with money": ("deficit", 0.9)})
    assert text[flag.start : flag.end] == "hopeless with money"


@pytest.mark.model
def test_on_its_real_weights_the_lists_own_sentences_keep_their_verdict() -> None:
    rules = load_language_review(settings=load_settings())
    for entry in RULES.entries:
        voice = entry.voice or "peer"
        assert flag_language(entry.flag, voice=voice, rules=rules), entry.id
        assert not flag_language(entry.ok, voice=voice, rules=rules), entry.id
    fixtures = RULES.listed.fixtures
    for text in fixtures.must_flag:
        assert flag_language(text, voice="peer", rules=rules), text
    for text in fixtures.must_flag_model_drafted_first_person:
        assert flag_language(text, voice="person", rules=rules), text
    for text in (*fixtures.must_not_flag, *fixtures.must_not_flag_with_quote_masking):
        assert not flag_language(text, voice="peer", rules=rules), text
