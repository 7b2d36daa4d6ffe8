"""Files of text as they come: what is sound is read exactly, what is not is told with file and line."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from hookline import HooklineError

COLUMNS = {"id": "int", "name": "str", "spend": {"type": "float", "nullable": True}}
TYPED = {"uri": "data/*.csv", "schema": {"columns": COLUMNS}}


def test_cells_become_values_of_their_types_alike_in_both_libraries(make_source, library):
    """Every type that a schema has a word for and that texts can say."""
    kinds = ["int", "float", "bool", "str", "date", "datetime", "decimal", "duration", "category"]
    source = make_source(uri="a.csv", schema={"columns": {f"{kind}s": kind for kind in kinds}})
    source.put(
        "a.csv",
        "ints,floats,bools,strs,dates,datetimes,decimals,durations,categorys\n"
        '9007199254740993,1e-3,True,"a, ""b""\nc",2026-02-28,2026-02-28T12:30:00.25Z,1.10,P1DT2H,x\n'
        "-7,.5,0,ä,0001-01-01,2026-02-28 12:30+02:00,7,PT0.5S,x\n",
    )
    first, second = source.rows(library)
    assert first == {
        "ints": 9007199254740993,
        "floats": 0.001,
        "bools": True,
        "strs": 'a, "b"\nc',
        "dates": date(2026, 2, 28),
        "datetimes": datetime(2026, 2, 28, 12, 30, 0, 250000, UTC),
        "decimals": Decimal("1.10"),
        "durations": timedelta(days=1, hours=2),
        "categorys": "x",
    }
    assert second["datetimes"] == datetime(2026, 2, 28, 10, 30, tzinfo=UTC)
    assert second["dates"] == date(1, 1, 1)
    assert list(source.types(library).values()) == [
        "Int64",
        "Float64",
        "Boolean",
        "String",
        "Date",
        "Datetime(time_unit='us', time_zone='UTC')",
        "Decimal(precision=38, scale=2)",
        "Duration(time_unit='us')",
        "Categorical",
    ]


def test_a_cell_that_is_no_value_of_its_type_is_told_with_file_line_and_text(make_source, library):
    """All of them at once; nothing is guessed."""
    source = make_source(**TYPED)
    source.put("data/a.csv", "id,name,spend\n1,a,1\n\n12abc,b,2\n")
    source.put("data/b.csv", 'id,name,spend\n3,"two\nlines",1_000\n4,d,x\n')
    with pytest.raises(HooklineError) as caught:
        source.load(library)
    text = str(caught.value)
    assert "data/a.csv:4" in text
    assert "12abc" in text
    assert "data/b.csv:2" in text
    assert "data/b.csv:4" in text
    assert "missing" not in text  # a cell that is not a number is there


def test_values_of_persons_stay_out_of_messages(make_source, library):
    """What is told is where they stand."""
    source = make_source(uri="a.csv", personal=["id"], schema={"columns": {"id": {"type": "int", "minimum": 5}}})
    source.put("a.csv", "id\nsecret-person\n3\n7\n")
    with pytest.raises(HooklineError) as caught:
        source.load(library)
    assert "secret-person" not in str(caught.value)
    assert "a.csv:2" in str(caught.value)


def test_rows_that_are_put_aside_leave_the_plain_types(make_source, library):
    """A bad cell is missing only in the quarantine."""
    source = make_source(**TYPED, mode="quarantine")
    source.put("data/a.csv", "id,name,spend\n1,a,1\nx,b,2\n3,c,\n")
    assert source.rows(library) == [{"id": 1, "name": "a", "spend": 1.0}, {"id": 3, "name": "c", "spend": None}]
    assert str(source.load(library)["id"].dtype).lower() == "int64"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "'data/a.csv' is empty"),
        ("\n\n", "'data/a.csv' is empty"),
        ("id,name,spend\n1,a\n2,b,3,4\n", "line 2 has 2 cells, line 3 has 4 cells"),
        ("id,name,name\n1,a,b\n", "columns 2 and 3 are both called 'name'"),
        ("id,name,\n1,a,b\n", "column 3 has no name"),
        ("id,nmae,spend\n1,a,2\n", "lacks the column 'name'; did you mean 'nmae'?"),
        ("id,name,spend,more\n1,a,2,3\n", "has the column 'more', which the schema lacks"),
        ("id,name,spend\n1,a\0,2\n", "zero byte in line 2"),
        (b"id,name,spend\n1,a,2\n2,\xe4,2\n", "not encoded in utf-8 in line 3"),
        ('id,name,spend\n1,"a,2\n', "no sound CSV in line 2"),
        ('id,name,spend\n1,"a"b,2\n', "no sound CSV in line 2"),
    ],
)
def test_a_file_that_is_not_sound_is_named_with_what_is_wrong(make_source, library, content, told):
    """One clear message, with the line."""
    source = make_source(**TYPED)
    source.put("data/a.csv", content)
    with pytest.raises(HooklineError, match=r"data/a.csv") as caught:
        source.load(library)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfid,name,spend\r\n1,a,\r\n",
        b"id,name,spend\n1,a,",
        b"\nid,name,spend\n\n1,a,\n\n",
        b'"id","name","spend"\n"1","a",""\n',
        b"spend,id,name\n,1,a\n",
    ],
)
def test_marks_line_ends_blank_lines_quotes_and_the_order_of_columns_make_no_difference(make_source, library, content):
    """The same table comes of all of them."""
    source = make_source(**TYPED)
    source.put("data/a.csv", content)
    assert source.rows(library) == [{"id": 1, "name": "a", "spend": None}]
    assert list(source.load(library).columns) == ["id", "name", "spend"]


def test_a_file_with_a_header_only_is_a_table_without_rows(make_source, library):
    """Its columns have their types all the same."""
    source = make_source(**TYPED)
    source.put("data/a.csv", "id,name,spend\n")
    assert source.types(library) == {"id": "Int64", "name": "String", "spend": "Float64"}
    assert source.rows(library) == []


def test_compressed_files_other_separators_commas_and_encodings_are_read(make_source, library):
    """As the contract says."""
    source = make_source(
        uri="a.csv.gz", separator=";", decimal=",", encoding="latin-1", schema={"columns": {"a": "float", "b": "str"}}
    )
    source.put("a.csv.gz", gzip.compress("a;b\n1,5;ä\n".encode("latin-1")))
    assert source.rows(library) == [{"a": 1.5, "b": "ä"}]
    source.put("a.csv.gz", gzip.compress(b"a;b\n1.5;x\n"))
    with pytest.raises(HooklineError, match=r"1\.5"):
        source.load(library)
    source.put("a.csv.gz", gzip.compress(b"a;b\n" * 5000)[:-20])
    with pytest.raises(HooklineError, match=r"'a\.csv\.gz' is no sound gzip file"):
        source.load(library)


def test_without_a_schema_columns_are_of_the_first_type_that_fits_all_cells(make_source, library):
    """Alike in both libraries; numbers with zeros in front stay texts."""
    source = make_source(uri="a.csv")
    source.put("a.csv", "i,f,b,d,t,zip,s,n\n1,1,true,2026-01-01,2026-01-01T10:00,01234,x,\n,2.5,false,,,1,1,\n")
    assert source.rows(library)[0] == {
        "i": 1,
        "f": 1.0,
        "b": True,
        "d": date(2026, 1, 1),
        "t": datetime(2026, 1, 1, 10),
        "zip": "01234",
        "s": "x",
        "n": None,
    }
    assert source.types(library)["i"] == "Int64"


def test_files_with_other_columns_than_the_first_are_named(make_source, library):
    """Files are read in the order of their names."""
    source = make_source(uri="data/*.csv")
    source.put("data/a.csv", "x,y\n1,2\n")
    source.put("data/b.csv", "y,x\n3,4\n")
    assert source.rows(library) == [{"x": 1, "y": 2}, {"x": 4, "y": 3}]
    source.put("data/c.csv", "x,z\n3,4\n")
    with pytest.raises(HooklineError, match=r"'data/c.csv'") as caught:
        source.load(library)
    assert "lacks the column 'y', which 'data/a.csv' has" in str(caught.value)
    assert "has the column 'z', which 'data/a.csv' lacks" in str(caught.value)


def test_only_the_wanted_columns_are_given(make_source, library):
    """In the order in which they were asked for; a column that there is not is told."""
    source = make_source(**TYPED, key=["id"])
    source.put("data/a.csv", "id,name,spend\n1,a,2\n1,b,3\n")
    assert source.rows(library, columns=["spend", "name"]) == [{"spend": 2.0, "name": "a"}, {"spend": 3.0, "name": "b"}]
    with pytest.raises(HooklineError, match="no column 'nam'; did you mean 'name'"):
        source.load(library, columns=["nam"])


def test_times_with_and_without_an_offset_in_one_column_are_told(make_source, library):
    """Which instant a time without one means is not guessed."""
    source = make_source(uri="a.csv", schema={"columns": {"at": "datetime"}})
    source.put("a.csv", "at\n2026-01-01T00:00:00\n2026-01-01T00:00:00Z\n")
    with pytest.raises(HooklineError, match=r"a\.csv:3"):
        source.load(library)


@pytest.mark.parametrize("end", ["csv", "jsonl"])
def test_the_unit_utc_says_that_times_are_instants(make_source, library, end):
    """Also where there are none, so that days without rows go with others; a time without an offset is a bad one."""
    schema = {"columns": {"at": {"type": "datetime", "unit": "UTC"}, "n": "int"}}
    source = make_source(uri=f"{{day}}.{end}", mode="quarantine", schema={**schema, "open": True})
    texts = ("2026-01-01T00:00:00", "2026-01-01T01:00:00+01:00")
    written = {
        "csv": ["at,n", *(f"{text},1" for text in texts)],
        "jsonl": [f'{{"at": "{text}", "n": 1}}' for text in texts],
    }[end]
    source.put(f"full.{end}", "\n".join(written))
    source.put(f"none.{end}", "at,n\n" if end == "csv" else '{"at": "no time", "n": 1}\n')
    assert [f"{row['at']}" for row in source.rows(library, "full")] == ["2026-01-01 00:00:00+00:00"]
    assert source.rows(library, "none") == []
    assert source.types(library, partition="full") == source.types(library, partition="none")
    assert "time_zone='UTC'" in source.types(library, partition="none")["at"]


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("int", ["1 2", "--1", "+", "1e3", "9223372036854775808", "0x10", "1.5", "\u0661"]),
        ("float", ["1 2", "1e", "e5", ".", "1e999", "0x10", "1_0", "infinity", "1,5"]),
        ("bool", ["yes", "2", "t", "1.0"]),
        ("date", ["2026-02-30", "20260101", "2026-1-1", "2026-W01-1", "0000-01-01", "2026-01-01T10:00:00"]),
        ("datetime", ["2026-01-01T24:00:01", "0000-01-01T00:00:00", "2026-02-30 00:00:00", "2026-01-01-12:00:00"]),
        ("datetime", ["12:00", "2026-01-01 00:00:60", "2026-01-01T00:00:00.0000001"]),
        ("duration", ["P", "PT", "1 day", "PT0.0000001S"]),
        ("decimal", ["1e400", "nan", "1,5", "0.0000000000000000001"]),
    ],
)  # fmt: skip
def test_no_text_is_bent_into_a_value(make_source, library, kind, texts):
    """Each of these is told, alone or among sound ones, and in columns that are read in one go."""
    source = make_source(uri="a.csv", mode="quarantine", schema={"columns": {"v": kind, "n": "int"}})
    rows = "".join(f'"{text}",{number}\n' for number, text in enumerate(texts))
    source.put("a.csv", f"v,n\n{rows}")
    assert source.rows(library) == []
    for text in texts:
        source.put("a.csv", f'v,n\n"{text}",1\n')
        assert source.rows(library) == [], text


def test_a_blank_line_of_a_file_of_one_column_is_a_missing_value(make_source, library):
    """Except at the end of the file; of several columns, it is no row."""
    source = make_source(uri="a.csv", schema={"columns": {"x": {"type": "int", "nullable": True}}})
    source.put("a.csv", "\nx\n\n1\n\n\n2\n\n\n")
    assert [row["x"] for row in source.rows(library)] == [None, 1, None, None, 2]
    strict = make_source(uri="a.csv", schema={"columns": {"x": "int"}})
    with pytest.raises(HooklineError, match=r"3 rows.*a\.csv:3"):
        strict.load(library)
    source.put("a.csv", "x,y\n\n1,2\n")
    assert make_source(uri="a.csv").rows(library) == [{"x": 1, "y": 2}]


@pytest.mark.parametrize("text", ["9007199254740993", "12345678901234567891", "9" * 400])
def test_whole_numbers_that_floats_would_change_are_texts_without_a_schema(make_source, library, text):
    """As numbers of accounts are: beside a fraction, or where they are too large for 64 bits."""
    source = make_source(uri="a.csv")
    source.put("a.csv", f"a,b\n{text},1\n1.5,2\n")
    assert source.rows(library) == [{"a": text, "b": 1}, {"a": "1.5", "b": 2}]


def test_the_decimal_sign_of_the_contract_counts_without_a_schema(make_source, library):
    """Numbers with a comma are numbers, where the contract says so."""
    source = make_source(uri="a.csv", separator=";", decimal=",")
    source.put("a.csv", "a;b\n1,5;1.5\n2;3\n")
    assert source.rows(library) == [{"a": 1.5, "b": "1.5"}, {"a": 2.0, "b": "3"}]


def test_a_quote_that_is_not_closed_is_told_with_the_line_where_its_row_begins(make_source, library):
    """Not only the end of the file, which is all that is seen then."""
    source = make_source(uri="a.csv")
    source.put("a.csv", 'a,b\n1,x\n2,"y\n3,z\n4,z\n')
    with pytest.raises(HooklineError, match="no sound CSV in lines 3 to 5: "):
        source.load(library)


def test_messages_show_the_beginning_of_long_cells(make_source, library):
    """A cell of a million signs does not fill the screen."""
    source = make_source(uri="a.csv", schema={"columns": {"a": "int"}})
    source.put("a.csv", f"a\n{'x' * 1_000_000}\n")
    with pytest.raises(HooklineError) as caught:
        source.load(library)
    assert len(str(caught.value)) < 400
