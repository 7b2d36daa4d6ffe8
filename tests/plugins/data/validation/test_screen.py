"""What becomes of a table that is screened: its valid rows, those that are put aside, the report; in every mode."""

from __future__ import annotations

import datetime as dt
import json
import logging
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from hookline import HooklineError, UsageError, ml
from hookline_data import BadDataError, read_schema, screen
from hookline_data.validation import Finding, Origin
from plugins.data.made_tables import LIBRARIES, cells, frame, rows

ORDERS = read_schema(
    {
        "columns": {
            "id": "int",
            "amount": {"type": "float", "minimum": 0, "maximum": 100},
            "kind": {"type": "str", "allowed": ["a", "b"], "nullable": True},
            "mail": {"type": "str", "pattern": ".+@.+", "personal": True},
            "at": {"type": "datetime", "minimum": "2024-01-01", "maximum": "2024-12-31"},
        },
        "key": "id",
    },
    name="orders",
)
MAY = dt.datetime(2024, 5, 1)
LATE = dt.datetime(2025, 1, 1)
DIRTY: dict[str, list[Any]] = {
    "id": [1, 2, 3, 4, 5],
    "amount": [1.0, -1.0, None, 200.0, 5.0],
    "kind": ["a", None, "c", "b", "a"],
    "mail": ["a@b", "secret", "c@d", "e@f", "g@h"],
    "at": [MAY, LATE, MAY, MAY, MAY],
}
CLEAN = {name: [values[0], values[4]] for name, values in DIRTY.items()}
both = pytest.mark.parametrize("library", LIBRARIES)


def refused(table: Any, schema: Any, **options: Any) -> BadDataError:
    with pytest.raises(BadDataError) as caught:
        screen(table, schema, **options)
    return caught.value


@both
def test_a_table_that_is_right_passes_as_it_is(library: str) -> None:
    """The same rows, an empty quarantine with its two columns, and a report that says so."""
    table = frame(library, CLEAN)
    valid, quarantined, report = screen(table, ORDERS)
    assert rows(valid) == rows(table)
    assert list(quarantined.columns) == [*table.columns, "_row", "_reasons"]
    assert len(quarantined) == 0
    assert str(report) == "orders: 2 rows, nothing wrong"
    assert report.digest == ml.digest_of(ORDERS)


@both
def test_all_problems_are_told_in_one_error(library: str) -> None:
    """Column, check, how many rows, which ones, where they came from, examples; but no personal values."""
    origins = (Origin(0, "may.csv", 2), Origin(3, "june.csv", 2))
    error = refused(frame(library, DIRTY), ORDERS, origins=origins)
    assert error.message.splitlines() == [
        "orders: 6 problems, 3 of 5 rows bad: column 'amount' is missing: 1 row (may.csv:4); and 5 more",
        "  - column 'amount' is missing: 1 row (may.csv:4)",
        "  - column 'amount' is not at least 0: 1 row (may.csv:3): -1.0",
        "  - column 'amount' is not at most 100: 1 row (june.csv:2): 200.0",
        "  - column 'kind' is not one of 'a', 'b': 1 row (may.csv:4): 'c'",
        "  - column 'mail' does not match '.+@.+': 1 row (may.csv:3)",
        "  - column 'at' is not at most 2024-12-31: 1 row (may.csv:3): 2025-01-01 00:00:00",
    ]
    assert "secret" not in str(error) + str(error.report) + json.dumps(error.report.to_json())  # type: ignore[union-attr]
    assert error.quarantined is None


@both
def test_bad_rows_are_put_aside_with_their_reasons(library: str) -> None:
    """With all their columns and their number; the others stay in their order."""
    table = frame(library, DIRTY)
    valid, quarantined, report = screen(table, ORDERS, mode="quarantine")
    assert cells(valid, "id") == [1, 5]
    assert list(valid.columns) == list(table.columns)
    assert cells(quarantined, "id") == [2, 3, 4]
    assert cells(quarantined, "mail") == ["secret", "c@d", "e@f"]
    assert cells(quarantined, "_row") == [1, 2, 3]
    assert cells(quarantined, "_reasons") == [
        "amount is not at least 0; mail does not match '.+@.+'; at is not at most 2024-12-31",
        "amount is missing; kind is not one of 'a', 'b'",
        "amount is not at most 100",
    ]
    assert (report.rows, report.bad_rows, report.quarantined, report.share) == (5, 3, 3, 0.6)


@both
def test_a_warning_lets_the_table_pass(library: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is the table that was given; what is wrong is logged and reported."""
    table = frame(library, DIRTY)
    with caplog.at_level(logging.WARNING, "hookline"):
        valid, quarantined, report = screen(table, ORDERS, mode="warn")
    assert valid is table
    assert len(quarantined) == 0
    assert (report.bad_rows, report.quarantined, len(report.problems)) == (3, 0, 6)
    assert "orders: 6 problems, 3 of 5 rows bad" in caplog.text


@both
def test_too_many_bad_rows_fail_a_quarantine(library: str) -> None:
    """And what was put aside is there to be stored all the same."""
    error = refused(frame(library, DIRTY), ORDERS, mode="quarantine", max_bad=0.5)
    assert "60.00% of the rows are bad, at most 50.00% may be" in error.message
    assert cells(error.quarantined, "_row") == [1, 2, 3]
    assert len(screen(frame(library, DIRTY), ORDERS, mode="quarantine", max_bad=0.6).valid) == 2


@both
@pytest.mark.parametrize("mode", ["fail", "quarantine"])
def test_rows_that_are_there_twice_fail_the_table(library: str, mode: Any) -> None:
    """None of them is the wrong one, so none can be put aside."""
    twice = {**CLEAN, "id": [7, 7]}
    error = refused(frame(library, twice), ORDERS, mode=mode)
    assert "column 'id' is not unique: 2 rows (row 0, row 1): 7, 7" in error.message
    assert screen(frame(library, twice), ORDERS, mode="warn").report.bad_rows == 0


@both
def test_a_key_of_several_columns_is_unique_as_a_whole(library: str) -> None:
    """Each of the columns may have equal values."""
    schema = read_schema({"columns": {"a": "int", "b": "str"}, "key": ["a", "b"]})
    screen(frame(library, {"a": [1, 1, 2], "b": ["x", "y", "x"]}), schema)
    error = refused(frame(library, {"a": [1, 1, 1], "b": ["x", "y", "x"]}), schema, mode="quarantine")
    assert "column 'a, b' is not unique: 2 rows (row 0, row 2): 1, 'x', 1, 'x'" in error.message


@both
def test_what_is_wrong_with_the_whole_is_judged_by_the_rows_that_stay(library: str) -> None:
    """A row that is put aside is no longer there twice."""
    twice = {**DIRTY, "id": [1, 1, 3, 4, 5]}
    assert cells(screen(frame(library, twice), ORDERS, mode="quarantine").valid, "id") == [1, 5]
    assert "is not unique" in refused(frame(library, twice), ORDERS).message


@both
def test_missing_values_are_not_there_twice(library: str) -> None:
    """Where a column may lack values, several rows may."""
    schema = read_schema({"columns": {"a": {"type": "str", "unique": True, "nullable": True}}})
    screen(frame(library, {"a": ["x", None, None]}), schema)
    assert "is not unique: 2 rows (row 0, row 2)" in refused(frame(library, {"a": ["x", None, "x"]}), schema).message


@both
def test_wrong_columns_are_told_all_at_once(library: str) -> None:
    """Those that lack, those that are too many, those of another type; with close matches."""
    table = frame(library, {"id": ["x"], "amuont": [1.0], "kind": ["a"], "at": [MAY], "more": [1]})
    for mode in ("fail", "quarantine"):
        error = refused(table, ORDERS, mode=mode)
        assert sorted(error.message.splitlines()[1:]) == [
            "  - column 'amount' is not there; did you mean 'amuont'?",
            "  - column 'amuont' is not in the schema; did you mean 'amount'?",
            "  - column 'id' is not of type int; it is str",
            "  - column 'mail' is not there",
            "  - column 'more' is not in the schema",
        ]
    assert screen(frame(library, {"a": [1], "b": [2]}), ml.Schema((ml.Column("a", "int"),), open=True)).report.rows == 1


@both
def test_tables_without_rows_or_columns_are_tables(library: str) -> None:
    """They have the right columns, or lack them."""
    empty = frame(library, {name: [] for name in DIRTY})
    for mode in ("fail", "warn", "quarantine"):
        assert len(screen(empty, ORDERS, mode=mode).valid) == 0
    assert "column 'id' is not there" in refused(frame(library, {}), ORDERS).message
    assert len(screen(frame(library, {}), ml.Schema(())).valid) == 0


@both
def test_all_rows_may_be_bad(library: str) -> None:
    """Then the valid table is empty, with its columns; and a share below 1 is exceeded."""
    schema = read_schema({"columns": {"a": {"type": "int", "minimum": 5, "unique": True}}})
    table = frame(library, {"a": [1, 1]})
    valid, quarantined, _ = screen(table, schema, mode="quarantine")
    assert (len(valid), list(valid.columns), cells(quarantined, "_row")) == (0, ["a"], [0, 1])
    refused(table, schema, mode="quarantine", max_bad=0.99)


@pytest.mark.parametrize(
    ("values", "told"), [([1, 1], "no row is left"), ([1, 2, 9], "most rows are put aside"), ([1, 9], "")]
)
def test_a_quarantine_of_most_rows_is_told(values: list[int], told: str, caplog: Any) -> None:
    """It is hardly the rows that are wrong, then."""
    schema = read_schema({"columns": {"a": {"type": "int", "minimum": 5}}})
    with caplog.at_level(logging.WARNING, "hookline"):
        screen(frame("polars", {"a": values}), schema, mode="quarantine")
    assert told in caplog.text
    assert bool(caplog.text) == bool(told)


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(["a", "b"])])
def test_categories_have_patterns_in_polars_too(kind: Any) -> None:
    """By their texts, as in pandas."""
    schema = ml.Schema((ml.Column("x", "category", pattern="a+", nullable=True),))
    table = pl.DataFrame({"x": pl.Series(["a", "b", None], dtype=kind)})
    assert screen(table, schema, mode="quarantine").quarantined["_row"].to_list() == [1]


@both
def test_the_quarantines_own_columns_never_take_the_place_of_others(library: str) -> None:
    """They get underscores until they are alone."""
    table = frame(library, {"_row": [-1, 1], "_reasons": ["x", "y"], "__row": [1, 2]})
    schema = read_schema({"columns": {"_row": {"type": "int", "minimum": 0}}, "open": True})
    quarantined = screen(table, schema, mode="quarantine").quarantined
    assert rows(quarantined) == [(-1, "x", 1, 0, "_row is not at least 0")]
    assert list(quarantined.columns) == ["_row", "_reasons", "__row", "___row", "__reasons"]


@both
def test_what_was_found_before_counts(library: str) -> None:
    """A load knows of cells that it could not read: their rows are put aside, too."""
    found = (Finding("amount", "is a number", [1, 4], ("'x'",)), Finding("kind", "is a number", [0, 1]))
    screened = screen(frame(library, DIRTY), ORDERS, mode="quarantine", found=found)
    assert cells(screened.valid, "id") == []
    assert cells(screened.quarantined, "_reasons")[:2] == [
        "kind is not a number",
        (
            "amount is not a number; kind is not a number; amount is not at least 0; mail does not match '.+@.+'; "
            "at is not at most 2024-12-31"
        ),
    ]
    assert (
        "column 'amount' is not a number: 2 rows (row 1, row 4): 'x'"
        in refused(frame(library, DIRTY), ORDERS, found=found[:1]).message
    )


def test_labels_of_pandas_stay_with_their_rows() -> None:
    """Rows are known by number, whatever their labels are: equal ones, texts, several levels, times."""
    labels: list[Any] = [
        [7, 7, 8, 8, 7],
        list("vwxyz"),
        [5, 4, 3, 2, 1],
        pd.MultiIndex.from_product([[1], list("aabbc")]),
        pd.date_range("2024-01-01", periods=5, tz="UTC"),
    ]
    for index in labels:
        table = pd.DataFrame(DIRTY, index=index)
        valid, quarantined, _ = screen(table, ORDERS, mode="quarantine")
        pd.testing.assert_frame_equal(valid, table.iloc[[0, 4]])
        pd.testing.assert_frame_equal(quarantined[list(table.columns)], table.iloc[[1, 2, 3]])
        assert list(quarantined["_row"]) == [1, 2, 3]
        assert table.columns.tolist() == list(DIRTY)


def test_a_column_that_is_there_twice_is_told() -> None:
    """Nothing else can be said of it, and nothing is guessed."""
    table = pd.DataFrame([[1, 2, 3]], columns=["a", "a", "b"])
    schema = ml.Schema((ml.Column("a", "int"), ml.Column("b", "int")))
    assert "column 'a' is not there once; it is there 2 times" in refused(table, schema, mode="quarantine").message
    assert screen(table, schema, mode="warn").valid is table


def test_mixed_types_are_told_cell_by_cell() -> None:
    """In a column of objects each cell is looked at; the other checks look at the rest."""
    schema = read_schema({"columns": {"a": {"type": "int", "minimum": 0}, "b": "str"}})
    table = pd.DataFrame({"a": [1, "x", None, 2.5, True, -3, 4], "b": ["x", 1, "y", "z", "y", "x", [1]]})
    error = refused(table, schema)
    assert error.message.splitlines()[1:] == [
        "  - column 'a' is missing: 1 row (row 2)",
        "  - column 'a' is not of type int: 3 rows (row 1, row 3, row 4): 'x', 2.5, True; it is of several types",
        "  - column 'b' is not of type str: 2 rows (row 1, row 6): 1, [1]; it is of several types",
        "  - column 'a' is not at least 0: 1 row (row 5): -3",
    ]
    valid, quarantined, _ = screen(table, schema, mode="quarantine")
    assert rows(valid) == [(1, "x")]
    assert cells(quarantined, "_row") == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Rome"])
def test_limits_of_times_are_meant_in_the_columns_zone(zone: str | None) -> None:
    """A limit without a zone is a time of the clock there; one with a zone is a moment."""
    schema = read_schema({"columns": {"t": {"type": "datetime", "minimum": "2024-01-02"}}})
    table = pd.DataFrame({"t": pd.date_range("2024-01-01 23:59", periods=2, freq="min", tz=zone)})
    other = pl.DataFrame(
        {"t": pl.Series(table["t"].dt.tz_localize(None).dt.to_pydatetime().tolist()).dt.replace_time_zone(zone)}
    )
    for one in (table, other):
        assert cells(screen(one, schema, mode="quarantine").quarantined, "_row") == [0]
    moment = read_schema({"columns": {"t": {"type": "datetime", "minimum": "2024-01-02T00:00:00+00:00"}}})
    expected = [0, 1] if zone == "Europe/Rome" else [0]
    for one in (table, other):
        assert cells(screen(one, moment, mode="quarantine").quarantined, "_row") == expected


@both
def test_a_million_bad_rows_are_small_in_the_report(library: str) -> None:
    """A few rows stand for all; the numbers are exact."""
    count = 1_000_000
    table = frame(library, {"a": np.arange(count) - count})
    error = refused(table, read_schema({"columns": {"a": {"type": "int", "minimum": 0}}}))
    (problem,) = error.report.problems  # type: ignore[union-attr]
    assert (problem.count, problem.rows, problem.share) == (count, (0, 1, 2, 3, 4), 1.0)
    assert len(str(error)) < 400


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"mode": "quarantin"}, "there is no mode 'quarantin' of validation; did you mean 'quarantine'?"),
        ({"max_bad": 2}, "max_bad is 2, but must be a share from 0 to 1"),
        ({"max_bad": True}, "max_bad is True"),
        ({"max_bad": float("nan")}, "max_bad is nan"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], told: str) -> None:
    """Before anything is looked at."""
    with pytest.raises(UsageError) as caught:
        screen(pd.DataFrame(CLEAN), ORDERS, **options)
    assert told in caught.value.message


def test_what_is_no_table_or_no_schema_is_refused() -> None:
    """With what was given."""
    with pytest.raises(HooklineError, match=r"the table is a builtins.list, not a data frame"):
        screen([1], ORDERS)
    with pytest.raises(UsageError, match="5 is no schema"):
        screen(pd.DataFrame(CLEAN), 5)


@both
def test_a_report_is_plain_values_and_a_table_of_fixed_width(library: str) -> None:
    """For records and for terminals."""
    report = screen(frame(library, DIRTY), ORDERS, mode="quarantine", name="may").report
    assert str(report).splitlines() == [
        "may: 6 problems, 3 of 5 rows bad, 3 put aside",
        "column  check                  rows   share  first  examples",
        "amount  is not missing            1  20.00%  2",
        "amount  is at least 0             1  20.00%  1      -1.0",
        "amount  is at most 100            1  20.00%  3      200.0",
        "kind    is one of 'a', 'b'        1  20.00%  2      'c'",
        "mail    matches '.+@.+'           1  20.00%  1",
        "at      is at most 2024-12-31     1  20.00%  1      2025-01-01 00:00:00",
    ]
    said = json.loads(json.dumps(report.to_json()))
    assert (said["schema"], said["mode"], said["share"]) == ("orders", "quarantine", 0.6)
    assert said["problems"][1] == {
        "column": "amount",
        "check": "is at least 0",
        "count": 1,
        "share": 0.2,
        "whole": False,
        "rows": [1],
        "places": [],
        "examples": ["-1.0"],
        "help": "",
    }


@both
def test_values_of_all_kinds_are_compared_alike(library: str) -> None:
    """Truth values, numbers without end, patterns that only Python has words for: equal in both libraries."""
    infinite = [float("inf"), float("-inf"), float("nan"), 1.0]
    for values, said, bad in (
        ([True, False], {"type": "bool", "allowed": [True]}, [1]),
        (infinite, {"type": "float", "maximum": 5, "nullable": True}, [0]),
        (infinite, {"type": "float", "minimum": 0}, [1, 2]),
        ([2**63 - 1, -(2**63), 0], {"type": "int", "minimum": 0}, [1]),
        ([1, 2, 3], {"type": "float", "allowed": [1, 2.5, 3]}, [1]),
        (["a", "c"], {"type": "str", "minimum": "b"}, [0]),
        (["ab\n", "ab", ""], {"type": "str", "pattern": "ab"}, [0, 2]),
        (["ab", "b", None], {"type": "str", "pattern": "(?=a).b", "nullable": True}, [1]),
    ):
        schema = read_schema({"columns": {"a": said}})
        quarantined = screen(frame(library, {"a": values}), schema, mode="quarantine").quarantined
        assert cells(quarantined, "_row") == bad, said


@both
def test_lists_are_said_in_one_line(library: str) -> None:
    """As Python says them."""
    schema = read_schema({"columns": {"a": {"type": "list", "unique": True}}})
    assert "row 1): [1], [1]" in refused(frame(library, {"a": [[1], [1]]}), schema).message


def test_types_that_there_are_no_words_for_are_none_of_the_others() -> None:
    """Periods are no times, complex numbers no floats."""
    for values, kind in ((pd.period_range("2024", periods=2), "datetime"), ([1j], "float")):
        assert "is not of type" in refused(pd.DataFrame({"a": values}), ml.Schema((ml.Column("a", kind),))).message
    with pytest.raises(HooklineError, match="LazyFrame, not a data frame"):
        screen(pl.LazyFrame({"a": [1]}), ORDERS)
