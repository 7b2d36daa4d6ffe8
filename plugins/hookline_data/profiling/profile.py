"""Describes each column of a table: what monitoring will compare later data with."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hookline import HooklineError, UsageError, step
from hookline.ml import ColumnProfile, DatasetRef, Profile
from hookline_data.profiling.numbers import Binning, histogram_of, moments_of, quantiles_of
from hookline_data.tables.columns import Names, check_columns, names_of, present
from hookline_data.tables.frames import Frame, named_frame
from hookline_data.tables.kinds import known_kind

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["profile"]

_WHAT = "the table"


@step(name="data.profile")
def profile(
    table: Frame,
    name: str = "",
    *,
    bins: int = 10,
    binning: Binning = "quantiles",
    top: int = 20,
    personal: Names = (),
) -> Profile:
    """Describe each column of a table: how many values it has, which, and how they are distributed.

    NaN counts as missing. Infinite numbers are values; mean, deviation and quantiles leave them out, histograms have
    them below or above all bins, and ``extra["infinite"]`` counts them. Lengths of time are in seconds. The least and
    greatest dates and times are ISO text, those with a zone in UTC. The result is the same in pandas and polars for the
    same values of the same types.

    Args:
        table: What to describe.
        name: Of the data set; empty for none.
        bins: How many bins a histogram has at most; where there are no more different numbers, each has its own.
        binning: Whether bins hold equally many values, or are equally wide.
        top: How many of the commonest values to list of texts, categories and truth values; and of whole numbers, if
            there are no more different ones.
        personal: Columns that tell of persons: of these there are only counts, no values and nothing made of values.
            A table does not know which these are, whatever the contract of its source says: name them.

    Raises:
        HooklineError: A column is missing.
        UsageError: Arguments make no sense.
    """
    if bins < 1 or top < 0:
        raise UsageError(f"a profile can't have {bins} bins and list {top} values", help="give positive numbers")
    frame = named_frame(table, _WHAT)
    hidden = names_of(personal)
    check_columns(frame, hidden, _WHAT)
    if "" in frame.columns:
        raise HooklineError(f"{_WHAT} has a column without a name", help="rename it")
    way = _Way(bins, binning, top)
    columns = tuple(_column(frame, column, way, column in hidden) for column in frame.columns)
    return Profile(columns, rows=len(frame), dataset=DatasetRef(name, rows=len(frame)) if name else None)


@dataclass(frozen=True, slots=True)
class _Way:
    """How to describe columns."""

    bins: int
    binning: Binning
    top: int


def _column(frame: nw.DataFrame[Any], name: str, way: _Way, personal: bool) -> ColumnProfile:
    kind, column = known_kind(frame[name])
    values = column.filter(present(column.alias("value").to_frame(), ["value"]))
    facts: dict[str, Any] = {"count": len(values), "missing": len(frame) - len(values)}
    if personal:
        facts["extra"] = {"personal": True}
    if kind in ("int", "float", "decimal", "duration"):
        facts |= _numbers(_as_numbers(values, kind), way, kind, personal)
    elif kind in ("bool", "str", "category"):
        facts |= _words(values, way, personal)
    elif kind in ("date", "datetime"):
        facts |= _times(values, kind, personal)
    return ColumnProfile(str(name), kind, **facts)


def _as_numbers(values: nw.Series[Any], kind: str) -> nw.Series[Any]:
    import narwhals as nw

    if kind == "int":
        return values
    if kind == "duration":
        ticks = values.dt.total_microseconds().cast(nw.Float64)
        # By a column, since one of the libraries multiplies by the reciprocal of a single number.
        return ticks / (ticks * 0 + 1e6)
    if kind == "decimal":
        numbers = [float(value) for value in values.to_list()]
        values = nw.new_series("value", numbers, dtype=nw.Float64, backend=values.implementation)
    # Adding nothing makes -0.0 the same number as 0.0.
    return values.cast(nw.Float64) + 0.0


def _numbers(values: nw.Series[Any], way: _Way, kind: str, personal: bool) -> dict[str, Any]:
    finite = values if kind == "int" else values.filter(values.is_finite())
    ordered = finite.sort()
    listed: list[float] = ordered.to_list()
    above = len(values.filter(values > 0)) - len(finite.filter(finite > 0))
    below = len(values) - len(listed) - above
    distinct = finite.n_unique() if listed else 0
    facts: dict[str, Any] = {"distinct": distinct + bool(above) + bool(below)}
    if above or below:
        facts["extra"] = {"infinite": above + below} | ({"personal": True} if personal else {})
    if personal or not len(values):
        return facts
    facts["mean"], facts["deviation"] = moments_of(ordered, listed)
    facts["minimum"] = -math.inf if below else listed[0] if listed else math.inf
    facts["maximum"] = math.inf if above else listed[-1] if listed else -math.inf
    facts["quantiles"] = quantiles_of(listed)
    facts["histogram"] = histogram_of(listed, way.bins, way.binning, distinct, (below, above))
    if kind == "int" and distinct <= way.top:
        facts["frequencies"] = _frequencies(values, way.top)
    return facts


def _words(values: nw.Series[Any], way: _Way, personal: bool) -> dict[str, Any]:
    import narwhals as nw

    # Categories have an order of their own in each library.
    words = values if isinstance(values.dtype, nw.Boolean) else values.cast(nw.String)
    facts: dict[str, Any] = {"distinct": words.n_unique() if len(words) else 0}
    if not personal:
        facts["frequencies"] = _frequencies(words, way.top)
    return facts


def _frequencies(values: nw.Series[Any], top: int) -> tuple[tuple[Any, float], ...]:
    """List the commonest values; of equally common ones the least first."""
    counted = values.alias("value").value_counts(name="count")
    first = counted.sort("count", "value", descending=[True, False]).head(top)
    return tuple(zip(first["value"].to_list(), map(float, first["count"].to_list()), strict=True))


def _times(values: nw.Series[Any], kind: str, personal: bool) -> dict[str, Any]:
    """Give the first and last time, to the microsecond."""
    import narwhals as nw

    facts: dict[str, Any] = {"distinct": values.n_unique() if len(values) else 0}
    if personal or not len(values):
        return facts
    if kind == "date":
        return facts | {"minimum": values.min().isoformat(), "maximum": values.max().isoformat()}
    since = dt.datetime(1970, 1, 1, tzinfo=dt.UTC if getattr(values.dtype, "time_zone", None) else None)
    ticks = values.dt.timestamp("us").cast(nw.Int64)
    for name, tick in (("minimum", ticks.min()), ("maximum", ticks.max())):
        try:
            facts[name] = (since + dt.timedelta(microseconds=int(tick))).isoformat()
        except OverflowError:
            # A year that Python has no name for.
            facts[name] = None
    return facts
