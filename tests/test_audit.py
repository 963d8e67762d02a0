"""assistant/audit.py and assistant/audit_check.py: every alteration of the log is found."""

from __future__ import annotations

import ast
import json
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import assistant.audit_check as audit_check
from assistant.audit import (
    AuditEvent,
    AuditKeys,
    LogFiles,
    anchor_of,
    anchor_word,
    seal_entry,
    verify_audit,
    verify_macs,
)
from assistant.errors import AuditError, InputError

KEYS = AuditKeys(chain=b"c" * 32, signing_seed=b"s" * 32)
OTHER_KEYS = AuditKeys(chain=b"d" * 32, signing_seed=b"t" * 32)
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def make_lines(n_entries: int, keys: AuditKeys = KEYS) -> list[str]:
    lines: list[str] = []
    for number in range(n_entries):
        event = AuditEvent(
            event="log_opened" if number == 0 else "draft_written",
            actor="software" if number == 0 else "peer-00000000000000aa",
            ids={} if number == 0 else {"session": f"session-{number:016x}"},
            counts={"sentences": number},
        )
        last = lines[-1] if lines else None
        lines.append(seal_entry(event, last=last, keys=keys, at=START + timedelta(minutes=number)))
    return lines


def as_log(lines: list[str]) -> bytes:
    return "".join(line + "\n" for line in lines).encode()


def anchor_text(lines: list[str], keys: AuditKeys = KEYS) -> str:
    return f"Receipt\n{anchor_word(anchor_of(lines[-1], keys=keys))}\n"


def test_a_whole_log_verifies_with_and_without_anchor() -> None:
    lines = make_lines(12)
    assert audit_check.verify_log(as_log(lines)) == 12
    assert audit_check.verify_log(as_log(lines), anchors=anchor_text(lines)) == 12
    assert audit_check.verify_log(as_log(lines), anchors=anchor_text(lines[:5])) == 12
    verify_macs(lines, keys=KEYS)


def _alter(lines: list[str], randomness: random.Random) -> tuple[str, bytes]:
    """Alter a log in one random way; returns the kind and the altered bytes."""
    kind = randomness.choice(
        ["byte", "edit", "insert", "forge", "delete", "swap", "shuffle", "cut_entries", "cut_bytes"]
    )
    altered = list(lines)
    at = randomness.randrange(len(lines))
    if kind == "byte":
        log = bytearray(as_log(lines))
        log[randomness.randrange(len(log))] ^= 1 << randomness.randrange(8)
        return kind, bytes(log)
    if kind == "edit":
        entry = json.loads(altered[at])
        name = randomness.choice(sorted(entry))
        entry[name] = randomness.choice([None, 0, "", "peer-00000000000000ab", {}, [entry[name]]])
        altered[at] = audit_check.canonical(entry)
    elif kind == "insert":
        altered.insert(at, altered[randomness.randrange(len(lines))])
    elif kind == "forge":  # a well-formed entry by somebody without the key
        event = AuditEvent(event="note_approved", actor="person-00000000000000cc")
        last = altered[at - 1] if at else None
        altered.insert(at, seal_entry(event, last=last, keys=OTHER_KEYS, at=START))
    elif kind == "delete":
        del altered[at]
    elif kind == "swap":
        other = randomness.choice([n for n in range(len(lines)) if n != at])
        altered[at], altered[other] = altered[other], altered[at]
    elif kind == "shuffle":
        while altered == lines:
            randomness.shuffle(altered)
    elif kind == "cut_entries":
        altered = altered[: randomness.randrange(len(lines))]
    else:
        log = as_log(lines)
        return kind, log[: randomness.randrange(len(log))]
    return kind, as_log(altered)


@pytest.mark.slow
def test_every_one_of_10000_alterations_is_found() -> None:
    lines = make_lines(8)
    whole, anchors = as_log(lines), anchor_text(lines)
    randomness = random.Random(20260302)
    n_altered = 0
    while n_altered < 10_000:
        kind, altered = _alter(lines, randomness)
        if altered == whole:  # an "edit" may pick the value that was there
            continue
        n_altered += 1
        try:
            audit_check.verify_log(altered, anchors=anchors)
        except audit_check.LogAlteredError:
            continue
        pytest.fail(f"an alteration of the kind {kind} went unnoticed")


def test_a_log_extended_by_somebody_without_the_key_is_refused() -> None:
    lines = make_lines(4)
    event = AuditEvent(event="note_approved", actor="person-00000000000000cc")
    lines.append(seal_entry(event, last=lines[-1], keys=OTHER_KEYS, at=START))
    with pytest.raises(audit_check.LogAlteredError) as caught:
        audit_check.verify_log(as_log(lines))
    assert caught.value.position == 5


def test_a_log_replaced_whole_under_another_key_is_refused_by_the_anchor() -> None:
    forged = make_lines(4, keys=OTHER_KEYS)
    assert audit_check.verify_log(as_log(forged)) == 4  # nothing inside it can tell
    with pytest.raises(audit_check.LogAlteredError):
        audit_check.verify_log(as_log(forged), anchors=anchor_text(make_lines(4)))


def test_an_altered_or_empty_anchor_is_refused() -> None:
    lines = make_lines(3)
    anchor = anchor_text(lines)
    altered = anchor.replace(anchor[-8:-2], "000000")
    for text in (altered, "no anchor here", ""):
        with pytest.raises(audit_check.LogAlteredError):
            audit_check.verify_log(as_log(lines), anchors=text)


@pytest.mark.parametrize(
    "event",
    [
        AuditEvent(event="draft_written", actor="Dana"),  # a name as actor
        AuditEvent(event="draft_written", actor="software", ids={"session": "felt low today"}),
        AuditEvent(event="draft_written", actor="software", ids={"session": "marisol"}),
        AuditEvent(event="draft_written", actor="software", ids={"session": "felt-low-today"}),
        AuditEvent(event="draft_written", actor="software", ids={"What she said": "none"}),
        AuditEvent(event="said something", actor="software"),  # an unknown kind
        AuditEvent(event="draft_written", actor="software", counts={"n": True}),
        AuditEvent(event="draft_written", actor="software", counts={"n": "words"}),  # type: ignore[dict-item]
    ],
)
def test_an_entry_that_could_hold_words_is_refused_without_repeating_them(
    event: AuditEvent,
) -> None:
    with pytest.raises(InputError) as caught:
        seal_entry(event, last=None, keys=KEYS, at=START)
    assert "Dana" not in str(caught.value)
    assert "felt" not in str(caught.value)


def test_log_files_keep_the_log_and_an_anchor_for_each_head(tmp_path: Path) -> None:
    files = LogFiles(log=tmp_path / "audit.jsonl", anchors=tmp_path / "anchors.txt")
    lines = make_lines(5)
    files.append(lines[:2], keys=KEYS)
    with files.log.open("a") as log:
        log.write(lines[2][:40])  # a crash in the middle of a line
    assert files.entries() == tuple(lines[:2])
    files.append(lines[2:], keys=KEYS)
    assert verify_audit(tmp_path, anchor=files.anchors) == 5
    files.log.write_text("".join(line + "\n" for line in lines[:4]))
    with pytest.raises(AuditError) as caught:
        verify_audit(files.log, anchor=files.anchors)
    assert caught.value.position == 5
    with pytest.raises(InputError):
        verify_audit(tmp_path / "missing.jsonl")


def test_macs_made_with_another_chain_key_are_found() -> None:
    with pytest.raises(AuditError):
        verify_macs(make_lines(2), keys=AuditKeys(chain=b"x" * 32, signing_seed=b"s" * 32))


def test_the_verifier_stands_alone(tmp_path: Path) -> None:
    source = Path(audit_check.__file__)
    text = source.read_text()
    assert len(text.splitlines()) < 200
    imported = {
        name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    assert not any(str(name).startswith("assistant") for name in imported)
    lines = make_lines(3)
    (tmp_path / "log").write_bytes(as_log(lines))
    (tmp_path / "anchor").write_text(anchor_text(lines))
    command = [sys.executable, "-I", str(source), str(tmp_path / "log")]
    with_anchor = [*command, "--anchor", str(tmp_path / "anchor")]
    assert subprocess.run(with_anchor, check=False, capture_output=True).returncode == 0
    (tmp_path / "log").write_bytes(as_log(lines[:2]))
    cut = subprocess.run(with_anchor, check=False, capture_output=True, text=True)
    assert (cut.returncode, "entry 3" in cut.stderr) == (1, True)
    assert subprocess.run([*command, "--what"], check=False, capture_output=True).returncode == 2
