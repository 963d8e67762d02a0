"""The lines of a Word document (DOCX), read without running or fetching anything.

Only the text parts are unpacked, each up to the size limit, and their XML is read as a stream
without entities. A row of a two-column table (`name | words`) becomes `name: words`. Deleted text
of tracked changes is counted as unread, as are footnotes, comments and headers; line numbers count
paragraphs, the body first.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from xml.sax.handler import ContentHandler  # only the interface: defusedxml parses
from xml.sax.xmlreader import AttributesImpl

import defusedxml.sax

from assistant.errors import TranscriptError
from assistant.ingest.clock import read_offset
from assistant.ingest.lines import Line
from assistant.records import Unread

DELETED = "text that was deleted in tracked changes"
MARGIN = "a footnote, comment, header or footer"

_MAX_ENTRIES = 5000  # a real document has some dozens
_OFFICE = "/officeDocument"
_MARGIN_NAMES = ("comments", "footnotes", "endnotes", "header", "footer")


def read_word_lines(
    data: bytes, *, file: str, max_bytes: int
) -> tuple[tuple[Line, ...], tuple[Unread, ...]]:
    """Return the paragraphs of a DOCX as lines, and what was not taken over.

    Raises `TranscriptError` for another kind of archive, a password, macros, damage, or a part
    larger than `max_bytes` unpacked.
    """
    archive, entries = _open_archive(data, file=file)
    body_name = _find_body(archive, entries, file=file, max_bytes=max_bytes)
    body = _read_part(archive, entries[body_name], file=file, max_bytes=max_bytes)
    paragraphs, deleted = _read_paragraphs(body, file=file)
    lines = tuple(Line(number=number, text=text) for number, text in paragraphs)
    unread = [Unread(line=number, reason=DELETED) for number in deleted]
    number = max([line.number for line in lines], default=0)
    folder = body_name.rpartition("/")[0]
    for name in sorted(entries):
        stem = name.rpartition("/")[2]
        if name.rpartition("/")[0] != folder or not stem.startswith(_MARGIN_NAMES):
            continue
        part = _read_part(archive, entries[name], file=file, max_bytes=max_bytes)
        for _, text in _read_paragraphs(part, file=file)[0]:
            if text.strip():
                number += 1
                unread.append(Unread(line=number, reason=MARGIN))
    return lines, tuple(unread)


def _open_archive(
    data: bytes, *, file: str
) -> tuple[zipfile.ZipFile, Mapping[str, zipfile.ZipInfo]]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = {info.filename: info for info in archive.infolist()}
    except Exception:  # zipfile raises a dozen kinds of error on damaged archives
        raise _damaged(file) from None
    if len(entries) > _MAX_ENTRIES:
        raise _refused(file, f"it holds more than {_MAX_ENTRIES} parts")
    if any(info.flag_bits & 1 for info in entries.values()):
        raise _refused(file, "it is protected by a password")
    if any(name.lower().endswith("vbaproject.bin") for name in entries):
        raise _refused(file, "it holds macros")
    if "[Content_Types].xml" not in entries:
        if any(name.lower().endswith(".txt") for name in entries):
            raise TranscriptError(
                file=file,
                line=0,
                problem="this is a zip archive",
                remedy="Unpack it and give the text file inside.",
            )
        raise _other_archive(file)
    return archive, entries


def _find_body(
    archive: zipfile.ZipFile,
    entries: Mapping[str, zipfile.ZipInfo],
    *,
    file: str,
    max_bytes: int,
) -> str:
    """The main part by its relationship, since some programs call it `document2.xml`."""
    if "_rels/.rels" in entries:
        rels = _Relationships()
        part = _read_part(archive, entries["_rels/.rels"], file=file, max_bytes=max_bytes)
        _parse_xml(part, rels, file=file)
        if rels.target in entries and rels.target.startswith("word/"):
            return rels.target
    if "word/document.xml" in entries:
        return "word/document.xml"
    raise _other_archive(file)


def _read_part(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, *, file: str, max_bytes: int
) -> bytes:
    if info.file_size > max_bytes:
        raise _too_large(file, max_bytes)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _damaged(file)
    try:
        with archive.open(info) as part:
            data = part.read(max_bytes + 1)  # the declared size may be a lie
    except Exception:  # zlib, zipfile, struct and end-of-file errors of a damaged part
        raise _damaged(file) from None
    if len(data) > max_bytes:
        raise _too_large(file, max_bytes)
    return data


def _parse_xml(data: bytes, handler: ContentHandler, *, file: str) -> None:
    try:
        defusedxml.sax.parseString(data, handler, forbid_dtd=True)
    except TranscriptError:
        raise
    except Exception:  # expat, defusedxml and codec errors; some quote the text
        raise _damaged(file) from None


def _read_paragraphs(data: bytes, *, file: str) -> tuple[list[tuple[int, str]], list[int]]:
    handler = _Paragraphs()
    _parse_xml(data, handler, file=file)
    return handler.lines, handler.deleted


class _Relationships(ContentHandler):
    """Finds the target of the office document relationship."""

    def __init__(self) -> None:
        super().__init__()
        self.target = ""

    def startElement(self, name: str, attrs: AttributesImpl[str]) -> None:  # noqa: N802
        if name == "Relationship" and attrs.get("Type", "").endswith(_OFFICE):
            self.target = attrs.get("Target", "").lstrip("/")


class _Paragraphs(ContentHandler):
    """Collects (paragraph number, text); a line break inside a paragraph starts a new text."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[int, str]] = []
        self.deleted: list[int] = []
        self._number = 0
        self._texts: list[list[str]] = [[]]
        self._in_text = 0
        self._n_fallback = 0
        self._row: list[list[str]] | None = None
        self._n_tables = 0

    def startElement(self, name: str, attrs: AttributesImpl[str]) -> None:  # noqa: ARG002, N802
        if name == "mc:Fallback":  # the same words a second time, for old programs
            self._n_fallback += 1
        elif name == "w:p":
            self._number += 1
            self._texts = [[]]
        elif name == "w:t":
            self._in_text += 1
        elif name == "w:delText":
            if not self.deleted or self.deleted[-1] != self._number:
                self.deleted.append(self._number)
        elif name in ("w:br", "w:cr"):
            self._texts.append([])
        elif name == "w:tab" and self._texts:
            self._texts[-1].append("\t")
        elif name == "w:noBreakHyphen":
            self._texts[-1].append("-")
        elif name == "w:tbl":
            self._n_tables += 1
        elif name == "w:tr" and self._n_tables == 1:
            self._row = []
        elif name == "w:tc" and self._n_tables == 1 and self._row is not None:
            self._row.append([])

    def characters(self, content: str) -> None:
        if self._in_text and not self._n_fallback:
            self._texts[-1].append(content)

    def endElement(self, name: str) -> None:  # noqa: N802
        if name == "mc:Fallback":
            self._n_fallback -= 1
        elif name == "w:t":
            self._in_text -= 1
        elif name == "w:p":
            self._end_paragraph()
        elif name == "w:tbl":
            self._n_tables -= 1
        elif name == "w:tr" and self._n_tables == 1 and self._row is not None:
            self._end_row(self._row)
            self._row = None

    def _end_paragraph(self) -> None:
        texts = ["".join(parts).replace("\r", " ").replace("\n", " ") for parts in self._texts]
        self._texts = [[]]
        if self._row:
            self._row[-1].extend(text for text in texts if text.strip())
        else:
            self.lines.extend((self._number, text) for text in texts)

    def _end_row(self, row: list[list[str]]) -> None:
        cells = [" ".join(text.strip() for text in cell) for cell in row if cell]
        stamps = [cell for cell in cells[:2] if read_offset(cell.strip("[]()")) is not None]
        others = [cell for cell in cells if cell not in stamps]
        if len(others) == 2 and len(others[0]) <= 60:
            text = f"{others[0].rstrip(': ')}: {others[1]}"
            stamp = f"[{stamps[0].strip('[]()')}] " if stamps else ""
            self.lines.append((self._number, stamp + text))
        else:
            self.lines.extend((self._number, cell) for cell in cells)


def _refused(file: str, why: str) -> TranscriptError:
    return TranscriptError(
        file=file,
        line=0,
        problem=f"this Word document is not opened because {why}",
        remedy="Save it as a plain DOCX without password or macros, or as text, and try again.",
    )


def _too_large(file: str, max_bytes: int) -> TranscriptError:
    return _refused(file, f"a part of it unpacks to more than {max_bytes} bytes")


def _damaged(file: str) -> TranscriptError:
    return TranscriptError(
        file=file,
        line=0,
        problem="this Word document is damaged",
        remedy="Open it in a word processor, save it again, and try again.",
    )


def _other_archive(file: str) -> TranscriptError:
    return TranscriptError(
        file=file,
        line=0,
        problem="this is an archive, not a Word document",
        remedy="Give the transcript itself as text, WebVTT, SRT, JSON or DOCX.",
    )
