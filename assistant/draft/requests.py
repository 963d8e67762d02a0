"""Finds what the person asked not to have written down, before or after saying it.

A request covers the turn it stands in, what it points at (back, ahead, or a topic named from
earlier), and everything else in the session that is about the same. It is generous on purpose:
leaving out too much can be mended by the person, a line they asked to keep out cannot.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from assistant.draft.rules import RequestRules, plain
from assistant.draft.session import ReadSession, Vectors
from assistant.draft.statements import Statement
from assistant.draft.words import word_set
from assistant.records import DeidentifiedTurn

_BACK_TURNS = 4  # how far a request reaches back over turns that hang together
_AHEAD_TURNS = 8  # how far a request made beforehand reaches when nobody lifts it
_LIFT_WITHIN = 40  # turns in which a lifting is taken to answer the request
_SIMILAR = 0.35  # two turns about the same thing
_SAME = 0.60  # a statement that says what was asked to stay out
_SAME_WITH_WORD = 0.50  # the same when a telling word is shared
_SAME_WITH_WORDS = 0.35  # the same when two are
_SAME_WITH_RARE_WORD = 0.28  # the same when a word is shared that hardly occurs elsewhere
_TOPIC = 0.48  # a statement about a topic that was named
_TELLING_STATEMENTS = 6  # a word is telling when no more statements than this hold it
_RARE_STATEMENTS = 3
# Words that turn up in any session; sharing one says little about the topic.
_COMMON = word_set(
    "day week month year night morning evening today tomorrow time work job home house room "
    "place people person group meeting shift phone call money kid mum mom dad brother sister "
    "mother father friend son daughter boss supervisor manager worker doctor nurse cousin "
    "uncle aunt wife husband partner family one two three four five six seven eight nine ten "
    "good bad nice help feel want talk ask take make see look keep put give find start stop "
    "let live leave come back"
)
_CONTINUES = re.compile(
    r"^\W*(?:(?:um|uh|yeah|yes|no|and|but|so|well|like|because|cause|cos|cuz|just)\W+)*"
    r"(?:because|cause|cos|he|she|they|it|that|this|him|her|them|his|there|then|which)\b"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `at` is the position of its turn among all turns."""

    at: int
    back: bool
    ahead: bool
    earlier: bool
    topic: frozenset[str] = field(repr=False)
    topic_text: str = field(repr=False)
    by_person: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """What stays out: positions of statements, and numbers of whole turns (anyone's)."""

    statements: frozenset[int]
    turns: frozenset[int]
    core: frozenset[int]  # the statements the requests are about


def find_requests(turns: Sequence[DeidentifiedTurn], *, rules: RequestRules) -> tuple[Request, ...]:
    """Find every request in a session, made by the person or agreed with the peer."""
    found: list[Request] = []
    for at, turn in enumerate(turns):
        text = plain(turn.text)
        if turn.role == "person":
            found.extend(_asked_by_person(at, text, rules))
        elif turn.role == "peer" and _is_agreed(at, text, turns, rules):
            before = next((r for r in reversed(found) if r.by_person), None)
            if before is None or at - before.at > 3:
                found.append(
                    _request(at, text, rules, back=True, ahead=False, by_person=False, named=False)
                )
    return tuple(found)


def cover_requests(
    requests: Sequence[Request],
    *,
    session: ReadSession,
    topic_vectors: Vectors,
    rules: RequestRules,
) -> Cover:
    """Work out what the requests cover. `topic_vectors` has one row a request (zeros: no topic)."""
    finder = _Finder(session, rules)
    for request, topic_vector in zip(requests, topic_vectors, strict=True):
        finder.follow(request, topic_vector, requests)
    finder.spread()
    return Cover(
        statements=frozenset(finder.statements),
        turns=frozenset(session.turns[at].number for at in finder.turns),
        core=frozenset(finder.core),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Lemmas that name something particular in this session, and the rarest among them."""

    telling: frozenset[str] = field(repr=False)
    rare: frozenset[str] = field(repr=False)


def telling_words(statements: Sequence[Statement]) -> Telling:
    """Find the words that few statements of the session hold."""
    counts = Counter(lemma for s in statements for lemma in specific_lemmas(s))
    telling = {lemma for lemma, n in counts.items() if n <= _TELLING_STATEMENTS}
    names = {w.lemma for s in statements for w in s.words if w.pos in {"NOUN", "PROPN"}}
    rare = {lemma for lemma in telling & names if counts[lemma] <= _RARE_STATEMENTS}
    return Telling(telling=frozenset(telling), rare=frozenset(rare - _COMMON))


def specific_lemmas(statement: Statement) -> frozenset[str]:
    """What a statement names: lemmas of nouns, names, verbs and adjectives that are not vague."""
    return frozenset(
        w.lemma for w in statement.words if w.is_specific and w.pos not in {"INTJ", "ADV"}
    )


# ---------------------------------------------------------------- finding


def _asked_by_person(at: int, text: str, rules: RequestRules) -> list[Request]:
    allowed = [match.span() for match in rules.allow.finditer(text)]
    lifted = [match.span() for match in rules.release.finditer(text)]
    requests: list[Request] = []
    for match in rules.person.finditer(text):
        if any(a < match.end() and match.start() < b for a, b in allowed + lifted):
            continue
        clause = _clause_around(text, match)
        ahead_only = rules.ahead_only.search(clause) is not None
        ahead = ahead_only or rules.ahead.search(clause) is not None
        requests.append(
            _request(at, clause, rules, back=not ahead_only, ahead=ahead, by_person=True)
        )
    return requests


def _request(
    at: int,
    clause: str,
    rules: RequestRules,
    *,
    back: bool,
    ahead: bool,
    by_person: bool,
    named: bool = True,
) -> Request:
    found = [m for pattern in rules.topic for m in pattern.finditer(clause)] if named else []
    phrases = [m.group("topic") for m in found]
    words = {w.strip("'") for phrase in phrases for w in re.findall(r"<\w+>|[\w']+", phrase)}
    topic = frozenset(
        _base(w) for w in words if len(w) > 2 and w not in rules.not_topic and w not in _GRAMMAR
    )
    return Request(
        at=at, back=back, ahead=ahead, by_person=by_person, topic=topic,
        earlier=rules.earlier.search(clause) is not None and bool(topic),
        topic_text=" ".join(phrases) if topic else "",
    )  # fmt: skip


def _is_agreed(at: int, text: str, turns: Sequence[DeidentifiedTurn], rules: RequestRules) -> bool:
    promises = rules.peer_promises.search(text)
    if promises and not rules.release.search(text) and not _is_asked(text, promises):
        return True
    offers_out = rules.peer_offers_out.search(text) is not None
    asks_in = rules.peer_asks_in.search(text) is not None
    if not offers_out and not asks_in:
        return False
    later = turns[at + 1 : at + 4]
    answer = next((plain(t.text) for t in later if t.role == "person"), "")
    says_yes, says_no = rules.yes.search(answer), rules.no.search(answer)
    # Without a clear answer the words stay out: silence is not permission.
    return says_no is None if offers_out else says_yes is None


def _clause_around(text: str, match: re.Match[str]) -> str:
    """The sentence a request stands in; for text without stops, some words on either side."""
    begin = max((text.rfind(mark, 0, match.start()) for mark in ".?!\n"), default=-1) + 1
    ends = [e for mark in ".?!\n" if (e := text.find(mark, match.end())) >= 0]
    end = min(ends, default=len(text))
    return text[max(begin, match.start() - 60) : min(end, match.end() + 90)]


def _is_asked(text: str, match: re.Match[str]) -> bool:
    """Whether the sentence around the match is a question."""
    return re.match(r"[^.!?\n]*\?", text[match.end() - 1 :]) is not None


_GRAMMAR = word_set(
    "the my his her their our your its that this these those and but for with from about into "
    "what when where who how why all any some because cause cos was were are been being has had "
    "have did does done not don't dont didn't out off just right well okay one him them she they "
    "you would could should will can also too very really even then than there here had in on of "
    "name names with me us it he is"
)


def _base(word: str) -> str:
    """A rough stem, so that `brother's` and `loans` meet `brother` and `loan`."""
    if word.startswith("<"):
        return word.upper()
    for ending in ("'s", "s'"):
        word = word.removesuffix(ending)
    return word[:-1] if len(word) > 4 and word.endswith("s") and not word.endswith("ss") else word


# ---------------------------------------------------------------- covering


class _Finder:
    """Collects what is covered, request by request."""

    def __init__(self, session: ReadSession, rules: RequestRules) -> None:
        self.session = session
        self.rules = rules
        self.statements: set[int] = set()
        self.turns: set[int] = set()
        self.core: set[int] = set()
        self._by_turn: dict[int, list[int]] = {at: [] for at in range(len(session.turns))}
        self._turn = {turn.number: turn for turn in session.turns}
        at_of = {turn.number: at for at, turn in enumerate(session.turns)}
        for i, statement in enumerate(session.statements):
            self._by_turn[at_of[statement.turn]].append(i)
        self._telling = telling_words(session.statements)
        self._lemmas = [specific_lemmas(s) for s in session.statements]

    def follow(self, request: Request, topic_vector: Vectors, all_: Sequence[Request]) -> None:
        matched = self._cover_topic(request, topic_vector)
        core = self._cover_turn(request) if request.by_person else set()
        if request.back and not (request.earlier and matched):
            core |= self._cover_back(request, core, matched=bool(matched))
        core |= self._cover_on(request, core, all_)
        self.core |= core | matched

    def spread(self) -> None:
        """Hold back what says the same anywhere else in the session."""
        if not self.core:
            return
        rows = sorted(i for i in self.core if self._lemmas[i])
        for i, alike in enumerate(alikeness(self.session, rows, self._lemmas, self._telling)):
            if alike:
                self.statements.add(i)

    # -- parts of `follow`

    def _cover_turn(self, request: Request) -> set[int]:
        """The whole turn of the request; its core starts at the last change of topic."""
        self._take(request.at)
        core: set[int] = set()
        for i in self._by_turn[request.at]:
            text = plain(self._from_turn_start(i))
            if self.rules.shifts.search(text) and core:
                if any(self._is_request(j) for j in core):
                    break
                core = set()
            core.add(i)
        return {i for i in core if not self._is_request(i)}

    def _from_turn_start(self, i: int) -> str:
        """The statement with the joiners that were trimmed from its front."""
        statement = self.session.statements[i]
        turn = self._turn[statement.turn]
        head = turn.text[: statement.start]
        last = max(head.rfind(mark) for mark in ".?!,\n")
        return turn.text[last + 1 if last < statement.start else statement.start : statement.end]

    def _is_request(self, i: int) -> bool:
        return self.rules.person.search(plain(self.session.statements[i].text)) is not None

    def _cover_back(self, request: Request, core: set[int], *, matched: bool) -> set[int]:
        has_own = sum(len(self._lemmas[i]) for i in core) >= 3
        first = next(iter(self._by_turn[request.at]), None)
        continues = first is not None and self._continues(request.at)
        taken: set[int] = set()
        steps = 0
        for at in range(request.at - 1, -1, -1):
            turn = self.session.turns[at]
            if turn.role != "person":
                if turn.role == "peer" and taken and self._moves_on(at):
                    break
                continue
            here = set(self._by_turn[at])
            hollow = not any(self._lemmas[i] for i in here)
            near = self._near(here, core | taken)
            wanted = (not has_own and not matched and steps == 0) or continues or near or hollow
            if not wanted or steps >= _BACK_TURNS:
                break
            self._take(at, until=request.at)
            taken |= here
            if not hollow:
                steps += 1
                continues = self._continues(at)
                has_own = True
        return taken

    def _cover_on(self, request: Request, core: set[int], all_: Sequence[Request]) -> set[int]:
        """What comes after the request, up to its lifting or to another topic."""
        lifted_at, offset = self._find_lift(request, all_)
        taken: set[int] = set()
        steps = 0
        for at in range(request.at + 1, len(self.session.turns)):
            turn = self.session.turns[at]
            if lifted_at is not None:
                if at > lifted_at:
                    break
                if at == lifted_at and turn.role != "person":
                    self.turns.add(at)  # the peer may still be speaking of it
                    break
                taken |= self._take(at, before=offset if at == lifted_at else None)
                continue
            if turn.role != "person":
                continue
            here = set(self._by_turn[at])
            hollow = not any(self._lemmas[i] for i in here)
            near = self._near(here, core | taken)
            left = self._left_topic(request.at, at)
            if request.ahead:
                first = steps == 0 and (not request.back or not left)
                keep = first or near or not left
            else:
                keep = hollow or near or (steps < 2 and not left and self._continues(at))
            if not keep or steps >= _AHEAD_TURNS:
                break
            taken |= self._take(at, since=request.at)
            steps += 0 if hollow else 1
        return taken

    def _find_lift(self, request: Request, all_: Sequence[Request]) -> tuple[int | None, int]:
        within = _LIFT_WITHIN if request.ahead else _LIFT_WITHIN // 3
        for at in range(request.at + 1, min(len(self.session.turns), request.at + within)):
            turn = self.session.turns[at]
            match = self.rules.release.search(plain(turn.text))
            if match and turn.role in {"person", "peer"}:
                return at, match.end()
            if any(r.at == at and r.by_person for r in all_):
                return None, 0  # the lifting, if any, answers that later request
        return None, 0

    def _left_topic(self, since: int, at: int) -> bool:
        """Whether the peer, or the person in this turn, opened another topic."""
        if self.rules.shifts.search(plain(self.session.turns[at].text)):
            return True
        between = range(max(since + 1, at - 1), at)
        return any(self.session.turns[k].role == "peer" and self._moves_on(k) for k in between)

    def _cover_topic(self, request: Request, topic_vector: Vectors) -> set[int]:
        if not request.topic:
            return set()
        alike = self.session.vectors @ topic_vector
        matched: set[int] = set()
        for at, indices in self._by_turn.items():
            if at == request.at:
                continue
            hits = {
                i for i in indices
                if alike[i] >= _TOPIC or request.topic & {_base(x) for x in self._lemmas[i]}
            }  # fmt: skip
            if hits:
                matched |= hits
                self._take(at)
        for at in sorted(self.turns):
            self._take_continuation(at, request.at)
        return matched

    def _take_continuation(self, at: int, request_at: int) -> None:
        later = (k for k in range(at + 1, min(at + 4, len(self.session.turns))))
        following = next((k for k in later if self.session.turns[k].role == "person"), None)
        if following is None or following == request_at or following in self.turns:
            return
        starts_on = re.match(
            r"^\W*(?:he|she|they|him|her|it)\b", plain(self.session.turns[following].text)
        )
        if starts_on:
            self._take(following)

    # -- small steps

    def _take(
        self,
        at: int,
        *,
        before: int | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> set[int]:
        """Cover a turn (statements starting before `before` only) and the peer's turns between."""
        taken = {
            i for i in self._by_turn[at]
            if before is None or self.session.statements[i].start < before
        }  # fmt: skip
        self.statements |= taken
        if before is None:
            self.turns.add(at)
        if since is not None:
            self.turns.update(range(since + 1, at))
        if until is not None:
            self.turns.update(range(at + 1, until))
        return taken

    def _near(self, here: set[int], there: set[int]) -> bool:
        if not here or not there:
            return False
        alike = self.session.vectors[sorted(here)] @ self.session.vectors[sorted(there)].T
        if float(alike.max()) >= _SIMILAR:
            return True
        ours = frozenset().union(*(self._lemmas[i] for i in here))
        theirs = frozenset().union(*(self._lemmas[i] for i in there))
        return bool(ours & theirs & self._telling.telling)

    def _continues(self, at: int) -> bool:
        return _CONTINUES.search(plain(self.session.turns[at].text)) is not None

    def _moves_on(self, at: int) -> bool:
        return self.rules.moves_on.search(plain(self.session.turns[at].text)) is not None


def alikeness(
    session: ReadSession,
    rows: Sequence[int],
    lemmas: Sequence[frozenset[str]],
    telling: Telling,
    *,
    stricter_by: float = 0.0,
) -> list[bool]:
    """For every statement, whether it says what the statements at `rows` say."""
    if not rows or not len(session.statements):
        return [False] * len(session.statements)
    alike = session.vectors @ session.vectors[list(rows)].T - stricter_by  # (statements, rows)
    return [
        any(
            _says_the_same(float(value), lemmas[i] & lemmas[row], telling)
            for row, value in zip(rows, line, strict=True)
        )
        for i, line in enumerate(alike)
    ]


def is_about(
    words: frozenset[str],
    vector: Vectors,
    *,
    session: ReadSession,
    rows: Sequence[int],
    telling: Telling,
) -> bool:
    """Whether a sentence of the peer is about what the statements at `rows` say."""
    if not rows:
        return False
    alike = session.vectors[list(rows)] @ vector
    return any(
        _says_the_same(float(value), words & specific_lemmas(session.statements[row]), telling)
        for row, value in zip(rows, alike, strict=True)
    )


def _says_the_same(alike: float, shared: frozenset[str], telling: Telling) -> bool:
    if alike >= _SAME:
        return True
    if not shared or alike < _SAME_WITH_RARE_WORD:
        return False
    if shared & telling.rare:
        return True
    n_shared = len(shared & telling.telling)
    needed = {0: _SAME, 1: _SAME_WITH_WORD}.get(n_shared, _SAME_WITH_WORDS)
    return alike >= needed
