"""What a table is like."""

from __future__ import annotations

from typing import Any

from hookline.ml import Column, Schema
from hookline_data.frames import as_frame


def schema_of(table: Any) -> Schema:
    """Say what a table is like."""
    import narwhals as nw

    kinds = {
        nw.String: "str",
        nw.Boolean: "bool",
        nw.Date: "date",
        nw.Datetime: "datetime",
        nw.Duration: "duration",
        nw.Categorical: "category",
        nw.Enum: "category",
        nw.Object: "object",
        nw.Decimal: "decimal",
        nw.List: "list",
        nw.Binary: "bytes",
    }
    frame = as_frame(table)
    columns = []
    for name in frame.columns:
        series = frame[name]
        kind = series.dtype
        word = (
            "int"
            if kind.is_integer()
            else "float"
            if kind.is_float()
            else next((w for k, w in kinds.items() if kind == k or isinstance(kind, k)), "any")
        )
        columns.append(Column(name, word, nullable=bool(series.is_null().any())))
    return Schema(tuple(columns))
