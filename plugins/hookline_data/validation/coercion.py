"""Which cells can't be made values of their column's type, where a schema of pandera's is to coerce them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hookline_data.tables.frames import Frame
from hookline_data.tables.libraries import pandera_errors, polars
from hookline_data.validation.rows import numbers_where

__all__ = ["unreadable"]


def unreadable(schema: Any, library: str, table: Frame, failure: Any) -> Iterator[tuple[str, str, Sequence[int]]]:
    """Tell the columns with such cells: their names, the types, and the numbers of the rows.

    Args:
        schema: The schema.
        library: Whose frame the table is.
        table: The table as it was given.
        failure: The error of pandera's: in pandas of one column; in polars of the first one, so that all are looked at.
    """
    if library == "polars":
        for name, column in schema.columns.items():
            if name in table.columns and (schema.coerce or column.coerce) and column.dtype is not None:
                rows = _polars_rows(table, name, column.dtype.type)
                if rows:
                    yield name, str(column.dtype), rows
        return
    name = failure.schema.name
    if name in table.columns:
        rows = _pandas_rows(table[name], failure.schema.dtype, failure.failure_cases)
        if rows:
            yield str(name), str(failure.schema.dtype), rows


def _polars_rows(table: Frame, name: str, kind: Any) -> Sequence[int]:
    series = table[name]
    try:
        return numbers_where(series.cast(kind, strict=False).is_null() & series.is_not_null())
    except polars().exceptions.PolarsError:  # no value at all can be cast
        return numbers_where(series.is_not_null())


def _pandas_rows(series: Any, dtype: Any, cases: Any) -> Sequence[int]:
    if not hasattr(cases, "columns") or "index" not in cases.columns:
        return ()
    if not series.index.is_unique or series.index.nlevels > 1:  # labels don't tell the rows apart: ask again, by number
        try:
            dtype.try_coerce(series.reset_index(drop=True))
        except pandera_errors().ParserError as error:
            return sorted({int(number) for number in error.failure_cases["index"]})
        return ()
    numbers = series.index.get_indexer(cases["index"])
    return sorted({int(number) for number in numbers if number >= 0})
