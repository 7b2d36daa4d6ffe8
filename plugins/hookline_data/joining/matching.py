"""Finds for each row of one table the newest row of another that is not younger.

Each library's own join does the work; here both are given the same numbers and must give the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hookline_data.joining.keys import alike
from hookline_data.tables.columns import present, row_numbers
from hookline_data.tables.frames import Frame
from hookline_data.tables.times import Clock, as_times, common_clock

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["Side", "clock_for", "newest", "taken"]

NONE = -1
"""Stands for the position of a row that there is not."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of two tables that are matched.

    Attributes:
        frame: The table.
        what: What it is called in errors.
        keys: The columns that name its entity.
        time: The column that tells when.
    """

    frame: nw.DataFrame[Any]
    what: str
    keys: list[str]
    time: str

    def called(self, column: str) -> str:
        """Name a column of it, for errors."""
        return f"column '{column}' of {self.what}"

    @property
    def times(self) -> nw.Series[Any]:
        """Its times, in a form that can be counted."""
        return as_times(self.frame[self.time], self.called(self.time))

    @property
    def usable(self) -> nw.Series[Any]:
        """Whether a row has all that it could be found by."""
        return present(self.frame, [*self.keys, self.time])


def clock_for(left: Side, right: Side) -> Clock:
    """Give a clock for the times of both.

    Raises:
        HooklineError: They hold no times, or such as can't be compared.
    """
    return common_clock(left.times, right.times, (left.called(left.time), right.called(right.time)))


def newest(
    left: Side, right: Side, *, clock: Clock, embargo: float = 0, tolerance: float | None = None, ahead: bool = False
) -> nw.Series[Any]:
    """Find for each row on the left the nearest row on the right that is old enough.

    Args:
        left: Whose rows are asked for.
        right: Whose rows are found. Of rows of the same entity and time the last one counts.
        clock: Counts the times of both.
        embargo: How old a row on the right must be at least.
        tolerance: How old it may be at most; None for any age.
        ahead: Whether to look into the future instead: for the nearest row that is not older.

    Returns:
        Positions on the right, from 0; -1 where no row is found.
    """
    asked_keys, asked_times, asked_rows = _usable(left)
    found_keys, found_times, found_rows = _usable(right)
    if not len(asked_rows) or not len(found_rows):
        return row_numbers(left.frame) * 0 - 1
    keys = [
        alike(first, second, (left.called(one), right.called(other)))
        for first, second, one, other in zip(asked_keys, found_keys, left.keys, right.keys, strict=True)
    ]
    sign = -1 if ahead else 1
    asked = _frame(
        asked_rows.alias("row"),
        (clock.ticks(asked_times, left.called(left.time)) * sign - embargo).alias("until"),
        *(pair[0].alias(f"key{number}") for number, pair in enumerate(keys)),
    )
    found = _frame(
        found_rows.alias("position"),
        (clock.ticks(found_times, right.called(right.time)) * sign).alias("since"),
        *(pair[1].alias(f"key{number}") for number, pair in enumerate(keys)),
    )
    join = _join_polars if str(asked.implementation) == "polars" else _join_pandas
    matched = join(asked.sort("until"), found.sort("since", "position"), len(keys))
    if tolerance is not None:
        import narwhals as nw

        matched = matched.filter(nw.col("until") - nw.col("since") <= tolerance - embargo)
    return _spread(matched, left.frame)


def taken(frame: nw.DataFrame[Any], positions: nw.Series[Any], like: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    """Give rows by position, with missing values where that is -1.

    Args:
        frame: Whose rows. In pandas, its whole numbers and truth values become columns that can miss some, whether or
            not any is missing, so that numbers stay exact and types don't depend on the data.
        positions: Which rows.
        like: The frame that the result will stand beside; gives the index.
    """
    import narwhals as nw

    native: Frame = frame.to_native()
    if str(frame.implementation) == "polars":
        import polars as pl

        index = positions.to_native()
        index = pl.select(pl.when(index >= 0).then(index)).to_series()
        return nw.from_native(native.select(pl.all().gather(index)), eager_only=True)
    import pandas as pd

    at = positions.to_numpy()
    # By number: names need not be texts.
    columns = [_nullable(native.iloc[:, number]).array for number in range(native.shape[1])]
    parts = [pd.Series(pd.api.extensions.take(part, at, allow_fill=True)) for part in columns]
    made = pd.concat(parts, axis=1) if parts else pd.DataFrame(index=range(len(at)))
    made.columns, made.index = native.columns, like.to_native().index
    return nw.from_native(made, eager_only=True)


def _usable(side: Side) -> tuple[list[nw.Series[Any]], nw.Series[Any], nw.Series[Any]]:
    """Give keys, times and positions of the rows that can be found."""
    usable = side.usable
    keys = [side.frame[key].filter(usable) for key in side.keys]
    return keys, side.times.filter(usable), row_numbers(side.frame).filter(usable)


def _frame(first: nw.Series[Any], *others: nw.Series[Any]) -> nw.DataFrame[Any]:
    return first.to_frame().with_columns(*others)


def _join_polars(asked: nw.DataFrame[Any], found: nw.DataFrame[Any], keys: int) -> nw.DataFrame[Any]:
    import narwhals as nw

    by = [f"key{number}" for number in range(keys)] or None
    joined = asked.to_native().join_asof(
        # Sorted by time they are; that polars can't check it within entities, it would warn of.
        found.to_native(), left_on="until", right_on="since", by=by, coalesce=False, check_sortedness=False
    )  # fmt: skip
    frame: nw.DataFrame[Any] = nw.from_native(joined, eager_only=True)
    return frame.filter(~nw.col("position").is_null())


def _join_pandas(asked: nw.DataFrame[Any], found: nw.DataFrame[Any], keys: int) -> nw.DataFrame[Any]:
    import narwhals as nw
    import pandas as pd

    left, right = asked.to_native(), found.to_native()
    kind = "int64" if asked["until"].dtype.is_integer() else "float64"
    # pandas has numbers in several forms, and joins only what has the same.
    for side, column in ((left, "until"), (right, "since")):
        side[column] = side[column].to_numpy(kind)
    by = None
    if keys:
        left["entity"], right["entity"] = _entities(left, right, keys)
        by = "entity"
    columns = ["row", "until"], ["position", "since"]
    joined = pd.merge_asof(
        left[columns[0] + [by] * bool(by)], right[columns[1] + [by] * bool(by)],
        left_on="until", right_on="since", by=by,
    )  # fmt: skip
    frame: nw.DataFrame[Any] = nw.from_native(joined, eager_only=True)
    return frame.filter(~nw.col("position").is_null())


def _entities(left: Frame, right: Frame, keys: int) -> tuple[Frame, Frame]:
    """Number the entities of two frames of pandas alike."""
    import pandas as pd

    codes = None
    for number in range(keys):
        name = f"key{number}"
        column, values = pd.factorize(pd.concat([left[name], right[name]], ignore_index=True))
        if codes is None:
            codes = column
            continue
        # Numbered anew after each key, so that products never outgrow 64 bits.
        codes, _ = pd.factorize(codes * len(values) + column)
    assert codes is not None
    return codes[: len(left)], codes[len(left) :]


def _spread(matched: nw.DataFrame[Any], frame: nw.DataFrame[Any]) -> nw.Series[Any]:
    """Give a position for each row, from those of the rows that have one."""
    import narwhals as nw

    if str(frame.implementation) == "pandas":
        import numpy as np

        numbers = np.full(len(frame), NONE)
        numbers[matched["row"].to_numpy()] = matched["position"].to_numpy().astype("int64")
        return nw.new_series("position", numbers, dtype=nw.Int64, backend="pandas")
    rows = row_numbers(frame).alias("row").to_frame().to_native()
    joined = rows.join(matched.to_native(), on="row", how="left", maintain_order="left")
    positions: nw.Series[Any] = nw.from_native(joined["position"], series_only=True)
    return positions.cast(nw.Int64).fill_null(NONE)


_NULLABLE = {
    **{f"{sign}int{bits}": f"{(sign and 'UI') or 'I'}nt{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "bool": "boolean",
}


def _nullable(column: Frame) -> Frame:
    wanted = _NULLABLE.get(str(column.dtype))
    return column.astype(wanted) if wanted else column
