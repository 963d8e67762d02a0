"""Files of the vault: written whole or not at all, readable by their owner alone.

A backup is one file: a line naming what it is, a line of JSON (the header), the body, and the
SHA-256 of all of it. The digest tells damage from a wrong key; secrecy is the body's own affair.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.errors import StoreCorrupt, StoreError, StoreFull

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
_CHUNK_BYTES = 1 << 20
_DIGEST_BYTES = 32
_MAX_HEADER_BYTES = 65_536
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_SCRATCH = ".scratch-"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFile:
    """A backup file whose digest was checked. The body is `[start, end)`, in bytes."""

    path: Path
    header: Mapping[str, Any]
    start: int
    end: int

    def body(self) -> Iterator[bytes]:
        """Yield the body piece by piece."""
        return read_chunks(self.path, start=self.start, end=self.end)


@contextmanager
def file_errors(name: str) -> Iterator[None]:
    """Turn the operating system's errors into ours, naming the file and never its folder."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StoreFull(
                f"{name} cannot be written: no room is left on the disk. Nothing was changed. "
                "Make room and try again."
            ) from None
        raise StoreError(
            f"{name} cannot be read or written ({os.strerror(error.errno or errno.EIO)}). "
            "Check that the folder is there and that you may use it."
        ) from None


def make_private_folder(folder: Path) -> None:
    """Make `folder` (and its parents); only its owner may look inside."""
    with file_errors(folder.name):
        folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
        folder.chmod(PRIVATE_FOLDER)


def make_private_file(path: Path) -> None:
    """Make an empty file for its owner alone; what SQLite puts beside it takes the same mode."""
    with file_errors(path.name):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))


def scratch_path(folder: Path) -> Path:
    """Return a path for a passing file in `folder`; `remove_scratch` clears what a crash left."""
    return folder / f"{_SCRATCH}{secrets.token_hex(8)}"


def remove_scratch(folder: Path, *, path: Path | None = None) -> None:
    """Remove one passing file with its journals, or all of them in `folder`."""
    for left in folder.glob(f"{path.name}*" if path else f"{_SCRATCH}*"):
        with suppress(OSError):
            left.unlink()


def publish(scratch: Path, destination: Path) -> None:
    """Give a finished passing file its name, so that a crash leaves all of it or none."""
    with file_errors(destination.name):
        with scratch.open("rb") as written:
            os.fsync(written.fileno())
        scratch.replace(destination)
        sync_folder(destination.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a power cut, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_private(destination: Path, content: Iterable[bytes]) -> None:
    """Write a file whole or not at all, replacing an older one. Raises `StoreFull`."""
    scratch = scratch_path(destination.parent)
    try:
        make_private_file(scratch)
        with file_errors(destination.name), scratch.open("wb") as file:
            for chunk in content:
                file.write(chunk)
        publish(scratch, destination)
    finally:
        remove_scratch(destination.parent, path=scratch)


def read_chunks(path: Path, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield the bytes `[start, end)` of a file, at most a mebibyte at a time."""
    with file_errors(path.name), path.open("rb") as source:
        source.seek(start)
        left = (path.stat().st_size if end is None else end) - start
        while left > 0 and (chunk := source.read(min(_CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk


def require_free(destination: Path) -> None:
    """Raise `StoreError` unless `destination` is a free name in a folder that is there."""
    if destination.exists():
        raise StoreError(f"{destination.name} is there already. Choose another name.")
    if not destination.parent.is_dir():
        raise StoreError(f"The folder for {destination.name} is not there. Make it first.")


def write_sealed(
    destination: Path, *, what: str, header: Mapping[str, object], body: Iterable[bytes]
) -> None:
    """Write a backup file; `what` names its kind. Raises `StoreError` if the name is taken."""
    require_free(destination)
    write_private(destination, _with_digest(what, header, body))


def read_sealed(source: Path, *, what: str) -> SealedFile:
    """Check the digest of a backup file and read its header.

    Raises `StoreCorrupt` if a byte changed, the end is missing or it is another kind of file.
    """
    with file_errors(source.name):
        end = source.stat().st_size - _DIGEST_BYTES
        _check_digest(source, end)
        with source.open("rb") as file:
            kind = file.readline(_MAX_HEADER_BYTES)
            line = file.readline(_MAX_HEADER_BYTES)
            start = file.tell()
    if kind != f"{what}\n".encode():
        raise StoreCorrupt(f"{source.name} is not the kind of file asked for ({what}).")
    try:
        header = json.loads(line)
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise StoreCorrupt(f"{source.name} has no readable header. Use another backup.")
    return SealedFile(path=source, header=header, start=start, end=end)


def _with_digest(what: str, header: Mapping[str, object], body: Iterable[bytes]) -> Iterator[bytes]:
    digest = hashlib.sha256()
    opening = f"{what}\n{json.dumps(header, sort_keys=True)}\n".encode()
    digest.update(opening)
    yield opening
    for chunk in body:
        digest.update(chunk)
        yield chunk
    yield digest.digest()


def _check_digest(source: Path, end: int) -> None:
    digest = hashlib.sha256()
    for chunk in read_chunks(source, end=max(end, 0)):
        digest.update(chunk)
    with source.open("rb") as file:
        file.seek(max(end, 0))
        if end < 0 or file.read() != digest.digest():
            raise StoreCorrupt(
                f"{source.name} is damaged or cut short. Nothing was changed. Use another backup."
            )
