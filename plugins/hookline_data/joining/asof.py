"""Point-in-time joins: each row gets what was known of its entity at its time, and nothing that came later."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from hookline import HooklineError, UsageError, log_metric, step
from hookline_data.joining.matching import Side, clock_for, newest, taken
from hookline_data.tables.columns import Names, check_columns, check_comparable, names_of
from hookline_data.tables.frames import Frame, named_frame, same_library
from hookline_data.tables.times import Length

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["join_asof"]

_log = logging.getLogger(__name__)


@step(name="data.join_asof")
def join_asof(
    left: Frame,
    right: Frame,
    *,
    on: str = "",
    left_time: str = "",
    right_time: str = "",
    by: Names = (),
    left_by: Names = (),
    right_by: Names = (),
    columns: Names = (),
    embargo: Length | None = None,
    tolerance: Length | None = None,
    prefix: str = "",
    suffix: str = "",
    age: str = "",
    matched_time: str = "",
    ties: Literal["error", "last"] = "error",
) -> Frame:
    """Join to each row of one table the newest row of another that was known at its time.

    The age of a row on the right is the time on the left less its own time. It matches if it is of the same entity and
    embargo <= age <= tolerance; of those that match, the youngest is taken. Without an embargo, a row of the very same
    time matches. All rows on the left are kept, in their order, pandas' index with them; where nothing matches, what
    would come from the right is missing. Rows whose entity or time is missing never match; how many there are is
    recorded as metrics. In pandas, whole numbers and truth values from the right come in types that can miss some.

    Args:
        left: The table whose rows are kept, such as transactions.
        right: The table with what is known, such as features of customers; it need not be sorted.
        on: The column of times in both; or give ``left_time`` and ``right_time``.
        left_time: The column on the left that tells when a row came to be.
        right_time: The column on the right that tells from when on a row was known.
        by: The columns that name an entity, in both; or give ``left_by`` and ``right_by``. None: all is of one entity.
        left_by: These columns on the left.
        right_by: These columns on the right, in the same order.
        columns: What to take from the right; by default all but entity and time.
        embargo: How old a row must at least be, such as ``"1h"``; a number where times are numbers.
        tolerance: How old it may at most be, such as ``"7d"``; any age by default.
        prefix: Put before the names of what comes from the right.
        suffix: Put behind them.
        age: Name of a column for the age of what was matched; none by default.
        matched_time: Name of a column for its time; none by default.
        ties: What to do where the right has several rows of one entity and time: refuse them, or take the last one.

    Raises:
        HooklineError: Columns are missing, or their types can't be compared; names collide; there are ties.
        UsageError: Arguments don't go together.
    """
    if ties not in ("error", "last"):
        raise UsageError(f"there is no way '{ties}' to treat ties", help="choose one of error, last")
    one = _side(left, "the table 'left'", left_time or on, left_by or by, ("left_time", "left_by"))
    other = _side(right, "the table 'right'", right_time or on, right_by or by, ("right_time", "right_by"))
    same_library(left, right)
    if len(one.keys) != len(other.keys):
        raise UsageError(
            f"an entity has {len(one.keys)} columns on the left and {len(other.keys)} on the right",
            help="name as many columns in 'left_by' as in 'right_by'",
        )
    clock = clock_for(one, other)
    least = 0 if embargo is None else clock.length(embargo, "embargo")
    most = None if tolerance is None else clock.length(tolerance, "tolerance")
    if most is not None and most < least:
        raise UsageError(
            f"tolerance {tolerance} is shorter than embargo {embargo}, so nothing could match",
            help="the tolerance counts from the row's time, as the embargo does: make it the longer one",
        )
    wanted = names_of(columns) or [name for name in other.frame.columns if name not in (*other.keys, other.time)]
    check_columns(other.frame, wanted, other.what)
    names = _new_names(one.frame, wanted, (prefix, suffix), (age, matched_time))
    if ties == "error":
        _refuse_ties(other)
    positions = newest(one, other, clock=clock, embargo=least, tolerance=most)
    _tell(one, other, positions)
    found = taken(other.frame.select(*wanted), positions, one.frame).rename(names)
    return _beside(one, found, _times_of_match(one, other, positions, age, matched_time))


def _side(table: Frame, what: str, time: str, keys: Names, arguments: tuple[str, str]) -> Side:
    frame = named_frame(table, what)
    if not time:
        raise UsageError(f"{what} has no column of times to join on", help=f"give 'on' or '{arguments[0]}'")
    side = Side(frame, what, names_of(keys), time)
    check_columns(frame, [*side.keys, time], what)
    check_comparable(frame, side.keys, what)
    if time in side.keys:
        raise UsageError(f"{side.called(time)} can't be time and entity at once", help=f"mend '{arguments[1]}'")
    return side


def _new_names(
    left: nw.DataFrame[Any], wanted: Sequence[str], around: tuple[str, str], extra: tuple[str, str]
) -> dict[str, str]:
    """Name what comes from the right, and refuse names that are taken."""
    names = {name: f"{around[0]}{name}{around[1]}" if any(around) else name for name in wanted}
    added = [*names.values(), *filter(None, extra)]
    taken_names = [name for name in added if name in left.columns or added.count(name) > 1]
    if taken_names:
        listed = ", ".join(f"'{name}'" for name in dict.fromkeys(taken_names))
        raise HooklineError(
            f"the joined table would have two columns {listed}",
            help="give a 'prefix' or 'suffix' for what comes from the right, or name fewer 'columns'",
        )
    return names


def _refuse_ties(right: Side) -> None:
    columns = [*right.keys, right.time]
    rows = right.frame.select(*columns).filter(right.usable)
    tied = rows.filter(rows.is_duplicated())
    if not len(tied):
        return
    first = tied.head(2).unique(maintain_order=True).rows(named=True)[0]
    example = ", ".join(f"{name}={value}" for name, value in first.items())
    raise HooklineError(
        f"{right.what} has {len(tied)} rows that share entity and time with another one, such as {example}",
        help="leave one row per entity and time, or take the last ones with ties='last'",
    )


def _tell(left: Side, right: Side, positions: nw.Series[Any]) -> None:
    """Record how many rows found nothing, and how many never could."""
    log_metric("rows without match", int((positions < 0).sum()))
    for side, name in ((left, "left"), (right, "right")):
        unusable = len(side.frame) - int(side.usable.sum())
        log_metric(f"{name} rows without entity or time", unusable)
        if unusable:
            _log.warning("%s has %d rows without entity or time; they match nothing", side.what, unusable)


def _times_of_match(
    left: Side, right: Side, positions: nw.Series[Any], age: str, matched_time: str
) -> list[nw.Series[Any]]:
    if not age and not matched_time:
        return []
    made = []
    if age:
        import narwhals as nw

        whole = taken(right.times.alias(right.time).to_frame(), positions, left.frame)[right.time]
        frame = left.times.alias("now").to_frame().with_columns(whole.alias("then"))
        made.append(frame.select((nw.col("now") - nw.col("then")).alias(age))[age])
    if matched_time:
        found = taken(right.frame.select(right.time), positions, left.frame)
        made.append(found[right.time].alias(matched_time))
    return made


def _beside(left: Side, found: nw.DataFrame[Any], more: Sequence[nw.Series[Any]]) -> Frame:
    columns: list[nw.Series[Any]] = [*(found[name] for name in found.columns), *more]
    return left.frame.with_columns(*columns).to_native()
