"""Rows by their number: taken from a table of pandas or polars, or left out of it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from hookline_data.tables.frames import Frame
from hookline_data.tables.libraries import numpy, pandas, polars

__all__ = ["numbered", "numbers_where", "take", "union", "with_columns", "without"]


def numbers_where(mask: Any) -> array[int]:
    """Give the numbers of rows where a mask is true: a numpy array of bools, or a series of polars'."""
    if hasattr(mask, "arg_true"):
        return array("q", mask.arg_true().to_list())
    numbers = array("q")
    numbers.frombytes(mask.nonzero()[0].astype("int64").tobytes())
    return numbers


def union(several: Iterable[Sequence[int]]) -> array[int]:
    """Give the numbers that are in any of several sequences, rising."""
    found = list(several)
    return array("q", found[0]) if len(found) == 1 else array("q", sorted(set().union(*found)))


def numbered(rows: Sequence[int], numbers: Sequence[int] | None) -> Sequence[int]:
    """Say which rows of the whole table rows of a part of it are.

    Args:
        rows: Numbers in the part.
        numbers: The number in the whole table of each row of the part; None where the part is all of it.
    """
    return rows if numbers is None else array("q", [numbers[row] for row in rows])


def take(table: Frame, rows: Sequence[int]) -> Frame:
    """Give some rows of a table, with the labels that they have."""
    if _is_pandas(table):
        return table.iloc[list(rows)]
    return table[list(rows)] if table.width else table


def without(table: Frame, rows: Sequence[int]) -> Frame:
    """Give a table without some rows, in its order and with the labels that they have; the table if there are none."""
    if not rows:
        return table
    keep = bytearray(b"\x01") * len(table)
    for row in rows:
        keep[row] = 0
    if _is_pandas(table):
        return table[numpy().frombuffer(keep, dtype=bool)]
    return table.filter(polars().Series([bool(one) for one in keep], dtype=polars().Boolean))


def with_columns(table: Frame, **columns: Sequence[Any]) -> Frame:
    """Give a table with further columns: of whole numbers, or of texts."""
    if _is_pandas(table):
        table = table.copy(deep=False)
        for name, values in columns.items():
            kind = "int64" if isinstance(values, array) else "object"
            levels = table.columns.nlevels
            table[name if levels == 1 else (name, *[""] * (levels - 1))] = pandas().Series(
                list(values), index=table.index, dtype=kind
            )
        return table
    pl = polars()
    return table.with_columns(
        pl.Series(name, list(values), dtype=pl.Int64 if isinstance(values, array) else pl.String)
        for name, values in columns.items()
    )


def _is_pandas(table: Frame) -> bool:
    return type(table).__module__.partition(".")[0] == "pandas" or hasattr(table, "iloc")
