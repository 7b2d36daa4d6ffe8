"""Types of columns: what is told of tables, and which tables a schema takes, in both libraries."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pytest

from hookline import HooklineError, ml
from hookline_data import schema_of, screen
from hookline_data.validation import BadDataError

DAY = dt.date(2024, 5, 31)
NOON = dt.datetime(2024, 5, 31, 12)
CELLS: dict[str, list[Any]] = {
    "bool": [True, False],
    "bytes": [b"a", b"b"],
    "date": [DAY, DAY],
    "datetime": [NOON, NOON],
    "decimal": [Decimal("1.5"), Decimal("2.5")],
    "duration": [dt.timedelta(1), dt.timedelta(2)],
    "float": [1.5, 2.5],
    "int": [1, 2],
    "list": [[1], [2]],
    "str": ["a", "b"],
}
FITS = {(kind, kind) for kind in CELLS} | {("int", "float"), ("int", "decimal"), ("str", "category")}


def taken(table: Any, kind: str, **facts: Any) -> bool:
    try:
        screen(table, ml.Schema((ml.Column("a", kind, **facts),)))
    except BadDataError:
        return False
    return True


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_a_column_is_of_its_own_type_and_of_wider_ones(library: Any) -> None:
    """A whole number may stand for a number, a text for a category; nothing else for anything else."""
    for have, cells in CELLS.items():
        table = library.DataFrame({"a": cells})
        for wanted in (*CELLS, "category"):
            assert taken(table, wanted) == ((have, wanted) in FITS), (have, wanted)
        assert taken(table, "any")
        assert taken(table, "object")


def test_pandas_says_with_floats_and_times_what_it_has_no_type_for() -> None:
    """A whole number where others are missing is a float, and a date is a time at midnight."""
    assert taken(pd.DataFrame({"a": [1, None]}), "int", nullable=True)
    assert not taken(pd.DataFrame({"a": [1.5, None]}), "int", nullable=True)
    assert taken(pd.DataFrame({"a": pd.to_datetime(["2024-05-31"])}), "date")
    assert not taken(pd.DataFrame({"a": pd.to_datetime(["2024-05-31 12:00"])}), "date")


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1, None], dtype="Int64"),
        pd.Series([1, 2], dtype="uint8"),
        pd.Series([1, None], dtype="int32[pyarrow]"),
        pd.Series([1, None], dtype=object),
    ],
    ids=lambda one: str(one.dtype),
)
def test_whole_numbers_of_any_make_are_whole_numbers(values: Any) -> None:
    """How a library stores them is its own affair."""
    assert taken(pd.DataFrame({"a": values}), "int", nullable=True)


def test_categories_are_a_type_of_either_library() -> None:
    """So that what is one in a table is told as one."""
    for table in (
        pd.DataFrame({"a": pd.Categorical(["x"])}),
        pl.DataFrame({"a": pl.Series(["x"], dtype=pl.Categorical)}),
        pl.DataFrame({"a": pl.Series(["x"], dtype=pl.Enum(["x"]))}),
    ):
        assert schema_of(table).columns == (ml.Column("a", "category"),)
        assert taken(table, "category", allowed=("x",))
        assert not taken(table, "category", allowed=("y",))
        assert not taken(table, "int")


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_what_a_table_looks_like_is_told(library: Any) -> None:
    """Names, types, and where values are missing; and the table fits what was told."""
    for kind, cells in CELLS.items():
        table = library.DataFrame({"a": cells, "b": [None, None]})
        told = schema_of(table, "t")
        assert told == ml.Schema((ml.Column("a", kind), ml.Column("b", "any", nullable=True)), name="t")
        screen(table, told)
    assert schema_of(library.DataFrame({"a": [1.5, None]})).columns == (ml.Column("a", "float", nullable=True),)
    assert schema_of(library.DataFrame()).columns == ()


def test_a_type_of_another_system_is_compared_by_its_name() -> None:
    """It is written with a dot, and makes sense for the library that has it."""
    assert taken(pd.DataFrame({"a": [1, 2]}), "numpy.int64")
    assert not taken(pd.DataFrame({"a": [1, 2]}), "numpy.int32")
    assert taken(pl.DataFrame({"a": [1, 2]}), "polars.Int64")
    with pytest.raises(HooklineError, match=r"can't be of the type 'polars.Int64'"):
        screen(pd.DataFrame({"a": [1]}), ml.Schema((ml.Column("a", "polars.Int64"),)))


def test_a_column_of_nothing_may_be_of_any_type() -> None:
    """Where values may be missing, and all are, there is nothing to object to."""
    for kind in CELLS:
        assert taken(pd.DataFrame({"a": [None, None]}), kind, nullable=True)
        assert taken(pl.DataFrame({"a": [None, None]}), kind, nullable=True)
        assert taken(pl.DataFrame({"a": []}), kind)
        assert taken(pd.DataFrame({"a": []}), kind)
