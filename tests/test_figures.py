"""Governance figures: they give back what was built in, and no small group can be made out."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.decide.states import SessionState
from assistant.figures import (
    OUTCOME_OF,
    PAIRS,
    Cell,
    Figure,
    SessionFigures,
    worst_gap,
)
from assistant.figures import compute_figures as compute_of_people

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
AXES = ("gender", "origin", "dialect", "age")


def session(state="approved", *, facts=None, groups=None, with_ai=True, hours=None):
    return SessionFigures(
        session_id="s",
        state=state,
        with_ai=with_ai,
        groups=groups or {},
        facts=facts or {},
        verbs=(),
        handed_over_at=START,
        decided_at=None if hours is None else START + timedelta(hours=hours),
        withdrawn_at=None,
    )


def compute_figures(sessions, **options):
    """Each session of a test is another person's."""
    people = [replace(one, session_id=f"s{n}") for n, one in enumerate(sessions)]
    return compute_of_people(people, **options)


def figure(sessions, name, **options):
    return next(f for f in compute_figures(sessions, **options) if f.id == name)


def cell(figure, label):
    (found,) = (c for c in figure.cells if c.label == label)
    return found


def value(sessions, name, label="all"):
    return cell(figure(sessions, name), label).value


def is_shown(figure):
    return {c.label: not c.is_suppressed for c in figure.cells}


def people(counts, **options):
    """Sessions for a table such as {("woman", "A"): 12}: gender, origin, dialect in that order."""
    return [
        session(groups=dict(zip(AXES, said, strict=False)), facts={"statements": 0}, **options)
        for said, n in counts.items()
        for _ in range(n)
    ]


# ---------------------------------------------------------------- known truth


def test_every_state_a_session_can_be_in_has_an_outcome():
    assert set(OUTCOME_OF) == set(get_args(SessionState))


def test_counts_and_shares_of_outcomes_are_those_built_in():
    built = {
        "approved": 30, "amending": 10, "refused": 20, "service_record_only": 12,
        "handed_over": 13, "withdrawn": 15, "drafted": 25,
    }  # fmt: skip
    log = [session(state) for state, n in built.items() for _ in range(n)]
    counts = {c.label: (c.n, c.value) for c in figure(log, "sessions").cells}
    assert counts == {
        "all": (125, 125), "approved": (40, 40), "refused": (20, 20), "no note": (12, 12),
        "undecided": (13, 13), "withdrawn": (15, 15), "not yet shown": (25, 25),
    }  # fmt: skip
    mix = {c.label: c.value for c in figure(log, "approval_mix").cells}
    assert mix == {
        "all": 1.0, "approved": 0.4, "refused": 0.2, "no note": 0.12, "undecided": 0.13,
        "withdrawn": 0.15,
    }  # fmt: skip
    assert {c.n for c in figure(log, "approval_mix").cells} == {100}
    assert value(log, "refusal") == 0.2
    assert value(log, "withdrawal") == 0.15


def test_a_withdrawal_counts_from_the_moment_it_was_asked_for():
    asked = replace(session("released"), withdrawn_at=START)
    assert value([asked] * 12, "withdrawal") == 1.0


def test_an_unknown_state_is_refused():
    with pytest.raises(KeyError):
        compute_figures([session("lost")])


def test_a_share_carries_its_wilson_interval():
    log = [session("refused")] * 20 + [session()] * 80
    found = cell(figure(log, "refusal"), "all")
    # Newcombe 1998, Stat Med 17:857, formula 3, worked by hand for 20 of 100
    assert (found.low, found.high) == (
        pytest.approx(0.1334, abs=1e-4),
        pytest.approx(0.2888, abs=1e-4),
    )


@pytest.mark.parametrize(
    ("name", "hit", "miss"),
    [
        ("changed", session(facts={"changes": 2, "left_out": 0}), session(facts={"changes": 0})),
        ("changed", session(facts={"left_out": 1}), session(facts={"changes": 0, "left_out": 0})),
        ("disagreement", session(facts={"statements": 1}), session(facts={"statements": 0})),
        ("ai_off", session(with_ai=False), session()),
        ("refusal", session("refused"), session("service_record_only")),
        ("withdrawal", session("withdrawing"), session("released")),
        # 100 words take 30 s to read, 0.3 of that is 9 s
        ("rubber_stamp", session(facts={"words": 100, "viewed_s": 8.9, "changes": 0}),
         session(facts={"words": 100, "viewed_s": 9.1, "changes": 0})),
        ("last_word", session(facts={"changes": 1, "peer_edits": 3}),
         session(facts={"changes": 0, "left_out": 0, "peer_edits": 1})),
        ("refusal_honoured", session("refused", facts={"left_behind": 0}),
         session("refused", facts={"left_behind": 1})),
        ("withdrawal_honoured", session("withdrawn", facts={"left_behind": 0}),
         session("withdrawing", facts={"left_behind": 0})),
        ("without_evidence", session(facts={"sentences_approved": 4, "without_evidence": 4}),
         session(facts={"sentences_approved": 4, "without_evidence": 0})),
        ("quotes_exact", session(facts={"quotes": 1, "quotes_exact": 1}),
         session(facts={"quotes": 1, "quotes_exact": 0})),
        # an edit is a sign of having read it
        ("rubber_stamp", session(facts={"words": 100, "viewed_s": 1, "changes": 0}),
         session(facts={"words": 100, "viewed_s": 1, "changes": 0, "left_out": 1})),
    ],
)  # fmt: skip
def test_a_share_is_the_one_built_in(name, hit, miss):
    found = cell(figure([hit] * 12 + [miss] * 36, name), "all")
    assert (found.n, found.value) == (48, 0.25)
    assert found.low < 0.25 < found.high


@pytest.mark.parametrize(
    ("name", "outside"),
    [
        ("changed", session()),  # unknown is not unchanged
        ("changed", session(facts={"changes": math.nan})),
        ("disagreement", session()),
        ("ai_off", session("new", with_ai=False)),  # nothing chosen yet
        ("refusal", session("drafted")),  # no note was put before the person
        ("own_words", session("refused", facts={"own_words": 1.0})),
        ("own_words", session(facts={"own_words": math.inf})),
        ("edit_distance", session("handed_over", facts={"edit_distance": 1.0})),
        ("flags_changed", session(facts={"flags_shown": 0, "flags_changed": 0})),
        ("rubber_stamp", session("refused", facts={"words": 9, "viewed_s": 0, "changes": 0})),
        ("rubber_stamp", session(facts={"words": 0, "viewed_s": 0, "changes": 0})),
        ("rubber_stamp", session(facts={"words": 9, "viewed_s": 0})),  # edits unknown
        ("last_word", session(facts={"changes": 0, "peer_edits": 0})),  # nobody changed it
        ("last_word", session(facts={"changes": 1})),  # of peers nothing is known
        ("quotes_exact", session(facts={"quotes": 0, "quotes_exact": 0})),
        ("scope_added", session(facts={"scope_handed_over": 1})),  # nothing was drafted
        ("hours_to_decision", session(hours=-1)),  # a clock was put back
        ("hours_to_decision", session("handed_over")),
    ],
)
def test_a_session_a_figure_does_not_speak_of_stays_out(name, outside):
    facts = {
        "changes": 0, "statements": 0, "own_words": 0.5, "edit_distance": 0.5, "flags_shown": 2,
        "flags_changed": 1, "words": 100, "viewed_s": 60, "peer_edits": 1, "quotes": 1,
        "quotes_exact": 1, "scope_draft": 1, "scope_handed_over": 0,
    }  # fmt: skip
    inside = [session(facts=facts, hours=2)] * 12
    assert figure(inside + [outside] * 12, name) == figure(inside, name)
    assert cell(figure(inside, name), "all").n == 12


def test_flag_shares_are_of_flags_and_rest_on_sessions():
    many = session(facts={"flags_shown": 8, "flags_changed": 2, "flags_kept": 5})
    few = session(facts={"flags_shown": 2, "flags_changed": 2, "flags_kept": 0})
    log = [many] * 10 + [few] * 10
    assert value(log, "flags_changed") == 0.4
    assert value(log, "flags_kept") == 0.5
    assert cell(figure(log, "flags_changed"), "all").n == 20


def test_clinical_wording_taken_out_of_one_note_hides_none_that_came_into_another():
    log = [session(facts={"scope_draft": 2, "scope_handed_over": n}) for n in [0, 4] * 12]
    assert value(log, "scope_added") == 1.0


def test_means_and_medians_are_those_built_in_and_lie_in_their_interval():
    log = [
        session(facts={"own_words": n / 20, "edit_distance": 0.1, "withdraw_s": n}, hours=n * n)
        for n in range(21)
    ]
    for name, expected in (
        ("own_words", 0.5), ("edit_distance", 0.1), ("hours_to_decision", 100),
        ("withdrawal_seconds", 10),
    ):  # fmt: skip
        found = cell(figure(log, name), "all")
        assert found.value == pytest.approx(expected)
        assert found.low <= found.value <= found.high
    spread = cell(figure(log, "own_words"), "all")
    # mean 0.5, standard error 0.303 / sqrt(21) = 0.066
    assert spread.low == pytest.approx(0.5 - 1.96 * 0.066, abs=0.02)
    assert spread.high == pytest.approx(0.5 + 1.96 * 0.066, abs=0.02)


def test_the_same_log_gives_the_same_figures():
    log = [session(facts={"own_words": n / 40}, hours=n) for n in range(40)]
    assert compute_figures(log) == compute_figures(log)


# ---------------------------------------------------------------- groups


def test_an_intersection_shows_a_gap_that_both_averages_hide():
    refused = {("woman", "X"): 20, ("woman", "Y"): 0, ("man", "X"): 0, ("man", "Y"): 20}
    log = [
        session("refused" if n < n_refused else "approved", groups={"gender": who, "origin": where})
        for (who, where), n_refused in refused.items()
        for n in range(20)
    ]
    found = figure(log, "refusal")
    assert [c.label for c in found.cells] == [
        "all", "man", "woman", "X", "Y", "man, X", "man, Y", "woman, X", "woman, Y",
    ]  # fmt: skip
    assert [c.value for c in found.cells] == [0.5] * 5 + [0, 1, 1, 0]
    assert worst_gap(found) == ("man, Y", "woman, Y", 1.0)


def test_whoever_said_nothing_is_a_cell_of_their_own():
    log = people({("woman", "A", "Spanish English"): 12, (): 13, ("man", "A", "Tagalog"): 14})
    found = figure(log, "disagreement")
    assert [(c.label, c.is_suppressed) for c in found.cells] == [
        (label, False)
        for label in (
            "all", "man", "woman", "not said (gender)", "A", "not said (origin)",
            "Spanish English", "Tagalog", "not said (dialect)",
            "man, A", "woman, A", "not said (gender), not said (origin)",
            "man, Tagalog", "woman, Spanish English", "not said (gender), not said (dialect)",
            "A, Spanish English", "A, Tagalog", "not said (origin), not said (dialect)",
        )
    ]  # fmt: skip


def test_a_value_that_two_axes_share_names_its_axis():
    log = people({("other", "other"): 12, ("woman", "A"): 12})
    labels = [c.label for c in figure(log, "disagreement").cells]
    assert {"other (gender)", "other (origin)", "other (gender), other (origin)"} <= set(labels)
    assert len(labels) == len(set(labels))


def test_only_the_axes_asked_for_are_broken_down():
    log = people({("woman", "A", "D"): 12, ("man", "B", "E"): 12})
    labels = {c.label for c in figure(log, "disagreement", axes=("dialect",)).cells}
    assert labels == {"all", "D", "E"}


def made(*values):
    cells = [
        Cell(label=str(n), n=20, value=v, low=None, high=None, is_suppressed=v is None)
        for n, v in enumerate(values)
    ]
    return Figure(id="f", title="f", explanation="f", unit="share", cells=tuple(cells))


@pytest.mark.parametrize(
    ("values", "gap"),
    [
        ((0.9, 0.2, 0.7, 0.5), ("2", "1", 0.5)),  # "all" does not count
        ((0.5, 0.2, None), None),
        ((0.5,), None),
        ((0.5, 0.5, 0.5), ("1", "2", 0.0)),
    ],
)
def test_worst_gap_is_between_the_shown_groups_furthest_apart(values, gap):
    assert worst_gap(made(*values)) == (gap if gap is None else (*gap[:2], pytest.approx(gap[2])))


# ---------------------------------------------------------------- small cells


def test_without_sessions_every_cell_is_suppressed():
    for found in compute_figures([]):
        assert found.cells[0].label == "all"
        for c in found.cells:
            assert (c.n, c.value, c.low, c.high, c.is_suppressed) == (0, None, None, None, True)
        assert worst_gap(found) is None


def test_ten_sessions_show_nothing_and_eleven_do():
    ten = people({("woman", "A"): 10})
    assert all(c.is_suppressed for f in compute_figures(ten) for c in f.cells)
    eleven = people({("woman", "A"): 11})
    assert cell(figure(eleven, "disagreement"), "all").n == 11


@pytest.mark.parametrize(
    ("counts", "hidden"),
    [
        ({"a": 10, "b": 20, "c": 30}, {"a", "b"}),  # else a = all - b - c
        ({"a": 4, "b": 5, "c": 30, "d": 40}, {"a", "b", "c"}),  # else nine people are made out
        ({"a": 6, "b": 7, "c": 30}, {"a", "b"}),  # thirteen people together are enough
        ({"a": 11, "b": 12}, set()),
        ({"a": 3, "": 40}, {"a", "not said (gender)"}),  # not having said counts as a cell
    ],
)
def test_a_small_cell_takes_others_along_until_no_subtraction_finds_it(counts, hidden):
    found = figure(people({(said,): n for said, n in counts.items()}), "disagreement")
    assert {label for label, shown in is_shown(found).items() if not shown} == hidden
    assert all(c.n == 0 for c in found.cells if c.is_suppressed)


def test_a_single_small_outcome_takes_the_next_smallest_along():
    log = [session()] * 40 + [session("refused")] * 3 + [session("handed_over")] * 20
    found = is_shown(figure(log, "sessions"))
    assert {label for label, shown in found.items() if shown} == {"all", "approved"}


def test_a_hidden_margin_cannot_be_added_up_from_its_intersections():
    counts = {("woman", "A"): 15, ("woman", "B"): 15, ("man", "A"): 5, ("man", "B"): 4}
    found = is_shown(figure(people(counts), "disagreement"))
    assert not found["man"]
    assert not found["woman"]
    assert not (found["woman, A"] and found["woman, B"])


def test_outcomes_that_never_happened_hide_no_others():
    found = is_shown(figure([session()] * 20, "sessions"))
    assert {label for label, shown in found.items() if shown} == {"all", "approved"}


def exposed(sessions, found):
    """Small cells an outsider can work out: solved exactly, by the rank of all their sums."""
    groups = [(), *((axis,) for axis in AXES), *PAIRS]
    sizes = Counter(
        tuple((a, s.groups.get(a, "")) for a in group) for s in sessions for group in groups
    )
    shown = {
        key
        for key in sizes
        if is_shown(found).get(", ".join(v or f"not said ({a})" for a, v in key) or "all")
    }
    unknown = [key for key in sizes if key not in shown]
    sums = []
    for total, axis in itertools.product(sizes, AXES):
        parts = [k for k in sizes if len(k) == len(total) + 1 and set(total) < set(k)]
        parts = [k for k in parts if axis in dict(k) and axis not in dict(total)]
        if parts:
            sums.append([float(k in parts) - float(k == total) for k in unknown])
    small = [n for n, key in enumerate(unknown) if sizes[key] < 11]
    if not sums or not unknown:
        return []
    rank = np.linalg.matrix_rank(np.array(sums))
    rows = np.eye(len(unknown))
    return [unknown[n] for n in small if np.linalg.matrix_rank(np.vstack([sums, rows[n]])) == rank]


def test_a_cell_that_only_several_sums_together_give_away_is_safe():
    # Every row and column hides two or three cells; rows 0, 1 less columns 0, 1 leave (1, 2).
    blocks = {(r, c): 6 for r in range(4) for c in range(4) if (r < 2) == (c < 2)}
    counts = dict.fromkeys(itertools.product(range(4), range(4)), 12) | blocks | {(1, 2): 5}
    log = people({(f"g{r}", f"o{c}"): n for (r, c), n in counts.items()})
    found = figure(log, "disagreement")
    hidden = {c.label for c in found.cells if c.is_suppressed}
    assert {f"g{r}, o{c}" for r, c in blocks} | {"g1, o2"} < hidden
    assert exposed(log, found) == []


VALUES = {"gender": "gh", "origin": "opq", "dialect": "de", "age": "y"}
GROUPS = st.fixed_dictionaries({}, optional={a: st.sampled_from(v) for a, v in VALUES.items()})
FACTS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("own_words", "edit_distance"), st.floats(0, 1)),
        **dict.fromkeys(
            ("flags_shown", "flags_changed", "flags_kept", "changes", "left_out", "statements"),
            st.integers(0, 5),
        ),
        **dict.fromkeys(("words", "viewed_s", "withdraw_s"), st.floats(0, 1e6) | st.just(math.nan)),
    },
)
KINDS = st.builds(
    session,
    st.sampled_from(get_args(SessionState)),
    facts=FACTS,
    groups=GROUPS,
    with_ai=st.booleans(),
    hours=st.none() | st.floats(0, 1000),
)
LOGS = st.lists(st.tuples(KINDS, st.integers(1, 30)), max_size=8).map(
    lambda kinds: [s for s, n in kinds for _ in range(n)]
)


@given(log=LOGS)
def test_no_shown_cell_is_small_and_every_value_is_in_range(log):
    for found in compute_figures(log):
        assert len({c.label for c in found.cells}) == len(found.cells)
        for c in found.cells:
            if c.is_suppressed:
                assert (c.n, c.value, c.low, c.high) == (0, None, None, None)
                continue
            assert c.n >= 11
            assert 0 <= c.value <= (1 if found.unit == "share" else math.inf)
            if c.low is not None:
                assert 0 <= c.low <= c.value <= c.high
                assert c.high <= (1 if found.unit == "share" else math.inf)


@given(
    counts=st.dictionaries(
        st.tuples(
            st.sampled_from(["g0", "g1", "g2", ""]),
            st.sampled_from(["o0", "o1", "o2", ""]),
            st.sampled_from(["d0", "d1", ""]),
        ),
        st.integers(1, 25),
        max_size=14,
    )
)
def test_no_small_cell_can_be_worked_out_from_the_shown_ones(counts):
    log = people(counts)
    assert exposed(log, figure(log, "disagreement")) == []


def test_one_person_met_often_does_not_fill_a_cell() -> None:
    often = [
        SessionFigures(
            session_id=f"session-{n}", person_id=f"person-{n % 10}", state="approved", with_ai=True,
            groups={}, facts={"changes": 1.0, "left_out": 0.0}, verbs=("approve",),
            handed_over_at=None, decided_at=None, withdrawn_at=None,
        )
        for n in range(40)
    ]  # fmt: skip
    assert all(cell.is_suppressed for figure in compute_of_people(often) for cell in figure.cells)
