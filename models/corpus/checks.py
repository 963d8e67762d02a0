"""Checks over the whole corpus: every session, the splits, the people, the sentences they share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from models.corpus.files import read_pair, read_splits, session_ids
from models.corpus.lint import lint_session, words_of
from models.corpus.rows import Session, load_sessions
from models.corpus.scheme import CORPUS, MODALITIES, REASONS, REQUIRED_SETTINGS, SPLITS, TARGETS
from models.corpus.source import MARK
from models.corpus.swap import load_lists

# Two sentences of different splits count as one when rapidfuzz.fuzz.ratio over their lower-case
# words reaches this. Below five words nearly everything is a greeting or a reply.
NEAR_DUPLICATE_RATIO = 85
MIN_WORDS_COMPARED = 5

_NOT_NAMES = frozenset({
    "de", "la", "del", "van", "von", "the", "el", "al", "bin", "mr", "mrs", "ms", "miss", "dr",
    "doctor", "aunt", "auntie", "uncle", "sister", "father", "brother", "nurse", "ma", "pa", "st",
    "big", "little", "old", "young", "pastor", "coach", "tía", "tío", "don", "doña", "señora",
})  # fmt: skip
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")


class Finding(NamedTuple):
    """Something `check` reports. `line` is the turn, 0 the whole session or corpus."""

    session: str
    line: int
    message: str
    is_error: bool = True


def person_names(text: str) -> set[str]:
    """Every word of every marked personal name, lower case, titles and particles left out."""
    return {
        word
        for kind, surface in MARK.findall(text)
        if kind in ("PERSON", "NICKNAME")
        for word in name_words(surface)
    }


def name_words(name: str) -> set[str]:
    """The words of one name that could be shared with somebody else's."""
    words = {w.lower().strip(".,'’") for w in name.replace("-", " ").split()}
    return {w for w in words if len(w) > 2 and w not in _NOT_NAMES}


def check_corpus(folder: Path = CORPUS, *, with_targets: bool = True) -> list[Finding]:
    """Everything wrong with the corpus in `folder`; an empty list of errors means it is sound."""
    findings: list[Finding] = []
    ids = session_ids(folder)
    for session_id in ids:
        text, gold = read_pair(session_id, folder)
        if gold["id"] != session_id:
            findings.append(Finding(session_id, 0, "the id inside differs from the file name"))
        findings += [Finding(session_id, *p) for p in lint_session(text, gold)]
    findings += _check_splits(ids, folder)
    if any(f.is_error for f in findings):
        return findings  # the rest reads sessions as sound
    sessions = load_sessions(folder=folder)
    findings += _check_people(sessions)
    findings += _check_swap_lists(sessions)
    findings += [
        Finding(a, turn_a, f"shares a sentence with {b} turn {turn_b} of another split")
        for a, turn_a, b, turn_b in near_duplicates(sessions)
    ]
    if with_targets:
        findings += _check_targets(sessions)
        findings += _check_shares(ids, folder)
    return findings


def _check_splits(ids: Sequence[str], folder: Path) -> Iterator[Finding]:
    counts = Counter(i for group in read_splits(folder).values() for i in group)
    for session_id, n in counts.items():
        if n > 1:
            yield Finding(session_id, 0, "stands in more than one split")
    for session_id in ids:
        if session_id not in counts:
            yield Finding(session_id, 0, "is in no split")


def _check_shares(ids: Sequence[str], folder: Path) -> Iterator[Finding]:
    splits = read_splits(folder)
    total = sum(len(group) for group in splits.values())
    for session_id in sorted({i for group in splits.values() for i in group} - set(ids)):
        yield Finding(session_id, 0, "is in splits.json and has no files")
    for name, share in (("train", 0.6), ("dev", 0.2), ("test", 0.2)):
        found = len(splits[name]) / total
        if abs(found - share) > 0.03:
            yield Finding("all", 0, f"{name} holds {found:.0%} of the sessions, not {share:.0%}")


def _check_people(sessions: Sequence[Session]) -> Iterator[Finding]:
    """Speakers are shared by no two sessions; other people by no two splits."""
    speakers = {
        s.id: name_words(s.gold["person_full"]) | name_words(s.gold["peer_full"]) for s in sessions
    }
    named = {
        s.id: person_names("\n".join(t.marked for t in s.turns))
        | {w for t in s.turns if t.speaker_type != "HANDLE" for w in name_words(t.speaker)}
        for s in sessions
    }
    for a, b in combinations(sessions, 2):
        if both := speakers[a.id] & speakers[b.id]:
            yield Finding(a.id, 0, f"shares a speaker's name with {b.id}: {' '.join(both)}")
        elif a.split != b.split and (both := named[a.id] & named[b.id]):
            yield Finding(a.id, 0, f"shares a name with {b.id} ({b.split}): {' '.join(both)}")


def _check_swap_lists(sessions: Sequence[Session]) -> Iterator[Finding]:
    """The lists for exchanging names hold no speaker's name, or test would hold seen names."""
    lists = load_lists()
    listed = {
        word
        for table in ("given", "family")
        for names in lists[table].values()
        for name in names
        for word in name_words(name)
    }
    for session in sessions:
        speakers = name_words(session.gold["person_full"]) | name_words(session.gold["peer_full"])
        if both := speakers & listed:
            yield Finding(session.id, 0, f"a speaker's name is in swap.toml: {' '.join(both)}")


def near_duplicates(sessions: Sequence[Session]) -> list[tuple[str, int, str, int]]:
    """(session, turn, session, turn) of sentences of different splits that are nearly the same."""
    by_split = {name: [s for s in sessions if s.split == name] for name in SPLITS}
    return [
        found
        for one, other in combinations(by_split.values(), 2)
        for found in shared_sentences(one, other)
    ]


def shared_sentences(
    sessions: Sequence[Session], others: Sequence[Session]
) -> list[tuple[str, int, str, int]]:
    """(session, turn, other session, other turn) wherever a sentence is nearly the same."""
    from rapidfuzz import fuzz, process

    rows = [row for s in sessions for row in _sentences(s)]
    columns = [row for s in others for row in _sentences(s)]
    found = []
    for start in range(0, len(rows), 500):  # a block of rows at a time keeps memory small
        block = rows[start : start + 500]
        scores = process.cdist(
            [r[2] for r in block],
            [c[2] for c in columns],
            scorer=fuzz.ratio,
            score_cutoff=NEAR_DUPLICATE_RATIO,
            workers=-1,
        )
        for i, j in zip(*scores.nonzero(), strict=True):
            found.append((*block[i][:2], *columns[j][:2]))
    return found


def _sentences(session: Session) -> Iterator[tuple[str, int, str]]:
    """Sentences of five words or more; in raw recognition text the labelled statements."""
    for turn in session.turns:
        pieces = _SENTENCE_END.split(turn.plain)
        if session.gold["form"] == "raw_asr":
            mine = [s["text"] for s in session.gold["statements"] if s["turn"] == turn.number]
            pieces = mine or pieces
        for piece in pieces:
            words = words_of(piece)
            if len(words) >= MIN_WORDS_COMPARED:
                yield session.id, turn.number, " ".join(words)


def _check_targets(sessions: Sequence[Session]) -> Iterator[Finding]:
    measured = measure(sessions)
    for name, wanted in TARGETS.items():
        if name.startswith("per_"):
            continue
        if measured[name] < wanted:
            yield Finding("all", 0, f"{name}: {measured[name]}, at least {wanted} promised")
    settings = Counter(s.gold["setting"] for s in sessions)
    for setting in REQUIRED_SETTINGS:
        if settings[setting] < TARGETS["per_setting"]:
            yield Finding("all", 0, f"setting {setting}: {settings[setting]} sessions, 3 promised")
    modalities = Counter(s.gold["modality"] for s in sessions)
    for modality in MODALITIES:
        if modalities[modality] < TARGETS["per_modality"]:
            yield Finding("all", 0, f"modality {modality}: {modalities[modality]}, 3 promised")


def measure(sessions: Sequence[Session]) -> dict[str, int]:
    """The counts that TARGETS names."""
    statements = [s for session in sessions for s in session.gold["statements"]]
    off = REASONS["off"]
    return {
        "sessions": len(sessions),
        "statements": len(statements),
        "tidied": sum("tidied" in s for s in statements),
        "claims": sum(len(s.gold["claims"]) for s in sessions),
        "over_100_lines": sum(len(s.turns) > 100 for s in sessions),
        "raw_asr": sum(s.gold["form"] == "raw_asr" for s in sessions),
        "text_chat": sum(s.gold["modality"] == "text_chat" for s in sessions),
        "group": sum(s.gold["modality"] == "group" for s in sessions),
        "asked_not_to_record": sum(
            any(x.get("reason") == off for x in s.gold["statements"]) for s in sessions
        ),
        "name_origins": len({s.gold["groups"]["name_origin"] for s in sessions}),
    }
