"""From bytes to text, and from text to text that shows everything it holds.

UTF-8 is tried first, then UTF-16 and UTF-32 by their marks or their zero bytes, then
charset-normalizer is asked. Text becomes NFC, so that offsets count what people see. Characters
that nobody can see and that could hide a name or turn a line round (bidirectional overrides,
control characters, zero-width spaces) are taken out and counted; they hold no words.
"""

from __future__ import annotations

import re
import unicodedata

from charset_normalizer import from_bytes

from assistant.errors import TranscriptError

_HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u180e\u200b\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
    "|(?<=[A-Za-z])[\u200c\u200d](?=[A-Za-z])"  # joiners belong in other scripts and emoji
)
_SURROGATE = re.compile("[\ud800-\udfff]")  # possible in JSON escapes, impossible in UTF-8
_MARKS = re.compile("[\u200e\u200f\u061c]")  # ordinary in exports of phones, nothing is lost
_BREAKS = re.compile("[\x0b\x0c\x85\u2028\u2029]")  # line breaks inside a line
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f]")
_MULTIBYTE = re.compile(rb"[\xc2-\xf4][\x80-\xbf]{1,3}")

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)  # fmt: skip
# Encodings that phones, Windows and Macs write; a longer list only adds look-alikes.
_LEGACY = [
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258",
    "koi8_r", "mac_roman", "cp437", "shift_jis", "gb18030", "big5", "euc_kr", "euc_jp",
]  # fmt: skip
_MAX_CONTROL_SHARE = 0.1


def decode_bytes(data: bytes, *, file: str) -> tuple[str, str]:
    """Return the text and the name of its encoding.

    Bytes that cannot be read in that encoding become U+FFFD. Raises `TranscriptError` if no
    encoding fits or the result is not text.
    """
    encoding = _find_encoding(data)
    if encoding is None:
        raise _not_text(file)
    for mark, _ in _BOMS:
        if data.startswith(mark):
            data = data[len(mark) :]
            break
    text = data.decode(encoding, errors="replace")
    if len(_CONTROL.findall(text)) > _MAX_CONTROL_SHARE * len(text):
        raise _not_text(file)
    return text, encoding


def clean_text(text: str, *, keep_marks: bool = False) -> tuple[str, int]:
    """Return the text in NFC without hidden characters, and how many of those there were.

    Left-to-right marks go too, uncounted, unless `keep_marks` is set.
    """
    if text.isascii() and text.isprintable():
        return text, 0
    text = _BREAKS.sub(" ", text)
    if not keep_marks:
        text = _MARKS.sub("", text)
    text, n_broken = _SURROGATE.subn("\ufffd", text)
    text, n_hidden = _HIDDEN.subn("", text)
    return unicodedata.normalize("NFC", text), n_hidden + n_broken


def _find_encoding(data: bytes) -> str | None:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return encoding
    wide = _find_wide(data[:4000])
    if wide is not None:
        return wide
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        # A few damaged bytes do not make a UTF-8 file into something else.
        n_good = len(_MULTIBYTE.findall(data))
        n_bad = data.decode("utf-8", errors="replace").count("\ufffd")
        cut_short = (
            n_bad == 1 and error.end == len(data) and error.reason == "unexpected end of data"
        )
        if cut_short or n_bad <= n_good:
            return "utf-8"
        return _guess_legacy(data)
    return "utf-8"


def _find_wide(sample: bytes) -> str | None:
    """Tell UTF-16 without a mark by the zero bytes of its Latin letters."""
    half = len(sample) // 2
    if half < 4:
        return None
    n_even, n_odd = sample[0::2].count(0), sample[1::2].count(0)
    if n_odd > 0.4 * half and n_even < 0.05 * half:
        return "utf-16-le"
    if n_even > 0.4 * half and n_odd < 0.05 * half:
        return "utf-16-be"
    return None


def _guess_legacy(data: bytes) -> str | None:
    matches = from_bytes(data, cp_isolation=_LEGACY)
    best = matches.best()
    if best is None:
        return None
    # Look-alikes of Windows-1252 differ in a few letters (ñ and ń); it is by far the commonest.
    for match in matches:
        if match.encoding == "cp1252" and match.chaos <= best.chaos:
            return "cp1252"
    try:
        same = data.decode("cp1252") == str(best)
    except UnicodeDecodeError:
        same = False
    return "cp1252" if same else best.encoding


def _not_text(file: str) -> TranscriptError:
    return TranscriptError(
        file=file,
        line=0,
        problem="this is not text",
        remedy="Export the session as plain text, WebVTT, SRT, JSON or DOCX and try again.",
    )
