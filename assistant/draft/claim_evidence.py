"""Finds what a person said that may carry a sentence, by meaning and by words, over all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assistant.draft.claim_reader import Pair, make_pair
from assistant.draft.numerals import find_numbers
from assistant.draft.rules import load_draft_rules
from assistant.draft.session import ReadSession, Vectors
from assistant.draft.statements import Statement
from assistant.draft.words import ReadText, Word, read_texts, split_forms, word_set

if TYPE_CHECKING:
    import spacy

_MEANING_WEIGHT = 0.55  # of a match; the rest is shared words
JOINS = 0.50  # a further statement this good a match counts as evidence too
MIN_MEANING = 0.38  # below this nothing was said on the subject
ENOUGH_WORDS = 0.60  # share of the claim's words that were said
_NEAR_TURNS = 4  # two turns of each: one story
_MAX_EVIDENCE = 4
_READ_TOGETHER = 2  # statements laid beside a sentence
_AROUND_WORDS = 30  # of each, with its turn around it
LIGHT = word_set("say tell feel think go get make do thing really just also would like")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    text: str = field(repr=False)
    read: ReadText = field(repr=False)
    forms: tuple[str, ...] = field(repr=False)
    content: frozenset[str] = field(repr=False)  # lemmas that say something


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Evidence for one claim: statements, best first."""

    statements: tuple[Statement, ...]
    meaning: float  # similarity of the best one
    coverage: float  # share of the claim's content that the evidence holds
    peer_fit: float  # how well anything the peer said fits, in the same measure as `fit`
    fit: float
    context: frozenset[str] = field(repr=False)  # the same for the person's turns just before
    nearby: frozenset[str] = field(repr=False)  # all word forms and lemmas of the evidence's turns


def read_claims(texts: Sequence[str], nlp: spacy.Language) -> list[Claim]:
    return [
        Claim(text=text, read=read, forms=split_forms(text), content=content_of(read.words))
        for text, read in zip(texts, read_texts(texts, nlp=nlp), strict=True)
    ]


def find_evidence(claim: Claim, vector: Vectors, session: ReadSession) -> Match:
    fits = _fits(claim, session.vectors @ vector, session.statements)
    order = sorted(range(len(fits)), key=lambda i: -fits[i])
    best = order[0]
    turn = session.statements[best].turn
    chosen = [best]
    missing = claim.content - words_said(session.statements[best])
    for i in order[1:40]:
        if len(chosen) == _MAX_EVIDENCE or not missing:
            break
        near = abs(session.statements[i].turn - turn) <= _NEAR_TURNS
        adds = missing & words_said(session.statements[i])
        if adds and (fits[i] >= JOINS or near or len(adds) >= 2):
            chosen.append(i)
            missing -= adds
    peer = _fits(claim, session.peer_vectors @ vector, session.peer_statements)
    statements = tuple(session.statements[i] for i in chosen)
    said = frozenset().union(*(words_said(s) for s in statements))
    return Match(
        statements=statements,
        meaning=float(session.vectors[best] @ vector),
        coverage=len(claim.content & said) / len(claim.content) if claim.content else 1.0,
        peer_fit=max(peer, default=0.0),
        fit=fits[best],
        context=_context(turn, session),
        nearby=frozenset().union(*(_keys(session.read[s.turn].words) for s in statements)),
    )


def _context(number: int, session: ReadSession) -> frozenset[str]:
    """Words of the two turns the person spoke before: "Saturday" may have been said there."""
    spoken = [t.number for t in session.turns if t.role == "person" and t.number <= number]
    return frozenset().union(*(_keys(session.read[n].words) for n in spoken[-3:]))


def _fits(claim: Claim, alike: Vectors, statements: Sequence[Statement]) -> list[float]:
    size = max(len(claim.content), 1)
    return [
        _MEANING_WEIGHT * float(value)
        + (1 - _MEANING_WEIGHT) * len(claim.content & words_said(statement)) / size
        for value, statement in zip(alike, statements, strict=True)
    ]


def words_said(statement: Statement) -> frozenset[str]:
    return _keys(statement.words)


def _keys(words: Sequence[Word]) -> frozenset[str]:
    """Forms, lemmas and numbers, and for each the word that stands for its like."""
    alike = load_draft_rules().claims.alike
    keys = {key for w in words if w.kind != "mark" for key in (w.lemma, w.form)}
    keys |= {alike[key] for key in keys if key in alike}
    return frozenset(keys | find_numbers([w.form for w in words]))


def content_of(words: Sequence[Word]) -> frozenset[str]:
    alike = load_draft_rules().claims.alike
    return frozenset(
        next(iter(find_numbers([w.form])), alike.get(w.lemma, w.lemma))
        for w in words
        if w.kind in {"content", "surrogate"} and w.lemma not in LIGHT
    )


def pair_up(claim: Claim, match: Match, vector: Vectors, session: ReadSession) -> Pair:
    """The evidence, two further statements that are near, and the nearest words of the peer."""
    fits = _fits(claim, session.vectors @ vector, session.statements)
    order = sorted(range(len(fits)), key=lambda i: -fits[i])
    near = [s for i in order[:_READ_TOGETHER] if (s := session.statements[i])]
    statements = list(dict.fromkeys((*match.statements, *near)))[:_READ_TOGETHER]
    peer = None
    if session.peer_statements:
        peer_fits = _fits(claim, session.peer_vectors @ vector, session.peer_statements)
        peer = session.peer_statements[max(range(len(peer_fits)), key=peer_fits.__getitem__)]
    return make_pair(
        claim.text, statements, around=[_around(s, session) for s in statements], peer=peer
    )


def _around(statement: Statement, session: ReadSession) -> str:
    """The words of a turn around a statement, as many before as after where there are enough."""
    text = session.by_number[statement.turn].text
    inside = text[statement.start : statement.end].split()
    before, after = text[: statement.start].split(), text[statement.end :].split()
    spare = max(_AROUND_WORDS - len(inside), 0)
    n_after = min(len(after), max(spare - len(before), spare // 2))
    n_before = min(len(before), spare - n_after)
    return " ".join([*before[len(before) - n_before :], *inside, *after[:n_after]])
