"""What becomes of cells that are no values of their type: nothing that they said is lost."""

from __future__ import annotations

import logging

import pandera.pandas as pa
import pandera.polars as papl
import polars as pl
import pytest

from hookline_data import BadDataError
from plugins.data.sources.source_kit import Source, rows_of

PANDAS = pa.DataFrameSchema({"id": pa.Column(int), "ok": pa.Column(bool)})
POLARS = papl.DataFrameSchema({"id": papl.Column(pl.Int64), "ok": papl.Column(pl.Boolean)})


def put_aside(source: Source, library: str) -> list[dict[str, object]]:
    """Give the rows that a load puts aside; the contract bears none of them, so that it fails and tells."""
    with pytest.raises(BadDataError) as caught:
        source.load(library)
    return rows_of(caught.value.quarantined)


def test_a_quarantine_has_the_whole_text_of_cells_that_could_not_be_read(make_source, library):
    """Also of personal columns, of which messages show nothing; a text of any length, with what stands in it."""
    long = "x" * 10_000
    schema = {"columns": {"a": "int", "b": {"type": "float", "personal": True}, "c": "str"}}
    source = make_source(uri="a.csv", mode="quarantine", max_bad=0, schema=schema)
    source.put("a.csv", f'a,b,c\n1,2,ok\nabc,hush-hush,no\n7,"1,5 ""EUR""\n",no\n{long},1,no\n')
    with pytest.raises(BadDataError) as caught:
        source.load(library)
    found = rows_of(caught.value.quarantined)
    assert [row["_reasons"] for row in found] == [
        "a is not a whole number: 'abc'; b is not a number: 'hush-hush'",
        "b is not a number: '1,5 \"EUR\"\\n'",
        f"a is not a whole number: '{long}'",
    ]
    assert [(row["a"], row["b"], row["_row"]) for row in found] == [(None, None, 1), (7, None, 2), (None, 1.0, 3)]
    assert "hush" not in f"{caught.value}{caught.value.report}{caught.value.report.to_json()}"
    assert "EUR" not in f"{caught.value}{caught.value.report.to_json()}"


def test_values_that_are_no_texts_are_told_as_they_came(make_source, library):
    """Those of JSON lines: a number where a text should be is no text of it."""
    schema = {"columns": {"a": "str", "b": "int"}}
    source = make_source(uri="a.jsonl", mode="quarantine", max_bad=0, schema=schema)
    source.put("a.jsonl", '{"a": 7, "b": "7"}\n{"a": "x", "b": {"c": [1]}}\n{"a": "x", "b": 9223372036854775808}\n')
    assert [row["_reasons"] for row in put_aside(source, library)] == [
        "a is not a text: 7; b is not a whole number: '7'",
        "b is not a whole number: {'c': [1]}",
        "b is not a whole number: 9223372036854775808",
    ]


def test_values_of_parquet_that_would_lose_something_are_told_exactly(make_source, library):
    """The nanoseconds that Python's times lack, and whole numbers that no float is."""
    schema = {"columns": {"at": "datetime", "x": "float"}}
    source = make_source(uri="a.parquet", mode="quarantine", max_bad=0, schema=schema)
    at = pl.Series([1, 1_000], dtype=pl.Int64).cast(pl.Datetime("ns"))
    pl.DataFrame({"at": at, "x": [1, (1 << 53) + 1]}).write_parquet(source.root / "a.parquet")
    assert [row["_reasons"] for row in put_aside(source, library)] == [
        "at is not a time without nanoseconds: '1970-01-01 00:00:00.000000001'",
        "x is not a number that is kept exactly: '9007199254740993'",
    ]


@pytest.mark.parametrize(("library", "schema"), [("pandas", PANDAS), ("polars", POLARS)])
def test_with_a_schema_of_pandera_s_nothing_stands_in_for_such_cells(make_source, library, schema):
    """pandas needs numbers where pandera asks for its plain types: the quarantine has none of these."""
    source = make_source(uri="a.csv", schema=f"{__name__}:{library.upper()}", mode="quarantine", max_bad=0)
    source.put("a.csv", "id,ok\n1,true\nabc,true\n3,maybe\n")
    found = put_aside(source, library)
    assert [(row["id"], row["ok"]) for row in found] == [(None, True), (3, None)]
    assert [row["_reasons"] for row in found] == ["id is not a whole number: 'abc'", "ok is not true or false: 'maybe'"]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_table_that_is_given_on_with_a_warning_has_no_values_that_nobody_wrote(make_source, library, caplog):
    """What could not be read is missing, whatever pandera needed to look at the rest."""
    source = make_source(uri="a.csv", schema=f"{__name__}:{library.upper()}", mode="warn")
    source.put("a.csv", "id,ok\n1,true\nabc,true\n3,maybe\n")
    with caplog.at_level(logging.WARNING):
        found = source.rows(library)
    assert found == [{"id": 1, "ok": True}, {"id": None, "ok": True}, {"id": 3, "ok": None}]
    assert "abc" in caplog.text


def test_a_missing_value_beside_such_cells_is_told_too(make_source, library):
    """It was nothing that could not be read, so nothing stands in for it."""
    name = f"{__name__}:{library.upper()}"
    source = make_source(uri="a.csv", schema=name, mode="quarantine")
    source.put("a.csv", "id,ok\n1,true\nabc,true\n,true\n4,true\n")
    assert source.rows(library) == [{"id": 1, "ok": True}, {"id": 4, "ok": True}]
