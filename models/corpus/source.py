"""The source form of a session, in which sessions are written, and its compiler.

    id 014                                   a head of `key value` lines
    P person Hedda Strandberg                a speaker: code, role, full name
    D peer Osric Ngcobo
    ...
    ---
    D: Hey. @t14 That sounds like a long night.
    P: @-talk It rained. @h2 I, um, I can't sleep past four.
      = I can't sleep past four.
      + I wake up early.
      -num I can't sleep past five.
    NOTES
    We talked about mornings. She is [!label|non-compliant] with sleep advice.

Nobody counts offsets: the compiler does, and reports whatever is wrong with the line it is in.
GUIDELINE.md explains the labels; README.md explains the form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from models.corpus.scheme import (
    AGE_BANDS,
    CLAIM_KINDS,
    FORMS,
    GENDERS,
    GROUP_KEYS,
    IDENTIFIER_TYPES,
    LANGUAGE_CATEGORIES,
    MARKED_EVERYWHERE,
    MODALITIES,
    N_DOMAINS,
    NONE,
    REASONS,
    SECTIONS,
    SETTINGS,
    SUPPORTED_KIND,
)

MARK = re.compile(r"\{\{([A-Z]+)\|([^{}|\n]+)\}\}")
_TAG = re.compile(r"(?:(?<=\s)|^)@(\S+)(?:\s+|$)")
_STATEMENT_TAG = re.compile(r"([a-z])([012])|-([a-z]+)")
_TOGETHER_TAG = re.compile(r"t(\d+(?:,\d+)*)")
_LANGUAGE_OPEN = re.compile(r"\[([!?])([a-z]+)\|")
_CLAIM = re.compile(r"(?:\+|-([a-z]+))(\^\d*)?\s+(.+)")
_SPEAKER = re.compile(r"([A-Z][A-Za-z]?[0-9]?)\s+(person|peer|other)\s+(.+)")
_LABEL_TYPES = ("PERSON", "NICKNAME", "HANDLE")


class Problem(NamedTuple):
    """Something wrong or doubtful. `line` is 1-based in the source; 0 means the whole file."""

    line: int
    message: str
    is_error: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """One voice of the session. `label` is what stands before the colon in the transcript."""

    code: str
    role: Literal["person", "peer", "other"]
    name: str = field(repr=False)
    label: str = field(repr=False)
    label_type: str = "PERSON"


@dataclass(slots=True, kw_only=True)
class _Turn:
    line: int
    speaker: Speaker
    raw: str
    tidied: list[tuple[int, str]] = field(default_factory=list)
    claims: list[tuple[int, str]] = field(default_factory=list)


class _Scanned(NamedTuple):
    marked: str
    plain: str
    tags: list[tuple[int, str]]  # (offset in plain, tag)
    language: list[tuple[int, int, str, bool]]  # start, end, category, flagged
    bad: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A session ready to be written: the marked transcript, the gold, what was wrong."""

    text: str = field(repr=False)
    gold: dict[str, Any] = field(repr=False)
    problems: tuple[Problem, ...]

    @property
    def is_sound(self) -> bool:
        return not any(p.is_error for p in self.problems)


def strip_marks(text: str) -> str:
    """The words without identifier marks: `{{TYPE|surface}}` becomes `surface`."""
    return MARK.sub(lambda m: m.group(2), text)


def mark_surfaces(text: str, pattern: re.Pattern[str] | None, types: dict[str, str]) -> str:
    """Mark every known surface that stands unmarked in `text`, whole words only."""
    if pattern is None:
        return text
    pieces, at = [], 0
    for found in MARK.finditer(text):
        pieces.append(_mark_plain(text[at : found.start()], pattern, types))
        pieces.append(found.group())
        at = found.end()
    pieces.append(_mark_plain(text[at:], pattern, types))
    return "".join(pieces)


def _mark_plain(text: str, pattern: re.Pattern[str], types: dict[str, str]) -> str:
    def mark(found: re.Match[str]) -> str:
        surface = found.group()
        kind = types.get(surface) or next(
            t for s, t in types.items() if s.lower() == surface.lower() and t in MARKED_EVERYWHERE
        )
        return f"{{{{{kind}|{surface}}}}}"

    return pattern.sub(mark, text)


def surface_pattern(surfaces: Sequence[str], *, any_case: bool = False) -> re.Pattern[str] | None:
    """Matches any of `surfaces` as whole words, longest first; a backslash before one spares it."""
    if not surfaces:
        return None
    body = "|".join(re.escape(s) for s in sorted(set(surfaces), key=lambda s: (-len(s), s)))
    return re.compile(rf"(?<![\w\\@])(?:{body})(?!\w)", re.I if any_case else 0)


def compile_source(source: str, *, needs_tidied: bool = True) -> Compiled:
    """Turn one source into transcript, gold and a list of problems; never raises on bad input.

    A second labelling has no tidied forms (`needs_tidied=False`).
    """
    problems: list[Problem] = []
    lines = source.splitlines()
    try:
        border = next(i for i, line in enumerate(lines) if line.strip() == "---")
    except StopIteration:
        problem = Problem(0, "no line '---' between the head and the session")
        return Compiled(text="", gold={}, problems=(problem,))
    meta, speakers = _read_head(lines[:border], problems)
    turns, notes = _read_body(lines, border + 1, speakers, problems)
    types = _surfaces(source, speakers, problems)
    known = [s for s, t in types.items() if t in MARKED_EVERYWHERE]
    pattern = surface_pattern(known)
    # Speech recognition and chats write names small; the tidied forms write them large again.
    in_gold = surface_pattern(known, any_case=meta["form"] != "spoken")

    gold: dict[str, Any] = dict(meta)
    statements: list[dict[str, Any]] = []
    claims: list[dict[str, Any]] = []
    together: list[dict[str, Any]] = []
    language: list[dict[str, Any]] = []
    out: list[str] = []
    person_turns = [n for n, t in enumerate(turns, 1) if t.speaker.role == "person"]
    for number, turn in enumerate(turns, 1):
        scan = _scan(mark_surfaces(turn.raw, pattern, types))
        problems.extend(Problem(turn.line, why) for why in scan.bad)
        label = turn.speaker
        out.append(f"{{{{{label.label_type}|{label.label}}}}}: {scan.marked}")
        if label.role == "person":
            mine = _statements(number, turn, scan, problems)
            if needs_tidied:
                _add_tidied(mine, turn, (in_gold, types), problems)
            statements.extend(mine)
            claims.extend(_claims(number, turn, person_turns, (in_gold, types), problems))
        else:
            problems.extend(
                Problem(line, "tidied forms and claims go under the person's turns")
                for line, _ in (*turn.tidied, *turn.claims)
            )
        if label.role == "peer":
            together.extend(_together(number, turn, scan, problems))
            language.extend(
                {"turn": number, "start": a, "end": b, "text": scan.plain[a:b],
                 "category": category, "flagged": flagged}
                for a, b, category, flagged in scan.language
            )  # fmt: skip
        elif scan.language:
            problems.append(Problem(turn.line, "language marks belong in the peer's turns"))
        if label.role == "other" and scan.tags:
            problems.append(Problem(turn.line, "tags belong to the person and the peer only"))
    gold.update(
        statements=statements,
        claims=[{"id": f"c{i:02}", **claim} for i, claim in enumerate(claims, 1)],
        together=together,
        language=language,
        peer_notes=_peer_notes(notes, in_gold, types, problems),
    )
    text = "\n".join(out) + "\n" if out else ""
    return Compiled(text=text, gold=gold, problems=tuple(sorted(problems)))


# ---------------------------------------------------------------- reading the file


def _read_head(
    lines: Sequence[str], problems: list[Problem]
) -> tuple[dict[str, Any], dict[str, Speaker]]:
    values: dict[str, str] = {}
    speakers: dict[str, Speaker] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _SPEAKER.fullmatch(line.strip())
        if found:
            speakers[found[1]] = _speaker(found[1], found[2], found[3], number, problems)
            continue
        key, _, value = line.strip().partition(" ")
        if not value:
            problems.append(Problem(number, f"the head line {key!r} has no value"))
        values[key] = value.strip()
    by_role = {s.role: s for s in speakers.values()}
    for role in ("person", "peer"):
        if sum(s.role == role for s in speakers.values()) != 1 and role == "person":
            problems.append(Problem(0, "the head names exactly one person"))
        if role not in by_role:
            problems.append(Problem(0, f"the head names no {role}"))
    allowed = {
        "setting": tuple(SETTINGS),
        "modality": MODALITIES,
        "form": FORMS,
        "gender": GENDERS,
        "age_band": AGE_BANDS,
    }
    needed = ("id", "setting", "place", "modality", "form", *GROUP_KEYS)
    for key in needed:
        if key not in values:
            problems.append(Problem(0, f"the head lacks {key!r}"))
        elif key in allowed and values[key] not in allowed[key]:
            problems.append(Problem(0, f"{key} is not one of {', '.join(allowed[key])}"))
    for key in values.keys() - set(needed) - {"features"}:
        problems.append(Problem(0, f"unknown head line {key!r}"))
    person, peer = by_role.get("person"), by_role.get("peer")
    meta: dict[str, Any] = {
        "id": values.get("id", ""),
        "person": person.label if person else "",
        "person_full": person.name if person else "",
        "peer": peer.label if peer else "",
        "peer_full": peer.name if peer else "",
        "others": [s.label for s in speakers.values() if s.role == "other"],
        "setting": values.get("setting", ""),
        "place": values.get("place", ""),
        "modality": values.get("modality", ""),
        "form": values.get("form", ""),
        "groups": {key: values.get(key, "") for key in GROUP_KEYS},
        "features": [f.strip() for f in values.get("features", "").split(",") if f.strip()],
    }
    return meta, speakers


def _speaker(code: str, role: str, rest: str, line: int, problems: list[Problem]) -> Speaker:
    """`rest` is `Full Name`, `Full Name = Label` or `Full Name = TYPE|Label`."""
    name, _, label = (part.strip() for part in rest.partition("="))
    label_type = "PERSON"
    if "|" in label:
        label_type, _, label = label.partition("|")
    if label_type not in _LABEL_TYPES:
        problems.append(Problem(line, f"a label is one of {', '.join(_LABEL_TYPES)}"))
    label = label.strip() or name.split()[0]
    return Speaker(code=code, role=role, name=name, label=label, label_type=label_type)  # type: ignore[arg-type]


def _read_body(
    lines: Sequence[str], first: int, speakers: dict[str, Speaker], problems: list[Problem]
) -> tuple[list[_Turn], list[tuple[int, str]]]:
    turns: list[_Turn] = []
    notes: list[tuple[int, str]] = []
    in_notes = False
    for number, line in enumerate(lines[first:], first + 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if stripped == "NOTES":
            in_notes = True
        elif in_notes:
            notes.append((number, stripped))
        elif line[0].isspace():
            if not turns:
                problems.append(Problem(number, "an indented line before the first turn"))
            elif stripped[0] == "=":
                turns[-1].tidied.append((number, stripped[1:].strip()))
            elif stripped[0] in "+-?":
                turns[-1].claims.append((number, stripped))
            else:
                problems.append(Problem(number, "an indented line starts with =, + or -kind"))
        else:
            code, colon, words = line.partition(":")
            if not colon or code not in speakers:
                problems.append(Problem(number, "a turn starts with a speaker's code and a colon"))
            elif not words.strip():
                problems.append(Problem(number, "a turn without words"))
            else:
                turns.append(_Turn(line=number, speaker=speakers[code], raw=words.strip()))
    return turns, notes


def _surfaces(source: str, speakers: dict[str, Speaker], problems: list[Problem]) -> dict[str, str]:
    """Surface to type: every explicit mark, the labels and the speakers' full names."""
    types: dict[str, str] = {}
    for speaker in speakers.values():
        for part in (speaker.name, speaker.name.split()[0], speaker.name.split()[-1]):
            if len(part) > 2:
                types.setdefault(part, "PERSON")
        types[speaker.label] = speaker.label_type
    for number, line in enumerate(source.splitlines(), 1):
        for kind, surface in MARK.findall(line):
            if kind not in IDENTIFIER_TYPES:
                problems.append(Problem(number, f"unknown identifier type {kind}"))
            if surface != surface.strip():
                problems.append(Problem(number, "a mark holds a space at its edge"))
            if types.setdefault(surface, kind) != kind and kind in MARKED_EVERYWHERE:
                problems.append(Problem(number, f"marked {kind} here, {types[surface]} before"))
    return types


# ---------------------------------------------------------------- one turn


def _scan(text: str) -> _Scanned:
    """Take tags and language brackets out of a turn; keep marks in one copy, not in the other."""
    marked: list[str] = []
    plain: list[str] = []
    tags: list[tuple[int, str]] = []
    language: list[tuple[int, int, str, bool]] = []
    bad: list[str] = []
    n_plain = 0
    opened: tuple[int, str, bool] | None = None
    at = 0
    while at < len(text):
        if found := MARK.match(text, at):
            marked.append(found.group())
            plain.append(found[2])
            n_plain += len(found[2])
        elif found := _TAG.match(text, at):
            tags.append((n_plain, found[1]))
        elif found := _LANGUAGE_OPEN.match(text, at):
            if opened:
                bad.append("a language bracket inside another")
            if found[2] not in LANGUAGE_CATEGORIES:
                bad.append(f"unknown language category {found[2]}")
            opened = (n_plain, found[2], found[1] == "!")
        elif text[at] == "]" and opened:
            language.append((opened[0], n_plain, opened[1], opened[2]))
            opened = None
            at += 1
            continue
        elif text[at] == "\\":
            at += 1
            continue
        else:
            if text[at] in "{}|":
                bad.append(f"a stray {text[at]!r}: marks read {{{{TYPE|surface}}}}")
            marked.append(text[at])
            plain.append(text[at])
            n_plain += 1
            at += 1
            continue
        at = found.end()
    if opened:
        bad.append("a language bracket is not closed")
    joined, joined_plain = "".join(marked).rstrip(), "".join(plain).rstrip()
    if not joined_plain:
        bad.append("a turn without words")
    return _Scanned(joined, joined_plain, tags, language, bad)


def _pieces(scan: _Scanned) -> list[tuple[int, int, str]]:
    """(start, end, tag) of the words after each tag, edges without spaces."""
    starts = [*(offset for offset, _ in scan.tags), len(scan.plain)]
    pieces = []
    for (start, tag), stop in zip(scan.tags, starts[1:], strict=True):
        words = scan.plain[start:stop]
        lead = len(words) - len(words.lstrip())
        pieces.append((start + lead, start + len(words.rstrip()), tag))
    return pieces


def _statements(
    number: int, turn: _Turn, scan: _Scanned, problems: list[Problem]
) -> list[dict[str, Any]]:
    pieces = _pieces(scan)
    if not pieces:
        if len(scan.plain.split()) > 4:
            problems.append(Problem(turn.line, "the person's words have no tag"))
        pieces = [(0, len(scan.plain), "-yes")]
    elif scan.plain[: pieces[0][0]].strip():
        problems.append(Problem(turn.line, "words before the first tag"))
    out = []
    for start, end, tag in pieces:
        found = _STATEMENT_TAG.fullmatch(tag)
        if not found or (found[1] and found[1] not in SECTIONS):
            problems.append(Problem(turn.line, f"unknown tag @{tag}"))
            continue
        if found[3] and found[3] not in REASONS:
            problems.append(Problem(turn.line, f"unknown reason @{tag}"))
            continue
        if start >= end:
            problems.append(Problem(turn.line, f"no words after @{tag}"))
            continue
        entry: dict[str, Any] = {
            "turn": number,
            "start": start,
            "end": end,
            "text": scan.plain[start:end],
            "section": SECTIONS[found[1]] if found[1] else NONE,
            "salience": int(found[2] or 0),
        }
        if found[3]:
            entry["reason"] = REASONS[found[3]]
        out.append(entry)
    return out


def _add_tidied(
    statements: list[dict[str, Any]],
    turn: _Turn,
    marking: tuple[re.Pattern[str] | None, dict[str, str]],
    problems: list[Problem],
) -> None:
    kept = [s for s in statements if s["salience"] > 0]
    if len(kept) != len(turn.tidied):
        problems.append(
            Problem(turn.line, f"{len(kept)} statements to tidy, {len(turn.tidied)} '=' lines")
        )
        return
    for statement, (line, words) in zip(kept, turn.tidied, strict=True):
        tidied = words or statement["text"]
        statement["tidied"] = mark_surfaces(tidied, *marking).replace("\\", "")
        if _TAG.search(tidied):
            problems.append(Problem(line, "a tag in a tidied form"))


def _claims(
    number: int,
    turn: _Turn,
    person_turns: list[int],
    marking: tuple[re.Pattern[str] | None, dict[str, str]],
    problems: list[Problem],
) -> list[dict[str, Any]]:
    out = []
    for line, words in turn.claims:
        found = _CLAIM.fullmatch(words)
        if not found:
            problems.append(Problem(line, "a claim reads '+ words' or '-kind words'"))
            continue
        if found[1] and found[1] not in CLAIM_KINDS:
            problems.append(Problem(line, f"unknown kind of claim -{found[1]}"))
            continue
        back = int(found[2][1:] or 1) if found[2] else 0
        here = person_turns.index(number)
        if back > here:
            problems.append(Problem(line, f"the person has no {back} turns before this one"))
            back = here
        out.append(
            {
                "turns": person_turns[here - back : here + 1],
                "text": mark_surfaces(found[3].strip(), *marking).replace("\\", ""),
                "supported": not found[1],
                "kind": CLAIM_KINDS[found[1]] if found[1] else SUPPORTED_KIND,
            }
        )
    return out


def _together(
    number: int, turn: _Turn, scan: _Scanned, problems: list[Problem]
) -> list[dict[str, Any]]:
    out = []
    for start, end, tag in _pieces(scan):
        if tag == ".":
            continue
        found = _TOGETHER_TAG.fullmatch(tag)
        domains = [int(d) for d in found[1].split(",")] if found else []
        if not found or not all(1 <= d <= N_DOMAINS for d in domains):
            problems.append(Problem(turn.line, f"unknown tag @{tag} in the peer's turn"))
        elif start >= end:
            problems.append(Problem(turn.line, f"no words after @{tag}"))
        else:
            words = scan.plain[start:end]
            out.append(
                {"turn": number, "start": start, "end": end, "text": words, "domains": domains}
            )
    return out


def _peer_notes(
    notes: Sequence[tuple[int, str]],
    pattern: re.Pattern[str] | None,
    types: dict[str, str],
    problems: list[Problem],
) -> list[dict[str, Any]]:
    """Sentences a peer might type afterwards, with flagged and tempting phrases."""
    out = []
    for line, words in notes:
        scan = _scan(mark_surfaces(words, pattern, types))
        problems.extend(Problem(line, why) for why in scan.bad)
        if scan.tags:
            problems.append(Problem(line, "tags do not belong in NOTES"))
        spans = [
            {"start": a, "end": b, "text": scan.plain[a:b], "category": c, "flagged": f}
            for a, b, c, f in scan.language
        ]
        out.append({"text": scan.marked, "language": spans})
    return out
