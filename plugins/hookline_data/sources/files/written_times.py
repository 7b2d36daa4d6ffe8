"""Times as files write them."""

from __future__ import annotations

import re
from datetime import date, datetime

__all__ = ["day_of", "read_time"]

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:[.,](\d+))?)?) ?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)


def read_time(text: str) -> datetime:
    """Read a date or a time, with or without an offset from UTC.

    Raises:
        ValueError: It is none, or finer than microseconds.
    """
    found = _TIME.fullmatch(text)
    if found is None or (found[3] and found[3][6:].strip("0")):
        raise ValueError
    fraction = f".{found[3][:6].ljust(6, '0')}" if found[3] else ""
    clock = (found[2] or "00:00").replace(",", ".").partition(".")[0]
    return datetime.fromisoformat(f"{found[1]}T{clock}{fraction}{found[4] or ''}")


def day_of(time: datetime) -> date:
    """Give the day of a time that is one's beginning.

    Raises:
        ValueError: It is a time within a day, or one with an offset from UTC.
    """
    if time.tzinfo is not None or time.time() != datetime.min.time():
        raise ValueError
    return time.date()
