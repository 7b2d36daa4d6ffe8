"""How well a single column tells the target: one that tells it almost perfectly is a copy of it, or comes after it.

Three measures, each 1 for a perfect copy. Which one is used depends on what target and column are.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["MAX_CLASSES", "Copy", "Target", "best_measure", "prepare"]

MAX_CLASSES = 50
"""A target with more different values is a number to be told, not a class."""

_MEASURES = {
    "values": "the commonest class of each of its values is right for all but {share:.3%} of what a guess gets wrong",
    "gaps": "whether it is missing tells the class, for all but {share:.3%} of what a guess gets wrong",
    "order": "its order separates the two classes, with an AUC of {value:.6f}",
    "ranks": "its order is that of the target, with a rank correlation of {value:.6f}",
}


class Copy(NamedTuple):
    """How well a column tells the target.

    Attributes:
        measure: By which measure.
        value: From 0 to 1.
    """

    measure: str
    value: float

    @property
    def words(self) -> str:
        """What was found, in words."""
        return _MEASURES[self.measure].format(share=1 - self.value, value=self.value)


class Target(NamedTuple):
    """A target that columns are measured against.

    Attributes:
        codes: Its classes, numbered from the commonest; or its numbers.
        classes: How often each class comes; empty for numbers.
    """

    codes: nw.Series[Any]
    classes: list[int]


def prepare(target: nw.Series[Any], support: int) -> Target | str:
    """Look at a target; nothing in it is missing.

    Args:
        target: The column.
        support: How many rows a class needs.

    Returns:
        The target, or why nothing can be measured against it.
    """
    import narwhals as nw

    counted = target.alias("value").value_counts(name="count").sort("count", "value", descending=[True, False])
    if len(counted) < 2:
        return "the target has no two different values"
    if len(counted) > MAX_CLASSES:
        if not target.dtype.is_numeric():
            return f"the target has {len(counted)} classes, more than {MAX_CLASSES}"
        return Target(target.cast(nw.Float64), [])
    counts = [int(count) for count in counted["count"].to_list()]
    if counts[1] < support:
        return f"but for the commonest class, none has {support} rows"
    coded = counted.select("value").with_row_index("code").with_columns(nw.col("code").cast(nw.Int64))
    rows = target.alias("value").to_frame().with_row_index("row").join(coded, on="value", how="left").sort("row")
    return Target(rows["code"], counts)


def best_measure(column: nw.Series[Any], target: Target, support: int) -> Copy | None:
    """Measure how well a column tells the target.

    Args:
        column: Of the rows of the target.
        target: What to tell.
        support: How many rows a rule has to rest on, so that it is not taken for one by chance.

    Returns:
        The measure that tells most; None where none applies, as for a column without two different values.
    """
    import narwhals as nw

    gaps = column.is_null() | column.is_nan().fill_null(False) if column.dtype.is_float() else column.is_null()
    measured = []
    if target.classes:
        missing = int(gaps.sum())
        if min(missing, len(column) - missing) >= support:
            measured.append(Copy("gaps", _by_value(gaps.cast(nw.Int64), target, support)))
        if not isinstance(column.dtype, nw.Float32 | nw.Float64 | nw.Datetime | nw.Duration) or _is_coarse(column):
            measured.append(Copy("values", _by_value(column, target, support)))
    ordered = _ordered(column)
    if ordered is not None and (len(target.classes) in (0, 2)):
        there = ~gaps
        value = _by_order(ordered.filter(there), target.codes.filter(there), target, support)
        if value is not None:
            measured.append(Copy("order" if target.classes else "ranks", value))
    return max(measured, key=lambda copy: copy.value, default=None)


def _ordered(column: nw.Series[Any]) -> nw.Series[Any] | None:
    import narwhals as nw

    if isinstance(column.dtype, (nw.Datetime, nw.Duration, nw.Date)) or column.dtype.is_numeric():
        return column
    return None


def _is_coarse(column: nw.Series[Any]) -> bool:
    """Tell whether values come often enough for rules by value: judged by the first rows, to spare the work."""
    head = column.head(10_000)
    return bool(head.n_unique() <= max(len(head) // 10, 2))


def _by_value(column: nw.Series[Any], target: Target, support: int) -> float:
    """Tell how much of a guess's errors a rule by value spares; values of too few rows are guessed."""
    import narwhals as nw

    pairs = column.alias("value").to_frame().with_columns(target.codes.alias("code"))
    counted = pairs.group_by("value", "code").agg(nw.len().alias("count"))
    counted = counted.with_columns(guessed=nw.when(nw.col("code") == 0).then(nw.col("count")).otherwise(0))
    rules = counted.group_by("value").agg(
        nw.col("count").sum().alias("rows"), nw.col("count").max().alias("right"), nw.col("guessed").sum()
    )
    firm = nw.col("rows") >= support
    right = int(rules.select(nw.when(firm).then(nw.col("right")).otherwise(nw.col("guessed")).sum().alias("n"))["n"][0])
    errors = len(column) - target.classes[0]
    return 1 - (len(column) - right) / errors


def _by_order(column: nw.Series[Any], codes: nw.Series[Any], target: Target, support: int) -> float | None:
    """Give the AUC, or the rank correlation; either way round. None where too few rows have a value."""
    import narwhals as nw

    ranks = column.rank("average").cast(nw.Float64)
    count = len(ranks)
    if target.classes:
        ones = codes == 1
        few = int(ones.sum())
        if min(few, count - few) < support:
            return None
        area = (float(ranks.filter(ones).sum()) - few * (few + 1) / 2) / (few * (count - few))
        return max(area, 1 - area)
    if count < support:
        return None
    one, other = ranks - (count + 1) / 2, codes.rank("average").cast(nw.Float64) - (count + 1) / 2
    spread = math.sqrt(float((one * one).sum()) * float((other * other).sum()))
    return abs(float((one * other).sum())) / spread if spread else None
