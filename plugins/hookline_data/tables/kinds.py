"""The type of a column in one word, whichever library holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["known_kind", "not_comparable"]

# What pandas says of columns of Python objects, and the type that other libraries would have taken for them.
_CONVERTED = {"boolean": "boolean", "integer": "Int64", "floating": "Float64", "mixed-integer-float": "Float64"}
_NAMED = {"bytes": "bytes", "date": "date", "decimal": "decimal", "empty": "any"}


def known_kind(column: nw.Series[Any]) -> tuple[str, nw.Series[Any]]:
    """Tell a column's type.

    Args:
        column: The column.

    Returns:
        One of :data:`hookline.ml.TYPES`; and the column, as that type where pandas held it as Python objects.
    """
    import narwhals as nw

    kind = column.dtype
    if str(column.implementation) == "pandas" and str(column.to_native().dtype) == "object":
        return _of_objects(column)
    if isinstance(kind, nw.Unknown) and column.null_count() == len(column):
        return "any", column
    for word, kinds in (
        ("bool", (nw.Boolean,)),
        ("str", (nw.String,)),
        ("category", (nw.Categorical, nw.Enum)),
        ("datetime", (nw.Datetime,)),
        ("date", (nw.Date,)),
        ("duration", (nw.Duration,)),
        ("decimal", (nw.Decimal,)),
        ("bytes", (nw.Binary,)),
        ("list", (nw.List, nw.Array)),
    ):
        if isinstance(kind, kinds):
            return word, column
    word = "int" if kind.is_integer() else "float" if kind.is_float() else "object"
    return word, column


def not_comparable(column: nw.Series[Any]) -> str:
    """Tell what a column holds if its values can't be looked up: ``"lists"``, ``"dicts"``; empty if they can."""
    import narwhals as nw

    if column.dtype.is_nested():
        return "dicts" if isinstance(column.dtype, nw.Struct) else "lists"
    if str(column.implementation) == "pandas" and known_kind(column)[0] == "object":
        kinds = [kind for kind in set(map(type, column.to_native())) if getattr(kind, "__hash__", None) is None]
        return f"{kinds[0].__name__}s" if kinds else ""
    return ""


def _of_objects(column: nw.Series[Any]) -> tuple[str, nw.Series[Any]]:
    """Look at the values, since the type of a column of Python objects says nothing."""
    import narwhals as nw
    import pandas as pd

    native = column.to_native()
    found = pd.api.types.infer_dtype(native, skipna=True)
    if found in _CONVERTED:
        try:
            converted = native.astype(_CONVERTED[found])
        except (OverflowError, TypeError, ValueError):
            return "object", column
        return known_kind(nw.from_native(converted, series_only=True))
    if found == "string":
        return "str", column
    if found in ("datetime", "datetime64", "timedelta"):
        inferred = native.infer_objects()
        if inferred.dtype != native.dtype:
            return known_kind(nw.from_native(inferred, series_only=True))
    return _NAMED.get(found, "object"), column
