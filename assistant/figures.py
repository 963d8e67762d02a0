"""Governance figures from counts, times and decisions: who could decide, and who could less.

No text comes in and none goes out; nothing here ranks peers. A cell rests on at least `min_cell`
people or is not shown, and no small cell can be computed from those that are shown together with
it (evaluation.md sections 6 and 8). Counts are held to the limit themselves; a share is held to the
number of sessions it is a share of, so a rare outcome does show as a share.

A cell needs that many people, not only that many sessions. Not covered: each figure is protected on
its own, so the difference between two figures or two reports can be a small number.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Unit = Literal["share", "hours", "seconds", "count", "per_note"]
_Key = tuple[tuple[str, str], ...]  # (), ((axis, value),) or two such pairs; value "" is not said
_Kind = Literal["share", "mean", "median"]
_Row = tuple[float, float]  # an amount, and what it is out of

PAIRS = (("gender", "origin"), ("gender", "dialect"), ("origin", "dialect"))
READING_WORDS_PER_MIN = 200  # evaluation.md section 4, pace ratio
RUBBER_STAMP_PACE = 0.3  # evaluation.md section 4: "share < 0.3 with zero edits"
N_DRAWS = 1000
_UNSEEN = "not yet shown"
_STATES = {
    "approved": ("approved", "released", "amending", "amended"),  # the approved text stands
    "refused": ("refused",),
    "no note": ("service_record_only",),  # chosen, or left undecided past the agency's limit
    "undecided": ("handed_over",),
    "withdrawn": ("withdrawing", "withdrawn"),
    _UNSEEN: ("new", "transcribed", "drafted"),
}
OUTCOME_OF = {state: outcome for outcome, states in _STATES.items() for state in states}


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFigures:
    """What one session adds. `groups` only with the person's yes to evaluation, else empty.

    `facts`, all optional: sentences, words, own_words (0..1), own_words_draft (0..1), flags_shown,
    flags_changed, flags_kept (with and without a reason), flags_kept_with_reason, peer_edits,
    changes, left_out, statements, viewed_s, edit_distance (0..1), sentences_approved,
    without_evidence, quotes, quotes_exact, scope_draft and scope_handed_over (flags about wording
    outside the peer's role), left_behind (readable words and standing copies of a session that
    ended without any), withdraw_s. A fact that is missing or not a finite number is unknown, not
    zero: the session stays out of the figures that need it.
    """

    session_id: str
    state: str
    with_ai: bool
    groups: Mapping[str, str]
    facts: Mapping[str, float]
    verbs: tuple[str, ...]
    handed_over_at: datetime | None
    decided_at: datetime | None
    withdrawn_at: datetime | None
    person_id: str = ""  # cells are held to so many people; empty: the session stands for one

    @property
    def person(self) -> str:
        return self.person_id or self.session_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One value over `n` sessions with its 95 % interval; suppressed: `n` is 0, the rest None."""

    label: str
    n: int
    value: float | None
    low: float | None
    high: float | None
    is_suppressed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measure; the first cell is "all"."""

    id: str
    title: str
    explanation: str
    unit: Unit
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class _Measure:
    id: str
    title: str
    read: Callable[[SessionFigures], _Row | None]  # None: the session is not in the figure
    explanation: str
    kind: _Kind = "share"
    unit: Unit = "share"


def compute_figures(
    sessions: Sequence[SessionFigures],
    *,
    axes: Sequence[str] = ("gender", "origin", "dialect", "age"),
    min_cell: int = 11,
) -> tuple[Figure, ...]:
    """Return every figure; all but the first two also by axis and for the `PAIRS` of axes.

    An axis on which nobody said anything is left out; otherwise whoever said nothing is the cell
    "not said (axis)". A value that occurs on two axes carries its axis in brackets. Without
    sessions every cell is suppressed. Shares carry Wilson intervals (Wilson 1927, JASA 22:209);
    means and medians a percentile bootstrap over sessions, 1000 draws, seed 0.
    Raises `KeyError` for an unknown session state.
    """
    values = {(axis, said) for axis in axes for s in sessions if (said := _said(s, axis))}
    used = tuple(axis for axis in dict.fromkeys(axes) if axis in {a for a, _ in values})
    n_axes = Counter(value for _, value in values)
    names = {(a, v): f"{v} ({a})" if n_axes[v] > 1 else v for a, v in values}
    names |= {(axis, ""): f"not said ({axis})" for axis in used}
    return (
        _count_outcomes(sessions, min_cell),
        _mix_outcomes(sessions, min_cell),
        *(_break_down(measure, sessions, used, names, min_cell) for measure in _MEASURES),
    )


def worst_gap(figure: Figure) -> tuple[str, str, float] | None:
    """Return (highest cell, lowest cell, difference) among the shown cells other than "all".

    Best value 0. None with fewer than two such cells. Max-min gap: evaluation.md section 6. The
    intervals of the two cells say whether the gap could be chance; this does not.
    """
    shown = [(c.value, c.label) for c in figure.cells[1:] if c.value is not None]
    if len(shown) < 2:
        return None
    high = max(shown, key=lambda cell: cell[0])
    low = min(reversed(shown), key=lambda cell: cell[0])  # another cell, even when all are equal
    return high[1], low[1], high[0] - low[0]


# ---------------------------------------------------------------- what a session says


def _outcome(session: SessionFigures) -> str:
    return "withdrawn" if session.withdrawn_at is not None else OUTCOME_OF[session.state]


def _said(session: SessionFigures, axis: str) -> str:
    return session.groups.get(axis, "").strip()


def _fact(session: SessionFigures, name: str) -> float | None:
    value = session.facts.get(name)
    return float(value) if value is not None and math.isfinite(value) else None


def _edits(session: SessionFigures) -> float | None:
    known = [n for name in ("changes", "left_out") if (n := _fact(session, name)) is not None]
    return sum(known) if known else None


def _ended_as(outcome: str) -> Callable[[SessionFigures], _Row | None]:
    """Sessions that ended as `outcome` / sessions with an outcome, waiting for the person included.

    Approval mix, evaluation.md section 4. No best value: refusing and withdrawing are rights.
    """

    def read(s: SessionFigures) -> _Row | None:
        return None if _outcome(s) == _UNSEEN else (float(_outcome(s) == outcome), 1.0)

    return read


def _in_approved(name: str) -> Callable[[SessionFigures], _Row | None]:
    """A fact of the notes that stand approved, e.g. own_words, edit_distance (evaluation.md s. 4).

    Own words: tokens inside spans matching the person's turns / all tokens, best value 1. Edit
    distance: Levenshtein on word tokens / longer text; 0 is a good draft or a rubber stamp.
    """

    def read(s: SessionFigures) -> _Row | None:
        value = _fact(s, name)
        return None if value is None or _outcome(s) != "approved" else (value, 1.0)

    return read


def _part_of(
    part: str, whole: str, *, in_approved: bool = False
) -> Callable[[SessionFigures], _Row | None]:
    """`part` / `whole`, two counts of a session, over sessions with any of the whole.

    The interval counts each session once, as if all its counts were one answer: wide on purpose.
    """

    def read(s: SessionFigures) -> _Row | None:
        n, out_of = _fact(s, part), _fact(s, whole)
        if n is None or not out_of or (in_approved and _outcome(s) != "approved"):
            return None
        return min(n, out_of), out_of

    return read


def _changed(s: SessionFigures) -> _Row | None:
    """Notes in which the person changed or left out anything / notes where that is known."""
    edits = _edits(s)
    return None if edits is None else (float(edits > 0), 1.0)


def _disagreed(s: SessionFigures) -> _Row | None:
    """Notes with a statement by the person / notes where that is known (amendment rate, s. 4)."""
    statements = _fact(s, "statements")
    return None if statements is None else (float(statements > 0), 1.0)


def _ai_off(s: SessionFigures) -> _Row | None:
    """Sessions without AI / sessions begun; "a right, not a defect" (evaluation.md section 4)."""
    return None if s.state == "new" else (float(not s.with_ai), 1.0)


def _hours(s: SessionFigures) -> _Row | None:
    """Hours from handing over to the decision; undecided notes and backward clocks stay out."""
    if s.handed_over_at is None or s.decided_at is None or s.decided_at < s.handed_over_at:
        return None
    return (s.decided_at - s.handed_over_at).total_seconds() / 3600, 1.0


def _rubber_stamp(s: SessionFigures) -> _Row | None:
    """Approved with no edits and pace ratio < 0.3 / approved notes where all of it is known.

    Pace ratio: seconds viewed / (words / 200 * 60). Best value 0; evaluation.md section 4, to be
    read in aggregate. For comparison, one pilot signed about 15 % of AI notes untouched
    (medinform.jmir.org/2026/1/e86474).
    """
    words, viewed_s, edits = _fact(s, "words"), _fact(s, "viewed_s"), _edits(s)
    if _outcome(s) != "approved" or not words or viewed_s is None or edits is None:
        return None
    reading_s = words / READING_WORDS_PER_MIN * 60
    return float(edits == 0 and viewed_s < RUBBER_STAMP_PACE * reading_s), 1.0


def _last_word(s: SessionFigures) -> _Row | None:
    """Notes the person changed / drafted notes that they or the peer changed.

    Not of notes written by hand, where every sentence is the peer's and the person's together.
    Nobody changes a note after the person, so theirs was the last word. No best value; "power
    balance", evaluation.md section 4.
    """
    by_person, by_peer = _edits(s), _fact(s, "peer_edits")
    if not s.with_ai or by_person is None or by_peer is None or by_person + by_peer == 0:
        return None
    return float(by_person > 0), 1.0


def _scope_added(s: SessionFigures) -> _Row | None:
    """Wordings outside the peer's role that came in between draft and handing over; 0 is good.

    Re-clinicalising, evaluation.md section 4, of approved notes; what was taken out in one note
    does not weigh against what came into another. What the person changes later is their own
    wording. Without a draft there is nothing to compare.
    """
    drafted, handed_over = _fact(s, "scope_draft"), _fact(s, "scope_handed_over")
    if _outcome(s) != "approved" or drafted is None or handed_over is None:
        return None
    return max(handed_over - drafted, 0.0), 1.0


def _honoured(outcome: str) -> Callable[[SessionFigures], _Row | None]:
    """Sessions that ended so, with nothing readable left / sessions that ended so; must be 1.

    A withdrawal that is asked for and not yet complete is not honoured (evaluation.md section 4).
    """

    def read(s: SessionFigures) -> _Row | None:
        left = _fact(s, "left_behind")
        if _outcome(s) != outcome or left is None:
            return None
        return float(left == 0 and s.state != "withdrawing"), 1.0

    return read


def _withdraw_seconds(s: SessionFigures) -> _Row | None:
    """Seconds a withdrawal took; lower is better, evaluation.md section 4: at most 60 locally."""
    seconds = _fact(s, "withdraw_s")
    return None if seconds is None else (seconds, 1.0)


# fmt: off
_SESSIONS = Figure(
    id="sessions", title="Sessions", unit="count", cells=(),
    explanation="How many sessions there were and how they stand; small counts are not shown.",
)
_MIX = Figure(
    id="approval_mix", title="What people decided", unit="share", cells=(),
    explanation="How the sessions with an outcome divide; if every note is approved, ask whether "
    "people could say no.",
)
_MEASURES = (
    _Measure("changed", "Notes the person changed", _changed,
             "Of the notes people saw, the share in which they changed or left out something; "
             "close to none can mean that changing is hard."),
    _Measure("refusal", "Notes the person refused", _ended_as("refused"),
             "Of the sessions with an outcome, the share refused; refusing is a right, and none at "
             "all raises the question whether people could say no."),
    _Measure("withdrawal", "Sessions withdrawn", _ended_as("withdrawn"),
             "Of the sessions with an outcome, the share the person took back; withdrawing is a "
             "right, and a rise is a reason to ask people why."),
    _Measure("disagreement", "Notes with a disagreement", _disagreed,
             "Of the notes people saw, the share that carries a statement in which the person "
             "disagrees; none at all can mean that nobody knows the way."),
    _Measure("ai_off", "Sessions without AI", _ai_off,
             "Of the sessions begun, the share without AI drafting; choosing that is a right, and "
             "a group far from the others is a reason to ask."),
    _Measure("hours_to_decision", "Hours until the person decided", _hours,
             "Half of the decided notes were decided within this many hours; notes still waiting "
             "are not counted, and faster is not better.", "median", "hours"),
    _Measure("own_words", "The person's own words in approved notes", _in_approved("own_words"),
             "The mean share of an approved note that repeats what the person said word for word; "
             "lower means that more of it is someone else's wording.", "mean"),
    _Measure("flags_changed", "Flagged wording that was changed",
             _part_of("flags_changed", "flags_shown"),
             "Of the wording flagged, the share that was changed; a low share is a reason to look "
             "at the rules as much as at the notes."),
    _Measure("flags_kept", "Flagged wording that was kept", _part_of("flags_kept", "flags_shown"),
             "Of the wording flagged, the share kept as it was, with or without a reason; a high "
             "share is a reason to look at the rules."),
    _Measure("rubber_stamp", "Approved with hardly a look", _rubber_stamp,
             "Of the approved notes, the share with no edit and open for less than 0.3 of the time "
             "that reading takes; a high share means that approval may be a formality."),
    _Measure("edit_distance", "How far notes moved from the draft", _in_approved("edit_distance"),
             "The mean share of words that differ between draft and approved note; close to zero "
             "can mean a fitting draft or a note that nobody read.", "mean"),
    _Measure("withdrawal_seconds", "Seconds a withdrawal took", _withdraw_seconds,
             "Half of the withdrawals were complete within this many seconds; more than sixty on "
             "one's own machine is a reason to look for the cause.", "median", "seconds"),
    _Measure("refusal_honoured", "Refused notes that are gone", _honoured("refused"),
             "Of the notes people refused, the share of which no word and no copy is left here; "
             "anything under all of them must be looked into at once."),
    _Measure("withdrawal_honoured", "Withdrawn notes that are gone", _honoured("withdrawn"),
             "Of the sessions people took back, the share of which no word and no copy is left "
             "here; anything under all of them must be looked into at once."),
    _Measure("last_word", "Changed notes in which the person had the last word", _last_word,
             "Of the notes that anybody changed after the draft, the share that the person changed "
             "too; a low share can mean that only peers change notes."),
    _Measure("without_evidence", "Sentences that cite nothing said",
             _part_of("without_evidence", "sentences_approved", in_approved=True),
             "Of the sentences of approved notes, the share that rests on no turn of the session; "
             "a drafted sentence always cites one, so these were typed."),
    _Measure("quotes_exact", "Quotations that are exact",
             _part_of("quotes_exact", "quotes", in_approved=True),
             "Of the quotations in approved notes, the share said so word for word; less than all "
             "of them means that a note puts words into somebody's mouth."),
    _Measure("scope_added", "Clinical wording added after the draft", _scope_added,
             "The mean number of wordings outside the peer's role that came into an approved note "
             "between its draft and the handing over; above zero means that notes are made "
             "clinical by hand.", "mean",
             "per_note"),
)
# fmt: on


# ---------------------------------------------------------------- figures


def _count_outcomes(sessions: Sequence[SessionFigures], min_cell: int) -> Figure:
    """Count sessions by outcome. No best value; without sessions every cell is suppressed."""
    found: dict[str, list[SessionFigures]] = {name: [] for name in _STATES}
    for session in sessions:
        found[_outcome(session)].append(session)
    counts: dict[_Key, int] = {(): len(sessions)}
    counts |= {(("outcome", name),): len(found[name]) for name in _STATES}
    sizes: dict[_Key, int] = {(): len({s.person for s in sessions})}
    sizes |= {(("outcome", n),): len({s.person for s in found[n]}) for n in _STATES}
    hidden = _hidden_cells(sizes, min_cell)
    cells = (
        _hidden_cell(label) if key in hidden else _shown_cell(label, n, float(n))
        for label, (key, n) in zip(("all", *_STATES), counts.items(), strict=True)
    )
    return replace(_SESSIONS, cells=tuple(cells))


def _mix_outcomes(sessions: Sequence[SessionFigures], min_cell: int) -> Figure:
    """Shares of the outcomes; `n` is the number of sessions with an outcome.

    Approval mix, evaluation.md section 4: "100% approve is a warning, not success". Without
    sessions every cell is suppressed.
    """
    found = Counter(outcome for s in sessions if (outcome := _outcome(s)) != _UNSEEN)
    n, names = found.total(), [name for name in _STATES if name != _UNSEEN]
    n_people = len({s.person for s in sessions if _outcome(s) != _UNSEEN})
    if n_people < max(min_cell, 1):
        return replace(_MIX, cells=tuple(_hidden_cell(label) for label in ("all", *names)))
    shown = [_shown_cell(name, n, found[name] / n, *_wilson(found[name] / n, n)) for name in names]
    return replace(_MIX, cells=(_shown_cell("all", n, 1.0), *shown))


def _break_down(
    measure: _Measure,
    sessions: Sequence[SessionFigures],
    axes: tuple[str, ...],
    names: Mapping[tuple[str, str], str],
    min_cell: int,
) -> Figure:
    pairs = [pair for pair in PAIRS if set(pair) <= set(axes)]
    rows: dict[_Key, list[_Row]] = {(): []}
    people: dict[_Key, set[str]] = {(): set()}
    for session in sessions:
        if (row := measure.read(session)) is None:
            continue
        for group in ((), *((axis,) for axis in axes), *pairs):
            cell = tuple((a, _said(session, a)) for a in group)
            rows.setdefault(cell, []).append(row)
            people.setdefault(cell, set()).add(session.person)
    hidden = _hidden_cells({key: len(found) for key, found in people.items()}, min_cell)

    def place(key: _Key) -> tuple[int, list[int], list[tuple[bool, str]]]:
        return len(key), [axes.index(a) for a, _ in key], [(not v, v) for _, v in key]

    cells = []
    for key in sorted(rows, key=place):
        label = ", ".join(names[part] for part in key) or "all"
        shown = () if key in hidden else _estimate(measure.kind, rows[key])
        cells.append(_shown_cell(label, len(rows[key]), *shown) if shown else _hidden_cell(label))
    return Figure(
        id=measure.id,
        title=measure.title,
        explanation=measure.explanation,
        unit=measure.unit,
        cells=tuple(cells),
    )


def _hidden_cell(label: str) -> Cell:
    return Cell(label=label, n=0, value=None, low=None, high=None, is_suppressed=True)


def _shown_cell(
    label: str, n: int, value: float, low: float | None = None, high: float | None = None
) -> Cell:
    return Cell(label=label, n=n, value=value, low=low, high=high, is_suppressed=False)


# ---------------------------------------------------------------- small cells


def _hidden_cells(sizes: Mapping[_Key, int], min_cell: int) -> set[_Key]:
    """Return the cells below `min_cell` (and below 1), and those hidden so that they stay unknown.

    The smallest shown cell goes first, as long as `_exposing_cells` finds anything.
    """
    limit = max(min_cell, 1)
    sums: dict[tuple[_Key, str], list[_Key]] = defaultdict(list)  # a cell is the sum of its parts
    for key in sizes:
        for part in key:
            sums[tuple(other for other in key if other != part), part[0]].append(key)
    hidden = {key for key, n in sizes.items() if n < limit}
    tables = [(total, parts) for (total, _), parts in sums.items()]
    while exposing := _exposing_cells(sizes, tables, hidden, limit):
        hidden.add(min(exposing, key=lambda key: (sizes[key], -len(key), key)))
    return hidden


def _exposing_cells(
    sizes: Mapping[_Key, int],
    tables: Sequence[tuple[_Key, list[_Key]]],
    hidden: set[_Key],
    limit: int,
) -> list[_Key]:
    """Return shown cells of which one must go, or nothing when every small cell is safe.

    1. Hidden cells that are few together are given away by the others and their sum.
    2. Several sums together can fix a cell: it is fixed when it is 0 in every solution of the
       homogeneous system (null space by SVD).
    """
    for total, parts in tables:
        n_away = sum(sizes[key] for key in parts if key in hidden)
        if total not in hidden and 0 < n_away < limit:
            return [key for key in parts if key not in hidden]
    unknown = sorted(hidden)
    touched = [t for t in tables if not hidden.isdisjoint((t[0], *t[1]))]
    if not touched:
        return []
    signs = [[float(k in parts) - float(k == total) for k in unknown] for total, parts in touched]
    _, weights, basis = np.linalg.svd(np.array(signs), full_matrices=True)
    freedom = np.abs(basis[int((weights > 1e-9).sum()) :]).max(axis=0, initial=0.0)
    fixed = {
        key
        for key, free in zip(unknown, freedom, strict=True)
        if free < 1e-9 and 0 < sizes[key] < limit
    }
    near = [(total, *parts) for total, parts in touched if not fixed.isdisjoint((total, *parts))]
    shown = [key for keys in near for key in keys if key not in hidden]
    return shown or [key for key in sizes if fixed and key not in hidden]


# ---------------------------------------------------------------- estimates


def _estimate(kind: _Kind, rows: Sequence[_Row]) -> tuple[float, float, float]:
    table = np.array(rows, dtype=np.float64)
    if kind == "share":
        share = float(table[:, 0].sum() / table[:, 1].sum())
        return share, *_wilson(share, len(rows))
    return _bootstrap(table[:, 0], np.median if kind == "median" else np.mean)


def _wilson(share: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def _bootstrap(
    values: NDArray[np.float64], statistic: Callable[..., NDArray[np.float64]]
) -> tuple[float, float, float]:
    """Return the statistic and its percentile interval; never narrower than the value itself."""
    rng, n = np.random.default_rng(0), len(values)
    n_block = max(1, 1_000_000 // n)  # draws held in memory at a time
    blocks = [min(n_block, N_DRAWS - start) for start in range(0, N_DRAWS, n_block)]
    draws = [statistic(values[rng.integers(0, n, (block, n))], axis=1) for block in blocks]
    low, high = np.percentile(np.concatenate(draws), [2.5, 97.5])
    value = float(statistic(values))
    return value, min(float(low), value), max(float(high), value)
