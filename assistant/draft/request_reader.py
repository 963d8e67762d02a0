"""Reads what the person asked to keep out of the note, however they put it.

Two readings by one network over the sentence encoder (`encoder_net`). The first finds the words
that ask for silence, or lift it again ("no, go on, put it in"). The second reads the conversation
anew with these places, near or far, laid before each stretch of it, and says of every statement how
likely it was asked to stay out. `models/train_requests.py` learns both; `models/cards/requests.md`
holds what was measured. `requests.py` decides with it what stays out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from assistant.bundled import locate_model
from assistant.draft.reader import MARK_OF_ROLE, PEER_HEAD, PEER_TAIL
from assistant.draft.session import text_for_meaning
from assistant.draft.statements import Statement
from assistant.draft.words import SURROGATE
from assistant.records import DeidentifiedTurn
from assistant.resources import resource_path
from assistant.signs import CLS, SEP

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from assistant.encoder_net import TagNet
    from assistant.settings import Settings

ADAPTER = "models/heads/requests.safetensors"
Kind = Literal["ask", "lift"]
KINDS: tuple[Kind, ...] = ("ask", "lift")
# Classes: of a piece, nothing or one of the kinds; of a statement, that it stays in or out.
N_PIECE_CLASSES = 1 + len(KINDS)
N_CLASSES = N_PIECE_CLASSES + 2
CORE, BEFORE, AFTER = 110, 40, 20  # pieces of a stretch that are judged, and around them
_PLACE_AROUND, _PEER_AROUND = 20, 12  # pieces of a place on either side, and of the peer's turns
_PLACES_A_STRETCH = 8
_PLACES_AT_ONCE = 4  # with a stretch, less than the 512 pieces the encoder has places for
_PEER_OF_PLACE, _LIFT = 4, 5
_ASK_BEFORE, _ASK_WITHIN, _ASK_AFTER = 6, 7, 8
N_MARKS = 9
FOUND = 0.3  # how likely a piece asks or lifts, for its turn to be read as a place


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the person asks or lifts: position of the turn, and characters of its text."""

    at: int
    start: int
    end: int
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestReading:
    """`out` is how likely each statement was asked to stay out, shape (statements,)."""

    places: tuple[Place, ...]
    out: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A turn and where its statements stand: (position, start, end) in its text."""

    role: str
    text: str = field(repr=False)
    parts: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """A conversation as one row of pieces. `owners` are statements, -1 elsewhere; `ats` are turns;
    `spans` is where each stands in its turn, shape (n, 2)."""

    ids: NDArray[np.int64]
    roles: NDArray[np.int64]
    owners: NDArray[np.int64]
    ats: NDArray[np.int64]
    spans: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Pieces of one pass. `rows` says which piece of the conversation each is, -1 for CLS, SEP, the
    places laid before, and what is only there to be read."""

    ids: NDArray[np.int64]
    marks: NDArray[np.int64]
    rows: NDArray[np.int64]


def lay_out(turns: Sequence[Said], tokenizer: Tokenizer) -> Pieces:
    """Lay a conversation out as pieces, surrogates as everyday words."""
    rows: list[tuple[int, int, int, int, int, int]] = []
    for at, turn in enumerate(turns):
        cut = list(_cut(turn.text, tokenizer))
        if turn.role != "person" and len(cut) > PEER_HEAD + PEER_TAIL:
            cut = [*cut[:PEER_HEAD], *cut[-PEER_TAIL:]]
        for piece, start, end in cut:
            owner = next((p for p, low, high in turn.parts if low < end and start < high), -1)
            rows.append((piece, MARK_OF_ROLE[turn.role], owner, at, start, end))
        rows.append((SEP, 0, -1, at, len(turn.text), len(turn.text)))
    table = np.array(rows, dtype=np.int64).reshape(-1, 6)
    return Pieces(
        ids=table[:, 0], roles=table[:, 1], owners=table[:, 2], ats=table[:, 3], spans=table[:, 4:]
    )


def _cut(text: str, tokenizer: Tokenizer) -> Iterator[tuple[int, int, int]]:
    """Pieces with their characters; a surrogate's stand-in stands where the surrogate does."""
    at = 0
    for match in SURROGATE.finditer(text):
        yield from _encode(text[at : match.start()], at, tokenizer)
        stand_in = tokenizer.encode(text_for_meaning(match.group()), add_special_tokens=False)
        yield from ((piece, *match.span()) for piece in stand_in.ids)
        at = match.end()
    yield from _encode(text[at:], at, tokenizer)


def _encode(text: str, at: int, tokenizer: Tokenizer) -> Iterator[tuple[int, int, int]]:
    encoded = tokenizer.encode(text, add_special_tokens=False)
    for piece, (start, end) in zip(encoded.ids, encoded.offsets, strict=True):
        yield piece, at + start, at + end


def cut_stretches(
    pieces: Pieces,
    places: Sequence[Place] = (),
    *,
    core: int = CORE,
    before: int = BEFORE,
    after: int = AFTER,
) -> Iterator[Stretch]:
    """Cut into stretches that judge every piece of the person, the places nearest laid before each.

    A stretch comes once for each group of its places, so that time grows with the length of the
    session however much is asked in it. A statement is not cut unless it is longer than `core`.
    """
    n = len(pieces.ids)
    laid = {place: _lay_place(place, pieces) for place in places}
    ends = [*np.flatnonzero(np.diff(pieces.owners) | np.diff(pieces.ats)).tolist(), n - 1]
    at = 0
    while at < n:
        following = bisect_left(ends, at)
        last = bisect_right(ends, at + core - 1, lo=following) - 1
        end = ends[last] + 1 if last >= following else min(at + core, n)
        if (pieces.roles[at:end] == MARK_OF_ROLE["person"]).any():
            low, high = max(0, at - before), min(n, end + after)
            turns = range(int(pieces.ats[at]), int(pieces.ats[end - 1]) + 1)
            for group in groups_of(nearest(places, turns)) or [()]:
                ids, marks = [CLS], [0]
                for place in group:
                    rows, is_own = laid[place]
                    ids += [*pieces.ids[rows].tolist(), SEP]
                    marks += [*np.where(is_own, _mark_of(place, turns), _PEER_OF_PLACE), 0]
                judged = np.full(len(ids) + high - low, -1)
                judged[len(ids) + at - low : len(ids) + end - low] = np.arange(at, end)
                yield Stretch(
                    ids=np.concatenate([ids, pieces.ids[low:high]]),
                    marks=np.concatenate([marks, pieces.roles[low:high]]),
                    rows=judged,
                )
        at = end


def nearest(places: Sequence[Place], turns: range) -> list[Place]:
    """The places that a stretch is read with: all but in a session with very many."""
    middle = (turns.start + turns.stop - 1) / 2
    return sorted(places, key=lambda place: abs(place.at - middle))[:_PLACES_A_STRETCH]


def _lay_place(place: Place, pieces: Pieces) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The pieces around a place, with what the peer said before and after; which are its own."""
    own = np.flatnonzero((pieces.ats == place.at) & (pieces.roles > 0))
    start, end = pieces.spans[own].T
    inside = np.flatnonzero((start < place.end) & (place.start < end))
    first, last = (inside[0], inside[-1]) if len(inside) else (0, 0)
    own = own[max(0, first - _PLACE_AROUND) : last + 1 + _PLACE_AROUND]
    own = own[: 2 * _PLACE_AROUND + 4]
    is_peer = pieces.roles == MARK_OF_ROLE["peer"]
    said = np.flatnonzero(is_peer & (pieces.ats == place.at - 1))[-_PEER_AROUND:]
    answered = np.flatnonzero(is_peer & (pieces.ats == place.at + 1))[:_PEER_AROUND]
    rows = np.concatenate([said, own, answered])
    return rows, np.isin(rows, own)


def _mark_of(place: Place, turns: range) -> int:
    """What a place is marked as, seen from a stretch of `turns`."""
    if place.kind == "lift":
        return _LIFT
    if place.at in turns:
        return _ASK_WITHIN
    return _ASK_BEFORE if place.at < turns.start else _ASK_AFTER


def groups_of(places: Sequence[Place]) -> list[tuple[Place, ...]]:
    """As many neighbouring places together as one pass has room for."""
    ordered = sorted(places, key=lambda place: (place.at, place.start))
    n = -(-len(ordered) // _PLACES_AT_ONCE)
    each = -(-len(ordered) // n) if n else 0
    return [tuple(ordered[k * each : (k + 1) * each]) for k in range(n)]


def said_turns(
    turns: Sequence[DeidentifiedTurn], statements: Sequence[Statement]
) -> tuple[Said, ...]:
    parts: dict[int, list[tuple[int, int, int]]] = {}
    for position, statement in enumerate(statements):
        parts.setdefault(statement.turn, []).append((position, statement.start, statement.end))
    return tuple(
        Said(role=turn.role, text=turn.text, parts=tuple(parts.get(turn.number, ())))
        for turn in turns
    )


class RequestReader:
    def __init__(self, net: TagNet, tokenizer: Tokenizer) -> None:
        self._net = net
        self._tokenizer = tokenizer

    def read(
        self,
        turns: Sequence[DeidentifiedTurn],
        statements: Sequence[Statement],
        *,
        known: Sequence[Place] = (),
    ) -> RequestReading:
        """Find the places, with those already `known`, and judge every statement by them."""
        pieces = lay_out(said_turns(turns, statements), self._tokenizer)
        places = self._find(pieces, known)
        out = self._follow(pieces, places, len(statements))
        return RequestReading(places=tuple(places), out=out)

    def _run(self, stretches: Sequence[Stretch]) -> Iterator[tuple[Stretch, NDArray[np.float32]]]:
        from assistant.encoder_net import run_rows

        rows = run_rows(self._net, [(one.ids, one.marks) for one in stretches])
        yield from zip(stretches, rows, strict=True)

    def _find(self, pieces: Pieces, known: Sequence[Place]) -> list[Place]:
        from assistant.encoder_net import softmax

        shares = np.zeros((len(pieces.ids), N_PIECE_CLASSES), dtype=np.float32)
        for stretch, scores in self._run(list(cut_stretches(pieces))):
            own = np.flatnonzero(stretch.rows >= 0)
            shares[stretch.rows[own]] = softmax(scores[own][:, :N_PIECE_CLASSES])
        shares[pieces.roles != MARK_OF_ROLE["person"]] = 0
        places = list(known)
        taken = {(place.at, place.kind) for place in known}
        for kind, chances in zip(KINDS, shares[:, 1:].T, strict=True):
            for at in dict.fromkeys(pieces.ats[chances >= FOUND].tolist()):
                if (at, kind) not in taken:
                    inside = np.flatnonzero((pieces.ats == at) & (chances >= FOUND))
                    start, end = pieces.spans[inside[0]][0], pieces.spans[inside[-1]][1]
                    places.append(Place(at=at, start=int(start), end=int(end), kind=kind))
        return places

    def _follow(self, pieces: Pieces, places: Sequence[Place], n: int) -> NDArray[np.float32]:
        """How likely each statement stays out, by the group of places that says so most."""
        from assistant.encoder_net import softmax

        out = np.zeros(n, dtype=np.float32)
        if not places:
            return out
        for stretch, scores in self._run(list(cut_stretches(pieces, places))):
            rows = np.flatnonzero(stretch.rows >= 0)
            owners = pieces.owners[stretch.rows[rows]]
            for owner in np.unique(owners[owners >= 0]):
                mean = scores[rows[owners == owner], N_PIECE_CLASSES:].mean(axis=0)
                out[owner] = max(out[owner], softmax(mean)[1])
        return out


def load_request_reader(*, settings: Settings) -> RequestReader:
    """Load the encoder with what was learned. Raises `ModelUnavailable`."""
    return read_request_reader(
        locate_model("encoder", settings=settings), adapter=resource_path(ADAPTER)
    )


def read_request_reader(folder: Path, *, adapter: Path) -> RequestReader:
    """Load from files. Raises `ModelUnavailable` if they are missing, broken or do not fit."""
    from assistant.encoder_net import load_net, load_tokenizer

    net = load_net(folder, adapter, n_marks=N_MARKS, n_classes=N_CLASSES)
    return RequestReader(net, load_tokenizer(folder))
