"""Works out what stays out because the person asked for it, before or after saying it.

A request (`asking.py` hears them) covers the turn it stands in, what it points at
(back, ahead, or a topic named from earlier), and everything else in the session that is about the
same. It is generous on purpose: leaving out too much can be mended by the person, a line they asked
to keep out cannot.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assistant.draft.asking import Request, base, find_requests
from assistant.draft.likeness import (
    COMMON,
    Telling,
    alikeness,
    is_about,
    specific_lemmas,
    telling_words,
)
from assistant.draft.request_reader import RequestReading
from assistant.draft.rules import RequestRules, plain
from assistant.draft.session import ReadSession, Vectors
from assistant.draft.words import Word, word_set

__all__ = [
    "Cover",
    "Request",
    "Telling",
    "alikeness",
    "cover_requests",
    "find_requests",
    "is_about",
    "specific_lemmas",
    "telling_words",
]

_BACK_TURNS = 2  # how far a request reaches back over turns that hang together
_AHEAD_TURNS = 5  # how far a request made beforehand reaches when nobody lifts it
_LIFT_WITHIN = 40  # turns in which a lifting is taken to answer the request
_GOES_ON_TURNS = 2  # how long a story is taken to go on when the peer asks nothing new
_SIMILAR = 0.42  # two turns about the same thing
_SIMILAR_BACK = 0.45  # the same where a request looks back: it rarely means what lies far behind
_SPREAD_STRICTER_BY = 0.15  # what a request reaches by its place, far away only if very alike
_TOPIC = 0.48  # a statement about a topic that was named
# What the reader says. Chosen on the dev split, where nothing that was asked out near a request got
# less than 0.026, and no turn that asks less than 0.271.
_SURELY_NOT, _SURELY = 0.01, 0.30
_MEANT = 0.05
_HEARD = 0.8  # what the reader of requests says; chosen on sessions it did not learn from
_SEEN_TURNS = 6  # how far from a request the reader is believed
_NAMED_STATEMENTS = 2  # a word names the topic when no more statements than this hold it
_KNOWN_STATEMENTS = 10  # two such words together name it, or one that the peer says too
_THINGS = frozenset({"NOUN", "PROPN"})
_CONTINUES = re.compile(
    r"^\W*(?:(?:um|uh|yeah|yes|no|and|but|so|well|like|because|cause|cos|cuz|just|not|thank you"
    r"|thanks|is|only)\W+)*(?:because|cause|cos|(?:he|she|they|it|that|this|there)(?:'?[sd]|'?ll)?"
    r"|him|her|them|his|then|which)\b"
)
_REFERS = re.compile(r"\b(?:he|she|they|it|him|her|his|them|their|its|that|this)\b")
# Words of requests and promises; they do not tell what the request is about.
_ASKING = word_set(
    "write note record file paper page line pen book put leave keep out off thing stuff part bit "
    "say tell talk please word mind go let hear mention include want know type worker name stay "
    "notebook computer digest report letter hand light recorder recording mic private secret "
    "thank thanks promise okay read hold stop close turn rest today minute second moment bring "
    "hey look listen sir ma'am love no yes clinic one plan use business lot"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """What stays out: positions of statements, and numbers of whole turns (anyone's)."""

    statements: frozenset[int]
    turns: frozenset[int]
    core: frozenset[int]  # the statements the requests are about


def cover_requests(
    requests: Sequence[Request],
    *,
    session: ReadSession,
    topic_vectors: Vectors,
    rules: RequestRules,
    asked: NDArray[np.float32] | None = None,
    read: RequestReading | None = None,
) -> Cover:
    """Work out what the requests cover. `topic_vectors` has one row a request (zeros: no topic).

    `asked` is how likely the reader of conversations holds it that each statement was asked to stay
    out: it tells a request from words that only sound like one ("leave the lamp on"), lets go of
    what the rules took too generously near a request, and adds what they did not see. It sees a few
    turns at a time. `read` is what the reader of requests says, which sees every request at once:
    it adds what no rule hears.
    """
    finder = _Finder(session, rules)
    kept = [
        (request, vector)
        for request, vector in zip(requests, topic_vectors, strict=True)
        if asked is None or finder.is_meant(request, asked)
    ]
    meant = [request for request, _ in kept]
    for request, topic_vector in kept:
        finder.follow(request, topic_vector, meant)
    finder.spread()
    if asked is not None:
        finder.settle(asked, meant)
    if read is not None:
        finder.add(read)
    return Cover(
        statements=frozenset(finder.statements),
        turns=frozenset(session.turns[at].number for at in finder.turns),
        core=frozenset(finder.core),
    )


# ---------------------------------------------------------------- covering


class _Finder:
    """Collects what is covered, request by request."""

    def __init__(self, session: ReadSession, rules: RequestRules) -> None:
        self.session = session
        self.rules = rules
        self.statements: set[int] = set()
        self.turns: set[int] = set()
        self.core: set[int] = set()
        self._spreading: set[int] = set()
        self._by_turn: dict[int, list[int]] = {at: [] for at in range(len(session.turns))}
        self._turn = {turn.number: turn for turn in session.turns}
        at_of = {turn.number: at for at, turn in enumerate(session.turns)}
        for i, statement in enumerate(session.statements):
            self._by_turn[at_of[statement.turn]].append(i)
        self._telling = telling_words(session.statements)
        self._keys = [frozenset(_key(w) for w in _naming(s.words)) for s in session.statements]
        self._n_with = Counter(key for keys in self._keys for key in keys)
        words = [w for s in session.statements for w in _naming(s.words)]
        self._things = {_key(w) for w in words if w.pos in _THINGS or w.kind == "surrogate"}
        self._speakers = frozenset(turn.speaker for turn in session.turns)
        self._lemmas = [specific_lemmas(s) for s in session.statements]

    def follow(self, request: Request, topic_vector: Vectors, all_: Sequence[Request]) -> None:
        matched = self._cover_topic(request, topic_vector)
        core = self._cover_turn(request) if request.by_person else set()
        named = self._cover_named(request)
        if request.back and not (request.earlier and (matched or named)):
            core |= self._cover_back(request, core, matched=bool(matched or named))
        core |= self._cover_on(request, core, all_)
        self.core |= core | matched | named
        if request.by_person:
            self._spreading |= core

    def spread(self) -> None:
        """Hold back what says the same anywhere else in the session."""
        rows = sorted(i for i in self._spreading if self._lemmas[i])
        for i, alike in enumerate(
            alikeness(
                self.session, rows, self._lemmas, self._telling, stricter_by=_SPREAD_STRICTER_BY
            )
        ):
            if alike:
                self.statements.add(i)

    def is_meant(self, request: Request, asked: NDArray[np.float32]) -> bool:
        """Whether the person asks for anything here; the peer's answer alone settles nothing."""
        if not request.by_person:
            return True
        own = self._by_turn[request.at]
        return not own or float(asked[own].max()) >= _MEANT

    def settle(self, asked: NDArray[np.float32], requests: Sequence[Request]) -> None:
        """Let go of what was surely not asked to stay out, and hold what surely was."""
        near = {
            i
            for request in requests
            for at in range(request.at - _SEEN_TURNS, request.at + _SEEN_TURNS + 1)
            for i in self._by_turn.get(at, ())
        }
        held = {i for i in self.statements if i not in near or asked[i] >= _SURELY_NOT}
        held |= {i for i, chance in enumerate(asked) if chance >= _SURELY}
        self.statements = held
        self.core &= held
        for at, own in self._by_turn.items():
            if own and held.isdisjoint(own):
                self.turns.discard(at)

    def add(self, read: RequestReading) -> None:
        """Hold what the reader of requests is sure of, and what the peer says around it."""
        held = {i for i, chance in enumerate(read.out) if chance >= _HEARD}
        self.statements |= held
        self.core |= held
        spoken = {at for at, own in self._by_turn.items() if not held.isdisjoint(own)}
        asking = {place.at for place in read.places if place.kind == "ask"} & spoken
        between = {at + 1 for at in spoken if at + 2 in spoken}
        around = between | {at + step for at in asking for step in (-1, 1)}
        self.turns |= spoken
        self.turns |= {
            at for at in around
            if 0 <= at < len(self.session.turns) and self.session.turns[at].role != "person"
        }  # fmt: skip

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
            near = self._near(here, core | taken, alike_from=_SIMILAR_BACK)
            wanted = (not has_own and not matched and steps == 0) or continues or near or hollow
            if not wanted or steps >= (_BACK_TURNS if request.by_person else 1):
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
        if not request.by_person and lifted_at is None:
            return taken
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
                keep = first or near or (not left and (steps < 2 or not self._is_asked(at)))
            else:
                goes_on = not left and (self._continues(at) or not self._is_asked(at))
                keep = hollow or near or (steps < _GOES_ON_TURNS and goes_on)
            if not keep or steps >= (_AHEAD_TURNS if request.ahead else _BACK_TURNS):
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
                if alike[i] >= _TOPIC or request.topic & {base(x) for x in self._lemmas[i]}
            }  # fmt: skip
            if hits:
                matched |= hits
                self.turns.add(at)
                self._take_continuation(at, request.at)
        self.statements |= matched
        for i in sorted(matched):
            self._cover_rest_of_turn(i)
        return matched

    def _cover_named(self, request: Request) -> set[int]:
        """Statements anywhere that hold what the request, or the answer to it, names."""
        if not request.by_person:
            return set()
        about = self._named_at(request.at, request.start, request.end)
        if not about & self._things and request.is_short:
            about = self._named_at(request.at)
        certain: set[str] = set()
        if request.answered_at is not None:
            answer = self._named_at(request.answered_at, *self._first_words(request.answered_at))
            certain = about & answer & self._things
            about |= answer
        leads = request.leads and not any(about & keys for keys in self._keys_before(request.at))
        if leads and request.at and self.session.turns[request.at - 1].role == "peer":
            about |= self._named_at(request.at - 1)
        rare = {key for key in about & self._things if self._n_with[key] <= _NAMED_STATEMENTS}
        known = {key for key in about if self._n_with[key] <= _KNOWN_STATEMENTS}
        rare |= certain & known
        found = {i for i, k in enumerate(self._keys) if k & rare or len(k & known) > 1}
        self.statements |= found
        for i in sorted(found):
            self._cover_rest_of_turn(i)
        return found

    def _keys_before(self, at: int) -> list[frozenset[str]]:
        number = self.session.turns[at].number
        pairs = zip(self.session.statements, self._keys, strict=True)
        return [keys for statement, keys in pairs if statement.turn < number]

    def _named_at(self, at: int, start: int = 0, end: int | None = None) -> set[str]:
        turn = self.session.turns[at]
        read = self.session.read.get(turn.number)
        if read is None:
            return set()
        stop = len(turn.text) if end is None else end
        words = (w for w in read.words if w.start >= start and w.end <= stop)
        return {_key(w) for w in _naming(words)} - self._speakers

    def _first_words(self, at: int) -> tuple[int, int]:
        """Where the peer takes up a request: up to the first question, two sentences at most."""
        text = self.session.turns[at].text
        ends = [m.end() for m in re.finditer(r"[.!?](?=\s|$)", text)]
        questions = [n for n, end in enumerate(ends) if text[end - 1] == "?"]
        n = min(2, *questions) if questions else 2
        if n == 0:
            return 0, 0
        return 0, ends[n - 1] if len(ends) >= n else len(text)

    def _cover_rest_of_turn(self, i: int) -> None:
        """The statements after `i` in its turn that go on about the same."""
        turn = self.session.statements[i].turn
        for k in range(i + 1, len(self.session.statements)):
            if self.session.statements[k].turn != turn:
                return
            if not _REFERS.search(plain(self.session.statements[k].text)):
                return
            self.statements.add(k)

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

    def _near(self, here: set[int], there: set[int], *, alike_from: float = _SIMILAR) -> bool:
        if not here or not there:
            return False
        alike = self.session.vectors[sorted(here)] @ self.session.vectors[sorted(there)].T
        if float(alike.max()) >= alike_from:
            return True
        ours = frozenset().union(*(self._lemmas[i] for i in here))
        theirs = frozenset().union(*(self._lemmas[i] for i in there))
        return bool(ours & theirs & self._telling.telling)

    def _continues(self, at: int) -> bool:
        return _CONTINUES.search(plain(self.session.turns[at].text)) is not None

    def _is_asked(self, at: int) -> bool:
        """Whether the peer asked something since the person last spoke."""
        for k in range(at - 1, -1, -1):
            if self.session.turns[k].role == "person":
                return False
            if "?" in self.session.turns[k].text:
                return True
        return False

    def _moves_on(self, at: int) -> bool:
        return self.rules.moves_on.search(plain(self.session.turns[at].text)) is not None


def _naming(words: Iterable[Word]) -> Iterator[Word]:
    """The words that can name a topic."""
    for word in words:
        if not word.is_specific or word.pos in {"INTJ", "ADV", "AUX", "NUM"}:
            continue
        if word.lemma not in _ASKING and (word.pos in _THINGS or word.lemma not in COMMON):
            yield word


def _key(word: Word) -> str:
    """A word for comparing: `fasting`, `fasted` and `fasts` are one."""
    if word.kind == "surrogate":
        return word.lemma.upper()
    stem = base(word.lemma)
    for ending in ("ing", "ed"):
        if len(stem) > len(ending) + 3:
            stem = stem.removesuffix(ending)
    return stem
