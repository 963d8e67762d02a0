"""The learned tagger: windows, words, spans, what happens without its files, and the plug-ins."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NoOpNlpEngine
from presidio_analyzer.recognizer_registry import RecognizerRegistryProvider

from assistant.bundled import locate_model
from assistant.deidentify.detector import Detector, is_borne_out
from assistant.deidentify.found import Found
from assistant.deidentify.pieces import MAX_PIECES, Pieces, make_windows, shape_of
from assistant.deidentify.tagger import (
    ADAPTER,
    Tagged,
    Tagger,
    Word,
    load_tagger,
    read_tagger,
)
from assistant.errors import ModelUnavailable
from assistant.resources import resource_path
from assistant.settings import load_settings


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return load_tagger(settings=load_settings())


# ---------------------------------------------------------------- windows


def pieces_of(n: int) -> Pieces:
    return Pieces(ids=list(range(1000, 1000 + n)), offsets=[(i, i + 1) for i in range(n)],
                  shapes=[1] * n)  # fmt: skip


@given(st.lists(st.integers(0, 400), max_size=12), st.booleans())
@settings(max_examples=200, deadline=None)
def test_windows_hold_every_piece_once_and_none_is_too_long(
    lengths: list[int], together: bool
) -> None:
    owned = []
    for window in make_windows([pieces_of(n) for n in lengths], together=together):
        assert len(window.ids) == len(window.shapes) == len(window.owners) <= MAX_PIECES
        owned += [own for own in window.owners if own is not None]
    assert sorted(owned) == [(t, i) for t, n in enumerate(lengths) for i in range(n)]


def test_a_window_begins_with_what_was_said_before_only_within_a_session() -> None:
    texts = [pieces_of(MAX_PIECES - 20), pieces_of(30)]
    together = list(make_windows(texts, together=True))[1]
    assert together.owners.index((1, 0)) > 10
    assert list(make_windows(texts, together=False))[1].owners.index((1, 0)) == 1


@pytest.mark.parametrize(
    ("text", "shape"),
    [("alana", 1), ("Alana", 2), ("ALANA", 3), ("McKay", 4), ("42", 5), ("A", 2)],
)
def test_shapes(text: str, shape: int) -> None:
    assert shape_of(text, 0, len(text)) == shape


# ---------------------------------------------------------------- spans


def word(start: int, end: int, sure: float, kind: str, *, begins: bool = False) -> Word:
    return Word(start=start, end=end, sure=sure, type=kind, begins=begins)  # type: ignore[arg-type]


def test_words_of_one_name_are_one_span_and_a_new_name_is_another() -> None:
    tagged = Tagged(
        text="Ruben Ortiz, Alana went",
        words=(
            word(0, 5, 0.9, "PERSON", begins=True), word(6, 11, 0.8, "PERSON"),
            word(13, 18, 0.95, "PERSON"), word(19, 23, 0.1, "PERSON"),
        ),
    )  # fmt: skip
    assert [(one.start, one.end) for one in tagged.spans(at_least=0.7)] == [(0, 11), (13, 18)]
    assert tagged.surest(0, 3) == 0.9
    assert tagged.surest(11, 13) == 0


def test_a_guess_falls_where_the_tagger_is_sure_of_a_no() -> None:
    tagged = Tagged(text="Dang. Tuesday", words=(word(0, 4, 0.001, "PERSON"),))
    guess = Found(start=0, end=4, type="PERSON", score=0.5, rule="capital")
    told = Found(start=0, end=4, type="PERSON", score=0.85, rule="name_name_is")
    assert not is_borne_out(guess, tagged)
    assert is_borne_out(told, tagged)


# ---------------------------------------------------------------- the network


def surfaces(tagger: Tagger, *texts: str, together: bool = False) -> list[list[str]]:
    has_case = [not text.islower() for text in texts]
    return [
        [one.text[found.start : found.end] for found in one.spans(at_least=0.5)]
        for one in tagger.tag(texts, has_case=has_case, together=together)
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("my sister oluwadamilare drove me there", "oluwadamilare"),
        ("I told Ngozi I was done.", "Ngozi"),
        ("I moved to Pontrhydfendigaid last spring.", "Pontrhydfendigaid"),
    ],
)
def test_uncommon_names_are_found(tagger: Tagger, text: str, wanted: str) -> None:
    assert surfaces(tagger, text) == [[wanted]]


def test_milestones_programmes_and_weekdays_stay(tagger: Tagger) -> None:
    for text in ("I have ninety four days on Friday.", "I go to AA and the VA every week."):
        assert surfaces(tagger, text) == [[]]


@pytest.mark.parametrize("text", ["", " ", "🙂🙂", "\u200b", "a" * 5_000, "x " * 3_000, "ﬀ\u0301"])
def test_any_text_comes_back_with_offsets_inside_it(tagger: Tagger, text: str) -> None:
    (tagged,) = tagger.tag([text], has_case=[True])
    assert all(0 <= one.start < one.end <= len(text) for one in tagged.words)


def test_the_same_text_is_tagged_the_same_beside_others(tagger: Tagger) -> None:
    texts = ("I told Ngozi I was done.", "We met on Vesper Street at noon, all of us, and ate.")
    alone = [surfaces(tagger, text)[0] for text in texts]
    assert surfaces(tagger, *texts) == alone


def test_without_its_files_a_sentence_says_what_to_do(tmp_path: Path) -> None:
    folder = locate_model("encoder", settings=load_settings())
    with pytest.raises(ModelUnavailable, match="ownwords models fetch"):
        read_tagger(folder, adapter=tmp_path / "none.safetensors")
    broken = tmp_path / "identifiers.safetensors"
    broken.write_bytes(resource_path(ADAPTER).read_bytes()[:1000])
    with pytest.raises(ModelUnavailable):
        read_tagger(folder, adapter=broken)
    with pytest.raises(ModelUnavailable):
        read_tagger(tmp_path, adapter=resource_path(ADAPTER))


def test_the_detector_uses_it(detector: Detector) -> None:
    assert detector.tagger is not None
    (one,) = detector.detect(["i saw oluwadamilare at the gate"], together=False)
    assert [item for item in one.findings if item.rule == "tagger"]


# ---------------------------------------------------------------- for other pipelines

HEAD = "supported_languages: [en]\nglobal_regex_flags: 26\n"


def test_presidio_loads_it_from_its_own_registry_file(tmp_path: Path) -> None:
    from assistant.deidentify import plugins

    file = tmp_path / "recognizers.yaml"
    shown = re.search(r"^    recognizers:\n(?: {6}.*\n)+", plugins.__doc__ or "", re.MULTILINE)
    assert shown is not None
    file.write_text(HEAD + dedent(shown.group()))  # what the documentation says, to the letter
    registry = RecognizerRegistryProvider(conf_file=file).create_recognizer_registry()
    engine = AnalyzerEngine(
        registry=registry,
        nlp_engine=NoOpNlpEngine(models=[{"lang_code": "en", "model_name": "none"}]),
    )
    text = "I told Ngozi I was done."
    (result,) = engine.analyze(text, language="en")
    assert (result.entity_type, text[result.start : result.end]) == ("PERSON", "Ngozi")


def test_it_is_a_component_of_spacy() -> None:
    import assistant.deidentify.plugins  # noqa: F401 - registers the component

    nlp = spacy.blank("en")
    nlp.add_pipe("own_words_identifiers")
    doc = nlp("I told Ngozi I was done.")
    (span,) = doc.spans["identifiers"]
    assert (span.text, span.label_) == ("Ngozi", "PERSON")
