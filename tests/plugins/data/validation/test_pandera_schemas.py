"""Schemas of pandera's as users write them: own checks, coercion, parsers, and what pandera would drop or hide."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from typing import Any

import pandas as pd
import pandera.pandas as pp
import pandera.polars as ppl
import polars as pl
import pytest

from hookline import HooklineError
from hookline_data import BadDataError, schema_of, screen
from hookline_data.schemas import schema_of_pandera
from plugins.data.made_tables import LIBRARIES, cells, frame, rows

PANDERA: dict[str, Any] = {"pandas": pp, "polars": ppl}
both = pytest.mark.parametrize("library", LIBRARIES)


class Numbers(pp.DataFrameModel):
    """A model with all kinds of checks."""

    a: int = pp.Field(ge=0)
    b: str = pp.Field(isin=["x", "y"], metadata={"personal": True})

    @pp.check("a")
    def odd(cls, values: pd.Series) -> pd.Series:  # type: ignore[type-arg]
        return values % 2 == 1

    @pp.dataframe_check
    def small(cls, table: pd.DataFrame) -> pd.Series:  # type: ignore[type-arg]
        return table["a"] < 10


def problems(table: Any, schema: Any, **options: Any) -> list[str]:
    with pytest.raises(BadDataError) as caught:
        screen(table, schema, **options)
    assert caught.value.report is not None
    return [str(problem) for problem in caught.value.report.problems]


def test_checks_of_a_model_are_told_by_their_names() -> None:
    """Of a column and of rows; pandera's own ones in plain words; personal values are not told."""
    table = pd.DataFrame({"a": [1, 2, 11, -1], "b": ["x", "z", "x", "y"]})
    assert problems(table, Numbers) == [
        "column 'a' is not at least 0: 1 row (row 3): -1",
        "column 'a' fails 'odd': 1 row (row 1): 2",
        "column 'b' is not one of 'x', 'y': 1 row (row 1)",
        "the table fails 'small': 1 row (row 2)",
    ]
    valid, quarantined, report = screen(table, Numbers, mode="quarantine")
    assert rows(valid) == [(1, "x")]
    assert cells(quarantined, "_reasons")[1] == "the row fails 'small'"
    assert report.schema == "Numbers"


@both
def test_checks_of_the_whole_and_checks_that_raise_fail_the_table(library: str) -> None:
    """They say nothing of single rows, so that nothing can be put aside."""
    kit = PANDERA[library]
    mean = (
        (lambda s: s.mean() > 100)
        if library == "pandas"
        else (lambda d: d.lazyframe.select(pl.col(d.key).mean() > 100))
    )
    checks = [
        kit.Check(mean, name="dear"),
        kit.Check(lambda _: 1 / 0, name="broken"),
        kit.Check(lambda _: False, name="no"),
    ]
    schema = kit.DataFrameSchema({"a": kit.Column(int, checks), "b": kit.Column(str)})
    told = problems(frame(library, {"a": [1, 2]}), schema, mode="quarantine")
    assert told == [
        "column 'b' is not there",
        "column 'a' fails 'dear'",
        "column 'a' fails 'broken: the check raised ZeroDivisionError(\"division by zero\")'",
        "column 'a' fails 'no'",
    ]


@both
def test_a_column_of_a_wrong_type_is_told_once(library: str) -> None:
    """That texts can't be compared with numbers is no news then."""
    kit = PANDERA[library]
    schema = kit.DataFrameSchema({"a": kit.Column(int, kit.Check.ge(0))})
    (told,) = problems(frame(library, {"a": ["x", "y"]}), schema, mode="quarantine")
    assert "column 'a' is not of type " in told


@both
def test_what_can_be_coerced_is_and_the_rest_is_put_aside(library: str) -> None:
    """The valid table has the schema's types; bad cells are told of all columns, and what else is wrong, too."""
    kit = PANDERA[library]
    schema = kit.DataFrameSchema({"a": kit.Column(int, kit.Check.ge(0)), "b": kit.Column(float)}, coerce=True)
    table = frame(library, {"a": ["1", "x", "-3", "4", "5"], "b": ["1", "2.5", "1", "q", "3"]}, index=[1, 1, 2, 2, 3])
    valid, quarantined, report = screen(table, schema, mode="quarantine")
    assert rows(valid) == [(1, 1.0), (5, 3.0)]
    assert [column.type for column in schema_of(valid).columns] == ["int", "float"]
    assert rows(quarantined)[0][:2] == ("x", "2.5")
    assert [text.partition(" as ")[0] for text in cells(quarantined, "_reasons")] == [
        "a is not readable",
        "a is not at least 0",
        "b is not readable",
    ]
    assert len(valid) + len(quarantined) == report.rows
    assert rows(screen(table[:1], schema).valid) == [(1, 1.0)]
    if library == "pandas":
        assert list(valid.index) == [1, 3]
    assert cells(table, "a") == ["1", "x", "-3", "4", "5"]


@both
def test_rows_that_pandera_would_drop_are_told(library: str) -> None:
    """``drop_invalid_rows`` of a schema or column drops nothing unseen; the schema stays as it is."""
    kit = PANDERA[library]
    table = frame(library, {"a": [1, -1, 2]})
    whole = kit.DataFrameSchema({"a": kit.Column(int, kit.Check.ge(0))}, drop_invalid_rows=True)
    column = kit.DataFrameSchema({"a": kit.Column(int, kit.Check.ge(0), drop_invalid_rows=True)})
    for schema in (whole, column):
        assert problems(table, schema) == ["column 'a' is not at least 0: 1 row (row 1): -1"]
        assert cells(screen(table, schema, mode="quarantine").quarantined, "_row") == [1]
        assert len(schema.validate(table, lazy=True)) == 2


def test_a_parser_may_change_cells_but_not_drop_rows() -> None:
    """What it makes is what is checked and given on."""
    table = pd.DataFrame({"a": [1, -2]})
    assert list(
        screen(table, pp.DataFrameSchema({"a": pp.Column(int, pp.Check.ge(0), parsers=pp.Parser(abs))})).valid["a"]
    ) == [1, 2]
    dropping = pp.DataFrameSchema({"a": pp.Column(int)}, parsers=pp.Parser(lambda one: one[one["a"] > 0]))
    with pytest.raises(HooklineError, match="makes 1 rows of 2"):
        screen(table, dropping)
    failing = pp.DataFrameSchema({"a": pp.Column(int)}, parsers=pp.Parser(lambda one: one["b"]), name="odd")
    with pytest.raises(HooklineError, match="the schema 'odd' can't be applied: KeyError"):
        screen(table, failing)
    assert list(table["a"]) == [1, -2]


@both
def test_a_filter_of_columns_a_default_and_an_order_are_panderas(library: str) -> None:
    """What a schema does beside checking is done; a wrong order is told."""
    kit = PANDERA[library]
    table = frame(library, {"b": [1.0, None], "a": [1, 2], "c": [0, 0]})
    schema = kit.DataFrameSchema({"a": kit.Column(int), "b": kit.Column(float, default=5.0)}, strict="filter")
    valid = screen(table, schema).valid
    assert sorted(valid.columns) == ["a", "b"]
    assert cells(valid, "b") == [1.0, 5.0]
    ordered = kit.DataFrameSchema({"a": kit.Column(int), "b": kit.Column(float, nullable=True)}, ordered=True)
    assert any("is not in the schema's order" in one for one in problems(table, ordered))


@both
def test_columns_by_pattern_are_told_by_their_own_names(library: str) -> None:
    """As they stand in the table."""
    kit = PANDERA[library]
    schema = kit.DataFrameSchema({"^x.+$": kit.Column(int, kit.Check.ge(0), regex=True)}, strict=True)
    table = frame(library, {"x1": [1, -1], "x2": [-2, 2], "other": [1, 1]})
    assert problems(table, schema) == [
        "column 'other' is not in the schema",
        "column 'x1' is not at least 0: 1 row (row 1): -1",
        "column 'x2' is not at least 0: 1 row (row 0): -2",
    ]


def test_an_index_is_checked_too() -> None:
    """Its problems are those of the table as a whole, or of rows."""
    schema = pp.DataFrameSchema({"a": pp.Column(int)}, index=pp.Index(int, pp.Check.ge(0), unique=True, name="id"))
    table = pd.DataFrame({"a": [1, 2, 3]}, index=pd.Index([1, 1, -1], name="id"))
    told = problems(table, schema, mode="quarantine")
    assert "column 'index id' is not unique" in told
    right = pd.DataFrame({"a": [1, 2]}, index=pd.Index([1, 2], name="id"))
    pd.testing.assert_frame_equal(screen(right, schema).valid, right)


def test_a_schema_for_the_other_library_is_refused() -> None:
    """And told how that is mended."""
    with pytest.raises(HooklineError, match=r"'Numbers' is of pandera.pandas, but the table is of polars"):
        screen(pl.DataFrame({"a": [1], "b": ["x"]}), Numbers)


def test_types_that_pandera_can_not_put_into_its_report_are_told() -> None:
    """Durations and lists in polars, texts beside truth values: which rows these are is known without it."""
    day = dt.timedelta(days=1)
    schema = ppl.DataFrameSchema(
        {"a": ppl.Column(pl.Duration, ppl.Check.gt(day)), "b": ppl.Column(str, ppl.Check(lambda _: False, name="no"))}
    )
    told = problems(pl.DataFrame({"a": [day, 2 * day], "b": ["x", "y"]}), schema)
    assert told == [
        "column 'b' fails 'no'",
        "column 'a' is not greater than 1 day, 0:00:00: 1 row (row 0): 1 day, 0:00:00",
    ]


def test_a_switch_in_the_environment_lets_nothing_pass() -> None:
    """pandera can be switched off there; a task that validates would then say what is not so."""
    code = (
        "import pandas as pd, pandera.pandas as pa\nfrom hookline_data import screen\n"
        "schema = pa.DataFrameSchema({'a': pa.Column(int, pa.Check.ge(0))})\n"
        "print(len(screen(pd.DataFrame({'a': [1, -1]}), schema, mode='quarantine').valid))"
    )
    switches = {"PANDERA_VALIDATION_ENABLED": "False", "PANDERA_VALIDATION_DEPTH": "SCHEMA_ONLY"}
    run = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **switches}, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "1"


def test_what_a_schema_of_panderas_says_is_told_as_far_as_there_are_words() -> None:
    """For versions and displays; what there are no words for is kept beside."""
    told = schema_of_pandera(Numbers)
    assert told.name == "Numbers"
    assert told.column("a").minimum == 0
    assert told.column("b").personal
    assert told.column("a").extra == {"pandera_checks": ["odd"]}
    assert told.extra == {"pandera_checks": ["small"]}


@both
def test_several_keys_are_told_each(library: str) -> None:
    """A schema of pandera's may have several sets of columns that are unique together."""
    kit = PANDERA[library]
    columns = {name: kit.Column(int) for name in "abc"}
    schema = kit.DataFrameSchema(columns, unique=[["a", "b"], ["c"]])
    table = frame(library, {"a": [1, 1, 1], "b": [1, 1, 2], "c": [5, 6, 5]})
    assert problems(table, schema) == [
        "column 'a, b' is not unique: 2 rows (row 0, row 1): 1, 1, 1, 1",
        "column 'c' is not unique: 2 rows (row 0, row 2): 5, 5",
    ]


def test_names_of_columns_need_not_be_texts() -> None:
    """pandas takes numbers, and names of several levels."""
    table = pd.DataFrame([[1, 2.0], [-1, None]], columns=pd.MultiIndex.from_tuples([("x", "a"), ("x", "b")]))
    schema = pp.DataFrameSchema({("x", "a"): pp.Column(int, pp.Check.ge(0)), ("x", "b"): pp.Column(float)})
    assert problems(table, schema) == [
        "column '('x', 'a')' is not at least 0: 1 row (row 1): -1",
        "column '('x', 'b')' is missing: 1 row (row 1)",
    ]
    assert problems(pd.DataFrame({0: [1, -1]}), pp.DataFrameSchema({0: pp.Column(int, pp.Check.ge(0))})) == [
        "column '0' is not at least 0: 1 row (row 1): -1"
    ]
