"""Splits: every row in one part, of the sizes that were asked for, alike in both libraries."""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from fractions import Fraction
from typing import Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hookline
from hookline import HooklineError, Seed, UsageError, workflow
from hookline.testing.contracts.steps import StepContract
from hookline_data.splitting.shares import shares_of, sizes_of
from hookline_data.splitting.split import Parts, split
from hookline_data.versions.dataset import Dataset

LIBRARIES = (pd.DataFrame, pl.DataFrame)
both = pytest.mark.parametrize("frame", LIBRARIES, ids=["pandas", "polars"])


class TestContract(StepContract):
    step = split
    calls = (
        {"table": pd.DataFrame({"x": range(20)})},
        {"table": pl.DataFrame({"x": range(20), "g": [1, 2, 3, 4] * 5}), "how": "grouped", "by": "g", "test": 0.5},
    )


def made(frame: Any, **columns: Any) -> Any:
    """A table with row numbers, and in pandas with an index that means nothing."""
    length = len(next(iter(columns.values())))
    table = frame({"row": list(range(length)), **columns})
    if frame is pd.DataFrame:
        table.index = [5] * length
    return table


def rows(parts: Parts) -> list[list[int]]:
    return [list(part["row"]) for part in parts]


def everywhere(columns: Any, **arguments: Any) -> list[list[int]]:
    """Split in both libraries, and make sure that the same comes out and that no row is lost or doubled."""
    told = [rows(split(made(frame, **columns), **arguments)) for frame in LIBRARIES]
    assert told[0] == told[1]
    length = len(next(iter(columns.values())))
    assert sorted(row for part in told[0] for row in part) == list(range(length))
    assert all(part == sorted(part) for part in told[0])
    return told[0]


@settings(max_examples=20, deadline=None)
@given(length=st.integers(3, 60), seed=st.integers(0, 2**63), test=st.sampled_from([0.1, 0.25, 1 / 3, 0.5]))
def test_a_random_split_has_exact_sizes_and_is_the_same_for_the_same_seed(length: int, seed: int, test: float) -> None:
    """In each library, whatever pandas has as index."""
    parts = everywhere({"x": ["a"] * length}, test=test, validation=0.2, seed=Seed(seed))
    assert [len(part) for part in parts[:3]] == sizes_of(length, shares_of(None, 0.2, test))
    assert parts[3] == []


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(3, 10_000), weights=st.tuples(*[st.integers(1, 50)] * 3))
def test_sizes_are_as_near_to_the_shares_as_whole_rows_allow(rows: int, weights: tuple[int, ...]) -> None:
    """They sum to all rows, none is further than one row from its share, and no part is empty."""
    shares = [Fraction(weight, sum(weights)) for weight in weights]
    sizes = sizes_of(rows, shares)
    assert sum(sizes) == rows
    assert min(sizes) >= 1
    if min(int(rows * share) for share in shares) >= 1:
        assert all(abs(size - rows * share) < 1 for size, share in zip(sizes, shares, strict=True))


def test_another_seed_deals_otherwise() -> None:
    """And the first rows of two tables are not dealt alike only by their place."""
    first, second = (everywhere({"x": ["a"] * 50}, seed=Seed(seed)) for seed in (1, 2))
    assert first != second


@settings(max_examples=20, deadline=None)
@given(classes=st.lists(st.sampled_from(["a", "b", "c"]), max_size=40), seed=st.integers(0, 99))
def test_a_stratified_split_divides_each_class(classes: list[str], seed: int) -> None:
    """By the shares, each class for itself, and each in every part."""
    columns = {"c": classes * 2 + ["a", "b", "c"] * 3, "d": [True] * (len(classes) * 2 + 9)}
    parts = everywhere(columns, how="stratified", by=["c", "d"], seed=Seed(seed))
    for name, count in Counter(columns["c"]).items():
        found = [sum(columns["c"][row] == name for row in part) for part in parts[:3]]
        assert found == sizes_of(count, shares_of(None, None, None))


@settings(max_examples=20, deadline=None)
@given(groups=st.lists(st.integers(0, 12), max_size=60), seed=st.integers(0, 99))
def test_a_grouped_split_never_splits_a_group(groups: list[int], seed: int) -> None:
    """Each group is in one part, and the parts miss their shares by no more than the largest group."""
    groups = [*groups, 20, 21, 22, 23]
    try:
        parts = everywhere({"g": groups}, how="grouped", by="g", training=0.5, seed=Seed(seed))
    except HooklineError as refused:
        told = str(refused)
        assert "would have no rows" in told
        return
    owners = [{groups[row] for row in part} for part in parts]
    assert all(not one & other for number, one in enumerate(owners) for other in owners[number + 1 :])
    assert abs(len(parts[0]) - len(groups) / 2) <= max(Counter(groups).values())


@settings(max_examples=25, deadline=None)
@given(times=st.lists(st.integers(0, 20), max_size=40), gap=st.integers(0, 4), kind=st.sampled_from(["int", "time"]))
def test_a_split_by_time_leaves_nothing_of_the_future_in_training(times: list[int], gap: int, kind: str) -> None:
    """Each part ends before the next begins, at least the gap before; what is left out lies in a gap."""
    times = times + list(range(-40, 0, 2)) + list(range(30, 60))
    day = dt.datetime(2024, 3, 1)
    column: list[Any] = times if kind == "int" else [day + dt.timedelta(days=time) for time in times]
    length: Any = gap if kind == "int" else f"{gap}d"
    parts = everywhere({"t": column}, how="time", time="t", gap=length)
    training, validation, test, left_out = ([times[row] for row in part] for part in parts)
    assert max(training) + gap < min(validation) or (gap == 0 and max(training) < min(validation))
    assert max(validation) + gap < min(test) or (gap == 0 and max(validation) < min(test))
    starts = min(validation), min(test)
    if not gap:
        assert not left_out
        assert max(0, len(times) * 0.7 - len(training)) <= max(Counter(times).values())
    assert all(any(start - gap <= time < start for start in starts) for time in left_out if gap)


@both
def test_cutoffs_say_where_parts_begin(frame: Any) -> None:
    """A row at the cutoff belongs to the later part; rows in the gap before it to none."""
    days = [dt.date(2024, 1, number) for number in range(1, 11)]
    table = made(frame, t=days)
    parts = split(table, "time", time="t", cutoffs=["2024-01-05", dt.datetime(2024, 1, 9)], gap="1d")
    assert rows(parts) == [[0, 1, 2], [4, 5, 6], [8, 9], [3, 7]]
    alone = split(table, "time", time="t", cutoffs=["2024-01-05"])
    assert rows(alone) == [[0, 1, 2, 3], [], [4, 5, 6, 7, 8, 9], []]


def test_what_is_not_given_is_the_rest() -> None:
    """Two parts need one number."""
    assert [float(share) for share in shares_of(None, None, None)] == [0.7, 0.15, 0.15]
    assert [float(share) for share in shares_of(None, None, 0.2)] == [0.8, 0.0, 0.2]
    assert [float(share) for share in shares_of(0.5, 0.2, None)] == [0.5, 0.2, 0.3]
    assert sizes_of(9, shares_of(1 / 3, 1 / 3, 1 / 3)) == [3, 3, 3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"training": 0.5, "validation": 0.1, "test": 0.1}, "the shares 0.5 + 0.1 + 0.1 are 0.7, not 1"),
        ({"validation": 0.8, "test": 0.4}, "the shares 0.8 + 0.4 are 1.2, not 1"),
        ({"validation": 0.1}, "'training' and 'test' are not given"),
        ({"test": -0.1}, "the share 'test' is -0.1"),
        ({"test": float("nan")}, "the share 'test' is nan"),
        ({"by": "c"}, "'by' has no meaning for how='random'"),
        ({"gap": "1d"}, "'gap' has no meaning for how='random'"),
        ({"how": "grouped"}, "how='grouped' needs 'by'\nhelp: name the column: by='…'"),
        ({"how": "time"}, "how='time' needs 'time'"),
        ({"how": "date"}, "there is no way 'date' to split"),
        ({"how": "time", "time": "t", "cutoffs": [1], "test": 0.1}, "'cutoffs' say where parts begin, and so do"),
        ({"how": "time", "time": "t", "cutoffs": [2, 1]}, "the cutoffs 2 and 1 do not rise"),
        ({"how": "time", "time": "t", "cutoffs": ["x"]}, "a cutoff is 'x', but times are numbers here"),
        ({"how": "time", "time": "t", "cutoffs": [1, 2, 3]}, "'cutoffs' are [1, 2, 3]"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: Any, message: str) -> None:
    """With what to do instead."""
    with pytest.raises(UsageError) as caught:
        split(pl.DataFrame({"c": ["a"] * 9, "t": range(9)}), **arguments)
    assert message in str(caught.value)


@both
@pytest.mark.parametrize(
    ("columns", "arguments", "message"),
    [
        ({"c": ["a", "b"]}, {}, "the table has 2 rows, too few for 3 parts"),
        ({"c": ["a", "b"]}, {"how": "grouped", "by": "d"}, "the table has no column 'd'"),
        ({"c": ["a", None, "a"]}, {"how": "grouped", "by": "c"}, "1 rows of the table have no value in column 'c'"),
        ({"c": ["a"] * 4 + ["b"]}, {"how": "stratified", "by": "c"}, "1 classes have fewer rows than there are parts,"),
        ({"c": ["a"] * 4}, {"how": "grouped", "by": "c"}, "the part 'validation' would have no rows"),
        ({"c": [1] * 4}, {"how": "time", "time": "c"}, "the part 'training' would have no rows"),
        ({"c": [1, 2, 3, 4]}, {"how": "time", "time": "c", "cutoffs": [9]}, "the part 'test' would have no rows"),
        ({"c": ["x"] * 4}, {"how": "time", "time": "c"}, "column 'c' of the table holds no times but string"),
    ],
)
def test_a_table_that_can_t_be_split_is_refused(frame: Any, columns: Any, arguments: Any, message: str) -> None:
    """No part comes out empty, and no row is lost."""
    with pytest.raises(HooklineError) as caught:
        split(made(frame, **columns), **arguments)
    assert message in str(caught.value)


@both
def test_a_table_whose_columns_are_named_like_ours_is_split(frame: Any) -> None:
    """Inside, names are our own."""
    names = ("key", "group", "size", "code", "first", "time", "by0")
    table = made(frame, **{name: [1, 1, 2, 2, 3, 3, 4, 4] for name in names})
    for how, arguments in (
        ("random", {}),
        ("stratified", {"by": "group", "test": 0.5}),
        ("grouped", {"by": ["size", "first"], "test": 0.5}),
        ("time", {"time": "code", "test": 0.5}),
    ):
        assert sorted(row for part in rows(split(table, how, **arguments)) for row in part) == list(range(8))


def test_sizes_are_recorded(caplog: pytest.LogCaptureFixture) -> None:
    """Also of what was left out."""
    with caplog.at_level(logging.DEBUG, "hookline"):
        split(pl.DataFrame({"t": range(10)}), "time", time="t", test=0.5, gap=2)
    for name, count in {"training rows": 3, "validation rows": 0, "test rows": 5, "rows left out": 2}.items():
        assert f"metric {name} = {count}.0" in caplog.text


def test_parts_are_fields_of_what_a_workflow_refers_to(tmp_path: Any) -> None:
    """And the seed is the run's."""

    @workflow
    def flow() -> Any:
        parts = split(pd.DataFrame({"x": range(10)}), test=0.2)
        return parts.training, parts.test

    run = hookline.run(flow, executor="inline", store=tmp_path)
    training, test = run.result
    assert (len(training), len(test)) == (8, 2)


def test_a_data_set_in_the_place_of_its_table_is_refused_with_the_way_to_mend_it() -> None:
    """Steps take tables; what has one is told so."""
    with pytest.raises(HooklineError, match=r"is a hookline_data.Dataset, not a data frame\nhelp: give its '.table'"):
        split(Dataset("rows", pd.DataFrame({"x": [1, 2]})), test=0.5)
