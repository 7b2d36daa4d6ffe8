"""Compares two versions of a table: ``diff(before, after, key)``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from hookline import HooklineError, step
from hookline.ml import Column, Schema
from hookline_data.tables.frames import named_frame
from hookline_data.versions.cells import changed_rows
from hookline_data.versions.dataset import Dataset
from hookline_data.versions.described import described
from hookline_data.versions.difference import ColumnChange, Difference, RowChange, plain
from hookline_data.versions.matching import match_rows, match_whole_rows
from hookline_data.versions.personal import personal_in
from hookline_data.wording.words import PERSONAL

if TYPE_CHECKING:
    import narwhals as nw

    Frame = nw.DataFrame[Any]

__all__ = ["diff", "diff_datasets"]


def diff(before: Any, after: Any, key: str | Sequence[str] | None = None, *, limit: int = 10) -> Difference:
    """Tell how two tables differ.

    Values are compared exactly; missing ones are equal, and so are NaN. Of tables of different libraries NaN counts as
    missing. The order of rows and an index of pandas don't count.

    Args:
        before: A frame of pandas or polars, or a data set.
        after: The same; perhaps of the other library.
        key: The columns that together tell rows; None for the key of the data sets. Without a key, rows are
            compared as a whole, as often as each is there.
        limit: How many examples of each sort to give.

    Returns:
        The difference.

    Raises:
        HooklineError: The key is lacking in a table, or not unique there: names some of what comes twice.
    """
    names = _name(before, "the table before"), _name(after, "the table after")
    frames = _frame(before, names[0]), _frame(after, names[1])
    schemas = _schema(before), _schema(after)
    chosen = _key(key, schemas)
    rows = _Rows(frames, chosen, names, _personal(schemas), max(limit, 0)).compared()
    return Difference(
        names[0], names[1], chosen, tuple(_columns(*schemas)), frames[0].shape[0], frames[1].shape[0], **rows
    )


@step(name="data.diff")
def diff_datasets(before: Dataset, after: Dataset, key: list[str] | None = None, limit: int = 10) -> Difference:
    """Tell how two versions of a data set differ: by columns, and by the rows that a key tells.

    Args:
        before: The first version, such as ``transactions@2``.
        after: The second.
        key: The columns that together tell rows; that of the data sets where it is left out.
        limit: How many examples of each sort to give.

    Returns:
        The difference, with counts and examples.
    """
    return diff(before, after, key, limit=limit)


class _Rows:
    """Compares the rows of two tables.

    Args:
        frames: The tables.
        key: The columns that tell rows; none where rows are compared as a whole.
        names: What the tables are called.
        personal: The columns whose values are not shown.
        limit: How many examples of each sort to give.
    """

    def __init__(
        self, frames: tuple[Frame, Frame], key: tuple[str, ...], names: tuple[str, str], personal: set[str], limit: int
    ) -> None:
        self._before, self._after = frames
        self._key = key
        self._personal = personal
        self._limit = limit
        if key:
            self._matches = match_rows(self._before, self._after, key, names, personal)
        else:
            self._matches = match_whole_rows(self._before, self._after)
        self._rows = _numbers(self._before, self._matches.before), _numbers(self._after, self._matches.after)

    def compared(self) -> dict[str, Any]:
        """Give what :class:`Difference` says of rows."""
        matches = self._matches
        # Rows that were matched as a whole are equal.
        compared = self._compared() if self._key else []
        changes = {name: rows for name in compared if (rows := self._changed(name))}
        rows = sorted(set().union(*changes.values()))
        return {
            "added": len(matches.added),
            "removed": len(matches.removed),
            "changed": len(rows) if self._key else None,
            "cells": {name: len(found) for name, found in changes.items()},
            "added_rows": tuple([self._told(self._after, row) for row in matches.added[: self._limit]]),
            "removed_rows": tuple([self._told(self._before, row) for row in matches.removed[: self._limit]]),
            "changed_rows": self._examples(rows[: self._limit], changes),
        }

    def _compared(self) -> list[str]:
        return [name for name in self._before.columns if name in self._after.columns and name not in self._key]

    def _changed(self, name: str) -> Sequence[int]:
        before, after = self._before[name], self._after[name]
        at_before, at_after = self._rows
        return changed_rows(
            before if at_before is None else before[at_before], after if at_after is None else after[at_after]
        )

    def _examples(self, rows: Sequence[int], changes: dict[str, Sequence[int]]) -> tuple[RowChange, ...]:
        columns: dict[int, list[str]] = {row: [] for row in rows}
        for name, found in changes.items():
            for row in columns.keys() & set(found):
                columns[row].append(name)
        return tuple([self._example(row, columns[row]) for row in rows])

    def _example(self, row: int, columns: Iterable[str]) -> RowChange:
        one, other = self._matches.before[row], self._matches.after[row]
        cells = {name: (self._cell(self._before, name, one), self._cell(self._after, name, other)) for name in columns}
        return RowChange(self._told(self._before, one), cells)

    def _told(self, frame: Frame, row: int) -> dict[str, Any]:
        return {name: self._cell(frame, name, row) for name in self._key or frame.columns}

    def _cell(self, frame: Frame, name: str, row: int) -> Any:
        column = frame[name]
        if name in self._personal:
            return PERSONAL
        missing = frame.implementation.is_pandas_like() and bool(column[row : row + 1].is_null()[0])
        return None if missing else plain(column[row])


def _numbers(frame: Frame, rows: Sequence[int]) -> Any:
    """Give numbers of rows as the frame's library takes them best; None where they are all of its rows, in order."""
    import narwhals as nw  # by its name: see as_frame

    if len(rows) == frame.shape[0] and all(map(int.__eq__, rows, range(len(rows)))):
        return None
    return nw.new_series("row", rows, nw.Int64, backend=frame.implementation)


def _schema(given: Any) -> Schema:
    from hookline_data.schemas.convert import schema_of

    return described(given) if isinstance(given, Dataset) else schema_of(given)


def _name(given: Any, otherwise: str) -> str:
    return str(given) if isinstance(given, Dataset) else otherwise


def _frame(given: Any, called: str) -> Frame:
    return named_frame(given.table if isinstance(given, Dataset) else given, called)


def _key(given: str | Sequence[str] | None, schemas: tuple[Schema, Schema]) -> tuple[str, ...]:
    if given is not None:
        return (given,) if isinstance(given, str) else tuple(given)
    before, after = (schema.keys for schema in schemas)
    if before and after and before != after:
        raise HooklineError(
            f"the key was {', '.join(before)}, and is {', '.join(after)}",
            help="say by which columns rows are to be told: key=[…], --key a,b",
        )
    return after or before


def _personal(schemas: Iterable[Schema]) -> set[str]:
    return set().union(*map(personal_in, schemas))


def _columns(before: Schema, after: Schema) -> Iterable[ColumnChange]:
    """List columns that are not the same in both."""
    old, new = ({column.name: column for column in schema.columns} for schema in (before, after))
    for name in dict.fromkeys([*old, *new]):
        change = ColumnChange(name, _worded(old.get(name)), _worded(new.get(name)))
        if change.before != change.after:
            yield change


def _worded(column: Column | None) -> str:
    if column is None:
        return ""
    return f"{column.type}, may be missing" if column.nullable else column.type
