"""Tables of both libraries for tests of the data plugin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import polars as pl

LIBRARIES = ("pandas", "polars")


def frame(library: str, columns: Mapping[str, Sequence[Any]], index: Sequence[Any] | None = None) -> Any:
    """Make a table; labels are for pandas only."""
    return pd.DataFrame(columns, index=index) if library == "pandas" else pl.DataFrame(columns)


def cells(table: Any, column: str) -> list[Any]:
    """Give the values of a column, None for those that are missing."""
    return (
        [None if value != value else value for value in table[column].tolist()]
        if isinstance(table, pd.DataFrame)
        else table[column].to_list()
    )


def rows(table: Any) -> list[tuple[Any, ...]]:
    """Give a table row by row."""
    return list(zip(*(cells(table, name) for name in table.columns), strict=True))
