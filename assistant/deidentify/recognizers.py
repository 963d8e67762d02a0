"""Our finders as Presidio recognizers, and the engine that runs them.

Import this module only from `load_detector`: it imports Presidio and spaCy.
A further recognizer joins through `build_engine`; it reports
the types of `records.IdentifierType` and is weighed against the others by its score.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import tldextract
from presidio_analyzer import (
    AnalyzerEngine,
    EntityRecognizer,
    PatternRecognizer,
    RecognizerRegistry,
    RecognizerResult,
)
from presidio_analyzer.app_tracer import AppTracer
from presidio_analyzer.nlp_engine import (
    NerModelConfiguration,
    NlpArtifacts,
    NlpEngine,
    SpacyNlpEngine,
)
from presidio_analyzer.predefined_recognizers import CreditCardRecognizer, IbanRecognizer
from spacy import Language
from spacy.tokens import Doc

from assistant.deidentify.capitals import find_capitals
from assistant.deidentify.codes import find_codes
from assistant.deidentify.contact import find_emails, find_handles, find_phones, find_urls
from assistant.deidentify.dates import find_ages, find_dates
from assistant.deidentify.found import IDENTIFIER_TYPES, Found
from assistant.deidentify.people import build_people_patterns, find_introduced
from assistant.deidentify.places import build_place_patterns, find_organisations, find_places
from assistant.deidentify.rules import Lexicon
from assistant.deidentify.tagger import SURE_ENOUGH
from assistant.records import IdentifierType

RULE_KEY = "rule"
MOST_FOR_TAGGER = 0.69
SURER_THAN_LISTS = 0.9
_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SLASH_AFTER, _SLASH_BEFORE = re.compile(r"/\d"), re.compile(r"\d/$")
TAGGED = "tagged"  # set on the document: what the tagger made of it
HAS_CASE = "has_case"  # set on the document: whether capitals carry meaning
Finder = Callable[[str, Doc], Iterable[Found]]


class FinderRecognizer(EntityRecognizer):  # type: ignore[misc]
    """A finder (text, spaCy document) -> findings in the shape Presidio asks for."""

    def __init__(self, *, name: str, finder: Finder) -> None:
        super().__init__(supported_entities=list(IDENTIFIER_TYPES), name=name)
        self._finder = finder

    def load(self) -> None:
        """Nothing to load: the patterns are compiled when the engine is built."""

    def analyze(
        self, text: str, entities: Sequence[str], nlp_artifacts: NlpArtifacts
    ) -> list[RecognizerResult]:
        return [
            RecognizerResult(
                entity_type=found.type,
                start=found.start,
                end=found.end,
                score=found.score,
                recognition_metadata={
                    RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
                    RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
                    RULE_KEY: found.rule,
                },
            )
            for found in self._finder(text, nlp_artifacts.tokens)
            if found.type in entities
        ]


def build_engine(
    nlp: Language, lexicon: Lexicon, *, more: Sequence[EntityRecognizer] = ()
) -> AnalyzerEngine:
    """Build the Presidio engine over the given pipeline; nothing it does reaches the network."""
    _keep_quiet_and_offline()
    engine = SpacyNlpEngine(ner_model_configuration=NerModelConfiguration())
    engine.nlp = {"en": nlp}
    recognizers = [
        *_finders(lexicon),
        *_agency_lists(lexicon),
        CreditCardRecognizer(),
        IbanRecognizer(),
        *more,
    ]
    return AnalyzerEngine(
        registry=RecognizerRegistry(recognizers=recognizers),
        nlp_engine=engine,
        app_tracer=AppTracer(enabled=False),
        log_decision_process=False,
    )


def cut_words(text: str, nlp: Language, nlp_engine: NlpEngine) -> NlpArtifacts:
    """Cut a text into words for the finders; nothing is predicted about them."""
    doc = nlp.make_doc(text)
    return NlpArtifacts(
        entities=[], tokens=doc, tokens_indices=[token.idx for token in doc],
        lemmas=[token.lower_ for token in doc], nlp_engine=nlp_engine, language="en",
    )  # fmt: skip


def _keep_quiet_and_offline() -> None:
    # Presidio's recognizers for addresses ask tldextract, which would fetch the suffix list.
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    for name in ("presidio-analyzer", "decision_process"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False


def _finders(lexicon: Lexicon) -> list[EntityRecognizer]:
    places, people = build_place_patterns(lexicon), build_people_patterns(lexicon)
    oldest_kept = lexicon.rules.limits.oldest_age_kept
    finders: dict[str, Finder] = {
        "phones": lambda text, _doc: find_phones(text),
        "emails": lambda text, _doc: find_emails(text),
        "urls": lambda text, _doc: find_urls(text),
        "handles": lambda text, _doc: find_handles(text, lexicon),
        "codes": lambda text, _doc: find_codes(text),
        "dates": lambda text, _doc: find_dates(text),
        "ages": lambda text, _doc: find_ages(text, oldest_kept=oldest_kept),
        "places": lambda text, doc: find_places(
            text, places, lower=not doc.user_data.get(HAS_CASE, True)
        ),
        "organisations": lambda text, doc: find_organisations(
            text, places, lower=not doc.user_data.get(HAS_CASE, True)
        ),
        "introductions": lambda text, _doc: find_introduced(text, people, lexicon),
        "capitals": lambda _text, doc: find_capitals(doc, lexicon),
        "tagger": lambda text, doc: _find_tagged(text, doc, lexicon),
    }
    return [FinderRecognizer(name=name, finder=finder) for name, finder in finders.items()]


def _find_tagged(text: str, doc: Doc, lexicon: Lexicon) -> Iterator[Found]:
    tagged = doc.user_data.get(TAGGED)
    for found in tagged.spans(at_least=SURE_ENOUGH) if tagged is not None else ():
        if found.score < SURER_THAN_LISTS and _is_listed(text[found.start : found.end], lexicon):
            continue
        if found.type == "DATE" and _is_part_of_a_ratio(text, found):
            continue
        # Patterns know exactly where a number or an address ends: where both found it, they win.
        yield replace(found, score=min(found.score, MOST_FOR_TAGGER))


def _is_part_of_a_ratio(text: str, found: Found) -> bool:
    """Whether a number was cut out of "8/10"; whole dates are found by pattern too."""
    return bool(_SLASH_AFTER.match(text, found.end) or _SLASH_BEFORE.search(text[: found.start]))


def _is_listed(surface: str, lexicon: Lexicon) -> bool:
    """Whether the lists say that each of these words is a filler, general or never a name."""
    words = _WORDS.findall(surface)
    return bool(words) and all(
        lexicon.is_filler(word) or lexicon.is_kept(word) or lexicon.is_general([word])
        for word in words
    )


def _agency_lists(lexicon: Lexicon) -> list[EntityRecognizer]:
    agency = lexicon.rules.agency
    lists: tuple[tuple[IdentifierType, tuple[str, ...]], ...] = (
        ("ORG", agency.programmes),
        ("LOCATION", agency.sites),
        ("PERSON", agency.people),
    )
    return [
        PatternRecognizer(supported_entity=type_, name=f"agency_{type_}", deny_list=list(words))
        for type_, words in lists
        if words
    ]


def read_result(result: RecognizerResult) -> Found:
    """Turn a result of the engine into a finding; types we do not have become ID."""
    known = {str(type_): type_ for type_ in IDENTIFIER_TYPES}
    type_: IdentifierType = known.get(result.entity_type, "ID")
    metadata = result.recognition_metadata or {}
    rule = metadata.get(RULE_KEY) or metadata.get(RecognizerResult.RECOGNIZER_NAME_KEY, "presidio")
    return Found(start=result.start, end=result.end, type=type_, score=result.score, rule=str(rule))
