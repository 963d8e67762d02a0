"""Second labelling of a session, done without seeing the first, and how far the two agree.

Cohen's kappa (Cohen 1960): observed agreement beyond what two labellers with the same habits would
reach by chance; 1 is perfect, 0 is chance. Undefined (nan) when both used one value throughout.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from models.corpus.checks import name_words
from models.corpus.decompile import write_source
from models.corpus.files import dump_gold
from models.corpus.rows import Session, load_session, marks_of
from models.corpus.scheme import CORPUS, NONE
from models.corpus.source import MARK, Problem, compile_source, strip_marks

KAPPA_FLOOR = 0.7  # below it the guideline is mended and the labels are revisited
_TOKEN = re.compile(r"\w+|[^\w\s]")


class LabelAgreement(NamedTuple):
    """Agreement on one label over all doubly labelled sessions."""

    label: str
    n_items: int
    observed: float
    kappa: float


def write_sheet(session_id: str, *, folder: Path = CORPUS) -> str:
    """The session for a second labeller: every label and identifier mark open."""
    return write_source(load_session(session_id, folder=folder), is_blank=True)


def read_sheet(text: str, *, folder: Path = CORPUS) -> tuple[dict[str, Any], list[Problem]]:
    """A filled sheet as the JSON kept in `second/`, with what is wrong with it."""
    compiled = compile_source(text, needs_tidied=False)
    problems = [p for p in compiled.problems if p.is_error]
    if problems:
        return {}, problems
    gold = compiled.gold
    session = load_session(gold["id"], folder=folder)
    words = "\n".join(t.plain for t in session.turns)
    lines = [MARK.sub(lambda m: m[2], x.split(": ", 1)[1]) for x in compiled.text.splitlines()]
    if words != "\n".join(lines):
        return {}, [Problem(0, "the words differ from the session's")]
    kept = ("turn", "start", "end", "section", "salience", "reason")
    second = {
        "id": gold["id"],
        "statements": [{k: s[k] for k in kept if k in s} for s in gold["statements"]],
        "claims": [
            {"text": strip_marks(c["text"]), "supported": c["supported"], "kind": c["kind"]}
            for c in gold["claims"]
        ],
        "identifiers": [
            {"turn": number, "start": m.start, "end": m.end, "type": m.type}
            for number, line in enumerate(compiled.text.splitlines(), 1)
            for m in marks_of(line.split(": ", 1)[1])
        ],
    }
    return second, []


def save_second(second: dict[str, Any], *, folder: Path = CORPUS) -> Path:
    """Write a second labelling into `second/` and return the file."""
    path = folder / "second" / f"{second['id']}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(dump_gold(second), encoding="utf-8")
    return path


def kappa(pairs: Sequence[tuple[str | int, str | int]], *, is_ordered: bool = False) -> float:
    """Cohen's kappa of two labellings; with `is_ordered`, quadratic weights on whole numbers."""
    if not pairs:
        return math.nan
    n = len(pairs)
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)

    def cost(a: str | int, b: str | int) -> float:
        return float((int(a) - int(b)) ** 2) if is_ordered else float(a != b)

    observed = sum(cost(a, b) for a, b in pairs) / n
    expected = sum(
        cost(a, b) * n_a * n_b for a, n_a in first.items() for b, n_b in second.items()
    ) / (n * n)
    return 1 - observed / expected if expected else math.nan


def measure_agreement(*, folder: Path = CORPUS) -> tuple[tuple[str, ...], list[LabelAgreement]]:
    """Session ids labelled twice, and the agreement per label."""
    paths = sorted((folder / "second").glob("[0-9]*.json"))
    pairs: dict[str, list[tuple[str | int, str | int]]] = {
        name: []
        for name in ("kept or left out", "section", "reason", "salience", "identifier per token",
                     "claim supported", "claim kind")
    }  # fmt: skip
    for path in paths:
        session = load_session(path.stem, folder=folder)
        second = json.loads(path.read_text(encoding="utf-8"))
        _pair_statements(session, second, pairs)
        _pair_claims(session, second, pairs)
        pairs["identifier per token"] += list(_token_pairs(session, second))
    results = [
        LabelAgreement(
            name,
            len(items),
            sum(a == b for a, b in items) / len(items) if items else math.nan,
            kappa(items, is_ordered=name == "salience"),
        )
        for name, items in pairs.items()
    ]
    return tuple(p.stem for p in paths), results


def disagreements(*, folder: Path = CORPUS) -> list[tuple[str, int, str, str, str]]:
    """(session, turn, label, first, second) wherever two labellings of a statement differ."""
    out = []
    for path in sorted((folder / "second").glob("[0-9]*.json")):
        session = load_session(path.stem, folder=folder)
        second = json.loads(path.read_text(encoding="utf-8"))
        for one, two in _matched(session, second):
            a, b = _label(one), _label(two)
            if a != b:
                out.append((session.id, one["turn"], "statement", a, b))
    return out


def _label(entry: dict[str, Any]) -> str:
    if entry["section"] == NONE:
        return f"none ({entry['reason']})"
    return f"{entry['section']} {entry['salience']}"


def _matched(
    session: Session, second: dict[str, Any]
) -> Iterable[tuple[dict[str, Any], dict[str, Any]]]:
    """Statements at the same place; the sheet fixes the places, so only edits can lose one."""
    at = {(s["turn"], s["start"]): s for s in second["statements"]}
    for entry in session.gold["statements"]:
        other = at.get((entry["turn"], entry["start"]))
        if other is not None:
            yield entry, other


def _pair_statements(
    session: Session, second: dict[str, Any], pairs: dict[str, list[tuple[str | int, str | int]]]
) -> None:
    for one, two in _matched(session, second):
        pairs["kept or left out"].append((one["section"] == NONE, two["section"] == NONE))
        pairs["section"].append((one["section"], two["section"]))
        if one["section"] == two["section"] == NONE:
            pairs["reason"].append((one["reason"], two["reason"]))
        pairs["salience"].append((one["salience"], two["salience"]))


def _pair_claims(
    session: Session, second: dict[str, Any], pairs: dict[str, list[tuple[str | int, str | int]]]
) -> None:
    by_text = {c["text"]: c for c in second["claims"]}
    for claim in session.gold["claims"]:
        other = by_text.get(strip_marks(claim["text"]))
        if other is None:
            continue
        pairs["claim supported"].append((claim["supported"], other["supported"]))
        if not claim["supported"] and not other["supported"]:
            pairs["claim kind"].append((claim["kind"], other["kind"]))


def _token_pairs(session: Session, second: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """Identifier type per token, O outside; the speakers' own names stand in the head: left out."""
    given = name_words(session.gold["person_full"]) | name_words(session.gold["peer_full"])
    given |= {t.speaker.lower() for t in session.turns}
    marked: dict[int, list[dict[str, Any]]] = {}
    for entry in second["identifiers"]:
        marked.setdefault(entry["turn"], []).append(entry)
    for turn in session.turns:
        for token in _TOKEN.finditer(turn.plain):
            if token.group().lower() in given:
                continue
            one = next((m.type for m in turn.marks if m.start <= token.start() < m.end), "O")
            two = next(
                (
                    e["type"]
                    for e in marked.get(turn.number, ())
                    if e["start"] <= token.start() < e["end"]
                ),
                "O",
            )
            yield one, two
