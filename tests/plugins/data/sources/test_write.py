"""Tables that are written: whole or not at all, as the contract says, and the same when they are read again."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import narwhals as nw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookline import HooklineError, UsageError
from hookline_data.sources.files.series import make_frame, make_piece, make_series
from plugins.data.sources.source_kit import LIBRARIES, Source, rows_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)
VALUES = {
    "int": st.integers(-(1 << 63), (1 << 63) - 1),
    "float": st.floats(allow_nan=False),
    "bool": st.booleans(),
    "str": TEXTS,
    "category": TEXTS,
    "date": st.dates(),
    "datetime": st.integers(-(1 << 53), 1 << 53),
    "duration": st.integers(-(1 << 50), 1 << 50),
    "decimal": st.decimals(-(10**18), 10**18, places=4),
}  # fmt: skip


def frame_of(library, columns, *, aware=False):
    """A frame of columns: names, kinds, values."""
    made = []
    for name, kind, values in columns:
        piece = make_piece(library, values, kind)
        made.append(make_series(library, name, [piece], kind, aware=aware and kind == "datetime"))
    return make_frame(library, made)


@st.composite
def tables(draw):
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=5))
    count = draw(st.integers(0, 6))
    columns = [
        (f"c{n} é", kind, draw(st.lists(st.none() | VALUES[kind], min_size=count, max_size=count)))
        for n, kind in enumerate(kinds)
    ]
    return columns, draw(st.booleans())


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet", "csv.gz"])
@pytest.mark.parametrize("library", LIBRARIES)
@settings(max_examples=int(os.environ.get("EXAMPLES", "15")), deadline=None, suppress_health_check=list(HealthCheck))
@given(tables())
def test_what_is_written_is_what_is_read(tmp_path_factory, library, form, drawn):
    """Of every type, with missing values, signs of all scripts and time zones; in each format and library."""
    columns, aware = drawn
    schema = {"columns": {name: {"type": kind, "nullable": True} for name, kind, _ in columns}}
    source = Source(tmp_path_factory.mktemp("written"), {"uri": f"a.{form}", "schema": schema})
    table = frame_of(library, columns, aware=aware)
    source.write(table)
    assert source.rows(library) == rows_of(table)
    here = {name: str(kind) for name, kind in nw.from_native(table).schema.items()}
    there = source.types(library)
    for name, kind, values in columns:
        if any(value is not None for value in values) and kind != "decimal":
            assert there[name] == here[name]


def test_times_of_other_zones_are_the_same_instants_again(make_source, library):
    """CSV has them in UTC."""
    source = make_source(uri="a.csv", schema={"columns": {"at": "datetime"}})
    table = frame_of(library, [("at", "datetime", [1_767_225_600_000_000])], aware=True)
    moved = nw.from_native(table).with_columns(nw.col("at").dt.convert_time_zone("Asia/Kolkata")).to_native()
    source.write(moved)
    assert source.rows(library) == [{"at": datetime(2026, 1, 1, tzinfo=UTC)}]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"id": [1, 1]}, "'id'"),
        ({"id": [1, None]}, "'id'"),
        ({"x": ["a", "b"]}, "'x'"),
        ({"x": [-1.0, 2.0]}, "'x'"),
    ],
)
def test_a_table_that_breaks_the_contract_is_not_written(make_source, library, values, told):
    """Keys that come twice, missing values, other types, values out of bounds: what was there stays."""
    schema = {"columns": {"id": "int", "x": {"type": "float", "minimum": 0}}}
    source = make_source(uri="a.csv", key=["id"], schema=schema)
    source.put("a.csv", "before")
    columns = {"id": [1, 2], "x": [1.0, 2.0]} | values
    kinds = {"id": "int", "x": "str" if "a" in columns["x"] else "float"}
    with pytest.raises(HooklineError, match=told):
        source.write(frame_of(library, [(name, kinds[name], cells) for name, cells in columns.items()]))
    assert (source.root / "a.csv").read_text() == "before"
    assert os.listdir(source.root) == ["a.csv"]


def test_columns_that_lack_or_are_too_many_are_told(make_source, library):
    """By name."""
    source = make_source(uri="a.csv", schema={"columns": {"id": "int", "name": "str"}})
    with pytest.raises(HooklineError, match="'name'"):
        source.write(frame_of(library, [("id", "int", [1])]))
    with pytest.raises(HooklineError, match="'more'"):
        source.write(frame_of(library, [("id", "int", [1]), ("name", "str", ["a"]), ("more", "int", [1])]))


def test_a_partition_is_written_to_its_own_file_and_holds_its_own_rows(make_source, library):
    """The key's column need not be in the table."""
    source = make_source(uri="data/day={day}/a.parquet", schema={"columns": {"x": "int", "day": "date"}})
    ref = source.write(frame_of(library, [("x", "int", [1])]), date(2026, 1, 2))
    assert (ref.source, ref.partition, ref.rows) == ("data/day=2026-01-02/a.parquet", "2026-01-02", 1)
    assert source.rows(library) == [{"x": 1, "day": date(2026, 1, 2)}]
    with pytest.raises(HooklineError, match="rows in which 'day' is '2026-01-03'"):
        source.write(frame_of(library, [("x", "int", [1]), ("day", "date", [date(2026, 1, 3)])]), "2026-01-02")
    with pytest.raises(UsageError, match="say which to write"):
        source.write(frame_of(library, [("x", "int", [1])]))
    with pytest.raises(UsageError, match="of many files"):
        make_source(uri="data/*.csv").write(None)


def test_a_file_that_is_there_may_be_kept(make_source, library):
    """As the call says."""
    source = make_source(uri="a.csv")
    table = frame_of(library, [("x", "int", [1])])
    source.write(table, overwrite=False)
    with pytest.raises(HooklineError, match=r"'a\.csv' of the source 's' is there already"):
        source.write(table, overwrite=False)
    source.write(table)


def test_an_empty_text_that_csv_could_not_tell_from_a_missing_one_is_told(make_source, library):
    """Where values may be missing; elsewhere it is what it is."""
    table = frame_of(library, [("s", "str", ["a", ""])])
    with pytest.raises(HooklineError, match="empty text in row 1"):
        make_source(uri="a.csv", schema={"columns": {"s": {"type": "str", "nullable": True}}}).write(table)
    source = make_source(uri="a.csv", schema={"columns": {"s": "str"}})
    source.write(table)
    assert source.rows(library) == [{"s": "a"}, {"s": ""}]


def test_numbers_have_the_comma_that_the_contract_says(make_source, library):
    """And are read again with it."""
    schema = {"columns": {"f": "float", "d": "decimal", "s": "str"}}
    source = make_source(uri="a.csv", separator=";", decimal=",", schema=schema)
    source.write(frame_of(library, [("f", "float", [1.5]), ("d", "decimal", [Decimal("2.50")]), ("s", "str", ["a.b"])]))
    assert (source.root / "a.csv").read_text() == "f;d;s\n1,5;2,50;a.b\n"
    assert source.rows(library) == [{"f": 1.5, "d": Decimal("2.50"), "s": "a.b"}]


def test_equal_tables_make_equal_files_in_both_libraries(tmp_path: Path):
    """So that what depends on them is reused."""
    digests = set()
    for library in LIBRARIES:
        for form in ("csv", "csv.gz", "jsonl"):
            source = Source(tmp_path / library, {"uri": f"a.{form}"})
            digests.add((form, source.write(frame_of(library, [("x", "float", [1.5, None])])).digest))
    assert len(digests) == 3


def test_what_is_no_frame_or_can_not_be_written_is_told(make_source, library):
    """With what it is."""
    with pytest.raises(HooklineError, match="not a data frame"):
        make_source(uri="a.csv").write([1])
    pd = pytest.importorskip("pandas")
    for table, told in (
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "several columns named 'a'"),
        (pd.DataFrame({1: [1]}), "columns whose names are no texts: 1"),
        (pd.DataFrame(), "no columns"),
    ):
        with pytest.raises(HooklineError, match=told):
            make_source(uri="a.csv").write(table)
    source = make_source(uri="file/a.csv")
    source.put("file", "no folder")
    with pytest.raises(HooklineError, match="can't be written"):
        source.write(frame_of(library, [("x", "int", [1])]))
    with pytest.raises(HooklineError, match=r"latin-1|charmap|iso8859"):
        make_source(uri="b.csv", encoding="latin-1").write(frame_of(library, [("s", "str", ["Ω"])]))


def test_a_partition_that_tells_of_a_person_is_not_shown(make_source, library):
    """Nor is what rows say instead."""
    schema = {"columns": {"name": {"type": "str", "personal": True}, "x": "int"}}
    source = make_source(uri="{name}.csv", schema=schema)
    source.put("Ann.csv", "x\n1\n")
    table = source.load(library, "Ann")
    with pytest.raises(HooklineError, match="has rows in which 'name' is another") as caught:
        source.write(table, "Bob")
    assert "Ann" not in str(caught.value)
    assert "Bob" not in str(caught.value)
