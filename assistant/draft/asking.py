"""Hears what the person asked not to have written down: who asked, where, and what it names.

Also heard: the peer's promise to leave something out, and an answer to the peer's question whether
something should stay out. `requests.py` works out what each request covers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from assistant.draft.rules import RequestRules, plain
from assistant.draft.words import word_set
from assistant.records import DeidentifiedTurn

_ANSWER_WITHIN = 3  # turns in which a question, a promise and a request belong together
_SHORT_TURN = 25  # words up to which a whole turn tells what its request is about
_LEAD_WORDS = 15  # a request with fewer words before it leans on the question it answers
# "Anything you want left out?": the answer names it. "Shall I leave that out?" points back.
_OPEN_QUESTION = re.compile(r"\b(?:anything|something|what|which|anyone|anybody)\b")
_GRAMMAR = word_set(
    "the my his her their our your its that this these those and but for with from about into "
    "what when where who how why all any some because cause cos was were are been being has had "
    "have did does done not don't dont didn't out off just right well okay one him them she they "
    "you would could should will can also too very really even then than there here had in on of "
    "name names with me us it he is"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `at` is the position of its turn among all turns.

    `start` and `end` bound the words that tell what it is about. `leads` is set when the question
    before it tells more, `answered_at` is the peer's turn that took it up.
    """

    at: int
    start: int
    end: int
    back: bool
    ahead: bool
    earlier: bool
    topic: frozenset[str] = field(repr=False)
    topic_text: str = field(repr=False)
    by_person: bool
    is_short: bool = False  # the whole turn may tell what it is about
    leads: bool = False
    answered_at: int | None = None


def find_requests(turns: Sequence[DeidentifiedTurn], *, rules: RequestRules) -> tuple[Request, ...]:
    """Find every request in a session, made by the person or agreed with the peer."""
    found: list[Request] = []
    for at, turn in enumerate(turns):
        text = plain(turn.text)
        if turn.role == "person":
            asked = _asked_by_person(at, turns, rules)
            found.extend(asked or _answer_to_open_question(at, turns, rules))
        elif turn.role == "peer" and _is_agreed(at, text, turns, rules):
            before = next((r for r in reversed(found) if r.by_person), None)
            if before is None or at - before.at > _ANSWER_WITHIN:
                found.append(
                    _request(
                        at, (0, len(text)), text, rules, back=True, ahead=False, by_person=False,
                        answered_at=at,
                    )
                )  # fmt: skip
    return tuple(found)


def base(word: str) -> str:
    """A rough stem, so that `brother's` and `loans` meet `brother` and `loan`."""
    if word.startswith("<"):
        return word.upper()
    for ending in ("'s", "s'"):
        word = word.removesuffix(ending)
    return word[:-1] if len(word) > 4 and word.endswith("s") and not word.endswith("ss") else word


# ---------------------------------------------------------------- the person asks


def _asked_by_person(
    at: int, turns: Sequence[DeidentifiedTurn], rules: RequestRules
) -> list[Request]:
    text = plain(turns[at].text)
    allowed = [match.span() for match in rules.allow.finditer(text)]
    lifted = [match.span() for match in rules.release.finditer(text)]
    requests: list[Request] = []
    for match in rules.person.finditer(text):
        if any(a < match.end() and match.start() < b for a, b in allowed + lifted):
            continue
        begin, end = _clause_around(text, match)
        clause = text[begin:end]
        ahead_only = rules.ahead_only.search(clause) is not None
        ahead = ahead_only or rules.ahead.search(clause) is not None
        requests.append(
            _request(
                at, (begin, end), clause, rules, back=not ahead_only, ahead=ahead, by_person=True,
                is_short=len(text.split()) <= _SHORT_TURN,
                leads=not ahead_only and len(text[: match.start()].split()) <= _LEAD_WORDS,
                answered_at=_next_of(at, "peer", turns),
            )
        )  # fmt: skip
    return requests


def _answer_to_open_question(
    at: int, turns: Sequence[DeidentifiedTurn], rules: RequestRules
) -> list[Request]:
    """ "Anything I should leave out?" "The dog." asks for silence about the dog."""
    if at == 0 or turns[at - 1].role != "peer":
        return []
    question = plain(turns[at - 1].text)
    match = rules.peer_offers_out.search(question)
    if match is None or not _OPEN_QUESTION.search(match.group()):
        return []
    text = plain(turns[at].text)
    if rules.no.search(text) or rules.release.search(text):
        return []
    return [
        _request(
            at, (0, len(text)), text, rules, back=False, ahead=False, by_person=True,
            answered_at=_next_of(at, "peer", turns),
        )
    ]  # fmt: skip


def _request(
    at: int,
    about: tuple[int, int],
    clause: str,
    rules: RequestRules,
    *,
    back: bool,
    ahead: bool,
    by_person: bool,
    is_short: bool = False,
    leads: bool = False,
    answered_at: int | None = None,
) -> Request:
    found = [m for pattern in rules.topic for m in pattern.finditer(clause)]
    phrases = [m.group("topic") for m in found]
    words = {w.strip("'") for phrase in phrases for w in re.findall(r"<\w+>|[\w']+", phrase)}
    topic = frozenset(
        base(w) for w in words if len(w) > 2 and w not in rules.not_topic and w not in _GRAMMAR
    )
    return Request(
        at=at, start=about[0], end=about[1], back=back, ahead=ahead, by_person=by_person,
        topic=topic, topic_text=" ".join(phrases) if topic else "", is_short=is_short, leads=leads,
        earlier=rules.earlier.search(clause) is not None and bool(topic), answered_at=answered_at,
    )  # fmt: skip


def _clause_around(text: str, match: re.Match[str]) -> tuple[int, int]:
    """The sentence a request stands in; for text without stops, some words on either side."""
    begin = max((text.rfind(mark, 0, match.start()) for mark in ".?!\n"), default=-1) + 1
    ends = [e for mark in ".?!\n" if (e := text.find(mark, match.end())) >= 0]
    end = min(ends, default=len(text))
    return max(begin, match.start() - 60), min(end, match.end() + 90)


# ---------------------------------------------------------------- the peer agrees


def _is_agreed(at: int, text: str, turns: Sequence[DeidentifiedTurn], rules: RequestRules) -> bool:
    promises = rules.peer_promises.search(text)
    if promises and not rules.release.search(text) and not _is_asked(text, promises):
        return True
    offer = rules.peer_offers_out.search(text)
    offers_out = offer is not None and not _OPEN_QUESTION.search(offer.group())
    asks_in = rules.peer_asks_in.search(text) is not None
    if not offers_out and not asks_in:
        return False
    later = turns[at + 1 : at + 1 + _ANSWER_WITHIN]
    answer = next((plain(t.text) for t in later if t.role == "person"), "")
    says_yes, says_no = rules.yes.search(answer), rules.no.search(answer)
    # Without a clear answer the words stay out: silence is not permission.
    return says_no is None if offers_out else says_yes is None


def _is_asked(text: str, match: re.Match[str]) -> bool:
    """Whether the sentence around the match is a question."""
    return re.match(r"[^.!?\n]*\?", text[match.end() - 1 :]) is not None


def _next_of(at: int, role: str, turns: Sequence[DeidentifiedTurn]) -> int | None:
    """The next turn of a role, if it comes at once or after one more turn."""
    near = range(at + 1, min(at + _ANSWER_WITHIN, len(turns)))
    return next((k for k in near if turns[k].role == role), None)
