"""Splits a table into parts to learn from and to test with: the same rows for the same seed, in each library."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from hookline import HooklineError, Seed, UsageError, log_metric, step
from hookline_data.splitting.shares import PARTS, shares_of, sizes_of
from hookline_data.tables.columns import Names, check_columns, check_comparable, names_of, present, row_numbers
from hookline_data.tables.frames import Frame, named_frame
from hookline_data.tables.times import Clock, Length, Moment, as_times, clock_of

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["Parts", "split"]

_WHAT = "the table"


class Parts(NamedTuple):
    """A table in parts. Every row is in exactly one, in the order that it had, and with its index in pandas.

    Attributes:
        training: To learn from.
        validation: To choose by; perhaps empty.
        test: To judge by, once.
        left_out: Rows in the gap before a part, where a split by time has one.
    """

    training: Frame
    validation: Frame
    test: Frame
    left_out: Frame


@step(name="data.split")
def split(
    table: Frame,
    how: Literal["random", "stratified", "grouped", "time"] = "random",
    *,
    training: float | None = None,
    validation: float | None = None,
    test: float | None = None,
    by: Names = (),
    time: str = "",
    cutoffs: Sequence[Moment] = (),
    gap: Length | None = None,
    seed: Seed = Seed(0),
) -> Parts:
    """Split a table into parts to learn from and to test with.

    ``random`` deals rows at random. ``stratified`` does so within each class, so that classes are as frequent in each
    part. ``grouped`` never splits a group, such as the rows of one customer; groups in random order fill one part after
    the other, as near to the shares as whole groups allow. ``time`` puts the oldest rows into training and the newest
    into test; rows of one time stay together, in the later part. Sizes are exact, by largest remainder, except where
    groups and equal times are kept together. Which row goes where depends on the seed and on the order of rows, and not
    on the library.

    Args:
        table: What to split.
        how: By what.
        training: Its share; the rest by default. If no share is given: 0.7, 0.15 and 0.15.
        validation: Its share; nothing by default.
        test: Its share; the rest by default.
        by: The columns that name a row's class or group, for ``stratified`` and ``grouped``.
        time: The column of times, for ``time``.
        cutoffs: Instead of shares, for ``time``: the moments at which validation and test begin, or test alone.
        gap: For ``time``: how long before each part rows are left out, such as the delay of labels: ``"45d"``.
        seed: Decides what is random.

    Raises:
        HooklineError: Columns are missing, or values in them; there are too few rows for a part.
        UsageError: Arguments don't go together.
    """
    frame = named_frame(table, _WHAT)
    asked = _Asked(frame, names_of(by), time, cutoffs, gap, seed)
    asked.check(how)
    if cutoffs:
        if (training, validation, test) != (None, None, None):
            raise UsageError("'cutoffs' say where parts begin, and so do shares", help="give one or the other")
        wanted = [True, len(cutoffs) > 1, True]
        codes = _by_time(asked, ())
    else:
        shares = shares_of(training, validation, test)
        wanted = [bool(share) for share in shares]
        if len(frame) < sum(wanted):
            raise HooklineError(f"{_WHAT} has {len(frame)} rows, too few for {sum(wanted)} parts")
        codes = _WAYS[how](asked, shares)
    parts = Parts(*(frame.filter(codes == code).to_native() for code in (0, 1, 2, _LEFT_OUT)))
    _tell(parts, wanted, how)
    return parts


_LEFT_OUT = 3


@dataclass(frozen=True, slots=True)
class _Asked:
    """A table, and by what it is to be split."""

    frame: nw.DataFrame[Any]
    by: list[str]
    time: str
    cutoffs: Sequence[Moment]
    gap: Length | None
    seed: int

    def check(self, how: str) -> None:
        """Refuse arguments that are not for this way, columns that are not there, and values that are missing."""
        if how not in _WAYS:
            raise UsageError(f"there is no way '{how}' to split", help=f"choose one of {', '.join(_WAYS)}")
        for name, value, ways in (
            ("by", self.by, ("stratified", "grouped")),
            ("time", self.time, ("time",)),
            ("cutoffs", self.cutoffs, ("time",)),
            ("gap", self.gap, ("time",)),
        ):
            if value and how not in ways:
                raise UsageError(f"'{name}' has no meaning for how='{how}'", help=f"it is for {' and '.join(ways)}")
            if not value and how in ways and name in ("by", "time"):
                raise UsageError(f"how='{how}' needs '{name}'", help=f"name the column: {name}='…'")
        columns = [*self.by, *([self.time] if self.time else [])]
        check_columns(self.frame, columns, _WHAT)
        check_comparable(self.frame, self.by, _WHAT)
        for name in columns:
            missing = len(self.frame) - int(present(self.frame, [name]).sum())
            if missing:
                raise HooklineError(
                    f"{missing} rows of {_WHAT} have no value in column '{name}', so they belong to no part",
                    help="fill these values, or leave the rows out before",
                )


def _random(asked: _Asked, shares: Sequence[Fraction]) -> nw.Series[Any]:
    rows = row_numbers(asked.frame).alias("row").to_frame()
    dealt = rows.with_columns(_keys(rows, asked.seed)).sort("key", "row")
    return _in_order(dealt, _runs(sizes_of(len(rows), shares)))


def _stratified(asked: _Asked, shares: Sequence[Fraction]) -> nw.Series[Any]:
    groups, rows = _groups(asked)
    sizes: list[int] = groups["size"].to_list()
    parts = sum(1 for share in shares if share)
    small = [number for number, size in enumerate(sizes) if size < parts]
    if small:
        first = groups.row(small[0])
        raise HooklineError(
            f"{len(small)} classes have fewer rows than there are parts, such as "
            f"{', '.join(f'{name}={value}' for name, value in zip(asked.by, first, strict=False))}"
            f" with {sizes[small[0]]}",
            help="leave these classes out, merge them, or split at random",
        )
    dealt = rows.with_columns(_keys(rows, asked.seed)).sort("group", "key", "row")
    runs = bytearray()
    for size in sizes:
        runs += _runs(sizes_of(size, shares))
    return _in_order(dealt, runs)


def _grouped(asked: _Asked, shares: Sequence[Fraction]) -> nw.Series[Any]:
    import narwhals as nw

    groups, rows = _groups(asked)
    groups = groups.select("group", "size").with_columns(_keys(groups, asked.seed)).sort("key", "group")
    total = len(rows)
    # A group goes where its middle falls.
    middle = nw.col("size").cum_sum() * 2 - nw.col("size")
    borders = (float(2 * total * shares[0]), float(2 * total * (shares[0] + shares[1])))
    code = (middle > borders[0]).cast(nw.Int64) + (middle > borders[1]).cast(nw.Int64)
    groups = groups.with_columns(code.alias("code")).select("group", "code")
    return rows.join(groups, on="group", how="left").sort("row")["code"]


def _by_time(asked: _Asked, shares: Sequence[Fraction]) -> nw.Series[Any]:
    import narwhals as nw

    what = f"column '{asked.time}' of {_WHAT}"
    column = as_times(asked.frame[asked.time], what)
    clock = clock_of(column)
    ticks = clock.ticks(column, what)
    borders = _cutoffs(asked.cutoffs, clock) if asked.cutoffs else _borders(ticks, shares)
    gap = clock.length(asked.gap, "gap") if asked.gap is not None else 0
    code = (nw.col("time") >= borders[0]).cast(nw.Int64) + (nw.col("time") >= borders[1]).cast(nw.Int64)
    out = [(nw.col("time") < border) & (nw.col("time") >= border - gap) for border in borders]
    coded = nw.when(out[0] | out[1]).then(_LEFT_OUT).otherwise(code)
    return ticks.alias("time").to_frame().select(coded.alias("code"))["code"]


_WAYS = {"random": _random, "stratified": _stratified, "grouped": _grouped, "time": _by_time}


def _cutoffs(cutoffs: Sequence[Moment], clock: Clock) -> tuple[float, float]:
    if isinstance(cutoffs, str) or len(cutoffs) > 2:
        raise UsageError(f"'cutoffs' are {cutoffs!r}", help="list where validation and test begin, or test alone")
    first, *others = [clock.moment(moment, "a cutoff") for moment in cutoffs]
    second = others[0] if others else first
    if others and first >= second:
        raise UsageError(f"the cutoffs {cutoffs[0]} and {cutoffs[1]} do not rise", help="validation begins before test")
    return first, second


def _borders(ticks: nw.Series[Any], shares: Sequence[Fraction]) -> tuple[float, float]:
    """Find the times at which validation and test begin, from how many rows go before."""
    sizes = sizes_of(len(ticks), shares)
    ordered = ticks.sort()
    never = ordered[-1] + 1
    starts = (sizes[0], sizes[0] + sizes[1])
    first, second = (ordered[start] if start < len(ticks) else never for start in starts)
    return first, second


def _groups(asked: _Asked) -> tuple[nw.DataFrame[Any], nw.DataFrame[Any]]:
    """Number classes or groups by their first rows.

    Returns:
        The groups: their columns, ``size`` and ``group``; and rows: ``row`` and ``group``.
    """
    import narwhals as nw

    names = {name: f"by{number}" for number, name in enumerate(asked.by)}
    rows = asked.frame.select(*asked.by).rename(names)
    rows = rows.with_columns(row_numbers(rows).alias("row"))
    groups = rows.group_by(*names.values()).agg(nw.col("row").min().alias("first"), nw.len().alias("size"))
    groups = groups.sort("first").with_columns(nw.col("size").cast(nw.Int64)).drop("first")
    groups = groups.with_columns(row_numbers(groups).alias("group"))
    numbered = rows.join(groups.drop("size"), on=list(names.values()), how="left")
    return groups, numbered.select("row", "group").sort("row")


def _keys(frame: nw.DataFrame[Any], seed: int) -> nw.Series[Any]:
    """Draw a number for each row of a frame; Python promises the same ones in all its versions."""
    import narwhals as nw

    draw = random.Random(int(seed)).random
    keys = [draw() for _ in range(len(frame))]
    return nw.new_series("key", keys, dtype=nw.Float64, backend=frame.implementation)


def _runs(sizes: Sequence[int]) -> bytes:
    return b"".join(bytes([code]) * size for code, size in enumerate(sizes))


def _in_order(dealt: nw.DataFrame[Any], codes: bytes | bytearray) -> nw.Series[Any]:
    """Give the codes, which are in the order of the dealt rows, in the order of the table."""
    import narwhals as nw

    series = nw.new_series("code", list(codes), dtype=nw.Int64, backend=dealt.implementation)
    return dealt.with_columns(series).sort("row")["code"]


def _tell(parts: Parts, wanted: Sequence[bool], how: str) -> None:
    for name, part, expected in zip(PARTS, parts, wanted, strict=False):
        log_metric(f"{name} rows", len(part))
        if expected and not len(part):
            raise HooklineError(
                f"the part '{name}' would have no rows",
                help={
                    "grouped": "a group is too large: give this part a larger share, or split by other columns",
                    "time": "too many rows are of one time, or outside of the cutoffs, or within the gap",
                }.get(how, ""),
            )
    log_metric("rows left out", len(parts.left_out))
