"""How much of a sentence is the person's own: the share of content words they said themselves."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.draft.words import ReadText, Word


def own_words_share(sentence: ReadText, cited: Sequence[ReadText]) -> float:
    """Share (0..1) of content tokens of `sentence` whose lemma occurs in the cited turns.

    Content tokens are neither stop words nor surrogates nor punctuation. A form that occurs counts
    as its lemma occurring: the parser may read "left" differently in a shorter text. 1.0 where
    there are no content tokens. For sentences about what the two did together, the cited turns are
    the peer's, so the share says how literal they are.
    """
    content = [word for word in sentence.words if word.kind == "content"]
    if not content:
        return 1.0
    said = {key for turn in cited for word in turn.words for key in _keys(word)}
    return sum(1 for word in content if said.intersection(_keys(word))) / len(content)


def _keys(word: Word) -> tuple[str, str]:
    return word.lemma, word.form
