"""Forms of pandas' frames, series and indexes: the same however their columns lie in memory."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hookline.values.forms import Form, NotPlain, columns

__all__ = [
    "rebuild_frame",
    "rebuild_index",
    "rebuild_multi_index",
    "rebuild_range",
    "rebuild_series",
    "rebuild_timed_index",
    "reduce",
]

_LARGE = 1 << 16
"""Bytes from which a column is stored by itself. Smaller ones of one type stand together, so that wide frames have few
pieces; the others are never copied."""

Part = tuple[Sequence[int], Any]
"""Positions of columns, and their values: an array of (columns, rows), or of rows where it is one column."""


def reduce(value: Any) -> Form | None:
    """See :func:`hookline.values.forms.form_of`."""
    reducer = _reducers().get(type(value))
    if reducer is not None:
        return reducer(value)
    return columns.reduce_offset(value) if isinstance(value, pd.tseries.offsets.BaseOffset) else None


def rebuild_frame(index: Any, names: Any, parts: Sequence[Part], attrs: dict[Any, Any], duplicates: bool) -> Any:
    """Make a frame over its columns.

    Args:
        index: The rows' labels.
        names: The columns' labels.
        parts: The columns.
        attrs: The frame's ``attrs``.
        duplicates: Whether labels may come twice.
    """
    if len(parts) == 1 and getattr(parts[0][1], "ndim", 1) == 2:
        frame = pd.DataFrame(parts[0][1].T, index=index, copy=False)
    else:
        found: dict[int, Any] = {}
        for positions, values in parts:
            rows = values if getattr(values, "ndim", 1) == 2 else [values]
            found.update(zip(positions, rows, strict=True))
        # Without dtype=object pandas would look for texts.
        data = {
            at: pd.Series(found[at], index=index, dtype=object, copy=False) if found[at].dtype == object else found[at]
            for at in range(len(found))
        }
        # Large columns stay where they are mapped; small ones are put together, as pandas likes them.
        copy = not any(len(positions) == 1 and values.nbytes >= _LARGE for positions, values in parts)
        frame = pd.DataFrame(data, index=index, copy=copy)
    frame.columns = names
    return _flagged(frame, attrs, duplicates)


def rebuild_series(index: Any, name: Hashable, values: Any, attrs: dict[Any, Any], duplicates: bool) -> Any:
    """Make a series over its values; arguments as for :func:`rebuild_frame`."""
    series = pd.Series(values, index=index, dtype=values.dtype, name=name, copy=False)
    return _flagged(series, attrs, duplicates)


def rebuild_index(values: Any, name: Hashable) -> Any:
    """Make an index whose kind its values tell: an array, or one of pandas' own."""
    return pd.Index(values, dtype=values.dtype, name=name, copy=False, tupleize_cols=False)


def rebuild_range(start: int, stop: int, step: int, name: Hashable) -> Any:
    """Make an index of evenly spaced integers."""
    return pd.RangeIndex(start, stop, step, name=name)


def rebuild_timed_index(values: Any, freq: Any, name: Hashable) -> Any:
    """Make an index of times or durations that keeps its frequency.

    Args:
        values: The times.
        freq: The offset between them; None for none.
        name: The index's name.
    """
    kind = pd.DatetimeIndex if isinstance(values, pd.arrays.DatetimeArray) else pd.TimedeltaIndex
    index = kind(values, name=name, copy=False)
    index.freq = freq
    return index


def rebuild_multi_index(
    levels: Sequence[Any], codes: Sequence[Any], names: Sequence[Hashable], order: int | None
) -> Any:
    """Make an index of several levels.

    Args:
        levels: The labels of each level.
        codes: Per level, the position of each row's label; -1 for none.
        names: The levels' names.
        order: How many levels it is known to be sorted by; None for unknown.
    """
    return pd.MultiIndex(levels, codes, sortorder=order, names=names, copy=False, verify_integrity=False)


@functools.cache
def _reducers() -> dict[type, Callable[[Any], Form]]:
    return {
        pd.DataFrame: _reduce_frame,
        pd.Series: _reduce_series,
        pd.RangeIndex: lambda index: (rebuild_range, (index.start, index.stop, index.step, index.name)),
        pd.MultiIndex: _reduce_multi_index,
        pd.DatetimeIndex: _reduce_timed_index,
        pd.TimedeltaIndex: _reduce_timed_index,
        **dict.fromkeys((pd.Index, pd.PeriodIndex, pd.CategoricalIndex, pd.IntervalIndex), _reduce_index),
        **columns.reducers(),
    }


def _reduce_frame(frame: Any) -> Form:
    parts: list[Part] = []
    gathered: dict[str, tuple[list[int], int]] = {}
    for at, dtype in enumerate(frame.dtypes):
        simple = isinstance(dtype, np.dtype) and dtype.kind != "O"
        if simple and dtype.itemsize * len(frame) < _LARGE:
            positions, _ = gathered.setdefault(dtype.str, ([], len(parts)))
            if not positions:
                parts.append((positions, None))
            positions.append(at)
        else:
            parts.append(((at,), _values(frame.iloc[:, at])))
    for positions, place in gathered.values():
        parts[place] = (positions, _together(frame, positions))
    return rebuild_frame, (frame.index, frame.columns, parts, *_flags(frame))


def _together(frame: Any, positions: list[int]) -> Any:
    first, last = positions[0], positions[-1]
    among: Any = slice(first, last + 1) if last - first + 1 == len(positions) else positions
    return np.ascontiguousarray(frame.iloc[:, among].to_numpy().T)


def _reduce_series(series: Any) -> Form:
    return rebuild_series, (series.index, series.name, _values(series), *_flags(series))


def _reduce_index(index: Any) -> Form:
    return rebuild_index, (_values(index), index.name)


def _reduce_timed_index(index: Any) -> Form:
    return rebuild_timed_index, (columns.without_frequency(index.array), index.freq, index.name)


def _reduce_multi_index(index: Any) -> Form:
    codes = [np.asarray(code) for code in index.codes]
    return rebuild_multi_index, ([*index.levels], codes, [*index.names], index.sortorder)


def _values(column: Any) -> Any:
    """Give NumPy's array where that is what the column is, else pandas' own."""
    if isinstance(column.dtype, np.dtype):
        values = column.to_numpy()
        if values.dtype != column.dtype:
            raise NotPlain(f"a column of {column.dtype}")
        return values
    return column.array


def _flags(value: Any) -> tuple[dict[Any, Any], bool]:
    return value.attrs, value.flags.allows_duplicate_labels


def _flagged(value: Any, attrs: dict[Any, Any], duplicates: bool) -> Any:
    if attrs:
        value.attrs = attrs
    if not duplicates:
        value.flags.allows_duplicate_labels = False
    return value
