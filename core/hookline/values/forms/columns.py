"""Forms of pandas' own arrays, scalars and offsets: what columns, indexes and cells of frames consist of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hookline.values.forms import Form

__all__ = [
    "rebuild_arrow_column",
    "rebuild_categories",
    "rebuild_intervals",
    "rebuild_masked_column",
    "rebuild_missing",
    "rebuild_moment",
    "rebuild_offset",
    "rebuild_periods",
    "rebuild_scalar_interval",
    "rebuild_scalar_period",
    "rebuild_sparse",
    "rebuild_texts",
    "rebuild_times",
    "reduce_offset",
    "reducers",
    "without_frequency",
]


def reducers() -> dict[type, Callable[[Any], Form]]:
    """Give, per type, what reduces a value of it."""
    arrays = pd.arrays
    return {
        arrays.DatetimeArray: _reduce_times,
        arrays.TimedeltaArray: _reduce_times,
        arrays.PeriodArray: _reduce_periods,
        arrays.IntervalArray: _reduce_intervals,
        arrays.SparseArray: _reduce_sparse,
        pd.Categorical: _reduce_categories,
        **dict.fromkeys((arrays.IntegerArray, arrays.FloatingArray, arrays.BooleanArray), _reduce_masked_column),
        arrays.StringArray: _reduce_texts,
        **dict.fromkeys((arrays.ArrowStringArray, arrays.ArrowExtensionArray), _reduce_arrow_column),
        type(pd.NA): lambda _: (rebuild_missing, ("NA",)),
        type(pd.NaT): lambda _: (rebuild_missing, ("NaT",)),
        pd.Timestamp: _reduce_moment,
        pd.Timedelta: _reduce_moment,
        pd.Period: lambda period: (rebuild_scalar_period, (period.ordinal, period.freq)),
        pd.Interval: lambda between: (rebuild_scalar_interval, (between.left, between.right, between.closed)),
    }


def reduce_offset(offset: Any) -> Form | None:
    """Give the form of a frequency; None for one that its name and numbers do not tell all of."""
    kind = type(offset)
    if getattr(pd.tseries.offsets, kind.__name__, None) is not kind:
        return None
    # A calendar is made from the other options.
    options = {name: option for name, option in offset.kwds.items() if name != "calendar"}
    form = rebuild_offset, (kind.__name__, offset.n, offset.normalize, options)
    try:
        return form if rebuild_offset(*form[1]) == offset else None
    except (TypeError, ValueError):
        return None


def without_frequency(values: Any) -> Any:
    """Give times without the frequency that older versions of pandas keep with them."""
    return values if getattr(values, "freq", None) is None else values._with_freq(None)


def rebuild_offset(name: str, count: int, normalize: bool, options: dict[str, Any]) -> Any:
    """Make a frequency from the name of its class and its arguments."""
    made = getattr(pd.tseries.offsets, name)
    if not issubclass(made, pd.tseries.offsets.BaseOffset):
        raise TypeError(f"'{name}' is no frequency")
    return made(count, normalize=normalize, **options)


def rebuild_times(values: Any, unit: str, zone: Any) -> Any:
    """Make an array of times, or of durations.

    Args:
        values: NumPy's array of them; times with a zone in UTC.
        unit: Their resolution.
        zone: The time zone; None for none.
    """
    if zone is None:
        return pd.array(values, dtype=values.dtype, copy=False)
    return pd.array(values.view("i8"), dtype=pd.DatetimeTZDtype(unit, zone), copy=False)


def rebuild_periods(ordinals: Any, freq: Any) -> Any:
    """Make an array of periods from how many of them lie between 1970 and each."""
    return pd.arrays.PeriodArray(ordinals, dtype=pd.PeriodDtype(freq))


def rebuild_intervals(left: Any, right: Any, closed: str) -> Any:
    """Make an array of intervals between two indexes."""
    return pd.arrays.IntervalArray.from_arrays(left, right, closed, copy=False)


def rebuild_categories(codes: Any, categories: Any, ordered: bool) -> Any:
    """Make a categorical array.

    Args:
        codes: Position of each element's category; -1 for none.
        categories: The index of all categories.
        ordered: Whether their order means something.
    """
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(categories, ordered), validate=False)


def rebuild_masked_column(kind: str, values: Any, missing: Any) -> Any:
    """Make an array of numbers or booleans, some of which are missing.

    Args:
        kind: ``"IntegerArray"``, ``"FloatingArray"`` or ``"BooleanArray"``.
        values: All elements; zeros where one is missing.
        missing: Which are.
    """
    arrays = (pd.arrays.IntegerArray, pd.arrays.FloatingArray, pd.arrays.BooleanArray)
    made: Any = {array.__name__: array for array in arrays}[kind]
    return made(values, missing, copy=False)


def rebuild_texts(texts: Sequence[str | None], missing: object) -> Any:
    """Make an array of texts that Python holds.

    Args:
        texts: The texts; None where one is missing.
        missing: What stands for them in pandas: NA or NaN.
    """
    values = np.fromiter((missing if text is None else text for text in texts), object, len(texts))
    return pd.array(values, dtype=_text_type("python", missing))


def rebuild_arrow_column(values: Any, text: bool, missing: object) -> Any:
    """Make an array over one of pyarrow's.

    Args:
        values: A chunked array.
        text: Whether pandas takes it for its own text type.
        missing: What stands for missing texts.
    """
    if not text:
        return pd.arrays.ArrowExtensionArray(values)
    if missing is pd.NA:
        return pd.arrays.ArrowStringArray(values)
    return pd.arrays.ArrowStringArray(values, dtype=_text_type("pyarrow", missing))


def rebuild_sparse(values: Any, places: Any, length: int, fill_value: object, kind: str) -> Any:
    """Make a sparse array.

    Args:
        values: The elements that are stored.
        places: Where they stand.
        length: How many elements there are in all.
        fill_value: All the others.
        kind: How places are kept: ``"integer"`` or ``"block"``.
    """
    if hasattr(pd.arrays.SparseArray, "from_indices"):
        return pd.arrays.SparseArray.from_indices(values, places, length, fill_value, kind, values.dtype)
    # Before pandas 3.1; the class of such an index has no public name.
    index = type(pd.arrays.SparseArray([], kind="integer").sp_index)(length, places)
    if kind == "block":
        index = index.to_block_index()
    dtype = pd.SparseDtype(values.dtype, fill_value)
    return pd.arrays.SparseArray(values, sparse_index=index, dtype=dtype)


def rebuild_missing(name: str) -> Any:
    """Give pandas' only NA or NaT."""
    return {"NA": pd.NA, "NaT": pd.NaT}[name]


def rebuild_moment(count: int, unit: str, zone: Any, duration: bool) -> Any:
    """Make a time or a duration.

    Args:
        count: How many units; of a time since 1970, in UTC.
        unit: Its resolution.
        zone: The time zone; None for none.
        duration: Whether it is a duration.
    """
    if duration:
        return pd.Timedelta(np.timedelta64(count, unit))  # type: ignore[call-overload]
    time = pd.Timestamp(np.datetime64(count, unit))  # type: ignore[call-overload]
    return time if zone is None else time.tz_localize("UTC").tz_convert(zone)


def rebuild_scalar_period(ordinal: int, freq: Any) -> Any:
    """Make a period."""
    return pd.Period(ordinal=ordinal, freq=freq)


def rebuild_scalar_interval(left: Any, right: Any, closed: str) -> Any:
    """Make an interval."""
    return pd.Interval(left, right, closed)


def _reduce_times(array: Any) -> Form:
    zone = getattr(array, "tz", None)
    letter = "m" if isinstance(array, pd.arrays.TimedeltaArray) else "M"
    return rebuild_times, (array.asi8.view(f"{letter}8[{array.unit}]"), array.unit, zone)


def _reduce_periods(array: Any) -> Form:
    return rebuild_periods, (array.asi8, array.freq)


def _reduce_intervals(array: Any) -> Form:
    return rebuild_intervals, (array.left, array.right, array.closed)


def _reduce_categories(array: Any) -> Form:
    return rebuild_categories, (np.asarray(array.codes), array.categories, bool(array.ordered))


def _reduce_masked_column(array: Any) -> Form:
    missing = array.isna()
    if missing.any():
        # What stands under the mask is no part of the value, and may be anything.
        values = array.to_numpy(dtype=array.dtype.numpy_dtype, na_value=0)
    else:
        values = array.to_numpy(dtype=array.dtype.numpy_dtype, copy=False)
    return rebuild_masked_column, (type(array).__name__, values, missing)


def _reduce_texts(array: Any) -> Form:
    missing = array.isna()
    texts: list[object] = array.to_numpy(dtype=object).tolist()
    if missing.any():
        texts = [None if gone else text for text, gone in zip(texts, missing.tolist(), strict=True)]
    return rebuild_texts, (texts, array.dtype.na_value)


def _reduce_arrow_column(array: Any) -> Form:
    text = isinstance(array, pd.arrays.ArrowStringArray)
    return rebuild_arrow_column, (array.__arrow_array__(), text, array.dtype.na_value if text else None)


def _reduce_sparse(array: Any) -> Form:
    places = array.sp_index.to_int_index().indices
    return rebuild_sparse, (array.sp_values, places, len(array), array.fill_value, array.kind)


def _reduce_moment(moment: Any) -> Form:
    count = int(moment.asm8.view("i8"))
    if isinstance(moment, pd.Timedelta):
        return rebuild_moment, (count, moment.unit, None, True)
    # The zone itself, where the time holds a variant of it.
    zone = None if moment.tz is None else pd.DatetimeTZDtype(moment.unit, moment.tz).tz
    return rebuild_moment, (count, moment.unit, zone, False)


def _text_type(storage: str, missing: object) -> Any:
    # The older versions know no other than NA.
    return pd.StringDtype(storage) if missing is pd.NA else pd.StringDtype(storage, na_value=missing)
