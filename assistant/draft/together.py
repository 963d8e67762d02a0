"""What the two did together, from the peer's own turns, word for word.

The peer's own story stays out, and so does anything about what the person asked not to record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from assistant.draft.rules import DraftRules, plain
from assistant.draft.statements import Statement
from assistant.draft.words import count_words
from assistant.records import DeidentifiedTurn

MAX_SENTENCES = 3
_MIN_WORDS, _MAX_WORDS = 3, 35
_REHEARSAL_TURNS = 5  # of the person; a practised call is rarely longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """A statement of the peer about something done or promised together."""

    position: int
    weight: float


def select_together(
    statements: Sequence[Statement],
    *,
    turns: Sequence[DeidentifiedTurn],
    left_out: frozenset[int],
    rules: DraftRules,
    max_words: int,
) -> tuple[Joint, ...]:
    """Choose up to three of the peer's statements; `left_out` holds positions that stay out."""
    answers = _answers(turns)
    found = [
        Joint(position=i, weight=weight)
        for i, statement in enumerate(statements)
        if i not in left_out
        and (weight := _weigh(statement, answers.get(statement.turn, ""), rules)) > 0
    ]
    chosen: list[Joint] = []
    n_words = 0
    for joint in sorted(found, key=lambda j: (-j.weight, j.position)):
        length = count_words(statements[joint.position].text)
        same_turn = any(
            statements[c.position].turn == statements[joint.position].turn for c in chosen
        )
        if same_turn or len(chosen) == MAX_SENTENCES or n_words + length > max_words:
            continue
        chosen.append(joint)
        n_words += length
    return tuple(sorted(chosen, key=lambda j: j.position))


def may_be_joint(statement: Statement, *, rules: DraftRules) -> bool:
    """Whether a statement of the peer could be about something the two did together."""
    return _weigh(statement, "yes", rules) > 0


def _weigh(statement: Statement, answer: str, rules: DraftRules) -> float:
    text = plain(statement.text)
    together = rules.together
    length = count_words(text)
    is_theirs = together.own_story.search(text) or together.not_note.search(text)
    if is_theirs or not _MIN_WORDS <= length <= _MAX_WORDS:
        return 0.0
    question = statement.text.rstrip().endswith("?")
    fullness = min(length, 12) / 24  # among equals the fuller sentence
    if together.done.search(text) and not question:
        return 3.0 + fullness
    if together.offers.search(text) and _accepts(answer, rules):
        return 2.4 + fullness
    if together.doing.search(text) and not question:
        return 2.0 + fullness
    return 0.0


def find_rehearsals(turns: Sequence[DeidentifiedTurn], *, rules: DraftRules) -> frozenset[int]:
    """Turns in which the person speaks a part: a call or a talk that the two practise."""
    found: set[int] = set()
    answers = _answers(turns)
    left = 0
    for turn in turns:
        text = plain(turn.text)
        if turn.role == "peer":
            if left and rules.together.rehearsal_over.search(text):
                left = 0
            elif rules.together.rehearsal.search(text) and _accepts(
                answers.get(turn.number, ""), rules
            ):
                left = _REHEARSAL_TURNS + 1  # the first one is the person's answer
        elif turn.role == "person" and left:
            if left <= _REHEARSAL_TURNS:
                found.add(turn.number)
            left -= 1
    return frozenset(found)


def _accepts(answer: str, rules: DraftRules) -> bool:
    """Whether one of the first sentences of the answer is a yes and none a no."""
    parts = [part for part in re.split(r"[.,!?]", answer)[:3] if part.strip()]
    if any(rules.requests.no.search(part) for part in parts):
        return False
    return any(rules.requests.yes.search(part) for part in parts)


def _answers(turns: Sequence[DeidentifiedTurn]) -> Mapping[int, str]:
    """What the person said right after each turn of the peer."""
    answers: dict[int, str] = {}
    for turn, after in pairwise(turns):
        if turn.role == "peer" and after.role == "person":
            answers[turn.number] = plain(after.text)
    return answers
