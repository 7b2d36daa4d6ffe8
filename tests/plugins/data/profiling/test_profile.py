"""Profiles: right numbers, and the same ones in pandas and polars to the last bit."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookline import HooklineError, UsageError
from hookline.ml import ColumnProfile, Profile, from_json, to_json
from hookline.testing.contracts.steps import StepContract
from hookline_data.profiling.profile import profile

LIBRARIES = (pd.DataFrame, pl.DataFrame)
both = pytest.mark.parametrize("frame", LIBRARIES, ids=["pandas", "polars"])


class TestContract(StepContract):
    step = profile
    calls = ({"table": pl.DataFrame({"x": [1, 2, 3], "y": ["a", "b", None]}), "name": "rows"},)


def of(one: Any, other: Any, **arguments: Any) -> ColumnProfile:
    """Describe the same column in both libraries."""
    first = profile(pd.DataFrame({"x": one}), **arguments)
    second = profile(pl.DataFrame({"x": other}), **arguments)
    assert first == second
    assert from_json(to_json(first)) == first
    return first.column("x")


floats = st.lists(st.one_of(st.none(), st.floats(allow_nan=True), st.integers(-3, 3).map(float)), max_size=40)


@settings(max_examples=40, deadline=None)
@given(values=floats, bins=st.integers(1, 6), binning=st.sampled_from(["quantiles", "equal"]))
def test_floats_are_described_alike_in_both_libraries(values: list[float | None], bins: int, binning: str) -> None:
    """NaN is missing; what is infinite is counted; every value is in a bin, below or above."""
    seen = of(
        pd.Series(values, dtype="float64"),
        pl.Series(values, dtype=pl.Float64, strict=False),
        bins=bins,
        binning=binning,
    )
    there = [value for value in values if value is not None and not math.isnan(value)]
    finite = sorted(value for value in there if math.isfinite(value))
    assert (seen.type, seen.count, seen.missing) == ("float", len(there), len(values) - len(there))
    assert seen.distinct == len(set(there))
    assert (seen.minimum, seen.maximum) == ((min(there), max(there)) if there else (None, None))
    assert seen.extra.get("infinite", 0) == len(there) - len(finite)
    if not finite:
        assert seen.histogram is None
        return
    assert dict(seen.quantiles)[0.5] == finite[math.ceil(len(finite) / 2) - 1]
    histogram = seen.histogram
    assert histogram is not None
    assert len(histogram.counts) <= bins
    assert sum(histogram.counts) == len(finite)
    assert (histogram.below, histogram.above) == (there.count(-math.inf), there.count(math.inf))
    *pairs, last = zip(histogram.edges, histogram.edges[1:], histogram.counts, strict=False)
    assert all(count == sum(low <= value < high for value in finite) for low, high, count in pairs)
    assert last[2] == sum(last[0] <= value <= last[1] for value in finite)


@settings(max_examples=25, deadline=None)
@example(values=[-9_223_372_036_854_774_273, -9_223_372_036_854_774_274])
@example(values=[4_503_599_627_359_317, 4_503_599_627_381_676])
@given(values=st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3), min_size=1, max_size=40))
def test_whole_numbers_stay_whole_however_large(values: list[int]) -> None:
    """Their mean is that of adding exactly."""
    seen = of(pd.Series(values, dtype="int64"), pl.Series(values, dtype=pl.Int64))
    assert (seen.type, seen.minimum, seen.maximum) == ("int", float(min(values)), float(max(values)))
    assert seen.mean == sum(values) / len(values)
    if len(values) > 1:
        assert seen.deviation == pytest.approx(statistics.stdev(values), rel=1e-9, abs=1e-9)
    assert seen.histogram is not None
    assert sum(seen.histogram.counts) + seen.histogram.below + seen.histogram.above == len(values)
    if len(set(values)) <= 20:
        assert dict(seen.frequencies) == {value: values.count(value) for value in values}
    else:
        assert not seen.frequencies


@settings(max_examples=25, deadline=None)
@given(values=st.lists(st.one_of(st.none(), st.sampled_from(["b", "a", "Ä", "", "𝄞", "ﬁ"])), max_size=30))
def test_texts_are_counted_the_commonest_first(values: list[str | None]) -> None:
    """Of equally common ones the least comes first; categories are treated as texts."""
    seen = of(pd.Series(values, dtype="str"), pl.Series(values, dtype=pl.String), top=3)
    there = [value for value in values if value is not None]
    wanted = sorted({(-there.count(value), value) for value in there})[:3]
    assert seen.frequencies == tuple((value, -count) for count, value in wanted)
    assert (seen.count, seen.distinct) == (len(there), len(set(there)))
    category = of(pd.Series(values, dtype="category"), pl.Series(values, dtype=pl.Categorical), top=3)
    assert category.type == ("category" if there else category.type)
    assert category.frequencies == seen.frequencies


def test_each_of_few_values_has_a_bin_of_its_own() -> None:
    """A flag is a flag, and a constant is one bin."""
    seen = of([0.0, 1.0, 1.0], [0.0, 1.0, 1.0])
    assert seen.histogram is not None
    assert seen.histogram.counts == (1.0, 2.0)
    constant = of([math.pi] * 3, [math.pi] * 3)
    assert constant.histogram is not None
    assert constant.histogram.counts == (3.0,)
    assert (constant.mean, constant.deviation, constant.distinct) == (math.pi, 0.0, 1)


@pytest.mark.parametrize(
    ("one", "other", "kind", "minimum", "maximum"),
    [
        ([True, None, False], [True, None, False], "bool", None, None),
        (pd.Series([], dtype="float64"), pl.Series([], dtype=pl.Float64), "float", None, None),
        (pd.Series([None, None], dtype=object), [None, None], "any", None, None),
        ([Decimal("1.5"), None], [Decimal("1.5"), None], "decimal", 1.5, 1.5),
        ([dt.date(2024, 1, 2), None], [dt.date(2024, 1, 2), None], "date", "2024-01-02", "2024-01-02"),
        (
            [dt.datetime(2024, 1, 2, 3), dt.datetime(1969, 1, 1)],
            [dt.datetime(2024, 1, 2, 3), dt.datetime(1969, 1, 1)],
            "datetime",
            "1969-01-01T00:00:00",
            "2024-01-02T03:00:00",
        ),
        (
            pd.Series([dt.datetime(2024, 1, 2, 3)]).dt.tz_localize("Asia/Tokyo"),
            pl.Series([dt.datetime(2024, 1, 2, 3)]).dt.replace_time_zone("Asia/Tokyo"),
            "datetime",
            "2024-01-01T18:00:00+00:00",
            "2024-01-01T18:00:00+00:00",
        ),
        ([dt.timedelta(minutes=1), dt.timedelta(seconds=1)], None, "duration", 1.0, 60.0),
        ([b"x", None], [b"x", None], "bytes", None, None),
        (pd.Series([2**63, 1], dtype="uint64"), pl.Series([2**63, 1], dtype=pl.UInt64), "int", 1, 2**63),
        (pd.Series([1, None], dtype="Int8"), pl.Series([1, None], dtype=pl.Int8), "int", 1, 1),
    ],
)
def test_every_type_is_described(one: Any, other: Any, kind: str, minimum: Any, maximum: Any) -> None:
    """Whether a library has a type for it or holds objects."""
    seen = of(one, one if other is None else other)
    assert (seen.type, seen.minimum, seen.maximum) == (kind, minimum, maximum)


@both
def test_what_has_no_order_is_only_counted(frame: Any) -> None:
    """Lists, and in pandas objects of several types."""
    assert profile(frame({"x": [[1], [2, 3]]})).column("x").count == 2
    mixed = profile(pd.DataFrame({"x": [1, "a", None]})).column("x")
    assert (mixed.type, mixed.count, mixed.missing, mixed.distinct) == ("object", 2, 1, None)
    assert profile(pd.DataFrame({"x": [2**80, 1]})).column("x").type == "object"


@both
def test_of_persons_only_counts_are_told(frame: Any) -> None:
    """No value of theirs stands in a profile, neither among frequencies nor at its borders."""
    born = [dt.date(1990, 1, 1), dt.date(1980, 1, 1)]
    table = frame({"name": ["Zoe", "Ali"], "income": [123456, 98765], "born": born, "height": [1.5, math.inf]})
    seen = profile(table, personal=["name", "income", "born", "height"])
    told = str(to_json(seen))
    assert not any(value in told for value in ("Zoe", "Ali", "123456", "98765", "1990", "1980", "1.5"))
    assert [column.distinct for column in seen.columns] == [2] * 4
    assert seen.column("income").mean is None
    assert seen.column("height").extra == {"personal": True, "infinite": 1}


@both
def test_an_empty_table_has_a_profile(frame: Any) -> None:
    """Of no rows, of no columns."""
    seen = profile(frame({"x": [1, 2], "y": ["a", "b"]})[:0], "rows")
    assert seen.rows == 0
    assert [column.count for column in seen.columns] == [0, 0]
    assert seen.dataset is not None
    assert seen.dataset.name == "rows"
    assert profile(frame()) == Profile(())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"personal": ["nme"]}, HooklineError, "did you mean 'name'?"),
        ({"bins": 0}, UsageError, "can't have 0 bins"),
        ({"top": -1}, UsageError, "list -1 values"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: Any, error: Any, message: str) -> None:
    """A personal column that is misspelt would be shown otherwise."""
    with pytest.raises(error) as caught:
        profile(pl.DataFrame({"name": ["a"]}), **arguments)
    assert message in str(caught.value)
