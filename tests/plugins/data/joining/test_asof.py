"""Point-in-time joins against a reference that looks at every pair of rows."""

from __future__ import annotations

import datetime as dt
import logging
import warnings
from typing import Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline import HooklineError, UsageError
from hookline.testing.contracts.steps import StepContract
from hookline_data.joining.asof import join_asof

DAY = dt.datetime(2024, 3, 30)
LIBRARIES = (pd.DataFrame, pl.DataFrame)
both = pytest.mark.parametrize("frame", LIBRARIES, ids=["pandas", "polars"])


def day(number: float | None) -> dt.datetime | None:
    return None if number is None else DAY + dt.timedelta(days=number)


def rows_of(table: Any) -> list[tuple[Any, ...]]:
    if isinstance(table, pl.DataFrame):
        return table.rows()
    kept = table.astype(object).where(table.notna(), None)
    return [tuple(row) for row in kept.itertuples(index=False)]


def column(table: Any, name: str) -> list[Any]:
    names = list(table.columns)
    return [row[names.index(name)] for row in rows_of(table)]


class TestContract(StepContract):
    step = join_asof
    calls = (
        {
            "left": pd.DataFrame({"k": ["a", "b"], "t": [3, 5]}),
            "right": pd.DataFrame({"k": ["a", "b"], "t": [1, 4], "v": [0.5, 1.5]}),
            "on": "t",
            "by": ["k"],
            "tolerance": 1,
        },
    )


entities = st.sampled_from(["a", "b", None])
moments = st.one_of(st.none(), st.integers(0, 12))
lefts = st.lists(st.tuples(entities, st.sampled_from([1, 2]), moments), max_size=12)


def reference(
    left: list[Any], right: list[Any], embargo: int, tolerance: int | None, two_keys: bool
) -> list[int | None]:
    found: list[int | None] = []
    for name, shop, time in left:
        best: tuple[int, int] | None = None
        for number, (other, other_shop, known) in enumerate(right):
            if None in (name, other, time, known) or name != other or (two_keys and shop != other_shop):
                continue
            age = time - known
            if age < embargo or (tolerance is not None and age > tolerance):
                continue
            best = max(best or (known, number), (known, number))
        found.append(best[1] if best else None)
    return found


@settings(max_examples=25, deadline=None)
@given(
    left=lefts,
    right=lefts,
    embargo=st.integers(0, 3),
    longer=st.one_of(st.none(), st.integers(0, 6)),
    two_keys=st.booleans(),
    form=st.sampled_from(["times", "numbers", "zones", "units"]),
)
def test_each_row_gets_the_newest_row_that_was_known_and_never_one_of_the_future(
    left: Any, right: Any, embargo: int, longer: int | None, two_keys: bool, form: str
) -> None:
    """Equal to trying every pair, on both libraries, whatever times are made of, in whatever order rows stand."""
    tolerance = None if longer is None else embargo + longer
    wanted = reference(left, right, embargo, tolerance, two_keys)
    for frame in LIBRARIES:
        one, other = table(frame, left, form, "l"), table(frame, right, form, "r")
        number = form == "numbers"
        joined = join_asof(
            one,
            other,
            on="time",
            by=["name", "shop"] if two_keys else "name",
            columns=["row"],
            prefix="right_",
            embargo=float(embargo) if number else f"{embargo}d",
            tolerance=tolerance if number or tolerance is None else dt.timedelta(days=tolerance),
            ties="last",
        )
        assert column(joined, "right_row") == wanted
        assert column(joined, "row") == list(range(len(left)))


def table(frame: Any, rows: list[Any], form: str, side: str) -> Any:
    numbers = [row[2] for row in rows]
    names, shops = [row[0] for row in rows], [row[1] for row in rows]
    if frame is pd.DataFrame:
        times: Any = pd.Series(numbers, dtype="Int64")
        if form != "numbers":
            unit = {"times": "us", "zones": "us", "units": "ns" if side == "l" else "s"}[form]
            times = pd.Series([day(number) for number in numbers], dtype=f"datetime64[{unit}]")
            if form == "zones":
                times = times.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo" if side == "l" else "Europe/Berlin")
        made = pd.DataFrame({"name": pd.Series(names, dtype=object), "shop": shops, "time": times})
        made["row"] = range(len(rows))
        made["shop"] = made["shop"].astype("int64")
        made.index = pd.Index([7] * len(rows))
        return made
    times = pl.Series(numbers, dtype=pl.Int64)
    if form != "numbers":
        unit = {"times": "us", "zones": "us", "units": "ns" if side == "l" else "ms"}[form]
        times = pl.Series([day(number) for number in numbers], dtype=pl.Datetime(unit))
        if form == "zones":
            times = times.dt.replace_time_zone("UTC").dt.convert_time_zone(
                "Asia/Tokyo" if side == "l" else "Europe/Berlin"
            )
    return pl.DataFrame(
        {
            "name": pl.Series(names, dtype=pl.String),
            "shop": pl.Series(shops, dtype=pl.Int32 if side == "l" else pl.Int64),
            "time": times,
            "row": pl.Series(range(len(rows)), dtype=pl.Int64),
        }
    )


@both
def test_all_rows_on_the_left_are_kept_with_their_index_and_what_finds_nothing_is_missing(frame: Any) -> None:
    """Large whole numbers stay exact where others are missing."""
    left = frame({"k": ["a", "b", "a"], "t": [day(5), day(1), day(2)]})
    right = frame({"k": ["a"], "t": [day(2)], "v": [2**60 + 1], "w": [True], "x": ["text"]})
    if frame is pd.DataFrame:
        left.index = [9, 9, 2]
    joined = join_asof(left, right, on="t", by="k", age="age", matched_time="since")
    assert list(joined.columns) == ["k", "t", "v", "w", "x", "age", "since"]
    assert column(joined, "v") == [2**60 + 1, None, 2**60 + 1]
    assert column(joined, "w") == [True, None, True]
    assert column(joined, "x") == ["text", None, "text"]
    assert column(joined, "age") == [dt.timedelta(days=3), None, dt.timedelta(0)]
    assert column(joined, "since") == [day(2), None, day(2)]
    if frame is pd.DataFrame:
        assert list(joined.index) == [9, 9, 2]
        assert list(left.columns) == ["k", "t"]


@both
def test_an_embargo_keeps_back_what_is_too_fresh(frame: Any) -> None:
    """At exactly its length a row is known."""
    left = frame({"t": [day(1)] * 2, "row": [0, 1]})
    right = frame({"known": [day(0), day(1)], "v": [1, 2]})
    for embargo, wanted in ((None, 2), ("1s", 1), ("1d", 1), ("1d 1ms", None)):
        joined = join_asof(left, right, left_time="t", right_time="known", embargo=embargo)
        assert column(joined, "v") == [wanted, wanted]


@both
def test_dates_and_times_can_be_joined(frame: Any) -> None:
    """A date is its midnight."""
    left = frame({"t": [dt.date(2024, 3, 30), None, dt.date(2024, 3, 29)]})
    right = frame({"u": [dt.datetime(2024, 3, 29, 12)], "v": [1]})
    assert column(join_asof(left, right, left_time="t", right_time="u"), "v") == [1, None, None]


@both
@pytest.mark.parametrize("right", [[1, 2], [1.0, 2.0]])
def test_entities_of_different_types_of_numbers_match_where_they_are_equal(frame: Any, right: list[Any]) -> None:
    """As where pandas made floats of whole numbers, because one was missing."""
    left = frame({"k": [1.0, None, 3.0], "t": [5, 5, 5]})
    joined = join_asof(left, frame({"k": right, "t": [1, 1], "v": [7, 8]}), on="t", by="k")
    assert column(joined, "v") == [7, None, None]


@both
def test_categories_match_texts(frame: Any) -> None:
    """And categories of another order."""
    left, right = frame({"k": ["b", "a"], "t": [1, 1]}), frame({"k": ["a", "b"], "t": [1, 0], "v": [1, 2]})
    if frame is pd.DataFrame:
        left["k"] = left["k"].astype("category")
    else:
        left = left.with_columns(pl.col("k").cast(pl.Categorical))
    assert column(join_asof(left, right, on="t", by="k"), "v") == [2, 1]


@both
def test_what_was_not_matched_is_counted(frame: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Rows without entity or time match nothing, not even each other."""
    left = frame({"k": ["a", None], "t": [day(1), day(1)]})
    right = frame({"k": ["a", None], "t": [None, day(1)], "v": [1, 2]})
    if frame is pl.DataFrame:
        right = right.with_columns(pl.col("t").cast(pl.Datetime("us")))
    with caplog.at_level(logging.DEBUG, "hookline"):
        assert column(join_asof(left, right, on="t", by="k"), "v") == [None, None]
    assert "metric rows without match = 2.0" in caplog.text
    assert "metric left rows without entity or time = 1.0" in caplog.text
    assert "the table 'right' has 2 rows without entity or time; they match nothing" in caplog.text


@both
@pytest.mark.parametrize(
    ("left", "right", "arguments", "message"),
    [
        ({"t": [1]}, {"t": [1]}, {"on": "u"}, "the table 'left' has no column 'u'"),
        ({"time": [1]}, {"time": [1]}, {"on": "tme"}, "did you mean 'time'?"),
        ({"t": [1]}, {"t": [1]}, {}, "no column of times to join on"),
        ({"t": ["x"]}, {"t": [1]}, {"on": "t"}, "column 't' of the table 'left' holds no times but string"),
        ({"t": [1]}, {"t": [DAY]}, {"on": "t"}, "holds whole numbers, and column 't' of the table 'right' times"),
        (
            {"t": [DAY]},
            {"u": [DAY.replace(tzinfo=dt.UTC)]},
            {"left_time": "t", "right_time": "u"},
            "column 't' of the table 'left' holds times without a zone, and column 'u' of the table 'right' times with",
        ),
        ({"t": [1], "v": [1]}, {"t": [1], "v": [1]}, {"on": "t"}, "would have two columns 'v'"),
        ({"t": [1]}, {"t": [1], "v": [1]}, {"on": "t", "age": "v"}, "would have two columns 'v'"),
        ({"t": [1], "k": [1]}, {"t": [1], "k": ["1"]}, {"on": "t", "by": "k"}, "never equal"),
        ({"t": [1]}, {"t": [3, 3, 4]}, {"on": "t"}, "2 rows that share entity and time with another one, such as t=3"),
        ({"t": [2**63 - 1]}, {"t": [1]}, {"on": "t"}, "too large for times"),
        ({"t": [1], "k": [2**60]}, {"t": [1], "k": [0.5]}, {"on": "t", "by": "k"}, "too large to compare with floats"),
    ],
)
def test_what_can_t_be_joined_is_refused(frame: Any, left: Any, right: Any, arguments: Any, message: str) -> None:
    """With the names of the columns."""
    with pytest.raises(HooklineError) as caught:
        join_asof(frame(left), frame(right), **arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"embargo": "soon"}, "embargo 'soon' is no length of time"),
        ({"embargo": 3}, "embargo is 3, but times are no numbers here"),
        ({"embargo": dt.timedelta(-1)}, "is no length of time that can be used"),
        ({"embargo": "2d", "tolerance": "1d"}, "nothing could match"),
        ({"left_by": "k"}, "an entity has 1 columns on the left and 0 on the right"),
        ({"by": ["k", "k"]}, "column 'k' is named twice"),
        ({"by": "t"}, "can't be time and entity at once"),
        ({"embargo": float("nan")}, "embargo is nan, but times are no numbers here"),
        ({"ties": "first"}, "there is no way 'first' to treat ties"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: Any, message: str) -> None:
    """Before anything is joined."""
    frame = pl.DataFrame({"t": [DAY], "k": [1]})
    with pytest.raises(UsageError) as caught:
        join_asof(frame, frame, on="t", **arguments)
    assert message in str(caught.value)


def test_numbers_take_lengths_in_numbers() -> None:
    """Nobody knows what a day is there."""
    frame = pl.DataFrame({"t": [1]})
    for length, message in (("1d", "times are numbers here"), (0.5, "times are whole numbers here")):
        with pytest.raises(UsageError, match=message):
            join_asof(frame, frame, on="t", tolerance=length)


def _arrow(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.convert_dtypes(dtype_backend="pyarrow")


@pytest.mark.parametrize("right", [pd.DataFrame.convert_dtypes, _arrow], ids=["nullable", "arrow"])
@pytest.mark.parametrize("times", [[1, 2], [1.5, 2.5], [day(1), day(2)]], ids=["whole", "float", "time"])
def test_forms_of_pandas_types_can_be_mixed(times: list[Any], right: Any) -> None:
    """What is equal is found, whether numbers are numpy's, can be missing, or are Arrow's."""
    plain = pd.DataFrame({"t": times, "k": ["a", "b"], "i": [1, 2]})
    known = right(plain.assign(v=[3, 4]))
    for left, other in ((plain, known), (known.drop(columns="v"), plain.assign(v=[3, 4]))):
        assert column(join_asof(left, other, on="t", by=["k", "i"]), "v") == [3, 4]


def test_tables_of_two_libraries_are_refused() -> None:
    """Whoever has both knows which one is meant to come out."""
    with pytest.raises(HooklineError, match="these tables are of pandas and polars"):
        join_asof(pd.DataFrame({"t": [1]}), pl.DataFrame({"t": [1]}), on="t")


def test_columns_of_one_name_are_refused() -> None:
    """pandas allows them; which one would be meant?"""
    twice = pd.DataFrame([[1, 2]], columns=["t", "t"])
    with pytest.raises(HooklineError, match="the table 'left' has several columns named 't'"):
        join_asof(twice, pd.DataFrame({"t": [1]}), on="t")


def test_times_that_nanoseconds_can_t_hold_are_refused() -> None:
    """Rather than taken for others."""
    left = pl.DataFrame({"t": pl.Series([DAY], dtype=pl.Datetime("ns"))})
    right = pl.DataFrame({"t": pl.Series([dt.datetime(9999, 12, 31)], dtype=pl.Datetime("us"))})
    with pytest.raises(HooklineError, match="times of the year 9999"):
        join_asof(left, right, on="t")


@both
def test_empty_tables_are_joined(frame: Any) -> None:
    """Whatever types their columns have for want of values."""
    left, right = frame({"k": ["a"], "t": [DAY]}), frame({"k": ["a"], "t": [DAY], "v": [1]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert column(join_asof(left, right[:0], on="t", by="k"), "v") == [None]
        assert column(join_asof(left[:0], right, on="t", by="k", age="age"), "v") == []


@both
def test_entities_that_can_t_be_looked_up_are_refused(frame: Any) -> None:
    """Such as lists; whatever the library would say of them."""
    table = frame({"k": [[1], [2]], "t": [1, 2]})
    with pytest.raises(HooklineError, match="column 'k' of the table 'left' holds lists, which can't be compared"):
        join_asof(table, table, on="t", by="k")


def test_names_of_columns_are_texts() -> None:
    """pandas takes anything for one."""
    table = pd.DataFrame({"t": [1], 0: [1]})
    with pytest.raises(HooklineError, match="the table 'right' has columns whose names are no texts: 0"):
        join_asof(pd.DataFrame({"t": [1]}), table, on="t")


@pytest.mark.parametrize(("embargo", "tolerance", "matched"), [(5, 12, True), (5, 9, False), (10, 10, True)])
def test_embargo_and_tolerance_both_bound_the_same_age(embargo: int, tolerance: int, matched: bool) -> None:
    """A row that is 10 old is within a tolerance of 10 whatever the embargo is, and not within one of 9."""
    left, right = pd.DataFrame({"t": [100]}), pd.DataFrame({"t": [90], "v": [1]})
    for one, other in ((left, right), (pl.from_pandas(left), pl.from_pandas(right))):
        joined = join_asof(one, other, on="t", embargo=embargo, tolerance=tolerance)
        found = [value for value in joined["v"].to_list() if value is not None and value is not pd.NA]
        assert found == ([1] if matched else [])
