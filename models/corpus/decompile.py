"""The way back: session files to the source form, with its labels or without them.

With labels, the result compiles to the same two files, so that labels can be revisited in the form
they were written in. Without labels it is the sheet a second labeller fills (see `agreement`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from models.corpus.rows import CorpusTurn, Session
from models.corpus.scheme import (
    CLAIM_KINDS,
    GROUP_KEYS,
    MARKED_EVERYWHERE,
    NONE,
    REASONS,
    SECTIONS,
)
from models.corpus.source import MARK, strip_marks, surface_pattern

_LETTERS = {name: letter for letter, name in SECTIONS.items()}
_REASON_CODES = {name: code for code, name in REASONS.items()}
_KIND_CODES = {name: code for code, name in CLAIM_KINDS.items()}
OPEN_TAG = "?"  # what a second labeller replaces


def write_source(session: Session, *, is_blank: bool = False) -> str:
    """The session in the source form; `is_blank` leaves every label and mark open."""
    codes = _codes(session)
    lines = [*_head(session, codes, is_blank=is_blank), "---"]
    spare = _spare_pattern(session)
    for turn in session.turns:
        cuts = _cuts(session, turn, is_blank=is_blank)
        lines.append(f"{codes[turn.speaker]}: {_compose(turn, cuts, spare, is_blank=is_blank)}")
        if turn.role != "person":
            continue
        for entry in session.gold["statements"]:
            if entry["turn"] == turn.number and "tidied" in entry and not is_blank:
                lines.append(f"  = {_spared(entry['tidied'], spare)}")
        claims = session.gold["claims"]
        if is_blank:  # written order would tell the supported from the others
            claims = sorted(claims, key=lambda c: c["text"])
        for claim in claims:
            if claim["turns"][-1] == turn.number:
                lines.append(_claim_line(claim, spare, is_blank=is_blank))
    if not is_blank:
        lines.append("NOTES")
        lines += [_note_line(note, spare) for note in session.gold["peer_notes"]]
    return "\n".join(lines) + "\n"


def _codes(session: Session) -> dict[str, str]:
    """Speaker label to code: P, D, and K1, K2 ... for everybody else."""
    codes = {session.gold["person"]: "P", session.gold["peer"]: "D"}
    for label in session.gold["others"]:
        codes[label] = f"K{len(codes) - 1}"
    return codes


def _head(session: Session, codes: dict[str, str], *, is_blank: bool) -> list[str]:
    gold = session.gold
    kinds = {t.speaker: t.speaker_type for t in session.turns}
    names = {gold["person"]: gold["person_full"], gold["peer"]: gold["peer_full"]}
    roles = {"P": "person", "D": "peer"}
    lines = [f"id {session.id}"]
    for label, code in codes.items():
        name = f"{names.get(label, label)} = {kinds.get(label, 'PERSON')}|{label}"
        lines.append(f"{code} {roles.get(code, 'other')} {name}")
    lines += [f"{key} {gold[key]}" for key in ("setting", "place", "modality", "form")]
    lines += [f"{key} {gold['groups'][key]}" for key in GROUP_KEYS]
    if gold["features"] and not is_blank:  # they would tell what to look for
        lines.append(f"features {', '.join(gold['features'])}")
    return lines


def _spare_pattern(session: Session) -> re.Pattern[str] | None:
    """Surfaces the compiler would mark by itself; bare ones need a backslash."""
    gold = session.gold
    known = {m.surface for t in session.turns for m in t.marks if m.type in MARKED_EVERYWHERE}
    known |= {t.speaker for t in session.turns}
    for name in (gold["person_full"], gold["peer_full"]):
        known |= {name, *(p for p in (name.split()[0], name.split()[-1]) if len(p) > 2)}
    for text in (
        *(s.get("tidied", "") for s in gold["statements"]),
        *(c["text"] for c in gold["claims"]),
        *(n["text"] for n in gold["peer_notes"]),
    ):
        known |= {s for kind, s in MARK.findall(text) if kind in MARKED_EVERYWHERE}
    return surface_pattern(sorted(known), any_case=gold["form"] != "spoken")


def _spared(marked: str, spare: re.Pattern[str] | None) -> str:
    if spare is None:
        return marked
    pieces, at = [], 0
    for found in MARK.finditer(marked):
        pieces += [spare.sub(r"\\\g<0>", marked[at : found.start()]), found.group()]
        at = found.end()
    return "".join([*pieces, spare.sub(r"\\\g<0>", marked[at:])])


def _cuts(session: Session, turn: CorpusTurn, *, is_blank: bool) -> list[tuple[int, str]]:
    """(offset, text to put there) in order; offsets into the unmarked words."""
    cuts: list[tuple[int, str]] = []
    if turn.role == "person":
        for entry in session.gold["statements"]:
            if entry["turn"] == turn.number:
                cuts.append((entry["start"], f"@{OPEN_TAG if is_blank else _tag(entry)} "))
    if turn.role != "peer" or is_blank:
        return cuts
    spans = [e for e in session.gold["together"] if e["turn"] == turn.number]
    for i, entry in enumerate(spans):
        cuts.append((entry["start"], f"@t{','.join(map(str, entry['domains']))} "))
        next_start = spans[i + 1]["start"] if i + 1 < len(spans) else len(turn.plain)
        rest = turn.plain[entry["end"] : next_start]
        if rest.strip():
            cuts.append((entry["end"] + len(rest) - len(rest.lstrip()), "@. "))
    for entry in session.gold["language"]:
        if entry["turn"] == turn.number:
            cuts += _brackets(entry)
    return sorted(cuts, key=lambda cut: (cut[0], cut[1] != "]", cut[1].startswith("[")))


def _tag(entry: dict[str, Any]) -> str:
    if entry["section"] == NONE:
        return f"-{_REASON_CODES[entry['reason']]}"
    return f"{_LETTERS[entry['section']]}{entry['salience']}"


def _brackets(entry: dict[str, Any]) -> list[tuple[int, str]]:
    sign = "!" if entry["flagged"] else "?"
    return [(entry["start"], f"[{sign}{entry['category']}|"), (entry["end"], "]")]


def _compose(
    turn: CorpusTurn,
    cuts: Sequence[tuple[int, str]],
    spare: re.Pattern[str] | None,
    *,
    is_blank: bool,
) -> str:
    """The turn's words with marks, and with `cuts` at their places."""
    marks = () if is_blank else turn.marks
    starts = {m.start: m for m in marks}
    borders = sorted({0, len(turn.plain), *(c[0] for c in cuts), *(m.start for m in marks),
                      *(m.end for m in marks)})  # fmt: skip
    out: list[str] = []
    for here, following in zip(borders, [*borders[1:], None], strict=True):
        out += [text for offset, text in cuts if offset == here]
        if following is None:
            break
        words = turn.plain[here:following]
        if here in starts:
            out.append(f"{{{{{starts[here].type}|{words}}}}}")
        else:
            out.append(words if is_blank else _spared(words, spare))
    return "".join(out)


def _claim_line(
    claim: dict[str, Any],
    spare: re.Pattern[str] | None,
    *,
    is_blank: bool,
) -> str:
    back = len(claim["turns"]) - 1
    reach = f"^{back}" if back else ""
    if is_blank:
        return f"  {OPEN_TAG}{reach} {strip_marks(claim['text'])}"
    sign = "+" if claim["supported"] else f"-{_KIND_CODES[claim['kind']]}"
    return f"  {sign}{reach} {_spared(claim['text'], spare)}"


def _note_line(note: dict[str, Any], spare: re.Pattern[str] | None) -> str:
    from models.corpus.rows import marks_of

    marked = note["text"]
    plain = strip_marks(marked)
    turn = CorpusTurn(
        number=0, speaker="", speaker_type="", role="peer", marked=marked, plain=plain,
        marks=marks_of(marked),
    )  # fmt: skip
    cuts = sorted(
        (cut for entry in note["language"] for cut in _brackets(entry)),
        key=lambda cut: (cut[0], cut[1] != "]"),
    )
    return _compose(turn, cuts, spare, is_blank=False)
