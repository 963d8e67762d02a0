"""What a finished session must keep to, beyond its form: counts, wording of the gold, marks.

Works on the two files of a session, so it guards edits by hand as well as compiled sources.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from models.corpus.scheme import (
    CLAIM_KINDS,
    IDENTIFIER_TYPES,
    LANGUAGE_CATEGORIES,
    MAX_LINES,
    MIN_LINES,
    N_DOMAINS,
    NONE,
    REASONS,
    SECTIONS,
)
from models.corpus.source import MARK, Problem, strip_marks

MIN_CLAIMS = 14
UNSUPPORTED_SHARE = (0.4, 0.6)
LINE = re.compile(r"\{\{(PERSON|NICKNAME|HANDLE)\|([^{}|\n]+)\}\}: (\S.*)")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*", re.UNICODE)
_FILLERS = re.compile(
    r"\b(?:u[hm]+|erm+|er|hmm+|mm-?hmm?)\b|\byou know,|\bI mean,|\(laughs|\bkind of like,", re.I
)
_NOT_NAMES = frozenset({"the", "and", "of", "de", "la", "van", "von", "st", "street", "house"})
# Words a tidied form may add: what holds a sentence together, nothing that says something.
_FUNCTION_WORDS = (
    "a about also am an and are as at be because been being but by can could did didn't do "
    "does doesn't don't for from had has hasn't have haven't he he's her here him his how i "
    "i'd i'll i'm i've id if ill im in is isn't it it's its ive just may me might mine my no "
    "not of on or our out she she's should so than that that's the their them then there "
    "there's these they they're this those to too up us very was wasn't we we're were what "
    "what's when where which while who who's whom why will with would you your "
)
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())


def lint_session(text: str, gold: dict[str, Any]) -> list[Problem]:
    """Errors and doubts of one session; `line` is the turn, 0 the whole session."""
    problems: list[Problem] = []
    turns = _read_turns(text, problems)
    _check_marks(text, turns, problems)
    _check_spans(turns, gold, problems)
    _check_tidied(turns, gold, problems)
    _check_claims(turns, gold, problems)
    return sorted(problems)


def _read_turns(text: str, problems: list[Problem]) -> list[tuple[str, str]]:
    """(speaker, marked words) of every line."""
    lines = text.split("\n")
    if lines[-1]:
        problems.append(Problem(0, "the transcript does not end with a line end"))
    else:
        lines = lines[:-1]
    turns = []
    for number, line in enumerate(lines, 1):
        found = LINE.fullmatch(line)
        if not found:
            problems.append(Problem(number, "a line reads '{{PERSON|Name}}: words'"))
        turns.append((found[2], found[3]) if found else ("", line))
    if not MIN_LINES <= len(turns) <= MAX_LINES:
        problems.append(Problem(0, f"{len(turns)} lines, not {MIN_LINES} to {MAX_LINES}"))
    return turns


def _check_marks(text: str, turns: list[tuple[str, str]], problems: list[Problem]) -> None:
    surfaces: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if re.search(r"[{}|]", MARK.sub("", line)):
            problems.append(Problem(number, "identifier marks are not balanced"))
        for kind, surface in MARK.findall(line):
            if kind not in IDENTIFIER_TYPES or surface != surface.strip():
                problems.append(Problem(number, f"a mark of type {kind} is malformed"))
            if kind in ("PERSON", "NICKNAME"):
                for part in (surface, *surface.split()):
                    if len(part) > 2 and part.lower() not in _NOT_NAMES:
                        surfaces.setdefault(part, kind)
    if not surfaces:
        return
    bare = re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(s) for s in surfaces)})(?!\w)")
    for number, (_, words) in enumerate(turns, 1):
        if bare.search(MARK.sub("\0", words)):
            problems.append(
                Problem(number, "a name marked elsewhere stands bare here: mark it?", False)
            )


def _check_spans(
    turns: list[tuple[str, str]], gold: dict[str, Any], problems: list[Problem]
) -> None:
    plain = [strip_marks(words) for _, words in turns]
    last: tuple[int, int] = (0, 0)
    for kind, speaker in (("statements", "person"), ("together", "peer"), ("language", "peer")):
        for entry in gold[kind]:
            number, start, end = entry["turn"], entry["start"], entry["end"]
            if not 1 <= number <= len(turns) or not 0 <= start < end <= len(plain[number - 1]):
                problems.append(Problem(number, f"{kind}: a span outside its turn"))
            elif plain[number - 1][start:end] != entry["text"]:
                problems.append(Problem(number, f"{kind}: offsets and text differ"))
            if 1 <= number <= len(turns) and turns[number - 1][0] != gold[speaker]:
                problems.append(Problem(number, f"{kind}: not a turn of the {speaker}"))
            if kind == "statements":
                if (number, start) < last:
                    problems.append(Problem(number, "statements overlap or are out of order"))
                last = (number, end)
                if entry["section"] == NONE:
                    if entry.get("reason") not in REASONS.values() or entry["salience"]:
                        problems.append(Problem(number, "a left-out statement needs its reason"))
                elif entry["section"] not in SECTIONS.values():
                    problems.append(Problem(number, f"unknown section {entry['section']}"))
            if kind == "together" and not all(1 <= d <= N_DOMAINS for d in entry["domains"]):
                problems.append(Problem(number, "unknown domain"))
            if kind == "language" and entry["category"] not in LANGUAGE_CATEGORIES:
                problems.append(Problem(number, "unknown language category"))
    labelled = {s["turn"] for s in gold["statements"]}
    for number, (speaker, _) in enumerate(turns, 1):
        if speaker == gold["person"] and number not in labelled:
            problems.append(Problem(number, "a turn of the person without a statement"))
    for note in gold["peer_notes"]:
        words = strip_marks(note["text"])
        if any(words[s["start"] : s["end"]] != s["text"] for s in note["language"]):
            problems.append(Problem(0, "peer_notes: offsets and text differ"))


def words_of(text: str) -> list[str]:
    """Lower-case words, apostrophes straight."""
    return [w.lower().replace("’", "'") for w in _WORD.findall(strip_marks(text))]


def added_words(tidied: str, *sources: str) -> list[str]:
    """Words of a tidied form that neither its sources nor the function words hold."""
    known = {w for source in sources for w in words_of(source)}
    known |= {w.replace("'", "") for w in known} | FUNCTION_WORDS
    return [w for w in words_of(tidied) if w not in known]


def _check_tidied(
    turns: list[tuple[str, str]], gold: dict[str, Any], problems: list[Problem]
) -> None:
    for entry in gold["statements"]:
        number = entry["turn"]
        if not 1 <= number <= len(turns):
            continue  # reported with the spans
        if (entry["salience"] > 0) != ("tidied" in entry):
            problems.append(Problem(number, "salience above 0 and a tidied form go together"))
            continue
        if "tidied" not in entry:
            continue
        tidied = entry["tidied"]
        if _FILLERS.search(tidied):
            problems.append(Problem(number, "a filler is left in a tidied form", False))
        if tidied.rstrip()[-1:] not in (".", "!", "?", "”", '"', "।"):
            problems.append(Problem(number, "a tidied form ends without a full stop"))
        question = turns[number - 2][1] if number > 1 else ""
        own = turns[number - 1][1]
        new = added_words(tidied, entry["text"], question, own)
        if new:
            problems.append(Problem(number, f"new words in a tidied form: {' '.join(new)}", False))
        if re.match(r"(?:and|but|so|because|then)\b", tidied, re.I):
            problems.append(Problem(number, "a tidied form opens with a joining word", False))


def _check_claims(
    turns: list[tuple[str, str]], gold: dict[str, Any], problems: list[Problem]
) -> None:
    claims = gold["claims"]
    if len(claims) < MIN_CLAIMS:
        problems.append(Problem(0, f"{len(claims)} claims, at least {MIN_CLAIMS} wanted"))
        return
    share = sum(not c["supported"] for c in claims) / len(claims)
    if not UNSUPPORTED_SHARE[0] <= share <= UNSUPPORTED_SHARE[1]:
        problems.append(Problem(0, f"{share:.0%} of the claims unsupported, about half wanted"))
    kinds = Counter(c["kind"] for c in claims if not c["supported"])
    if len(kinds) < min(6, len(CLAIM_KINDS)):
        problems.append(Problem(0, f"only {len(kinds)} kinds of unsupported claim, 6 wanted"))
    person = gold["person"]
    for claim in claims:
        number = claim["turns"][-1]
        if any(not 1 <= t <= len(turns) or turns[t - 1][0] != person for t in claim["turns"]):
            problems.append(Problem(number, "a claim names a turn that is not the person's"))
        if not re.search(r"\b(?:I|I['’]\w+|me|my|mine|myself|we|us|our)\b", claim["text"], re.I):
            problems.append(Problem(number, "a claim is not in the first person", False))
    repeated = [t for t, n in Counter(c["text"].lower() for c in claims).items() if n > 1]
    if repeated:
        problems.append(Problem(0, f"{len(repeated)} claims stand twice"))
