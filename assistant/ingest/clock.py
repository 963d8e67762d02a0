"""Times and dates as transcripts and chats write them.

Every pattern is anchored and bounded, so reading a line takes time in proportion to its length.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Literal

START_WITHIN_S = 600.0  # times that begin later than this are taken for a clock on the wall
MAX_RECORDING_S = 7 * 24 * 3600.0  # longer than any session: a damaged time

_SPACES = r"[ \t\u00a0\u202f]"
_MERIDIEM = rf"(?:{_SPACES}?(?P<meridiem>[AaPp])\.?{_SPACES}?[Mm]\.?(?![^\W\d_]))?"
_CLOCK = rf"(?P<h>\d{{1,2}})[:.](?P<m>\d{{2}})(?:[:.](?P<s>\d{{2}}))?(?:[.,]\d{{1,6}})?{_MERIDIEM}"
_DATE = r"(?P<d1>\d{1,4})(?P<sep>[-/.])(?P<d2>\d{1,2})(?P=sep)(?P<d3>\d{2,4})"
_ZONE = r"(?P<zone>Z|[+-]\d{2}:?\d{2})?"
_BETWEEN = rf"(?:,|T|{_SPACES}at|{_SPACES}klo)?{_SPACES}{{0,3}}"
_DASH = rf"{_SPACES}{{0,4}}(?:[-–—|]{_SPACES}{{0,4}})?"

# [2026-03-01 14:02] …   01/03/2026, 14:02 - …   2026-03-01T14:02:00Z …
_DATED = re.compile(
    rf"(?P<open>[\[(])?{_DATE}{_BETWEEN}{_CLOCK}{_ZONE}(?(open)[\])]){_DASH}(?P<rest>.*)"
)
# 14:02 …   [00:01:05] …   (2:02 PM) …
_CLOCKED = re.compile(
    r"(?P<open>[\[(])?(?P<h>\d{1,3}):(?P<m>\d{2})(?::(?P<s>\d{2}))?(?:[.,]\d{1,6})?"
    rf"{_MERIDIEM}(?(open)[\])]){_DASH}(?P<rest>.*)"
)
_AFTER_STAMP = " \t\u00a0\u202f-–—|Z"
_OFFSET = re.compile(r"(?:(\d{1,5}):)?(\d{1,3}):(\d{1,2})(?:[.,](\d{1,9}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A time in front of a line. `date` holds its three numbers as written, or None."""

    date: tuple[int, int, int] | None
    separator: str
    hour: int
    minute: int
    second: int | None
    meridiem: Literal["a", "p", ""]
    zone: str


DateOrder = Literal["ymd", "dmy", "mdy"]


def split_stamp(text: str) -> tuple[Stamp, str] | None:
    """Split a leading time or date and time from the rest of a line."""
    match = _DATED.match(text)
    dated = match is not None
    if match is None:
        match = _CLOCKED.match(text)
    if match is None:
        return None
    rest = match["rest"]
    # "10:30ish" and "3.5.26x" are words, not stamps.
    if rest and match["open"] is None and text[match.start("rest") - 1] not in _AFTER_STAMP:
        return None
    meridiem = (match["meridiem"] or "").lower()
    stamp = Stamp(
        date=(int(match["d1"]), int(match["d2"]), int(match["d3"])) if dated else None,
        separator=match["sep"] if dated else "",
        hour=int(match["h"]),
        minute=int(match["m"]),
        second=int(match["s"]) if match["s"] else None,
        meridiem="a" if meridiem == "a" else "p" if meridiem == "p" else "",
        zone=(match["zone"] or "") if dated else "",
    )
    return stamp, rest


def read_offset(text: str) -> float | None:
    """Read `1:02:03.5`, `02:03` or `00:02:03,500` as seconds since the start."""
    match = _OFFSET.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds, fraction = match.groups()
    total = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return plausible_s(total + (float(f"0.{int(fraction):0{len(fraction)}d}") if fraction else 0.0))


def plausible_s(value: object, *, scale: float = 1.0) -> float | None:
    """Return a number of seconds, or None for anything that cannot be one.

    `scale` is seconds per unit (0.001 for milliseconds). Booleans, NaN, infinities, negative
    numbers and more than a week are None.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and abs(value) > 10**12:
        return None
    seconds = float(value) * scale
    if not math.isfinite(seconds) or not 0 <= seconds <= MAX_RECORDING_S:
        return None
    return seconds


def ordered_end(start_s: float | None, end_s: float | None) -> float | None:
    """Drop an end that lies before its start."""
    if start_s is not None and end_s is not None and end_s < start_s:
        return None
    return end_s


def find_date_order(stamps: Sequence[Stamp]) -> DateOrder:
    """Tell day/month from month/day by the whole file.

    A number above 12 settles it; else the order in which the dates run forward; else dots mean
    day first and slashes month first.
    """
    dated = [stamp.date for stamp in stamps if stamp.date is not None]
    if any(first > 31 for first, _, _ in dated):
        return "ymd"
    if any(first > 12 for first, _, _ in dated):
        return "dmy"
    if any(second > 12 for _, second, _ in dated):
        return "mdy"
    n_back_dmy = _count_backward([(year, second, first) for first, second, year in dated])
    n_back_mdy = _count_backward([(year, first, second) for first, second, year in dated])
    if n_back_dmy != n_back_mdy:
        return "dmy" if n_back_dmy < n_back_mdy else "mdy"
    return "dmy" if any(stamp.separator == "." for stamp in stamps) else "mdy"


def stamp_datetime(stamp: Stamp, order: DateOrder) -> datetime | None:
    """Return the clock time of a dated stamp, or None if there is no such day or hour."""
    if stamp.date is None:
        return None
    first, second, third = stamp.date
    if order == "ymd":
        year, month, day = first, second, third
    elif order == "dmy":
        day, month, year = first, second, third
    else:
        month, day, year = first, second, third
    hour = stamp.hour
    if stamp.meridiem:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if stamp.meridiem == "p" else 0)
    try:
        return datetime(
            year + 2000 if year < 100 else year,
            month,
            day,
            hour,
            stamp.minute,
            stamp.second or 0,
            tzinfo=_zone(stamp.zone),  # most exports carry none; then the time stays local
        )
    except (ValueError, OverflowError):
        return None


def stamp_seconds(stamp: Stamp) -> float:
    """Read a clock without a date as a recording offset: `mm:ss` or `hh:mm:ss`."""
    if stamp.second is None:
        return stamp.hour * 60.0 + stamp.minute
    return stamp.hour * 3600.0 + stamp.minute * 60.0 + stamp.second


def _count_backward(days: Sequence[tuple[int, int, int]]) -> int:
    return sum(1 for before, after in pairwise(days) if after < before)


def _zone(text: str) -> timezone | None:
    if not text:
        return None
    if text == "Z":
        return timezone.utc  # noqa: UP017 - the alias reads worse beside timezone(...)
    hours, minutes = int(text[1:3]), int(text[-2:])
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)
