"""Labels that are known late: what of an outcome was known at a moment, and which events can be learned from."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from hookline import HooklineError, UsageError, log_metric, step
from hookline_data.joining.matching import Side, newest, taken
from hookline_data.tables.columns import Names, check_columns, check_comparable, names_of, present
from hookline_data.tables.frames import Frame, named_frame, same_library
from hookline_data.tables.times import Clock, Length, Moment, as_times, common_clock

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["Labels", "labels"]

_log = logging.getLogger(__name__)


class Labels(NamedTuple):
    """Events with labels, by whether these are final. Every event is in exactly one of the three.

    Attributes:
        mature: Events whose label is final, 0 or 1: what to learn from.
        immature: Events whose label may still change: 1 where an outcome is known already, missing elsewhere. To learn
            from those with 1 alone would make outcomes look more frequent than they are.
        left_out: Events whose key or time is missing, so that nothing can be told; without labels.
    """

    mature: Frame
    immature: Frame
    left_out: Frame


@step(name="data.labels")
def labels(
    events: Frame,
    outcomes: Frame,
    *,
    key: Names,
    time: str,
    reported: str,
    delay: Length,
    as_of: Moment,
    outcome_key: Names = (),
    happened: str = "",
    horizon: Length | None = None,
    label: str = "label",
    matures_at: str = "matures_at",
) -> Labels:
    """Label events by outcomes that are reported late, as it was known at a moment.

    An event's label is final from its time + horizon + delay on, which stands in the column ``matures_at``. It is 1 if
    an outcome with its key happened at its time or later, within the horizon, and was reported by ``as_of``; 0 if there
    is none and the label is final; else missing. For card fraud: events are transactions, outcomes chargebacks with the
    transaction's id, and the delay is how long cardholders may take, such as ``"45d"``. For churn: events are days on
    which customers were looked at, outcomes are cancellations, and the horizon is how far ahead to predict.

    Outcomes that lack key or time, that belong to no event, or were not reported by then are counted as metrics.

    Args:
        events: What to label; kept in order, pandas' index with it.
        outcomes: What came to be known; several may belong to one event.
        key: The columns that tell to which events an outcome belongs.
        time: The column of events that tells when they were.
        reported: The column of outcomes that tells when they became known.
        delay: How long reports may take, such as ``"45d"``; a number where times are numbers.
        as_of: The moment at which to look: nothing that was reported later counts. Text such as ``"2026-03-31"``.
        outcome_key: These columns in the outcomes, if they are called otherwise.
        happened: The column of outcomes that tells when they came to be; by default, when they were reported.
        horizon: How long after its time an event is concerned by outcomes; for ever by default.
        label: Name of the column for the label.
        matures_at: Name of the column for the moment from which it is final.

    Raises:
        HooklineError: Columns are missing, are there already, or can't be compared.
        UsageError: Arguments don't go together.
    """
    left, right = _sides(events, outcomes, names_of(key), time, names_of(outcome_key), happened or reported)
    same_library(events, outcomes)
    _check_names(left, right, reported, (label, matures_at))
    reports = as_times(right.frame[reported], right.called(reported))
    clock = _clock(left, right, reports, reported)
    moment = clock.moment(as_of, "as_of")
    within = None if horizon is None else clock.length(horizon, "horizon")
    window = clock.length(delay, "delay") + (within or 0)

    whole = present(right.frame, [*right.keys, right.time, reported])
    told = Side(right.frame.filter(whole), right.what, right.keys, right.time)
    known = clock.ticks(reports.filter(whole), right.called(reported)) <= moment
    usable = left.usable
    asked = Side(left.frame.filter(usable), left.what, left.keys, left.time)
    first = newest(
        asked,
        Side(told.frame.filter(known), told.what, told.keys, told.time),
        clock=clock,
        tolerance=within,
        ahead=True,
    )
    final = clock.ticks(asked.times, left.called(left.time)) <= moment - window
    _tell(asked, told, clock, {
        "outcomes without key or time": len(right.frame) - len(told.frame),
        "outcomes reported later": int((~known).sum()),
        "events without key or time": len(left.frame) - len(asked.frame),
        "immature events": int((~final).sum()),
    })  # fmt: skip
    matured = asked.frame.with_columns(clock.later(asked.times, window).alias(matures_at))
    return Labels(
        _labelled(matured.filter(final), first.filter(final), label, missing=False).to_native(),
        _labelled(matured.filter(~final), first.filter(~final), label, missing=True).to_native(),
        left.frame.filter(~usable).to_native(),
    )


def _sides(
    events: Frame, outcomes: Frame, key: list[str], time: str, outcome_key: list[str], happened: str
) -> tuple[Side, Side]:
    left = Side(named_frame(events, "the table 'events'"), "the table 'events'", key, time)
    right = Side(named_frame(outcomes, "the table 'outcomes'"), "the table 'outcomes'", outcome_key or key, happened)
    if not key or len(left.keys) != len(right.keys):
        raise UsageError(
            f"events are told apart by {len(left.keys)} columns, and outcomes by {len(right.keys)}",
            help="name as many columns in 'key' as in 'outcome_key', at least one",
        )
    return left, right


def _check_names(left: Side, right: Side, reported: str, added: tuple[str, str]) -> None:
    check_columns(left.frame, [*left.keys, left.time], left.what)
    check_columns(right.frame, [*right.keys, reported, right.time], right.what)
    for side in (left, right):
        check_comparable(side.frame, side.keys, side.what)
    for name, argument in zip(added, ("label", "matures_at"), strict=True):
        if name in left.frame.columns or not name or added[0] == added[1]:
            raise HooklineError(
                f"{left.what} can't get a column '{name}': the name is taken or empty",
                help=f"give another name as '{argument}'",
            )


def _clock(left: Side, right: Side, reports: nw.Series[Any], reported: str) -> Clock:
    mine = (left.times, left.called(left.time))
    clocks = [
        common_clock(mine[0], other, (mine[1], right.called(name)))
        for other, name in ((right.times, right.time), (reports, reported))
    ]
    return min(clocks, key=lambda clock: clock.unit)


def _tell(asked: Side, told: Side, clock: Clock, counts: dict[str, int]) -> None:
    """Record what was left out of account, and how many outcomes are nobody's."""
    counts["outcomes without event"] = int((newest(told, asked, clock=clock) < 0).sum())
    for name, count in counts.items():
        log_metric(name, count)
    for name in ("outcomes without key or time", "events without key or time", "outcomes without event"):
        if counts[name]:
            _log.warning("%d %s", counts[name], name)


def _labelled(events: nw.DataFrame[Any], first: nw.Series[Any], label: str, *, missing: bool) -> nw.DataFrame[Any]:
    """Add the label: 1 for events that have an outcome; for others 0, or nothing while that may change."""
    import narwhals as nw

    found = first >= 0
    if not missing:
        return events.with_columns(found.cast(nw.Int64).alias(label))
    one = nw.new_series(label, [1], dtype=nw.Int64, backend=events.implementation).to_frame()
    # The only row of that frame, or none.
    return events.with_columns(taken(one, found.cast(nw.Int64) - 1, events)[label])
