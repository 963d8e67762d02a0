"""Verify an Own Words audit log without Own Words.

    python audit_check.py audit.jsonl [--anchor FILE]

Needs Python 3.11 and the `cryptography` package, and imports nothing of the app, so that somebody
who does not trust the app can read and run it. Exit 0: the log is whole. Exit 1: it is not, and the
first bad entry is named. Exit 2: a file cannot be read.

The log holds one JSON object a line, in one canonical form. Entry n carries `prev`, the hash of
entry n-1; `hash`, SHA-256 of `prev` and the entry; `mac`, a keyed hash only the app can make; and
`sig`, Ed25519 over number, hash and mac. The first entry names the public key. An anchor is a word
`owa1:POSITION:HASH:PUBLICKEY:SIGNATURE`, printed on receipts and kept in a second file: any file
that holds such words can be given. It proves that the log once reached that position and hash.

What it cannot tell without an anchor: that entries were cut from the end, or that the whole log was
replaced by another one with another key.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

GENESIS = "0" * 64
ANCHOR = re.compile(r"owa1:([0-9]{1,12}):([0-9a-f]{64}):([0-9a-f]{64}):([0-9a-f]{128})")
FIELDS = {"n", "at", "event", "actor", "ids", "counts", "prev", "hash", "mac", "sig"}


class LogAlteredError(Exception):
    """The log is not what was written. `position` is the first bad entry, 1-based."""

    def __init__(self, position: int, problem: str) -> None:
        self.position = position
        self.problem = problem
        super().__init__(f"entry {position}: {problem}")


def canonical(entry: dict[str, object]) -> str:
    """Return the one text form of an entry: ASCII, keys sorted, no spaces."""
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def entry_hash(prev: str, body: dict[str, object]) -> str:
    """Return the hex SHA-256 of an entry without its `hash`, `mac` and `sig`."""
    return hashlib.sha256(f"ownwords-audit-1\n{prev}\n{canonical(body)}".encode()).hexdigest()


def entry_message(position: int, digest: str, mac: str) -> bytes:
    """Return what is signed for an entry."""
    return f"ownwords-audit-entry-1\n{position}\n{digest}\n{mac}".encode()


def anchor_message(position: int, digest: str) -> bytes:
    """Return what is signed for an anchor."""
    return f"ownwords-audit-anchor-1\n{position}\n{digest}".encode()


def verify_log(log: bytes, *, anchors: str | None = None) -> int:
    """Check every entry of `log` and every anchor in the text `anchors`; return the entry count.

    Raises `LogAlteredError` at the first entry that was edited, cut, reordered, inserted or added.
    """
    known = _read_anchors(anchors) if anchors is not None else {}
    hashes, public_key = _verify_chain(log)
    for position, (digest, key, signature) in sorted(known.items()):
        if position > len(hashes):
            raise LogAlteredError(
                len(hashes) + 1, f"missing: an anchor shows that the log reached {position} entries"
            )
        if key != public_key:
            raise LogAlteredError(1, "the log is signed with another key than the anchor")
        if hashes[position - 1] != digest:
            raise LogAlteredError(position, "differs from the anchor made when it was written")
        if not _signed(key, signature, anchor_message(position, digest)):
            raise LogAlteredError(position, "the anchor itself was altered")
    return len(hashes)


def _verify_chain(log: bytes) -> tuple[list[str], str]:
    lines = log.split(b"\n")
    if lines.pop() != b"":
        raise LogAlteredError(len(lines) + 1, "the last line was cut")
    if not lines:
        raise LogAlteredError(1, "the log is empty")
    hashes: list[str] = []
    public_key = ""
    prev = GENESIS
    for position, line in enumerate(lines, start=1):
        entry = _read_entry(position, line)
        if position == 1:
            ids = entry["ids"]
            public_key = str(ids.get("public_key", "")) if isinstance(ids, dict) else ""
        prev = _verify_entry(position, entry, prev=prev, public_key=public_key)
        hashes.append(prev)
    return hashes, public_key


def _read_entry(position: int, line: bytes) -> dict[str, object]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        raise LogAlteredError(position, "is not an entry") from None
    if not isinstance(entry, dict) or set(entry) != FIELDS:
        raise LogAlteredError(position, "has missing or foreign fields")
    if canonical(entry).encode() != line:
        raise LogAlteredError(position, "is not in the form it was written in")
    return entry


def _verify_entry(position: int, entry: dict[str, object], *, prev: str, public_key: str) -> str:
    if entry["n"] != position or isinstance(entry["n"], bool):
        raise LogAlteredError(position, "is out of order, or an entry before it is missing")
    if entry["prev"] != prev:
        raise LogAlteredError(position, "does not follow the entry before it")
    body = {name: entry[name] for name in FIELDS - {"hash", "mac", "sig"}}
    digest = entry_hash(prev, body)
    if entry["hash"] != digest:
        raise LogAlteredError(position, "was edited")
    if not _signed(
        public_key, str(entry["sig"]), entry_message(position, digest, str(entry["mac"]))
    ):
        raise LogAlteredError(position, "was not written by the app")
    return digest


def _signed(public_key: str, signature: str, message: bytes) -> bool:
    if not re.fullmatch("[0-9a-f]{64}", public_key) or not re.fullmatch("[0-9a-f]{128}", signature):
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _read_anchors(text: str) -> dict[int, tuple[str, str, str]]:
    found: dict[int, tuple[str, str, str]] = {}
    for match in ANCHOR.finditer(text):
        position = int(match[1])
        anchor = (match[2], match[3], match[4])
        if position < 1 or found.setdefault(position, anchor) != anchor:
            raise LogAlteredError(max(position, 1), "has two anchors that disagree")
    if not found:
        raise LogAlteredError(1, "the anchor file holds no anchor (a word that starts with owa1:)")
    return found


def main(arguments: list[str]) -> int:
    """Run the check from the command line; see the top of this file."""
    if len(arguments) not in (1, 3) or (len(arguments) == 3 and arguments[1] != "--anchor"):
        sys.stderr.write("usage: python audit_check.py LOG [--anchor FILE]\n")
        return 2
    try:
        log = Path(arguments[0]).read_bytes()
        anchors = Path(arguments[2]).read_text("utf-8", "replace") if len(arguments) == 3 else None
    except OSError as error:
        sys.stderr.write(f"{error.filename}: cannot be read. Check the path.\n")
        return 2
    try:
        n_entries = verify_log(log, anchors=anchors)
    except LogAlteredError as error:
        sys.stderr.write(f"The audit log was altered: {error}\n")
        return 1
    sys.stdout.write(f"{n_entries} entries, whole\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
