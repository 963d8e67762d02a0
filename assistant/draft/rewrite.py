"""Has a language model tidy statements in one batch, and keeps only what passes the checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from assistant.draft.model import LanguageModel, RewriteJob
from assistant.draft.statements import Statement
from assistant.draft.verify import find_faults
from assistant.records import Origin

_MAX_QUESTION_CHARS = 300  # two average turns; more context makes a small model wander


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How a statement will stand in the note. `faults` names the checks a rewriting failed."""

    text: str = field(repr=False)
    origin: Origin
    faults: tuple[str, ...] = ()


def propose_rewrites(
    statements: Sequence[Statement], *, model: LanguageModel, hidden_questions: frozenset[int]
) -> tuple[str, ...]:
    """Ask for every statement at once; one proposal a statement, as the model gave it.

    `hidden_questions` are turn numbers whose question must not reach the model, because it speaks
    of something the person asked to keep out.
    """
    jobs = tuple(
        RewriteJob(
            statement=statement.text,
            question="" if statement.turn in hidden_questions else _shorten(statement.question),
        )
        for statement in statements
    )
    if not jobs:
        return ()
    proposals = tuple(model.rewrite(jobs))
    # A model that answers too few or too many cannot be matched to its statements.
    return proposals if len(proposals) == len(jobs) else ("",) * len(jobs)


def settle_wording(statement: Statement, proposal: str | None) -> Wording:
    """Keep a proposal that passes every check; else the statement word for word."""
    if proposal is None:
        return Wording(text=statement.text, origin="verbatim")
    tidied = " ".join(proposal.split())
    if tidied == statement.text:
        return Wording(text=statement.text, origin="verbatim")
    faults = find_faults(proposal, source=statement.text)
    if faults:
        return Wording(text=statement.text, origin="verbatim", faults=faults)
    return Wording(text=tidied, origin="rewritten")


def _shorten(question: str) -> str:
    return question[-_MAX_QUESTION_CHARS:]
