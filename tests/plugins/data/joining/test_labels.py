"""Labels that are known late, against a reference that looks at every pair of rows."""

from __future__ import annotations

import datetime as dt
import logging
import math
from typing import Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline import HooklineError, UsageError
from hookline.testing.contracts.steps import StepContract
from hookline_data.joining.labels import Labels, labels

DAY = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
LIBRARIES = (pd.DataFrame, pl.DataFrame)
both = pytest.mark.parametrize("frame", LIBRARIES, ids=["pandas", "polars"])


def day(number: int | None) -> dt.datetime | None:
    return None if number is None else DAY + dt.timedelta(days=number)


def column(table: Any, name: str) -> list[Any]:
    if isinstance(table, pl.DataFrame):
        return table[name].to_list()
    return table[name].astype(object).where(table[name].notna(), None).tolist()


class TestContract(StepContract):
    step = labels
    calls = (
        {
            "events": pl.DataFrame({"id": ["a", "b", None], "time": [1, 6, 2]}),
            "outcomes": pl.DataFrame({"id": ["a"], "reported": [3]}),
            "key": "id",
            "time": "time",
            "reported": "reported",
            "delay": 4,
            "as_of": 8,
        },
    )


@both
def test_a_transaction_is_fraud_when_a_chargeback_is_reported_and_good_when_the_time_for_it_is_over(frame: Any) -> None:
    """What was reported after the moment does not count, and what may still be reported is not taken for good."""
    events = frame({"id": [1, 2, 3, 4], "time": [day(0), day(0), day(60), day(60)]})
    outcomes = frame({"card": [2, 3, 1], "reported": [day(30), day(65), day(71)]})
    told = labels(
        events, outcomes, key="id", outcome_key="card", time="time", reported="reported", delay="45d",
        as_of=DAY + dt.timedelta(days=70),
    )  # fmt: skip
    assert column(told.mature, "id") == [1, 2]
    assert column(told.mature, "label") == [0, 1]
    assert column(told.immature, "id") == [3, 4]
    assert column(told.immature, "label") == [1, None]
    assert column(told.immature, "matures_at") == [day(105), day(105)]
    assert len(told.left_out) == 0
    if frame is pd.DataFrame:
        assert list(told.immature.index) == [2, 3]
        assert str(told.mature["label"].dtype) == "int64"


keys = st.sampled_from(["a", "b", None])
days = st.one_of(st.none(), st.integers(0, 10))


@settings(max_examples=25, deadline=None)
@given(
    events=st.lists(st.tuples(keys, days), max_size=8),
    outcomes=st.lists(st.tuples(keys, days, days), max_size=8),
    delay=st.integers(0, 5),
    horizon=st.one_of(st.none(), st.integers(0, 5)),
    as_of=st.integers(-1, 14),
)
def test_labels_are_those_of_the_definition(
    events: Any, outcomes: Any, delay: int, horizon: int | None, as_of: int
) -> None:
    """On both libraries; each event is in one part, in order; a mature label is known, an immature one only if 1."""
    wanted: dict[str, list[Any]] = {"mature": [], "immature": [], "left_out": []}
    for number, (key, time) in enumerate(events):
        if key is None or time is None:
            wanted["left_out"].append((number,))
            continue
        found = any(
            None not in (other, happened, reported)
            and other == key
            and time <= happened
            and (horizon is None or happened <= time + horizon)
            and reported <= as_of
            for other, happened, reported in outcomes
        )
        matures = time + delay + (horizon or 0)
        if matures <= as_of:
            wanted["mature"].append((number, int(found), day(matures)))
        else:
            wanted["immature"].append((number, 1 if found else None, day(matures)))
    for frame in LIBRARIES:
        told = labels(
            made(frame, events, ("key", "time")),
            made(frame, outcomes, ("key", "happened", "reported")),
            key="key",
            time="time",
            happened="happened",
            reported="reported",
            delay=f"{delay}d",
            horizon=None if horizon is None else dt.timedelta(days=horizon),
            as_of=(DAY + dt.timedelta(days=as_of)).isoformat(),
        )
        for part in ("mature", "immature"):
            table = getattr(told, part)
            rows = list(zip(column(table, "row"), column(table, "label"), column(table, "matures_at"), strict=True))
            assert rows == wanted[part]
        assert [(row,) for row in column(told.left_out, "row")] == wanted["left_out"]


def made(frame: Any, rows: list[Any], names: tuple[str, ...]) -> Any:
    columns = {"key": [row[0] for row in rows]}
    times = {name: [day(row[number]) for row in rows] for number, name in enumerate(names) if number}
    if frame is pl.DataFrame:
        kind = pl.Datetime("us", "UTC")
        return pl.DataFrame(
            {
                "row": pl.Series(range(len(rows)), dtype=pl.Int64),
                "key": pl.Series(columns["key"], dtype=pl.String),
                **{name: pl.Series(values, dtype=kind) for name, values in times.items()},
            }
        )
    return pd.DataFrame(
        {
            "row": pd.Series(range(len(rows)), dtype="int64"),
            "key": pd.Series(columns["key"], dtype=object),
            **{name: pd.Series(values, dtype="datetime64[us, UTC]") for name, values in times.items()},
        },
    )


@both
def test_what_could_not_be_used_is_counted(frame: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Outcomes without key, before their event, of nobody, or reported later; and events without key."""
    events = frame({"id": ["a", None], "time": [5.0, 5.0]})
    outcomes = frame({"id": ["a", "a", "x", None, "a"], "reported": [1.0, 50.0, 6.0, 6.0, None]})
    with caplog.at_level(logging.DEBUG, "hookline"):
        told = labels(events, outcomes, key="id", time="time", reported="reported", delay=1, as_of=7)
    assert column(told.mature, "label") == [0]
    for name, count in {
        "outcomes without key or time": 2,
        "outcomes reported later": 1,
        "outcomes without event": 2,
        "events without key or time": 1,
        "immature events": 0,
    }.items():
        assert f"metric {name} = {count}.0" in caplog.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": "idd"}, "the table 'events' has no column 'idd'"),
        ({"key": ()}, "events are told apart by 0 columns"),
        ({"outcome_key": ["id", "time"]}, "events are told apart by 1 columns, and outcomes by 2"),
        ({"reported": "when"}, "the table 'outcomes' has no column 'when'"),
        ({"label": "id"}, "can't get a column 'id': the name is taken"),
        ({"label": ""}, "the name is taken or empty"),
        ({"label": "x", "matures_at": "x"}, "can't get a column 'x'"),
        ({"as_of": "tomorrow"}, "as_of 'tomorrow' is no date or time"),
        ({"as_of": "2024-01-01T00:00:00Z"}, "has a zone, and the times that it is compared with have none"),
        ({"as_of": 5}, "as_of is 5, but times are no numbers here"),
        ({"delay": 5}, "delay is 5, but times are no numbers here"),
        ({"horizon": "x"}, "horizon 'x' is no length of time"),
    ],
)
def test_what_can_t_be_labelled_is_refused(changes: Any, message: str) -> None:
    """With the name of the column or argument."""
    events = pl.DataFrame({"id": [1], "time": [dt.datetime(2024, 1, 1)]})
    arguments = {"key": "id", "time": "time", "reported": "time", "delay": "1d", "as_of": "2024-01-03"} | changes
    with pytest.raises(HooklineError) as caught:
        labels(events, events, **arguments)
    assert message in str(caught.value)


def test_a_zone_that_is_lacking_is_told() -> None:
    """A moment without one would mean another moment elsewhere."""
    events = pl.DataFrame({"id": [1], "time": [DAY]})
    with pytest.raises(UsageError, match=r"as_of \(2024-01-01\) has no zone"):
        labels(events, events, key="id", time="time", reported="time", delay="1d", as_of="2024-01-01")


@both
def test_empty_tables_have_empty_parts(frame: Any) -> None:
    """And without outcomes all that is mature is 0."""
    events = frame({"id": [1], "time": [day(0)]})
    outcomes = frame({"id": [1], "time": [day(0)]})[:0]
    arguments = {"key": "id", "time": "time", "reported": "time", "delay": "1d", "as_of": day(3)}
    assert column(labels(events, outcomes, **arguments).mature, "label") == [0]
    told = labels(events[:0], outcomes, **arguments)
    assert isinstance(told, Labels)
    assert [len(part) for part in told] == [0, 0, 0]
    assert list(told.mature.columns) == list(told.immature.columns) == ["id", "time", "matures_at", "label"]


@both
@pytest.mark.parametrize("kind", ["uint8", "int8"])
def test_small_numbers_are_added_without_running_over(frame: Any, kind: str) -> None:
    """A time of 120 and a delay of 100 are 220, whatever type the column has."""
    events = frame({"id": [1, 2], "time": [120, 3]})
    if frame is pd.DataFrame:
        events = events.astype({"time": kind})
    else:
        events = events.cast({"time": pl.UInt8 if kind == "uint8" else pl.Int8})
    told = labels(events, events[:1], key="id", time="time", reported="time", delay=200, as_of=400)
    assert column(told.mature, "matures_at") == [320, 203]
    assert column(told.mature, "label") == [1, 0]


@pytest.mark.parametrize(
    "changes", [{"as_of": math.nan}, {"delay": math.nan}, {"delay": math.inf}, {"horizon": math.nan}], ids=str
)
def test_numbers_that_are_none_are_refused(changes: Any) -> None:
    """As of no number at all, every event would be immature."""
    events = pd.DataFrame({"id": [1], "time": [1]})
    arguments = {"key": "id", "time": "time", "reported": "time", "delay": 1, "as_of": 9} | changes
    with pytest.raises(UsageError, match=f"{next(iter(changes))} is (nan|inf), which is"):
        labels(events, events, **arguments)
