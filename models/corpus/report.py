"""`stats`: the spread of the corpus over every axis, as Markdown tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

from models.corpus.checks import measure
from models.corpus.lint import words_of
from models.corpus.rows import Session, load_sessions
from models.corpus.scheme import CORPUS, SPLITS, TARGETS

_AXES: dict[str, Callable[[Session], str]] = {
    "setting": lambda s: str(s.gold["setting"]),
    "modality": lambda s: str(s.gold["modality"]),
    "form": lambda s: str(s.gold["form"]),
    "dialect": lambda s: str(s.gold["groups"]["dialect"]),
    "gender": lambda s: str(s.gold["groups"]["gender"]),
    "age band": lambda s: str(s.gold["groups"]["age_band"]),
    "ethnicity": lambda s: str(s.gold["groups"]["ethnicity"]),
    "origin of the name": lambda s: str(s.gold["groups"]["name_origin"]),
    "length": lambda s: _length_band(len(s.turns)),
}


def describe_corpus(folder: Path = CORPUS) -> str:
    """Every table, as one Markdown text."""
    sessions = load_sessions(folder=folder)
    if not sessions:
        return "No sessions.\n"
    parts = [_totals(sessions)]
    parts += [_by_split(f"Sessions by {name}", sessions, axis) for name, axis in _AXES.items()]
    parts += [_labels(sessions), _identifiers(sessions), _language(sessions), _wording(sessions)]
    return "\n".join(parts)


def _table(title: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [f"## {title}", "", f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    lines += [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _length_band(n_lines: int) -> str:
    return "over 100" if n_lines > 100 else "60 to 100" if n_lines >= 60 else "under 60"


def _totals(sessions: Sequence[Session]) -> str:
    per_split: dict[str, list[Session]] = {
        name: [s for s in sessions if s.split == name] for name in SPLITS
    }
    columns: dict[str, list[Session]] = {"all": list(sessions), **per_split}
    measured = {name: measure(group) for name, group in columns.items()}
    rows = [
        (name.replace("_", " "), TARGETS.get(name, ""), *(measured[c][name] for c in columns))
        for name in measured["all"]
    ]
    lines = {c: sum(len(s.turns) for s in group) for c, group in columns.items()}
    words = {
        c: sum(len(words_of(t.plain)) for s in group for t in s.turns)
        for c, group in columns.items()
    }
    unsupported = {
        c: sum(not claim["supported"] for s in group for claim in s.gold["claims"])
        for c, group in columns.items()
    }
    rows.append(("claims unsupported", "half", *unsupported.values()))
    rows.append(("lines", "", *lines.values()))
    rows.append(("words", "", *words.values()))
    return _table("Totals", ("what", "promised", *columns), rows)


def _by_split(title: str, sessions: Sequence[Session], axis: Callable[[Session], str]) -> str:
    counts: Counter[tuple[str, str]] = Counter((axis(s), s.split) for s in sessions)
    totals = Counter(axis(s) for s in sessions)
    rows = [(v, n, *(counts[v, name] for name in SPLITS)) for v, n in totals.most_common()]
    return _table(title, ("value", "all", *SPLITS), rows)


def _counted(
    title: str, sessions: Sequence[Session], values: Callable[[Session], list[str]]
) -> str:
    counts: Counter[tuple[str, str]] = Counter((v, s.split) for s in sessions for v in values(s))
    totals = Counter(v for s in sessions for v in values(s))
    rows = [(v, n, *(counts[v, name] for name in SPLITS)) for v, n in totals.most_common()]
    return _table(title, ("value", "all", *SPLITS), rows)


def _labels(sessions: Sequence[Session]) -> str:
    return "\n".join(
        (
            _counted(
                "Statements by section and salience",
                sessions,
                lambda s: [
                    f"{x['section']} {x['salience']}"
                    for x in s.gold["statements"]
                    if x["section"] != "none"
                ],
            ),
            _counted(
                "Statements left out, by reason",
                sessions,
                lambda s: [x["reason"] for x in s.gold["statements"] if "reason" in x],
            ),
            _counted("Claims by kind", sessions, lambda s: [c["kind"] for c in s.gold["claims"]]),
            _counted(
                "What the peer did, by domain",
                sessions,
                lambda s: [str(d) for x in s.gold["together"] for d in x["domains"]],
            ),
        )
    )


def _identifiers(sessions: Sequence[Session]) -> str:
    return _counted(
        "Identifiers in the words (speaker labels not counted)",
        sessions,
        lambda s: [m.type for t in s.turns for m in t.marks],
    )


def _language(sessions: Sequence[Session]) -> str:
    def spans(session: Session) -> list[str]:
        notes = [x for n in session.gold["peer_notes"] for x in n["language"]]
        return [
            f"{x['category']} {'flagged' if x['flagged'] else 'fine'}"
            for x in (*session.gold["language"], *notes)
        ]

    return _counted("Language, in turns and in notes", sessions, spans)


def _wording(sessions: Sequence[Session]) -> str:
    """Length and vocabulary of what the person says, per setting."""
    rows = []
    for setting in sorted({s.gold["setting"] for s in sessions}):
        turns = [
            words_of(t.plain)
            for s in sessions
            if s.gold["setting"] == setting
            for t in s.turns
            if t.role == "person"
        ]
        words = [w for turn in turns for w in turn]
        lengths = [len(turn) for turn in turns]
        rows.append(
            (
                setting,
                len(words),
                len(set(words)),
                # distinct words among the first thousand: comparable between settings
                len(set(words[:1000])),
                f"{mean(lengths):.1f}",
                int(median(lengths)),
                max(lengths),
            )
        )
    header = ("setting", "words", "distinct", "distinct in first 1000", "mean", "median", "longest")
    return _table("The person's words per setting (length of a turn in words)", header, rows)
