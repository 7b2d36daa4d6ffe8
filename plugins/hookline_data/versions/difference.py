"""How two versions of a table differ, in values that JSON can say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ColumnChange", "Difference", "RowChange", "plain"]


@dataclass(frozen=True)
class ColumnChange:
    """A column that is there in one of the two only, or is another.

    Attributes:
        name: The column.
        before: What it was, such as ``"int"`` or ``"int, may be missing"``; empty where it was not there.
        after: What it is; empty where it is not there any more.
    """

    name: str
    before: str
    after: str

    @property
    def what(self) -> str:
        """``"added"``, ``"removed"`` or ``"changed"``."""
        return "added" if not self.before else "changed" if self.after else "removed"


@dataclass(frozen=True)
class RowChange:
    """A row with a key that both have, and other values.

    Attributes:
        key: The key's values, by column.
        cells: By column that changed, what was there and what is.
    """

    key: Mapping[str, Any]
    cells: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Difference:
    """How two tables differ: by columns, and by the rows that a key tells from each other.

    Attributes:
        before: What the first is called.
        after: What the second is called.
        key: The columns by which rows are told; empty where nothing tells them, so that they are compared as a whole.
        columns: Columns that were added, removed or changed, in the order of the tables.
        rows_before: How many rows the first has.
        rows_after: How many rows the second has.
        added: How many rows only the second has.
        removed: How many rows only the first has.
        changed: How many rows have other values in columns that both tables have; None without a key, as such a row
            counts as one that was removed and one that was added.
        cells: In how many rows each column changed; columns without a change are left out.
        added_rows: Keys of the first rows that were added; without a key all that these hold.
        removed_rows: The same of the first rows that were removed.
        changed_rows: The first rows that were changed.
    """

    before: str
    after: str
    key: tuple[str, ...]
    columns: tuple[ColumnChange, ...]
    rows_before: int
    rows_after: int
    added: int
    removed: int
    changed: int | None = None
    cells: Mapping[str, int] = field(default_factory=dict)
    added_rows: tuple[Mapping[str, Any], ...] = ()
    removed_rows: tuple[Mapping[str, Any], ...] = ()
    changed_rows: tuple[RowChange, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether nothing differs: neither columns nor what rows hold; the order of rows does not count."""
        rows = self.rows_before == self.rows_after and not (self.added or self.removed or self.changed)
        return rows and not self.columns

    def to_json(self) -> dict[str, Any]:
        """Say it in lists, dicts, texts, numbers and None."""
        changes = [
            {"name": one.name, "what": one.what, "before": one.before or None, "after": one.after or None}
            for one in self.columns
        ]
        rows = [
            {"key": dict(row.key), "cells": {name: list(both) for name, both in row.cells.items()}}
            for row in self.changed_rows
        ]
        return {
            "before": self.before,
            "after": self.after,
            "equal": self.equal,
            "key": list(self.key),
            "columns": changes,
            "rows": {
                "before": self.rows_before,
                "after": self.rows_after,
                "added": self.added,
                "removed": self.removed,
                "changed": self.changed,
            },
            "cells": dict(self.cells),
            "examples": {
                "added": [dict(row) for row in self.added_rows],
                "removed": [dict(row) for row in self.removed_rows],
                "changed": rows,
            },
        }


def plain(value: Any) -> Any:
    """Say a cell's value in JSON; what JSON has no words for as text."""
    if value is None or isinstance(value, (bool, str)):
        return value if not isinstance(value, str) else str(value)
    value = value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, int):
        return int(value)
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value.to_list() if hasattr(value, "to_list") else value)  # polars has lists as columns of their own
