"""Drafts a short note in the person's own words: select, tidy, verify.

Every sentence cites the words it rests on; whatever is left out comes back with the reason. Nothing
here decides anything for the person: a draft is a proposal.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

from assistant.draft.ownwords import own_words_share
from assistant.draft.request_reader import Place
from assistant.draft.requests import (
    Cover,
    alikeness,
    cover_requests,
    find_requests,
    is_about,
    specific_lemmas,
    telling_words,
)
from assistant.draft.rewrite import Wording, propose_rewrites, settle_wording
from assistant.draft.rules import DraftRules, load_draft_rules
from assistant.draft.select import (
    Selection,
    find_instructions,
    list_prototypes,
    measure_closeness,
    select_statements,
)
from assistant.draft.session import ReadSession, read_session, text_for_meaning
from assistant.draft.statements import Statement, cite
from assistant.draft.together import Joint, find_rehearsals, may_be_joint, select_together
from assistant.draft.verify import MIN_OWN_WORDS, broken
from assistant.draft.words import count_words, read_texts
from assistant.records import (
    SECTION_NAMES,
    Deidentified,
    Draft,
    HeldBack,
    HoldReason,
    ModelInfo,
    Section,
    SectionName,
    Sentence,
    Voice,
)

if TYPE_CHECKING:
    import spacy

    from assistant.draft.activities import ActivityHead
    from assistant.draft.encoder import SentenceEncoder
    from assistant.draft.model import LanguageModel
    from assistant.draft.reader import Reader
    from assistant.draft.request_reader import RequestReader

__all__ = ["write_draft"]

_TOGETHER_SHARE = 0.25  # of the note's words, at most, for what the two did together
_HELD_STRICTER_BY = 0.10  # held turns were picked by rule, so only a clear repeat goes with them
_NOTHING: Mapping[int, HoldReason] = MappingProxyType({})


def write_draft(
    deidentified: Deidentified,
    *,
    model: LanguageModel | None,
    encoder: SentenceEncoder,
    nlp: spacy.Language,
    voice: Voice = "tidied",
    held: Mapping[int, HoldReason] = _NOTHING,
    max_words: int = 300,
    reader: Reader | None = None,
    requests: RequestReader | None = None,
    activities: ActivityHead | None = None,
) -> Draft:
    """Draft a note of at most `max_words` words from what the person said.

    `held` maps turn numbers to the reason they stay out whole (safety topics, for instance).
    Without a `reader` statements are judged one by one, and worse. Without `requests` only requests
    in words that a rule knows are heard. With `activities` each sentence
    of `together` comes with suggestions of what it may have been.
    With `voice="exact"` or without a model every sentence is word for word. The encoder and the
    model are called once and the parser twice, so time grows with the length of the session.
    """
    used = model if voice == "tidied" else None
    timings: dict[str, float] = {}
    with _timed("select", timings):
        plan = _plan(
            deidentified, nlp=nlp, encoder=encoder, held=held, max_words=max_words, reader=reader,
            request_reader=requests,
        )  # fmt: skip
    with _timed("rewrite", timings):
        proposals = _propose(plan, model=used)
    with _timed("verify", timings):
        sections, failed = _verify(plan, proposals, nlp=nlp, activities=activities)
    return Draft(
        sections=sections,
        held_back=_list_held_back(plan, failed),
        model=used.info if used else ModelInfo(name="none", backend="none"),
        voice=voice,
        timings_s=timings,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What goes in and what stays out, before anything is worded."""

    session: ReadSession = field(repr=False)
    cover: Cover
    instructions: frozenset[int]
    held: Mapping[int, HoldReason]
    selection: Selection
    together: tuple[Joint, ...]


# ---------------------------------------------------------------- select


def _plan(
    deidentified: Deidentified,
    *,
    nlp: spacy.Language,
    encoder: SentenceEncoder,
    held: Mapping[int, HoldReason],
    max_words: int,
    reader: Reader | None,
    request_reader: RequestReader | None,
) -> _Plan:
    rules = load_draft_rules()
    requests = find_requests(deidentified.turns, rules=rules.requests)
    prototypes = list_prototypes(rules)
    topics = [text_for_meaning(request.topic_text) or "-" for request in requests]
    session = read_session(
        deidentified, nlp=nlp, encoder=encoder, extra=[*prototypes, *topics],
        keep_peer=partial(may_be_joint, rules=rules),
    )  # fmt: skip
    prototype_vectors = session.extra[: len(prototypes)]
    topic_vectors = session.extra[len(prototypes) :]
    reading = reader.read(session.turns, session.statements) if reader is not None else None
    heard = None
    if request_reader is not None:
        known = [
            Place(at=one.at, start=one.start, end=one.end, kind="ask")
            for one in requests
            if one.by_person
        ]
        heard = request_reader.read(session.turns, session.statements, known=known)
    cover = cover_requests(
        requests, session=session, topic_vectors=topic_vectors, rules=rules.requests,
        asked=reading.asked if reading is not None else None, read=heard,
    )  # fmt: skip
    texts = {t.number: t.text for t in session.turns if t.role in {"person", "peer"}}
    instructions = find_instructions(texts, rules=rules)
    out = _positions_out(session, cover=cover, instructions=instructions, held=held, rules=rules)
    budget = _budget(session, rules=rules, max_words=max_words)
    together = select_together(
        session.peer_statements,
        turns=session.turns,
        left_out=_peer_out(session, cover=cover, instructions=instructions, held=held),
        rules=rules,
        max_words=int(budget * _TOGETHER_SHARE),
    )
    spent = sum(count_words(session.peer_statements[j.position].text) for j in together)
    selection = select_statements(
        session.statements,
        held=out,
        closeness=measure_closeness(session.vectors, prototype_vectors, rules=rules),
        vectors=session.vectors,
        rules=rules,
        max_words=budget - spent,
        read=reading.judged if reading is not None else None,
    )
    return _Plan(
        session=session, cover=cover, instructions=instructions, held=held, selection=selection,
        together=together,
    )  # fmt: skip


def _positions_out(
    session: ReadSession,
    *,
    cover: Cover,
    instructions: frozenset[int],
    held: Mapping[int, HoldReason],
    rules: DraftRules,
) -> dict[int, HoldReason]:
    """Positions of statements that stay out whatever they say, with the weightiest reason."""
    out: dict[int, HoldReason] = {}
    again = _said_again(session, held)
    rehearsed = find_rehearsals(session.turns, rules=rules)
    for position, statement in enumerate(session.statements):
        if position in cover.statements:
            out[position] = "asked_not_to_record"
        elif statement.turn in held:
            out[position] = held[statement.turn]
        elif position in again:
            out[position] = again[position]
        elif statement.turn in instructions:
            out[position] = "instruction"
        elif statement.turn in rehearsed:
            out[position] = "hypothetical"
    return out


def _said_again(session: ReadSession, held: Mapping[int, HoldReason]) -> dict[int, HoldReason]:
    """Statements elsewhere that say what a held turn says."""
    lemmas = [specific_lemmas(s) for s in session.statements]
    telling = telling_words(session.statements)
    again: dict[int, HoldReason] = {}
    for reason in sorted(set(held.values())):
        rows = [
            i for i, s in enumerate(session.statements) if held.get(s.turn) == reason and lemmas[i]
        ]
        alike = alikeness(session, rows, lemmas, telling, stricter_by=_HELD_STRICTER_BY)
        again.update({i: reason for i, hit in enumerate(alike) if hit})
    return again


def _peer_out(
    session: ReadSession,
    *,
    cover: Cover,
    instructions: frozenset[int],
    held: Mapping[int, HoldReason],
) -> frozenset[int]:
    """Positions of the peer's statements that must not stand in a note."""
    held_rows = [i for i, s in enumerate(session.statements) if s.turn in held]
    private = sorted({*cover.core, *held_rows})
    telling = telling_words(session.statements)
    out = set()
    for position, statement in enumerate(session.peer_statements):
        turn = statement.turn
        hidden = turn in cover.turns or turn in held or turn in instructions
        if hidden or is_about(
            specific_lemmas(statement), session.peer_vectors[position], session=session,
            rows=private, telling=telling,
        ):  # fmt: skip
            out.add(position)
    return frozenset(out)


def _budget(session: ReadSession, *, rules: DraftRules, max_words: int) -> int:
    """A long session gets a note in proportion to what the person said, never more than asked."""
    if len(session.turns) <= rules.scoring.long_session_turns:
        return max_words
    said = sum(count_words(turn.text) for turn in session.turns if turn.role == "person")
    return min(max_words, int(said * rules.scoring.share_of_words))


# ---------------------------------------------------------------- rewrite


def _propose(plan: _Plan, *, model: LanguageModel | None) -> tuple[str | None, ...]:
    statements = [plan.session.statements[c.position] for c in plan.selection.chosen]
    if model is None:
        return (None,) * len(statements)
    return propose_rewrites(statements, model=model, hidden_questions=_hidden_questions(plan))


def _hidden_questions(plan: _Plan) -> frozenset[int]:
    """Turns whose question was held back, so that the model never reads it."""
    hidden: set[int] = set()
    private = {*plan.cover.turns, *plan.held, *plan.instructions}
    for before, turn in pairwise(plan.session.turns):
        if before.number in private:
            hidden.add(turn.number)
    return frozenset(hidden)


# ---------------------------------------------------------------- verify


def _verify(
    plan: _Plan,
    proposals: Sequence[str | None],
    *,
    nlp: spacy.Language,
    activities: ActivityHead | None,
) -> tuple[tuple[Section, ...], frozenset[int]]:
    """Word every chosen statement; returns the sections and the positions that broke off."""
    session, chosen = plan.session, plan.selection.chosen
    statements = [session.statements[c.position] for c in chosen]
    wordings = [settle_wording(s, p) for s, p in zip(statements, proposals, strict=True)]
    joint = [session.peer_statements[j.position] for j in plan.together]
    read = read_texts([*(w.text for w in wordings), *(s.text for s in joint)], nlp=nlp)
    found: dict[SectionName, list[Sentence]] = {name: [] for name in SECTION_NAMES}
    failed: set[int] = set()
    for choice, statement, wording, words in zip(chosen, statements, wordings, read, strict=False):
        cited = [session.statements[i] for i in sorted({choice.position, *choice.also})]
        turns = [session.read[number] for number in sorted({s.turn for s in cited})]
        share = own_words_share(words, turns)
        if wording.origin == "rewritten" and share < MIN_OWN_WORDS:
            wording, share = Wording(text=statement.text, origin="verbatim"), 1.0
        if wording.origin == "verbatim" and broken(wording.text):
            failed.update({choice.position, *choice.also})
            continue
        found[choice.section].append(_sentence(wording, cited, share, session))
    suggested: Sequence[tuple[int, ...]] = [()] * len(joint)
    if activities is not None and joint:
        suggested = activities.suggest(
            session.peer_vectors[[one.position for one in plan.together]]
        )
    for statement, words, may_be in zip(joint, read[len(chosen) :], suggested, strict=True):
        share = own_words_share(words, [session.read[statement.turn]])
        wording = Wording(text=statement.text, origin="verbatim")
        sentence = _sentence(wording, [statement], share, session)
        found["together"].append(replace(sentence, activities=may_be))
    sections = tuple(
        Section(name=name, sentences=tuple(sentences))
        for name, sentences in found.items()
        if sentences
    )
    return sections, frozenset(failed)


def _sentence(
    wording: Wording, cited: Sequence[Statement], share: float, session: ReadSession
) -> Sentence:
    evidence = tuple(cite(statement, session.by_number) for statement in cited)
    return Sentence(
        text=wording.text, origin=wording.origin, evidence=evidence, own_words=round(share, 4)
    )


# ---------------------------------------------------------------- held back


def _list_held_back(plan: _Plan, failed: frozenset[int]) -> tuple[HeldBack, ...]:
    """Every turn of the person that is not wholly in the note, and every turn that was kept out."""
    found: dict[tuple[int, HoldReason], None] = {}
    session = plan.session
    with_statements = {statement.turn for statement in session.statements}
    for turn in session.turns:
        if turn.number in plan.cover.turns:
            found[turn.number, "asked_not_to_record"] = None
        if turn.number in plan.held:
            found[turn.number, plan.held[turn.number]] = None
        if turn.number in plan.instructions:
            found[turn.number, "instruction"] = None
        if turn.role == "person" and turn.number not in with_statements:
            found[turn.number, "social_reply"] = None
    for position, reason in plan.selection.reasons.items():
        found[session.statements[position].turn, reason] = None
    for position in failed:
        found[session.statements[position].turn, "check_failed"] = None
    return tuple(HeldBack(turn=number, reason=reason) for number, reason in sorted(found))


@contextmanager
def _timed(stage: str, timings: dict[str, float]) -> Iterator[None]:
    began = time.perf_counter()
    yield
    timings[stage] = round(time.perf_counter() - began, 3)
