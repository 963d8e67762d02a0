"""Checks a sentence that somebody typed: did the person say this, and did they say it this way?

The evidence is searched over everything the person said, by meaning and by words. What is word for
word stands. Of the rest the claim reader says how likely it is supported, and exact rules look for
what turns a true sentence into a false one. The answer informs; it blocks nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assistant.draft.claim_evidence import (
    ENOUGH_WORDS,
    MIN_MEANING,
    Claim,
    Match,
    find_evidence,
    pair_up,
    read_claims,
)
from assistant.draft.claim_reader import KINDS, ClaimReader, Pair
from assistant.draft.claim_rules import find_fault
from assistant.draft.rules import ClaimRules, load_draft_rules
from assistant.draft.session import ReadSession, Vectors, read_session, text_for_meaning
from assistant.draft.statements import Statement, cite
from assistant.draft.words import NEGATIONS, split_forms, word_set
from assistant.records import Checked, Deidentified

if TYPE_CHECKING:
    import spacy

    from assistant.draft.encoder import SentenceEncoder

# A rule that finds one of these is believed whatever the reader says.
_SURE_FAULTS = frozenset({"quote", "diagnosis"})
_WORD_FOR_WORD = 0.97  # the score of a sentence that only leaves words out
# Left out before or behind it, one of these would make another thing of what was said.
_TURNS_IT = NEGATIONS | word_set(
    "if unless until till might may maybe perhaps probably could would should want wanted wanna "
    "wish hope hoping think thinks thought guess suppose supposed reckon believe believes say says "
    "said tell tells told wants wishes hopes asks "
    "ask asked almost nearly only except try trying tried used like as joking kidding but or dream"
)
_FAULT_OF_KIND = {
    "negation_flip": "negation", "wrong_actor": "actor", "wrong_number": "number",
    "wrong_time": "time", "overstated": "overstated", "invented_feeling": "feeling",
    "invented_risk_denial": "denial", "diagnosis": "diagnosis", "invented_quote": "quote",
    "not_said": "not_said",
}  # fmt: skip
_WHY = {
    "empty": "There is nothing here to check.",
    "not_said": "Nothing the person said supports this.",
    "quote": "The words in quotation marks are not exactly what was said.",
    "diagnosis": "It uses a clinical label the person did not use.",
    "denial": "It rules something out that the person did not speak of.",
    "feeling": "It names a feeling the person did not name.",
    "number": "A number here differs from what was said.",
    "negation": "It says yes where the person said no, or no where they said yes.",
    "actor": "Someone else did this, or it was said by someone else.",
    "time": "The time here differs from what was said.",
    "modality": "A plan, a wish and something done are not the same; this changes which it is.",
    "overstated": "It claims more than was said, such as always, never or every.",
    "name": "It names someone or something that was not named there.",
    "added": "Part of this was not said.",
    "supported": "The person said this.",
}


def check_claim(
    claim: str,
    deidentified: Deidentified,
    *,
    encoder: SentenceEncoder,
    nlp: spacy.Language,
    reader: ClaimReader | None = None,
) -> Checked:
    """Check one first-person sentence. For several, `check_claims` reads the session only once."""
    return check_claims((claim,), deidentified, encoder=encoder, nlp=nlp, reader=reader)[0]


def check_claims(
    claims: Sequence[str],
    deidentified: Deidentified,
    *,
    encoder: SentenceEncoder,
    nlp: spacy.Language,
    reader: ClaimReader | None = None,
) -> tuple[Checked, ...]:
    """Check sentences against everything the person said, in order; nothing is quoted in `why`.

    Without a `reader` only exact rules look, which refuse more than half of what was truly said.
    """
    session = read_session(
        deidentified, nlp=nlp, encoder=encoder, extra=[text_for_meaning(c) or "-" for c in claims]
    )
    return _check_all(claims, session.extra, session=session, nlp=nlp, reader=reader)


def check_typed_claim(
    claim: str,
    session: ReadSession,
    *,
    encoder: SentenceEncoder,
    nlp: spacy.Language,
    reader: ClaimReader | None = None,
) -> Checked:
    """Check one sentence against a session that was read before, quickly enough for typing."""
    vectors = encoder.encode([text_for_meaning(claim) or "-"])
    return _check_all((claim,), vectors, session=session, nlp=nlp, reader=reader)[0]


def pair_claims(
    claims: Sequence[str],
    deidentified: Deidentified,
    *,
    encoder: SentenceEncoder,
    nlp: spacy.Language,
) -> tuple[Pair | None, ...]:
    """Lay each sentence beside its evidence; None where there is nothing to compare."""
    session = read_session(
        deidentified, nlp=nlp, encoder=encoder, extra=[text_for_meaning(c) or "-" for c in claims]
    )
    return tuple(
        pair_up(claim, find_evidence(claim, vector, session), vector, session)
        if claim.forms and session.statements
        else None
        for claim, vector in zip(read_claims(claims, nlp), session.extra, strict=True)
    )


def _check_all(
    texts: Sequence[str],
    vectors: Vectors,
    *,
    session: ReadSession,
    nlp: spacy.Language,
    reader: ClaimReader | None,
) -> tuple[Checked, ...]:
    rules = load_draft_rules().claims
    claims = read_claims(texts, nlp)
    matches = [
        find_evidence(claim, vector, session) if claim.forms and session.statements else None
        for claim, vector in zip(claims, vectors, strict=True)
    ]
    read: dict[int, NDArray[np.float32]] = {}
    if reader is not None:
        found = {
            at: pair_up(claim, match, vector, session)
            for at, (claim, match, vector) in enumerate(zip(claims, matches, vectors, strict=True))
            if match is not None
        }
        read = dict(zip(found, reader.read(list(found.values())), strict=True))
    return tuple(
        _settle(claim, match, read.get(at), session=session, rules=rules)
        for at, (claim, match) in enumerate(zip(claims, matches, strict=True))
    )


def _settle(
    claim: Claim,
    match: Match | None,
    kinds: NDArray[np.float32] | None,
    *,
    session: ReadSession,
    rules: ClaimRules,
) -> Checked:
    """Rules and reader together: what is wrong, how sure, and where it stands."""
    if match is None:
        why = _WHY["not_said" if claim.forms else "empty"]
        return Checked(supported=False, score=0.0, evidence=(), why=why)
    whole = _find_whole(claim, match)
    if whole is not None:
        place = cite(whole, session.by_number)
        return Checked(
            supported=True, score=_WORD_FOR_WORD, evidence=(place,), why=_WHY["supported"]
        )
    fault = find_fault(claim, match, session=session, rules=rules)
    if kinds is None:
        score = 0.5 * max(match.meaning, 0.0) + 0.5 * match.coverage
        score = min(score, 0.35) if fault else max(score, 0.5)
    else:
        score = min(0.1, float(kinds[0])) if fault in _SURE_FAULTS else float(kinds[0])
        if score >= 0.5:
            fault = None
        elif fault is None or fault not in _SURE_FAULTS:
            fault = _FAULT_OF_KIND[KINDS[1 + int(kinds[1:].argmax())]]
    found = match.meaning >= MIN_MEANING or match.coverage >= ENOUGH_WORDS
    evidence = tuple(cite(s, session.by_number) for s in match.statements) if found else ()
    return Checked(
        supported=fault is None, score=round(min(score, 1.0), 3), evidence=evidence,
        why=_WHY[fault or "supported"],
    )  # fmt: skip


def _find_whole(claim: Claim, match: Match) -> Statement | None:
    """The statement of which it is a run of words, if what is left out changes nothing."""
    n = len(claim.forms)
    for statement in match.statements:
        said = split_forms(statement.text)
        for at in range(len(said) - n + 1):
            rest = said[:at] + said[at + n :]
            if said[at : at + n] == claim.forms and _TURNS_IT.isdisjoint(rest):
                return statement
    return None
