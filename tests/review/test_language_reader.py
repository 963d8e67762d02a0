"""The reader beside the list: it adds, it may drop, and the person's own words are never its."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assistant.records import FlagCategory
from assistant.review import flag_language, load_language_review, load_language_rules
from assistant.review.language_reader import (
    CATEGORIES,
    MAX_PIECES,
    LanguageReader,
    Scored,
)
from assistant.settings import load_settings

RULES = load_language_rules()


class Scripted(LanguageReader):
    """Says of every occurrence of a phrase how likely it is of a category."""

    def __init__(self, phrases: dict[str, tuple[FlagCategory, float]]) -> None:
        self._phrases = phrases

    def read(self, text: str, *, sentences, voice) -> Scored:
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


def test_a_word_that_is_flagged_in_part_is_shown_whole() -> None:
    (flag,) = flags("She is hopelessly late.", {"hopeless": ("deficit", 0.9)})
    assert flag.text == "hopelessly"


def test_a_phrase_is_one_over_a_small_gap_and_its_unsure_ends_and_stops_at_the_sentence() -> None:
    text = "What did he expect. Nothing."
    shares = np.zeros((len(text), 1 + len(CATEGORIES)), dtype=np.float32)
    shares[:4, 1], shares[6:8, 1], shares[9:, 1] = 0.4, 0.9, 0.4
    scored = Scored(offsets=tuple((i, i + 1) for i in range(len(text))), shares=shares)
    (found,) = scored.phrases(within=(0, 19))
    assert text[found.start : found.end] == "What did he expect."
    assert found.score == pytest.approx(0.9)
    assert scored.phrases(within=(20, 28)) == ()  # likely, but nowhere likely enough


def test_a_long_text_is_read_to_its_end() -> None:
    reader = load_language_review(settings=load_settings()).reader
    assert reader is not None
    sentence = "He came at nine and we looked at the form together. "
    text = sentence * 40
    places = [(i * len(sentence), (i + 1) * len(sentence) - 1) for i in range(40)]
    scored = reader.read(text, sentences=places, voice="peer")
    assert len(scored.shares) == len(scored.offsets) > 2 * MAX_PIECES
    again = reader.read(text[: len(sentence) * 3], sentences=places[:3], voice="peer")
    assert again.offsets == scored.offsets[: len(again.offsets)]


def test_sentences_are_read_together_since_one_may_spoil_another() -> None:
    seen = []

    class Listening(Scripted):
        def read(self, text: str, *, sentences, voice) -> Scored:
            seen.append(text)
            return super().read(text, sentences=sentences, voice=voice)

    text = "He says he has the flu. Who knows."
    rules = replace(RULES, reader=Listening({"Who knows": ("doubt", 0.9)}))
    (flag,) = flag_language(text, voice="peer", rules=rules)
    assert (flag.text, seen) == ("Who knows", [text])


def test_a_harmless_sentence_behind_it_hides_no_harm() -> None:
    rules = load_language_review(settings=load_settings())
    for after in ("The bus was late.", "He is a schizophrenic.", "We had soup."):
        text = f"She can't be bothered with the forms. {after}"
        found = [flag.text for flag in flag_language(text, voice="peer", rules=rules)]
        assert any("bothered" in one for one in found), after
