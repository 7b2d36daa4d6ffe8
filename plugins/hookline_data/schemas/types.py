"""The words for types of columns, and which of them the columns of a table are of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hookline_data.tables.libraries import narwhals, pandas

if TYPE_CHECKING:
    from narwhals.dtypes import DType

__all__ = ["family", "fits", "fitting_cells", "is_nothing", "word_of_cells"]

_WIDER: Mapping[str, frozenset[str]] = {
    "float": frozenset({"int"}),
    "decimal": frozenset({"int"}),
    "category": frozenset({"str"}),
}
"""What else may stand where a type is wanted: a whole number is a number, too."""

_CELLS: Mapping[str, tuple[type, ...]] = {
    "bool": (bool,),
    "bytes": (bytes,),
    "date": (dt.date,),
    "datetime": (dt.datetime,),
    "decimal": (Decimal, int),
    "duration": (dt.timedelta,),
    "float": (float, int),
    "int": (int,),
    "list": (list, tuple),
    "str": (str,),
    "category": (str, int, float),
}
"""What single Python values of a type are, in columns that hold any."""

_INFERRED: Mapping[str, str] = {
    "boolean": "bool",
    "bytes": "bytes",
    "date": "date",
    "datetime": "datetime",
    "datetime64": "datetime",
    "decimal": "decimal",
    "floating": "float",
    "integer": "int",
    "mixed-integer-float": "float",
    "string": "str",
    "timedelta": "duration",
    "timedelta64": "duration",
    "empty": "null",
}
"""The words of pandas for what is in a column of objects."""


def family(dtype: DType) -> str:
    """Tell the word for a type of narwhals: one of :data:`hookline.ml.TYPES`."""
    nw = narwhals()
    if dtype.is_integer():
        return "int"
    if dtype.is_decimal():
        return "decimal"
    if dtype.is_float():
        return "float"
    simple = {
        nw.Boolean: "bool",
        nw.String: "str",
        nw.Datetime: "datetime",
        nw.Date: "date",
        nw.Duration: "duration",
        nw.Categorical: "category",
        nw.Enum: "category",
        nw.Binary: "bytes",
        nw.List: "list",
        nw.Array: "list",
    }
    for kind, word in simple.items():
        if dtype == kind:
            return word
    return "object"


def is_nothing(dtype: Any) -> bool:
    """Tell whether a library's own type is that of columns without any value."""
    return str(dtype) in ("Null", "null[pyarrow]")


def fits(have: str, wanted: str) -> bool:
    """Tell whether a column of one type may stand where another is wanted."""
    return wanted in ("any", "object") or have in (wanted, "null") or have in _WIDER.get(wanted, ())


def word_of_cells(series: Any) -> str:
    """Tell the word for what is in a column of Python objects of pandas: ``"object"`` where that is mixed."""
    inferred = pandas().api.types.infer_dtype(series, skipna=True)
    if inferred == "mixed" and fitting_cells(series.dropna(), "list").all():
        return "list"
    return _INFERRED.get(inferred, "object")


def fitting_cells(series: Any, wanted: str) -> Any:
    """Tell for each cell of a column of objects of pandas whether it is of a type."""
    kinds = _CELLS[wanted]

    def fit(cell: object) -> bool:
        if isinstance(cell, bool):
            return bool in kinds
        if wanted == "date" and isinstance(cell, dt.datetime):
            return False
        return isinstance(cell, kinds) or (wanted == "list" and type(cell).__name__ == "ndarray")

    return series.map(fit).astype(bool)
