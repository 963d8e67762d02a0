"""The tagger for other people's pipelines: a Presidio recognizer and a spaCy component.

Presidio, from its own registry file (import this module before it is read):

    recognizers:
      - name: OwnWordsRecognizer
        type: predefined
        supported_languages: [en]

spaCy:

    import assistant.deidentify.plugins
    nlp = spacy.blank("en")
    nlp.add_pipe("own_words_identifiers")
    nlp("My sister Alana works there.").spans["identifiers"]

`at_least` (0 to 1) is how sure a word must be; without it each type has its own limit. Both see one
text at a time: without the turns before it, and without the conversation-wide
decisions of `remove_identifiers`, they find less. Types are those of `records.IdentifierType`.
"""

from __future__ import annotations

from collections.abc import Sequence

from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts
from spacy import Language
from spacy.tokens import Doc, Span

from assistant.deidentify.detector import has_case
from assistant.deidentify.found import IDENTIFIER_TYPES, Found
from assistant.deidentify.tagger import SURE_ENOUGH, Tagger, load_tagger
from assistant.settings import load_settings


class OwnWordsRecognizer(EntityRecognizer):  # type: ignore[misc]
    """The tagger as a Presidio recognizer. Raises `ModelUnavailable` if the encoder is missing."""

    def __init__(
        self,
        supported_language: str = "en",
        supported_entities: Sequence[str] = IDENTIFIER_TYPES,
        at_least: float | None = None,
        name: str = "OwnWordsRecognizer",
    ) -> None:
        self._at_least = at_least
        super().__init__(
            supported_entities=list(supported_entities), supported_language=supported_language,
            name=name,
        )  # fmt: skip

    def load(self) -> None:
        """Load the encoder and what was learned; called once by Presidio."""
        self._tagger = load_tagger(settings=load_settings())

    def analyze(
        self, text: str, entities: Sequence[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        del nlp_artifacts
        return [
            RecognizerResult(
                entity_type=found.type, start=found.start, end=found.end, score=found.score
            )
            for found in _find(self._tagger, text, at_least=self._at_least)
            if found.type in entities
        ]


@Language.factory(  # type: ignore[untyped-decorator]
    "own_words_identifiers",
    default_config={"at_least": None, "spans_key": "identifiers"},
)
def make_component(nlp: Language, name: str, at_least: float | None, spans_key: str) -> Component:
    del nlp, name
    return Component(load_tagger(settings=load_settings()), at_least=at_least, key=spans_key)


class Component:
    """Puts what the tagger finds into a span group of a document; tokens are taken whole."""

    def __init__(self, tagger: Tagger, *, at_least: float | None, key: str) -> None:
        self._tagger = tagger
        self._at_least = at_least
        self._key = key

    def __call__(self, doc: Doc) -> Doc:
        spans: list[Span] = []
        for found in _find(self._tagger, doc.text, at_least=self._at_least):
            span = doc.char_span(found.start, found.end, label=found.type, alignment_mode="expand")
            if span is not None:
                spans.append(span)
        doc.spans[self._key] = spans
        return doc


def _find(tagger: Tagger, text: str, *, at_least: float | None) -> list[Found]:
    (tagged,) = tagger.tag([text], has_case=[has_case(text)], together=False)
    return tagged.spans(at_least=SURE_ENOUGH if at_least is None else at_least)
