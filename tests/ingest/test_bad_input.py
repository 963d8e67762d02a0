"""Bad input ends in one clear sentence that names the file and what to do, and quotes nothing."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import docx
import pytest

from assistant.errors import TranscriptError
from assistant.ingest import parse_transcript, read_transcript
from assistant.settings import Settings

CANARY = "Zanzibarine"


def refused(data: bytes, *, person: str = "", peer: str = "", **limits: int) -> TranscriptError:
    with pytest.raises(TranscriptError) as caught:
        parse_transcript(
            data, name="session.txt", settings=Settings(**limits), person=person, peer=peer
        )
    return caught.value


def word(parts: dict[str, bytes] | None = None, **replaced: bytes) -> bytes:
    """A Word document with some parts added or replaced."""
    original = io.BytesIO()
    document = docx.Document()
    document.add_paragraph("Ana: hello")
    document.save(original)
    result = io.BytesIO()
    changed = {**(parts or {}), **replaced}
    with zipfile.ZipFile(original) as old, zipfile.ZipFile(result, "w", 8) as new:
        for info in old.infolist():
            if info.filename not in changed:
                new.writestr(info.filename, old.read(info))
        for name, data in changed.items():
            new.writestr(name, data)
    return result.getvalue()


def archive(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in files.items():
            new.writestr(name.replace("__", "."), data)
    return buffer.getvalue()


BOMB = b"<?xml version='1.0'?><!DOCTYPE d [<!ENTITY a 'x'><!ENTITY b '&a;&a;&a;&a;'>]><d>&b;</d>"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf  \r\n\t\n", "is empty"),  # a mark and blank lines
        (b"\0" * 400, "is empty"),  # a file system lost the content
        (bytes(range(256)) * 8, "not text"),
        (b"%PDF-1.7\n1 0 obj", "is a PDF"),
        (b"{\\rtf1\\ansi Ana: hi}", "RTF"),
        (b"<!doctype html><p>Ana: hi", "web page"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, "password-protected"),
        (b"RIFF\x24\x08\0\0WAVEfmt ", "sound or video"),
        (b"\0\0\0\x20ftypisom" + b"\0" * 40, "sound or video"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"\x1f\x8b\x08\0\0", "compressed"),
        (b"just words\nand more words\n", "no speaker was found"),
        (b"WEBVTT\n", "no speaker was found"),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\nhello.\n", "none of its 1 turns names a speaker"),
        (b'{"segments": [{"text": "hello", "start": 0, "end": 1}]}', "names a speaker"),
        (b'{"segments": []}', "no speaker was found"),
        (b'{"text": "hello"}', "no list of segments"),
        (b'{"segments": [{"text": "hel', "damaged or cut short"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"segments":' + b'{"a":' * 200_000, "nested too deeply"),
        (b'{"segments": [{"start": ' + b"9" * 9000 + b"}]}", "number that is too long"),
        (b"PK\x03\x04 nothing more", "damaged"),
        (archive(_chat__txt=b"Ana: hi"), "zip archive"),  # how phones send a chat
        (archive(mimetype=b"application/epub+zip"), "not a Word document"),
        (word()[:-200], "damaged"),
        (word({"word/vbaProject.bin": b"x"}), "macros"),
        (word({"word/document.xml": BOMB}), "damaged"),
        (word({"word/document.xml": b"<w:document"}), "damaged"),
        (word({"word/document.xml": b"<d>" + b" " * 30_000_000 + b"</d>"}), "unpacks to more"),
    ],
)
def test_what_cannot_be_read_is_named(data: bytes, problem: str) -> None:
    error = refused(data)
    assert problem in error.problem
    assert str(error).startswith("session.txt")
    assert str(error).count("\n") == 0
    assert error.remedy.endswith(".")


def test_a_password_is_named() -> None:
    data = bytearray(word())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(signature, at + 1)
    assert "password" in refused(bytes(data)).problem


def test_a_part_larger_than_it_says_is_not_unpacked() -> None:
    data = bytearray(word({"word/document.xml": b"<d>" + b" " * 30_000_000 + b"</d>"}))
    at = data.find(b"PK\x01\x02")
    while at >= 0:  # the directory lies about the size
        data[at + 24 : at + 28] = (100).to_bytes(4, "little")
        at = data.find(b"PK\x01\x02", at + 1)
    assert refused(bytes(data)).problem


@pytest.mark.parametrize(
    ("data", "limits", "line"),
    [
        (b"Ana: hi\n" * 30, {"max_bytes": 100}, 0),
        (b"Ana: hi\n" * 30, {"max_turns": 20}, 21),
        (b"Ana: hi\nTheo: " + b"a" * 200 + b"\n", {"max_line_chars": 100}, 2),
        (b"Ana: hi\n" + b"\n" * 500, {"max_turns": 20}, 401),
        # many short lines that make one endless turn
        (b"Ana: hi\n" + b"and so on\n" * 30, {"max_line_chars": 100}, 11),
        (
            b'{"segments": [{"text": "a.", "speaker": "A"}, {"text": "' + b"b" * 200 + b'"}]}',
            {"max_line_chars": 100},
            2,
        ),
        (word(), {"max_bytes": 20_000, "max_line_chars": 5}, 1),
    ],
)
def test_limits_name_the_line(data: bytes, limits: dict[str, int], line: int) -> None:
    if data.startswith(b"PK"):
        limits = {**limits, "max_bytes": 2_000_000}
    error = refused(data, **limits)
    assert error.line == line
    assert "OWNWORDS_MAX" in error.remedy


@pytest.mark.parametrize(
    ("person", "peer", "problem"),
    [
        (CANARY, "", "none of its 3 speaker labels fits the name given for the person"),
        ("Ana", CANARY, "none of its 3 speaker labels fits the name given for the peer"),
        ("Theo", "", "fits 2 of 3 speaker labels"),  # two people of that first name
        ("Ana", "ana", "fit the same speaker"),
    ],
)
def test_a_name_that_does_not_fit_is_an_error(person: str, peer: str, problem: str) -> None:
    data = b"Ana: hi\nTheo Lind: yes\nTheo Holm: no\n"
    error = refused(data, person=person, peer=peer)
    assert problem in error.problem
    for name in (CANARY, "Ana", "Theo", "Lind", "Holm"):
        assert name not in str(error)


@pytest.mark.parametrize(
    "data",
    [
        f"{CANARY}: {CANARY}\n".encode() + b"a" * 30_000,
        f'{{"segments": [{{"text": "{CANARY}'.encode(),
        f"{CANARY} only words".encode(),
        word({"word/document.xml": f"<d>{CANARY}".encode()}),
        f"WEBVTT\n\n00:01.000 --> 00:02.000\n{CANARY} said\n".encode(),
    ],
)
def test_errors_never_quote_the_words(data: bytes) -> None:
    error = refused(data, person="Nobody")
    assert CANARY not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


# ---------------------------------------------------------------- files


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    rows = [
        (tmp_path / "none.txt", "no such file"),
        (tmp_path, "is a folder"),
        (fifo, "not an ordinary file"),  # reading it would wait for ever
        (Path("/dev/zero"), "not an ordinary file"),
        (loop, "cannot be reached"),
        (tmp_path / ("n" * 400), "cannot be reached"),
        (tmp_path / "a\0b", "cannot be reached"),
    ]
    for path, problem in rows:
        with pytest.raises(TranscriptError) as caught:
            read_transcript(path, settings=Settings())
        assert problem in caught.value.problem


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may read every file")
def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    path = tmp_path / "closed.txt"
    path.write_text("Ana: hi\n")
    path.chmod(0)
    with pytest.raises(TranscriptError, match="cannot be opened"):
        read_transcript(path, settings=Settings())


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(50_000_000_000)  # sparse: reading it would not fit in memory
    with pytest.raises(TranscriptError, match="larger than"):
        read_transcript(path, settings=Settings())
