"""Whether tables of several files can stand below each other: nothing may become what it was not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hookline import HooklineError
from hookline_data.tables.frames import Frame
from hookline_data.tables.kinds import known_kind
from hookline_data.tables.libraries import narwhals

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["check_together"]

_MOST, _MOST_EXACT = (1 << 63) - 1, 1 << 53
_MIXED = ({"int", "float"}, {"date", "datetime"}, {"str", "category"})
"""Types that become the wider one of them."""


def check_together(frames: Sequence[Frame], names: Sequence[str]) -> None:
    """Make sure that each column is of one type in all tables, or of types of which one holds the other's values.

    Args:
        frames: The tables, which have the same columns.
        names: The files that they are of.

    Raises:
        HooklineError: A column is not; names it, and two files.
    """
    tables = [narwhals().from_native(frame, eager_only=True) for frame in frames]
    for column in tables[0].columns:
        seen: dict[str, str] = {}
        for name, table in zip(names, tables, strict=True):
            series = table[column]
            if series.null_count() < len(series):  # what has no value is of any type
                seen.setdefault(_kind(series), name)
        kinds = set(seen)
        if len(kinds) > 1 and not any(kinds <= mixed for mixed in _MIXED):
            (one, first), (other, second) = list(seen.items())[:2]
            raise HooklineError(
                f"the column '{column}' is of type {one} in '{first}', but {other} in '{second}'",
                help="write one of them anew; a 'schema' says which type it is to have",
            )
        if kinds == {"int", "float"}:
            _check_exact(column, tables, names)


def _kind(series: nw.Series[Any]) -> str:
    kind, dtype = known_kind(series)[0], series.dtype
    if dtype == narwhals().UInt64 and series.max() > _MOST:
        return "uint64"  # which pandas makes floats of, among others
    zone = getattr(dtype, "time_zone", None)
    return f"{kind} of {zone}" if zone else str(dtype) if kind in ("list", "object") else kind


def _check_exact(column: str, tables: Sequence[nw.DataFrame[Any]], names: Sequence[str]) -> None:
    for name, table in zip(names, tables, strict=True):
        series = table[column]
        if series.dtype.is_integer() and ((series > _MOST_EXACT) | (series < -_MOST_EXACT)).any():
            raise HooklineError(
                f"the column '{column}' has whole numbers in '{name}' that are too large for the floats of other files",
                help="write one of the files anew; a 'schema' says which type it is to have",
            )
