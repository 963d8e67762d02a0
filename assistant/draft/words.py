"""The words of a text as the drafting rules see them: forms, lemmas and kinds.

Surrogates such as `<PERSON_1>` are shown to the parser as a name of the same length, so that
offsets stay valid, and come back as words of kind "surrogate".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import spacy
    from spacy.tokens import Doc, Token

SURROGATE = re.compile(r"<[A-Z]+_\d+>")
_FORM = re.compile(r"<[A-Z]+_\d+>|\w+(?:['’]\w+)*", re.UNICODE)
_DIGITS_AS_LETTERS = str.maketrans("0123456789_<>", "abcdefghijxXx")

Kind = Literal["content", "function", "surrogate", "mark"]


def word_set(words: str) -> frozenset[str]:
    """The words of a list written in one line."""
    return frozenset(words.split())


# Words that carry nothing a note needs; leaving them out changes no meaning.
FILLERS = word_set(
    "um uh uhm umm erm er ah oh hmm hm mm mhm like well so okay ok yeah yes yep yup anyway "
    "actually basically literally right alright sorta kinda just really you know i mean sure "
    "huh eh hey man look see lol haha ha and but"
)

NEGATIONS = word_set(
    "not no never nobody nothing none neither nor without aint cannot cant dont doesnt didnt wont "
    "wouldnt couldnt shouldnt isnt arent wasnt werent hasnt havent hadnt mustnt neednt hardly "
    "barely nowhere n't nt dinnae didnae cannae wasnae amnt noone"
)

PEOPLE = word_set(
    "brother sister mum mom mam mama ma dad da father mother boss friend cousin roommate flatmate "
    "neighbour neighbor son daughter kid kids wife husband partner girlfriend boyfriend ex guy "
    "guys lady woman women man men dude uncle aunt auntie nana nan gran granny grandma grandmother "
    "grandfather grandpa abuela abuelo nephew niece landlord landlady manager supervisor teacher "
    "doctor nurse worker caseworker sponsor pastor judge clerk girl boy baby parents family people "
    "buddy mate everybody everyone somebody someone nobody stepdad stepmom"
)

# Stop words of spaCy that carry meaning in this work, and content words that carry little.
_VAGUE = word_set(
    "thing things stuff lot lots bit kind sort way time like know think mean guess get go come "
    "say tell one something anything everything ok okay yeah yes um uh gon na wan got"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One token. Offsets point into the text it came from."""

    form: str = field(repr=False)  # lowercase
    lemma: str = field(repr=False)  # lowercase; for a surrogate the surrogate itself
    pos: str
    tag: str
    dep: str
    head: int  # position of the head in the same tuple of words
    kind: Kind
    start: int
    end: int

    @property
    def is_specific(self) -> bool:
        """Whether the word names something: content that is not vague, or a surrogate."""
        if self.kind == "surrogate":
            return True
        return self.kind == "content" and self.lemma not in _VAGUE and self.form not in FILLERS


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadText:
    """A text with its words and the places where the parser begins a sentence."""

    text: str = field(repr=False)
    words: tuple[Word, ...] = field(repr=False)
    sentence_starts: tuple[int, ...]  # positions in `words`


def read_texts(texts: Sequence[str], *, nlp: spacy.Language) -> tuple[ReadText, ...]:
    """Parse all texts in one batch; entity recognition is not needed and left out."""
    masked = [SURROGATE.sub(_as_name, text) for text in texts]
    skip = ["ner"] if "ner" in nlp.pipe_names else []
    docs = nlp.pipe(masked, disable=skip)
    return tuple(_read(text, doc) for text, doc in zip(texts, docs, strict=True))


def split_forms(text: str) -> tuple[str, ...]:
    """Lowercase word forms without apostrophes: `don't` and `dont` are the same form."""
    forms = []
    for match in _FORM.finditer(text):
        found = match.group()
        if found.startswith("<"):
            forms.append(found)
            continue
        form = found.lower().replace("’", "'")
        forms.append(form if form in _NOT_THE_SAME else form.replace("'", ""))
    return tuple(forms)


# Without the apostrophe these would be other words: "well", "were", "hell", "shell", "wed".
_NOT_THE_SAME = word_set("we'll we're he'll she'll we'd")


def count_words(text: str) -> int:
    """Words as a reader counts them: surrogates count as one, punctuation not at all."""
    return len(_FORM.findall(text))


def _as_name(match: re.Match[str]) -> str:
    found = match.group()
    return "X" + found[1:].lower().translate(_DIGITS_AS_LETTERS)


def _read(text: str, doc: Doc) -> ReadText:
    surrogates = {match.start(): match.end() for match in SURROGATE.finditer(text)}
    words = tuple(_word(token, text, surrogates) for token in doc)
    starts = tuple(token.i for token in doc if token.is_sent_start or token.i == 0)
    return ReadText(text=text, words=words, sentence_starts=starts)


def _word(token: Token, text: str, surrogates: dict[int, int]) -> Word:
    start, end = token.idx, token.idx + len(token.text)
    form = token.text.lower().replace("’", "'")
    lemma = token.lemma_.lower()
    kind: Kind
    if any(begin <= start < stop for begin, stop in surrogates.items()):
        kind, lemma = "surrogate", text[start:end]
        form = lemma
    elif token.is_punct or token.is_space or not any(c.isalnum() for c in token.text):
        kind = "mark"
    elif token.is_stop or form in _CLITICS:
        kind = "function"
    else:
        kind = "content"
    return Word(
        form=form, lemma=lemma, pos=token.pos_, tag=token.tag_, dep=token.dep_,
        head=token.head.i, kind=kind, start=start, end=end,
    )  # fmt: skip


# Contraction pieces that spaCy does not list as stop words when the apostrophe was left out.
_CLITICS = word_set("nt n't 's 'm 'd 'll 've 're s m d ll ve re")
