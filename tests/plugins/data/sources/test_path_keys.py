"""Rows that say they are of another partition than the name of their file."""

from __future__ import annotations

import datetime as dt
import logging

import polars as pl
import pytest

from hookline_data import BadDataError
from plugins.data.sources.source_kit import rows_of

DAYS = {"columns": {"day": "int", "x": "int"}}


def put(source, name, **columns):
    """Write a file of whichever format its name says."""
    path = source.put(name, "")
    frame = pl.DataFrame(columns)
    {".parquet": frame.write_parquet, ".jsonl": frame.write_ndjson, ".csv": frame.write_csv}[path.suffix](path)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("schema", [DAYS, None], ids=["typed", "untyped"])
def test_a_row_of_another_partition_is_a_bad_row(make_source, library, suffix, schema):
    """Named by file, row and both values, with a schema and without; zeros in front of a number are no other one."""
    source = make_source(uri=f"d/{{day}}.{suffix}", **({"schema": schema} if schema else {}))
    put(source, f"d/01.{suffix}", day=[1, 7, 1], x=[1, 2, 3])
    put(source, f"d/02.{suffix}", day=[2, 2], x=[4, 5])
    with pytest.raises(BadDataError) as caught:
        source.load(library)
    line = {"csv": ":3", "jsonl": ":2", "parquet": ""}[suffix]
    assert f"column 'day' is not '01', as its file's name says: 1 row (d/01.{suffix}{line}): 7" in caught.value.message
    assert source.rows(library, "02") == [{"day": 2, "x": 4}, {"day": 2, "x": 5}]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_such_rows_are_put_aside_as_they_came(make_source, library, suffix):
    """Also where the column itself was not asked for; a missing value does not say what the name says."""
    days = [dt.date(2026, 1, 1), dt.date(2026, 1, 2), None]
    schema = {"columns": {"day": {"type": "date", "nullable": True}, "x": "int"}}
    source = make_source(uri=f"day={{day}}/a.{suffix}", mode="quarantine", max_bad=0.9, schema=schema)
    put(source, f"day=2026-01-01/a.{suffix}", day=days, x=[1, 2, 3])
    assert source.rows(library) == [{"day": days[0], "x": 1}]
    assert source.rows(library, columns=["x"]) == [{"x": 1}]
    strict = make_source(uri=f"day={{day}}/a.{suffix}", mode="quarantine", max_bad=0, schema=schema)
    with pytest.raises(BadDataError) as caught:
        strict.load(library)
    found = rows_of(caught.value.quarantined)
    assert [(row["day"], row["x"]) for row in found] == [(days[1], 2), (None, 3)]
    assert {row["_reasons"] for row in found} == {"day is not '2026-01-01', as its file's name says"}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_name_that_is_no_value_of_the_column_makes_bad_rows(make_source, library, suffix):
    """All rows of the file, with its name; the other files are right."""
    source = make_source(uri=f"{{day}}.{suffix}", mode="quarantine", max_bad=0, schema=DAYS)
    put(source, f"1.{suffix}", x=[1])
    put(source, f"first.{suffix}", x=[2, 3])
    with pytest.raises(BadDataError, match=rf"'day' is not a whole number: 2 rows \(first\.{suffix}") as caught:
        source.load(library)
    assert [row["_reasons"] for row in rows_of(caught.value.quarantined)] == ["day is not a whole number: 'first'"] * 2


def test_a_warning_gives_such_rows_on(make_source, library, caplog):
    """As with everything else that is wrong with rows."""
    source = make_source(uri="{day}.csv", mode="warn", schema=DAYS)
    source.put("1.csv", "day,x\n7,1\n")
    with caplog.at_level(logging.WARNING):
        assert source.rows(library) == [{"day": 7, "x": 1}]
    assert "as its file's name says" in caplog.text


def test_a_written_partition_reads_as_what_it_was(make_source, library):
    """A name with zeros in front is the same number: it is written, and read again."""
    source = make_source(uri="{day}.csv", schema=DAYS)
    source.put("01.csv", "day,x\n1,5\n")
    source.write(source.load(library, "01"), "01")
    assert source.rows(library, "01") == [{"day": 1, "x": 5}]
