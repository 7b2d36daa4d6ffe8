"""Forms of polars' frames and series: column by column through Arrow, however they are chunked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from hookline.values.forms import Form, NotPlain, UnstorableError

__all__ = ["rebuild_frame", "rebuild_series", "reduce"]


def reduce(value: Any) -> Form | None:
    """See :func:`hookline.values.forms.form_of`."""
    kind = type(value)
    if isinstance(value, pl.LazyFrame):
        raise UnstorableError(
            "a polars LazyFrame is a plan, not data, and can't be stored",
            help="collect it: 'frame.collect()'; or pass on the files that it reads, and plan inside the step",
        )
    if kind is pl.DataFrame:
        return rebuild_frame, (value.height, value.get_columns())
    return _reduce_series(value) if kind is pl.Series else None


def rebuild_frame(height: int, columns: Sequence[Any]) -> Any:
    """Make a frame.

    Args:
        height: How many rows it has.
        columns: Its series, which know their names.
    """
    return pl.DataFrame(columns) if columns or not height else pl.DataFrame(height=height)


def rebuild_series(name: str, values: Any, described: Any) -> Any:
    """Make a series over an array of pyarrow's.

    Args:
        name: Its name.
        values: Its elements; those of categorical types as texts.
        described: Its type where the array does not tell it, as plain data; else None.
    """
    series: Any = pl.from_arrow(values)
    if described is not None:
        series = series.cast(_type(described))
    return series.alias(name)


def _reduce_series(series: Any) -> Form:
    dtype = series.dtype
    try:
        stored = _without_categories(dtype)
        # What numbers categories have depends on what else the process has seen.
        values = (series if stored == dtype else series.cast(stored)).to_arrow()
        same = pl.from_arrow(values[:0]).dtype == stored  # type: ignore[union-attr]
        described = None if stored == dtype else _described(dtype)
    except Exception as error:  # noqa: BLE001 - Arrow lacks the type, or pyarrow is not installed
        raise NotPlain(f"a polars series of {dtype}: {error}") from None
    if not same:
        raise NotPlain(f"a polars series of {dtype}, which Arrow does not know")
    return rebuild_series, (series.name, values, described)


def _without_categories(dtype: Any) -> Any:
    if isinstance(dtype, (pl.Categorical, pl.Enum)):
        return pl.String()
    if isinstance(dtype, pl.List):
        return pl.List(_without_categories(dtype.inner))
    if isinstance(dtype, pl.Array):
        return pl.Array(_without_categories(dtype.inner), dtype.size)
    if isinstance(dtype, pl.Struct):
        return pl.Struct([pl.Field(field.name, _without_categories(field.dtype)) for field in dtype.fields])
    return dtype


def _described(dtype: Any) -> Any:
    """Tell a type as plain data."""
    if isinstance(dtype, pl.Enum):
        return "enum", dtype.categories.to_list()
    if isinstance(dtype, pl.Categorical):
        categories = getattr(dtype, "categories", None)
        if categories is None or categories.is_global():
            return ("categorical",)
        return "categories", categories.name(), categories.namespace(), str(categories.physical())
    if isinstance(dtype, pl.List):
        return "list", _described(dtype.inner)
    if isinstance(dtype, pl.Array):
        return "array", _described(dtype.inner), dtype.size
    if isinstance(dtype, pl.Struct):
        return "struct", [(field.name, _described(field.dtype)) for field in dtype.fields]
    return "plain", _plain_name(dtype)


def _plain_name(dtype: Any) -> Any:
    if isinstance(dtype, pl.Datetime):
        return "Datetime", dtype.time_unit, dtype.time_zone
    if isinstance(dtype, pl.Duration):
        return "Duration", dtype.time_unit
    if isinstance(dtype, pl.Decimal):
        return "Decimal", dtype.precision, dtype.scale
    return (type(dtype).__name__,)


def _type(described: Any) -> Any:
    kind, *more = described
    if kind == "enum":
        return pl.Enum(more[0])
    if kind == "categorical":
        return pl.Categorical()
    if kind == "categories":
        name, namespace, physical = more
        return pl.Categorical(pl.Categories(name, namespace, _named(physical)))
    if kind == "list":
        return pl.List(_type(more[0]))
    if kind == "array":
        return pl.Array(_type(more[0]), more[1])
    if kind == "struct":
        return pl.Struct([pl.Field(name, _type(inner)) for name, inner in more[0]])
    name, *arguments = more[0]
    return _named(name)(*arguments)


def _named(name: str) -> Any:
    found = getattr(pl, name)
    if not issubclass(found, pl.DataType):
        raise TypeError(f"'{name}' is no type of a column")
    return found
