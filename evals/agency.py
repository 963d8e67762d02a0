"""The figures about who could decide, on simulated logs of which the truth is known.

    python -m evals.agency

A log of decisions is made up by chance from a seed, with a truth for every figure of
`assistant.figures` that is counted here a second time, in another way, from what was planted. A
figure is *as planted* if it says the same. Then faults are planted in the log (a group that refuses
less, notes approved unread, withdrawals that take minutes or leave words behind, loose quotations,
refusals that were lost) and a fault is *seen* if the figure that should show it moves past its
limit, with every other log as it was.

What it cannot tell: whether people felt free to say no. That is asked, not computed.
"""

from __future__ import annotations

import random
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from assistant.figures import Figure as Measured
from assistant.figures import SessionFigures, compute_figures, worst_gap
from evals.figure import Figure, print_figures, share

SEED, N_SESSIONS = 26, 600
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
GENDERS, DIALECTS = ("woman", "man"), ("one", "another")


def simulate(rng: random.Random, n: int = N_SESSIONS) -> list[SessionFigures]:
    """Make up `n` sessions, each of another person."""
    return [_simulate_one(rng, number) for number in range(n)]


def _simulate_one(rng: random.Random, number: int) -> SessionFigures:
    state = rng.choices(
        ["approved", "released", "refused", "handed_over", "withdrawn", "service_record_only"],
        [30, 30, 15, 10, 8, 7],
    )[0]
    words = rng.randint(60, 280)
    changes, left_out = rng.choice([0, 0, 1, 2]), rng.choice([0, 0, 0, 1])
    shown = rng.choice([0, 0, 1, 2, 4])
    changed = rng.randint(0, shown)
    handed = START + timedelta(hours=number)
    decided = None
    if state != "handed_over":
        decided = handed + timedelta(minutes=rng.randint(2, 6_000))
    withdrawn = decided + timedelta(days=3) if decided and state == "withdrawn" else None
    facts = {
        "words": words, "sentences": words // 14, "own_words": rng.uniform(0.6, 1.0),
        "edit_distance": rng.uniform(0, 0.3), "changes": changes, "left_out": left_out,
        "flags_shown": shown, "flags_changed": changed, "flags_kept": shown - changed,
        "viewed_s": words / 200 * 60 * rng.choice([0.1, 0.5, 1.0, 2.0]),
        "statements": rng.choice([0, 0, 0, 1]), "peer_edits": rng.choice([0, 0, 1, 3]),
        "sentences_approved": words // 14, "without_evidence": rng.choice([0, 0, 0, 1]),
        "scope_draft": rng.choice([0, 0, 1]), "scope_handed_over": rng.choice([0, 0, 0, 1]),
    }  # fmt: skip
    facts["quotes"] = rng.choice([0, 1, 2])
    facts["quotes_exact"] = facts["quotes"]
    if state in {"refused", "withdrawn"}:
        facts["left_behind"] = 0
    if withdrawn:
        facts["withdraw_s"] = rng.uniform(0.1, 5)
    return SessionFigures(
        session_id=f"s-{number}", person_id=f"p-{number}", state=state,
        with_ai=rng.random() < 0.85,
        groups={"gender": rng.choice(GENDERS), "dialect": rng.choice(DIALECTS)},
        facts=facts, verbs=(), handed_over_at=handed, decided_at=decided, withdrawn_at=withdrawn,
    )  # fmt: skip


def planted_truth(log: Sequence[SessionFigures]) -> dict[str, float]:
    """Each figure's value over all, counted from the log by hand."""
    stands = [s for s in log if s.state in {"approved", "released"}]
    unread = [
        s for s in stands
        if s.facts["changes"] + s.facts["left_out"] == 0
        and s.facts["viewed_s"] / (s.facts["words"] / 200 * 60) < 0.3
    ]  # fmt: skip
    hours = [
        (s.decided_at - s.handed_over_at) / timedelta(hours=1)
        for s in log
        if s.decided_at and s.handed_over_at
    ]
    n_shown = sum(s.facts["flags_shown"] for s in log)
    touched = [
        s for s in log
        if s.with_ai and s.facts["changes"] + s.facts["left_out"] + s.facts["peer_edits"]
    ]  # fmt: skip
    quoting = [s for s in stands if s.facts["quotes"]]
    return {
        "changed": statistics.mean(s.facts["changes"] + s.facts["left_out"] > 0 for s in log),
        "refusal": sum(s.state == "refused" for s in log) / len(log),
        "withdrawal": sum(s.state == "withdrawn" for s in log) / len(log),
        "disagreement": statistics.mean(s.facts["statements"] > 0 for s in log),
        "ai_off": statistics.mean(not s.with_ai for s in log),
        "hours_to_decision": statistics.median(hours),
        "own_words": statistics.mean(s.facts["own_words"] for s in stands),
        "flags_changed": sum(s.facts["flags_changed"] for s in log) / n_shown,
        "flags_kept": sum(s.facts["flags_kept"] for s in log) / n_shown,
        "rubber_stamp": len(unread) / len(stands),
        "edit_distance": statistics.mean(s.facts["edit_distance"] for s in stands),
        "withdrawal_seconds": statistics.median(
            s.facts["withdraw_s"] for s in log if "withdraw_s" in s.facts
        ),
        "refusal_honoured": _gone(log, "refused"),
        "withdrawal_honoured": _gone(log, "withdrawn"),
        "last_word": statistics.mean(s.facts["changes"] + s.facts["left_out"] > 0 for s in touched),
        "without_evidence": sum(s.facts["without_evidence"] for s in stands)
        / sum(s.facts["sentences_approved"] for s in stands),
        "quotes_exact": sum(s.facts["quotes_exact"] for s in quoting)
        / sum(s.facts["quotes"] for s in quoting),
        "scope_added": statistics.mean(
            s.facts["scope_handed_over"] > s.facts["scope_draft"] for s in stands
        ),
    }


def _gone(log: Sequence[SessionFigures], state: str) -> float:
    return statistics.mean(s.facts["left_behind"] == 0 for s in log if s.state == state)


def figures_of(log: Sequence[SessionFigures]) -> dict[str, Measured]:
    return {figure.id: figure for figure in compute_figures(log, axes=("gender", "dialect"))}


def value_of(figure: Measured) -> float:
    """The value over all; -1.0 where it is not shown."""
    value = figure.cells[0].value
    return -1.0 if value is None else value


# ---------------------------------------------------------------- planted faults


def refuse_less(log: Iterable[SessionFigures]) -> list[SessionFigures]:
    """Nobody of one group gets to refuse: their refusals stand as approved."""
    return [
        replace(s, state="approved") if s.state == "refused" and s.groups["gender"] == "man" else s
        for s in log
    ]


def approve_unread(log: Iterable[SessionFigures]) -> list[SessionFigures]:
    """Every approval comes within a second, without a change."""
    return [
        replace(s, facts={**s.facts, "viewed_s": 1.0, "changes": 0, "left_out": 0})
        if s.state in {"approved", "released"} else s
        for s in log
    ]  # fmt: skip


def withdraw_slowly(log: Iterable[SessionFigures]) -> list[SessionFigures]:
    return [
        replace(s, facts={**s.facts, "withdraw_s": 300.0}) if "withdraw_s" in s.facts else s
        for s in log
    ]


def lose_refusals(log: Iterable[SessionFigures]) -> list[SessionFigures]:
    """A log that loses rows: every refusal is missing."""
    return [s for s in log if s.state != "refused"]


def leave_words(log: Iterable[SessionFigures]) -> list[SessionFigures]:
    """One note in five that was taken back is still there."""
    return [
        replace(s, facts={**s.facts, "left_behind": 1})
        if s.state == "withdrawn" and n % 5 == 0 else s
        for n, s in enumerate(log)
    ]  # fmt: skip


def quote_loosely(log: Iterable[SessionFigures]) -> list[SessionFigures]:
    """Half of the notes hold a quotation that nobody said so."""
    return [
        replace(s, facts={**s.facts, "quotes_exact": 0}) if n % 2 else s for n, s in enumerate(log)
    ]


def alarms(log: Sequence[SessionFigures]) -> set[str]:
    """Which figures call for a look: the limits are those of evaluation.md, section 4."""
    figures = figures_of(log)
    found = set()
    gap = worst_gap(figures["refusal"])
    if gap and gap[2] > 0.10:
        found.add("refusals differ by group")
    if value_of(figures["rubber_stamp"]) > 0.5:
        found.add("approved unread")
    if value_of(figures["withdrawal_seconds"]) > 60:
        found.add("withdrawal is slow")
    if value_of(figures["refusal"]) <= 0.0:
        found.add("nobody refuses")
    if min(value_of(figures["refusal_honoured"]), value_of(figures["withdrawal_honoured"])) < 1:
        found.add("words are left")
    if value_of(figures["quotes_exact"]) < 1:
        found.add("quotations are not exact")
    return found


FAULTS = (
    (refuse_less, "refusals differ by group"),
    (approve_unread, "approved unread"),
    (withdraw_slowly, "withdrawal is slow"),
    (lose_refusals, "nobody refuses"),
    (leave_words, "words are left"),
    (quote_loosely, "quotations are not exact"),
)


def measure_agency() -> Iterator[Figure]:
    log = simulate(random.Random(SEED))
    figures, truth = figures_of(log), planted_truth(log)
    right = [name for name, value in truth.items() if abs(value_of(figures[name]) - value) < 1e-9]
    wrong = ", ".join(sorted(set(truth) - set(right)))
    yield share("agency.figures_as_planted", len(right), len(truth), note=wrong)
    seen = [name for plant, name in FAULTS if name in alarms(plant(log)) - alarms(log)]
    missed = ", ".join(sorted({name for _, name in FAULTS} - set(seen)))
    yield share("agency.faults_seen", len(seen), len(FAULTS), note=missed)
    yield Figure(name="agency.false_alarms", value=float(len(alarms(log))), n=len(FAULTS))


def main() -> int:
    print_figures(measure_agency())
    return 0


if __name__ == "__main__":
    sys.exit(main())
