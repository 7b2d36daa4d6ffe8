"""Columns that steps are told by name: whether a table has them, and which of its rows lack a value there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from hookline import HooklineError, UsageError
from hookline_data.tables.kinds import not_comparable

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["Names", "check_columns", "check_comparable", "names_of", "present", "row_numbers"]

Names = str | Sequence[str]
"""One name, or several."""


def names_of(names: Names) -> list[str]:
    """Give the names of one or several columns as a list; none for an empty text."""
    found = ([names] if names else []) if isinstance(names, str) else list(names)
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise UsageError(f"column '{twice[0]}' is named twice")
    return found


def check_columns(frame: nw.DataFrame[Any], names: Iterable[str], what: str) -> None:
    """Refuse names that a table does not have.

    Raises:
        HooklineError: A column is missing; tells the one that may be meant.
    """
    missing = [name for name in dict.fromkeys(names) if name not in frame.columns]
    if not missing:
        return
    listed = ", ".join(f"'{name}'" for name in missing)
    near = difflib.get_close_matches(missing[0], [str(name) for name in frame.columns], n=1)
    has = ", ".join(map(str, frame.columns[:20])) + (", …" if len(frame.columns) > 20 else "")
    raise HooklineError(
        f"{what} has no column {listed}", help=f"did you mean '{near[0]}'?" if near else f"it has {has or 'none'}"
    )


def check_comparable(frame: nw.DataFrame[Any], names: Iterable[str], what: str) -> None:
    """Refuse columns whose values can't be looked up, such as lists.

    Raises:
        HooklineError: A column holds such values.
    """
    for name in names:
        held = not_comparable(frame[name])
        if held:
            raise HooklineError(
                f"column '{name}' of {what} holds {held}, which can't be compared", help="convert it to text first"
            )


def present(frame: nw.DataFrame[Any], names: Sequence[str]) -> nw.Series[Any]:
    """Tell for each row whether all of some columns have a value; NaN is none."""
    import narwhals as nw

    there = [~nw.col(name).is_null() for name in names]
    # pandas does not tell NaN from missing, so neither does anything that has to be equal on both.
    there += [~nw.col(name).is_nan().fill_null(False) for name in names if frame.schema[name].is_float()]
    if not there:
        return row_numbers(frame) >= 0
    return frame.select(nw.all_horizontal(*there, ignore_nulls=False).alias("present"))["present"]


def row_numbers(frame: nw.DataFrame[Any]) -> nw.Series[Any]:
    """Give the positions of a table's rows, from 0."""
    import narwhals as nw

    name = "row"
    while name in frame.columns:
        name += "_"
    return frame.with_row_index(name)[name].cast(nw.Int64)
