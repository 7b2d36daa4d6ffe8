"""Ranges and lists of a parameter's values, as a command line writes them: ``2026-01-01..2026-03-31``, ``north,south``.

Both ends of a range belong to it. Behind a slash stands a step: ``/7d``, ``/1month``, ``/1h``; of whole numbers ``/5``.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
import typing
from collections.abc import Iterator
from typing import Any

from hookline.graph.parameter_types import LISTS, members

__all__ = ["MOST", "RangeError", "element_type", "example_of", "is_list", "ranged", "values_of"]

_EXAMPLES: typing.Mapping[Any, str] = {
    dt.date: "2026-01-01..2026-03-31, with a step 2026-01-01..2026-03-31/7d",
    dt.datetime: "2026-01-01T00..2026-01-31T23, with a step 2026-01-01T00..2026-01-31T23/6h",
    int: "1..10, with a step 1..10/5",
}

MOST = 100_000
"""Values of a range, or partitions: more are taken for a mistake."""

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}(-[0-9]{2})?")
_STEP = re.compile(r"([0-9]{0,9})(min|h|d|w|month)s?")
_SPANS = {
    "min": dt.timedelta(minutes=1),
    "h": dt.timedelta(hours=1),
    "d": dt.timedelta(days=1),
    "w": dt.timedelta(weeks=1),
}


class RangeError(ValueError):
    """A range that makes no sense; the text says why."""


def is_list(annotation: Any) -> bool:
    """Tell whether a parameter takes a list."""
    return any(_plain(member) in LISTS for member in members(annotation))


def element_type(annotation: Any) -> Any:
    """Give the type of a list's elements; Any where it is not said."""
    inside = [typing.get_args(member) for member in members(annotation) if _plain(member) in LISTS]
    return inside[0][0] if inside and inside[0] else Any


def example_of(annotation: Any) -> str:
    """Write a range of a type's values, or of dates where it takes texts; empty where there are no ranges of it."""
    kind = _range_kind(element_type(annotation) if is_list(annotation) else annotation)
    return _EXAMPLES.get(kind, _EXAMPLES[dt.date] if kind is str else "")


def _range_kind(annotation: Any) -> Any:
    """Give the type whose ranges a parameter takes: a date, a time, a whole number, a text; None for no ranges."""
    kinds = [_plain(member) for member in members(annotation) if member is not type(None)]
    return next((kind for kind in kinds if kind in _EXAMPLES), str if str in kinds or Any in kinds else None)


def ranged(annotation: Any, text: str) -> list[object] | None:
    """Give the values of a range.

    Args:
        annotation: The type of one value. Of texts (and where nothing is said) only dates and months make ranges, which
            gives texts.
        text: What was written.

    Returns:
        The values; None where the text is no range, but may be a value.

    Raises:
        RangeError: The range makes no sense, or has too many values.
    """
    first, dots, rest = text.partition("..")
    last, slash, step = rest.partition("/")
    first, last, step = first.strip(), last.strip(), step.strip()
    kind = _range_kind(annotation)
    if not dots or kind is None or (kind is str and not (_DATE.fullmatch(first) or _DATE.fullmatch(last))):
        return None
    found = (
        _numbers(first, last, step if slash else "1")
        if kind is int
        else _times(kind, first, last, step if slash else None)
    )
    values: list[object] = []
    for value in found:
        values.append(value)
        if len(values) > MOST:
            raise RangeError(f"it has more than {MOST:,} values")
    return values


def values_of(annotation: Any, text: str) -> list[object] | None:
    """Give the values of a list with commas, whose parts may be ranges.

    Args:
        annotation: The type of one value.
        text: What was written.

    Returns:
        Texts, and values of ranges; None where it is one value.

    Raises:
        RangeError: A range makes no sense.
    """
    parts = [part.strip() for part in text.split(",")]
    ranges = [ranged(annotation, part) for part in parts]
    if len(parts) == 1 and ranges[0] is None:
        return None
    every = zip(parts, ranges, strict=True)
    return [value for part, found in every for value in ([part] * bool(part) if found is None else found)]


def _numbers(first: str, last: str, step: str) -> Iterator[int]:
    for text in (first, last):
        if not _WHOLE.fullmatch(text):
            raise RangeError(f"'{text}' is no whole number")
    if not _WHOLE.fullmatch(step) or int(step) < 1:
        raise RangeError(f"'{step}' is no step: write /5")
    if int(first) > int(last):
        raise RangeError("it ends before it begins")
    yield from range(int(first), int(last) + 1, int(step))


def _times(kind: Any, first: str, last: str, step: str | None) -> Iterator[object]:
    """Go from one time to another; whole months where both ends are months."""
    months = bool(_MONTH.fullmatch(first)) and bool(_MONTH.fullmatch(last))
    if not months and (_MONTH.fullmatch(first) or _MONTH.fullmatch(last)):
        raise RangeError("one end is a month and the other is not")
    begin, end = (_time(kind, f"{text}-01" if months else text) for text in (first, last))
    try:
        reversed_ = begin > end
    except TypeError:
        raise RangeError("one end has a time zone and the other has none") from None
    if reversed_:
        raise RangeError("it ends before it begins")
    if step is None:
        step = "month" if months else "h" if kind is dt.datetime and (_has_clock(first) or _has_clock(last)) else "d"
    count, unit = _step(kind, step)
    if months and unit != "month":
        raise RangeError(f"'{step}' is no step between months: write days, such as {begin:%Y-%m-%d}..{end:%Y-%m-%d}")
    for value in _steps(begin, end, count, unit):
        yield value if kind is not str else value.isoformat()[: 7 if months else 10]


def _step(kind: Any, step: str) -> tuple[int, str]:
    match = _STEP.fullmatch(step)
    if match is None or (match[1] and not int(match[1])):
        raise RangeError(f"'{step}' is no step: write /7d, /2w, /1month{', /1h' if kind is dt.datetime else ''}")
    if kind is not dt.datetime and match[2] in ("min", "h"):
        raise RangeError(f"'{step}' is no step between dates: write /1d")
    return int(match[1] or 1), match[2]


def _steps(begin: dt.date, end: dt.date, count: int, unit: str) -> Iterator[dt.date]:
    number = 0
    while True:
        try:
            value = _months_later(begin, number * count) if unit == "month" else begin + number * count * _SPANS[unit]
        except OverflowError:
            return  # behind the last day that there is
        if value > end:
            return
        yield value
        number += 1


def _months_later(begin: dt.date, months: int) -> dt.date:
    """Go some months on, in shorter ones to their last day."""
    year, month = divmod(begin.year * 12 + begin.month - 1 + months, 12)
    if year > dt.MAXYEAR:
        raise OverflowError
    return begin.replace(year=year, month=month + 1, day=min(begin.day, calendar.monthrange(year, month + 1)[1]))


def _time(kind: Any, text: str) -> dt.date:
    try:
        return dt.datetime.fromisoformat(text) if kind is dt.datetime else dt.date.fromisoformat(text)
    except ValueError:
        what = "date or time" if kind is dt.datetime else "date"
        raise RangeError(f"'{text}' is no {what}" if text else "it has one end only") from None


def _has_clock(text: str) -> bool:
    return "T" in text or " " in text or ":" in text


def _plain(annotation: Any) -> Any:
    return typing.get_origin(annotation) or annotation
