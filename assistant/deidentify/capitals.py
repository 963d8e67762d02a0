"""Names from how words are written: capitals that neither the sentence nor the dictionary explains.

A second opinion beside the tagger. spaCy's own entities were one too, and found nothing on the dev
split that these two did not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assistant.deidentify.found import Found
from assistant.deidentify.rules import Lexicon, fold
from assistant.records import IdentifierType

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token


_PLACE_BEFORE = {
    "in",
    "near",
    "around",
    "outside",
    "toward",
    "towards",
    "through",
    "across",
    "downtown",
    "between",
    "past",
    "into",
}
_MOVE = {
    "go",
    "goes",
    "going",
    "went",
    "gone",
    "move",
    "moved",
    "moving",
    "drive",
    "drove",
    "driving",
    "come",
    "came",
    "coming",
    "travel",
    "back",
    "over",
    "down",
    "up",
    "out",
    "flew",
    "live",
    "lived",
    "living",
    "lives",
    "stay",
    "stayed",
    "staying",
    "born",
    "raised",
    "grew",
    "from",
    "bus",
    "ride",
    "walk",
    "walked",
    "train",
    "sent",
    "relocated",
    "transferred",
    "rode",
}


def _is_name_token(token: Token, lexicon: Lexicon) -> bool:
    word = token.text
    return (
        word[0].isupper()
        and not (_opens_sentence(token) and _is_plain(word, lexicon))
        and (len(word) > 1 or word not in "IA")
        and any(char.isalpha() for char in word)
        and not lexicon.is_filler(word)
        and not lexicon.is_kept(word)
        and not (fold(word) in lexicon.stop and fold(word) not in lexicon.rules.names.also_words)
    )


def _is_plain(word: str, lexicon: Lexicon) -> bool:
    """Whether a capital at the start of a sentence is explained by the sentence."""
    folded = fold(word)
    return (
        lexicon.is_everyday(word)
        and not lexicon.is_given(word)
        and folded not in lexicon.rules.names.also_words
        and (folded in lexicon.others or folded not in lexicon.nouns or folded in lexicon.stop)
    )


def find_capitals(doc: Doc, lexicon: Lexicon) -> Iterator[Found]:
    """Find runs of capitalised words that neither the sentence nor the dictionary explains."""
    index = 0
    while index < len(doc):
        if not _is_unexplained(doc[index], lexicon):
            index += 1
            continue
        last = index
        while last + 1 < len(doc) and _continues(doc[last], doc[last + 1], lexicon):
            last += 1
        first = index
        while first > 0 and _leads(doc[first - 1], doc[first], lexicon):
            first -= 1
        if _is_eponym(doc, last, lexicon):
            index = last + 1
            continue
        type_ = _type_by_context(doc, first, last, lexicon)
        end = doc[last].idx + len(doc[last])
        yield Found(start=doc[first].idx, end=end, type=type_, score=0.5, rule="capital")
        index = last + 1


def _is_unexplained(token: Token, lexicon: Lexicon) -> bool:
    word = token.text
    if (
        not word[0].isupper()
        or (word.isupper() and len(word) > 1)
        or not _is_name_token(token, lexicon)
    ):
        return False
    if not lexicon.is_unknown(word):
        return False
    follows = token.nbor(1) if token.i + 1 < len(token.doc) else None
    stretched = (
        follows is not None
        and follows.text in ("n't", "'re", "'ve", "'ll")
        and not lexicon.is_given(word)
    )
    return not stretched


def _continues(here: Token, following: Token, lexicon: Lexicon) -> bool:
    if following.text == "-" and following.i + 1 < len(following.doc):
        beyond = following.doc[following.i + 1]
        return bool(beyond.text[0].isupper() and not following.whitespace_ and not here.whitespace_)
    if here.text == "-":
        return bool(following.text[0].isupper())
    if lexicon.is_given(here.text) and following.idx == here.idx + len(here) + 1:
        folded = fold(following.text)
        if folded in lexicon.rules.kept.peoples and following.text.istitle():
            return True  # a surname such as White or English
        if len(folded) == 1 and following.text.isupper():
            return following.text not in ("I", "A")
    return (
        following.idx == here.idx + len(here) + 1
        and following.text[0].isupper()
        and not following.text.isupper()
        and _is_name_token(following, lexicon)
    )


def _is_eponym(doc: Doc, last: int, lexicon: Lexicon) -> bool:
    """Whether the name is part of the name of a condition or a scale."""
    after = [fold(token.text) for token in doc[last + 1 : last + 4]]
    nouns = lexicon.rules.kept.eponym_nouns
    if after[:1] == ["'s"] or after[:1] == ["risk"]:
        after = after[1:]
    return bool(after) and after[0] in nouns


def _leads(before: Token, here: Token, lexicon: Lexicon) -> bool:
    word = before.text
    return (
        before.idx + len(before) + 1 == here.idx
        and word[0].isupper()
        and len(word) > 1
        and not word.isupper()
        and _is_name_token(before, lexicon)
        and fold(word) not in lexicon.rules.names.titles
        and (
            not _opens_sentence(before)
            or lexicon.is_given(word)
            or fold(word) in lexicon.rules.names.also_words
        )
    )


def _opens_sentence(token: Token) -> bool:
    index = token.i - 1
    while index >= 0 and (token.doc[index].is_space or token.doc[index].text in "\"“”'‘’()[]*-"):
        index -= 1
    return index < 0 or token.doc[index].text[-1] in ".?!:…—–" or token.nbor(-1).text in ")]"


def _type_by_context(doc: Doc, first: int, last: int, lexicon: Lexicon) -> IdentifierType:
    """Guess what a name stands for from the words next to it."""
    before = fold(doc[first - 1].text) if first else ""
    earlier = fold(doc[first - 2].text) if first > 1 else ""
    after = fold(doc[last + 1].text) if last + 1 < len(doc) else ""
    if (
        after == "'s"
        or after in lexicon.rules.names.says
        or any(lexicon.is_given(doc[i].text) for i in range(first, last + 1))
    ):
        return "PERSON"
    if before == "the" and after not in lexicon.rules.names.relations:
        return "ORG"
    if before in _PLACE_BEFORE or (
        before in ("to", "from", "at", "of", "over") and earlier in _MOVE
    ):
        return "LOCATION"
    if before == "at" or (
        before in ("for", "at") and earlier in ("work", "works", "worked", "working")
    ):
        return "ORG"
    return "PERSON"
