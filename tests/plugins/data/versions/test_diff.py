"""How two tables differ: compared with a plain reference over rows that are dicts, and case by case."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline import HooklineError
from hookline.ml import Column, Schema
from hookline_data.versions.dataset import Dataset
from hookline_data.versions.diff import diff
from hookline_data.versions.difference import RowChange
from hookline_data.wording.words import PERSONAL

Row = Mapping[str, Any]
LIBRARIES = ("pandas", "polars")

_MOMENTS = st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 2)).map(lambda at: at.replace(microsecond=0))
_FLOATS = st.sampled_from([0.0, -0.0, 0.1, 0.3, 0.1 + 0.2, math.inf, math.nan])
_COLUMNS: dict[str, tuple[Any, str, Any]] = {
    "n": (st.none() | st.integers(-3, 3), "Int64", pl.Int64),
    "x": (
        st.none() | st.sampled_from([0.0, -0.0, 0.1, 0.1 + 1e-17, 0.30000000000000004, 0.3, math.inf, math.nan]),
        "float64",
        pl.Float64,
    ),
    "s": (st.none() | st.sampled_from(["", "a", "b", "None", "nan"]), "str", pl.String),
    "b": (st.none() | st.booleans(), "boolean", pl.Boolean),
    "t": (st.none() | _MOMENTS, "datetime64[us]", pl.Datetime("us")),
    "c": (st.none() | st.sampled_from(["u", "v"]), "category", pl.Categorical),
}
_KEYS = st.tuples(st.none() | st.integers(0, 5), st.sampled_from(["p", "q"]))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Two tables of one shape: some rows are in both, some cells are changed."""

    def rows(keys: Sequence[tuple[Any, str]]) -> list[dict[str, Any]]:
        return [{"k": k, "m": m, **{name: draw(kind[0]) for name, kind in _COLUMNS.items()}} for k, m in keys]

    before = rows(draw(st.lists(_KEYS, unique=True, max_size=6)))
    kept = [dict(row) for row in before if draw(st.booleans())]
    for row in kept:
        if draw(st.booleans()):
            name = draw(st.sampled_from(sorted(_COLUMNS)))
            row[name] = draw(_COLUMNS[name][0])
    there = {(row["k"], row["m"]) for row in kept}
    added = rows([key for key in draw(st.lists(_KEYS, unique=True, max_size=3)) if key not in there])
    return before, draw(st.permutations(kept + added))


def frame(rows: Sequence[Row], library: str) -> Any:
    names = ["k", "m", *_COLUMNS]
    columns = {name: [row[name] for row in rows] for name in names}
    if library == "polars":
        kinds = {"k": pl.Int64, "m": pl.String, **{name: kind[2] for name, kind in _COLUMNS.items()}}
        return pl.DataFrame(columns, schema=kinds, strict=True)
    kinds = {"k": "Int64", "m": "str", **{name: kind[1] for name, kind in _COLUMNS.items()}}
    return pd.DataFrame({name: pd.Series(columns[name], dtype=kinds[name]) for name in names})


def reference(before: Sequence[Row], after: Sequence[Row], *, nan_is_missing: bool) -> dict[str, Any]:
    """Compare rows one by one."""

    def plain(value: Any) -> Any:
        if isinstance(value, float) and math.isnan(value):
            return None if nan_is_missing else "NaN"
        return value

    old, new = ({(row["k"], row["m"]): row for row in rows} for rows in (before, after))
    both = old.keys() & new.keys()
    changed = {
        key: [name for name in _COLUMNS if plain(old[key][name]) != plain(new[key][name])]
        for key in sorted(both, key=str)
    }
    cells = {name: sum(name in names for names in changed.values()) for name in _COLUMNS}
    return {
        "added": len(new.keys() - old.keys()),
        "removed": len(old.keys() - new.keys()),
        "changed": sum(bool(names) for names in changed.values()),
        "cells": {name: count for name, count in cells.items() if count},
        "by_row": {key: set(names) for key, names in changed.items() if names},
    }


@pytest.mark.parametrize("one", LIBRARIES)
@pytest.mark.parametrize("other", LIBRARIES)
@settings(max_examples=25, deadline=None)
@given(tables())
def test_differences_are_those_of_a_comparison_row_by_row(one: str, other: str, both: Any) -> None:
    """In either library, and across: missing equals missing, NaN equals NaN, floats are compared exactly."""
    before, after = both
    found = diff(frame(before, one), frame(after, other), ["k", "m"], limit=100)
    expected = reference(before, after, nan_is_missing=(one, other) != ("polars", "polars"))
    assert (found.added, found.removed, found.changed) == (expected["added"], expected["removed"], expected["changed"])
    assert found.cells == expected["cells"]
    assert {(row.key["k"], row.key["m"]): set(row.cells) for row in found.changed_rows} == expected["by_row"]
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["rows"]["after"] == len(after)


@pytest.mark.parametrize("library", LIBRARIES)
def test_columns_are_compared_by_presence_type_and_missing_values(library: str) -> None:
    """A column that is only in one table changes no rows."""
    make = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[library]
    before = make({"id": [1, 2], "gone": [1, 2], "n": [1, 2], "x": ["a", "b"]})
    after = make({"id": [1, 2], "n": [1.0, 2.0], "x": ["a", None], "new": [True, False]})
    found = diff(before, after, "id")
    assert [(change.what, change.name, change.before, change.after) for change in found.columns] == [
        ("removed", "gone", "int", ""),
        ("changed", "n", "int", "float"),
        ("changed", "x", "str", "str, may be missing"),
        ("added", "new", "", "bool"),
    ]
    assert found.cells == {"x": 1}
    assert found.changed_rows == (RowChange({"id": 2}, {"x": ("b", None)}),)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_key_that_is_not_unique_is_refused_with_examples(library: str) -> None:
    """Which rows they are can be found by what is named."""
    make = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[library]
    good, bad = make({"id": [1, 2, 3]}), make({"id": [1, None, None]})
    with pytest.raises(HooklineError, match=r"the table after has several rows with the same 'id': missing \(2 rows\)"):
        diff(good, bad, "id")
    with pytest.raises(HooklineError, match=r"the table before has several rows with the same 'id': missing"):
        diff(bad, good, "id")
    many = make({"id": [*range(9), *range(9)], "day": ["d"] * 18})
    with pytest.raises(HooklineError, match=r"'id', 'day': 0, d \(2 rows\), .* and 4 more"):
        diff(many, many, ["id", "day"])


def test_a_key_that_is_not_there_or_can_not_match_is_refused() -> None:
    """An index of pandas is no column, and says so."""
    one, other = pd.DataFrame({"id": [1]}), pd.DataFrame({"id": ["1"]})
    with pytest.raises(HooklineError, match="has no column 'nr'") as error:
        diff(one, other, "nr")
    assert "reset_index" in str(error.value.help)
    with pytest.raises(HooklineError, match="'id', which is number in the table before and text in the table after"):
        diff(one, other, "id")


def test_without_a_key_rows_are_compared_as_a_whole() -> None:
    """As often as each is there, whatever their order; columns of one table only are told as such."""
    before, after = pd.DataFrame({"x": [1, 2, 2], "s": "a"}), pd.DataFrame({"x": [3, 2, 1], "s": "a"})
    found = diff(before, after)
    assert (found.added, found.removed, found.changed) == (1, 1, None)
    assert (found.added_rows, found.removed_rows) == (({"x": 3, "s": "a"},), ({"x": 2, "s": "a"},))
    assert not found.equal
    assert diff(before, before[::-1]).equal
    assert not diff(before, before[["s"]]).equal
    assert not diff(pd.DataFrame(index=[1, 2]), pd.DataFrame(index=[1])).equal
    assert not diff(pd.DataFrame({"x": [1]}), pd.DataFrame({"x": ["1"]})).equal


def test_without_a_key_no_personal_value_is_shown() -> None:
    """Examples are whole rows."""
    schema = Schema([Column("mail", "str", personal=True), Column("n", "int")])
    before, after = (Dataset("people", pd.DataFrame({"mail": [f"{n}@x"], "n": n}), (), schema) for n in (1, 2))
    assert diff(before, after).added_rows == ({"mail": PERSONAL, "n": 2},)


def test_columns_that_an_open_schema_leaves_out_are_compared_too() -> None:
    """A column that is new, or that changed its type, is a difference, whatever a schema mentions."""
    schema = Schema([Column("id", "int")], open=True)
    tables = pd.DataFrame({"id": [1]}), pd.DataFrame({"id": [1], "x": [2]})
    before, after = (Dataset("d", table, ("id",), schema) for table in tables)
    assert [change.name for change in diff(before, after).columns] == ["x"]


@pytest.mark.parametrize("one", LIBRARIES)
@pytest.mark.parametrize("other", LIBRARIES)
@settings(max_examples=15, deadline=None)
@given(tables(), st.randoms(use_true_random=False))
def test_whole_rows_are_equal_as_multisets(one: str, other: str, both: Any, random: Any) -> None:
    """In either library, and across; a row that is there twice counts twice."""
    nan_is_missing = (one, other) != ("polars", "polars")

    def plain(value: Any) -> Any:
        if isinstance(value, float) and math.isnan(value):
            return None if nan_is_missing else "NaN"
        return value

    before, after = ([random.choice(rows) for _ in range(5 if rows else 0)] for rows in both)
    old, new = (Counter(tuple(plain(value) for value in row.values()) for row in rows) for rows in (before, after))
    found = diff(frame(before, one), frame(after, other), [], limit=100)
    assert (found.added, found.removed) == ((new - old).total(), (old - new).total())
    assert found.equal == (old == new and not found.columns)


def test_arrays_in_cells_are_compared_by_all_they_hold() -> None:
    """Also what their short texts leave out."""
    before = pd.DataFrame({"id": [1], "v": [np.zeros(5000)]})
    after = pd.DataFrame({"id": [1], "v": [np.zeros(5000)]})
    assert diff(before, after).equal
    assert diff(before, after, "id").equal
    after["v"][0][2000] = 1
    assert diff(before, after, "id").cells == {"v": 1}
    assert not diff(before, after).equal


def test_data_sets_bring_their_keys_and_names_and_hide_personal_data() -> None:
    """What tells of persons is counted and not shown."""
    schema = Schema([Column("mail", "str", personal=True), Column("name", "str", personal=True), Column("n", "int")])
    before, after = (
        Dataset("people", pd.DataFrame({"mail": ["a", "b"], "name": names, "n": [1, n]}), ("mail",), schema, version=n)
        for n, names in ((1, ["x", "y"]), (2, ["x", "z"]))
    )
    found = diff(before, after)
    assert (found.before, found.after, found.cells) == ("people@1", "people@2", {"name": 1, "n": 1})
    assert found.changed_rows == (RowChange({"mail": PERSONAL}, {"name": (PERSONAL, PERSONAL), "n": (1, 2)}),)
    twice = Dataset("people", pd.DataFrame({"mail": ["a@b", "a@b"], "name": ["x", "y"], "n": [1, 1]}), "mail", schema)
    with pytest.raises(HooklineError, match=rf"the same 'mail', 'n': {re.escape(PERSONAL)}, 1 \(2 rows\)"):
        diff(twice, after, ["mail", "n"])
    with pytest.raises(HooklineError, match="the key was mail, and is n"):
        diff(before, Dataset("people", after.table, ("n",), version=3))


def test_types_that_differ_are_compared_by_value_where_that_makes_sense() -> None:
    """A whole number equals the same float, exactly; a moment with a zone equals none without."""
    large = 2**53 + 1
    numbers = diff(
        pd.DataFrame({"id": [1, 2], "n": [large, 3]}), pd.DataFrame({"id": [1, 2], "n": [float(large), 3.0]}), "id"
    )
    assert numbers.cells == {"n": 1}
    at = dt.datetime(2026, 1, 5, 12)
    naive, aware = pd.DataFrame({"id": [1], "t": [at]}), pd.DataFrame({"id": [1], "t": [at.replace(tzinfo=dt.UTC)]})
    assert diff(naive, aware, "id").cells == {"t": 1}
    berlin = pd.DataFrame({"id": [1], "t": pd.Series([at.replace(tzinfo=dt.UTC)]).dt.tz_convert("Europe/Berlin")})
    assert diff(aware, berlin, "id").cells == {}
    fine = pl.DataFrame({"id": [1], "t": [at]}, schema={"id": pl.Int64, "t": pl.Datetime("ns")})
    assert diff(naive, fine, "id").cells == {}
    coarse = naive.assign(t=naive["t"].dt.as_unit("s"))
    assert diff(coarse, fine, "id").cells == diff(coarse, naive, "t").cells == {}
    later = fine.with_columns(pl.col("t") + pl.duration(nanoseconds=1))
    assert diff(fine, later, "id").cells == {"t": 1}
    assert diff(naive, later, "id").cells == {"t": 1}


def test_cells_of_any_kind_can_be_compared() -> None:
    """Lists, dicts, decimals, bytes, durations, mixed objects."""
    values = [[1, 2], {"a": [1]}, decimal.Decimal("0.1"), b"x", dt.timedelta(1), dt.date(2026, 1, 5), (1, "a"), object]
    before = pd.DataFrame({"id": range(len(values)), "v": pd.Series(values, dtype=object)})
    assert diff(before, before.copy(), "id").equal
    after = before.copy()
    after.at[1, "v"] = {"a": [2]}
    found = diff(before, after, "id")
    assert found.cells == {"v": 1}
    assert found.changed_rows[0].cells["v"] == ("{'a': [1]}", "{'a': [2]}")
    lists = pl.DataFrame({"id": [1, 2], "v": [[1.0, None], None], "s": [{"a": 1}, None]})
    assert diff(lists, lists.clone(), "id").equal
    other = diff(lists, lists.with_columns(v=pl.lit([2.0])), "id")
    assert other.cells == {"v": 2}
    assert other.changed_rows[0].cells["v"] == ("[1.0, None]", "[2.0]")


@pytest.mark.parametrize("library", LIBRARIES)
def test_empty_tables_are_tables(library: str) -> None:
    """All rows of the other one are added or removed."""
    make = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[library]
    some = make({"id": [1, 2], "x": ["a", "b"]})
    found = diff(some[:0], some, "id", limit=1)
    assert (found.added, found.removed, found.added_rows) == (2, 0, ({"id": 1},))
    assert diff(some[:0], some[:0], "id").equal
    assert diff(some, some[:0], "id").removed == 2


def test_rows_are_matched_whatever_their_order_and_index() -> None:
    """An index of pandas says nothing about which row is which."""
    before = pd.DataFrame({"id": [1, 2, 3], "x": ["a", "b", "c"]})
    after = before.sort_values("id", ascending=False).set_index(pd.Index([7, 7, 7]))
    assert diff(before, after, "id").equal


def test_a_frame_with_columns_that_come_twice_is_refused() -> None:
    """Nobody could say which of them is meant."""
    twice = pd.DataFrame([[1, 2]], columns=["id", "id"])
    with pytest.raises(HooklineError, match="the table before has several columns named 'id'"):
        diff(twice, twice, "id")
    with pytest.raises(HooklineError, match="the table after has columns whose names are no texts: 0, 1"):
        diff(twice[[]], pd.DataFrame([[1, 2]]))
