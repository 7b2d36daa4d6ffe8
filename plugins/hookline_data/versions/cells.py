"""Whether cells of two columns are equal: exactly, missing ones among themselves, whatever the columns' types.

Columns of one plain type are compared by their library. All others become Python values, so that ``1`` equals ``1.0``
and a moment equals the same moment in another unit.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Sequence
from itertools import compress
from operator import ne
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import narwhals as nw

    Column = nw.Series[Any]

__all__ = ["changed_rows", "comparable", "frozen", "kind_of", "values_of"]

_NAN = ("not a number",)
_NANOSECONDS = {"ns": 1, "us": 1_000, "ms": 1_000_000}


def kind_of(column: Column) -> str:
    """Tell with which other columns one can be compared: those of the same kind."""
    dtype = column.dtype
    name = type(dtype).__name__ if not isinstance(dtype, type) else dtype.__name__
    if dtype.is_numeric() or name == "Boolean":
        return "number"
    if name in ("String", "Categorical", "Enum"):
        return "text"
    if name == "Datetime":
        return "moment" if getattr(dtype, "time_zone", None) else "time without a zone"
    return {"Date": "date", "Duration": "duration", "Time": "time of day", "Binary": "bytes"}.get(name, "")


def comparable(before: Column, after: Column) -> bool:
    """Tell whether values of two columns can be equal at all."""
    kinds = {kind_of(before), kind_of(after)}
    return len(kinds) == 1 or "" in kinds


def changed_rows(before: Column, after: Column) -> Sequence[int]:
    """Give the numbers of the rows in which two columns of one length differ, rising."""
    if not comparable(before, after):
        gone = zip(_missing(before), _missing(after), strict=True)
        return [row for row, (one, other) in enumerate(gone) if not (one and other)]
    if _alike(before, after):
        found: list[int] = (~_same(before, after)).arg_true().to_list()
        return found
    mixed = before.implementation != after.implementation
    first, second = (values_of(column, nan_is_missing=mixed) for column in (before, after))
    rows: Iterable[int] = range(len(first))
    if kind_of(before):
        # What these are made of says itself whether it differs, and few do.
        rows = compress(rows, map(ne, first, second))
    return [row for row in rows if not _equal(first[row], second[row])]


def values_of(column: Column, *, nan_is_missing: bool = False) -> list[Any]:
    """Give a column's values as Python has them: None for missing ones, moments and durations as nanoseconds.

    Args:
        column: The column.
        nan_is_missing: Whether NaN counts as missing, as in pandas it mostly does.
    """
    name = type(column.dtype).__name__
    unit: Any = getattr(column.dtype, "time_unit", "")
    if name == "Datetime":
        unit = "ms" if unit == "s" else unit  # pandas alone counts in seconds
        values = [_scaled(value, unit) for value in column.dt.timestamp(unit).to_list()]
    elif name == "Duration":
        fine = unit == "ns"
        counts = column.dt.total_nanoseconds() if fine else column.dt.total_microseconds()
        values = [_scaled(value, "ns" if fine else "us") for value in counts.to_list()]
    else:
        values = column.to_list()
    if column.implementation.is_pandas_like():
        values = [None if gone else value for value, gone in zip(values, _missing(column), strict=True)]
    if nan_is_missing and column.dtype.is_float():
        values = [None if value != value else value for value in values]  # only NaN is not itself
    return values


def _scaled(value: Any, unit: str) -> int | None:
    # pandas counts missing moments as floats that are no numbers.
    return None if value is None or value != value else int(value) * _NANOSECONDS[unit]


def _missing(column: Column) -> list[bool]:
    missing: list[bool] = column.is_null().to_list()
    return missing


def _alike(before: Column, after: Column) -> bool:
    """Tell whether the library can compare two columns itself."""
    dtype = before.dtype
    plain = dtype.is_numeric() or type(dtype).__name__ in ("String", "Boolean", "Date", "Datetime", "Duration")
    # The texts of pandas come in several forms, and its columns of decimals are objects.
    return plain and dtype == after.dtype and before.to_native().dtype == after.to_native().dtype


def _same(before: Column, after: Column) -> Column:
    same = (before == after).fill_null(False) | (before.is_null() & after.is_null())
    if before.dtype.is_float():
        same = same | (before.is_nan().fill_null(False) & after.is_nan().fill_null(False))
    return same


def _equal(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    return bool(frozen(one) == frozen(other))


def frozen(value: Any) -> Any:
    """Give something that can be looked up, and that equals what is given for an equal value, and only that.

    NaN equals itself here. Of arrays, lists and dicts all that they hold counts.

    Args:
        value: A cell of any kind.
    """
    if isinstance(value, float):
        return value if value == value else _NAN
    if isinstance(value, (list, tuple)):
        return type(value).__name__, tuple([frozen(each) for each in value])
    if isinstance(value, dict):
        return "dict", frozenset([(frozen(name), frozen(each)) for name, each in value.items()])
    if hasattr(value, "tolist"):  # arrays of numpy, and their elements
        return frozen(value.tolist())
    if hasattr(value, "to_list"):  # polars has lists as columns of their own
        return frozen(value.to_list())
    try:
        hash(value)
    except TypeError:
        return _pickled(value)
    return value


def _pickled(value: Any) -> Any:
    try:
        return type(value), pickle.dumps(value)
    except Exception:  # noqa: BLE001 - pickling runs the value's own code
        return object()  # which equals nothing else
