"""Times in tables and lengths of time in arguments, as numbers that can be compared.

Whether a column holds dates, times with or without a zone, or plain numbers is its clock. What is of different kinds of
clocks is never compared: a time without a zone says nothing about when it was somewhere else.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hookline import HooklineError, UsageError

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["Clock", "Length", "Moment", "as_times", "clock_of", "common_clock", "read_length"]

Length = str | float | dt.timedelta
"""A length of time: text such as ``"7d"`` or ``"1h 30m"``, or a number where times are numbers."""

Moment = dt.datetime | dt.date | float | str
"""A moment: a date or time, also as ISO text, or a number where times are numbers."""

_UNITS = {
    "ms": dt.timedelta(milliseconds=1),
    "s": dt.timedelta(seconds=1),
    "m": dt.timedelta(minutes=1),
    "h": dt.timedelta(hours=1),
    "d": dt.timedelta(days=1),
    "w": dt.timedelta(weeks=1),
}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")
_KINDS = {"aware": "times with a zone", "naive": "times without a zone", "whole": "whole numbers", "float": "numbers"}
_WRITE = "write text such as '90s', '12h', '7d', '1h 30m'"
_FARTHEST = 2**62
"""Beyond it, sums of times and lengths no longer fit into 64 bits."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What times are counted in.

    Attributes:
        kind: ``"aware"`` or ``"naive"`` for times with or without a zone, ``"whole"`` or ``"float"`` for numbers.
        unit: ``"ns"`` or ``"us"``; empty for numbers.
    """

    kind: str
    unit: Literal["", "ns", "us"] = ""

    def ticks(self, column: nw.Series[Any], what: str) -> nw.Series[Any]:
        """Count times; none of them may be missing.

        Args:
            column: As :func:`as_times` gives it.
            what: What it is called in errors.
        """
        if not self.unit:
            self._check_numbers(column, what)
            return column
        if self.unit == "ns" and clock_of(column).unit != "ns" and len(column):
            years = column.dt.year()
            if years.min() < 1678 or years.max() > 2261:
                raise HooklineError(
                    f"{what} has times of the year {years.min() if years.min() < 1678 else years.max()}, which can't "
                    "be compared with times in nanoseconds",
                    help="cast the other column to microseconds, or mend these times",
                )
        return column.dt.timestamp(self.unit)

    def length(self, value: Length, what: str) -> float:
        """Count a length of time.

        Raises:
            UsageError: It is negative, can't be read, or does not fit the clock.
        """
        counted: float
        if not self.unit:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise UsageError(f"{what} is {value!r}, but times are numbers here", help="write a number")
            if self.kind == "whole" and math.isfinite(value) and value != int(value):
                raise UsageError(f"{what} is {value!r}, but times are whole numbers here", help="write a whole number")
            counted = value if self.kind == "float" or not math.isfinite(value) else int(value)
        else:
            counted = read_length(value, what) // dt.timedelta(microseconds=1) * (1000 if self.unit == "ns" else 1)
        if not 0 <= counted <= _FARTHEST:
            raise UsageError(f"{what} is {value!r}, which is no length of time that can be used", help=_WRITE)
        return counted

    def moment(self, value: Moment, what: str) -> float:
        """Count a moment.

        Raises:
            UsageError: It can't be read, or does not fit the clock.
        """
        if not self.unit:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise UsageError(f"{what} is {value!r}, but times are numbers here", help="write a number")
            if math.isnan(value):
                raise UsageError(f"{what} is {value!r}, which is before and after nothing", help="write a number")
            return value
        time = _read_moment(value, what)
        if (time.tzinfo is None) != (self.kind == "naive"):
            has, have = ("no zone", "one") if time.tzinfo is None else ("a zone", "none")
            example = "2026-01-31T00:00:00+00:00" if time.tzinfo is None else "2026-01-31T00:00:00"
            raise UsageError(
                f"{what} ({value}) has {has}, and the times that it is compared with have {have}",
                help=f"write it like '{example}'",
            )
        since = time - (_EPOCH if time.tzinfo is None else _EPOCH.replace(tzinfo=dt.UTC))
        return since // dt.timedelta(microseconds=1) * (1000 if self.unit == "ns" else 1)

    def later(self, column: nw.Series[Any], by: float) -> nw.Series[Any]:
        """Move times by a length that was counted; what is missing stays missing."""
        if not self.unit:
            return column + by
        return column + dt.timedelta(microseconds=by / (1000 if self.unit == "ns" else 1))

    def _check_numbers(self, column: nw.Series[Any], what: str) -> None:
        farthest = _FARTHEST if self.kind == "whole" else float("inf")
        if len(column) and not -farthest < column.min() <= column.max() < farthest:
            raise _too_large(what)


_EPOCH = dt.datetime(1970, 1, 1)


def as_times(column: nw.Series[Any], what: str) -> nw.Series[Any]:
    """Give a column of times in a form that can be counted: dates as midnights, zones as UTC, numbers in 64 bits.

    Args:
        column: The column.
        what: What it is called in errors, such as ``"column 'time' of the table 'left'"``.

    Raises:
        HooklineError: It holds no times.
    """
    import narwhals as nw

    kind = column.dtype
    if isinstance(kind, nw.Object) and str(column.implementation) == "pandas":
        import pandas as pd

        native = column.to_native()
        if pd.api.types.infer_dtype(native, skipna=True) in ("date", "datetime", "datetime64"):
            column = nw.from_native(pd.to_datetime(native), series_only=True)
            kind = column.dtype
    if isinstance(kind, nw.Date):
        return column.cast(nw.Datetime("us"))
    if isinstance(kind, nw.Datetime):
        return column.dt.convert_time_zone("UTC") if kind.time_zone and kind.time_zone != "UTC" else column
    if kind.is_integer() or kind.is_float():
        # In 64 bits, so that sums and differences fit.
        wide = nw.Int64 if kind.is_integer() else nw.Float64
        if isinstance(kind, nw.UInt64) and (column.max() or 0) > _FARTHEST:
            raise _too_large(what)
        return column if kind == wide else column.cast(wide)
    raise HooklineError(
        f"{what} holds no times but {str(kind).lower()}", help="convert it to dates, times or numbers first"
    )


def clock_of(column: nw.Series[Any]) -> Clock:
    """Tell the clock of a column that :func:`as_times` gave."""
    import narwhals as nw

    if isinstance(column.dtype, nw.Datetime):
        return Clock("aware" if column.dtype.time_zone else "naive", "ns" if column.dtype.time_unit == "ns" else "us")
    return Clock("float" if column.dtype.is_float() else "whole")


def common_clock(one: nw.Series[Any], other: nw.Series[Any], whats: tuple[str, str]) -> Clock:
    """Give a clock for two columns, the finer one.

    Raises:
        HooklineError: They can't be compared.
    """
    first, second = clock_of(one), clock_of(other)
    if first.kind != second.kind:
        zones = {first.kind, second.kind} == {"aware", "naive"}
        raise HooklineError(
            f"{whats[0]} holds {_KINDS[first.kind]}, and {whats[1]} {_KINDS[second.kind]}",
            help="give both a zone, or neither" if zones else "convert one of them to the other's type",
        )
    return Clock(first.kind, first.unit and min(first.unit, second.unit))


def read_length(value: Length, what: str) -> dt.timedelta:
    """Read a length of time.

    Raises:
        UsageError: It can't be read.
    """
    if isinstance(value, dt.timedelta):
        return value
    if not isinstance(value, str):
        raise UsageError(f"{what} is {value!r}, but times are no numbers here", help=_WRITE)
    parts = _PART.findall(value)
    if not parts or _PART.sub("", value).strip():
        raise UsageError(f"{what} '{value}' is no length of time", help=_WRITE)
    try:
        return sum((float(number) * _UNITS[unit] for number, unit in parts), dt.timedelta())
    except OverflowError as error:
        raise UsageError(f"{what} '{value}' is too long", help=_WRITE) from error


def _too_large(what: str) -> HooklineError:
    return HooklineError(f"{what} has numbers that are too large for times", help="look at its values")


def _read_moment(value: Moment, what: str) -> dt.datetime:
    if isinstance(value, str):
        try:
            return dt.datetime.fromisoformat(value)
        except ValueError as error:
            raise UsageError(f"{what} '{value}' is no date or time", help="write it like '2026-01-31'") from error
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day)
    raise UsageError(f"{what} is {value!r}, but times are no numbers here", help="write a date, like '2026-01-31'")
