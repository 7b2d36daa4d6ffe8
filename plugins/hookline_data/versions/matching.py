"""Which rows of two tables are the same ones: those with equal keys, or, without a key, equal ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hookline import HooklineError
from hookline_data.versions.cells import changed_rows, comparable, frozen, kind_of, values_of
from hookline_data.wording.words import PERSONAL

if TYPE_CHECKING:
    import narwhals as nw

    Column = nw.Series[Any]
    Frame = nw.DataFrame[Any]

__all__ = ["Matches", "match_rows", "match_whole_rows"]

_NAN = object()
_SHOWN = 5


class Matches(NamedTuple):
    """Numbers of rows, from 0.

    Attributes:
        before: Rows of the first table that the second has, too.
        after: The same rows in the second table.
        removed: Rows of the first table only.
        added: Rows of the second table only.
    """

    before: Sequence[int]
    after: Sequence[int]
    removed: Sequence[int]
    added: Sequence[int]


def match_rows(
    before: Frame, after: Frame, key: Sequence[str], names: tuple[str, str], personal: Collection[str] = ()
) -> Matches:
    """Find the rows that two tables have in common.

    Args:
        before: The first table.
        after: The second.
        key: The columns whose values tell rows.
        names: What the tables are called in errors.
        personal: The columns whose values are not shown there.

    Raises:
        HooklineError: A column of the key is lacking, is of types that can't be equal, or rows have the same key.
    """
    for name in key:
        for frame, called in zip((before, after), names, strict=True):
            if name not in frame.columns:
                raise HooklineError(
                    f"{called} has no column '{name}', which is to tell its rows",
                    help=f"{_columns(frame)}; an index of pandas counts after .reset_index()",
                )
        if not comparable(before[name], after[name]):
            kinds = f"{kind_of(before[name])} in {names[0]} and {kind_of(after[name])} in {names[1]}"
            raise HooklineError(
                f"rows can't be told by '{name}', which is {kinds}", help="convert one of them, or name another key"
            )
    mixed = before.implementation != after.implementation
    first, second = _keys(before, key, mixed), _keys(after, key, mixed)
    _places(first, key, names[0], personal)
    found = list(map(_places(second, key, names[1], personal).get, first))
    matched = bytearray(len(second))
    for row in found:
        if row is not None:
            matched[row] = 1
    return Matches(
        [row for row, other in enumerate(found) if other is not None],
        [other for other in found if other is not None],
        [row for row, other in enumerate(found) if other is None],
        [row for row, seen in enumerate(matched) if not seen],
    )


def match_whole_rows(before: Frame, after: Frame) -> Matches:
    """Find the rows that two tables have in common where no key tells them: rows with equal values in all columns.

    A row that is there several times is matched as many times as both have it. Columns that only one of the tables has
    don't count.

    Args:
        before: The first table.
        after: The second.
    """
    names = [name for name in before.columns if name in after.columns]
    rows = before.shape[0]
    if rows == after.shape[0] and not any(len(changed_rows(before[name], after[name])) for name in names):
        return Matches(range(rows), range(rows), (), ())
    columns = [_whole(before[name], after[name]) for name in names]
    first, second = ([pair[at] for pair in columns] for at in (0, 1))
    there: dict[Any, list[int]] = {}
    for row, value in enumerate(zip(*first, strict=True)):
        there.setdefault(value, []).append(row)
    for same in there.values():
        same.reverse()  # so that of equal rows the first are taken first
    found = [left.pop() if (left := there.get(value)) else None for value in zip(*second, strict=True)]
    return Matches(
        [row for row in found if row is not None],
        [row for row, other in enumerate(found) if other is not None],
        sorted(row for same in there.values() for row in same),
        [row for row, other in enumerate(found) if other is None],
    )


def _whole(before: Column, after: Column) -> tuple[list[Any], list[Any]]:
    """Give the values of two columns so that equal ones can be looked up."""
    mixed = before.implementation != after.implementation
    apart = not comparable(before, after)
    found = []
    for column in (before, after):
        kind = kind_of(column)
        values = values_of(column, nan_is_missing=mixed)
        if not kind or column.dtype.is_float():
            values = [frozen(value) for value in values]
        found.append([value if value is None else (kind, value) for value in values] if apart else values)
    return found[0], found[1]


def _keys(frame: Frame, key: Sequence[str], mixed: bool) -> list[Any]:
    """Give a value per row by which it is told; NaN, which equals nothing, becomes something that equals itself."""
    columns = []
    for name in key:
        values = values_of(frame[name], nan_is_missing=mixed)
        if frame[name].dtype.is_float():
            values = [_NAN if value != value else value for value in values]
        columns.append(values)
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))


def _places(values: list[Any], key: Sequence[str], called: str, personal: Collection[str]) -> Mapping[Any, int]:
    try:
        places = dict(zip(values, range(len(values)), strict=True))
    except TypeError as error:
        raise HooklineError(
            f"rows of {called} can't be told by {_listed(key)}: {error}",
            help="name a key of columns with numbers, texts or times",
        ) from None
    if len(places) < len(values):
        raise _repeated(values, key, called, personal)
    return places


def _repeated(values: list[Any], key: Sequence[str], called: str, personal: Collection[str]) -> HooklineError:
    twice = [(value, count) for value, count in Counter(values).items() if count > 1]
    shown = ", ".join(f"{_shown(value, key, personal)} ({count} rows)" for value, count in twice[:_SHOWN])
    more = f" and {len(twice) - _SHOWN:,} more" if len(twice) > _SHOWN else ""
    return HooklineError(
        f"{called} has several rows with the same {_listed(key)}: {shown}{more}",
        help="name the columns that together tell rows: key=[…], --key a,b",
    )


def _columns(frame: Frame) -> str:
    return f"its columns are {', '.join(frame.columns)}" if frame.columns else "it has no columns"


def _listed(key: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in key)


def _shown(value: Any, key: Sequence[str], personal: Collection[str]) -> str:
    parts = value if len(key) > 1 else (value,)
    return ", ".join(PERSONAL if name in personal else _cell(part) for name, part in zip(key, parts, strict=True))


def _cell(part: Any) -> str:
    return "NaN" if part is _NAN else "missing" if part is None else str(part)
