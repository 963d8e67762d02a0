"""The audit log: is it whole, and how often did what happen. Ids and counts, small ones hidden."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from assistant.app.catalogue import Catalogue
from assistant.app.governance.markup import (
    block,
    english_in,
    heading,
    hidden_note,
    paragraph,
    status,
    table,
)
from assistant.errors import AuditError
from assistant.policy import Rule

MIN_CELL = 11
_REFUSALS = ("access_refused", "sign_in_failed")


def hide_small(counts: Mapping[str, int], *, min_cell: int = MIN_CELL) -> dict[str, int | None]:
    """Return the counts, small ones as None, largest first.

    Whoever knows the sum could work a small count out of the others, so as long as the hidden
    ones together are fewer than `min_cell`, the smallest shown one is hidden as well.
    """
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = [name for name, n in ordered if n >= min_cell]
    n_away = sum(n for n in counts.values() if n < min_cell)
    while shown and 0 < n_away < min_cell:
        n_away += counts[shown.pop()]
    return {name: n if name in shown else None for name, n in ordered}


def audit_page(
    lines: Sequence[str],
    *,
    check: Callable[[], int],
    rules: Mapping[str, Rule],
    say: Catalogue,
) -> str:
    """Return whether the log is whole, then its counts.

    `lines` are the entries of the log; `check` verifies it and returns how many there are, or
    raises `AuditError`.
    """
    entries = [json.loads(line) for line in lines]
    events = Counter(str(entry["event"]) for entry in entries)
    refusals = Counter(
        str(entry["ids"].get("rule", "")) for entry in entries if entry["event"] in _REFUSALS
    )
    return block(
        _check(check, say),
        paragraph(say("governance.audit_explained")),
        heading(say("governance.refusals_title")),
        paragraph(say("governance.refusals_explained")),
        _counts(refusals, "column_rule", "refusals_title", _rule_names(refusals, rules), say),
        heading(say("governance.events_title")),
        _counts(events, "column_event", "events_title", _event_names(events, say), say),
    )


def _check(check: Callable[[], int], say: Catalogue) -> str:
    try:
        n_entries = check()
    except AuditError as error:
        return status(
            say("governance.audit_broken", position=error.position, problem=error.problem),
            is_problem=True,
        )
    return status(say("governance.audit_whole", n=n_entries))


def _rule_names(found: Iterable[str], rules: Mapping[str, Rule]) -> dict[str, str]:
    """A rule of the policy files is named with its sentence, another refusal by its id alone."""
    return {name: f"{name}: {rules[name].sentence}" if name in rules else name for name in found}


def _event_names(found: Iterable[str], say: Catalogue) -> dict[str, str]:
    names = {name: f"governance.event_{name}" for name in found}
    return {
        name: say(key) if key in say.messages else name.replace("_", " ")
        for name, key in names.items()
    }


def _counts(
    counts: Mapping[str, int], column: str, title: str, names: Mapping[str, str], say: Catalogue
) -> str:
    if not counts:
        return paragraph(say("governance.nothing_yet"))
    hidden, limited = say("governance.hidden", n=MIN_CELL), hide_small(counts)
    rows = table(
        say("governance.table_of", title=say(f"governance.{title}")),
        [say(f"governance.{column}"), say("governance.column_times")],
        ((names[name], [hidden if n is None else str(n)]) for name, n in limited.items()),
        lang=english_in(say) if column == "column_rule" else "",
    )
    return rows + hidden_note(None in limited.values(), say)
