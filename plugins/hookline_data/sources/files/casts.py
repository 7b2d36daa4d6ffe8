"""Gives columns that have types already those of a schema, where nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hookline.ml import Column, Schema
from hookline_data.sources.files.series import make_piece, make_series
from hookline_data.sources.files.table import in_full, shown
from hookline_data.tables.frames import Frame
from hookline_data.tables.libraries import narwhals
from hookline_data.validation.finding import Finding

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["as_declared", "tightened"]

_MOST_EXACT = 1 << 53
_MOST = (1 << 63) - 1
_WORDS = {
    "int": "is a whole number",
    "float": "is a number that is kept exactly",
    "datetime": "is a time without nanoseconds",
}


def as_declared(table: Frame, schema: Schema, first: int = 0) -> tuple[Frame, list[Finding]]:
    """Give the columns of a table the schema's types; those of another kind stay as they are.

    Args:
        table: The table.
        schema: The schema.
        first: The number of its first row, where it is a part of a table.

    Returns:
        The table, and the cells that would lose something; they are missing from it.
    """
    frame = narwhals().from_native(table, eager_only=True)
    findings: list[Finding] = []
    changed = []
    for column in schema.columns:
        if column.name not in frame.columns:
            continue
        series, wrong = _cast(frame[column.name], column, str(frame.implementation))
        if wrong is not None and wrong.any():
            wrong = wrong.fill_null(False)
            rows = [first + int(row) for row in wrong.arg_true().to_list()]
            texts = _texts(frame[column.name].filter(wrong))
            cells = dict(zip(rows, map(in_full, texts), strict=True))
            findings.append(Finding(column.name, _WORDS[column.type], rows, shown(texts[:5], column), cells=cells))
            series = _without(series, wrong)
        changed.append(series)
    return (frame.with_columns(*changed).to_native() if changed else table), findings


def tightened(table: Frame, schema: Schema | None) -> Frame:
    """Let pandas have its plain types where no value is missing or may be; polars has but one of each.

    Args:
        table: The table.
        schema: What may be missing; None for what is missing.
    """
    nw = narwhals()
    frame = nw.from_native(table, eager_only=True)
    if str(frame.implementation) != "pandas":
        return table
    plain = {}
    nullable = {column.name for column in schema.columns if column.nullable} if schema else set()
    for name, dtype in table.dtypes.items():
        words = {"Int64": "int64", "boolean": "bool"}
        if str(dtype) in words and name not in nullable and not table[name].hasnans:
            plain[name] = words[str(dtype)]
        if str(dtype) in words.values() and name in nullable:
            plain[name] = next(one for one, word in words.items() if word == str(dtype))
    return table.astype(plain) if plain else table


def _cast(series: nw.Series[Any], column: Column, library: str) -> tuple[nw.Series[Any], nw.Series[Any] | None]:
    """Give a column its type, and tell which of its cells lose something."""
    nw = narwhals()
    have = series.dtype
    if column.type not in ("any", "object") and len(series) == series.null_count() and have != nw.Datetime:
        piece = make_piece(library, [None] * len(series), column.type)
        made = make_series(library, column.name, [piece], column.type)
        return nw.from_native(made, series_only=True), None
    if column.type == "int" and have.is_integer():
        wrong = series > _MOST if have == nw.UInt64 else None
        return (series if wrong is None else _without(series, wrong)).cast(nw.Int64), wrong
    if column.type == "float" and have.is_integer():
        return series.cast(nw.Float64), _inexact(series)
    if column.type == "float" and have.is_float():
        return series.cast(nw.Float64), None
    if column.type == "datetime" and have == nw.Date:
        return series.cast(nw.Datetime("us")), None
    if column.type == "datetime" and isinstance(have, nw.Datetime) and have.time_unit != "us":
        made = series.cast(nw.Datetime("us", have.time_zone))
        return made, (made.cast(have) != series) & ~series.is_null()
    if column.type == "category" and have == nw.String:
        return series.cast(nw.Categorical), None
    if column.type == "str" and have in (nw.Categorical, nw.Enum):
        return series.cast(nw.String), None
    return series, None


def _inexact(series: nw.Series[Any]) -> nw.Series[Any] | None:
    """Tell which whole numbers are too large to be floats without a loss."""
    nw = narwhals()
    if series.dtype == nw.UInt64:
        return series > _MOST_EXACT
    if series.dtype == nw.Int64:
        return (series > _MOST_EXACT) | (series < -_MOST_EXACT)
    return None


def _texts(series: nw.Series[Any]) -> list[str]:
    """Say values in full: Python's own times have no nanoseconds."""
    nw = narwhals()
    texts = series.cast(nw.String) if isinstance(series.dtype, nw.Datetime) else series
    return [str(value) for value in texts.to_list()]


def _without(series: nw.Series[Any], wrong: nw.Series[Any]) -> nw.Series[Any]:
    frame = series.alias("value").to_frame().with_columns(wrong.alias("wrong"))
    nw = narwhals()
    made = frame.select(nw.when(~nw.col("wrong")).then(nw.col("value")))["value"]
    return made.alias(series.name)
