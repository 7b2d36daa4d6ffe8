"""Which rows of one part are also in another: by a hash of their values, so that a million rows take a moment.

Hashes have 64 bits. That two of a million rows share one by chance is less likely than one to ten million.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hookline_data.tables.kinds import known_kind

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["distinct_shared", "hashes", "shared_rows", "unlike"]


def unlike(one: nw.DataFrame[Any], other: nw.DataFrame[Any], columns: Sequence[str]) -> str:
    """Tell why columns of two parts can't be compared; empty if they can."""
    for name in columns:
        words = {known_kind(frame[name])[0] for frame in (one, other)}
        if words & {"list", "object"}:
            return f"column '{name}' holds {' and '.join(sorted(words))}s, which can't be compared"
        kinds = [str(frame.schema[name]).lower() for frame in (one, other)]
        if kinds[0] != kinds[1]:
            return f"column '{name}' is of type {kinds[0]} in one part and {kinds[1]} in the other"
    return ""


def hashes(frame: nw.DataFrame[Any], columns: Sequence[str]) -> nw.Series[Any]:
    """Give a number for each row, equal for rows that are equal in some columns."""
    import narwhals as nw

    kinds = {name: frame.schema[name] for name in columns}
    # What equal values look like inside must not matter: codes of categories, the sign of zero, in pandas masks.
    frame = frame.select(*(_plain(name, kind) for name, kind in kinds.items()))
    native = frame.to_native()
    if str(frame.implementation) == "polars":
        return nw.from_native(native.hash_rows(), series_only=True)
    import pandas as pd

    for name, kind in kinds.items():
        if kind.is_numeric() and str(native[name].dtype) != str(kind).lower():
            native = native.assign(**{name: native[name].astype("float64" if kind.is_float() else str(kind))})
    return nw.from_native(pd.util.hash_pandas_object(native, index=False), series_only=True)


def _plain(name: str, kind: nw.dtypes.DType) -> nw.Expr:
    import narwhals as nw

    if isinstance(kind, (nw.Categorical, nw.Enum)):
        return nw.col(name).cast(nw.String)
    return nw.col(name) + 0.0 if kind.is_float() else nw.col(name)


def shared_rows(one: nw.Series[Any], other: nw.Series[Any]) -> int:
    """Count the rows of the second that are equal to one of the first."""
    frames = [column.alias("hash").to_frame() for column in (other, one.unique())]
    return len(frames[0].join(frames[1], on="hash", how="semi"))


def distinct_shared(one: nw.Series[Any], other: nw.Series[Any]) -> int:
    """Count the different values that both have."""
    return shared_rows(one, other.unique())
