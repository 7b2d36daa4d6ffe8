"""Entities in two tables: brought to types that can be compared, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hookline import HooklineError
from hookline_data.tables.times import as_times, common_clock

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["alike"]

_EXACT = 2**53
"""Up to here every whole number is a float."""


def alike(one: nw.Series[Any], other: nw.Series[Any], whats: tuple[str, str]) -> tuple[nw.Series[Any], nw.Series[Any]]:
    """Bring two columns of entities to one type, without changing what is equal.

    Args:
        one: The first; it has values, and none is missing.
        other: The second; likewise.
        whats: What they are called in errors.

    Raises:
        HooklineError: They are of types that have no equal values.
    """
    import narwhals as nw

    kinds = (one.dtype, other.dtype)
    texts = (nw.String, nw.Categorical, nw.Enum)
    if all(isinstance(kind, texts) for kind in kinds):
        return one.cast(nw.String), other.cast(nw.String)
    if all(kind.is_integer() for kind in kinds):
        wide = nw.UInt64 if all(kind.is_unsigned_integer() for kind in kinds) else nw.Int64
        for column, what in zip((one, other), whats, strict=True):
            if wide is nw.Int64 and isinstance(column.dtype, nw.UInt64) and column.max() >= 2**63:
                raise HooklineError(
                    f"{what} has numbers that are too large to compare", help="convert both columns to text"
                )
        return one.cast(wide), other.cast(wide)
    if all(kind.is_integer() or kind.is_float() for kind in kinds):
        return _as_floats(one, whats[0]), _as_floats(other, whats[1])
    if all(isinstance(kind, (nw.Date, nw.Datetime)) for kind in kinds):
        one, other = as_times(one, whats[0]), as_times(other, whats[1])
        clock = common_clock(one, other, whats)
        return clock.ticks(one, whats[0]), clock.ticks(other, whats[1])
    if kinds[0] == kinds[1]:
        return one, other
    raise HooklineError(
        f"{whats[0]} is of type {str(kinds[0]).lower()}, and {whats[1]} of type {str(kinds[1]).lower()}",
        help="convert one of them: what is of different types is never equal",
    )


def _as_floats(column: nw.Series[Any], what: str) -> nw.Series[Any]:
    import narwhals as nw

    if column.dtype.is_integer() and not -_EXACT <= column.min() <= column.max() <= _EXACT:
        raise HooklineError(
            f"{what} has whole numbers that are too large to compare with floats",
            help="convert the other column to whole numbers, or both to text",
        )
    return column.cast(nw.Float64)
