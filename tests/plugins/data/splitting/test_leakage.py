"""Checks for leakage: what leaks is found and named, what does not passes, and what was not tested is told."""

from __future__ import annotations

import datetime as dt
import logging
import random
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline import HooklineError, UsageError
from hookline.testing.contracts.steps import StepContract
from hookline_data.splitting.asked import TESTS
from hookline_data.splitting.leakage import check_leakage
from hookline_data.splitting.report import LeakageReport

LIBRARIES = (pd.DataFrame, pl.DataFrame)
both = pytest.mark.parametrize("frame", LIBRARIES, ids=["pandas", "polars"])


class TestContract(StepContract):
    step = check_leakage
    calls = (
        {
            "training": pl.DataFrame({"k": [1, 2], "t": [1, 2]}),
            "test": pl.DataFrame({"k": [3, 4], "t": [3, 4]}),
            "entity": "k",
            "time": "t",
        },
    )


def told(report: LeakageReport) -> dict[str, bool | None]:
    """Say for each test whether it passed; None for one that was not made."""
    return {check.name: check.passed for check in report.checks} | {test.name: None for test in report.untested}


def in_both(first: Any, second: Any, **arguments: Any) -> LeakageReport:
    """Check the same parts in both libraries, and make sure that the same is found."""
    reports = [
        check_leakage(frame(first), test=None if second is None else frame(second), mode="warn", **arguments)
        for frame in LIBRARIES
    ]
    assert told(reports[0]) == told(reports[1])
    assert [check.value for check in reports[0].checks] == pytest.approx([check.value for check in reports[1].checks])
    return reports[0]


keys = st.lists(st.one_of(st.none(), st.integers(0, 6)), min_size=1, max_size=8)


@settings(max_examples=25, deadline=None)
@given(one=keys, other=keys)
def test_what_two_parts_share_is_counted(one: list[int | None], other: list[int | None]) -> None:
    """Entities that both have, and rows that are equal; rows without entity belong to nobody."""
    first = {"k": [None if key is None else float(key) for key in one], "x": ["a"] * len(one)}
    second = {"k": [None if key is None else float(key) for key in other], "x": ["a"] * len(other)}
    report = in_both(first, second, entity="k")
    found = {check.name: check for check in report.checks}
    if any(key is not None for key in one) and any(key is not None for key in other):
        overlap = found["entity overlap: training, test"]
        assert overlap.value == len((set(one) & set(other)) - {None})
        assert overlap.passed == (overlap.value == 0)
        assert found["equal rows: training, test"].value == sum(key in set(one) for key in other)


@both
def test_each_pair_of_parts_is_compared(frame: Any) -> None:
    """Entities of several columns are equal if all are."""
    parts = [
        frame({"a": [1, 1], "b": ["x", "y"]}),
        frame({"a": [1], "b": ["z"]}),
        frame({"a": [2, 1], "b": ["x", "y"]}),
    ]
    report = check_leakage(*parts, entity=["a", "b"], mode="warn", ignore=["b"])
    found = told(report)
    assert found["entity overlap: training, validation"] is True
    assert found["entity overlap: training, test"] is False
    assert found["entity overlap: validation, test"] is True
    assert not report.passed
    assert report.failed[0].reason == "1 entities are in both (a, b)"


@both
def test_rows_of_the_future_are_counted(frame: Any) -> None:
    """A row of training that is as new as the first of test is one."""
    day = dt.datetime(2024, 1, 1)
    training = frame({"t": [day + dt.timedelta(days=number) for number in (1, 2, 3, 9)]})
    test = frame({"t": [day + dt.timedelta(days=number) for number in (3, 4)]})
    report = check_leakage(training, test=test, time="t", mode="warn")
    found = {check.name: check.value for check in report.checks}
    assert found["rows from the future: training, test"] == 2
    assert check_leakage(training[:2], test=test, time="t").passed


@both
def test_values_that_became_known_after_their_row_are_counted(frame: Any) -> None:
    """Such as those of a join that looks only at keys; a missing moment is none."""
    table = frame({"t": [1, 2, 3], "at": [1.0, 3.0, None], "ok": [0, 0, 0]})
    table = table.assign(t=table["t"].astype(float), ok=0.0) if frame is pd.DataFrame else table.cast(pl.Float64)
    report = check_leakage(table, time="t", known_at=["at", "ok"], mode="warn")
    found = {check.name: check.value for check in report.checks}
    assert found["values from the future: at"] == 1
    assert found["values from the future: ok"] == 0


def test_the_same_key_in_two_parts_is_found_though_rows_differ() -> None:
    """And equal rows are found though their keys differ."""
    first, second = {"id": [1, 2], "x": ["a", "b"]}, {"id": [2, 3], "x": ["c", "a"]}
    found = told(in_both(first, second, key="id"))
    assert found["same keys: training, test"] is False
    assert found["equal rows: training, test"] is False
    assert told(in_both(first, second, key="id", ignore=["x"]))["equal rows: training, test"] is None


def test_equal_values_are_equal_however_they_are_stored() -> None:
    """Zero is zero whatever its sign, and pandas' types for missing values hold the same numbers as others."""
    assert told(in_both({"x": [0.0, 1.0]}, {"x": [-0.0, 2.0]}))["equal rows: training, test"] is False
    plain = pd.DataFrame({"x": [1, 2], "y": ["a", "b"], "z": [0.5, 1.5], "k": ["u", "v"]})
    first = plain.astype({"k": "category"})
    for backend in ("numpy_nullable", "pyarrow"):
        second = plain.convert_dtypes(dtype_backend=backend).astype({"k": "category", "y": object})
        report = check_leakage(first, test=second, entity="x", mode="warn")
        assert [check.value for check in report.checks] == [2, 2]


def target(rows: int = 400, share: float = 0.1) -> tuple[random.Random, list[int]]:
    draw = random.Random(1)
    return draw, [int(draw.random() < share) for _ in range(rows)]


def test_columns_that_copy_the_target_are_named_with_their_measure() -> None:
    """By value, by order, by what is missing; and columns that only help are none."""
    draw, y = target()
    columns: dict[str, Any] = {
        "y": y,
        "same": y,
        "words": ["bad" if value else draw.choice(["good", "fine"]) for value in y],
        "score": [value * 2 + draw.random() for value in y],
        "upside_down": [-value * 2.0 + draw.random() for value in y],
        "reported": [draw.random() if value else None for value in y],
        "helps": [value + draw.random() * 2 for value in y],
        "noise": [draw.random() for _ in y],
        "constant": [1] * len(y),
        "id": [f"id{number}" for number in range(len(y))],
        "empty": [None] * len(y),
    }
    report = in_both(columns, None, target="y")
    found = {name.removeprefix("copies: "): value for name, value in told(report).items() if "copies" in name}
    assert {name for name, value in found.items() if value is False} == {
        "same", "words", "score", "upside_down", "reported",
    }  # fmt: skip
    assert {"helps", "noise", "constant", "id"} <= {name for name, value in found.items() if value}
    reasons = {check.name: check.reason for check in report.failed}
    assert "AUC of 1.000000" in reasons["copies: score"]
    assert reasons["copies: reported"].startswith("whether it is missing tells the class")
    assert "the commonest class of each of its values" in reasons["copies: words"]


def test_dates_and_decimals_have_an_order() -> None:
    """Also in pandas, which holds them as objects."""
    draw, y = target()
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=value * 400 + draw.randrange(300)) for value in y]
    costs = [Decimal(value * 500 + draw.randrange(400)) for value in y]
    report = in_both({"y": y, "day": days, "cost": costs}, None, target="y")
    assert [check.name for check in report.failed] == ["copies: day", "copies: cost"]


def test_a_number_s_copies_follow_its_order() -> None:
    """Whatever the scale."""
    draw = random.Random(2)
    y = [draw.random() * 9 for _ in range(300)]
    columns = {"y": y, "cube": [value**3 for value in y], "noise": [draw.random() for _ in y]}
    report = in_both(columns, None, target="y")
    assert [check.name for check in report.failed] == ["copies: cube"]
    assert "rank correlation of 1.000000" in report.failed[0].reason


def test_classes_may_be_texts_and_more_than_two() -> None:
    """A code of the class is found; a measurement that separates one class of three is not a copy."""
    classes = ["a", "b", "c"] * 100
    draw = random.Random(3)
    columns = {
        "y": classes,
        "code": [float("abc".index(name)) for name in classes],
        "petal": [0.1 * (name != "a") + draw.random() * 0.05 for name in classes],
    }
    assert [check.name for check in in_both(columns, None, target="y").failed] == ["copies: code"]


def test_what_could_not_be_tested_says_why() -> None:
    """Nothing passes only because it was not looked at."""
    report = in_both({"x": [1, 2], "y": [0, 1]}, None, target="y")
    reasons = {test.name: test.reason for test in report.untested}
    assert reasons == {
        "entity overlap": "'entity' is not given",
        "rows from the future": "'time' is not given",
        "values from the future": "'time' is not given",
        "same keys": "'key' is not given",
        "equal rows": "there is only one part that has rows",
        "copies": "but for the commonest class, none has 20 rows",
    }
    assert report.passed
    assert "untested  copies: but for" in str(report)


@both
def test_parts_whose_columns_differ_are_not_compared(frame: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Equal values of different types would not be found equal; what was asked for and not tested is warned of."""
    first, second = frame({"k": [1], "x": [[1]]}), frame({"k": ["1"], "x": [[1]]})
    report = check_leakage(first, test=second, entity="k")
    reasons = {test.name: test.reason for test in report.untested}
    assert "is of type int64 in one part and string in the other" in reasons["entity overlap: training, test"]
    assert "not tested: entity overlap: training, test: column 'k' is of type int64" in caplog.text
    fewer = check_leakage(first, frame({"k": [5]}), second, ignore=["k"])
    reasons = {test.name: test.reason for test in fewer.untested}
    assert reasons["equal rows: training, validation"] == "validation has no column 'x'"
    assert reasons["equal rows: validation, test"] == "validation has no column 'x'"
    told_of_target = check_leakage(first, target="x").untested[-1].reason
    assert told_of_target.startswith("the target holds")
    lists = check_leakage(first, test=first, key="k", allow=["same keys"])
    assert {test.name: test.reason for test in lists.untested}["equal rows: training, test"].startswith(
        "column 'x' holds lists" if frame is pl.DataFrame else "column 'x' holds objects"
    )


@both
def test_a_leak_fails_the_step_unless_it_is_allowed(frame: Any, caplog: pytest.LogCaptureFixture) -> None:
    """All leaks are told at once."""
    table = frame({"k": [1], "x": [1]})
    with pytest.raises(HooklineError) as caught:
        check_leakage(table, test=table, entity="k")
    assert "2 tests found leakage" in str(caught.value)
    assert "- entity overlap: training, test: 1 entities are in both (k)" in str(caught.value)
    assert "- equal rows: training, test: 1 rows of test are equal to rows of training" in str(caught.value)
    with caplog.at_level(logging.WARNING, "hookline"):
        report = check_leakage(table, test=table, entity="k", allow=["entity overlap", "equal rows"])
    assert report.passed
    assert len(report.failed) == 2
    assert "2 tests found leakage" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"entity": "kk"}, HooklineError, "the part 'training' has no column 'kk'"),
        ({"mode": "tell"}, UsageError, "choose one of fail, warn"),
        ({"limit": 99.9}, UsageError, "leave it out, or write 0.99"),
        ({"support": 0}, UsageError, "leave it out, or give more"),
        ({"allow": ["overlap"]}, UsageError, f"there are {', '.join(TESTS)}"),
        ({"time": "x"}, HooklineError, "column 'x' of training holds no times but string"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: Any, error: Any, message: str) -> None:
    """A misspelt column would be a test that is not made."""
    table = pl.DataFrame({"k": [1], "x": ["a"]})
    with pytest.raises(error) as caught:
        check_leakage(table, test=table, **arguments)
    assert message in str(caught.value)


@both
def test_empty_parts_count_as_none(frame: Any) -> None:
    """A split without validation has an empty part."""
    table = frame({"k": [1], "t": [1]})
    report = check_leakage(table, table[:0], frame({"k": [2], "t": [2]}), entity="k", time="t")
    assert report.passed
    assert not any("validation" in check.name for check in report.checks)
    assert check_leakage(table[:0], table[:0], table[:0], entity="k", time="t", target="k").passed
